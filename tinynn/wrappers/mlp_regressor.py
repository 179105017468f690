"""A dense network as a scikit-learn regressor."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d

from tinynn._typing import Array
from tinynn.wrappers._mlp import MLP

__all__ = ["MLPRegressor"]


class MLPRegressor(RegressorMixin, MLP):
    """A dense network for numbers, one or several for each sample.

    Hidden layers, then a linear output for each target. Trains on the compiled engine, in the precision of X: float32 if X
    is, else float64. Scale X, and y if its numbers are large: `sklearn.compose.TransformedTargetRegressor`.

        from sklearn.datasets import load_diabetes
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from tinynn.wrappers import MLPRegressor

        X, y = load_diabetes(return_X_y=True)
        model = make_pipeline(StandardScaler(), MLPRegressor((32, 16), activation=["relu", "tanh"], loss="huber"))
        model.fit(X, (y - y.mean()) / y.std()).predict(X[:3])

    Args:
        hidden_layer_sizes, activation, dropout, batch_norm, l2, kernel_initializer, optimizer, learning_rate, metrics,
        batch_size, epochs, validation_split, early_stopping, patience, min_delta, callbacks, shuffle, warm_start,
        random_state, verbose: as of `MLPClassifier`.
        loss: a name, a `Loss` or a function of (y_true, y_pred); "auto" is the mean squared error.

    Attributes:
        model_, history_, loss_curve_, loss_, n_iter_, n_features_in_, feature_names_in_: as of `MLPClassifier`.

    Raises:
        ValueError: by `fit`, for parameters without sense and data that are no finite numbers.
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch over these data, from where training stands.

        Args:
            X, y, sample_weight: as of `fit`.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """The targets: (samples,) if y had one axis, else (samples, targets).

        Args:
            X: (samples, features).
        """
        outputs = self._raw_outputs(X)
        return outputs[:, 0] if self._targets is None else outputs

    def _read_targets(self, y: Any, reset: bool) -> Array:
        numbers: Array = np.asarray(y)
        if numbers.dtype.kind not in "fiub":
            numbers = numbers.astype(np.float64)
        if numbers.ndim == 2 and numbers.shape[1] == 1:
            numbers = column_or_1d(numbers, warn=True)
        targets = None if numbers.ndim == 1 else numbers.shape[1]
        if reset:
            self._targets = targets
        elif targets != self._targets:
            raise ValueError(
                f"y has {targets or 1} targets per sample, while the network there is was trained on {self._targets or 1}."
            )
        return numbers

    def _encode(self, y: Array) -> Array:
        return y.astype(self._precision).reshape(len(y), -1)

    def _outputs(self) -> tuple[int, str]:
        return self._targets or 1, "linear"

    def _default_loss(self) -> str:
        return "mean_squared_error"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
