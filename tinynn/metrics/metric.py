"""The base of all metrics: numbers that are gathered over batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import config
from tinynn._naming import unique_name
from tinynn._typing import Shape
from tinynn.variable import Variable


class Metric:
    """State, how a batch changes it (`update_state`), and what it amounts to (`result`). Never differentiated.

    Args:
        dtype: of state and result; floatx by default (totals above 2^24 are inexact in float32, as in Keras).
        name: "mean", ... by default.
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or unique_name(type(self).__name__)
        self.dtype = str(np.dtype(dtype or config.floatx()))
        self._variables: list[Variable] = []

    def add_variable(
        self, shape: Shape = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Make a state variable, zeros unless an initializer says otherwise."""
        from tinynn import initializers

        variable = Variable(
            initializers.get(initializer or "zeros"), tuple(shape), dtype or self.dtype, trainable=False, name=name
        )
        self._variables.append(variable)
        return variable

    add_weight = add_variable

    @property
    def variables(self) -> list[Variable]:
        """The state."""
        return list(self._variables)

    def reset_state(self) -> None:
        """Back to zero: called before every epoch and every evaluation."""
        for variable in self._variables:
            variable.value[...] = 0

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch into account."""
        raise NotImplementedError(f"Metric {type(self).__name__} does not have an `update_state()` method implemented.")

    def result(self) -> Any:
        """What the state amounts to: a number, or a dict of them."""
        raise NotImplementedError(f"Metric {type(self).__name__} does not have a `result()` method implemented.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update, then result."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
