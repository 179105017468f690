"""A model as arrays: which layers with which offsets, losses and optimizers as codes. What has no compiled twin says so.

`plan_of(model)` reads a built model once; `Plan` holds what does not change from call to call. The layers are merged into
steps of the loop: an affine map (or none), an activation, dropout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn import config, layers, losses, metrics, optimizers, regularizers
from tinynn._typing import Array, DType
from tinynn.buffer import pack
from tinynn.engine import codes as c
from tinynn.engine import machine, twins
from tinynn.engine.recorded import logits_of
from tinynn.engine.tape import without_tapes
from tinynn.engine.units import Unit, settings_named, settings_of, takes
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
    """One row of the plan: an affine map or none, an activation, dropout."""

    def __init__(self, fan_in: int, units: int, dense: Any = None) -> None:
        self.fan_in, self.units, self.dense = fan_in, units, dense
        self.activation: twins.Activation | None = None
        self.dropout: Any = None

    @property
    def is_open(self) -> bool:
        """Whether an activation can still join."""
        return self.activation is None and self.dropout is None


class Plan:
    """What the loop needs to know of a model's layers; raises NoTwin where it cannot run them."""

    def __init__(self, model: Any) -> None:
        self.steps = _steps_of(model)
        self.real: DType = np.dtype(config.floatx())
        self._floatx = config.floatx()
        trained, fixed = model.trainable_variables, model.non_trainable_weights
        self.variables, self.fixed = trained, fixed
        self._stack = list(model._stack)
        for variable in [*trained, *fixed]:
            if variable.constraint is not None:
                raise NoTwin(f"constraint of {variable.path}")
            if variable.value.dtype != self.real:
                raise NoTwin(f"{variable.path} is {variable.dtype} while floatx is {self.real.name}")
        if len({id(variable) for variable in trained + fixed}) != len(trained + fixed):
            raise NoTwin("a layer is used twice")
        self.params = pack(trained)[0] if trained else np.empty(0, self.real)
        self.frozen = pack(fixed)[0] if fixed else np.empty(0, self.real)
        self._settings = np.zeros(c.FREE_SETTING).tolist()
        self.table = self._table(_offsets(trained), _offsets(fixed))
        self.dropouts = self._dropouts()
        self.settings = np.array(self._settings)
        self.lowest, self.can_share = self._lowest(), self._can_share()
        self.remembers_logits = _remembers_logits(model)
        self.widths = [self.steps[0].fan_in, *(step.units for step in self.steps)]
        self.work_per_step = sum(step.fan_in * step.units for step in self.steps if step.dense is not None)

    def _table(self, trained: dict[int, int], fixed: dict[int, int]) -> Array:
        table = np.zeros((len(self.steps), c.LAYER_FIELDS), np.int64)
        dropouts = 0
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
            row[c.DROPOUT] = -1
            if step.dropout is not None:
                row[c.DROPOUT] = dropouts
                dropouts += 1
        return table

    def _dropouts(self) -> Array:
        """(n, 4): seeds and counts are written before each run."""
        table = np.zeros((sum(step.dropout is not None for step in self.steps), 4), np.int64)
        for row, step in zip(table, [step for step in self.steps if step.dropout is not None]):
            row[c.DROP_SETTING] = len(self._settings)
            self._settings += settings_of(twins.DROPOUT, {"rate": step.dropout.rate})
        return table

    @property
    def units(self) -> list[Unit]:
        """What the loop calls for the layers."""
        found = [twins.DROPOUT] if len(self.dropouts) else []
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
        if len(self.dropouts):
            self.dropouts[:, c.DROP_UNIT] = machine.address(self.real, twins.DROPOUT)

    def is_current(self, model: Any) -> bool:
        """Whether the model still has these layers, with their variables where this plan has them, trained or not as here."""
        if len(model._stack) != len(self._stack) or not all(map(_same, model._stack, self._stack)):
            return False
        flags = all(v.trainable for v in self.variables) and not any(v.trainable for v in self.fixed)
        places = all(map(_stands_in, (self.variables, self.fixed), (self.params, self.frozen)))
        return flags and places and config.floatx() == self._floatx

    def _lowest(self) -> int:
        """The first step that trains something."""
        trains = (self.table[:, c.KERNEL_TRAINS] * self.table[:, c.DENSE]) + self.table[:, c.BIAS_TRAINS]
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
        if layer.activity_regularizer is not None:
            raise NoTwin(f'activity regularizer of "{layer.name}"')
        if kind is layers.Dense:
            if layer.input_shape[1:] != (width,):
                raise NoTwin(f'Dense "{layer.name}" maps more than one axis')
            steps.append(Step(width, layer.units, layer))  # type: ignore[attr-defined]
            width = steps[-1].units
            _activate(steps, layer)
        elif kind in _ACTIVATION_LAYERS:
            if twins.activation_of(layer) is None and steps:
                continue  # linear: what came before may have its logits remembered
            if not steps or not steps[-1].is_open:
                steps.append(Step(width, width))
            _activate(steps, layer)
        elif kind is layers.Dropout:
            if layer.noise_shape is not None or layer.rate >= 1:  # type: ignore[attr-defined]
                raise NoTwin(f'Dropout "{layer.name}" has a noise_shape or drops everything')
            if layer.rate > 0:  # type: ignore[attr-defined]
                if not steps or steps[-1].dropout is not None:
                    steps.append(Step(width, width))
                steps[-1].dropout = layer
        elif kind not in (layers.Flatten, layers.InputLayer):
            raise NoTwin(f'layer "{layer.name}" ({kind.__name__})')
    if not steps or not width:
        raise NoTwin("no layer computes anything, or a width is not known")
    if steps[-1].dropout is not None:
        raise NoTwin("dropout on the outputs")
    if len(set(map(id, model.layers))) != len(model.layers):
        raise NoTwin("a layer is used twice")
    return steps


_ACTIVATION_LAYERS = (layers.Activation, layers.ELU, layers.LeakyReLU, layers.ReLU, layers.Softmax)


def _activate(steps: list[Step], layer: Any) -> None:
    found, function = twins.activation_of(layer), getattr(layer, "activation", layer)
    if found is twins.UNKNOWN:
        raise NoTwin(f'activation "{getattr(function, "__name__", function)}" of "{layer.name}"')
    steps[-1].activation = found


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
            self.metrics[row, c.METRIC_SLOTS :] = _words(
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
        rows, units, offsets = [], [], _offsets(plan.variables)
        for variable in plan.variables:
            penalty = variable.regularizer
            if penalty is None:
                continue
            if type(penalty) not in (regularizers.L1, regularizers.L2, regularizers.L1L2):
                raise NoTwin(f"regularizer of {variable.path}")
            values = {name: float(np.float32(getattr(penalty, name, 0.0))) for name in ("l1", "l2")}
            first, size = offsets[id(variable)], variable.value.size
            for unit, when in ((twins.PENALTY, c.PENALTY), (twins.PENALTY_GRADIENT, c.BEFORE_RULE)):
                rows.append([0, self._keep(unit, values), when, first, size, *[0] * 12])
                units.append(unit)
        return np.array(rows, np.int64).reshape(-1, c.EXTRA_FIELDS), units

    def _loss(self, loss: Any, plan: Plan, classes: int) -> tuple[twins.Measure, bool, dict[str, float]]:
        if not isinstance(loss, LossFunctionWrapper) or type(loss).__call__ is not Loss.__call__:
            raise NoTwin(f"loss {loss.name!r}")
        if type(loss) is not LossFunctionWrapper and not type(loss).__module__.startswith("tinynn.losses."):
            raise NoTwin(f"loss {loss.name!r}")
        if loss.dtype != plan.real.name:
            raise NoTwin(f"loss {loss.name!r} computes in {loss.dtype}")
        settings = dict(loss._settings)
        smoothing = settings.pop("label_smoothing", 0.0)
        if settings.pop("axis", -1) not in (-1, 1) or settings.pop("ignore_class", None) is not None:
            raise NoTwin(f"loss {loss.name!r} along another axis")
        from_logits = settings.pop("from_logits", False)
        if from_logits and plan.remembers_logits:
            raise NoTwin("from_logits=True after a softmax or sigmoid, which deserves its warning")
        known = twins.FROM_LOGITS if from_logits or plan.remembers_logits else twins.FROM_OUTPUTS
        measure = known.get(loss.fn, twins.FROM_OUTPUTS.get(loss.fn))
        if measure is None:
            raise NoTwin(f"loss {loss.name!r}")
        if not set(settings) <= set(settings_named(measure.forward)):
            raise NoTwin(f"loss {loss.name!r} with {', '.join(settings)}")
        if loss.fn is losses.categorical_crossentropy and classes == 1:
            raise NoTwin("categorical cross-entropy of one output, which deserves its warning")
        binary = loss.fn is losses.binary_crossentropy
        self._settings[c.SMOOTH_SCALE] = 1.0 - smoothing
        self._settings[c.SMOOTH_SHIFT] = 0.5 * smoothing if binary else smoothing / classes
        return measure, bool(smoothing), {"epsilon": config.epsilon(), "delta": 1.0, **settings}

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


def _words(arrays: Sequence[Array], length: int) -> list[int]:
    """Addresses and shapes of arrays as a frame has them, with zeros up to a length."""
    words: list[int] = []
    for array in arrays:
        words += [machine.address_of(array), array.shape[0], array.shape[1] if array.ndim == 2 else 1]
    return words + [0] * (length - len(words))


class Rule:
    """The optimizer as a unit, its slots as flat vectors, and the learning rate of every step to come."""

    def __init__(self, optimizer: Any, plan: Plan) -> None:
        rule = twins.RULES.get(type(optimizer))
        if rule is None:
            raise NoTwin(f"optimizer {getattr(optimizer, 'name', optimizer)!r}")
        beside = [option for option in optimizer.around_the_rule if option not in _BESIDE]
        if beside:
            raise NoTwin(f"optimizer {optimizer.name!r} with {beside[0]}")
        optimizer.build(plan.variables)
        known = optimizer._trainable_variables
        if len(known) != len(plan.variables) or not all(map(_same, known, plan.variables)):
            raise NoTwin("the optimizer was built for other variables")
        self.optimizer, self.real, self.unit, names = optimizer, plan.real, rule.unit, rule.slots
        self.fused = False  # with the product that gives the gradient
        if type(optimizer) is optimizers.SGD:
            moving = twins.NESTEROV if optimizer.nesterov else twins.MOMENTUM
            self.unit = moving if optimizer.momentum else rule.unit
            self.fused = not optimizer.momentum
        flats = {name: pack(slots)[0] for name, slots in optimizer._slots.items()}
        slots = [flats.get(name, np.empty(0, plan.real)) for name in names]
        self.slots = [*slots, *[np.empty(0, plan.real)] * (4 - len(slots))]
        self.extras, self._extra_units, self._kept_alive = self._around(plan)

    def _around(self, plan: Plan) -> tuple[Array, list[Unit], list[Array]]:
        """Rows for clipping and weight decay, which see all parameters; their units, and the arrays that they point to."""
        rows, units, size = [], [], plan.params.size
        starts = np.array([*_offsets(plan.variables).values(), size], np.int64)
        decays = np.asarray(self.optimizer.weight_decays(plan.variables), np.float64)
        own = c.EXTRA_FIELDS - c.EXTRA_SLOTS
        for option, unit in twins.CLIPS.items():
            if getattr(self.optimizer, option):
                arrays = [] if option == "clipvalue" else [starts]
                rows.append([0, c.CLIP_SETTING, c.BEFORE_RULE, 0, size, *_words(arrays, own)])
                units.append(unit)
                break
        if decays.any():
            rows.append([0, c.CLIP_SETTING, c.BEFORE_RULE, 0, size, *_words([starts, decays], own)])
            units.append(twins.WEIGHT_DECAY)
        return np.array(rows, np.int64).reshape(-1, c.EXTRA_FIELDS), units, [starts, decays]

    @property
    def units(self) -> list[Unit]:
        """What the loop calls to step."""
        return [self.unit, *self._extra_units]

    def write(self, settings: Array) -> None:
        """The optimizer's numbers as they are now."""
        numbers = settings_of(self.unit, vars(self.optimizer))
        settings[c.RULE_SETTING : c.RULE_SETTING + len(numbers)] = numbers
        limits = [limit for option in twins.CLIPS if (limit := getattr(self.optimizer, option))]
        settings[c.CLIP_SETTING] = limits[0] if limits else 0.0

    def bind(self) -> int:
        """The address of the rule's unit; those of the others go into the table."""
        self.extras[:, c.EXTRA_UNIT] = [machine.address(self.real, unit) for unit in self._extra_units]
        return machine.address(self.real, self.unit)

    def learning_rates(self, steps: int, real: DType) -> Array:
        """(steps, rates + 1): of the next steps, with the rule's corrections; the plain rate last."""
        first = int(self.optimizer.iterations.value) + 1
        t = np.arange(first, first + steps)
        rates = np.asarray(self.optimizer.step_sizes(t, real), real).reshape(steps, -1)
        return np.column_stack([rates, self.optimizer.learning_rates(t, real)])


_BESIDE = ("clipnorm", "global_clipnorm", "clipvalue", "weight_decay")
"""What optimizers do around their rule that has twins; the rest sends the model to the reference engine."""


def _offsets(variables: list[Variable]) -> dict[int, int]:
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
