"""What `compile` was given, made into a loss and metrics once the first batch shows the shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import losses, metrics, ops, optimizers
from tinynn._naming import to_snake_case
from tinynn._registry import describe
from tinynn._typing import Tensor
from tinynn.losses.loss import Loss, LossFunctionWrapper
from tinynn.metrics import registry


class CompileLoss:
    """The loss of `compile`: a name, a function or a `Loss`, times its weight."""

    def __init__(self, identifier: Any, loss_weights: Any = None) -> None:
        self.identifier = _only_one("loss", identifier)
        weight = _only_one("loss_weights", loss_weights)
        if weight is not None and not isinstance(weight, (int, float, np.number)):
            raise ValueError(
                "Expected `loss_weights` argument to be a float, or a list, tuple, or dict of one. Received instead: "
                f"loss_weights={loss_weights} of type {type(loss_weights)}"
                + (f". Metrics are the argument after it: metrics={loss_weights}." if isinstance(weight, str) else "")
            )
        self.weight = None if weight is None else float(weight)
        self.loss: Loss | None = None
        if not _is_any(self.identifier, "crossentropy", "ce"):
            losses.get(self.identifier)  # an unknown name is reported by compile, not by fit

    def resolve(self, y_true: Tensor, y_pred: Tensor) -> Loss:
        """The loss; "crossentropy" is chosen by the shapes as "accuracy" is."""
        if self.loss is None:
            identifier = self.identifier
            if _is_any(identifier, "crossentropy", "ce"):
                identifier = f"{_kind_of_labels(y_true, y_pred)}_crossentropy"
            found = losses.get(identifier)
            if not isinstance(found, Loss):
                name = self.identifier if isinstance(self.identifier, str) else _name_of(found)
                found = LossFunctionWrapper(found, name=name)
            self.loss = found
        return self.loss

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> Any:
        """The reduced, weighted loss."""
        value = self.resolve(y_true, y_pred)(y_true, y_pred, sample_weight)
        return value if self.weight is None else ops.multiply(value, self.weight)


class CompileMetrics:
    """The metrics of `compile`, plain and weighted, as one."""

    name = "compile_metrics"

    def __init__(self, plain: Any = None, weighted: Any = None) -> None:
        self._plain = _list_of("metrics", plain)
        self._weighted = _list_of("weighted_metrics", weighted)
        for identifier in self._plain + self._weighted:
            if identifier is None:
                raise ValueError("Expected metric, received `None`")
            if not _is_any(identifier, "accuracy", "acc"):
                registry.KNOWN.find(identifier)  # an unknown name is reported by compile, not by fit
        self.built = False
        self.plain: list[metrics.Metric] = []
        self.weighted: list[metrics.Metric] = []

    @property
    def metrics(self) -> list[metrics.Metric]:
        """All metrics, known once the first batch has been seen."""
        return self.plain + self.weighted

    @property
    def variables(self) -> list[Any]:
        """The state of all metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def build(self, y_true: Tensor, y_pred: Tensor) -> None:
        """Resolve names by the shapes of labels and predictions."""
        if not self.built:
            self.plain = [_metric(identifier, y_true, y_pred) for identifier in self._plain]
            self.weighted = [_metric(identifier, y_true, y_pred) for identifier in self._weighted]
            self.built = True

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        """Take a batch into account; sample weights count in the weighted ones alone."""
        self.build(y_true, y_pred)
        for metric in self.plain:
            metric.update_state(y_true, y_pred)
        for metric in self.weighted:
            metric.update_state(y_true, y_pred, sample_weight)

    def reset_state(self) -> None:
        """Back to zero."""
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """The results by name. A second metric of a name is called name_1, a third name_2; weighted ones are called
        weighted_name, weighted_name_1."""
        results: dict[str, Any] = {}
        seen: dict[str, int] = {}
        for metric, prefix in [(m, "") for m in self.plain] + [(m, "weighted_") for m in self.weighted]:
            name = prefix + metric.name if metric.name in seen else metric.name
            if name in seen:
                seen[name] += 1
                name = f"{name}_{seen[name] - 1}"
            else:
                seen[name] = 1
            results[name] = metric.result()
        return results

    def __repr__(self) -> str:
        return f"<CompileMetrics name={self.name}>"


def serialized(value: Any) -> Any:
    """What can be written into a file as JSON: names, numbers and lists as they are, objects as class and configuration."""
    if isinstance(value, dict):
        return {name: serialized(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [serialized(part) for part in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if type(value) is LossFunctionWrapper:  # the one class that Keras names by where its code stands
        return losses.serialize(value)
    own = not type(value).__module__.startswith("tinynn.")
    return describe(value, None if own else f"keras.{type(value).__module__.split('.')[1]}")


def deserialized(argument: str, value: Any) -> Any:
    """The way back, for an argument of `compile`.

    Raises:
        ValueError: an own class or function, or a name that the argument's module does not have.
    """
    if isinstance(value, list):
        return [deserialized(argument, part) for part in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"module", "class_name", "config", "registered_name"}:
        return {name: deserialized(argument, part) for name, part in value.items()}
    modules = {"optimizer": optimizers, "loss": losses, "metrics": metrics, "weighted_metrics": metrics}
    try:
        return modules[argument].deserialize(value)
    except ValueError as error:
        raise ValueError(f"compile_from_config: {error} Call compile with your own.") from error


def _metric(identifier: Any, y_true: Tensor, y_pred: Tensor) -> metrics.Metric:
    if _is_any(identifier, "accuracy", "acc"):
        found = metrics.get(f"{_kind_of_labels(y_true, y_pred)}_accuracy")
    elif isinstance(identifier, str) and registry.KNOWN.known(identifier) in _CROSSENTROPIES:
        return metrics.MeanMetricWrapper(_CROSSENTROPIES[registry.KNOWN.known(identifier)], name=identifier)
    else:
        found = metrics.get(identifier)
    name = identifier if isinstance(identifier, str) else _name_of(found)
    if not isinstance(found, metrics.Metric):
        found = metrics.MeanMetricWrapper(found)
    found.name = name
    return found  # type: ignore[no-any-return]


_CROSSENTROPIES: dict[type[metrics.Metric], Any] = {
    metrics.BinaryCrossentropy: metrics.binary_crossentropy,
    metrics.CategoricalCrossentropy: metrics.categorical_crossentropy,
    metrics.SparseCategoricalCrossentropy: metrics.sparse_categorical_crossentropy,
}
"""By name these are means of the plain function, which the compiled loop knows; the numbers are the class's."""


def _kind_of_labels(y_true: Tensor, y_pred: Tensor) -> str:
    """Which accuracy or cross-entropy fits: one output is binary; labels with an axis less, or of width 1, are numbers."""
    if y_pred.shape[-1] == 1:
        return "binary"
    sparse = len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1
    return "sparse_categorical" if sparse else "categorical"


def _is_any(identifier: Any, *names: str) -> bool:
    return isinstance(identifier, str) and identifier.lower() in names


def _name_of(thing: Any) -> str:
    """An object's name, or that of its function or class in snake case: a lambda is "lambda"."""
    return str(getattr(thing, "name", None) or to_snake_case(getattr(thing, "__name__", type(thing).__name__)))


def _only_one(argument: str, value: Any) -> Any:
    """A model of one output has one loss; Keras also takes it in a list or dict of one."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        if len(value) != 1:
            raise ValueError(f"This model has one output, so {argument} must be one; got {len(value)}: {value!r}.")
        return value[0]
    return value


def _list_of(argument: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, dict):
        value = [value[name] for name in sorted(value)]
    if not isinstance(value, (list, tuple)):
        mend = f" Put it into a list: {argument}=[{value!r}]."
        raise ValueError(
            f"Expected `{argument}` argument to be a list, tuple, or dict. Received instead: {argument}={value} of type "
            f"{type(value)}.{mend}"
        )
    return [part for entry in value for part in (entry if isinstance(entry, (list, tuple)) else [entry])]
