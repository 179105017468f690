"""Inputs brought to mean 0 and variance 1 by statistics of a data set, found before training."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from tinynn import config as settings
from tinynn import ops
from tinynn._typing import Array, BatchShape, Tensor
from tinynn.engine.recorded import TensorLike, value_of
from tinynn.layers.layer import Layer
from tinynn.variable import Variable


class Normalization(Layer):
    """(inputs - mean) / max(sqrt(variance), epsilon), with a mean and a variance for each place along `axis`.

    They are found by `adapt(data)`, or given. `epsilon` is `tinynn.config.epsilon()`: a feature that never varies is divided by
    1e-7. They are no subject of training.

    Args:
        axis: the axis (or axes) along which each place has statistics of its own; None for one mean and variance of all.
        mean, variance: if they are known: numbers, or arrays for those axes.
        invert: the way back: inputs max(sqrt(variance), epsilon) + mean.
        **kwargs: of `Layer`.

    Raises:
        ValueError: one of mean and variance without the other, or of different shapes; an axis that the inputs do not have, or
            whose length is not known.
    """

    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis: tuple[int, ...] = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(
                "When setting values directly, both `mean` and `variance` must be set. "
                f"Received: mean={mean} and variance={variance}"
            )
        if np.shape(mean) != np.shape(variance):
            raise ValueError(
                "When setting values directly, `mean` and `variance` must have the same shape. Received: "
                f"mean shape {np.shape(mean)} and variance shape {np.shape(variance)}"
            )
        if mean is not None and np.ndim(mean) > len(self.axis):
            raise ValueError(
                f"The rank of `mean` must be less than or equal to the number of axes ({len(self.axis)}). Received: mean shape "
                f"{np.shape(mean)} for axis {self.axis}"
            )
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.mean: Array | None = None
        self.variance: Array | None = None
        self.adapt_mean: Variable
        self.adapt_variance: Variable
        self.count: Variable

    def build(self, input_shape: BatchShape) -> None:
        """Make the statistics' variables: mean and variance, and a count that is Keras's and stays 0."""
        ndim = len(input_shape)
        if any(not -ndim <= i < ndim for i in self.axis):
            raise ValueError(
                "All `axis` values must be in the range [-ndim, ndim). "
                f"Received inputs with ndim={ndim}, while axis={self.axis}"
            )
        self._kept = tuple(sorted(i % ndim for i in self.axis))
        for i in self._kept:
            if input_shape[i] is None:
                raise ValueError(
                    f"All `axis` values to be kept must have a known shape. Received axis={self.axis}, "
                    f"inputs.shape={tuple(input_shape)}, with unknown axis at index {i}"
                )
        self._reduced = tuple(i for i in range(ndim) if i not in self._kept)
        self._input_shape = tuple(input_shape)
        self._broadcast = tuple(int(n or 1) if i in self._kept else 1 for i, n in enumerate(input_shape))
        shape = tuple(self._broadcast[i] for i in self._kept)
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape=shape, initializer="ones", trainable=False, name="variance")
            self.count = self.add_weight(shape=(), initializer="zeros", dtype="int", trainable=False, name="count")
        else:
            self.mean = np.broadcast_to(self._aligned(self.input_mean), self._broadcast).astype(self.dtype)
            self.variance = np.broadcast_to(self._aligned(self.input_variance), self._broadcast).astype(self.dtype)
        self.built = True
        self.finalize_state()

    def _aligned(self, given: Any) -> Array:
        """Values for the kept axes, from the last one on, with axes of length 1 in between."""
        found = value_of(ops.convert_to_tensor(given))  # Python's numbers are float32 first, as in Keras
        shape = [1] * len(self._broadcast)
        for i in range(1, found.ndim + 1):
            shape[self._kept[-i]] = found.shape[-i]
        return np.asarray(found.reshape(shape))

    def adapt(self, data: Any) -> None:
        """Find mean and variance (divided by n) of data: all of it at once, or of an iterable of batches.

        Args:
            data: an array, or an iterable of arrays (or of tuples that begin with one): a list, a generator, a dataset.

        Raises:
            TypeError: anything else.
            ValueError: an empty iterable, or shapes that do not fit.
        """
        if isinstance(data, (np.ndarray, TensorLike)) or hasattr(data, "to_numpy"):
            whole = np.asarray(data.to_numpy() if hasattr(data, "to_numpy") else value_of(data))
            self._prepare(whole.shape)
            mean, variance = np.mean(whole, axis=self._reduced), np.var(whole, axis=self._reduced)
        elif hasattr(data, "__iter__"):
            mean, variance = self._statistics_of_batches(data)
        else:
            raise TypeError(f"Unsupported data type: {type(data)}. `adapt` takes an array or an iterable of batches.")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)
        self.finalize_state()

    def _prepare(self, shape: tuple[int, ...]) -> None:
        if self.input_mean is not None:
            raise ValueError(f'Normalization "{self.name}" was given its mean and variance; there is nothing to adapt.')
        if not self.built:
            self.build(shape)
        elif len(shape) != len(self._input_shape) or any(shape[i] != self._input_shape[i] for i in self._kept):
            raise ValueError(
                f"The layer was built with input_shape={self._input_shape}, but adapt() is being called with data with an "
                f"incompatible shape, data.shape={shape}"
            )

    def _statistics_of_batches(self, data: Any) -> tuple[Array, Array]:
        """Running mean and variance:  with shares a of what was seen and b of the batch, a + b = 1,

        m <- a m + b m_b,   v <- a (v + (m_old - m)^2) + b (v_b + (m_b - m)^2)
        """
        batches = iter(data)
        first = next(batches, None)
        if first is None:
            raise ValueError("adapt() received an empty iterable (no batches). Expected at least one batch.")
        mean = variance = np.zeros((), self.dtype)
        seen = 0
        for batch in itertools.chain([first], batches):
            found = batch[0] if isinstance(batch, tuple) else batch
            if not hasattr(found, "shape"):
                raise TypeError(
                    "adapt() expects an iterable that yields arrays or tensors with a `.shape` attribute (e.g. numpy arrays "
                    f"or backend tensors). Got an element of type {type(found).__name__}."
                )
            x = np.asarray(value_of(found)).astype(self.dtype)
            self._prepare(x.shape)
            size = math.prod(x.shape[i] for i in self._reduced)
            seen += size
            share = size / seen
            own_mean, own_variance = np.mean(x, axis=self._reduced), np.var(x, axis=self._reduced)
            new = mean * (1.0 - share) + own_mean * share
            variance = (variance + (mean - new) ** 2) * (1.0 - share) + (own_variance + (own_mean - new) ** 2) * share
            mean = new
        return mean, variance

    def finalize_state(self) -> None:
        """Show in `mean` and `variance` what stands in the variables. `call` looks at these themselves."""
        if self.input_mean is None and self.built:
            self.mean = self.adapt_mean.value.reshape(self._broadcast)
            self.variance = self.adapt_variance.value.reshape(self._broadcast)

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The same shape in and out."""
        self.finalize_state()
        x = ops.cast(inputs, self.dtype)
        deviation = np.maximum(np.sqrt(np.asarray(self.variance)), np.dtype(self.dtype).type(settings.epsilon()))
        if self.invert:
            return ops.add(self.mean, ops.multiply(x, deviation))
        return ops.divide(ops.subtract(x, self.mean), deviation)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again; statistics that were adapted are weights and not in it."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }
