"""Data sets that come with scikit-learn."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from tinynn.datasets import breast_cancer, digits


@pytest.mark.parametrize("loader", [digits, breast_cancer])
def test_split_shares_out_every_row_once(loader: Any) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install tinynn-engine[sklearn]")
    (x_all, y_all), (x_none, y_none) = loader.load_data(test_split=0, seed=5)
    assert len(x_none) == len(y_none) == 0
    (x_train, y_train), (x_test, y_test) = loader.load_data(test_split=0.25, seed=5)
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), x_all)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), y_all)
    assert len(x_train) == int(len(x_all) * 0.75)
    other = loader.load_data(test_split=0, seed=6)[0][0]
    assert not np.array_equal(other, x_all)
    assert sorted(row.tobytes() for row in other) == sorted(row.tobytes() for row in x_all)
    assert sorted(set(y_all.tolist())) == list(range(len(loader.class_names)))
    with pytest.raises(ValueError, match=r"test_split must be a number in \[0, 1\)"):
        loader.load_data(test_split=1)


def test_they_are_scikit_learns() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    (images, labels), _ = digits.load_data(0)
    assert images.shape == (1797, 8, 8)
    assert (images.dtype, images.max()) == (np.uint8, 16)
    bunch = datasets.load_digits()
    assert np.bincount(labels).tolist() == np.bincount(bunch.target).tolist()
    assert images.sum() == bunch.images.sum()
    assert tuple(datasets.load_breast_cancer().target_names) == breast_cancer.class_names
    assert tuple(datasets.load_breast_cancer().feature_names) == breast_cancer.feature_names


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'tinynn-engine\[sklearn\]'"):
        digits.load_data()
