"""ProgbarLogger prints what Keras's prints."""

from __future__ import annotations

import contextlib
import io
import time
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.callbacks.runs import Run, fit
from tinynn.callbacks import CallbackList, ProgbarLogger


def test_two_epochs_with_one_line_each() -> None:
    epochs = [{"loss": 0.5, "acc": 0.75}, {"loss": 0.25, "acc": 1.0, "val_loss": 0.3}]
    run = fit(CallbackList, [], epochs, [{"loss": 9.0}] * 3, add_progbar=True, verbose=2, epochs=2, steps=3)
    assert run.printed == (
        "Epoch 1/2\n3/3 - 2s - 500ms/step - acc: 0.7500 - loss: 0.5000\n"
        "Epoch 2/2\n3/3 - 2s - 500ms/step - acc: 1.0000 - loss: 0.2500 - val_loss: 0.3000\n"
    )


def test_an_epoch_drawn_batch_by_batch() -> None:
    batches = [{"loss": 0.5}, {"loss": 0.25}]
    run = fit(CallbackList, [], [{"loss": 0.25}], batches, add_progbar=True, verbose="auto", epochs=1, steps=2)
    assert run.printed == (
        "\r\x1b[1m1/2\x1b[0m \x1b[32m━━━━━━━━━━\x1b[0m\x1b[37m━━━━━━━━━━\x1b[0m \x1b[1m0s\x1b[0m 500ms/step - loss: 0.5000"
        + 53 * "\b" + "\r\x1b[1m2/2\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m 500ms/step"
        " - loss: 0.2500" + 53 * "\b" + "\r\x1b[1m2/2\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m1s"
        "\x1b[0m 500ms/step - loss: 0.2500\n"
    )  # fmt: skip


logs = st.dictionaries(st.sampled_from(["loss", "accuracy", "mae"]), st.floats(-10, 10) | st.floats(), max_size=3)


@pytest.mark.keras
@given(
    st.lists(logs, max_size=3),
    st.lists(logs, max_size=4),
    st.sampled_from([0, 1, 2, "auto"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1e-4, 0.03, 2.5]),
)
def test_fit_prints_what_keras_prints(
    keras: Any,
    epochs: list[dict[str, Any]],
    batches: list[dict[str, Any]],
    verbose: Any,
    steps_known: bool,
    validate: bool,
    seconds_per_batch: float,
) -> None:
    def run(kind: Any) -> Run:
        return fit(
            kind,
            [],
            epochs,
            batches,
            validate=validate,
            seconds_per_batch=seconds_per_batch,
            add_progbar=verbose != 0,
            add_history=True,
            verbose=verbose,
            epochs=len(epochs),
            steps=len(batches) if steps_known else None,
        )

    ours, theirs = run(CallbackList), run(keras.callbacks.CallbackList)
    assert ours.printed == theirs.printed
    assert repr(ours) == repr(theirs)  # nan is not equal to itself


@pytest.mark.keras
@pytest.mark.parametrize("phase", ["test", "predict"])
@pytest.mark.parametrize("verbose", [1, 2])
@pytest.mark.parametrize("steps", [None, 3])
def test_evaluate_and_predict_print_what_keras_prints(keras: Any, phase: str, verbose: int, steps: int | None) -> None:
    def run(kind: Any) -> str:
        now = 1000.0
        stdout = io.StringIO()
        with contextlib.redirect_stdout(stdout), mock.patch.object(time, "time", side_effect=lambda: now):
            everything = kind([], add_progbar=True, verbose=verbose, epochs=1, steps=steps)
            getattr(everything, f"on_{phase}_begin")()
            for batch in range(3):
                now += 0.25
                getattr(everything, f"on_{phase}_batch_end")(batch, {"loss": batch, "outputs": [1, 2]})
                getattr(everything, "_flush_futures", lambda: None)()
            getattr(everything, f"on_{phase}_end")({"loss": 2.0} if phase == "test" else None)
        return stdout.getvalue()

    expected = run(keras.callbacks.CallbackList)
    assert "3/3" in expected
    assert run(CallbackList) == expected


def test_batches_left_out_do_not_show_in_the_last_line() -> None:
    def last_line(seen: list[int]) -> str:
        now = 1000.0
        stdout = io.StringIO()
        with contextlib.redirect_stdout(stdout), mock.patch.object(time, "time", side_effect=lambda: now):
            everything = CallbackList([ProgbarLogger()], verbose=1, epochs=1, steps=9)
            everything.on_epoch_begin(0)
            for batch in range(9):
                now += 1.0
                if batch in seen:
                    everything.on_train_batch_end(batch, {"loss": 1.0 + batch})
            everything.on_epoch_end(0, {"loss": 4.0})
        return stdout.getvalue().rpartition("\r")[2]

    assert last_line([0, 4]) == last_line(list(range(9)))
