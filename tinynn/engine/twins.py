"""Which public function has which compiled twin: the one list to extend when a kernel gets a twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tinynn import activations, losses, metrics
from tinynn.engine.units import IN_PLACE, Unit, takes


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
    activations.relu: _activation("relu"),
    activations.tanh: _activation("tanh"),
    activations.sigmoid: _activation("sigmoid"),
    activations.softmax: _activation("softmax", rowwise=True),
}


def activation_of(layer: Any) -> Activation | None:
    """The units of a layer's activation: None for linear ones, UNKNOWN for those without a twin."""
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
}
ACCURACIES: dict[Callable[..., Any], Measure] = {
    metrics.accuracy: Measure(_unit("accuracy", "equal_compiled")),
    metrics.binary_accuracy: Measure(_unit("accuracy", "binary_compiled")),
    metrics.categorical_accuracy: Measure(_unit("accuracy", "categorical_compiled")),
    metrics.sparse_categorical_accuracy: Measure(_unit("accuracy", "sparse_compiled"), reads_labels=True),
}

# Optimizers, dropout, data ---------------------------------------------------------------------------------------------

SGD, MOMENTUM, NESTEROV = (_unit("sgd", f"{way}step_compiled") for way in ("", "momentum_", "nesterov_"))
RMSPROP, ADAM = _unit("rmsprop", "step_compiled"), _unit("adam", "step_compiled")
DROPOUT = _unit("dropout", "factors_compiled")

KINDS = ("float32", "float64", "uint8", "int32", "int64")
"""Kinds of numbers that data are read in place from."""

GATHER = {kind: Unit("tinynn.kernels.gather", "rows_compiled", kind) for kind in KINDS}
