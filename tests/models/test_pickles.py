"""Copies and pickles of models are the model as it stands, and go on by themselves."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import layers

WAYS: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
}


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 4)).astype(np.float32), rng.integers(0, 3, 40)


def trained(*within: Any, optimizer: Any = "adam", **settings: Any) -> Any:
    tinynn.utils.set_random_seed(1)
    model = tinynn.Sequential(
        [layers.Input((4,)), layers.Dense(6, "relu"), *within, layers.Dropout(0.25), layers.Dense(3, "softmax")]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], **settings)
    model.fit(*data(), epochs=2, batch_size=8, verbose=0)
    return model


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nadam"])
@pytest.mark.parametrize("jit_compile", [True, False])
def test_a_copy_trains_on_as_the_model_itself(way: str, optimizer: str, jit_compile: bool) -> None:
    """Weights, slots, the count of steps and the place in the dropout's stream: equal bit for bit."""
    model = trained(optimizer=optimizer, jit_compile=jit_compile)
    made = WAYS[way](model)
    for each in (model, made):
        each.fit(*data(), epochs=2, batch_size=8, verbose=0)
    for ours, theirs in zip(made.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert made.history.history == model.history.history
    assert made.optimizer.iterations.numpy() == 20


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_shares_nothing(way: str) -> None:
    model = trained(layers.BatchNormalization())
    before = model.get_weights()
    made = WAYS[way](model)
    made.fit(*data(), epochs=1, verbose=0)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(made.get_weights()[0], before[0])


def test_models_before_training_and_before_building() -> None:
    model = tinynn.Sequential([layers.Dense(3)])
    made = pickle.loads(pickle.dumps(model))
    assert not made.built
    made.build((None, 4))
    assert pickle.loads(pickle.dumps(made)).count_params() == 15


def test_weights_excluded_from_decay_stay_excluded() -> None:
    model = trained(optimizer=tinynn.optimizers.AdamW(weight_decay=0.5))
    model.optimizer.exclude_from_weight_decay(var_list=[model.layers[0].bias])
    made = copy.deepcopy(model)
    decays = made.optimizer.weight_decays(made.trainable_variables)
    assert decays.tolist() == [0.5, 0.0, 0.5, 0.5]


def test_values_that_are_mapped_for_reading_become_writable(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    model = trained()
    joblib.dump(model, tmp_path / "model.pkl")
    made = joblib.load(tmp_path / "model.pkl", mmap_mode="r")
    made.fit(*data(), epochs=1, verbose=0)
    assert made.optimizer.iterations.numpy() == 2 * 5 + 2  # of 8 samples, then of 32


def test_another_process_reads_a_pickle(tmp_path: Path) -> None:
    model = trained()
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    code = (
        "import pickle, sys, numpy as np; "
        "model = pickle.load(open(sys.argv[1], 'rb')); "
        "model.compile(model.optimizer, model.loss, jit_compile=False); "
        "print(model.predict(np.ones((1, 4)), verbose=0).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.pkl")], capture_output=True, text=True, check=True
    )
    model.compile(model.optimizer, model.loss, jit_compile=False)
    assert done.stdout.strip() == str(model.predict(np.ones((1, 4)), verbose=0).tolist())
