"""CallbackList calls what Keras's calls, with the same arguments in the same order, and knows who listens to batches."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from tests.callbacks.runs import Model
from tinynn import callbacks
from tinynn.callbacks import Callback, CallbackList, History, LambdaCallback, ProgbarLogger, TerminateOnNaN
from tinynn.callbacks.callback import is_default

HOOKS = [name for name in dir(Callback) if name.startswith("on_")]
PHASES = ("train", "test", "predict")


def recorder(base: type[Any], calls: list[Any], name: str = "") -> Any:
    """A callback that writes down how each of its hooks was called."""

    def hook(hook_name: str) -> Any:
        def record(self: Any, *args: Any, **kwargs: Any) -> None:
            calls.append((name, hook_name, args, kwargs))

        return record

    return type("Recorder", (base,), {hook_name: hook(hook_name) for hook_name in HOOKS})()


def call_every_hook(everything: Any, logs: dict[str, Any] | None) -> None:
    for phase in PHASES:
        getattr(everything, f"on_{phase}_begin")(logs)
        for when in ("begin", "end"):
            getattr(everything, f"on_{phase}_batch_{when}")(3, logs)
        getattr(everything, f"on_{phase}_end")(logs)
    everything.on_epoch_begin(1, logs)
    everything.on_epoch_end(1, logs)
    everything.on_batch_begin(2, logs)
    everything.on_batch_end(2, logs)


def listening(everything: CallbackList) -> list[bool]:
    return [getattr(everything, f"wants_{phase}_batches") for phase in PHASES]


def listening_to_each(everything: CallbackList) -> list[bool]:
    names = ("train_batch", "test_batch", "predict_batch")
    return [getattr(everything, f"wants_every_{name}") for name in names]


class Counts(Callback):
    """Counts batches by the older name of the hook."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        self.count += 1


def test_all_names_exist() -> None:
    assert callbacks.__all__ == sorted(callbacks.__all__)
    assert all(inspect.isclass(getattr(callbacks, name)) for name in callbacks.__all__)


@pytest.mark.keras
@pytest.mark.parametrize("name", callbacks.__all__)
def test_arguments_and_defaults_are_those_of_keras(keras: Any, name: str) -> None:
    def arguments(kind: Any) -> list[Any]:
        return [(p.name, p.default, p.kind) for p in inspect.signature(kind).parameters.values()]

    ours = [argument for argument in arguments(getattr(callbacks, name)) if argument[0] != "on_error"]  # our own
    assert ours == arguments(getattr(keras.callbacks, name))


@pytest.mark.keras
def test_callback_has_the_hooks_of_keras(keras: Any) -> None:
    theirs = keras.callbacks.Callback
    assert [name for name in dir(theirs) if name.startswith("on_")] == HOOKS
    for name in [*HOOKS, "set_params", "set_model"]:
        expected = [(p.name, p.default) for p in inspect.signature(getattr(theirs, name)).parameters.values()]
        given = [(p.name, p.default) for p in inspect.signature(getattr(Callback, name)).parameters.values()]
        assert given == expected


@pytest.mark.keras
@pytest.mark.parametrize("logs", [None, {}, {"loss": np.float32(0.1), "a": 1, "z": "text", "nest": {"y": 2, "b": "3"}}])
def test_hooks_are_called_as_keras_calls_them(keras: Any, logs: dict[str, Any] | None) -> None:
    theirs: list[Any] = []
    ours: list[Any] = []
    first, second = (recorder(keras.callbacks.Callback, theirs, name) for name in "ab")
    call_every_hook(keras.callbacks.CallbackList([first, second]), logs)
    call_every_hook(CallbackList([recorder(Callback, ours, name) for name in "ab"]), logs)
    assert [repr(call) for call in ours] == [repr(call) for call in theirs]  # the order of logs and their types, too
    assert len(ours) == 2 * 16


def test_logs_become_plain_floats_sorted_by_name() -> None:
    calls: list[Any] = []
    everything = CallbackList([recorder(Callback, calls)])
    everything.on_epoch_end(0, {"loss": np.float32(0.5), "acc": np.array(1), "nest": {"b": 2}, "text": "none"})
    logs = calls[0][2][1]
    assert list(logs.items()) == [("acc", 1.0), ("loss", 0.5), ("b", 2.0), ("text", "none")]
    assert [type(value) for value in logs.values()] == [float, float, float, str]


def test_callbacks_of_one_list_share_the_logs_of_an_epoch() -> None:
    class Adds(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["learning_rate"] = 0.1

    model, given = Model(), {"loss": 1.0}
    everything = CallbackList(Adds(), add_history=True, model=model)
    everything.on_train_begin()
    everything.on_epoch_end(0, given)
    assert model.history.history == {"loss": [1.0], "learning_rate": [0.1]}  # type: ignore[attr-defined]
    assert given == {"loss": 1.0}


def test_defaults_are_added_once_and_after_the_others() -> None:
    history, own = History(), Counts()
    model = Model()
    everything = CallbackList(
        [[own], history], add_history=True, add_progbar=True, model=model, verbose=2, epochs=1, steps=3
    )
    assert [type(callback) for callback in everything.callbacks] == [Counts, History, ProgbarLogger]
    assert model.history is history  # type: ignore[attr-defined]
    assert own.params == {"verbose": 2, "epochs": 1, "steps": 3}
    assert own.model is model
    assert CallbackList(everything.callbacks, add_history=True, add_progbar=True).callbacks == everything.callbacks


def test_nested_callbacks_are_called_in_order_and_the_last_history_is_the_models() -> None:
    first, second, third, fourth = History(), History(), Callback(), Callback()
    model = Model()
    everything = CallbackList({"b": [first, (third,)], "a": second, "c": fourth}, add_history=True, model=model)
    assert everything.callbacks == [second, first, third, fourth]
    assert model.history is first  # type: ignore[attr-defined]


def test_nothing_listens_to_batches_unless_it_says_so() -> None:
    assert listening(CallbackList([Callback(), History()], add_history=True)) == [False, False, False]
    assert listening(CallbackList()) == [False, False, False]


@pytest.mark.parametrize("hook", [name for name in HOOKS if "batch" in name])
def test_a_hook_for_batches_is_noticed_on_classes_and_on_instances(hook: str) -> None:
    expected = [phase in hook or (phase == "train" and hook.count("_") == 2) for phase in PHASES]
    subclass = type("Own", (History,), {hook: lambda self, batch, logs=None: None})
    assert listening(CallbackList(subclass())) == expected
    assert listening_to_each(CallbackList(subclass(), add_progbar=True)) == expected
    assert listening(CallbackList(LambdaCallback(**{hook: lambda batch, logs: None}))) == expected
    late = CallbackList(Callback())
    setattr(late.callbacks[0], hook, lambda batch, logs: None)
    assert listening(late) == expected


def test_a_subclass_of_a_listening_callback_listens() -> None:
    class More(TerminateOnNaN): ...

    assert listening(CallbackList(More())) == [True, False, False]


@pytest.mark.parametrize(
    ("verbose", "steps", "in_fit", "expected"),
    [
        (1, 3, False, [True, True, True]),
        (1, 3, True, [True, False, True]),  # validation is silent
        ("auto", 3, True, [True, False, True]),
        (2, 3, True, [False, False, False]),
        (2, None, True, [True, False, True]),  # the batches have to be counted
    ],
)
def test_the_progress_bar_listens_as_far_as_it_is_drawn(
    verbose: Any, steps: int | None, in_fit: bool, expected: list[bool]
) -> None:
    everything = CallbackList(add_history=True, add_progbar=True, verbose=verbose, epochs=1, steps=steps)
    if in_fit:
        everything.on_train_begin()
    assert listening(everything) == expected
    assert listening_to_each(everything) == [False, False, False]


def test_a_progress_bar_of_ones_own_may_not_miss_a_batch() -> None:
    class Own(ProgbarLogger): ...

    assert listening_to_each(CallbackList([Own()])) == [True, True, True]


@pytest.mark.keras
def test_callbacks_made_for_keras_itself_are_understood(keras: Any) -> None:
    theirs = keras.callbacks
    assert listening(CallbackList([theirs.Callback(), theirs.EarlyStopping()])) == [False, False, False]
    assert listening(CallbackList([theirs.TerminateOnNaN()])) == [True, False, False]


def test_the_older_names_are_called_by_the_newer() -> None:
    counts = Counts()
    CallbackList(counts).on_train_batch_end(0)
    assert counts.count == 1
    assert is_default(counts.on_train_batch_end)
    assert not is_default(counts.on_batch_end)


def test_end_without_begin_is_an_error() -> None:
    everything = CallbackList()
    everything.on_test_begin()
    everything.on_test_end()
    with pytest.raises(ValueError, match="on_test_end was called without on_test_begin"):
        everything.on_test_end()


def test_what_is_no_callback_is_refused() -> None:
    with pytest.raises(TypeError, match=r"got the class History. Call it: History\(\)"):
        CallbackList([History])
    with pytest.raises(TypeError, match=r"instances of Callback; got 'history'. Wrap a function: LambdaCallback"):
        CallbackList(["history"])
