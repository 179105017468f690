"""The compiled engine: hands a plan, data and a stretch of batches to the loop, and takes the metrics back."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tinynn._typing import Array
from tinynn.engine import blas, machine, twins, units
from tinynn.engine import codes as c
from tinynn.engine.plan import LARGE, TILE, WHOLE, Aim, NoTwin, Plan
from tinynn.engine.recorded import remember_logits
from tinynn.engine.rule import Rule

if TYPE_CHECKING:
    from tinynn.engine.units import Unit
    from tinynn.models.data import ArrayBatches

_NO_ORDER = np.empty(0, np.int64)
_AS_THEY_COME = [None]
_NO_BYTES = np.empty(0, np.uint8)


class Session(machine.Block):
    """The loop's arguments for one batch size: everything that stays is set once, for a call takes microseconds."""

    def __init__(self, plan: Plan, batch: int, team: int, y_width: int) -> None:
        self.team, self.job = team, np.zeros(c.JOB_FIELDS, np.int64)
        self._plan = plan
        plan.bind()
        space = plan.place_buffers(batch, team, y_width, self.job)
        self.table, ops = plan.table.copy(), plan.ops.copy()
        self._kept_alive = plan.place_arrays(ops, batch)
        self.job[[c.TEAM, c.TILE, c.LOWEST, c.Y_WIDTH]] = team, TILE, plan.lowest, y_width
        none, real = np.empty(0, plan.real), plan.real
        empty = {name: np.empty(0, machine.dtype_of(name, real)) for name in machine.ARGUMENTS}
        given = {
            "plan": self.table,
            "job": self.job,
            "settings": plan.settings,
            "ops": ops,
            "params": plan.params,
            "frozen": plan.frozen,
            "totals": np.zeros((1, 2), real),
            "work": _aligned(space, real),
            "labels": np.zeros(batch * team, np.int64),
            "frames": np.zeros(units.FRAME * team, np.int64),
            "outputs": none,
            "sync": np.zeros(8, np.int64),
        }
        super().__init__({**empty, **given})

    def set_data(self, data: ArrayBatches, aim: Aim | None) -> None:
        """Put the data in their places, and what is to be measured on them."""
        self["x"], self.job[c.X_UNIT] = self._read_in_place(data, "x")
        if aim is None:
            self["settings"] = self._plan.settings
            return
        self["y"], self.job[c.Y_UNIT] = self._read_in_place(data, "y")
        self["sample_weight"] = _NO_BYTES
        if data.sample_weight is not None:
            self["sample_weight"], self.job[c.WEIGHT_UNIT] = self._read_in_place(data, "sample_weight")
        aim.bind()
        self.job[c.LOSS_FORWARD : c.FROM_LOGITS + 1] = *aim.handles, aim.loss_setting, aim.from_logits
        self.job[c.REDUCTION], self.job[c.SMOOTHED] = aim.reduction, aim.smoothed
        self["settings"], self["metrics"], self["extras"] = aim.settings, aim.metrics, aim.extras
        self["totals"] = aim.read_totals(self._plan.real)

    def _read_in_place(self, data: ArrayBatches, name: str) -> tuple[Array, int]:
        """An array's bytes, and the address of the unit that gathers rows from them."""
        octets, kind = _in_place(data, name)
        return octets, machine.address(self._plan.real, twins.GATHER[kind])

    def set_epochs(self, orders: Sequence[Array | None]) -> None:
        """Put the order of the samples in each epoch in its place, and make room for the totals of each."""
        order: Any = orders[0]
        epochs = len(orders)
        self.job[c.EPOCHS], self.job[c.APART] = epochs, 0
        if epochs > 1:
            totals = self["totals"]
            self["totals"] = np.concatenate([totals, np.zeros(((epochs - 1) * len(totals), 2), totals.dtype)])
            if any(other is not order for other in orders):
                order = np.concatenate(cast("Sequence[Array]", orders))
                self.job[c.APART] = order.size // epochs
        self["order"] = _NO_ORDER if order is None else order

    def set_optimizer(self, rule: Rule, grads: Array, learning_rates: Array) -> None:
        """Put the optimizer, its slots and the next steps' learning rates in their places."""
        unit = rule.bind()
        if len(rule.extras):
            extras = rule.extras.copy()
            extras[:, c.EXTRA_SETTING] += len(self["settings"])
            self["extras"] = np.concatenate([self["extras"], extras])
            self["settings"] = np.concatenate([self["settings"], rule.settings])
        around = len(self["extras"]) > 0
        fused = rule.fused and not around
        whole = around or (not fused and self.team == 1 and self._plan.params.size <= WHOLE)
        self.job[c.RULE], self.job[c.FUSED], self.job[c.WHOLE] = unit, fused, whole
        self.job[c.NUMBERS], self.job[c.DUE] = learning_rates.shape[1], rule.due
        if self.arrays["grads"] is not grads:
            self._plan.place_gradients(self["ops"], grads)
        self["grads"], self["learning_rates"] = grads, learning_rates
        self["slot_0"], self["slot_1"], self["slot_2"], self["slot_3"] = rule.slots


class CompiledEngine:
    """Runs stretches of batches in machine code. Made for one model as it stands; raises NoTwin where that has no twin."""

    name = "compiled"

    def __init__(self, model: Any) -> None:
        self.model = model
        self.plan = Plan(model)
        self.why = f"every part has a compiled twin ({self.plan.real.name})"
        self._grads = np.empty(0, self.plan.real)
        self._sessions: dict[tuple[int, int, int], Session] = {}
        self._aims: dict[tuple[int, ...], Aim] = {}
        self._rule: Rule | None = None
        self._has_code = False  # of the layers

    def is_current(self) -> bool:
        """Whether the model still has the variables that the plan was made for."""
        return self.plan.is_current(self.model)

    def prepare(self) -> None:
        """Have machine code for the layers.

        Raises:
            NotAvailable: it cannot be made.
        """
        if not self._has_code:
            self._prepare([])
            self._has_code = True

    def _prepare(self, units: list[Unit]) -> None:
        machine.prepare(self.plan.real, [machine.LOOP, *self.plan.units, *units])

    def check(self, data: ArrayBatches, training: bool) -> None:
        """See that these targets, this loss and this optimizer can be run, and have machine code for all of it.

        Raises:
            NoTwin: they cannot.
            NotAvailable: machine code cannot be made.
        """
        aim = self._aim(data)
        if data.sample_weight is not None and data.sample_weight.size != len(data):
            raise NoTwin(f"sample weights of shape {data.sample_weight.shape}")
        if data.sample_weight is not None and aim.is_of_whole_batch:
            raise NoTwin("sample weights beside a loss of the whole batch")
        units = [*aim.units, *(self._optimizer(aim).units if training else [])]
        names = ["x", "y", *([] if data.sample_weight is None else ["sample_weight"])]
        self._prepare([*units, *(twins.GATHER[_in_place(data, name)[1]] for name in names)])

    # Running -----------------------------------------------------------------------------------------------------------

    def train(self, data: ArrayBatches, order: Array | None, begin: int, end: int) -> None:
        """Train on the batches begin .. end - 1 of an epoch; the model's metrics tell how it went."""
        aim = self._aim(data)
        aim.write_back(self._train(aim, data, [order], begin, end)[0])

    def repeats(self, data: ArrayBatches) -> bool:
        """Whether several epochs can be run at one go: metrics that count in arrays of their own have but one of each."""
        return not self._aim(data).has_own_counts

    def train_epochs(self, data: ArrayBatches, orders: Sequence[Array | None]) -> Iterator[None]:
        """Train all epochs, each in its order, at one go. Then, one by one, the model's metrics tell how each went."""
        aim = self._aim(data)
        for totals in self._train(aim, data, orders, 0, data.num_batches):
            aim.write_back(totals)
            yield

    def _train(self, aim: Aim, data: ArrayBatches, orders: Sequence[Array | None], begin: int, end: int) -> Array:
        """(epochs, 1 + metrics, 2): the totals after the batches begin .. end - 1 of each epoch."""
        epochs, steps = len(orders), len(orders) * (end - begin)
        rule = self._optimizer(aim)
        session = self._session(data, aim)
        session.set_optimizer(rule, self._gradients(), rule.learning_rates(steps, self.plan.real))
        session.set_epochs(orders)
        for row, generator in self.plan.generators:
            session["ops"][row, c.SEED : c.USES + 1] = generator.state.value
        session.job[c.DONE] = 0
        try:
            self._run(c.TRAIN, session, data, begin, end)
        finally:  # Ctrl-C is heard as soon as Python is back: the weights have taken these steps, so all else has to
            done = int(session.job[c.DONE])
            rule.took_steps(done)
            for _, generator in self.plan.generators:
                generator.state.value[1] += done
        return session["totals"].reshape(epochs, -1, 2)

    def test(self, data: ArrayBatches, begin: int, end: int) -> None:
        """Evaluate the batches begin .. end - 1; the model's metrics tell how it went."""
        aim = self._aim(data)
        session = self._session(data, aim)
        session.set_epochs(_AS_THEY_COME)
        self._run(c.TEST, session, data, begin, end)
        aim.write_back(session["totals"])

    def predict(self, data: ArrayBatches, begin: int, end: int) -> list[Array]:
        """The outputs for the batches begin .. end - 1, as one array."""
        session = self._session(data, None)
        first, last = begin * data.batch_size, min(end * data.batch_size, len(data))
        outputs = np.empty((last - first, self.plan.steps[-1].units), self.plan.real)
        session.set_epochs(_AS_THEY_COME)
        session["outputs"] = outputs
        self._run(c.PREDICT, session, data, begin, end)
        return [outputs]

    def call(self, x: Array) -> Any:
        """The outputs for one batch (batch, ...), remembering their logits: `model(x)` in a fraction of the layers' time."""
        session = self._session_for(len(x), None)
        session.job[c.BATCH] = len(x)
        session["x"], kind = _bytes_of(x)
        session.job[c.X_UNIT] = machine.address(self.plan.real, twins.GATHER[kind])
        shape = len(x), self.plan.steps[-1].units
        outputs = np.empty(shape, self.plan.real)
        session.set_epochs(_AS_THEY_COME)
        session["outputs"] = outputs
        self._run_rows(c.PREDICT, session, 0, len(x))
        if self.plan.remembers_logits:
            at = session.job[c.OWN] + session.table[-1, c.BEFORE]
            remember_logits(outputs, session["work"][at : at + outputs.size].reshape(shape).copy())
        return outputs

    def _run(self, mode: int, session: Session, data: ArrayBatches, begin: int, end: int) -> None:
        self._run_rows(mode, session, begin * data.batch_size, min(end * data.batch_size, len(data)))

    def _run_rows(self, mode: int, session: Session, first: int, last: int) -> None:
        self.plan.refresh()
        job = session.job
        job[c.MODE], job[c.FIRST], job[c.LAST] = mode, first, last  # a list of places would take NumPy 3 us
        session["sync"][0] = 0
        run = machine.code_for(self.plan.real)
        with blas.one_thread():
            blocks = [session.for_member(member) for member in range(1, session.team)]
            mates = [threading.Thread(target=run, args=(block,)) for block in blocks]
            for mate in mates:
                mate.start()
            run(session)
            for mate in mates:
                mate.join()

    # Preparing ---------------------------------------------------------------------------------------------------------

    def _aim(self, data: ArrayBatches) -> Aim:
        y = data.y
        if y is None:
            raise NoTwin("no targets")
        if self.model._compile_loss is None:
            raise NoTwin("no loss was given to compile")
        key = (id(self.model._compile_loss), id(self.model._compile_metrics), y.ndim, *y.shape[1:])
        if key not in self._aims:
            self._aims[key] = Aim(self.model, self.plan, y)
        return self._aims[key]

    def _optimizer(self, aim: Aim) -> Rule:
        if not self.plan.variables:
            raise NoTwin("nothing to train")
        if self._rule is None or not self._rule.is_current(self.model.optimizer):
            self._rule = Rule(self.model.optimizer, self.plan)
        self._rule.write(aim.settings)
        return self._rule

    def _gradients(self) -> Array:
        if self._grads.size != self.plan.params.size:
            self._grads = _aligned(self.plan.params.size, self.plan.real)
        return self._grads

    def _session(self, data: ArrayBatches, aim: Aim | None) -> Session:
        """The arguments of the loop for batches of this size, with these data and this aim in their places."""
        session = self._session_for(min(data.batch_size, len(data)), aim)
        session.job[c.BATCH] = min(data.batch_size, len(data))  # what the buffers are for
        session.set_data(data, aim)
        return session

    def _session_for(self, batch: int, aim: Aim | None) -> Session:
        alone = aim is not None and (len(aim.extras) or (self._rule is not None and len(self._rule.extras)))
        key = (batch, 1 if alone else self._team(batch), aim.y_width if aim else 1)
        session = self._sessions.get(key)
        if session is None:
            if len(self._sessions) > 3:  # training, validation, a last batch: more are a search over batch sizes
                self._sessions.clear()
            session = self._sessions[key] = Session(self.plan, *key)
        return session

    def batches_in(self, seconds: float, batch: int) -> int:
        """About how many batches run in so many seconds: the unit in which Python is returned to, for Ctrl-C and progress."""
        flops = 6 * min(batch, 1 << 20) * self.plan.work_per_step
        return max(1, int(seconds / (2e-6 + flops / 3e10)))

    def _team(self, batch: int) -> int:
        """How many threads share a step: one unless the products are large, and never more than TINYNN_NUM_THREADS."""
        if not self.plan.can_share or 3 * batch * self.plan.work_per_step < LARGE or blas.find().set_threads is None:
            return 1
        return min(2, threads())


def threads() -> int:
    """How many threads the engine may use: TINYNN_NUM_THREADS, else as many as there are cores for this process."""
    asked = os.environ.get("TINYNN_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or ""
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_KINDS = {np.dtype(kind): kind for kind in twins.KINDS}
_WIDER = {
    "bool": "uint8",
    "int8": "int32",
    "int16": "int32",
    "uint16": "int32",
    "float16": "float32",
    "uint32": "int64",
}


def _aligned(size: int, dtype: Any) -> Array:
    """Zeros that begin on a cache line."""
    itemsize = np.dtype(dtype).itemsize
    octets = np.zeros(size * itemsize + 64, np.uint8)
    start = -octets.ctypes.data % 64
    return octets[start : start + size * itemsize].view(dtype)


def _in_place(data: ArrayBatches, name: str) -> tuple[Array, str]:
    """`_bytes_of` one of the arrays, made once for all stretches of a run."""
    if name not in data.prepared:
        data.prepared[name] = _bytes_of(getattr(data, name))
    return data.prepared[name]  # type: ignore[no-any-return]


def _bytes_of(array: Array) -> tuple[Array, str]:
    """An array's bytes in place, and their kind; copied only when it is laid out or typed in a way of its own."""
    if array.dtype == bool and array.flags.c_contiguous:
        array = array.view(np.uint8)
    kind = _KINDS.get(array.dtype.newbyteorder("="), "")
    if not kind:
        kind = _WIDER.get(array.dtype.name, "float64")
        array = array.astype(kind)
    if not array.flags.c_contiguous or not array.flags.aligned or not array.dtype.isnative:
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    if array.flags.writeable:
        return array.reshape(-1).view(np.uint8), kind
    # A read-only memory map: the loop only reads it, but must not be compiled a second time for that.
    octets = np.ctypeslib.as_array((ctypes.c_uint8 * array.nbytes).from_address(array.ctypes.data))
    return octets, kind
