"""Data made on the spot. All are shuffled, so that `validation_split` takes a fair share, and follow from their seed.

The streams are those of `numpy.random.RandomState`, which NumPy keeps as they are for good: the same seed gives the same
bits in every version. A seed of None draws from NumPy's global generator, which `utils.set_random_seed` seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn._checks import positive_integer, unknown_name
from tinynn._typing import Array

__all__ = ["circles", "gaussians", "medical_trial", "moons", "regression_surface", "spirals", "xor"]


def medical_trial(n_samples: int = 2100, *, scaled: bool = True, seed: int | None = 0) -> tuple[Array, Array]:
    """The trial of a drug: who is 65 or older has side effects, who is younger has none, with one exception in twenty-one.

    Half of the people are 13 to 64 years old, half 65 to 100. No model can be right more often than 20 times in 21.

    Args:
        n_samples: how many people.
        scaled: ages as numbers from 0 (13 years) to 1 (100 years); False gives years.
        seed: of the generator.

    Returns:
        x, ages (n_samples, 1), float64, and y (n_samples,), int64, 1 for side effects.

    Raises:
        ValueError: n_samples is no positive integer.

    Example:
        >>> x, y = tinynn.datasets.medical_trial(4, scaled=False, seed=1)
        >>> x.shape, y.shape
        ((4, 1), (4,))
    """
    n, rng = positive_integer("medical_trial", "n_samples", n_samples), _generator(seed)
    older = _balanced(rng, n, 2)
    years = np.where(older == 1, rng.randint(65, 101, n), rng.randint(13, 65, n)).reshape(-1, 1)
    exception = rng.permutation(n) < round(n / 21)
    x = (years - 13) / 87 if scaled else years.astype(np.float64)
    return x, older ^ exception


def xor(n_samples: int = 1000, n_features: int = 2, *, noise: float = 0.0, seed: int | None = 0) -> tuple[Array, Array]:
    """Is the count of negative numbers odd? With two of them the exclusive or of their signs, which no line separates.

    Args:
        n_samples: how many points.
        n_features: how many numbers each has.
        noise: standard deviation of what is added to the numbers after the label is taken.
        seed: of the generator.

    Returns:
        x (n_samples, n_features), float64, uniform in (-1, 1), and y (n_samples,), int64, 0 or 1.

    Raises:
        ValueError: a count that is no positive integer, or a negative noise.

    Example:
        >>> x, y = tinynn.datasets.xor(200)
        >>> bool(((x[:, 0] < 0) ^ (x[:, 1] < 0) == y).all())
        True
    """
    shape = (positive_integer("xor", "n_samples", n_samples), positive_integer("xor", "n_features", n_features))
    rng = _generator(seed)
    x = rng.uniform(-1, 1, shape)
    y = (np.prod(x, axis=1) < 0).astype(np.int64)
    return _noisy(rng, x, noise), y


def circles(
    n_samples: int = 1000, *, factor: float = 0.5, noise: float = 0.05, seed: int | None = 0
) -> tuple[Array, Array]:
    """Two circles around the origin, the inner one (label 1) `factor` as large as the outer one (label 0).

    Args:
        n_samples: how many points.
        factor: radius of the inner circle; the outer one has 1.
        noise: standard deviation of what is added to the points.
        seed: of the generator.

    Returns:
        x (n_samples, 2), float64, and y (n_samples,), int64.

    Raises:
        ValueError: a count that is no positive integer, or a negative noise.

    Example:
        >>> x, y = tinynn.datasets.circles(200)
        >>> x.shape, int(y.sum())
        ((200, 2), 100)
    """
    n, rng = positive_integer("circles", "n_samples", n_samples), _generator(seed)
    y = _balanced(rng, n, 2)
    angle = rng.uniform(0, 2 * math.pi, n)
    radius = np.where(y == 1, factor, 1.0)
    return _noisy(rng, np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), noise), y


def gaussians(
    n_samples: int = 1000, n_features: int = 2, n_classes: int = 2, *, noise: float = 0.3, seed: int | None = 0
) -> tuple[Array, Array]:
    """A cloud of points around the centre of each class; the centres are uniform in (-1, 1).

    Args:
        n_samples: how many points.
        n_features: how many numbers each has.
        n_classes: how many clouds.
        noise: standard deviation of a cloud in every direction.
        seed: of the generator.

    Returns:
        x (n_samples, n_features), float64, and y (n_samples,), int64 from 0 to n_classes - 1.

    Raises:
        ValueError: a count that is no positive integer, or a negative noise.

    Example:
        >>> x, y = tinynn.datasets.gaussians(300, n_features=8, n_classes=3)
        >>> x.shape, sorted(set(y.tolist()))
        ((300, 8), [0, 1, 2])
    """
    n = positive_integer("gaussians", "n_samples", n_samples)
    features = positive_integer("gaussians", "n_features", n_features)
    classes, rng = positive_integer("gaussians", "n_classes", n_classes), _generator(seed)
    centres = rng.uniform(-1, 1, (classes, features))
    y = rng.randint(0, classes, n).astype(np.int64)
    return _noisy(rng, centres[y], noise), y


def spirals(
    n_samples: int = 1000, n_classes: int = 2, *, turns: float = 1.5, noise: float = 0.03, seed: int | None = 0
) -> tuple[Array, Array]:
    """One arm of a spiral per class, wound around the others: hard for a network without enough units.

    Args:
        n_samples: how many points.
        n_classes: how many arms.
        turns: how often an arm goes round.
        noise: standard deviation of what is added to the points, whose distance from the origin is at most 1.
        seed: of the generator.

    Returns:
        x (n_samples, 2), float64, and y (n_samples,), int64 from 0 to n_classes - 1.

    Raises:
        ValueError: a count that is no positive integer, or a negative noise.

    Example:
        >>> x, y = tinynn.datasets.spirals(300, n_classes=3)
        >>> x.shape, sorted(set(y.tolist()))
        ((300, 2), [0, 1, 2])
    """
    n, classes = (
        positive_integer("spirals", "n_samples", n_samples),
        positive_integer("spirals", "n_classes", n_classes),
    )
    rng = _generator(seed)
    y = _balanced(rng, n, classes)
    along = np.sqrt(rng.uniform(0.01, 1, n))  # the root makes the points even along the arm, which grows outwards
    angle = 2 * math.pi * (turns * along + y / classes)
    return _noisy(rng, np.stack([along * np.cos(angle), along * np.sin(angle)], axis=1), noise), y


def moons(n_samples: int = 1000, *, noise: float = 0.1, seed: int | None = 0) -> tuple[Array, Array]:
    """Two half circles, each with one end within the other.

    Args:
        n_samples: how many points.
        noise: standard deviation of what is added to the points.
        seed: of the generator.

    Returns:
        x (n_samples, 2), float64, and y (n_samples,), int64, 0 for the upper moon.

    Raises:
        ValueError: a count that is no positive integer, or a negative noise.

    Example:
        >>> x, y = tinynn.datasets.moons(200)
        >>> x.shape, int(y.sum())
        ((200, 2), 100)
    """
    n, rng = positive_integer("moons", "n_samples", n_samples), _generator(seed)
    y = _balanced(rng, n, 2)
    angle = rng.uniform(0, math.pi, n)
    side = 1 - 2 * y  # the lower moon is the upper one turned by half a turn, and moved
    return _noisy(rng, np.stack([side * np.cos(angle) + y, side * np.sin(angle) + 0.5 * y], axis=1), noise), y


def _peaks(x: Array) -> Array:
    """Three hills and three hollows, over (-3, 3) in both directions stretched to (-1, 1): MATLAB's test surface."""
    a, b = 3 * x[:, 0], 3 * x[:, 1]
    hills = 3 * (1 - a) ** 2 * np.exp(-(a**2) - (b + 1) ** 2)
    hollows = 10 * (a / 5 - a**3 - b**5) * np.exp(-(a**2) - b**2)
    out: Array = hills - hollows - np.exp(-((a + 1) ** 2) - b**2) / 3
    return out


SURFACES: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "plane": (2, lambda x: x[:, 0] + 0.5 * x[:, 1]),
    "saddle": (2, lambda x: x[:, 0] * x[:, 1]),
    "ripples": (2, lambda x: np.sin(3 * math.pi * np.hypot(x[:, 0], x[:, 1]))),
    "peaks": (2, _peaks),
    "smooth": (
        6,
        lambda x: np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] - 0.5 * x[:, 3] ** 2 + 0.3 * x[:, 4],
    ),
}
"""Of `regression_surface`: how many numbers it takes, and what it makes of x (n, features)."""


def regression_surface(
    kind: str = "saddle", n_samples: int = 1000, *, noise: float = 0.0, seed: int | None = 0
) -> tuple[Array, Array]:
    """A function of a few numbers, to be learnt from points on it.

    "plane"    x0 + x1 / 2: a Dense layer without activation can do it
    "saddle"   x0 x1
    "ripples"  sin(3 pi r), r the distance from the origin
    "peaks"    three hills and three hollows, from -6.5 to 8.1
    "smooth"   sin(3 x0) + x1 x2 - x3^2 / 2 + 0.3 x4, of six numbers; the last one is of no use

    Args:
        kind: one of these names.
        n_samples: how many points.
        noise: standard deviation of what is added to y.
        seed: of the generator.

    Returns:
        x (n_samples, 2), or (n_samples, 6) for "smooth", float64, uniform in (-1, 1), and y (n_samples, 1), float64.

    Raises:
        ValueError: there is no such kind, n_samples is no positive integer, or noise is negative.

    Example:
        >>> x, y = tinynn.datasets.regression_surface("ripples", 500, noise=0.1)
        >>> x.shape, y.shape
        ((500, 2), (500, 1))
    """
    if kind not in SURFACES:
        raise unknown_name("surface", str(kind), SURFACES)
    features, height = SURFACES[kind]
    n, rng = positive_integer("regression_surface", "n_samples", n_samples), _generator(seed)
    x = rng.uniform(-1, 1, (n, features))
    return x, _noisy(rng, height(x), noise).reshape(-1, 1)


def _generator(seed: int | None) -> Any:
    """The functions of a generator of its own, or of NumPy's global one."""
    return np.random if seed is None else np.random.RandomState(seed)


def _balanced(rng: Any, n: int, classes: int) -> Array:
    """Labels (n,) in random order, as many of each class as of the others, give or take one."""
    labels: Array = rng.permutation(np.arange(n) % classes)
    return labels


def _noisy(rng: Any, values: Array, noise: float) -> Array:
    if not noise >= 0:
        raise ValueError(f"noise is a standard deviation, a number from 0 on; got {noise!r}.")
    noisy: Array = values + noise * rng.normal(size=values.shape) if noise else values
    return noisy
