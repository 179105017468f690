"""How data are cut into epochs, and epochs into stretches of batches between which Python is needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tinynn._typing import Array
from tinynn.models.data import ArrayBatches
from tinynn.models.streams import Stream
from tinynn.random import global_seed

_SECONDS_UNHEARD = 0.2
"""For how long machine code may run before Python is returned to, which hears Ctrl-C."""

_ORDERS = 1 << 20
"""Samples whose places are kept for epochs that are run at one go."""


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


def executions(stretches: Iterator[Stretch], size: int) -> Iterator[tuple[int, int, Iterator[Stretch]]]:
    """Stretches in groups of `size` steps, or several times as many: first step, last step, and what there is of the group.

    Each is to be walked through before the next one. The last step is counted as if all were there, as in Keras.
    """
    for stretch in stretches:
        last = -(-(stretch.last_step + 1) // size) * size - 1
        yield stretch.first_step, last, _up_to(last, stretch, stretches)


def _up_to(last: int, stretch: Stretch, stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    yield stretch
    while stretch.last_step < last:
        following = next(stretches, None)
        if following is None:
            return
        stretch = following
        yield stretch


class ArrayEpochs:
    """Epochs over arrays: all batches, or `steps` of them, each epoch going on where the one before has stopped.

    Steps are taken `at_once` many at a time, so an epoch has a multiple of that unless the data end.

    When `steps` do not divide the batches, the epoch that comes to the end of the data is short, with a warning, and the
    next one starts anew, in a new order: so does Keras.
    """

    def __init__(self, data: ArrayBatches, engine: Any, steps: int | None = None, at_once: int = 1) -> None:
        self.data = data
        self.engine = engine
        self.steps = steps
        self.at_once = at_once
        self._began = 0  # the batch with which the running epoch has begun
        self._place = 0  # that with which the next one begins
        self._order: Array | None = None

    @property
    def num_steps(self) -> int | None:
        """The steps of an epoch."""
        return self.steps or self.data.num_batches

    @property
    def largest_order(self) -> int:
        """How many bytes the order of the samples takes in a state."""
        return 8 * len(self.data)

    def reset(self) -> None:
        """The next epoch starts from the beginning."""
        self._place = 0

    def close(self) -> None:
        """No more epochs."""

    def epoch(self, wanted: bool, every: bool, done: int = 0) -> Iterator[Stretch]:
        """The stretches of the next epoch; whether batches are wanted, and each of them, says how long they are.

        `done` steps of it were taken before, by a training that is resumed.
        """
        if self._place == 0 and not done:
            self._order = self.data.order()
        begin, total = self._place, self.data.num_batches
        wished = total if self.steps is None else -(-self.steps // self.at_once)  # in executions
        end = total if self.steps is None else min(begin + wished * self.at_once, total)
        self._began, self._place = begin, 0 if end == total else end
        for first, last in self._slices(begin + done, end, wanted, every):
            yield Stretch(self.engine, self.data, self._order, first, last, first - begin)
        if self.steps is not None and -(-(end - begin) // self.at_once) < wished:
            _warn_of_end()

    def several(self, most: int) -> Iterator[None] | None:
        """Train as many of the next epochs as the engine can run at one go, so that Ctrl-C is still heard: all with the first
        `next`; then, one by one, the model's metrics tell how each went. None, and nothing is done, for fewer than two.
        """
        at_once = self.engine.batches_in(_SECONDS_UNHEARD, self.data.batch_size) // max(1, self.data.num_batches)
        at_once = min(most, at_once, _ORDERS // max(1, len(self.data)))
        if at_once < 2 or self.steps is not None or callable(self.data.shuffle) or not self.engine.repeats(self.data):
            return None
        orders = [self.data.order() for _ in range(at_once)]
        self._order, self._began, self._place = orders[-1], 0, 0
        return self.engine.train_epochs(self.data, orders)  # type: ignore[no-any-return]

    def _slices(self, begin: int, end: int, wanted: bool, every: bool) -> Iterator[tuple[int, int]]:
        """(begin, end) of the stretches of batches between which Python is needed.

        One execution at a time for callbacks that want each; for the progress bar the first one, from which it learns how long
        a step takes, and then some twenty times a second; else a few times a second, so that Ctrl-C is heard.
        """
        at_once = self.at_once
        stride = at_once
        if not every:
            seconds = 0.05 if wanted else _SECONDS_UNHEARD
            stride *= max(1, self.engine.batches_in(seconds, self.data.batch_size) // at_once)
        stop = min(begin + (at_once if wanted else stride), end)
        while begin < end:
            yield begin, stop
            begin, stop = stop, min(stop + stride, end)

    def get_state(self, done: int) -> dict[str, Any]:
        """Where in the data a training stands after `done` steps of an epoch, 0 for between two epochs."""
        place = self._began if done else self._place
        seed = self.data.order_seed
        within = bool(done or place) and bool(self.data.shuffle)
        return {
            "kind": "arrays",
            "samples": len(self.data),
            "batch_size": self.data.batch_size,
            "steps": self.steps,
            "shuffle": str(self.data.shuffle),
            "place": place,
            "order_seed": seed,
            "order": self._order if within and seed is None else None,
        }

    def check_state(self, state: Any, done: int) -> None:
        """See that the data are those of which `get_state` told, as far as that can be seen from their number.

        Raises:
            ValueError: they are not, and the training stopped in their middle; or the state makes no sense.
        """
        _check_kind(state, self.get_state(0))
        place, seed, order = state["place"], state["order_seed"], state["order"]
        if not done and place == 0:
            return
        for name in ("samples", "batch_size", "steps", "shuffle"):
            mine = self.get_state(0)[name]
            if state[name] != mine:
                raise ValueError(
                    f"The training stopped in the middle of its data, with {name}={state[name]!r}; fit now has "
                    f"{name}={mine!r}. Call fit with the same data and arguments."
                )
        drawn = (order is None) if type(seed) is int else getattr(order, "shape", None) == (len(self.data),)
        known = drawn if self.data.shuffle else seed is None and order is None
        if not known or type(place) is not int or not 0 <= place <= place + done <= self.data.num_batches:
            raise ValueError("The place in the data makes no sense.")

    def set_state(self, state: dict[str, Any], done: int) -> None:
        """Go on where `get_state` stood.

        Raises:
            ValueError: in an order that is none.
        """
        if not done and state["place"] == 0:
            return
        self._place = state["place"]
        self._order = None
        if self.data.shuffle and state["order_seed"] is not None:
            self._order = self.data.order_of(state["order_seed"])
        elif self.data.shuffle:
            order = np.asarray(state["order"], np.int64)
            if not np.array_equal(np.sort(order), np.arange(len(self.data))):
                raise ValueError("The order of the samples makes no sense.")
            self._order = order

    def sample(self) -> ArrayBatches:
        """Some of the batches."""
        return self.data


class StreamEpochs:
    """Epochs over a stream: to its end, or `steps` batches of it, each epoch going on where the one before has stopped.

    Args:
        stream: where the batches come from.
        choose: the engine for a batch, which is checked there.
        steps: batches in an epoch.
        at_once: steps are taken so many at a time, and rounded up to it.
    """

    def __init__(
        self, stream: Stream, choose: Callable[[ArrayBatches], Any], steps: int | None = None, at_once: int = 1
    ) -> None:
        self.stream = stream
        self.steps = steps
        self.at_once = at_once
        self._choose = choose
        self._total = stream.num_batches
        self._batches: Any = None
        self._seen = 0
        self._random: Any = None  # the state of the random generators when the walk through the stream began

    @property
    def num_steps(self) -> int | None:
        """The steps of an epoch, None if that is not known."""
        return self.steps or self._total

    @property
    def largest_order(self) -> int:
        """Streams have none of their own."""
        return 0

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

    def epoch(self, wanted: bool, every: bool, done: int = 0) -> Iterator[Stretch]:
        """The batches of the next epoch, one by one; after the first `done` of them, for a training that is resumed.

        Raises:
            ValueError: there is not a single batch.
        """
        self.stream.on_epoch_begin()
        planned = self.num_steps if self.steps is None else -(-self.steps // self.at_once) * self.at_once
        if self._batches is None or (self.steps is None and not done):
            self.close()
            self._start(0)
        step = done
        while planned is None or step < planned:
            if self._total is not None and self._seen >= self._total:
                if self.steps is not None and step % self.at_once == 0:
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

    def _start(self, seen: int) -> None:
        """Walk through the stream anew, past the batches that were seen."""
        self._random = global_seed.get_state()
        self._batches, self._seen = self.stream.batches(seen), seen

    def several(self, most: int) -> None:
        """Batches come one by one."""

    def get_state(self, done: int) -> dict[str, Any]:
        """Where in the stream a training stands after `done` steps of an epoch, 0 for between two epochs."""
        begun = self._batches is not None and (done > 0 or self.steps is not None)
        return {
            "kind": self.stream.kind,
            "total": self._total,
            "seen": self._seen if begun else None,
            "random": self._random if begun else None,
            "source": self.stream.get_state(),
        }

    def check_state(self, state: Any, done: int) -> None:
        """See that the data are of the kind of which `get_state` told.

        Raises:
            ValueError: they are not.
        """
        _check_kind(state, self.get_state(0))
        if not all(
            state[name] is None or (type(state[name]) is int and state[name] >= 0) for name in ("total", "seen")
        ):
            raise ValueError("The place in the data makes no sense.")
        if state["seen"] is not None:
            global_seed.check_state(state["random"])

    def set_state(self, state: dict[str, Any], done: int) -> None:
        """Go on where `get_state` stood: batches that were seen before are made again and passed over.

        Random numbers are those of the time when the walk began, for streams that draw them; the caller sets them after.
        """
        self.close()
        self._total = state["total"]
        self.stream.set_state(state["source"])
        if state["seen"] is not None:
            global_seed.set_state(state["random"])
            self._start(state["seen"])

    def sample(self) -> ArrayBatches:
        """One of the batches before the place at which a training is resumed."""
        return self.stream.sample()

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


def _check_kind(state: Any, mine: dict[str, Any]) -> None:
    """See that a state has the parts of this kind of data.

    Raises:
        ValueError: it has not.
    """
    if not isinstance(state, dict) or state.keys() != mine.keys() or state["kind"] != mine["kind"]:
        theirs = state.get("kind") if isinstance(state, dict) else None
        raise ValueError(
            f"The training stopped on data of the kind {theirs!r}; fit now has {mine['kind']!r}. Call fit with the same data."
        )


def _warn_of_end() -> None:
    warnings.warn(
        "Your input ran out of data; interrupting training. Make sure that your dataset or generator can generate at least "
        "`steps_per_epoch * epochs` batches. You may need to use the `.repeat()` function when building your dataset.",
        stacklevel=2,
    )
