"""A model as arrays: which layers with which offsets, losses and optimizers as codes. What has no compiled twin says so.

`plan_of(model)` reads a built model once; `Plan` holds what does not change from call to call. The layers are merged into
steps of the loop: an affine map (or none), an activation, dropout.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn import activations, config, layers, losses, metrics, optimizers
from tinynn._typing import Array, DType
from tinynn.buffer import pack
from tinynn.engine import codes as c
from tinynn.engine import machine, twins
from tinynn.engine.units import SLOTS, Unit, settings_of, takes
from tinynn.losses.loss import LossFunctionWrapper

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
        self.function: Any = activations.linear
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
        trained, fixed = model.trainable_variables, model.non_trainable_weights
        self.variables, self.fixed = trained, fixed
        self._stack = list(model._stack)
        for variable in [*trained, *fixed]:
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
        return flags and places and config.floatx() == self.real.name

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
        if kind is layers.Dense:
            if layer.input_shape[1:] != (width,):
                raise NoTwin(f'Dense "{layer.name}" maps more than one axis')
            steps.append(Step(width, layer.units, layer))  # type: ignore[attr-defined]
            width = steps[-1].units
            _activate(steps, layer)
        elif kind is layers.Activation:
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


def _activate(steps: list[Step], layer: Any) -> None:
    found = twins.activation_of(layer)
    if found is twins.UNKNOWN:
        raise NoTwin(f'activation "{activations.serialize(layer.activation)}" of "{layer.name}"')
    steps[-1].activation, steps[-1].function = found, layer.activation


def _remembers_logits(model: Any) -> bool:
    """Whether the outputs come straight out of a softmax or sigmoid, so that cross-entropy returns to the logits."""
    remembers = False
    for layer in model.layers:
        if type(layer) is layers.Dense or (
            type(layer) is layers.Activation and layer.activation is not activations.linear
        ):
            remembers = layer.activation in (activations.softmax, activations.sigmoid)
        elif type(layer) is layers.Flatten:
            remembers = False
    return remembers


# What is trained for, and how ------------------------------------------------------------------------------------------


class Aim:
    """Loss and metrics as units; raises NoTwin where one has no twin."""

    def __init__(self, model: Any, plan: Plan, y: Array) -> None:
        classes = plan.steps[-1].units
        self.y_width = 1 if y.ndim == 1 else math.prod(y.shape[1:])
        stand_in = np.empty((1, classes), plan.real)
        loss = model._compile_loss.resolve(y[:1], stand_in)
        self._settings = plan.settings.tolist()
        self.loss, self.smoothed = self._loss(loss, plan, classes)
        self.loss_setting = self._keep(self.loss, {"epsilon": config.epsilon()})
        self.reduction = _REDUCTIONS.get(loss.reduction, -1)
        if self.reduction < 0:
            raise NoTwin(f"loss reduction {loss.reduction!r}")
        self._settings[c.LOSS_WEIGHT] = 1.0 if model._compile_loss.weight is None else model._compile_loss.weight
        self.trackers: list[metrics.Mean] = [model._loss_tracker]
        self.measures: list[twins.Measure] = []
        self.metrics = self._metrics(model, plan, y, stand_in)
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
        return [self.loss.forward, self.loss.backward, *(measure.forward for measure in self.measures)]

    def bind(self) -> None:
        """Write down the addresses of the units."""
        addresses = [machine.address(self.real, unit) for unit in self.units]
        self.handles = addresses[:2]
        self.metrics[:, c.METRIC_UNIT] = addresses[2:]

    def _keep(self, measure: twins.Measure, values: dict[str, float]) -> int:
        """Where the settings of a measure begin."""
        self._settings += settings_of(measure.forward, values)
        return len(self._settings) - len(settings_of(measure.forward, values))

    def read_totals(self, real: DType) -> Array:
        """(1 + metrics, 2): sum and count of the loss and of each metric so far."""
        return np.array([[tracker.total.value, tracker.count.value] for tracker in self.trackers], real)

    def write_back(self, totals: Array) -> None:
        """Give the metrics what the loop has added up."""
        for tracker, (total, count) in zip(self.trackers, totals):
            tracker.total.value[...], tracker.count.value[...] = total, count

    def _loss(self, loss: Any, plan: Plan, classes: int) -> tuple[twins.Measure, bool]:
        if type(loss) is not LossFunctionWrapper and type(loss).__module__ not in _OUR_LOSSES:
            raise NoTwin(f"loss {loss.name!r}")
        if loss.dtype != plan.real.name:
            raise NoTwin(f"loss {loss.name!r} computes in {loss.dtype}")
        settings = dict(loss._settings)
        smoothing = settings.pop("label_smoothing", 0.0)
        if settings.pop("axis", -1) not in (-1, 1) or settings.pop("ignore_class", None) is not None:
            raise NoTwin(f"loss {loss.name!r} along another axis")
        from_logits = settings.pop("from_logits", False)
        if settings:
            raise NoTwin(f"loss {loss.name!r} with {', '.join(settings)}")
        if from_logits and plan.remembers_logits:
            raise NoTwin("from_logits=True after a softmax or sigmoid, which deserves its warning")
        known = twins.FROM_LOGITS if from_logits or plan.remembers_logits else twins.FROM_OUTPUTS
        measure = known.get(loss.fn, twins.FROM_OUTPUTS.get(loss.fn))
        if measure is None:
            raise NoTwin(f"loss {loss.name!r}")
        if loss.fn is losses.categorical_crossentropy and classes == 1:
            raise NoTwin("categorical cross-entropy of one output, which deserves its warning")
        binary = loss.fn is losses.binary_crossentropy
        self._settings[c.SMOOTH_SCALE] = 1.0 - smoothing
        self._settings[c.SMOOTH_SHIFT] = 0.5 * smoothing if binary else smoothing / classes
        return measure, bool(smoothing)

    def _metrics(self, model: Any, plan: Plan, y: Array, stand_in: Array) -> Array:
        rows = []
        if model._compile_metrics is not None:
            model._compile_metrics.build(y[:1], stand_in)
            both = [(m, False) for m in model._compile_metrics.plain] + [
                (m, True) for m in model._compile_metrics.weighted
            ]
            for metric, weighted in both:
                function: Any = getattr(metric, "_fn", None)
                known = type(metric) is metrics.MeanMetricWrapper or type(metric).__module__ in _OUR_METRICS
                settings = dict(getattr(metric, "_settings", {}))
                values = {"threshold": settings.pop("threshold", 0.5), "epsilon": config.epsilon()}
                by_logits = plan.remembers_logits and function in twins.FROM_LOGITS
                measure = (twins.FROM_LOGITS if by_logits else {**twins.FROM_OUTPUTS, **twins.ACCURACIES}).get(function)
                if not known or measure is None or settings or metric.dtype != plan.real.name:
                    raise NoTwin(f"metric {metric.name!r}")
                if measure.reads_labels and function not in twins.ACCURACIES and not self.loss.reads_labels:
                    raise NoTwin(f"metric {metric.name!r} without such a loss, whose labels are checked first")
                self._check_width(f"metric {metric.name!r}", measure, plan.steps[-1].units, y)
                rows.append((0, self._keep(measure, values), weighted))
                self.measures.append(measure)
                self.trackers.append(metric)
        return np.array(rows, np.int64).reshape(-1, 3)

    def _check_width(self, what: str, measure: twins.Measure, classes: int, y: Array) -> None:
        needed = 1 if measure.reads_labels else classes
        if self.y_width != needed or y.ndim > 2:
            raise NoTwin(f"{what} with targets of shape {y.shape}")


_OUR_LOSSES = ("tinynn.losses.crossentropy", "tinynn.losses.regression")
_OUR_METRICS = ("tinynn.metrics.accuracy", "tinynn.metrics.regression")


class Rule:
    """The optimizer as a unit, its slots as flat vectors, and the learning rate of every step to come."""

    def __init__(self, optimizer: Any, plan: Plan) -> None:
        kind = type(optimizer)
        if kind not in (optimizers.SGD, optimizers.RMSprop, optimizers.Adam):
            raise NoTwin(f"optimizer {getattr(optimizer, 'name', optimizer)!r}")
        optimizer.build(plan.variables)
        known = optimizer._trainable_variables
        if len(known) != len(plan.variables) or not all(map(_same, known, plan.variables)):
            raise NoTwin("the optimizer was built for other variables")
        self.optimizer, self.real = optimizer, plan.real
        self.fused = False  # with the product that gives the gradient
        if kind is optimizers.SGD:
            self.fused = not optimizer.momentum
            moving = twins.NESTEROV if optimizer.nesterov else twins.MOMENTUM
            self.unit = moving if optimizer.momentum else twins.SGD
            names = ["momentum"]
        elif kind is optimizers.RMSprop:
            self.unit, names = twins.RMSPROP, ["velocity", "average_gradient", "momentum"]
        else:
            self.unit, names = twins.ADAM, ["momentum", "velocity", "velocity_hat"]
        flats = {name: pack(slots)[0] for name, slots in optimizer._slots.items()}
        slots = [flats.get(name, np.empty(0, plan.real)) for name in names]
        self.slots = [*slots, *[np.empty(0, plan.real)] * (len(SLOTS) - len(slots))]

    def write(self, settings: Array) -> None:
        """The optimizer's numbers as they are now."""
        numbers = settings_of(self.unit, vars(self.optimizer))
        settings[c.RULE_SETTING : c.RULE_SETTING + len(numbers)] = numbers

    def learning_rates(self, steps: int, real: DType) -> Array:
        """(steps,): of the next steps; Adam's with its corrections."""
        first = int(self.optimizer.iterations.value) + 1
        return np.asarray(self.optimizer.step_sizes(np.arange(first, first + steps), real), real)


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
