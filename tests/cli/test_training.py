"""`tinynn train` from within: which rows train, which watch, which test, and what is told of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("pandas", reason="pandas is not installed: pip install tinynn-engine[cli]")

import pandas as pd

from tinynn.cli import table, training
from tinynn.cli.training import Settings


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Two columns, of which the first tells the classes apart but for some noise; 70 of 300 rows are of class "b"."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    y = np.where(x + 0.5 * rng.normal(size=300) > 0.8, "b", "a")
    return pd.DataFrame({"x": 100 + 10 * x, "noise": rng.normal(size=300), "y": y})


def parts_of(frame: pd.DataFrame, **settings: Any) -> tuple[Any, ...]:
    target = table.find_target(frame, "y", None)[0]
    return training.split(frame["y"], target, Settings("y", **settings))


@pytest.mark.parametrize("seed", range(5))
def test_each_row_is_in_one_part_and_each_class_in_its_share(frame: pd.DataFrame, seed: int) -> None:
    parts = parts_of(frame, test=0.2, validation=0.1, seed=seed)
    assert sorted(np.concatenate(parts)) == list(range(300))
    assert [len(part) for part in parts] == [210, 30, 60]
    share = (frame["y"] == "b").mean()
    for part in parts:
        count = (frame["y"].iloc[part] == "b").sum()
        assert (
            abs(count - share * len(part)) < 1.5
        )  # the rows of a class are taken at equal steps; of two rests, one in each


def test_the_seed_decides_the_rows(frame: pd.DataFrame) -> None:
    first, again, other = (parts_of(frame, seed=seed) for seed in (1, 1, 2))
    assert [part.tolist() for part in first] == [part.tolist() for part in again]
    assert sorted(first[2]) != sorted(other[2])


def test_what_is_told_is_of_the_rows_it_is_said_of(frame: pd.DataFrame) -> None:
    settings = Settings("y", hidden=[8], epochs=60, patience=5, learning_rate=0.05, compare=False)
    outcome = training.train(frame, settings, lambda text: None, [])
    kept, held, aside = parts_of(frame)
    number = outcome.preprocessing.columns[0]
    assert number.mean == pytest.approx(frame["x"].iloc[kept].mean(), rel=1e-12), "scaled by other rows, too"  # type: ignore[union-attr]

    x, target = outcome.preprocessing.features(frame), outcome.preprocessing.target
    y = target.encode(frame["y"])
    losses = outcome.history["val_loss"]
    assert losses[-1] > min(losses)
    again = outcome.model.evaluate(x[held], y[held], verbose=0, return_dict=True)["loss"]
    assert again == pytest.approx(min(losses), rel=1e-5)  # the best epoch's weights; float32

    predicted = outcome.model.predict(x[aside], verbose=0)[:, 0] > 0.5
    assert outcome.confusion == [[int(((y[aside] == i) & (predicted == j)).sum()) for j in (0, 1)] for i in (0, 1)]
    assert outcome.confusion[0][1] != outcome.confusion[1][0], "as it is on its side"
    assert outcome.scores["accuracy"] == pytest.approx((predicted == y[aside]).mean())
    assert outcome.baseline == {"accuracy": pytest.approx((y[aside] == 0).mean())}


def test_the_same_seed_trains_the_same_network(frame: pd.DataFrame) -> None:
    settings = {"hidden": [4], "epochs": 2, "compare": False}
    first, again, other = (
        training.train(frame, Settings("y", seed=seed, **settings), lambda text: None, []).model.get_weights()[0]  # type: ignore[arg-type]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
