"""How data are cut into epochs, and epochs into stretches of batches between which Python is needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from tinynn._typing import Array
from tinynn.models.data import ArrayBatches
from tinynn.models.streams import Stream


class Stretch(NamedTuple):
    """The batches begin .. end - 1 of data in an order, which are the steps `first_step` .. `last_step` of the epoch."""

    engine: Any
    data: ArrayBatches
    order: Array | None
    begin: int
    end: int
    first_step: int

    @property
    def last_step(self) -> int:
        """The number of the last step, from 0."""
        return self.first_step + self.end - self.begin - 1


class ArrayEpochs:
    """Epochs over arrays: all batches, or `steps` of them, each epoch going on where the one before has stopped.

    When `steps` do not divide the batches, the epoch that comes to the end of the data is short, with a warning, and the
    next one starts anew, in a new order: so does Keras.
    """

    def __init__(self, data: ArrayBatches, engine: Any, steps: int | None = None) -> None:
        self.data = data
        self.engine = engine
        self.steps = steps
        self._place = 0
        self._order: Array | None = None

    @property
    def num_steps(self) -> int | None:
        """The steps of an epoch."""
        return self.steps or self.data.num_batches

    def reset(self) -> None:
        """The next epoch starts from the beginning."""
        self._place = 0

    def close(self) -> None:
        """No more epochs."""

    def epoch(self, wanted: bool, every: bool) -> Iterator[Stretch]:
        """The stretches of the next epoch; whether batches are wanted, and each of them, says how long they are."""
        if self._place == 0:
            self._order = self.data.order()
        begin, total = self._place, self.data.num_batches
        end = total if self.steps is None else min(begin + self.steps, total)
        self._place = 0 if end == total else end
        for first, last in _slices(self.engine, self.data.batch_size, begin, end, wanted, every):
            yield Stretch(self.engine, self.data, self._order, first, last, first - begin)
        if self.steps is not None and end - begin < self.steps:
            _warn_of_end()


class StreamEpochs:
    """Epochs over a stream: to its end, or `steps` batches of it, each epoch going on where the one before has stopped.

    Args:
        stream: where the batches come from.
        choose: the engine for a batch, which is checked there.
        steps: batches in an epoch.
    """

    def __init__(self, stream: Stream, choose: Callable[[ArrayBatches], Any], steps: int | None = None) -> None:
        self.stream = stream
        self.steps = steps
        self._choose = choose
        self._total = stream.num_batches
        self._batches: Any = None
        self._seen = 0

    @property
    def num_steps(self) -> int | None:
        """The steps of an epoch, None if that is not known."""
        return self.steps or self._total

    def reset(self) -> None:
        """The next epoch starts from the beginning, as far as the stream has one."""
        self.close()
        self._total = self.stream.num_batches
        self.stream.on_epoch_end()

    def close(self) -> None:
        """Let go of the stream: threads that work ahead for it end."""
        if self._batches is not None:
            self._batches.close()
        self._batches, self._seen = None, 0

    def epoch(self, wanted: bool, every: bool) -> Iterator[Stretch]:
        """The batches of the next epoch, one by one.

        Raises:
            ValueError: there is not a single batch.
        """
        self.stream.on_epoch_begin()
        planned = self.num_steps
        if self._batches is None or self.steps is None:
            self.close()
            self._batches = self.stream.batches()
        step = 0
        while planned is None or step < planned:
            if self._total is not None and self._seen >= self._total:
                if self.steps is not None:
                    _warn_of_end()
                break
            try:
                data = next(self._batches)
            except StopIteration:
                self._came_to_the_end(step)
                return
            self._seen += 1
            yield Stretch(self._choose(data), data, None, 0, 1, step)
            step += 1
        if self._total is not None and self._seen >= self._total:
            self.close()
        self.stream.on_epoch_end()

    def _came_to_the_end(self, step: int) -> None:
        if self._total is None:
            if step == 0:
                raise ValueError(f"The {self.stream.kind} has no batches. Expected at least one.")
            self._total = self._seen + (0 if self.stream.may_end else 1)  # Keras counts the step that found nothing
        if self.steps is not None or not self.stream.may_end:
            _warn_of_end()
        self.close()
        self.stream.on_epoch_end()


Epochs: TypeAlias = ArrayEpochs | StreamEpochs


def _slices(engine: Any, batch_size: int, begin: int, end: int, wanted: bool, every: bool) -> Iterator[tuple[int, int]]:
    """(begin, end) of the stretches of batches between which Python is needed.

    One batch at a time for callbacks that want each; for the progress bar the first one, from which it learns how long a step
    takes, and then some twenty times a second; else a few times a second, so that Ctrl-C is heard.
    """
    stride = 1 if every else engine.batches_in(0.05 if wanted else 0.2, batch_size)
    stop = begin + 1 if wanted else min(begin + stride, end)
    while begin < end:
        yield begin, stop
        begin, stop = stop, min(stop + stride, end)


def _warn_of_end() -> None:
    warnings.warn(
        "Your input ran out of data; interrupting training. Make sure that your dataset or generator can generate at least "
        "`steps_per_epoch * epochs` batches. You may need to use the `.repeat()` function when building your dataset.",
        stacklevel=2,
    )
