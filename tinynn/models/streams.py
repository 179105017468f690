"""Data that comes batch by batch: generators, PyDatasets, datasets of other libraries, any iterable of batches."""

from __future__ import annotations

import contextlib
import itertools
import random
import types
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tinynn.models.data import ArrayBatches, sample_weights_of
from tinynn.utils.data_adapter_utils import unpack_x_y_sample_weight


class Stream:
    """Batches one after another, over and over: `batches()` starts from the beginning, as far as there is one.

    Attributes:
        num_batches: how many there are, None if that is not known.
        may_end: whether coming to an end of unknown place is what such data do, and not worth a warning.
    """

    kind = "iterable of batches"
    num_batches: int | None = None
    may_end = False

    def __init__(self, source: Any, class_weight: dict[int, float] | None = None) -> None:
        self.source = source
        self.class_weight = class_weight
        self._seen_last: Any = None

    def raw_batches(self, seen: int = 0) -> Iterator[Any]:
        """The batches as they come, after those that were seen: most kinds have to make these again."""
        batches: Iterator[Any] = iter(self.source)
        for _ in range(seen):
            self._seen_last = next(batches, None)
        if seen and self._seen_last is None:
            raise ValueError(f"The training stopped after {seen} batches; the {self.kind} has fewer now.")
        return batches

    def sample(self) -> ArrayBatches:
        """One of the batches that were seen before a training was resumed."""
        return self.arrays(self._seen_last)

    def get_state(self) -> Any:
        """What a backup of a training holds of the source: what its own `get_state()` returns, if it has one."""
        return getattr(self.source, "get_state", lambda: None)()

    def set_state(self, state: Any) -> None:
        """Hand the source what it returned."""
        if state is not None and hasattr(self.source, "set_state"):
            self.source.set_state(state)

    def batches(self, seen: int = 0) -> Iterator[ArrayBatches]:
        """Each batch as arrays of that many rows, after those that were seen before a training was resumed."""
        batches = self.raw_batches(seen)
        return (self.arrays(batch) for batch in batches)

    def arrays(self, batch: Any) -> ArrayBatches:
        """One batch, checked.

        Raises:
            ValueError: more than three parts, two kinds of weights, or values that are no numbers.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(batch)
        if self.class_weight is not None:
            if sample_weight is not None:
                raise ValueError("You cannot specify `class_weight` and `sample_weight` at the same time.")
            sample_weight = None if y is None else sample_weights_of(y, self.class_weight)
        data = ArrayBatches(x, y, sample_weight)
        data.batch_size = len(data)
        return data

    def on_epoch_begin(self) -> None:
        """Told by `fit` and its kin."""

    def on_epoch_end(self) -> None:
        """Told by `fit` and its kin, and once before the first epoch."""


class IterableStream(Stream):
    """Any object that can be walked through again and again: a DataLoader, a tf.data.Dataset, an own class."""

    def __init__(self, source: Any, class_weight: dict[int, float] | None = None, kind: str = Stream.kind) -> None:
        super().__init__(source, class_weight)
        self.kind = kind
        self.may_end = kind == Stream.kind
        if kind == "tf.data.Dataset":
            count = int(source.cardinality())
            self.num_batches = count if count >= 0 else None  # unknown and infinite are negative
        else:
            with contextlib.suppress(TypeError, NotImplementedError):
                self.num_batches = len(source)


class GeneratorStream(Stream):
    """A generator, or another iterator that can be walked through once.

    Two things are as in Keras on TensorFlow, because numbers depend on them. The first two batches are taken at once, to
    see their shapes, and come again whenever the data are started anew, in front of what the generator still has: an
    exhausted generator gives a second epoch of two batches. And one batch is read ahead, and lost when a run ends
    before the generator does.
    """

    kind = "generator"

    def __init__(self, source: Iterator[Any]) -> None:
        super().__init__(source)
        self._taken = 0  # from the generator, ever
        self._first = list(itertools.islice(self._rest(), 2))
        if not self._first:
            raise ValueError(
                "When passing a Python generator to a model, the generator must yield at least one batch. "
                "Received an empty generator."
            )
        if not isinstance(self._first[0], tuple):
            raise ValueError(
                "When passing a Python generator to a model, the generator must return a tuple, either (input,) or (inputs, "
                f"targets) or (inputs, targets, sample_weights). Received: {self._first[0]}"
            )

    def _rest(self) -> Iterator[Any]:
        """What the generator still has."""
        for batch in self.source:
            self._taken += 1
            yield batch

    def raw_batches(self, seen: int = 0) -> Iterator[Any]:
        """The first two, then the rest."""
        taken, ended = seen, False
        try:
            for batch in itertools.chain(self._first[seen:], self._rest()):
                taken += 1
                yield batch
            ended = True
        finally:
            if not ended and taken >= len(self._first):
                with contextlib.suppress(Exception):  # the batch read ahead: nobody asked for it, nor for its error
                    next(self._rest(), None)

    def sample(self) -> ArrayBatches:
        """The first."""
        return self.arrays(self._first[0])

    def get_state(self) -> Any:
        """How many batches were taken from the generator."""
        return self._taken

    def set_state(self, state: Any) -> None:
        """Take as many from this one, which has to be made anew as the first was.

        Raises:
            ValueError: that is no number, or more were taken already.
        """
        if type(state) is not int or state < self._taken:
            raise ValueError(f"A training is resumed on a generator made anew; the first one gave {state!r} batches.")
        for _ in zip(range(state - self._taken), self._rest()):
            pass


class PyDatasetStream(Stream):
    """A `PyDataset`, or what has its methods: batches by number, in an order drawn from Python's `random`."""

    kind = "PyDataset"

    def __init__(self, source: Any, class_weight: dict[int, float] | None = None, shuffle: bool = False) -> None:
        super().__init__(source, class_weight)
        self.num_batches = source.num_batches if hasattr(source, "num_batches") else len(source)
        self.shuffle = shuffle and self.num_batches is not None
        workers = getattr(source, "workers", 1)
        self.workers = workers if workers > 1 or (workers > 0 and source.use_multiprocessing) else 0
        if self.num_batches == 0:
            raise ValueError("The PyDataset has length 0")
        for i in range(2 if self.num_batches is None else min(2, self.num_batches)):
            self.arrays(source[i])  # Keras looks at two batches too: a dataset may draw random numbers to make them

    def arrays(self, batch: Any) -> ArrayBatches:
        """One batch, checked; an array alone is the inputs.

        Raises:
            ValueError: anything but an array, or a tuple or list of up to three.
        """
        if not isinstance(batch, (np.ndarray, tuple, list)) or (
            isinstance(batch, (tuple, list)) and len(batch) not in (1, 2, 3)
        ):
            raise ValueError(
                "PyDataset.__getitem__() must return a tuple, ordered either (input,) or (inputs, targets) or "
                f"(inputs, targets, sample_weights). Received: {str(batch)[:100]}... of type {type(batch)}"
            )
        return super().arrays(batch)

    def raw_batches(self, seen: int = 0) -> Iterator[Any]:
        """In order, or shuffled; those seen before are not made again."""
        numbers: Iterable[int] = itertools.count()
        if self.num_batches is not None:
            numbers = list(range(self.num_batches))
            if self.shuffle:
                random.shuffle(numbers)
        numbers = itertools.islice(numbers, seen, None)
        if not self.workers:
            return (self.source[i] for i in numbers)
        return _made_ahead(self.source.__getitem__, numbers, self.workers, max(1, self.source.max_queue_size))

    def sample(self) -> ArrayBatches:
        """The first."""
        return self.arrays(self.source[0])

    def on_epoch_begin(self) -> None:
        """Tell the dataset, if it listens."""
        getattr(self.source, "on_epoch_begin", lambda: None)()

    def on_epoch_end(self) -> None:
        """Tell the dataset."""
        self.source.on_epoch_end()


def _made_ahead(make: Callable[[int], Any], numbers: Iterable[int], workers: int, ahead: int) -> Iterator[Any]:
    """`make(i)` for each number, in order, by threads that work ahead."""
    from concurrent.futures import Future, ThreadPoolExecutor

    waiting: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="tinynn-batches") as pool:
        try:
            for i in numbers:
                waiting.append(pool.submit(make, i))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


# Which is which -----------------------------------------------------------------------------------------------------------


def is_stream(x: Any) -> bool:
    """Whether x brings its own batches. Arrays, frames and lists do not."""
    if isinstance(x, (list, tuple, dict, str, bytes, np.ndarray)) or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "on_epoch_end"))


def stream_of(
    x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, shuffle: Any = False
) -> Stream:
    """The stream for data that bring their own batches, targets and weights.

    Raises:
        ValueError: targets or weights beside it, or class weights where it cannot have them.
    """
    kind = _kind_of(x)
    for name, value, what in (("y", y, "targets"), ("sample_weights", sample_weight, "sample weights")):
        if value is not None:
            raise ValueError(
                f"When providing `x` as a {kind}, `{name}` should not be passed. Instead, the {what} should be included as "
                f"part of the {kind}."
            )
    if class_weight is not None and kind in ("generator", "torch DataLoader"):
        raise ValueError(
            f"Argument `class_weight` is not supported for {kind} inputs. Received: class_weight={class_weight}. Let each "
            "batch be (inputs, targets, sample_weights) instead."
        )
    if kind == "PyDataset":
        stream = PyDatasetStream(x, class_weight, bool(shuffle))
        if shuffle and stream.num_batches is None:
            _warn_of_shuffle("an infinite PyDataset. The PyDataset is expected to already be shuffled.")
        return stream
    if shuffle and kind in _SHUFFLED_BY_THEMSELVES:
        _warn_of_shuffle(_SHUFFLED_BY_THEMSELVES[kind])
    return GeneratorStream(x) if kind == "generator" else IterableStream(x, class_weight, kind)


_SHUFFLED_BY_THEMSELVES = {
    "generator": "a generator. The generator is expected to yield already-shuffled data.",
    "tf.data.Dataset": (
        "a tf.data.Dataset. The Dataset is expected to already be shuffled (via `.shuffle(buffer_size)`)."
    ),
    "torch DataLoader": "a torch DataLoader. The DataLoader is expected to already be shuffled.",
}


def _warn_of_shuffle(what: str) -> None:
    warnings.warn(
        f"`shuffle=True` was passed, but will be ignored since the data `x` was provided as {what}", stacklevel=5
    )


def _kind_of(x: Any) -> str:
    """What Keras calls it; other libraries are told by the names of their classes, not imported."""
    if isinstance(x, types.GeneratorType):
        return "generator"
    if hasattr(x, "__getitem__") and hasattr(x, "on_epoch_end"):
        return "PyDataset"
    ancestors = [(parent.__name__, parent.__module__) for parent in type(x).__mro__]
    if any(name == "DatasetV2" and module.startswith("tensorflow.python.") for name, module in ancestors):
        return "tf.data.Dataset"
    if any(name == "DataLoader" and module.startswith("torch.utils.data") for name, module in ancestors):
        return "torch DataLoader"
    return "generator" if iter(x) is x else Stream.kind
