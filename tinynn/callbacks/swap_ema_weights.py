"""Evaluate with the moving average of the weights."""

from __future__ import annotations

from typing import Any, ClassVar

from tinynn.callbacks.callback import Callback, Logs

__all__ = ["SwapEMAWeights"]


class SwapEMAWeights(Callback):
    """Puts the moving average that an optimizer with `use_ema=True` keeps in the place of the weights for evaluations.

    Weights and averages change places before an evaluation or prediction and back after; with `swap_on_epoch` at the end of
    each epoch already, so that callbacks that come after this one, such as a checkpoint, see the averages.

    Keras swaps by adding and subtracting, which rounds; here nothing is lost. As in Keras, `predict(callbacks=[...])` leaves
    the averages in the model.

    Args:
        swap_on_epoch: swap at the end of each epoch, and back at the start of the next.

    Raises:
        ValueError: when it comes to swapping, for an optimizer that keeps no average.
    """

    remembered: ClassVar = {"_ema_weights_in_model": (bool,)}

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._ema_weights_in_model = False

    def _averages(self) -> tuple[list[Any], list[Any]]:
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False) or not optimizer.built:
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer. "
                f"Received: use_ema={getattr(optimizer, 'use_ema', None)}"
            )
        return optimizer._trainable_variables, optimizer._model_variables_moving_average

    def _swap(self, averages_in_model: bool) -> None:
        if self._ema_weights_in_model == averages_in_model:
            return
        for variable, average in zip(*self._averages()):
            weights = variable.numpy().copy()
            variable.assign(average)
            average.assign(weights)
        self._ema_weights_in_model = averages_in_model

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch:
            self._swap(averages_in_model=False)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch and not self._ema_weights_in_model:
            self._swap(averages_in_model=True)
            if epoch == (self.params or {}).get("epochs", 0) - 1:  # fit is about to copy the averages into the model
                for variable, average in zip(*self._averages()):
                    average.assign(variable)

    def on_test_begin(self, logs: Logs = None) -> None:
        self._swap(averages_in_model=True)

    def on_test_end(self, logs: Logs = None) -> None:
        self._swap(averages_in_model=False)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._swap(averages_in_model=True)
