"""Methods of models in Keras 2, which tutorials still call."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._deprecated import warn_once
from tinynn._typing import Array


class OldMethods:
    """Each does what it did, through the method that took its place, and says so once."""

    def predict_classes(self: Any, x: Any, batch_size: int | None = 32, verbose: Any = 0) -> Array:
        """The class of each sample: (samples,) for several outputs, else (samples, 1) zeros and ones, by > 0.5."""
        warn_once(
            "predict_classes is gone from Keras; write model.predict(x).argmax(axis=-1) for several outputs, "
            '(model.predict(x) > 0.5).astype("int32") for one.'
        )
        probabilities = self.predict(x, batch_size=batch_size, verbose=verbose)
        if probabilities.shape[-1] > 1:
            return np.asarray(probabilities.argmax(axis=-1))
        return np.asarray(probabilities > 0.5).astype("int32")

    def predict_proba(self: Any, x: Any, batch_size: int | None = 32, verbose: Any = 0) -> Array:
        """The outputs, as `predict` gives them."""
        warn_once("predict_proba is gone from Keras; write model.predict(x).")
        return np.asarray(self.predict(x, batch_size=batch_size, verbose=verbose))

    def fit_generator(self: Any, generator: Any, steps_per_epoch: int | None = None, **kwargs: Any) -> Any:
        """`fit` with a generator."""
        warn_once("fit_generator is gone from Keras; write model.fit(generator).")
        return self.fit(generator, steps_per_epoch=steps_per_epoch, **_without_threads(kwargs, shuffle=True))

    def evaluate_generator(self: Any, generator: Any, steps: int | None = None, **kwargs: Any) -> Any:
        """`evaluate` with a generator."""
        warn_once("evaluate_generator is gone from Keras; write model.evaluate(generator).")
        return self.evaluate(generator, steps=steps, **{"verbose": 0, **_without_threads(kwargs)})

    def predict_generator(self: Any, generator: Any, steps: int | None = None, **kwargs: Any) -> Array:
        """`predict` with a generator."""
        warn_once("predict_generator is gone from Keras; write model.predict(generator).")
        return np.asarray(self.predict(generator, steps=steps, **{"verbose": 0, **_without_threads(kwargs)}))

    def compiled_loss(
        self: Any, y: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = None
    ) -> Any:
        """`compute_loss`, in which the losses of regularizers have a place already."""
        warn_once("compiled_loss is deprecated; write self.compute_loss(x, y, y_pred, sample_weight).")
        return self.compute_loss(None, y, y_pred, sample_weight)

    @property
    def compiled_metrics(self: Any) -> _CompiledMetrics:
        """An object whose `update_state(y, y_pred)` updates the metrics of `compile`."""
        return _CompiledMetrics(self)


class _CompiledMetrics:
    def __init__(self, model: Any) -> None:
        self._model = model

    def update_state(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch into account."""
        warn_once("compiled_metrics is deprecated; write for metric in self.metrics: metric.update_state(y, y_pred).")
        if self._model._compile_metrics is not None:
            self._model._compile_metrics.update_state(y, y_pred, sample_weight)


def _without_threads(kwargs: dict[str, Any], **gone: Any) -> dict[str, Any]:
    """Arguments of Keras 2 that say how batches are made ahead, which a PyDataset says itself today."""
    threads = ("workers", "use_multiprocessing", "max_queue_size", "max_q_size", "pickle_safe", *gone)
    if unknown := [name for name in threads[:-1] if name in kwargs]:
        warn_once(
            f"{', '.join(unknown)} have no effect here; a PyDataset takes them: PyDataset(workers=...).", stacklevel=4
        )
    return {name: value for name, value in kwargs.items() if name not in threads}
