"""F scores: precision and recall in one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Shape
from tinynn.kernels import f_score
from tinynn.metrics.metric import Metric, plain, weight_per_sample

_SUMS = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), for each class (van Rijsbergen 1979).

    Recall counts beta times as much as precision. Every divisor has the fuzz factor added, as in Keras: a perfect score is
    just short of 1.

    Args:
        average: None for one score per class; "macro" for their mean, "weighted" for their mean weighted by how often each
            class is the label; "micro" for the score of all classes' entries taken together.
        beta: a float above 0.
        threshold: a prediction above it says yes; None for the largest of a row, if it is not 0. A float in (0, 1].

    Raises:
        ValueError: an unknown average, beta or threshold out of range, arrays that are not (batch, classes).
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                "Invalid `average` argument value. Expected one of: {None, 'micro', 'macro', 'weighted'}. "
                f"Received: average={average}"
            )
        if isinstance(beta, bool) or not isinstance(beta, (int, float, np.number)):
            raise ValueError(
                f"Invalid `beta` argument value. It should be a Python float. Received: beta={beta} of type '{type(beta)}'"
            )
        if beta <= 0:
            raise ValueError(f"Invalid `beta` argument value. It should be > 0. Received: beta={beta}")
        if threshold is not None:
            if isinstance(threshold, bool) or not isinstance(threshold, (int, float, np.number)):
                raise ValueError(
                    "Invalid `threshold` argument value. It should be a Python float. "
                    f"Received: threshold={threshold} of type '{type(threshold)}'"
                )
            if not 0 < threshold <= 1:
                raise ValueError(
                    "Invalid `threshold` argument value. It should verify 0 < threshold <= 1. "
                    f"Received: threshold={threshold}"
                )
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def _build(self, y_true_shape: Shape, y_pred_shape: Shape) -> None:
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
            raise ValueError(
                "FBetaScore expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                f"y_pred.shape={y_pred_shape} and y_true.shape={y_true_shape}. Class numbers become rows by "
                "utils.to_categorical, a vector a column by y[:, None]."
            )
        shape = () if self.average == "micro" else (y_pred_shape[1],)
        for name in _SUMS:
            setattr(self, name, self.add_variable(shape, "zeros", dtype=self.dtype, name=name))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true (one-hot or several yes), y_pred (batch, classes); sample_weight (batch,).

        Raises:
            ValueError: other shapes.
        """
        y_true, y_pred = plain(y_true, self.dtype), plain(y_pred, self.dtype)
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        if y_true.shape != y_pred.shape:
            raise ValueError(
                f"FBetaScore expects y_true and y_pred of the same shape; got {y_true.shape} and {y_pred.shape}."
            )
        weight = weight_per_sample(sample_weight, (len(y_pred), 1), self.dtype)[:, 0]
        sums = [getattr(self, name).value.reshape(-1) for name in _SUMS]
        f_score.update(y_true, y_pred, weight, np.nan if self.threshold is None else self.threshold, *sums)

    def result(self) -> Any:
        """One score per class, or a number with an average."""
        if not self._built:
            return np.zeros((), self.dtype)[()]
        tp, fp, fn, often = (getattr(self, name).value for name in _SUMS)
        fuzz, beta2 = config.epsilon(), self.beta**2
        precision, recall = tp / (tp + fp + fuzz), tp / (tp + fn + fuzz)
        score = precision * recall / (beta2 * precision + recall + fuzz) * (1 + beta2)
        if self.average == "weighted":
            return (score * (often / (often.sum() + fuzz))).sum()
        return score if self.average is None else score.mean()

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """2 precision recall / (precision + recall), for each class: the harmonic mean. See `FBetaScore`; beta is 1.

    Args:
        average: None for one score per class, "macro", "weighted" or "micro".
        threshold: a prediction above it says yes; None for the largest of a row.

    Raises:
        ValueError: an unknown average, a threshold out of range, arrays that are not (batch, classes).
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        return {name: value for name, value in super().get_config().items() if name != "beta"}
