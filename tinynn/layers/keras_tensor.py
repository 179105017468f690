"""A stand-in for an array whose batch size is not known yet."""

from __future__ import annotations

from typing import Any

from tinynn._naming import unique_name
from tinynn._typing import BatchShape


class KerasTensor:
    """Shape and dtype without values: what `Input` returns and what `layer.output` shows."""

    def __init__(self, shape: BatchShape, dtype: str = "float32", name: str | None = None, layer: Any = None) -> None:
        self.shape = shape
        self.dtype = dtype
        self.name = name or unique_name("keras_tensor")
        self.layer = layer

    @property
    def ndim(self) -> int:
        """The number of axes, the batch among them."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse=False, ragged=False, name={self.name}>"
