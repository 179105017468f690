"""What all initializers share."""

from __future__ import annotations

from typing import Any, Self

from tinynn._typing import Array, Shape


class Initializer:
    """Makes the first values of a variable: called with a shape and a dtype, it gives an array.

    For an initializer of your own, write `__call__`, and `get_config` if models that use it are to be saved:

        class Ramp(tinynn.initializers.Initializer):
            def __init__(self, top=1.0):
                self.top = top

            def __call__(self, shape, dtype=None):
                return np.linspace(0, self.top, math.prod(shape), dtype=dtype).reshape(shape)

            def get_config(self):
                return {"top": self.top}
    """

    def __call__(self, shape: Shape, dtype: Any = None) -> Array:
        """The values, of this shape; of floatx by default."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __call__(self, shape, dtype=None).")

    def get_config(self) -> dict[str, Any]:
        """The arguments that the initializer can be made from again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The initializer with these arguments."""
        return cls(**config)

    def clone(self) -> Self:
        """A new one with the same arguments; if its seed was None, it draws a new seed."""
        return self.from_config(self.get_config())

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
