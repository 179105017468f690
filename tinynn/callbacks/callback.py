"""The base class of callbacks: every hook that training, evaluation and prediction call, doing nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, ClassVar, TypeAlias, TypeVar

__all__ = ["NUMBER_OR_NONE", "Callback", "Logs", "is_default"]

Logs: TypeAlias = dict[str, Any] | None
"""What a hook is told: names of losses and metrics and their values, or nothing."""

NUMBER_OR_NONE = (float, int, NoneType)
"""The types of a value that a callback remembers once there is one."""

_Hook = TypeVar("_Hook", bound=Callable[..., None])


def _default(hook: _Hook) -> _Hook:
    """Mark a hook as one that does nothing, so that `CallbackList` can tell which hooks somebody has written."""
    hook._is_default = True  # type: ignore[attr-defined]
    return hook


def is_default(hook: Any) -> bool:
    """Whether a hook is still the base class's. Callbacks made for Keras itself are understood too."""
    return bool(getattr(hook, "_is_default", False))


class Callback:
    """What to do at the turning points of `fit`, `evaluate` and `predict`: subclass it and write the hooks you need.

    `logs` holds the metrics so far (hooks of batches) or of the epoch, with validation as "val_...". Stop a training
    by `self.model.stop_training = True`. Hooks of batches cost speed: with none, whole epochs run in compiled code.

    What a callback remembers from one epoch to the next is lost when the process ends, unless it says what that is: name the
    attributes in `remembered`, with their types, and `BackupAndRestore` keeps them too. Or write `get_state` and `set_state`.

        class BestLoss(tinynn.callbacks.Callback):
            remembered = {"best": (float,)}

            def on_train_begin(self, logs=None):
                self.best = float("inf")

            def on_epoch_end(self, epoch, logs=None):
                self.best = min(self.best, logs["loss"])

    Attributes:
        params: how the run was started: "verbose", "epochs" and "steps".
        model: the model that runs.
        remembered: {attribute: its types}; bool, int, float, str, NoneType, or dict and list of these and of arrays.
    """

    remembered: ClassVar[Mapping[str, tuple[type, ...]]] = {}

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model that runs; None before there is one."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once, before a run: how it was started."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called once, before a run: the model."""
        self._model = model

    def get_state(self) -> dict[str, Any]:
        """What the callback remembers, for a backup of the training: a dict of numbers, strings, None, arrays, lists, dicts."""
        return {name: getattr(self, name) for name in self.remembered}

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember what `get_state` gave; called when a training is resumed, after `on_train_begin`.

        Raises:
            ValueError: the state is something else.
        """
        right = isinstance(state, dict) and state.keys() == self.remembered.keys()
        if not right or not all(type(state[name]) in types for name, types in self.remembered.items()):
            raise ValueError(f"{type(self).__name__} cannot go on from a backup that remembers {state!r}.")
        for name, value in state.items():
            setattr(self, name, value)

    @_default
    def on_train_begin(self, logs: Logs = None) -> None:
        """Before the first epoch of `fit`."""

    @_default
    def on_train_end(self, logs: Logs = None) -> None:
        """After the last epoch of `fit`, with the logs of that epoch."""

    @_default
    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Before an epoch, counted from 0."""

    @_default
    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """After an epoch and its validation. What is added to `logs` here, the callbacks that follow see too."""

    @_default
    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a training batch, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    @_default
    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a training batch, with the epoch's metrics up to it."""
        self.on_batch_end(batch, logs=logs)

    @_default
    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """An older name of `on_train_batch_begin`, which calls it."""

    @_default
    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """An older name of `on_train_batch_end`, which calls it."""

    @_default
    def on_test_begin(self, logs: Logs = None) -> None:
        """Before `evaluate`, and before each validation within `fit`."""

    @_default
    def on_test_end(self, logs: Logs = None) -> None:
        """After an evaluation, with its metrics."""

    @_default
    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of an evaluation."""

    @_default
    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of an evaluation, with the metrics up to it."""

    @_default
    def on_predict_begin(self, logs: Logs = None) -> None:
        """Before `predict`."""

    @_default
    def on_predict_end(self, logs: Logs = None) -> None:
        """After `predict`."""

    @_default
    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of a prediction."""

    @_default
    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of a prediction, with its "outputs"."""
