"""LambdaCallback calls the functions it was given."""

from __future__ import annotations

from typing import Any

import pytest

from tests.callbacks.runs import fit
from tinynn.callbacks import CallbackList, LambdaCallback

EPOCHS = [{"loss": 1.0}, {"loss": 0.5}]


def test_functions_are_called_as_hooks() -> None:
    said: list[Any] = []
    callback = LambdaCallback(
        on_epoch_end=lambda epoch, numbers: said.append((epoch, numbers["loss"])),
        on_train_begin=lambda logs: said.append("begin"),
        on_batch_end=lambda batch, logs: said.append(batch),
        greeting="an attribute, as Keras allows",
    )
    fit(CallbackList, [callback], EPOCHS, [{}, {}])
    assert said == ["begin", 0, 1, (0, 1.0), 0, 1, (1, 0.5)]
    assert callback.greeting == "an attribute, as Keras allows"  # type: ignore[attr-defined]


def test_a_misspelt_hook_is_refused() -> None:
    with pytest.raises(TypeError, match=r'has no argument "on_epoch_ends"\. Did you mean "on_epoch_end"\?'):
        LambdaCallback(on_epoch_ends=print)


@pytest.mark.keras
def test_arguments_of_functions_are_those_of_keras(keras: Any) -> None:
    def run(list_class: Any, callback_class: Any) -> list[Any]:
        said: list[Any] = []

        def hook(name: str) -> Any:
            return lambda *args, **kwargs: said.append((name, args, kwargs))

        names = ("epoch_begin", "epoch_end", "train_begin", "train_end", "train_batch_begin", "train_batch_end")
        more = ("test_begin", "test_end", "test_batch_begin", "test_batch_end", "batch_end")
        callback = callback_class(**{f"on_{name}": hook(name) for name in names + more})
        fit(list_class, [callback], EPOCHS, [{"loss": 2}], validate=True)
        return said

    ours = run(CallbackList, LambdaCallback)
    assert ours == run(keras.callbacks.CallbackList, keras.callbacks.LambdaCallback)
    assert len(ours) == 2 + 2 * (2 + 2 + 4)  # on_batch_end is not called: on_train_batch_end was replaced
