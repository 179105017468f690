"""ModelCheckpoint saves when Keras's saves, under the same names, and says the same."""

from __future__ import annotations

import errno
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn
from tests.callbacks.runs import Model, fit, metric
from tinynn.callbacks import CallbackList, ModelCheckpoint


class Saving(Model):
    """Notes what it is asked to save, in place of the model."""

    def __init__(self, *metrics: Any, fails: bool = False) -> None:
        super().__init__(*metrics)
        self.saved: list[tuple[str, str]] = []
        self.fails = fails

    def _note(self, what: str, path: str) -> None:
        if self.fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.saved.append((what, str(path)))

    def save(self, path: str, overwrite: bool = True) -> None:
        self._note("model", path)

    def save_weights(self, path: str, overwrite: bool = True) -> None:
        self._note("weights", path)


def losses(*values: float) -> list[dict[str, Any]]:
    return [{"loss": value} for value in values]


def test_every_epoch_has_a_name_of_its_own(tmp_path: Path) -> None:
    model = Saving()
    fit(CallbackList, [ModelCheckpoint(tmp_path / "{epoch:02d}-{loss:.1f}.keras")], losses(3, 2), model=model)
    assert model.saved == [("model", f"{tmp_path}/01-3.0.keras"), ("model", f"{tmp_path}/02-2.0.keras")]


def test_the_best_is_saved_and_told(tmp_path: Path) -> None:
    model = Saving()
    path = tmp_path / "new" / "best.weights.h5"
    callback = ModelCheckpoint(path, "loss", verbose=1, save_best_only=True, save_weights_only=True)
    run = fit(CallbackList, [callback], losses(3, 4, 2), model=model)
    assert model.saved == [("weights", str(path))] * 2
    assert run.printed == (
        f"\nEpoch 1: loss improved from None to 3.00000, saving model to {path}\n"
        f"\nEpoch 1: finished saving model to {path}\n"
        "\nEpoch 2: loss did not improve from 3.00000\n"
        f"\nEpoch 3: loss improved from 3.00000 to 2.00000, saving model to {path}\n"
        f"\nEpoch 3: finished saving model to {path}\n"
    )
    assert path.parent.is_dir()


def test_a_save_that_fails_is_an_error_or_a_warning(tmp_path: Path) -> None:
    model = Saving(fails=True)
    with pytest.raises(OSError, match="No space left on device") as error:
        fit(CallbackList, [ModelCheckpoint(tmp_path / "m.keras")], losses(1), model=model)
    assert 'could not save after epoch 1. With on_error="warn" the training goes on.' in error.value.__notes__[0]
    callback = ModelCheckpoint(tmp_path / "m.keras", "loss", save_best_only=True, on_error="warn")
    run = fit(CallbackList, [callback], losses(1, 2), model=model)
    assert len(run.learning_rates) == 2
    assert [warning[:50] for warning in run.warnings] == [
        f"ModelCheckpoint could not save after epoch {i}: [Err"[:50] for i in (1, 2)
    ], "what was not saved is not the best either: the second epoch is tried again"


def trained(callback: Any, epochs: int) -> Any:
    """A small model of tinynn, after some epochs with this callback."""
    tinynn.utils.set_random_seed(1)
    model = tinynn.Sequential([tinynn.layers.Input((3,)), tinynn.layers.Dense(40), tinynn.layers.Dense(1)])
    model.compile("adam", "mse", run_eagerly=True)
    x = np.arange(24, dtype=np.float32).reshape(8, 3) / 24
    model.fit(x, x[:, :1], batch_size=4, epochs=epochs, callbacks=[callback], verbose=0)
    return model


def test_the_files_are_models(tmp_path: Path) -> None:
    model = trained(ModelCheckpoint(tmp_path / "{epoch}.keras"), 2)
    last = tinynn.models.load_model(tmp_path / "2.keras")
    assert all((a == b).all() for a, b in zip(last.get_weights(), model.get_weights(), strict=True))
    assert int(last.optimizer.iterations.numpy()) == 4
    first = tinynn.models.load_model(tmp_path / "1.keras")
    assert not all((a == b).all() for a, b in zip(first.get_weights(), model.get_weights(), strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.keras", "2.keras"]


def test_weights_after_some_batches(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=3)
    model = trained(checkpoint, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2-1.weights.h5", "3-2.weights.h5"]
    other = tinynn.models.clone_model(model)
    other.load_weights(tmp_path / "3-2.weights.h5")
    assert all((a == b).all() for a, b in zip(other.get_weights(), model.get_weights(), strict=True))


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_on_a_full_disk_the_file_before_it_stays(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    arguments: dict[str, Any] = {"save_weights_only": ".weights" in name}
    trained(ModelCheckpoint(path, **arguments), 1)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(OSError, match="The file would grow beyond the limit on file sizes") as error:
            trained(ModelCheckpoint(path, **arguments), 3)
        with pytest.warns(RuntimeWarning, match=r"could not save after epoch [123]: .* The training goes on"):
            model = trained(ModelCheckpoint(path, on_error="warn", **arguments), 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.value.__notes__ == [
        'ModelCheckpoint could not save after epoch 1. With on_error="warn" the training goes on.'
    ]
    assert int(model.optimizer.iterations.numpy()) == 6
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_the_best_goes_on_in_a_training_that_is_resumed(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"monitor": "loss", "save_best_only": True}
    first, second = Saving(), Saving()
    before, after = ModelCheckpoint("m.keras", **arguments), ModelCheckpoint("m.keras", **arguments)
    fit(CallbackList, [before], losses(1), model=first)
    after.set_state(before.get_state())
    fit(CallbackList, [after], losses(1.5, 0.5), model=second)
    assert len(second.saved) == 1


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="a number of batches above 0; got 0"):
        ModelCheckpoint("m.keras", save_freq=0)
    with pytest.raises(ValueError, match=r'Did you mean "raise"\?'):
        ModelCheckpoint("m.keras", on_error="rais")


def test_a_folder_of_that_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.keras").mkdir()
    with pytest.raises(OSError, match="Please specify a non-directory filepath for ModelCheckpoint"):
        fit(CallbackList, [ModelCheckpoint(tmp_path / "m.keras")], losses(1), model=Saving())


checkpoints = st.fixed_dictionaries(
    {
        "filepath": st.sampled_from(["m", "{epoch:03d}", "{epoch}-{loss:.3f}", "{epoch}-{batch}-{loss}", "{missing}"]),
        "monitor": st.sampled_from(["loss", "val_loss", "acc", "missing"]),
    },
    optional={
        "verbose": st.integers(0, 1),
        "save_best_only": st.booleans(),
        "save_weights_only": st.booleans(),
        "mode": st.sampled_from(["min", "max", "auto"]),
        "save_freq": st.sampled_from(["epoch", 1, 2, 3]),
        "initial_value_threshold": st.sampled_from([None, 0.5, 1]),
    },
)
values = st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, float("nan"), float("inf")]) | st.floats(-2, 2)
epochs = st.lists(
    st.fixed_dictionaries({"loss": values, "acc": values}, optional={"val_loss": values}), min_size=1, max_size=5
)
batches = st.lists(st.fixed_dictionaries({"loss": values, "acc": values}), max_size=4)


@pytest.mark.keras
@settings(max_examples=150)
@given(checkpoints, epochs, batches)
def test_runs_save_as_with_keras(
    keras: Any, arguments: dict[str, Any], epoch_logs: list[dict[str, Any]], batch_logs: list[dict[str, Any]]
) -> None:
    if arguments["monitor"] in ("acc", "missing") and arguments.get("mode") not in ("min", "max"):
        arguments = {**arguments, "mode": "max"}
    if arguments.get("save_freq", "epoch") != "epoch" and arguments.get("save_best_only"):
        epoch_logs, batch_logs = (
            epoch_logs,
            [],
        )  # before the first epoch has ended Keras does not know which way is better
    ending = ".weights.h5" if arguments.get("save_weights_only") else ".keras"
    arguments = {**arguments, "filepath": arguments["filepath"] + ending}
    outcomes = []
    for library, callback_list in (
        (keras.callbacks.ModelCheckpoint, keras.callbacks.CallbackList),
        (ModelCheckpoint, CallbackList),
    ):
        model, missing = Saving(metric("acc", "up")), ""
        run = None
        try:
            run = fit(callback_list, [library(**arguments)], epoch_logs, batch_logs, model=model)
        except KeyError as error:
            missing = str(error)
        outcomes.append((model.saved, missing, run and run.printed, run and run.warnings))
    assert outcomes[1] == outcomes[0]


@pytest.mark.keras
@pytest.mark.parametrize(
    "arguments",
    [
        {"filepath": "m.h5", "save_weights_only": True},
        {"filepath": "m.txt"},
        {"filepath": "m.keras", "save_freq": "batch"},
    ],
    ids=str,
)
def test_wrong_arguments_are_told_as_by_keras(keras: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".") as theirs:
        keras.callbacks.ModelCheckpoint(**arguments)
    with pytest.raises(ValueError, match=r".") as ours:
        ModelCheckpoint(**arguments)
    assert str(ours.value) == str(theirs.value)
