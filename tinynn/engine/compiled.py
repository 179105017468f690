"""The compiled engine: hands a plan, data and a stretch of batches to the loop, and takes the metrics back."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._typing import Array
from tinynn.engine import blas, machine
from tinynn.engine import codes as c
from tinynn.engine.plan import LARGE, TILE, Aim, NoTwin, Plan, Rule

if TYPE_CHECKING:
    from tinynn.models.data import ArrayBatches

_NO_ORDER = np.empty(0, np.int64)
_NO_BYTES = np.empty(0, np.uint8)


class CompiledEngine:
    """Runs stretches of batches in machine code. Made for one model as it stands; raises NoTwin where that has no twin."""

    name = "compiled"

    def __init__(self, model: Any) -> None:
        self.model = model
        self.plan = Plan(model)
        self.run = machine.code_for(self.plan.real)
        self.why = f"every part has a compiled twin ({self.plan.real.name})"
        self._grads = np.empty(0, self.plan.real)
        self._work: dict[tuple[int, int, int], tuple[Array, Array, Array]] = {}
        self._aims: dict[tuple[int, ...], Aim] = {}
        self._rule: Rule | None = None

    def is_current(self) -> bool:
        """Whether the model still has the variables that the plan was made for."""
        return self.plan.is_current(self.model)

    def check(self, data: ArrayBatches, training: bool) -> None:
        """Raise NoTwin if these targets, this loss or this optimizer cannot be run."""
        aim = self._aim(data)
        if training:
            self._optimizer(aim)

    # Running -----------------------------------------------------------------------------------------------------------

    def train(self, data: ArrayBatches, order: Array | None, begin: int, end: int) -> dict[str, Any]:
        """Train on the batches begin .. end - 1 of an epoch; the logs after the last."""
        aim = self._aim(data)
        rule = self._optimizer(aim)
        if self._grads.size != self.plan.params.size:
            self._grads = _aligned(self.plan.params.size, self.plan.real)
        self._run(c.TRAIN, data, order, begin, end, aim, rule)
        rule.optimizer.iterations.value += end - begin
        for step in self.plan.steps:
            if step.dropout is not None:
                step.dropout.seed_generator.state.value[1] += np.uint32(end - begin)
        return self.model.get_metrics_result()  # type: ignore[no-any-return]

    def test(self, data: ArrayBatches, begin: int, end: int) -> dict[str, Any]:
        """Evaluate the batches begin .. end - 1; the logs after the last."""
        self._run(c.TEST, data, None, begin, end, self._aim(data))
        return self.model.get_metrics_result()  # type: ignore[no-any-return]

    def predict(self, data: ArrayBatches, begin: int, end: int) -> list[Array]:
        """The outputs for the batches begin .. end - 1, as one array."""
        first, last = begin * data.batch_size, min(end * data.batch_size, len(data))
        outputs = np.empty((last, self.plan.steps[-1].units), self.plan.real)
        self._run(c.PREDICT, data, None, begin, end, outputs=outputs)
        return [outputs[first:] if first else outputs]

    def _run(
        self,
        mode: int,
        data: ArrayBatches,
        order: Array | None,
        begin: int,
        end: int,
        aim: Aim | None = None,
        rule: Rule | None = None,
        outputs: Array | None = None,
    ) -> None:
        plan, real = self.plan, self.plan.real
        batch = min(data.batch_size, len(data))
        team = self._team(batch)
        y_width = aim.y_width if aim else 1
        job, work, labels = self._space(batch, team, y_width)
        none = np.empty(0, real)
        first, last = begin * data.batch_size, min(end * data.batch_size, len(data))
        job[[c.MODE, c.BATCH, c.FIRST, c.LAST, c.TEAM, c.TILE]] = mode, data.batch_size, first, last, team, TILE
        x, job[c.X_KIND] = _in_place(data, "x")
        y, weights, rates, settings = _NO_BYTES, _NO_BYTES, none, np.zeros(c.SETTING_FIELDS)
        metrics, thresholds, totals = np.empty((0, 2), np.int64), np.empty(0), np.zeros((1, 2), real)
        slots = [none, none, none]
        if aim is not None:
            y, job[c.Y_KIND] = _in_place(data, "y")
            if data.sample_weight is not None:
                weights, job[c.WEIGHT_KIND] = _in_place(data, "sample_weight")
            job[[c.Y_WIDTH, c.LOSS, c.REDUCTION, c.SMOOTHED]] = y_width, aim.loss, aim.reduction, aim.smoothed
            settings, metrics, thresholds = aim.settings, aim.metrics, aim.thresholds
            totals = np.array([[tracker.total.value, tracker.count.value] for tracker in aim.trackers], real)
        if rule is not None:
            slots = rule.slots
            rates = rule.learning_rates(end - begin, real)
            fused = rule.code == c.SGD
            whole = not fused and team == 1 and plan.params.size <= TILE
            job[[c.RULE, c.FUSED, c.WHOLE, c.LOWEST]] = rule.code, fused, whole, plan.lowest
        dropped = [step.dropout for step in plan.steps if step.dropout is not None]
        dropouts = np.array([layer.seed_generator.state.value for layer in dropped], np.int64).reshape(-1, 2)
        shares = np.array([layer.rate for layer in dropped], np.float64)
        arrays = [
            plan.table,
            job,
            settings,
            dropouts,
            shares,
            metrics,
            thresholds,
            plan.params,
            plan.frozen,
            self._grads if rule is not None else none,
            *slots,
            rates,
            totals,
            work,
            labels,
            _NO_ORDER if order is None else order,
            x,
            y,
            weights,
            none if outputs is None else outputs.reshape(-1),
            np.zeros(8, np.int64),
        ]
        self._with_team(arrays, team)
        if aim is not None:
            for tracker, (total, count) in zip(aim.trackers, totals):
                tracker.total.value[...], tracker.count.value[...] = total, count

    def _with_team(self, arrays: list[Array], team: int) -> None:
        with blas.one_thread():
            mates = [threading.Thread(target=self.run, args=(arrays, member)) for member in range(1, team)]
            for mate in mates:
                mate.start()
            self.run(arrays, 0)
            for mate in mates:
                mate.join()

    # Preparing ---------------------------------------------------------------------------------------------------------

    def _aim(self, data: ArrayBatches) -> Aim:
        y = data.y
        if y is None:
            raise NoTwin("no targets")
        key = (id(self.model._compile_loss), id(self.model._compile_metrics), y.ndim, *y.shape[1:])
        if key not in self._aims:
            self._aims[key] = Aim(self.model, self.plan, y)
        return self._aims[key]

    def _optimizer(self, aim: Aim) -> Rule:
        if not self.plan.variables:
            raise NoTwin("nothing to train")
        if self._rule is None or self._rule.optimizer is not self.model.optimizer:
            self._rule = Rule(self.model.optimizer, self.plan)
        self._rule.write(aim.settings)
        return self._rule

    def _space(self, batch: int, team: int, y_width: int) -> tuple[Array, Array, Array]:
        """The job, the workspace and the labels' space for batches of this size; offsets go into the plan's table."""
        key = (batch, team, y_width)
        job = np.zeros(c.JOB_FIELDS, np.int64)
        size = self.plan.place_buffers(batch, team, y_width, job)
        if key not in self._work:
            self._work = {key: (job, _aligned(size, self.plan.real), np.zeros(batch * team, np.int64))}
        _, work, labels = self._work[key]
        return job, work, labels

    def batches_in(self, seconds: float, batch: int) -> int:
        """About how many batches run in so many seconds: the unit in which Python is returned to, for Ctrl-C and progress."""
        flops = 6 * min(batch, 1 << 20) * self.plan.work_per_step
        return max(1, int(seconds / (2e-6 + flops / 3e10)))

    def _team(self, batch: int) -> int:
        """How many threads share a step: one unless the products are large, and never more than TINYNN_NUM_THREADS."""
        if not self.plan.can_share() or 3 * batch * self.plan.work_per_step < LARGE or blas.find().set_threads is None:
            return 1
        return min(2, threads())


def threads() -> int:
    """How many threads the engine may use: TINYNN_NUM_THREADS, else as many as there are cores for this process."""
    asked = os.environ.get("TINYNN_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or ""
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_WIDER = {"bool": "uint8", "int8": "int32", "int16": "int32", "uint16": "int32", "float16": "float32", "uint32": "int64"}


def _aligned(size: int, dtype: Any) -> Array:
    """Zeros that begin on a cache line."""
    itemsize = np.dtype(dtype).itemsize
    octets = np.zeros(size * itemsize + 64, np.uint8)
    start = -octets.ctypes.data % 64
    return octets[start : start + size * itemsize].view(dtype)


def _in_place(data: ArrayBatches, name: str) -> tuple[Array, int]:
    """`_bytes_of` one of the arrays, made once for all stretches of a run."""
    if name not in data.prepared:
        data.prepared[name] = _bytes_of(getattr(data, name))
    return data.prepared[name]  # type: ignore[no-any-return]


def _bytes_of(array: Array) -> tuple[Array, int]:
    """An array's bytes in place, and the code of its kind; copied only when it is laid out or typed in a way of its own."""
    if array.dtype == bool and array.flags.c_contiguous:
        array = array.view(np.uint8)
    kind = array.dtype.name
    if kind not in c.KINDS:
        kind = _WIDER.get(kind, "float64")
        array = array.astype(kind)
    if not array.flags.c_contiguous or not array.flags.aligned or not array.dtype.isnative:
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    if array.flags.writeable:
        return array.reshape(-1).view(np.uint8), c.KINDS.index(kind)
    # A read-only memory map: the loop only reads it, but must not be compiled a second time for that.
    octets = np.ctypeslib.as_array((ctypes.c_uint8 * array.nbytes).from_address(array.ctypes.data))
    return octets, c.KINDS.index(kind)
