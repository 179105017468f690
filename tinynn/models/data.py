"""Data on its way into a model: checked at the border, sliced into batches, never copied as a whole."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tinynn import config, random
from tinynn._checks import positive_integer
from tinynn._typing import Array
from tinynn.engine.recorded import value_of
from tinynn.random.global_seed import shuffle_seed
from tinynn.utils.data_adapter_utils import pack_x_y_sample_weight, unpack_x_y_sample_weight


class Batch(NamedTuple):
    """One batch: inputs, targets and weights, the latter two possibly None."""

    x: Any
    y: Any
    sample_weight: Any

    def packed(self) -> Any:
        """x, (x, y) or (x, y, sample_weight), as short as it goes: what `train_step(data)` and its kin are handed."""
        return pack_x_y_sample_weight(*self)


class ArrayBatches:
    """Arrays as batches, in order or in the order of Keras's `fit` shuffle.

    Args:
        x: (samples, ...).
        y: (samples, ...) or None.
        sample_weight: (samples,) or None.
        batch_size: 32 by default; the last batch takes what is left.
        shuffle: False, True (the samples), "batch" (the samples within each batch), or a function that is asked for
            the order of each epoch: `numpy.random.default_rng(0).permutation`, given the number of samples.

    Raises:
        ValueError: no samples, unequal lengths, or values that are no numbers.
    """

    def __init__(
        self, x: Any, y: Any = None, sample_weight: Any = None, batch_size: Any = None, shuffle: Any = False
    ) -> None:
        self.x = as_array("x", x)
        self.y = None if y is None else as_array("y", y)
        self.sample_weight = None if sample_weight is None else as_array("sample_weight", sample_weight)
        self.batch_size = (
            32 if batch_size is None else positive_integer("fit, evaluate and predict", "batch_size", batch_size)
        )
        self.shuffle = shuffle
        self.prepared: dict[
            str, Any
        ] = {}  # what an engine keeps of these arrays from one stretch of batches to the next
        self._order: Array | None = None
        self.order_seed: int | None = None  # with which the last order was drawn
        self._check_lengths()

    def _check_lengths(self) -> None:
        sizes = {
            name: len(a)
            for name, a in (("x", self.x), ("y", self.y), ("sample_weight", self.sample_weight))
            if a is not None
        }
        if len(set(sizes.values())) > 1:
            told = "\n".join(f"'{name}' sizes: {n}" for name, n in sizes.items())
            raise ValueError(
                f"Data cardinality is ambiguous. Make sure all arrays contain the same number of samples.\n{told}"
            )
        if not len(self.x):
            raise ValueError(f"x has no samples: its shape is {self.x.shape}. Expected at least one row.")

    def __len__(self) -> int:
        return len(self.x)

    @property
    def num_batches(self) -> int:
        """How many batches make an epoch."""
        return math.ceil(len(self.x) / self.batch_size)

    def order(self) -> Array | None:
        """The order of an epoch's samples, (samples,) int64; None for as they come."""
        if not self.shuffle:
            return None
        if callable(self.shuffle):
            return self._checked(self.shuffle(len(self.x)))
        return self.order_of(shuffle_seed())

    def order_of(self, seed: int | None) -> Array:
        """The order (samples,) of an epoch under a seed, a new one each time under None."""
        if seed is None or seed != self.order_seed:  # under one seed every epoch has the same order, as in Keras
            self.order_seed = seed
            if self.shuffle == "batch":
                self._order = random.batch_shuffle(len(self.x), self.batch_size, seed)
            else:
                self._order = random.fit_permutation(len(self.x), seed)
        assert self._order is not None
        return self._order

    def _checked(self, order: Any) -> Array:
        """An order from outside: machine code reads the rows that it names without looking."""
        numbers: Array = np.ascontiguousarray(order, np.int64)
        n = len(self.x)
        if numbers.shape != (n,) or numbers.min() < 0 or numbers.max() >= n:
            raise ValueError(
                f"shuffle must return {n} numbers of samples, from 0 to {n - 1}, as numpy.random.permutation({n}) does; got "
                f"{reprlib.repr(numbers.tolist())} of shape {numbers.shape}."
            )
        return numbers

    def batch(self, i: int, order: Array | None = None) -> Batch:
        """The i-th batch of an epoch, float inputs in floatx."""
        rows: Any = slice(i * self.batch_size, (i + 1) * self.batch_size)
        if order is not None:
            rows = order[rows]
        return Batch(
            *(None if array is None else to_floatx(array[rows]) for array in (self.x, self.y, self.sample_weight))
        )

    def __iter__(self) -> Iterator[Batch]:
        order = self.order()
        return (self.batch(i, order) for i in range(self.num_batches))


def as_array(name: str, values: Any) -> Array:
    """An array of numbers with a first axis of samples: arrays as they are, lists and data frames converted.

    Raises:
        ValueError: strings or other objects, ragged lists, or a single number.
    """
    if values is None:
        raise ValueError(f"{name} is missing. Expected an array of shape (samples, ...).")
    if isinstance(values, (list, tuple)) and len(values) == 1 and isinstance(values[0], np.ndarray) and values[0].ndim:
        values = values[0]  # Keras's way to give the inputs of a model that has one
    if _is_series(values):
        values = values.to_numpy()
        values = values if name == "sample_weight" else values[:, None]  # a column, as Keras has it
    try:
        array = np.asarray(value_of(values))
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers with rows of equal length; {error}.") from None
    if array.dtype == object:
        try:
            array = array.astype(config.floatx())
        except (TypeError, ValueError):
            raise ValueError(
                f"{name} must hold numbers; got objects such as {array.flat[0]!r}. Encode categories as numbers first."
            ) from None
    if array.dtype.kind not in "fiub":
        example = f" such as {array.flat[0]!r}" if array.size else ""
        raise ValueError(
            f"{name} must hold numbers; got an array of dtype {array.dtype} with values{example}. "
            "Encode text and categories as numbers first."
        )
    if array.ndim == 0:
        raise ValueError(
            f"{name} must be an array with an axis of samples, (samples, ...); got the single value {array}."
        )
    return array


def _is_series(values: Any) -> bool:
    """Whether it is a pandas Series, told without importing pandas."""
    return any(
        parent.__name__ == "Series" and parent.__module__.startswith("pandas") for parent in type(values).__mro__
    )


def to_floatx(array: Array) -> Array:
    """Floats of another precision in floatx; integers as they are, for the layer or loss to cast."""
    return array.astype(config.floatx()) if array.dtype.kind == "f" and array.dtype != config.floatx() else array


def split_validation(x: Any, y: Any, sample_weight: Any, validation_split: float) -> tuple[Batch, Batch]:
    """The last part as validation data, before any shuffling: the split is at floor(n (1 - validation_split)).

    Raises:
        ValueError: a share outside (0, 1), or one that leaves one side without samples.
    """
    if not 0 < validation_split < 1:
        raise ValueError(f"validation_split must be a number between 0 and 1; got {validation_split!r}.")
    arrays = [
        None if a is None else as_array(name, a) for name, a in (("x", x), ("y", y), ("sample_weight", sample_weight))
    ]
    n = len(arrays[0])  # type: ignore[arg-type]
    split_at = math.floor(n * (1.0 - validation_split))
    if split_at in (0, n):
        raise ValueError(
            f"Training data contains {n} samples, which is not sufficient to split it into a validation and training set as "
            f"specified by `validation_split={validation_split}`. Either provide more data, or a different value for the "
            "`validation_split` argument."
        )
    train = Batch(*(None if a is None else a[:split_at] for a in arrays))
    return train, Batch(*(None if a is None else a[split_at:] for a in arrays))


def unpack(data: Any) -> Batch:
    """(x,), (x, y), (x, y, sample_weight) or x alone.

    Raises:
        ValueError: anything else.
    """
    return data if isinstance(data, Batch) else Batch(*unpack_x_y_sample_weight(data))


def sample_weights_of(y: Any, class_weight: dict[int, float]) -> Array:
    """The weight of each sample's class, 1 for classes without one; y holds class numbers or one-hot rows.

    Raises:
        ValueError: no labels, or keys that are no class numbers.
    """
    if y is None:
        raise ValueError("class_weight needs labels y.")
    if not isinstance(class_weight, dict):
        raise ValueError(f"class_weight must be a dict from class number to weight; got {class_weight!r}.")
    labels = as_array("y", y)
    if labels.ndim > 1:
        labels = labels[..., 0] if labels.shape[-1] == 1 else np.argmax(labels, axis=-1)
    classes = np.round(labels).astype(np.int32)
    weights = np.ones(len(classes), config.floatx())
    for number, weight in class_weight.items():
        if isinstance(number, str):
            raise ValueError(f"class_weight must be a dict from class number to weight; got the key {number!r}.")
        weights[classes == number] = weight
    return weights
