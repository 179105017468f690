"""Which public function has which compiled twin: the one list to extend when a kernel gets a twin.

`python -m tinynn.engine` compiles all of them at once, where otherwise each is when a model first needs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tinynn import activations, config, constraints, layers, losses, metrics, optimizers
from tinynn._typing import Shape
from tinynn.engine import layer_twins
from tinynn.engine.units import IN_PLACE, Unit, takes
from tinynn.metrics.regression import cosine_similarity


class Activation(NamedTuple):
    """Units for out = f(x) and dL/dx; the settings that they take."""

    forward: Unit
    backward: Unit
    settings: Mapping[str, float] = {}
    rowwise: bool = False

    @property
    def keeps_input(self) -> bool:
        """Whether the derivative asks for what came in, so that it must not be written over."""
        return takes(self.backward, "x")

    def forward_of(self, is_last: bool) -> Unit:
        """In place where it can be; a loss may ask for the last layer's logits."""
        return self.forward if is_last or self.keeps_input else self.forward._replace(kind=IN_PLACE)


class Measure(NamedTuple):
    """A loss or metric: units for a value a sample and, for losses, for the way back. reads_labels: class numbers."""

    forward: Unit
    backward: Unit | None = None
    reads_labels: bool = False


def _activation(kernel: str, rowwise: bool = False, **settings: float) -> Activation:
    return Activation(_unit(kernel, "forward_compiled"), _unit(kernel, "backward_compiled"), settings, rowwise)


def _unit(kernel: str, function: str) -> Unit:
    return Unit(f"tinynn.kernels.{kernel}", function)


def _loss(kernel: str) -> Measure:
    return Measure(_unit(kernel, "forward_compiled"), _unit(kernel, "backward_compiled"))


def _composed(name: str, reads_labels: bool = False) -> Measure:
    forward, backward = (Unit("tinynn.engine.measures", f"{name}_{way}") for way in ("forward", "backward"))
    return Measure(forward, backward, reads_labels)


# Activations -----------------------------------------------------------------------------------------------------------

UNKNOWN = _activation("none")
"""Stands for: it has no twin."""

ACTIVATIONS: dict[Callable[..., Any], Activation | None] = {
    activations.linear: None,
    activations.celu: _activation("celu", alpha=1.0),
    activations.elu: _activation("elu", alpha=1.0),
    activations.exponential: _activation("exponential"),
    activations.gelu: _activation("gelu"),
    activations.hard_shrink: _activation("hard_shrink", threshold=0.5),
    activations.hard_sigmoid: _activation("hard_sigmoid"),
    activations.hard_silu: _activation("hard_silu"),
    activations.hard_tanh: _activation("hard_tanh"),
    activations.leaky_relu: _activation("leaky_relu", negative_slope=0.2),
    activations.log_sigmoid: _activation("log_sigmoid"),
    activations.log_softmax: _activation("log_softmax", rowwise=True),
    activations.mish: _activation("mish"),
    activations.relu: _activation("relu"),
    activations.relu6: _activation("bounded_relu", negative_slope=0.0, max_value=6.0, threshold=0.0),
    activations.selu: _activation("selu"),
    activations.sigmoid: _activation("sigmoid"),
    activations.silu: _activation("silu"),
    activations.soft_shrink: _activation("soft_shrink", threshold=0.5),
    activations.softmax: _activation("softmax", rowwise=True),
    activations.softplus: _activation("softplus"),
    activations.softsign: _activation("softsign"),
    activations.sparse_plus: _activation("sparse_plus"),
    activations.sparse_sigmoid: _activation("sparse_sigmoid"),
    activations.sparsemax: _activation("sparsemax", rowwise=True),
    activations.squareplus: _activation("squareplus", b=4.0),
    activations.tanh: _activation("tanh"),
    activations.tanh_shrink: _activation("tanh_shrink"),
}


def activation_of(layer: Any) -> Activation | None:
    """The units of a layer's activation: None for linear ones, UNKNOWN for those without a twin."""
    kind = type(layer)
    if kind is layers.LeakyReLU:
        return _activation("leaky_relu", negative_slope=layer.negative_slope)
    if kind is layers.ELU:
        return _activation("elu", alpha=layer.alpha)
    if kind is layers.Softmax:
        return ACTIVATIONS[activations.softmax] if layer.axis == -1 else UNKNOWN
    if kind is layers.ReLU:
        if layer.max_value is None and layer.threshold == 0:
            slope = layer.negative_slope
            return _activation("leaky_relu", negative_slope=slope) if slope else ACTIVATIONS[activations.relu]
        top = math.inf if layer.max_value is None else layer.max_value
        return _activation(
            "bounded_relu", negative_slope=layer.negative_slope, max_value=top, threshold=layer.threshold
        )
    return ACTIVATIONS.get(layer.activation, UNKNOWN)


# Losses and metrics ----------------------------------------------------------------------------------------------------

FROM_LOGITS: dict[Callable[..., Any], Measure] = {
    losses.sparse_categorical_crossentropy: Measure(
        _unit("softmax_crossentropy", "sparse_forward_compiled"),
        _unit("softmax_crossentropy", "sparse_backward_compiled"),
        reads_labels=True,
    ),
    losses.categorical_crossentropy: _loss("softmax_crossentropy"),
    losses.binary_crossentropy: _composed("binary_logits"),
}
FROM_OUTPUTS: dict[Callable[..., Any], Measure] = {
    losses.sparse_categorical_crossentropy: _composed("sparse", reads_labels=True),
    losses.categorical_crossentropy: _loss("categorical_crossentropy"),
    losses.binary_crossentropy: _composed("binary"),
    losses.mean_squared_error: _loss("mean_squared_error"),
    losses.mean_absolute_error: _loss("mean_absolute_error"),
    losses.mean_absolute_percentage_error: _loss("mean_absolute_percentage_error"),
    losses.mean_squared_logarithmic_error: _loss("mean_squared_logarithmic_error"),
    losses.huber: _loss("huber"),
    losses.log_cosh: _loss("log_cosh"),
    losses.kl_divergence: _loss("kl_divergence"),
    losses.poisson: _loss("poisson"),
    losses.hinge: _loss("hinge"),
    losses.squared_hinge: _loss("squared_hinge"),
    losses.categorical_hinge: _loss("categorical_hinge"),
    losses.cosine_similarity: _loss("cosine_similarity"),
}


class OtherLoss(NamedTuple):
    """A loss that is no metric: its units for outputs, for logits, and for axis=None: one value for the whole batch."""

    outputs: Measure
    logits: Measure | None = None
    whole: Measure | None = None
    defaults: Mapping[str, float] = {}


OTHER_LOSSES: dict[Callable[..., Any], OtherLoss] = {
    losses.binary_focal_crossentropy: OtherLoss(
        _composed("binary_focal"),
        _loss("sigmoid_focal_crossentropy"),
        defaults={"apply_class_balancing": False, "alpha": 0.25, "gamma": 2.0},
    ),
    losses.categorical_focal_crossentropy: OtherLoss(
        _composed("categorical_focal"), defaults={"alpha": 0.25, "gamma": 2.0}
    ),
    losses.categorical_generalized_cross_entropy: OtherLoss(_composed("generalized", reads_labels=True)),
    losses.circle: OtherLoss(
        _composed("circle", reads_labels=True), defaults={"gamma": 80.0, "margin": 0.4, "remove_diagonal": True}
    ),
    losses.dice: OtherLoss(_loss("dice"), whole=_composed("dice_of_all")),
    losses.tversky: OtherLoss(
        _loss("tversky"), whole=_composed("tversky_of_all"), defaults={"alpha": 0.5, "beta": 0.5}
    ),
}
ACCURACIES: dict[Callable[..., Any], Measure] = {
    metrics.accuracy: Measure(_unit("accuracy", "equal_compiled")),
    metrics.binary_accuracy: Measure(_unit("accuracy", "binary_compiled")),
    metrics.categorical_accuracy: Measure(_unit("accuracy", "categorical_compiled")),
    metrics.sparse_categorical_accuracy: Measure(_unit("accuracy", "sparse_compiled"), reads_labels=True),
    metrics.top_k_categorical_accuracy: Measure(_unit("top_k", "categorical_compiled")),
    metrics.sparse_top_k_categorical_accuracy: Measure(_unit("top_k", "sparse_compiled"), reads_labels=True),
}
MEASURES: dict[Callable[..., Any], Measure] = {
    **FROM_OUTPUTS,
    **ACCURACIES,
    cosine_similarity: Measure(Unit("tinynn.engine.measures", "negative_cosine_similarity")),
}


def counting(metric: Any) -> Measure | None:
    """For metrics that count in arrays of their own: the unit that adds a batch, None for others and for odd options."""
    if type(metric).__module__ != "tinynn.metrics.confusion" or metric.dtype != config.floatx():
        return None
    if any(getattr(metric, option, None) for option in ("top_k", "multi_label", "label_weights", "_from_logits")):
        return None
    if getattr(metric, "class_id", None) is not None:
        return None
    return Measure(_unit("confusion", "update_even_compiled" if metric._even else "update_compiled"))


# Optimizers, penalties, dropout, data ----------------------------------------------------------------------------------


class Rule(NamedTuple):
    """An optimizer's rule: its unit, and the names of its slots in the order of the twin's parameters."""

    unit: Unit
    slots: tuple[str, ...] = ()


SGD, MOMENTUM, NESTEROV = (_unit("sgd", f"{way}step_compiled") for way in ("", "momentum_", "nesterov_"))
RULES: dict[type, Rule] = {
    optimizers.SGD: Rule(SGD, ("momentum",)),
    optimizers.RMSprop: Rule(_unit("rmsprop", "step_compiled"), ("velocity", "average_gradient", "momentum")),
    optimizers.Adam: Rule(_unit("adam", "step_compiled"), ("momentum", "velocity", "velocity_hat")),
    optimizers.AdamW: Rule(_unit("adam", "step_compiled"), ("momentum", "velocity", "velocity_hat")),
    optimizers.Adadelta: Rule(_unit("adadelta", "step_compiled"), ("accumulated_grad", "accumulated_delta_var")),
    optimizers.Adagrad: Rule(_unit("adagrad", "step_compiled"), ("accumulator",)),
    optimizers.Adamax: Rule(_unit("adamax", "step_compiled"), ("momentum", "norm")),
    optimizers.Nadam: Rule(_unit("nadam", "step_compiled"), ("momentum", "velocity")),
    optimizers.Lion: Rule(_unit("lion", "step_compiled"), ("momentum",)),
    optimizers.Ftrl: Rule(_unit("ftrl", "step_compiled"), ("accumulator", "linear")),
    optimizers.ScheduleFreeAdamW: Rule(_unit("schedule_free_adamw", "step_compiled"), ("momentum", "velocity")),
}
WHOLE_RULES: dict[type, Rule] = {
    optimizers.Lamb: Rule(_unit("lamb", "step_compiled"), ("momentum", "velocity")),
    optimizers.Adafactor: Rule(Unit("tinynn.engine.around", "adafactor_step"), ("r", "c", "velocity")),
    optimizers.Muon: Rule(Unit("tinynn.engine.around", "muon_step"), ("momentum", "velocity")),
}
"""Rules that look at whole variables: they are called with all parameters, and told where each begins."""

NO_RULE = Unit("tinynn.engine.around", "no_rule")
CLIPS = {
    "clipnorm": _unit("clip", "by_norm_compiled"),
    "global_clipnorm": _unit("clip", "by_global_norm_compiled"),
    "clipvalue": _unit("clip", "by_value_compiled"),
}
"""By the option that asks for it; the clip that comes first here is the one that Keras takes."""

WEIGHT_DECAY = _unit("weight_decay", "shrink_compiled")
ACCUMULATE, AVERAGE, OVERWRITE, LIMIT_NORMS, UNIT_NORMS, NON_NEGATIVE = (
    Unit("tinynn.engine.around", function)
    for function in ("accumulate", "take_average", "overwrite", "limit_norms", "unit_norms", "keep_non_negative")
)
PENALTY, PENALTY_GRADIENT = Unit("tinynn.engine.measures", "penalty_of"), _unit("l1_l2", "add_gradient")
PENALTY_ON_OUTPUTS = Unit("tinynn.engine.measures", "penalty_on_outputs")
ORTHOGONAL_PENALTY, ORTHOGONAL_GRADIENT = (
    Unit("tinynn.engine.measures", f"orthogonal_{what}") for what in ("penalty", "gradient")
)
DROPOUT = _unit("dropout", "factors_compiled")

KINDS = ("float32", "float64", "uint8", "int32", "int64")
"""Kinds of numbers that data are read in place from."""

GATHER = {kind: Unit("tinynn.kernels.gather", "rows_compiled", kind) for kind in KINDS}


class Constraint(NamedTuple):
    """A constraint's unit and settings; as which matrix it sees the variable, and how many lengths there are in that."""

    unit: Unit
    settings: Mapping[str, float]
    shape: tuple[int, int]
    lengths: int


def constraint_of(constraint: Any, shape: Shape) -> Constraint | None:
    """The unit of a constraint on a variable of this shape; None if it has none."""
    kind, size = type(constraint), math.prod(shape)
    if kind is constraints.NonNeg:
        return Constraint(NON_NEGATIVE, {}, (size, 1), 0)
    if kind not in (constraints.MaxNorm, constraints.MinMaxNorm, constraints.UnitNorm):
        return None
    seen = constraints.as_matrix(shape, constraint.axis)
    if seen is None:
        return None
    matrix, axis = seen
    settings = {"min_value": 0.0, "rate": 1.0, "axis": axis, "epsilon": config.epsilon(), **vars(constraint)}
    unit = UNIT_NORMS if kind is constraints.UnitNorm else LIMIT_NORMS
    return Constraint(unit, {**settings, "axis": axis}, matrix, matrix[1 - axis])


def all_units() -> list[Unit]:
    """Every unit of this list: to have them compiled together, before tests or on a new machine."""
    found = [MOMENTUM, NESTEROV, WEIGHT_DECAY, PENALTY, PENALTY_GRADIENT, DROPOUT, *CLIPS.values(), *GATHER.values()]
    found += [PENALTY_ON_OUTPUTS, ORTHOGONAL_PENALTY, ORTHOGONAL_GRADIENT]
    found += [ACCUMULATE, AVERAGE, OVERWRITE, LIMIT_NORMS, UNIT_NORMS, NON_NEGATIVE]
    found += [_unit("confusion", "update_compiled"), _unit("confusion", "update_even_compiled")]
    found += [rule.unit for rule in (*RULES.values(), *WHOLE_RULES.values())] + [NO_RULE]
    for activation in ACTIVATIONS.values():
        if activation is not None:
            found += [activation.forward, activation.forward_of(is_last=False), activation.backward]
    others = [measure for other in OTHER_LOSSES.values() for measure in other[:3] if measure is not None]
    for measure in (*FROM_LOGITS.values(), *MEASURES.values(), *others):
        found += [measure.forward, *([measure.backward] if measure.backward else [])]
    found += [*_activation("bounded_relu")[:2], *_activation("leaky_relu")[:2], *layer_twins.all_units()]
    return list(dict.fromkeys(found))
