"""Data made on the spot: what it means, and that it follows from its seed bit for bit."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinynn import datasets, utils
from tinynn.datasets import generators

CASES: dict[str, Callable[..., Any]] = {name: getattr(generators, name) for name in generators.__all__}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
@given(n=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
def test_the_seed_decides_every_bit_and_the_global_generator_is_left_alone(make: Any, n: int, seed: int) -> None:
    before = np.random.get_state(legacy=False)["state"]
    first, second = make(n_samples=n, seed=seed), make(n_samples=n, seed=seed)
    after = np.random.get_state(legacy=False)["state"]
    assert before["pos"] == after["pos"]
    np.testing.assert_array_equal(before["key"], after["key"])
    for a, b in zip(first, second):
        assert a.tobytes() == b.tobytes()
        assert len(a) == n
    x, y = first
    assert x.dtype == np.float64
    assert y.dtype == (np.float64 if make is generators.regression_surface else np.int64)
    assert np.isfinite(x).all()


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_another_seed_gives_other_data_and_none_follows_set_random_seed(make: Any) -> None:
    assert make(seed=0)[0].tobytes() != make(seed=1)[0].tobytes()
    drawn = []
    for _ in range(2):
        utils.set_random_seed(7)
        drawn.append(make(seed=None)[0].tobytes())
    assert drawn[0] == drawn[1] == make(seed=7)[0].tobytes()
    assert make(seed=None)[0].tobytes() != drawn[0]


def test_another_process_draws_the_same() -> None:
    code = (
        "import hashlib, tinynn; "
        "print([hashlib.sha256(a.tobytes()).hexdigest() for a in tinynn.datasets.xor(50, 3, noise=0.1, seed=4)])"
    )
    import hashlib

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = [hashlib.sha256(a.tobytes()).hexdigest() for a in datasets.xor(50, 3, noise=0.1, seed=4)]
    assert done.stdout.strip() == str(here)


@pytest.mark.parametrize("name", ["circles", "moons", "spirals", "medical_trial"])
def test_classes_are_balanced_and_shuffled(name: str) -> None:
    _, y = CASES[name](n_samples=1001)
    assert abs(int(y.sum()) - 500) <= (1 if name != "medical_trial" else 24)
    assert 350 < np.abs(np.diff(y)).sum() < 650  # sorted labels change once


def test_medical_trial_has_its_ages_and_exceptions() -> None:
    x, y = datasets.medical_trial(2100, scaled=False)
    assert x.shape == (2100, 1)
    assert (x.min(), x.max()) == (13, 100)
    older = x[:, 0] >= 65
    assert int(older.sum()) == 1050
    assert int((older != y).sum()) == 100
    np.testing.assert_array_equal(datasets.medical_trial(2100)[0], (x - 13) / 87)


@given(features=st.integers(1, 4))
def test_xor_is_the_parity_of_signs(features: int) -> None:
    x, y = datasets.xor(200, features)
    np.testing.assert_array_equal(y, (x < 0).sum(axis=1) % 2)


def test_points_lie_on_their_curves() -> None:
    x, y = datasets.circles(300, factor=0.25, noise=0)
    np.testing.assert_allclose(np.hypot(*x.T), np.where(y == 1, 0.25, 1), rtol=1e-14)

    x, y = datasets.moons(300, noise=0)
    centre = np.stack([y, 0.5 * y], axis=1)
    np.testing.assert_allclose(np.hypot(*(x - centre).T), 1, rtol=1e-14)
    assert np.all((x - centre)[:, 1] * (1 - 2 * y) >= 0)

    x, y = datasets.spirals(300, 3, turns=1.25, noise=0)
    angle = np.arctan2(x[:, 1], x[:, 0]) - 2 * math.pi * (1.25 * np.hypot(*x.T) + y / 3)
    np.testing.assert_allclose(np.cos(angle), 1, rtol=1e-12)
    assert np.hypot(*x.T).max() <= 1


def test_gaussians_lie_around_centres_of_their_own() -> None:
    x, y = datasets.gaussians(4000, 5, 3, noise=0.1)
    means = np.stack([x[y == k].mean(axis=0) for k in range(3)])
    residual = x - means[y]
    assert abs(residual.std() - 0.1) < 4 * 0.1 / math.sqrt(2 * x.size)  # four standard errors
    assert np.linalg.norm(means[0] - means[1]) > 0.5


@pytest.mark.parametrize("kind", generators.SURFACES)
def test_surfaces_are_the_functions_they_are_named_for(kind: str) -> None:
    x, y = datasets.regression_surface(kind, 5000)
    assert y.shape == (5000, 1)
    expected: dict[str, Callable[..., Any]] = {
        "plane": lambda a, b: a + b / 2,
        "saddle": lambda a, b: a * b,
        "ripples": lambda a, b: np.sin(3 * np.pi * np.sqrt(a * a + b * b)),
        "smooth": lambda a, b, c, d, e, f: np.sin(3 * a) + b * c - d * d / 2 + 0.3 * e,
    }
    if kind == "peaks":  # its extremes are known: 8.106 at (-0.0093, 1.5814) and -6.551 at (0.2283, -1.6255), times 3
        height = generators.SURFACES["peaks"][1]
        top, bottom = height(np.array([[-0.0093, 1.5814], [0.2283, -1.6255]]) / 3)
        np.testing.assert_allclose([top, bottom], [8.106, -6.551], atol=5e-4)
        assert y.max() <= 8.107
        assert y.min() >= -6.552
    else:
        np.testing.assert_allclose(y[:, 0], expected[kind](*x.T), rtol=1e-13, atol=1e-13)
    noisy = datasets.regression_surface(kind, 5000, noise=0.5)[1]
    assert abs((noisy - y).std() - 0.5) < 4 * 0.5 / math.sqrt(2 * 5000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.xor(0), "xor expects n_samples to be a positive integer; got 0"),
        (lambda: datasets.gaussians(n_classes=1.5), "n_classes to be a positive integer; got 1.5"),
        (lambda: datasets.moons(noise=-1), "noise is a standard deviation, a number from 0 on; got -1"),
        (lambda: datasets.moons(noise=math.nan), "got nan"),
        (lambda: datasets.regression_surface("sadle"), 'Unknown surface "sadle". Did you mean "saddle"?'),
    ],
)
def test_mistakes_are_told(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        call()
    assert message in str(error.value)
