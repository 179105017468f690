"""Initializers that draw random numbers: the same ones as Keras's from the same seed.

An integer seed gives the same values at every call. With seed=None a seed is drawn from Python's `random` when the
initializer is made (so that `set_random_seed` settles it), once, whatever happens later; a `SeedGenerator` gives
other values at every call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynn._checks import unknown_name
from tinynn._typing import Array, Shape
from tinynn.initializers.initializer import Initializer
from tinynn.random import functions as random
from tinynn.random.seed_generator import SeedGenerator, make_default_seed, seed_pair

_TRUNCATED_STDDEV = 0.87962566103423978
"""The standard deviation of a normal number known to lie within 2: dividing by it gives a truncated one the full spread."""


class RandomInitializer(Initializer):
    """What the random ones share: the seed.

    Args:
        seed: an integer, a `SeedGenerator` (or its description from a saved model), or None.

    Raises:
        ValueError: anything else.
    """

    def __init__(self, seed: Any = None) -> None:
        self._init_seed = seed
        if seed is None:
            seed = make_default_seed()
        elif isinstance(seed, dict) and seed.get("class_name") == "SeedGenerator" and isinstance(seed["config"], dict):
            seed = SeedGenerator.from_config(seed["config"])
        elif not isinstance(seed, SeedGenerator):
            seed_pair(seed)
        self.seed: int | SeedGenerator = seed

    def get_config(self) -> dict[str, Any]:
        """The seed as it was given."""
        if isinstance(self._init_seed, SeedGenerator):
            return {
                "seed": {
                    "module": "keras.random",
                    "class_name": "SeedGenerator",
                    "config": self._init_seed.get_config(),
                    "registered_name": None,
                }
            }
        return {"seed": self._init_seed}


class RandomNormal(RandomInitializer):
    """Normal numbers.

    Args:
        mean: their mean.
        stddev: their standard deviation.
        seed: see `RandomInitializer`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed=seed)

    def __call__(self, shape: Shape, dtype: Any = None) -> Array:
        """float32 or float64."""
        return random.normal(shape, mean=self.mean, stddev=self.stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        """seed, mean, stddev."""
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomInitializer):
    """Normal numbers, those two or more standard deviations from the mean drawn again.

    Args:
        mean: their mean.
        stddev: the standard deviation before truncation; 0.88 of it is left after.
        seed: see `RandomInitializer`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed=seed)

    def __call__(self, shape: Shape, dtype: Any = None) -> Array:
        """float32 or float64."""
        return random.truncated_normal(shape, mean=self.mean, stddev=self.stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        """seed, mean, stddev."""
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(RandomInitializer):
    """Numbers spread evenly over [minval, maxval).

    Args:
        minval: the lowest.
        maxval: the upper end, itself excluded.
        seed: see `RandomInitializer`.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed=seed)

    def __call__(self, shape: Shape, dtype: Any = None) -> Array:
        """float32 or float64."""
        return random.uniform(shape, minval=self.minval, maxval=self.maxval, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        """seed, minval, maxval."""
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class VarianceScaling(RandomInitializer):
    """Random weights with mean 0 and variance `scale / n`, n being how many numbers meet at a unit.

    out[u] = sum_i x[i] kernel[i, u] is a sum of fan_in products, so Var out = fan_in Var(kernel) Var(x) for independent
    inputs of mean 0: with variance 1 / fan_in the signal keeps its size from layer to layer. Going backwards fan_out
    terms are summed, hence the compromise "fan_avg". A ReLU halves the signal's power, hence scale=2 in He's.

        uniform              on [-limit, limit),  limit = sqrt(3 scale / n)
        truncated_normal     cut at two standard deviations, before the cut sqrt(scale / n) / 0.8796, after it sqrt(scale / n)
        untruncated_normal   standard deviation sqrt(scale / n)

    Args:
        scale: above 0.
        mode: what n is: "fan_in", "fan_out" or "fan_avg", their mean.
        distribution: "truncated_normal" (or "normal", which means it), "untruncated_normal" or "uniform".
        seed: see `RandomInitializer`.
        input_axes: the axes whose lengths multiply to fan_in; used if `output_axes` is given as well.
        output_axes: likewise for fan_out.

    Raises:
        ValueError: a scale, mode or distribution that is none of these.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        if not scale > 0:
            raise ValueError(f"{type(self).__name__} expects a scale above 0; got {scale!r}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise unknown_name("mode", str(mode), ("fan_in", "fan_out", "fan_avg"))
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise unknown_name("distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform"))
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed=seed)

    def __call__(self, shape: Shape, dtype: Any = None) -> Array:
        """float32 or float64."""
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return random.uniform(shape, minval=-limit, maxval=limit, dtype=dtype, seed=self.seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, stddev=math.sqrt(variance), dtype=dtype, seed=self.seed)
        stddev = math.sqrt(variance) / _TRUNCATED_STDDEV
        return random.truncated_normal(shape, stddev=stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        """seed, scale, mode, distribution, input_axes, output_axes."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            **self._axes(),
        }

    def _axes(self) -> dict[str, Any]:
        return {"input_axes": self.input_axes, "output_axes": self.output_axes}


class _NamedScaling(VarianceScaling):
    """A VarianceScaling that has a name of its own: the class attributes say which."""

    _scale: float
    _mode: str
    _distribution: str

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(self._scale, self._mode, self._distribution, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        """seed, input_axes, output_axes."""
        return {**RandomInitializer.get_config(self), **self._axes()}


class GlorotUniform(_NamedScaling):
    """Uniform on [-limit, limit), limit = sqrt(6 / (fan_in + fan_out)); the default of Dense (Glorot and Bengio 2010)."""

    _scale, _mode, _distribution = 1.0, "fan_avg", "uniform"


class GlorotNormal(_NamedScaling):
    """Truncated normal, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""

    _scale, _mode, _distribution = 1.0, "fan_avg", "truncated_normal"


class HeUniform(_NamedScaling):
    """Uniform on [-limit, limit), limit = sqrt(6 / fan_in); for ReLU (He, Zhang, Ren and Sun 2015)."""

    _scale, _mode, _distribution = 2.0, "fan_in", "uniform"


class HeNormal(_NamedScaling):
    """Truncated normal, variance 2 / fan_in; for ReLU (He, Zhang, Ren and Sun 2015)."""

    _scale, _mode, _distribution = 2.0, "fan_in", "truncated_normal"


class LecunUniform(_NamedScaling):
    """Uniform on [-limit, limit), limit = sqrt(3 / fan_in) (LeCun, Bottou, Orr and Müller 1998)."""

    _scale, _mode, _distribution = 1.0, "fan_in", "uniform"


class LecunNormal(_NamedScaling):
    """Truncated normal, variance 1 / fan_in; for SELU (Klambauer, Unterthiner, Mayr and Hochreiter 2017)."""

    _scale, _mode, _distribution = 1.0, "fan_in", "truncated_normal"


class Orthogonal(RandomInitializer):
    """A random rotation: columns (or rows, whichever are fewer) of length `gain` at right angles to each other.

    All such matrices are equally likely (Saxe, McClelland and Ganguli 2014). Keras's matrix up to rounding: the two
    QR decompositions start from the same normal numbers but round differently, by some 1e-6 (float64: 1e-14).

    Args:
        gain: the factor.
        seed: see `RandomInitializer`.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = gain
        super().__init__(seed=seed)

    def __call__(self, shape: Shape, dtype: Any = None) -> Array:
        """A QR = A with A normal; Q sign(diag R) is spread evenly over all rotations, Q alone is not.

        For more than two axes it is the matrix of shape (product of all but the last, the last).

        Raises:
            ValueError: fewer than two axes.
        """
        if len(shape) < 2:
            raise ValueError(f"Orthogonal expects a shape of two axes or more; got {tuple(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        a = random.normal((max(rows, columns), min(rows, columns)), dtype=dtype, seed=self.seed)
        q, r = np.linalg.qr(a)
        q = q * np.sign(np.diag(r))
        if rows < columns:
            q = q.T
        matrix: Array = q.reshape(shape) * q.dtype.type(self.gain)
        return matrix

    def get_config(self) -> dict[str, Any]:
        """seed, gain."""
        return {**super().get_config(), "gain": self.gain}


def compute_fans(
    shape: Shape, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs a unit sums over, and how many units an input reaches.

    A matrix is (fan_in, fan_out). A convolution kernel, (..., channels in, channels out), has both for every place it
    covers. A vector's length counts as both, a number's as 1. With both lists of axes given, products of their lengths.
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[i] for i in input_axes), math.prod(shape[i] for i in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    places = math.prod(shape[:-2])
    return places * shape[-2], places * shape[-1]
