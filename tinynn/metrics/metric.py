"""The base of all metrics: numbers that are gathered over batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinynn import config
from tinynn._allowance import take
from tinynn._naming import unique_name
from tinynn._typing import Array, Shape
from tinynn.engine.recorded import value_of
from tinynn.variable import Variable


class Metric:
    """State, how a batch changes it (`update_state`), and what it amounts to (`result`). Never differentiated.

    A subclass makes its state in `__init__` with `add_variable`. Variables and other metrics that it keeps as attributes
    (or in lists and dicts of them) belong to its state, so that they are reset with it.

    Args:
        dtype: of the result, and of state where a subclass says so; floatx by default (totals above 2^24 are inexact in
            float32, as in Keras).
        name: "mean", ... by default.
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self._variables: list[Variable] = []
        self._metrics: list[Metric] = []
        self.name = name or unique_name(type(self).__name__)
        self._dtype = str(np.dtype(getattr(dtype, "compute_dtype", dtype) or config.floatx()))

    @property
    def dtype(self) -> str:
        """The float type's name, as in Keras."""
        return self._dtype

    def add_variable(
        self,
        shape: Shape = (),
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a state variable, zeros unless an initializer says otherwise.

        Args:
            shape: of the variable.
            initializer: of its value before anything was seen; `reset_state` makes zeros all the same, as in Keras.
            dtype: floatx by default, whatever the metric's own dtype, as in Keras.
            aggregation: of no account here; Keras's word for what becomes of copies on several devices.
            name: the variable's.

        Raises:
            RuntimeError: `super().__init__()` has not been called.
        """
        from tinynn import initializers

        self._check_super_called()
        take(f"The state {name} of {self.name}", tuple(shape), dtype or config.floatx())
        variable = Variable(initializers.get(initializer or "zeros"), tuple(shape), dtype, trainable=False, name=name)
        variable._path = f"{self.name.replace('/', '>')}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Shape = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """`add_variable`, by its older name."""
        return self.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The state, that of metrics within this one last."""
        return self._variables + [variable for metric in self._metrics for variable in metric.variables]

    def reset_state(self) -> None:
        """Back to zero: called before every epoch and every evaluation."""
        for variable in self.variables:
            variable.value[...] = 0

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Take a batch into account."""
        raise NotImplementedError(f"Metric {type(self).__name__} does not have an `update_state()` method implemented.")

    def result(self) -> Any:
        """What the state amounts to: a number, an array or a dict of them."""
        raise NotImplementedError(f"Metric {type(self).__name__} does not have a `result()` method implemented.")

    def stateless_update_state(self, metric_variables: Iterable[Any], *args: Any, **kwargs: Any) -> list[Array]:
        """What `update_state` would make of a state given as a list of arrays; the metric's own state stays.

        Raises:
            ValueError: not as many arrays as the metric has variables.
        """
        with _Borrowed(self, metric_variables):
            self.update_state(*args, **kwargs)
            return [variable.numpy() for variable in self.variables]

    def stateless_result(self, metric_variables: Iterable[Any]) -> Any:
        """What `result` would be in a state given as a list of arrays; the metric's own state stays.

        Raises:
            ValueError: not as many arrays as the metric has variables.
        """
        with _Borrowed(self, metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Array]:
        """The state after a reset, as a list of arrays; the metric's own state stays."""
        with _Borrowed(self, [variable.value for variable in self.variables]):
            self.reset_state()
            return [variable.numpy() for variable in self.variables]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update, then result."""
        self._check_super_called()
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from what `get_config` gave."""
        return cls(**config)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("_variables", "_metrics") and "_metrics" in self.__dict__:
            self._track(value)
        super().__setattr__(name, value)

    def _track(self, value: Any) -> None:
        if isinstance(value, (list, tuple, dict)):
            for part in value.values() if isinstance(value, dict) else value:
                self._track(part)
        elif isinstance(value, Variable) and not any(other is value for other in self._variables):
            self._variables.append(value)
        elif isinstance(value, Metric) and not any(other is value for other in self._metrics):
            self._metrics.append(value)

    def _check_super_called(self) -> None:
        if "_metrics" not in self.__dict__:
            raise RuntimeError(
                f"{type(self).__name__}.__init__ has to call `super().__init__()` before it makes variables."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class _Borrowed:
    """A metric lends its variables to another state within a `with`."""

    def __init__(self, metric: Metric, values: Iterable[Any]) -> None:
        self.metric, self.values = metric, list(values)
        self.count = len(metric.variables)  # those that come later are made by an update
        if len(self.values) != self.count:
            raise ValueError(
                f"`metric_variables` must have one array for each of {type(metric).__name__}().variables: {self.count}. "
                f"Received: {len(self.values)}"
            )

    def __enter__(self) -> None:
        self.before = [variable.numpy() for variable in self.metric.variables]
        for variable, value in zip(self.metric.variables, self.values):
            variable.assign(value)

    def __exit__(self, *error: Any) -> None:
        for variable, value in zip(self.metric.variables, self.before):
            variable.assign(value)


def plain(x: Any, dtype: Any = None) -> Array:
    """What a caller gave as a plain array: Python numbers in floatx or int32, arrays in their own type unless one is asked."""
    from tinynn import ops

    found: Array = np.asarray(value_of(ops.convert_to_tensor(x, dtype)))
    return found


def ratio(x: Any, y: Any) -> Any:
    """x / y, and 0 where y is 0."""
    x, y = np.asarray(x), np.asarray(y)
    quotient = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.result_type(x, y))
    np.divide(x, y, out=quotient, where=y != 0)
    return quotient[()]


def weight_per_sample(sample_weight: Any, shape: Shape, dtype: Any) -> Array:
    """Weights of samples as an array of `shape` (batch, columns): one for all, one per sample, or one per entry."""
    weight = np.ones((), dtype) if sample_weight is None else plain(sample_weight).astype(dtype)
    return np.broadcast_to(weight[:, None] if weight.ndim == 1 else weight, shape)
