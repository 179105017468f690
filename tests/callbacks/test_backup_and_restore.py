"""A training that is stopped and started again ends as one that never stopped, to the bit."""

from __future__ import annotations

import copy
import os
import random
import resource
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import callbacks, layers
from tinynn.callbacks import BackupAndRestore
from tinynn.saving.backup import read_backup, write_backup

ROWS = 50
X = np.random.default_rng(0).normal(size=(ROWS, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, ROWS)


class Stopped(Exception):
    """The process ends here, as it were."""


class Stop(callbacks.Callback):
    """Stops after so many batches, counted over all epochs."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise Stopped


def model(optimizer: Any = None, eager: bool = True, seed: int | None = 3, **arguments: Any) -> Any:
    if seed is not None:
        tinynn.utils.set_random_seed(seed)
    made = tinynn.Sequential(
        [layers.Input((6,)), layers.Dense(5, "relu"), layers.Dropout(0.4), layers.Dense(3, "softmax")]
    )
    loss = "sparse_categorical_crossentropy"
    made.compile(optimizer or "adam", loss, **{"metrics": ["accuracy"], "run_eagerly": eager, **arguments})
    return made


def everything(trained: Any, history: Any) -> dict[str, Any]:
    """What has to be equal: variables, counters of random streams, slots, metrics, history."""
    found = {f"model{i}": variable.value.tobytes() for i, variable in enumerate(trained.variables)}
    found |= {f"slot{i}": variable.value.tobytes() for i, variable in enumerate(trained.optimizer.variables)}
    return {
        **found,
        "history": history.history,
        "epochs": history.epoch,
        "python": random.random(),
        "numpy": np.random.rand(),
    }


def in_one_go(
    make: Callable[[], Any], fit: Callable[..., Any], others: Callable[[], list[Any]] = list
) -> dict[str, Any]:
    trained = make()
    return everything(trained, fit(trained, others()))


def in_pieces(
    make: Callable[[], Any],
    fit: Callable[..., Any],
    folder: Path,
    stops: list[int],
    others: Callable[[], list[Any]] = list,
    **arguments: Any,
) -> dict[str, Any]:
    """Stopped after so many batches each time, everything made anew, the random generators elsewhere."""
    for start, stop in enumerate([*stops, 0]):
        trained = make()
        if start and (folder / "latest.npz").exists():
            np.random.rand(start)
            random.seed(start)
        watchers = [BackupAndRestore(folder, **arguments), *others()]
        try:
            history = fit(trained, [*watchers, *([Stop(stop)] if stop else [])])
        except Stopped:
            assert stop
            for watcher in watchers:
                getattr(watcher, "_close", lambda: None)()  # files, as the end of a process does
        else:
            assert not stop, "it came to its end before it was stopped"
            return everything(trained, history)
    raise AssertionError


def fit_arrays(trained: Any, others: list[Any], **arguments: Any) -> Any:
    settings = {"batch_size": 8, "epochs": 4, "verbose": 0, "validation_split": 0.2, **arguments}  # 5 batches an epoch
    return trained.fit(X, Y, callbacks=others, **settings)


@pytest.mark.parametrize("save_freq", ["epoch", 1, 3])
@pytest.mark.parametrize("eager", [True, False])
def test_a_training_in_pieces_is_one_training(tmp_path: Path, eager: bool, save_freq: Any) -> None:
    def make() -> Any:
        return model(tinynn.optimizers.Nadam(tinynn.optimizers.schedules.ExponentialDecay(0.01, 3, 0.7)), eager)

    stops = [7, 5, 9] if save_freq == "epoch" else [1, 4, 3, 6]
    assert in_pieces(make, fit_arrays, tmp_path / "b", stops, save_freq=save_freq) == in_one_go(make, fit_arrays)
    assert not (tmp_path / "b").exists()


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "averages": lambda: tinynn.optimizers.SGD(
        0.1, momentum=0.9, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3
    ),
    "accumulated": lambda: tinynn.optimizers.RMSprop(0.01, gradient_accumulation_steps=3),
    "schedule-free": lambda: tinynn.optimizers.ScheduleFreeAdamW(0.1, warmup_steps=4),
    "a number": lambda: tinynn.optimizers.Adagrad(0.1, clipnorm=1.0, weight_decay=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_go_on(tmp_path: Path, name: str) -> None:
    def make() -> Any:
        return model(OPTIMIZERS[name]())

    assert in_pieces(make, fit_arrays, tmp_path, [2, 3, 4], save_freq=2) == in_one_go(make, fit_arrays)


def test_what_callbacks_remember_goes_on(tmp_path: Path) -> None:
    class Best(callbacks.Callback):
        remembered = {"best": (float,)}  # noqa: RUF012

        def on_train_begin(self, logs: Any = None) -> None:
            self.best = 9.0

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.best = min(self.best, logs["loss"])
            logs["best"] = self.best

    def others() -> list[Any]:
        return [
            Best(),
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=0.5, cooldown=1),
            callbacks.EarlyStopping("loss", patience=5, min_delta=0.5, restore_best_weights=True),
            callbacks.CSVLogger(log),
        ]

    for save_freq in ("epoch", 2):
        log = tmp_path / "whole.csv"
        expected = in_one_go(lambda: model("sgd"), lambda m, o: fit_arrays(m, o, epochs=9), others)
        log = tmp_path / "pieces.csv"
        log.write_text("of an earlier training\n")
        stops = [7, 11, 6] if save_freq == "epoch" else [7, 3, 6, 4]
        found = in_pieces(
            lambda: model("sgd"),
            lambda m, o: fit_arrays(m, o, epochs=9),
            tmp_path / "b",
            stops,
            others,
            save_freq=save_freq,
        )
        assert found == expected
        assert len(expected["epochs"]) == 6, "it is to be stopped early"
        assert (tmp_path / "pieces.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_log_that_is_appended_to_gets_no_row_twice(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("epoch,loss\r\n0,9.5\r\n")
    in_pieces(model, fit_arrays, tmp_path / "b", [7, 8], lambda: [callbacks.CSVLogger(log, append=True)], save_freq=2)
    lines = log.read_text().splitlines()
    assert lines[:2] == ["epoch,loss", "0,9.5"]
    assert [line.split(",")[0] for line in lines[2:]] == ["0", "1", "2", "3"]


def test_averages_that_stand_in_for_weights_go_back(tmp_path: Path) -> None:
    def make() -> Any:
        return model(tinynn.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8))

    def others() -> list[Any]:
        return [callbacks.SwapEMAWeights(swap_on_epoch=True)]

    for save_freq in ("epoch", 2):
        expected = in_one_go(make, fit_arrays, others)
        assert in_pieces(make, fit_arrays, tmp_path, [6, 7], others, save_freq=save_freq) == expected


@pytest.mark.parametrize("shuffle", [True, "batch", False])
def test_epochs_of_a_few_steps_go_on_where_they_were_in_the_data(tmp_path: Path, shuffle: Any) -> None:
    def fit(trained: Any, others: list[Any]) -> Any:
        return fit_arrays(trained, others, steps_per_epoch=2, epochs=6, shuffle=shuffle)

    for save_freq, stops in (("epoch", [3, 5]), (1, [3, 4])):
        with pytest.warns(UserWarning, match="ran out of data"):
            expected = in_one_go(model, fit)
        with pytest.warns(UserWarning, match="ran out of data"):
            assert in_pieces(model, fit, tmp_path, stops, save_freq=save_freq) == expected


def test_without_a_seed_the_running_epoch_takes_each_sample_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinynn.random.global_seed._shuffle_seed", None)
    seen: list[float] = []

    class Seeing(tinynn.Sequential):
        def train_step(self, data: Any) -> Any:
            seen.extend(data[0][:, 0].tolist())
            return super().train_step(data)

    def make() -> Any:
        made = Seeing([layers.Input((6,)), layers.Dense(1)])
        made.compile("sgd", "mse")
        return made

    with pytest.raises(Stopped):
        make().fit(X, Y, 8, verbose=0, callbacks=[BackupAndRestore(tmp_path, save_freq=1), Stop(4)])
    taken = len(seen) - 8  # the last step before it was stopped was not written down
    del seen[taken:]
    make().fit(X, Y, 8, verbose=0, callbacks=[BackupAndRestore(tmp_path, save_freq=1)])
    assert sorted(seen) == sorted(X[:, 0].tolist())


class Rows(tinynn.utils.PyDataset):
    """Batches that are noisy in another way each time."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, i: int) -> Any:
        return X[i * 8 : i * 8 + 8] + random.random(), Y[i * 8 : i * 8 + 8]


def generated() -> Iterator[Any]:
    rng = np.random.default_rng(5)
    while True:
        rows = rng.integers(0, ROWS, 8)
        yield X[rows], Y[rows]


class Walked:
    """An iterable of batches."""

    def __iter__(self) -> Iterator[Any]:
        return ((X[i : i + 8], Y[i : i + 8]) for i in range(0, ROWS, 8))


@pytest.mark.parametrize("save_freq", ["epoch", 3])
@pytest.mark.parametrize(
    ("data", "steps"),
    [(Rows, None), (Rows, 3), (generated, 4), (Walked, None), (Walked, 2)],
    ids=lambda given: getattr(given, "__name__", None),
)
def test_streams_go_on(tmp_path: Path, data: Any, steps: Any, save_freq: Any) -> None:
    def fit(trained: Any, others: list[Any]) -> Any:
        return trained.fit(
            data(),
            epochs=4,
            steps_per_epoch=steps,
            validation_data=data(),
            validation_steps=2,
            callbacks=others,
            verbose=0,
        )

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data")
        warnings.filterwarnings("ignore", "`shuffle=True` was passed")
        expected = in_one_go(model, fit)
        stops = [6, 5] if save_freq == "epoch" else [2, 4, 3]
        if steps == 2:
            stops = [3, 3]
        assert in_pieces(model, fit, tmp_path, stops, save_freq=save_freq) == expected


def test_metrics_that_wait_for_a_batch_go_on(tmp_path: Path) -> None:
    targets = np.eye(3, dtype=np.float32)[Y]

    def make() -> Any:
        found = [tinynn.metrics.F1Score(average="macro"), tinynn.metrics.AUC(multi_label=True, name="auc"), "accuracy"]
        return model(loss="categorical_crossentropy", metrics=found)

    def model(loss: str, metrics: Any) -> Any:
        tinynn.utils.set_random_seed(1)
        made = tinynn.Sequential([layers.Input((6,)), layers.Dense(3, "softmax")])
        made.compile("sgd", loss, metrics=metrics, run_eagerly=True)
        return made

    def fit(trained: Any, others: list[Any]) -> Any:
        return trained.fit(X, targets, 8, epochs=2, callbacks=others, verbose=0)

    assert in_pieces(make, fit, tmp_path, [2, 3], save_freq=1) == in_one_go(make, fit)


def test_stopping_early_is_remembered(tmp_path: Path) -> None:
    """Killed between the last backup and the end of the training, it does not train on."""

    class Dies(callbacks.Callback):
        def on_train_end(self, logs: Any = None) -> None:
            raise Stopped

    def others() -> list[Any]:
        return [callbacks.EarlyStopping("loss", patience=1, min_delta=10.0, restore_best_weights=True)]

    expected = in_one_go(model, fit_arrays, others)
    assert len(expected["epochs"]) < 4
    with pytest.raises(Stopped):
        fit_arrays(model(), [Dies(), BackupAndRestore(tmp_path), *others()])
    assert in_pieces(model, fit_arrays, tmp_path, [], others) == expected


@pytest.mark.filterwarnings("ignore:loss is nan:RuntimeWarning")
def test_a_loss_that_is_nan_stops_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    x = X.copy()
    x[ROWS // 2 :] = np.nan

    def fit(trained: Any, others: list[Any]) -> Any:
        return trained.fit(x, Y, 8, epochs=3, shuffle=False, verbose=0, callbacks=[*others, callbacks.TerminateOnNaN()])

    class Dies(callbacks.Callback):
        def on_train_end(self, logs: Any = None) -> None:
            raise Stopped

    expected = in_one_go(model, fit)
    with pytest.raises(Stopped):
        fit(model(), [BackupAndRestore(tmp_path, save_freq=1), Dies()])
    found = in_pieces(model, fit, tmp_path, [], save_freq=1)
    assert repr(found["history"]) == repr(expected["history"])
    assert found["model0"] == expected["model0"]


# Files -------------------------------------------------------------------------------------------------------------------


def stopped(folder: Path, after: int = 12, **arguments: Any) -> None:
    """A training that was stopped in its third epoch."""
    with pytest.raises(Stopped):
        fit_arrays(model(), [BackupAndRestore(folder, **arguments), Stop(after)])


def test_the_last_but_one_takes_the_place_of_a_damaged_one(tmp_path: Path) -> None:
    stopped(tmp_path, double_checkpoint=True)
    assert sorted(os.listdir(tmp_path)) == ["latest.npz", "previous.npz"]
    whole = (tmp_path / "latest.npz").read_bytes()
    (tmp_path / "latest.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(RuntimeWarning, match="is not a whole backup of a training: .* Going on from the one before it"):
        found = in_pieces(model, fit_arrays, tmp_path, [])
    assert found == in_one_go(model, fit_arrays)


def test_what_cannot_be_read_is_an_error_and_stays(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04", b"somebody's notes", b"\x89HDF\r\n\x1a\n" + bytes(100)):
        (tmp_path / "latest.npz").write_bytes(content)
        with pytest.raises(OSError, match="is not a whole backup of a training") as caught:
            fit_arrays(model(), [BackupAndRestore(tmp_path)])
        assert "To train from the start, delete" in "".join(caught.value.__notes__)
        assert (tmp_path / "latest.npz").read_bytes() == content


def test_with_a_warning_it_trains_from_the_start_and_keeps_what_it_could_not_read(tmp_path: Path) -> None:
    (tmp_path / "latest.npz").write_bytes(b"somebody's notes")
    with pytest.warns(RuntimeWarning, match=r"cannot go on\. .*The training goes on"):
        found = in_pieces(model, fit_arrays, tmp_path, [], on_error="warn")
    assert found == in_one_go(model, fit_arrays)
    assert os.listdir(tmp_path) == ["latest.npz.unreadable"]
    assert (tmp_path / "latest.npz.unreadable").read_bytes() == b"somebody's notes"


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".latest.npz.0123456789ab.tmp").write_text("left by a process that was killed while it wrote")
    fit_arrays(model(), [BackupAndRestore(tmp_path)])
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_backups_stay_if_asked_and_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    backup = BackupAndRestore(tmp_path / "a" / "b", delete_checkpoint=False)
    trained = model()
    history = fit_arrays(trained, [backup])
    again = model()
    repeated = fit_arrays(again, [BackupAndRestore(tmp_path / "a" / "b")])
    assert repeated.history == history.history
    assert all((a == b).all() for a, b in zip(again.get_weights(), trained.get_weights()))
    assert os.listdir(tmp_path / "a") == []


def test_a_finished_training_can_be_made_longer(tmp_path: Path) -> None:
    fit_arrays(model(), [BackupAndRestore(tmp_path, delete_checkpoint=False)], epochs=2)
    assert in_pieces(model, fit_arrays, tmp_path, []) == in_one_go(model, fit_arrays)


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """No file may grow beyond so many bytes; as on a full disk, writing fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_an_error_and_the_backup_before_it_stays(
    tmp_path: Path, small_disk: Callable[[int], None]
) -> None:
    stopped(tmp_path)
    before = (tmp_path / "latest.npz").read_bytes()
    small_disk(5000)
    with pytest.raises(OSError, match="The file would grow beyond the limit") as caught:
        fit_arrays(model(), [BackupAndRestore(tmp_path)])
    assert (
        'could not write a backup after epoch 3. With on_error="warn" the training goes on.'
        in caught.value.__notes__[0]
    )
    assert os.listdir(tmp_path) == ["latest.npz"]
    assert (tmp_path / "latest.npz").read_bytes() == before


def test_on_a_full_disk_a_training_can_go_on(tmp_path: Path, small_disk: Callable[[int], None]) -> None:
    stopped(tmp_path)
    before = (tmp_path / "latest.npz").read_bytes()
    small_disk(5000)
    trained = model()
    backup = BackupAndRestore(tmp_path, on_error="warn", delete_checkpoint=False)
    with pytest.warns(RuntimeWarning, match=r"could not write a backup after epoch [34]: .* The training goes on"):
        history = fit_arrays(trained, [backup])
    found = everything(trained, history)
    assert (tmp_path / "latest.npz").read_bytes() == before
    assert found == in_one_go(model, fit_arrays)


def test_a_file_where_the_folder_should_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        fit_arrays(model(), [BackupAndRestore(tmp_path / "file" / "backup")])


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """A folder that this user may not write to; root, who may, becomes somebody else for the time being."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        yield Path(folder)
        os.seteuid(user)
        os.chmod(folder, 0o700)


def test_a_folder_that_may_not_be_written_to(forbidden: Path) -> None:
    with pytest.raises(PermissionError):
        fit_arrays(model(), [BackupAndRestore(forbidden / "backup")])
    with pytest.raises(PermissionError, match="You may not write there"):
        fit_arrays(model(), [BackupAndRestore(forbidden)])
    with pytest.warns(RuntimeWarning, match=r"could not write a backup after epoch [1234]: .* The training goes on"):
        found = in_pieces(model, fit_arrays, forbidden, [], on_error="warn")
    assert found == in_one_go(model, fit_arrays)


# Backups of something else -------------------------------------------------------------------------------------------------


def test_the_backup_of_another_model_is_refused(tmp_path: Path) -> None:
    stopped(tmp_path)
    other = tinynn.Sequential([layers.Input((6,)), layers.Dense(4, "relu"), layers.Dropout(0.4), layers.Dense(3)])
    other.compile("adam", "mse")
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"'.*dense.*/kernel' of shape \(6, 5\) and dtype float32; the model has"):
        fit_arrays(other, [BackupAndRestore(tmp_path)])
    assert all((a == b).all() for a, b in zip(before, other.get_weights()))
    with pytest.raises(ValueError, match="variables for the optimizer SGD, which has"):
        fit_arrays(model("sgd"), [BackupAndRestore(tmp_path)])


def test_other_data_are_refused_in_the_middle_of_an_epoch_alone(tmp_path: Path) -> None:
    stopped(tmp_path / "within", save_freq=1)
    with pytest.raises(
        ValueError, match=r"stopped in the middle of its data, with batch_size=8; fit now has batch_size=4"
    ):
        fit_arrays(model(), [BackupAndRestore(tmp_path / "within")], batch_size=4)
    stopped(tmp_path / "between")
    fit_arrays(model(), [BackupAndRestore(tmp_path / "between")], batch_size=4)


def test_a_state_with_any_part_changed_is_refused_or_harmless(tmp_path: Path) -> None:
    """A backup is a file, and may come from anywhere."""
    stopped(tmp_path, save_freq=1)
    state = read_backup(tmp_path / "latest.npz", lambda state: 1 << 30)
    places: list[tuple[Any, Any]] = []

    def walk(part: Any) -> None:
        for key, value in list(part.items() if isinstance(part, dict) else enumerate(part)):
            places.append((part, key))
            if isinstance(value, (dict, list)):
                walk(value)

    walk(state)
    wrong: list[Any] = [None, -1, 2**70, "x", [], {}, float("nan"), np.zeros(3), np.zeros((1, 0), np.int8)]
    rng = random.Random(0)
    refused = 0
    for part, key in places[::2]:
        value = part[key]
        part[key] = rng.choice(wrong)
        write_backup(tmp_path / "latest.npz", state)
        part[key] = value
        try:
            fit_arrays(model(), [BackupAndRestore(tmp_path, save_freq=False, delete_checkpoint=False)], epochs=1)
        except (ValueError, OSError):
            refused += 1
    assert refused > len(places) // 5


# Arguments -----------------------------------------------------------------------------------------------------------------


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="Empty `backup_dir` argument passed"):
        BackupAndRestore("")
    with pytest.raises(ValueError, match=r"Received: save_freq=epochs\. Expected either 'epoch' or an integer value"):
        BackupAndRestore("backup", save_freq="epochs")
    with pytest.raises(ValueError, match="a number of batches above 0; got 0"):
        BackupAndRestore("backup", save_freq=0)
    with pytest.raises(ValueError, match=r'Unknown on_error of BackupAndRestore "warning"\. Did you mean "warn"\?'):
        BackupAndRestore("backup", on_error="warning")


def test_a_model_can_be_copied_while_it_is_backed_up(tmp_path: Path) -> None:
    class Copies(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.copy = copy.deepcopy(self.model)

    trained, copies = model(), Copies()
    fit_arrays(trained, [BackupAndRestore(tmp_path), callbacks.CSVLogger(tmp_path / "log.csv"), copies])
    assert all((a == b).all() for a, b in zip(copies.copy.get_weights(), trained.get_weights(), strict=True))


def test_a_loop_of_ones_own_is_told_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"BackupAndRestore works within `model\.fit`"):
        callbacks.CallbackList([BackupAndRestore("b")], model=model()).on_train_begin()


def test_batches_come_back_to_python_only_if_backups_are_made_between_them() -> None:
    assert not callbacks.CallbackList([BackupAndRestore("b")]).wants_train_batches
    assert not callbacks.CallbackList([BackupAndRestore("b", save_freq=False)]).wants_train_batches
    assert callbacks.CallbackList([BackupAndRestore("b", save_freq=5)]).wants_train_batches


@pytest.mark.keras
def test_keras_says_the_same_of_wrong_arguments(keras: Any) -> None:
    for arguments in (
        {"backup_dir": ""},
        {"backup_dir": "b", "save_freq": "epochs"},
        {"backup_dir": "b", "save_freq": 1.5},
    ):
        with pytest.raises(ValueError, match=r".") as theirs:
            keras.callbacks.BackupAndRestore(**arguments)
        with pytest.raises(ValueError, match=r".") as ours:
            BackupAndRestore(**arguments)
        assert str(ours.value) == str(theirs.value)
