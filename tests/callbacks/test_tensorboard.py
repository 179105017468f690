"""Event files: under Keras's names, in Keras's places, with the numbers of History."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn.callbacks import CallbackList, TensorBoard

X = np.arange(12.0).reshape(6, 2)
Y = np.arange(6.0) % 2


def fit(log_dir: Path, k: Any = tinynn, **settings: Any) -> Any:
    k.utils.set_random_seed(4)
    model = k.Sequential([k.Input((2,)), k.layers.Dense(1, name="d")])
    model.compile(k.optimizers.SGD(0.01), "mse", metrics=["mae"], run_eagerly=True)
    board = k.callbacks.TensorBoard(log_dir, **settings)
    return model.fit(X, Y, batch_size=2, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[board])


def scalars(log_dir: Path) -> dict[str, list[tuple[str, int, float]]]:
    """{"train" or "validation": [(tag, step, value)]}, read as TensorBoard reads them, with TensorFlow's reader."""
    tensorflow = pytest.importorskip("tensorflow")
    found: dict[str, list[tuple[str, int, float]]] = defaultdict(list)
    for path in sorted(log_dir.rglob("events.out.tfevents.*")):
        for event in tensorflow.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                if value.HasField("histo"):
                    continue
                number = (
                    tensorflow.make_ndarray(value.tensor)
                    if value.HasField("tensor")
                    else np.asarray(value.simple_value)
                )
                if number.ndim == 0 and number.dtype.kind == "f":
                    found[path.parent.name].append((value.tag, event.step, float(number)))
    return found


def test_without_tensorboardx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        TensorBoard()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"profile_batch": 2}, r"profile_batch=2 \(must be 0\)"),
        ({"update_freq": "epochs"}, '"epoch", "batch" or a number of batches; got \'epochs\''),
        ({"update_freq": 0}, "got 0"),
    ],
)
def test_errors(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        TensorBoard(**settings)


def test_it_wants_batches_only_if_asked(tmp_path: Path) -> None:
    """So whole epochs run in compiled code."""
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed: pip install tensorboardX")
    assert not CallbackList([TensorBoard(tmp_path)]).wants_train_batches
    assert CallbackList([TensorBoard(tmp_path, update_freq=3)]).wants_train_batches


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")  # Keras's own, about NumPy 2
@pytest.mark.parametrize("settings", [{}, {"update_freq": "batch"}, {"update_freq": 3}], ids=str)
def test_scalars_are_those_that_keras_writes(keras: Any, tmp_path: Path, settings: dict[str, Any]) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed: pip install tensorboardX")
    pytest.importorskip(
        "tensorboard", reason="TensorBoard, which Keras writes by, is not installed: pip install tensorboard"
    )
    fit(tmp_path / "ours", **settings)
    fit(tmp_path / "theirs", keras, write_graph=False, **settings)
    ours, theirs = scalars(tmp_path / "ours"), scalars(tmp_path / "theirs")
    assert set(ours) == set(theirs) == {"train", "validation"}
    for where in ours:
        assert [value[:2] for value in sorted(ours[where])] == [value[:2] for value in sorted(theirs[where])]
        for one, other in zip(sorted(ours[where]), sorted(theirs[where]), strict=True):
            assert abs(one[2] - other[2]) <= 1e-5 * max(1, abs(other[2])), one  # float32, six steps


def test_histograms_and_speed(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed: pip install tensorboardX")
    tensorflow = pytest.importorskip("tensorflow")
    history = fit(tmp_path, histogram_freq=1, write_steps_per_second=True, update_freq="batch")
    tags: dict[str, int] = defaultdict(int)
    for path in (tmp_path / "train").iterdir():
        for event in tensorflow.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                tags[value.tag] += 1
                if value.HasField("histo"):
                    assert value.histo.num in (1, 2)  # a bias, a kernel
    assert tags["epoch_steps_per_second"] == 2
    assert tags["batch_steps_per_second"] == 6
    assert len(history.history["loss"]) == tags["epoch_loss"] == 2
    assert sum(count for tag, count in tags.items() if tag.endswith("/histogram")) == 4
