"""A model as arrays: which layers with which offsets, losses and optimizers as codes. What has no compiled twin says so.

`plan_of(model)` reads a built model once; `Plan` holds what does not change from call to call. The layers are merged into
steps of the loop: an affine map (or none), an activation, dropout.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn import activations, config, layers, losses, metrics, regularizers
from tinynn._typing import Array, DType
from tinynn.buffer import pack
from tinynn.engine import codes as c
from tinynn.engine import machine, twins
from tinynn.engine.layer_twins import Map, activity_map_of, gate_of, map_of
from tinynn.engine.recorded import logits_of
from tinynn.engine.tape import without_tapes
from tinynn.engine.units import SLOTS, Unit, arguments_of, names_of, settings_named, settings_of, takes
from tinynn.losses.loss import Loss, LossFunctionWrapper
from tinynn.metrics.confusion import COUNTS

if TYPE_CHECKING:
    from tinynn.models.trainer import Trainer
    from tinynn.variable import Variable

ALIGN = 64  # entries: buffers begin on cache lines of their own
WHOLE = 1 << 16  # parameters up to which the optimizer's step is one pass at the end
TILE = 1 << 19  # else a kernel's gradient is made in parts of so many entries, stepped on while they are in the cache
LARGE = 4_000_000  # multiplications in a step's products from which a second thread is worth its barriers


class NoTwin(Exception):
    """A part of the model has no compiled twin; the message says which."""


_REDUCTIONS = {"sum_over_batch_size": c.MEAN, "mean": c.MEAN, "sum": c.SUM, "mean_with_sample_weight": c.MEAN_BY_WEIGHT}
_OWN_STEPS = (
    "train_step",
    "test_step",
    "predict_step",
    "compute_loss",
    "compute_metrics",
    "call",
    "__call__",
    "track_loss",
)


class Step:
    """One row of the plan: an affine map, what a layer has in the place of one, or none; an activation, dropout."""

    def __init__(
        self, fan_in: int, units: int, dense: Any = None, find: Callable[[], Map | None] | None = None
    ) -> None:
        self.fan_in, self.units, self.dense = fan_in, units, dense
        self._find, self.map = find, find() if find is not None else None
        self.activation: twins.Activation | None = None
        self.activated: list[tuple[Any, twins.Activation | None]] = []  # layers, and what each of them was found to do
        self.dropout: Any = None
        self.rate = 0.0

    @property
    def is_open(self) -> bool:
        """Whether an activation can still join."""
        return self.activation is None and self.dropout is None and not (self.map and self.map.keeps_output)

    def is_current(self) -> bool:
        """Whether the layers still do what they did when the plan was made; values of variables may be others."""
        if any(twins.activation_of(layer) != found for layer, found in self.activated):
            return False
        as_before = self.map is None or (self._find is not None and self.map.is_as(self._find()))
        return as_before and (self.dropout is None or self.dropout.rate == self.rate)

    def refresh(self) -> None:
        """Take fixed numbers of the layer, such as Normalization's mean and variance, as they are now."""
        now = self._find() if self._find is not None and self.map is not None and self.map.constants else None
        if now is not None and self.map is not None:
            for name, array in self.map.constants.items():
                array[...] = now.constants[name]


class Plan:
    """What the loop needs to know of a model's layers; raises NoTwin where it cannot run them."""

    def __init__(self, model: Any) -> None:
        self.steps = _steps_of(model)
        self.real: DType = np.dtype(config.floatx())
        self._floatx = config.floatx()
        trained = model.trainable_variables
        fixed = [variable for variable in model.non_trainable_weights if variable.value.dtype.kind == "f"]
        self.variables, self.fixed = trained, fixed
        for variable in trained:  # the rule would find out, too, but only when training begins
            if variable.constraint is not None and twins.constraint_of(variable.constraint, variable.shape) is None:
                raise NoTwin(f"constraint of {variable.path}")
        self._stack = list(model._stack)
        for variable in [*trained, *fixed]:
            if variable.value.dtype != self.real:
                raise NoTwin(f"{variable.path} is {variable.dtype} while floatx is {self.real.name}")
        if len({id(variable) for variable in trained + fixed}) != len(trained + fixed):
            raise NoTwin("a layer is used twice")
        self.params = pack(trained)[0] if trained else np.empty(0, self.real)
        self.frozen = pack(fixed)[0] if fixed else np.empty(0, self.real)
        self._settings = np.zeros(c.FREE_SETTING).tolist()
        self.generators: list[tuple[int, Any]] = []  # row of `ops`, what it draws with
        self._ops: list[tuple[Unit, int, int, Step]] = []  # unit, setting, columns, of which step
        self.table = self._table(offsets_of(trained), offsets_of(fixed))
        self.ops = np.zeros((len(self._ops), c.OP_FIELDS), np.int64)
        for row, (_, setting, columns, _) in zip(self.ops, self._ops):
            row[[c.OP_SETTING, c.OP_COLUMNS]] = setting, columns
        self.settings = np.array(self._settings)
        self._fixed_numbers = [step for step in self.steps if step.map is not None and step.map.constants]
        self.lowest, self.can_share = self._lowest(), self._can_share()
        self.remembers_logits = _remembers_logits(model)
        if self.remembers_logits and self.steps[-1].activation is None:
            raise NoTwin("noise on outputs that lead back to their logits")
        self.widths = [self.steps[0].fan_in, *(step.units for step in self.steps)]
        self.work_per_step = sum(step.fan_in * step.units for step in self.steps if step.dense is not None)

    def _table(self, trained: dict[int, int], fixed: dict[int, int]) -> Array:
        table = np.zeros((len(self.steps), c.LAYER_FIELDS), np.int64)
        table[:, [c.DROPOUT, c.IN_TRAINING, c.OTHERWISE, c.BACK]] = -1
        for row, step in zip(table, self.steps):
            row[[c.FAN_IN, c.UNITS, c.KERNEL, c.BIAS, c.SETTING]] = step.fan_in, step.units, -1, -1, len(self._settings)
            if step.activation is not None:
                self._settings += settings_of(step.activation.forward, step.activation.settings)
            if step.dense is not None:
                row[c.DENSE] = 1
                kernel, bias = step.dense.kernel, step.dense.bias
                row[c.KERNEL_TRAINS] = id(kernel) in trained
                row[c.KERNEL] = trained.get(id(kernel), fixed.get(id(kernel), -1))
                if bias is not None:
                    row[c.BIAS_TRAINS] = id(bias) in trained
                    row[c.BIAS] = trained.get(id(bias), fixed.get(id(bias), -1))
            if step.map is not None:
                self._write_map(row, step, step.map, trained)
            if step.dropout is not None:
                row[c.DROPOUT] = self._op(twins.DROPOUT, {"rate": step.dropout.rate}, step)
                self.generators.append((len(self._ops) - 1, step.dropout.seed_generator))
        return table

    def _write_map(self, row: Array, step: Step, map: Map, trained: dict[int, int]) -> None:
        for field, unit in ((c.IN_TRAINING, map.training), (c.OTHERWISE, map.otherwise), (c.BACK, map.backward)):
            if unit is not None:
                row[field] = self._op(unit, map.settings, step)
        if map.generator is not None:
            self.generators.append((int(row[c.IN_TRAINING]), map.generator))
        own = [variable for variable in map.variables.values() if id(variable) in trained]
        if own:
            row[c.OWN_FIRST] = min(trained[id(variable)] for variable in own)
            row[c.OWN_PARAMS] = sum(variable.value.size for variable in own)

    def _op(self, unit: Unit, settings: Mapping[str, float], step: Step) -> int:
        """The row of `ops` for a unit with these settings; seeds and counts are written before each run."""
        self._ops.append((unit, len(self._settings), step.map.columns if step.map else step.units, step))
        self._settings += settings_of(unit, settings)
        return len(self._ops) - 1

    def place_arrays(self, ops: Array, batch: int) -> list[Array]:
        """Write into rows of `ops` where the arrays of layers stand; those made for batches of this size, to be kept."""
        made: dict[tuple[int, str], Array] = {}
        for row, step, map, name, place in self._slots(ops):
            array = self._array(map, name)
            if array is None:
                whole = self._array(map, name[2:]) if name.startswith("d_") else None
                sizes = {"column": map.columns, "row": batch * step.units // map.columns, "entry": batch * step.units}
                size = sizes[map.space[name]] if whole is None else whole.size
                array = made.setdefault((id(step), name), np.zeros(size, self.real))
            row[place : place + 3] = words_of([array], 3)
        return list(made.values())

    def _slots(self, ops: Array) -> Iterator[tuple[Array, Step, Map, str, int]]:
        """Row, step, map, name and place in the row of every array that the units of layers have for themselves."""
        for row, (unit, _, _, step) in zip(ops, self._ops):
            if step.map is not None and unit is not twins.DROPOUT:
                for name, argument in zip(names_of(unit), arguments_of(unit), strict=True):
                    if argument.form in ("line", "table") and argument.place in SLOTS:
                        yield row, step, step.map, name, c.OP_SLOTS + 3 * (argument.place - SLOTS[0])

    def _array(self, map: Map, name: str) -> Array | None:
        """A layer's variable or constant by the name that its units know it by."""
        if name in map.variables:
            return np.asarray(map.variables[name].value).reshape(-1)
        return map.constants.get(name)

    def place_gradients(self, ops: Array, grads: Array) -> None:
        """Write into rows of `ops` where the gradients of layers' variables stand."""
        offsets = offsets_of(self.variables)
        for row, _, map, name, place in self._slots(ops):
            variable = map.variables.get(name[2:]) if name.startswith("d_") else None
            if variable is not None and id(variable) in offsets:
                first = offsets[id(variable)]
                row[place : place + 3] = words_of([grads[first : first + variable.value.size]], 3)

    def refresh(self) -> None:
        """Take fixed numbers of layers as they are now."""
        for step in self._fixed_numbers:
            step.refresh()

    @property
    def units(self) -> list[Unit]:
        """What the loop calls for the layers."""
        found = [unit for unit, *_ in self._ops]
        for step in self.steps:
            if step.activation is not None:
                found += [step.activation.forward_of(step is self.steps[-1]), step.activation.backward]
        return found

    def bind(self) -> None:
        """Write the addresses of the units into the tables."""
        for row, step in zip(self.table, self.steps):
            if step.activation is not None:
                row[c.FORWARD] = machine.address(self.real, step.activation.forward_of(step is self.steps[-1]))
                row[c.BACKWARD] = machine.address(self.real, step.activation.backward)
        for row, (unit, *_) in zip(self.ops, self._ops):
            row[c.OP_UNIT] = machine.address(self.real, unit)

    def is_current(self, model: Any) -> bool:
        """Whether the model still has these layers, with their variables where this plan has them, trained or not as here."""
        if len(model._stack) != len(self._stack) or not all(map(_same, model._stack, self._stack)):
            return False
        if not all(step.is_current() for step in self.steps):
            return False
        flags = all(v.trainable for v in self.variables) and not any(v.trainable for v in self.fixed)
        places = all(map(_stands_in, (self.variables, self.fixed), (self.params, self.frozen)))
        return flags and places and config.floatx() == self._floatx

    def _lowest(self) -> int:
        """The first step that trains something."""
        trains = self.table[:, c.KERNEL_TRAINS] * self.table[:, c.DENSE]
        trains += self.table[:, c.BIAS_TRAINS] + self.table[:, c.OWN_PARAMS]
        return int(np.argmax(trains > 0)) if trains.any() else len(self.steps)

    def _can_share(self) -> bool:
        """Whether a team of threads may run it: affine maps only, and activations that need no whole rows in between."""
        inner = [step.activation for step in self.steps[:-1] if step.activation is not None]
        by_entry = not any(activation.rowwise for activation in inner)
        return len(self.steps) >= 2 and bool(self.table[:, c.DENSE].all()) and by_entry

    def _largest_kernel(self, team: int) -> int:
        """Entries of the largest part of a kernel that the gradient has to pass."""
        return max(
            (-(-step.fan_in // team) * step.units for step in self.steps[1:] if step.dense is not None), default=0
        )

    def place_buffers(self, batch: int, team: int, y_width: int, job: Array) -> int:
        """Give every buffer its place in the workspace; the size of the workspace."""
        at, own = 0, 0

        def take(size: int) -> int:
            return -(-size // ALIGN) * ALIGN

        last, classes = len(self.steps) - 1, self.steps[-1].units
        for j, row in enumerate(self.table):
            part = -(-self.steps[j].fan_in // team)
            row[c.PARTS], at = at, at + take(team * batch * self.steps[j].units)
            row[c.D_OUT], at = at, at + take(batch * self.steps[j].units)
            if j == 0 or self.steps[j - 1].dropout is not None:
                row[c.INPUT], own = own, own + take(batch * part)
            else:
                row[c.INPUT] = self.table[j - 1, c.ACTIVE]
            width = classes if j == last else -(-self.steps[j].units // team)
            row[c.BEFORE], own = own, own + take(batch * width)
            row[c.ACTIVE] = row[c.BEFORE]  # in place, unless the derivative asks for what came in
            activation = self.steps[j].activation
            if j != last and activation is not None and activation.keeps_input:
                row[c.ACTIVE], own = own, own + take(batch * width)
            if self.steps[j].dropout is not None:
                row[c.FACTORS], own = own, own + take(batch * width)
        for field, size in (
            (c.TARGETS, batch * y_width),
            (c.SMOOTH, batch * y_width),
            (c.WEIGHTS, batch),
            (c.LOSSES, batch),
            (c.SHARES, batch),
            (c.SCRATCH, batch * classes),
            (c.ENTRIES, batch * classes),
            (c.PROBS, batch * classes),
            (c.SPARE, batch * classes),
            (c.PREDICTED, batch * classes),
            (c.D_LAST, batch * classes),
            (c.D_OWN, batch * -(-max(self.widths) // team)),
            (c.TURNED, self._largest_kernel(team) if batch <= c.FEW else 0),
        ):
            job[field], own = own, own + take(size)
        job[c.OWN], job[c.OWN_SIZE] = at, own + ALIGN
        return at + (own + ALIGN) * team


def _steps_of(model: Trainer) -> list[Step]:
    """The layers merged into steps.

    Raises:
        NoTwin: an own step, a layer or an activation that the loop does not know.
    """
    from tinynn.models import Sequential

    if not isinstance(model, Sequential):
        raise NoTwin(f"{type(model).__name__} is no Sequential")
    for name in _OWN_STEPS:
        if getattr(type(model), name) is not getattr(Sequential, name):
            raise NoTwin(f"{type(model).__name__} has a {name} of its own")
    if not model.built:
        raise NoTwin("the model is not built yet")
    if model.inputs[0].dtype != config.floatx():
        raise NoTwin(f"the input is cast to {model.inputs[0].dtype}")
    steps: list[Step] = []
    width = math.prod(n or 0 for n in model.input_shape[1:])
    for layer in model.layers:
        kind = type(layer)
        if kind is layers.Dense:
            if layer.input_shape[1:] != (width,):
                raise NoTwin(f'Dense "{layer.name}" maps more than one axis')
            steps.append(Step(width, layer.units, layer))  # type: ignore[attr-defined]
            width = steps[-1].units
            if layer.activation is activations.glu:  # type: ignore[attr-defined]
                width = _change_width(steps, layer, width, gate_of)
            else:
                _activate(steps, layer)
        elif kind is layers.RepeatVector:
            width = _change_width(steps, layer, width, map_of)
        elif kind is layers.Activation and layer.activation is activations.glu:  # type: ignore[attr-defined]
            width = _change_width(steps, layer, width, gate_of)
        elif kind in _ACTIVATION_LAYERS:
            if twins.activation_of(layer) is not None or not steps:  # if linear, what came before may be remembered
                if not steps or not steps[-1].is_open:
                    steps.append(Step(width, width))
                _activate(steps, layer)
        elif kind is layers.Dropout:
            if layer.noise_shape is not None or layer.rate >= 1:  # type: ignore[attr-defined]
                raise NoTwin(f'Dropout "{layer.name}" has a noise_shape or drops everything')
            if layer.rate > 0:  # type: ignore[attr-defined]
                if not steps or steps[-1].dropout is not None:
                    steps.append(Step(width, width))
                steps[-1].dropout, steps[-1].rate = layer, layer.rate  # type: ignore[attr-defined]
        elif kind not in _AS_IT_IS:
            step = Step(width, width, find=functools.partial(map_of, layer))
            if step.map is None:
                raise NoTwin(f'layer "{layer.name}" ({kind.__name__})')
            if step.map.training or step.map.otherwise:
                steps.append(step)
        if layer.activity_regularizer is not None:
            steps.append(Step(width, width, find=functools.partial(activity_map_of, layer)))
            if steps[-1].map is None:
                raise NoTwin(f'activity regularizer of "{layer.name}"')
    if not steps or not width:
        raise NoTwin("no layer computes anything, or a width is not known")
    if len(model.output_shape) != 2:
        raise NoTwin(f"outputs of shape {model.output_shape}")
    if steps[-1].dropout is not None:
        steps.append(Step(width, width))
    if len(set(map(id, model.layers))) != len(model.layers):
        raise NoTwin("a layer is used twice")
    return steps


_AS_IT_IS = (layers.ActivityRegularization, layers.Flatten, layers.Identity, layers.InputLayer, layers.Reshape)
_ACTIVATION_LAYERS = (layers.Activation, layers.ELU, layers.LeakyReLU, layers.ReLU, layers.Softmax)


def _change_width(steps: list[Step], layer: Any, width: int, find: Callable[[Any], Map | None]) -> int:
    """Append a step whose outputs are not as wide as its inputs, if it does anything; their width."""
    step = Step(width, width, find=functools.partial(find, layer))
    if step.map is None:
        raise NoTwin(f'layer "{layer.name}" ({type(layer).__name__}) for more than one axis, or in another precision')
    if step.map.training is not None:
        step.units = step.map.units
        steps.append(step)
    return step.units


def _activate(steps: list[Step], layer: Any) -> None:
    found, function = twins.activation_of(layer), getattr(layer, "activation", layer)
    if found is twins.UNKNOWN:
        raise NoTwin(f'activation "{getattr(function, "__name__", function)}" of "{layer.name}"')
    if found is not None and found.rowwise and len(layer.input_shape) != 2:
        raise NoTwin(f'activation "{getattr(function, "__name__", function)}" of "{layer.name}" for more than one axis')
    steps[-1].activation = found
    steps[-1].activated.append((layer, found))


def _remembers_logits(model: Any) -> bool:
    """Whether the outputs come straight out of a softmax or sigmoid, so that cross-entropy returns to the logits."""
    sample = np.zeros((1, *(n or 1 for n in model.input_shape[1:])), config.floatx())
    with without_tapes(), np.errstate(all="ignore"):
        return logits_of(model.call(sample, training=False)) is not None


# What is trained for, and how ------------------------------------------------------------------------------------------


class Aim:
    """Loss and metrics as units; raises NoTwin where one has no twin."""

    def __init__(self, model: Any, plan: Plan, y: Array) -> None:
        classes = plan.steps[-1].units
        self.y_width = 1 if y.ndim == 1 else math.prod(y.shape[1:])
        stand_in = np.empty((1, classes), plan.real)
        loss = model._compile_loss.resolve(y[:1], stand_in)
        self._settings = plan.settings.tolist()
        self.loss, self.smoothed, values = self._loss(loss, plan, classes)
        self.loss_setting = self._keep(self.loss.forward, values)
        self.reduction = _REDUCTIONS.get(loss.reduction, -1)
        if self.reduction < 0:
            raise NoTwin(f"loss reduction {loss.reduction!r}")
        self._settings[c.LOSS_WEIGHT] = 1.0 if model._compile_loss.weight is None else model._compile_loss.weight
        self.trackers: list[metrics.Mean | None] = [model._loss_tracker]
        self.measures: list[twins.Measure] = []
        self._counting: list[tuple[int, Any, list[Array]]] = []  # row, metric, arrays beside its counts
        self.metrics = self._metrics(model, plan, y, stand_in)
        self.extras, self._extra_units = self._penalties(plan)
        self._check_width("the loss", self.loss, classes, y)
        if loss.fn is losses.categorical_generalized_cross_entropy and y.ndim != 1:
            raise NoTwin(f"loss {loss.name!r} with targets of shape {y.shape}")
        self.from_logits = 0
        if takes(self.loss.forward, "logits"):
            self.from_logits = 1 if any(takes(unit, "y_pred") for unit in self.units) else 2
        self.settings = np.array(self._settings)
        self.real, self.handles = plan.real, [0, 0]

    @property
    def units(self) -> list[Unit]:
        """What the loop calls to measure."""
        assert self.loss.backward is not None
        found = [self.loss.forward, self.loss.backward, *(measure.forward for measure in self.measures)]
        return [*found, *self._extra_units]

    @property
    def has_own_counts(self) -> bool:
        """Whether a metric counts in arrays of its own, where the totals of others are sums that start with the epoch."""
        return bool(self._counting)

    def bind(self) -> None:
        """Write down the addresses of the units, and of the arrays that metrics count in."""
        if not self.handles[0]:
            addresses = [machine.address(self.real, unit) for unit in self.units]
            self.handles = addresses[:2]
            self.metrics[:, c.METRIC_UNIT] = addresses[2 : 2 + len(self.metrics)]
            self.extras[:, c.EXTRA_UNIT] = addresses[2 + len(self.metrics) :]
        for row, metric, (thresholds, *buckets) in self._counting:
            counts = [getattr(metric, name, None) for name in COUNTS]
            if hasattr(metric, "_counted"):
                counts[COUNTS.index(metric._counted)] = metric.accumulator
            arrays = [np.empty((0, 0), self.real) if v is None else v.value.reshape(-1, 1) for v in counts]
            self.metrics[row, c.METRIC_SLOTS :] = words_of(
                [thresholds, *arrays, *buckets], c.METRIC_FIELDS - c.METRIC_SLOTS
            )

    def _keep(self, unit: Unit, values: Mapping[str, float]) -> int:
        """Where the settings of a unit begin."""
        numbers = settings_of(unit, values)
        self._settings += numbers
        return len(self._settings) - len(numbers)

    def read_totals(self, real: DType) -> Array:
        """(1 + metrics, 2): sum and count of the loss and of each metric so far; those that count for themselves have 0."""
        return np.array([[0, 0] if t is None else [t.total.value, t.count.value] for t in self.trackers], real)

    def write_back(self, totals: Array) -> None:
        """Give the metrics what the loop has added up."""
        for tracker, (total, count) in zip(self.trackers, totals):
            if tracker is not None:
                tracker.total.value[...], tracker.count.value[...] = total, count

    def _penalties(self, plan: Plan) -> tuple[Array, list[Unit]]:
        """Rows for what the weights' regularizers add to the loss and to the gradients; and their units."""
        rows, units, offsets = [], [], offsets_of(plan.variables)
        self._kept_alive: list[Array] = []  # arrays that the rows point to
        for step in plan.steps:
            if step.map is not None and "share" in step.map.constants:
                rows.append([0, 0, c.PENALTY, 0, 0, 0, *words_of([step.map.constants["share"]], 12)])
                units.append(twins.PENALTY_ON_OUTPUTS)
        for variable in plan.variables:
            penalty = variable.regularizer
            if penalty is None:
                continue
            first, size = offsets[id(variable)], variable.value.size
            if type(penalty) is regularizers.OrthogonalRegularizer:
                matrix = plan.params[first : first + size].reshape(variable.shape)
                for unit, row in self._orthogonality(penalty, matrix, first):
                    rows.append(row)
                    units.append(unit)
                continue
            if type(penalty) not in (regularizers.L1, regularizers.L2, regularizers.L1L2):
                raise NoTwin(f"regularizer of {variable.path}")
            values = {name: float(np.float32(getattr(penalty, name, 0.0))) for name in ("l1", "l2")}
            for unit, when in ((twins.PENALTY, c.PENALTY), (twins.PENALTY_GRADIENT, c.ON_GRADIENTS)):
                rows.append([0, self._keep(unit, values), when, first, size, 0, *[0] * 12])
                units.append(unit)
        return np.array(rows, np.int64).reshape(-1, c.EXTRA_FIELDS), units

    def _orthogonality(self, penalty: Any, matrix: Array, first: int) -> Iterator[tuple[Unit, list[int]]]:
        """Units and rows for the penalty on a matrix whose entries begin at `first` among the parameters."""
        by_columns = penalty.mode == "columns"
        directions, space = np.empty(matrix.size, matrix.dtype), np.empty(matrix.size, matrix.dtype)
        inverse, one = np.empty(matrix.shape[1 if by_columns else 0], matrix.dtype), np.ones(1, matrix.dtype)
        values = {"factor": float(penalty.factor), "epsilon": config.epsilon(), "by_columns": by_columns}
        for unit, when, arrays in (
            (twins.ORTHOGONAL_PENALTY, c.PENALTY, [matrix, directions, inverse, space]),
            (twins.ORTHOGONAL_GRADIENT, c.ON_GRADIENTS, [directions, inverse, space, one]),
        ):
            self._kept_alive += arrays
            yield unit, [0, self._keep(unit, values), when, first, matrix.size, 0, *words_of(arrays, 12)]

    def _loss(self, loss: Any, plan: Plan, classes: int) -> tuple[twins.Measure, bool, dict[str, float]]:
        if not isinstance(loss, LossFunctionWrapper) or type(loss).__call__ is not Loss.__call__:
            raise NoTwin(f"loss {loss.name!r}")
        if type(loss) is not LossFunctionWrapper and not type(loss).__module__.startswith("tinynn.losses."):
            raise NoTwin(f"loss {loss.name!r}")
        if loss.dtype != plan.real.name:
            raise NoTwin(f"loss {loss.name!r} computes in {loss.dtype}")
        settings, other = dict(loss._settings), twins.OTHER_LOSSES.get(loss.fn)
        smoothing = settings.pop("label_smoothing", 0.0)
        axis = settings.pop("axis", -1 if other is None or other.whole is None else None)
        self.is_of_whole_batch = axis is None
        along_rows = axis in (-1, 1) or axis in ([-1], (-1,), [1], (1,)) or (axis is None and other and other.whole)
        if not along_rows or settings.pop("ignore_class", None) is not None:
            raise NoTwin(f"loss {loss.name!r} along another axis")
        from_logits = settings.pop("from_logits", False)
        if from_logits and plan.remembers_logits:
            raise NoTwin("from_logits=True after a softmax or sigmoid, which deserves its warning")
        if from_logits and plan.steps[-1].activation is not None:  # the loop's logits are what comes before it
            raise NoTwin("from_logits=True after an activation")
        measure: twins.Measure | None
        if other is not None:
            measure = self._other_loss(loss, other, plan, from_logits)
            counted = loss.reduction in ("sum_over_batch_size", "mean")
            settings = {**other.defaults, **({"counted": counted} if loss.fn is losses.circle else {}), **settings}
        else:
            known = twins.FROM_LOGITS if from_logits or plan.remembers_logits else twins.FROM_OUTPUTS
            measure = known.get(loss.fn, twins.FROM_OUTPUTS.get(loss.fn))
        if measure is None:
            raise NoTwin(f"loss {loss.name!r}")
        numbers = all(isinstance(value, (bool, int, float, np.number)) for value in settings.values())
        if not numbers or not set(settings) <= set(settings_named(measure.forward)):
            raise NoTwin(f"loss {loss.name!r} with {', '.join(settings)}")
        if loss.fn in (losses.categorical_crossentropy, losses.categorical_focal_crossentropy) and classes == 1:
            raise NoTwin("categorical cross-entropy of one output, which deserves its warning")
        binary = loss.fn in (losses.binary_crossentropy, losses.binary_focal_crossentropy)
        self._settings[c.SMOOTH_SCALE] = 1.0 - smoothing
        self._settings[c.SMOOTH_SHIFT] = 0.5 * smoothing if binary else smoothing / classes
        return measure, bool(smoothing), {"epsilon": config.epsilon(), "delta": 1.0, **settings}

    def _other_loss(self, loss: Any, other: twins.OtherLoss, plan: Plan, from_logits: bool) -> twins.Measure:
        """The units for outputs, logits or the whole batch, as it is here."""
        means = ("sum_over_batch_size", "mean")
        if self.is_of_whole_batch and other.whole is not None:
            if loss.reduction not in means:
                raise NoTwin(f"loss {loss.name!r} of the whole batch with reduction {loss.reduction!r}")
            return other.whole
        if loss.fn is losses.circle and loss.reduction not in (*means, "sum"):
            raise NoTwin(f"loss {loss.name!r} with reduction {loss.reduction!r}")
        if from_logits and other.logits is None:
            raise NoTwin(f"loss {loss.name!r} with from_logits=True")
        if not from_logits and not (plan.remembers_logits and other.logits):
            return other.outputs
        last = plan.steps[-1].activation
        if not from_logits and last != twins.ACTIVATIONS[activations.sigmoid]:
            raise NoTwin(f"loss {loss.name!r} after a softmax")
        assert other.logits is not None
        return other.logits

    def _metrics(self, model: Any, plan: Plan, y: Array, stand_in: Array) -> Array:
        rows: list[list[int]] = []
        if model._compile_metrics is not None:
            model._compile_metrics.build(y[:1], stand_in)
            both = [(m, False) for m in model._compile_metrics.plain] + [
                (m, True) for m in model._compile_metrics.weighted
            ]
            for metric, weighted in both:
                counts = twins.counting(metric)
                if counts is not None:
                    thresholds = np.asarray(metric.thresholds, plan.real)
                    buckets = np.empty((2 if metric._even else 0, len(thresholds), 1), plan.real)
                    self._counting.append((len(rows), metric, [thresholds, *buckets]))
                    measure, values, function = counts, dict[str, float](), None
                else:
                    measure, values, function = self._mean_of(metric, plan)
                    if function is losses.binary_crossentropy and y.ndim == 1:
                        raise NoTwin(f"metric {metric.name!r} with targets of shape {y.shape}, which it refuses")
                    if measure.reads_labels and function not in twins.ACCURACIES and not self.loss.reads_labels:
                        raise NoTwin(f"metric {metric.name!r} without such a loss, whose labels are checked first")
                self._check_width(f"metric {metric.name!r}", measure, plan.steps[-1].units, y)
                setting = self._keep(measure.forward, values)
                rows.append([0, setting, weighted, counts is not None, *[0] * (c.METRIC_FIELDS - c.METRIC_SLOTS)])
                self.measures.append(measure)
                self.trackers.append(None if counts is not None else metric)
        return np.array(rows, np.int64).reshape(-1, c.METRIC_FIELDS)

    def _mean_of(self, metric: Any, plan: Plan) -> tuple[twins.Measure, dict[str, float], Any]:
        """The value a sample that a metric is the mean of, its settings, and the public function."""
        if type(metric) is metrics.RootMeanSquaredError and metric.dtype == plan.real.name:
            return twins.FROM_OUTPUTS[losses.mean_squared_error], {}, None
        function: Any = getattr(metric, "_fn", None)
        plain = type(metric).update_state is metrics.MeanMetricWrapper.update_state
        ours = type(metric) is metrics.MeanMetricWrapper or type(metric).__module__.startswith("tinynn.metrics.")
        by_logits = plan.remembers_logits and function in twins.FROM_LOGITS
        measure = (twins.FROM_LOGITS if by_logits else twins.MEASURES).get(function)
        settings = dict(getattr(metric, "_settings", {}))
        if settings.get("axis", 0) == -1:
            del settings["axis"]
        if function is losses.binary_crossentropy or function is losses.categorical_crossentropy:
            settings = {name: value for name, value in settings.items() if value}  # from_logits=False, no smoothing
        if measure is None or not plain or not ours or metric.dtype != plan.real.name:
            raise NoTwin(f"metric {metric.name!r}")
        if not set(settings) <= set(settings_named(measure.forward)):
            raise NoTwin(f"metric {metric.name!r} with {', '.join(settings)}")
        return measure, {"threshold": 0.5, "k": 5, "delta": 1.0, "epsilon": config.epsilon(), **settings}, function

    def _check_width(self, what: str, measure: twins.Measure, classes: int, y: Array) -> None:
        needed = 1 if measure.reads_labels else classes
        if self.y_width != needed or y.ndim > 2:
            raise NoTwin(f"{what} with targets of shape {y.shape}")


def words_of(arrays: Sequence[Array], length: int) -> list[int]:
    """Addresses and shapes of arrays as a frame has them, with zeros up to a length."""
    words: list[int] = []
    for array in arrays:
        words += [machine.address_of(array), array.shape[0], array.shape[1] if array.ndim == 2 else 1]
    return words + [0] * (length - len(words))


def offsets_of(variables: list[Variable]) -> dict[int, int]:
    """Where each variable begins in the flat vector that they tile."""
    offsets, at = {}, 0
    for variable in variables:
        offsets[id(variable)] = at
        at += variable.value.size
    return offsets


def _stands_in(variables: list[Variable], flat: Array) -> bool:
    """Whether the variables are still views of the memory that a flat vector is a view of."""
    owner = flat if flat.base is None else flat.base
    return all(variable.value.base is owner for variable in variables)


def _same(one: Any, other: Any) -> bool:
    return one is other
