"""Where a `fit` stands: all that has to be written down so that another process goes on from there, to the bit.

What a training depends on, and where it is:

    the model's variables, random streams of layers included; the variables of its optimizers      here
    the metrics of the running epoch, the logs, whether it is to stop                                here
    Python's and NumPy's generators, the program's seeds                                            tinynn.random.global_seed
    the place in the data, and their order                                                          tinynn.models.epochs
    what callbacks remember                                                                         Callback.get_state

A state is a nest of dicts, lists, numbers and arrays, which `tinynn.saving.backup` writes. Those who read it check it before
they use it: the file may be another training's, or nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tinynn.models.epochs import Epochs, StreamEpochs
from tinynn.optimizers import Optimizer
from tinynn.random import global_seed
from tinynn.variable import Variable

_PARTS = {
    *("epoch", "step", "logs", "stop_training", "model", "optimizers", "metrics"),
    *("random", "data", "validation", "callbacks"),
}


class Validation:
    """The data on which a `fit` evaluates: made when they are wanted first, where `make` says how; None for none."""

    def __init__(self, make: Callable[[], Epochs] | None) -> None:
        self._make = make
        self.epochs: Epochs | None = None

    def __bool__(self) -> bool:
        return self._make is not None

    def data(self) -> Epochs:
        """The epochs; the same ones each time."""
        if self.epochs is None:
            assert self._make is not None
            self.epochs = self._make()
        return self.epochs

    def close(self) -> None:
        """No more evaluations."""
        if self.epochs is not None:
            self.epochs.close()

    def get_state(self) -> Any:
        """How far it is in data that come as a stream; None for what begins anew each time."""
        return self.epochs.get_state(0) if isinstance(self.epochs, StreamEpochs) else None

    def set_state(self, state: Any) -> None:
        """Go on where `get_state` stood.

        Raises:
            ValueError: with other data.
        """
        if state is None or not self:
            return
        data = self.data()
        data.check_state(state, 0)
        data.set_state(state, 0)


class Progress:
    """A running `fit`.

    Attributes:
        epoch: the epoch that runs or comes next, from 0.
        step: how many steps of it were taken; 0 for between two epochs.
        logs: those of the last step, or epoch.
    """

    def __init__(self, model: Any, run: Epochs, validation: Validation, monitors: Any, epoch: int) -> None:
        self.model, self.run, self.validation, self.monitors = model, run, validation, monitors
        self.epoch, self.step = epoch, 0
        self.logs: dict[str, Any] | None = None
        self._resumed: dict[str, Any] | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing but the training itself happens between this epoch, from its start, and the next ones."""
        return not self.validation and not self.step and self.monitors.only_keep_history

    # Writing down ------------------------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """All of it."""
        model = self.model
        return {
            "epoch": self.epoch,
            "step": self.step,
            "logs": self.logs,
            "stop_training": bool(model.stop_training),
            "model": _values(model.variables),
            "optimizers": {name: _values(optimizer.variables) for name, optimizer in self._optimizers().items()},
            "metrics": [_values(metric.variables) for metric in model.metrics] if self.step else None,
            "random": global_seed.get_state(),
            "data": self.run.get_state(self.step),
            "validation": self.validation.get_state(),
            "callbacks": [
                {"kind": type(callback).__name__, "state": _state_of(callback)} for callback in self.monitors.callbacks
            ],
        }

    def _optimizers(self) -> dict[str, Optimizer]:
        """The optimizers that have variables by now: that of `compile`, and others kept as attributes of the model."""
        return {name: value for name, value in vars(self.model).items() if isinstance(value, Optimizer) and value.built}

    # Going on ----------------------------------------------------------------------------------------------------------

    def check_state(self, state: Any) -> int:
        """See that a state fits this training; what stands for an array need only have a shape and a dtype.

        Returns:
            How many bytes its arrays may have altogether.

        Raises:
            ValueError: it does not fit, or makes no sense.
        """
        model = self.model
        if not isinstance(state, dict) or state.keys() != _PARTS:
            raise ValueError("The backup of the training has other parts than it should.")
        if not model.built:
            raise ValueError(
                f"{model!r} is not built, so that a backup cannot be restored into it. Build it before `fit`: "
                "model.build((None, features)), or call it on a batch."
            )
        numbers = (state["epoch"], state["step"])
        right = (
            all(type(number) is int and number >= 0 for number in numbers)
            and type(state["stop_training"]) is bool
            and isinstance(state["logs"], (dict, type(None)))
            and isinstance(state["optimizers"], dict)
            and isinstance(state["callbacks"], list)
            and isinstance(state["metrics"], (list, type(None)))
        )
        if not right:
            raise ValueError("The backup of the training makes no sense.")
        own = list(model.variables)
        _check_variables("the model", state["model"], own)
        for name, values in state["optimizers"].items():
            own += self._variables_of(name, values)
        global_seed.check_state(state["random"])
        self.run.check_state(state["data"], state["step"])
        held = sum(int(variable.value.nbytes) for variable in own)
        return 8 * held + int(self.run.largest_order) + (1 << 26)

    def _variables_of(self, name: str, values: Any) -> list[Variable]:
        """The variables of an optimizer, made if need be, now that they are known to fit."""
        optimizer = vars(self.model).get(name)
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"The backup has an optimizer {name!r}, which this model has not.")
        if not optimizer.built:
            if name != "optimizer":
                raise ValueError(f"model.{name} has no variables yet: call model.{name}.build(variables) before fit.")
            optimizer.build(self.model.trainable_variables)
        _check_variables(f"the optimizer {type(optimizer).__name__}", values, optimizer.variables)
        return list(optimizer.variables)

    def resume_from(self, state: dict[str, Any]) -> None:
        """Go on from a state that was checked: the model and its optimizers now, the rest as `fit` comes to it."""
        self._resumed = state
        self._restore_model(state)

    def began(self) -> bool:
        """After all callbacks have heard of the beginning: a resumed training takes up where it stopped.

        Returns:
            Whether it had come to its end there.
        """
        state = self._resumed
        if state is None:
            return False
        self.epoch, self.step, self.logs = state["epoch"], state["step"], state["logs"]
        self._restore(state)
        self.run.set_state(state["data"], self.step)
        self.validation.set_state(state["validation"])
        global_seed.set_state(state["random"])
        if self.step:
            return False
        self._resumed = None
        return bool(state["stop_training"])

    def began_epoch(self) -> None:
        """After all callbacks have heard of the beginning of an epoch in whose middle a training is taken up.

        They have done again what they did then. The state is from after that, so it is put back once more.
        """
        state, self._resumed = self._resumed, None
        if state is None:
            return
        self._restore_metrics(state["metrics"])
        self._restore(state)
        global_seed.set_state(state["random"])

    def took_steps(self, last_step: int, logs: dict[str, Any]) -> None:
        """The steps of the running epoch up to this one, from 0, were taken."""
        self.step, self.logs = last_step + 1, logs

    def ended_epoch(self, logs: dict[str, Any]) -> None:
        """The running epoch is over, its validation too."""
        self.epoch, self.step, self.logs = self.epoch + 1, 0, logs

    def _restore(self, state: dict[str, Any]) -> None:
        self._restore_model(state)
        self.model.stop_training = state["stop_training"]
        self._restore_callbacks(state["callbacks"])

    def _restore_callbacks(self, states: list[Any]) -> None:
        """The first of a kind takes what the first of this kind remembered; one that is new here starts afresh."""
        left = list(states)
        for callback in self.monitors.callbacks:
            kind = type(callback).__name__
            found = next((state for state in left if isinstance(state, dict) and state.get("kind") == kind), None)
            if found is not None:
                left.remove(found)
                if found.get("state") is not None:
                    callback.set_state(found["state"])

    def _restore_metrics(self, states: Any) -> None:
        """Metrics as they were in the middle of an epoch. Some have variables only once they have seen a batch."""
        if not self._fits_metrics(states):
            self.model.step_on("test", self.run.sample().batch(0).packed())
        if not self._fits_metrics(states):
            raise ValueError("The backup has other metrics than this model. Compile it as before.")
        for metric, values in zip(self.model.metrics, states):
            _assign(metric.variables, values)

    def _fits_metrics(self, states: Any) -> bool:
        mine = [[(v.shape, v.dtype) for v in metric.variables] for metric in self.model.metrics]
        if not isinstance(states, list) or not all(_are_values(values) for values in states):
            return False
        return [[(v["value"].shape, v["value"].dtype) for v in values] for values in states] == mine

    def _restore_model(self, state: dict[str, Any]) -> None:
        _assign(self.model.variables, state["model"])
        for name, values in state["optimizers"].items():
            _assign(vars(self.model)[name].variables, values)


def _values(variables: Iterable[Variable]) -> list[dict[str, Any]]:
    return [{"path": variable.path, "value": variable.value} for variable in variables]


def _state_of(callback: Any) -> Any:
    """What a callback remembers; one that was made for Keras itself cannot say."""
    return callback.get_state() if hasattr(callback, "get_state") else None


def _check_variables(whose: str, values: Any, variables: Sequence[Variable]) -> None:
    """See that values are there for just these variables.

    Raises:
        ValueError: they are not, with the first that differs.
    """
    if not _are_values(values):
        raise ValueError(f"The backup has no list of the variables of {whose}.")
    if len(values) != len(variables):
        raise ValueError(
            f"The backup has {len(values)} variables for {whose}, which has {len(variables)}. It belongs to another model: "
            "give BackupAndRestore another backup_dir, or delete this one."
        )
    for value, variable in zip(values, variables):
        theirs, mine = (value["value"].shape, value["value"].dtype), (variable.shape, variable.dtype)
        if theirs != mine:
            raise ValueError(
                f"The backup has {value['path']!r} of shape {theirs[0]} and dtype {theirs[1]}; {whose} has "
                f"{variable.path!r} of shape {mine[0]} and dtype {mine[1]}. It belongs to another model: give "
                "BackupAndRestore another backup_dir, or delete this one."
            )


def _are_values(values: Any) -> bool:
    """Whether this is what `_values` gives."""
    return isinstance(values, list) and all(
        isinstance(value, dict) and value.keys() == {"path", "value"} and hasattr(value["value"], "shape")
        for value in values
    )


def _assign(variables: Sequence[Variable], values: list[dict[str, Any]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value["value"])
