"""A fixed scale and offset, for data such as images: Rescaling(1 / 255)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import ops
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class Rescaling(Layer):
    """inputs scale + offset. No variables; integers become the layer's dtype.

    Python's numbers come by way of float32, for float64 inputs too: Keras's way, kept.

    Args:
        scale, offset: numbers, or lists or arrays that broadcast to the inputs.
        **kwargs: of `Layer`.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The shape of the inputs (and of scale and offset, if they are larger)."""
        scale, offset = (ops.cast(ops.convert_to_tensor(value), self.dtype) for value in (self.scale, self.offset))
        return ops.add(ops.multiply(ops.cast(inputs, self.dtype), scale), offset)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "scale": _described(self.scale), "offset": _described(self.offset)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from what `get_config` gave."""
        return super().from_config({**config, **{name: _made(config[name]) for name in ("scale", "offset")}})


def _described(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": value.tolist(), "dtype": value.dtype.name}}
    return value.item() if isinstance(value, np.generic) else value


def _made(value: Any) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "__numpy__":
        return np.array(value["config"]["value"], value["config"]["dtype"])
    return value
