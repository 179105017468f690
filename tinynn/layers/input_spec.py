"""What a layer expects of its inputs: `keras.layers.InputSpec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinynn._typing import BatchShape
from tinynn.engine.recorded import value_of


class InputSpec:
    """Checks on the inputs of a layer that sets `self.input_spec`, made at each call.

    Args:
        dtype: which they must have.
        shape: which they must have, None where anything goes.
        ndim: their number of axes, the batch among them.
        max_ndim, min_ndim: its limits.
        axes: {axis: length}.
        allow_last_axis_squeeze: whether a last axis of length 1 may be missing or too many.
        name: of the input, for errors.
        optional: accepted for Keras's sake.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: BatchShape | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(axis): length for axis, length in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name, self.optional = name, optional

    def check(self, inputs: Any, layer: str) -> None:
        """See whether inputs are as they should be.

        Raises:
            ValueError: they are not.
        """
        where = f"Input 0 with name '{self.name}' of layer '{layer}' is incompatible with the layer: expected"
        shape = tuple(inputs.shape) if hasattr(inputs, "shape") else ()
        ndim = len(shape)
        if self.ndim is not None and not self.allow_last_axis_squeeze and ndim != self.ndim:
            raise ValueError(f"{where} ndim={self.ndim}, found ndim={ndim}. Full shape received: {shape}")
        if self.max_ndim is not None and ndim > self.max_ndim:
            raise ValueError(f"{where} max_ndim={self.max_ndim}, found ndim={ndim}")
        if self.min_ndim is not None and ndim < self.min_ndim:
            raise ValueError(f"{where} min_ndim={self.min_ndim}, found ndim={ndim}. Full shape received: {shape}")
        if self.dtype is not None and value_of(inputs).dtype.name != str(self.dtype):
            raise ValueError(f"{where} dtype={self.dtype}, found dtype={value_of(inputs).dtype.name}")
        for axis, length in self.axes.items():
            if length is not None and shape[axis] != length:
                raise ValueError(
                    f"{where} axis {axis} of input shape to have value {length}, but received input with shape {shape}"
                )
        if self.shape is not None:
            wanted = self.shape
            if self.allow_last_axis_squeeze:
                shape = shape[:-1] if shape[-1:] == (1,) else shape
                wanted = wanted[:-1] if wanted[-1:] == (1,) else wanted
            if len(wanted) != len(shape) or any(w not in (None, n) for w, n in zip(wanted, shape)):
                raise ValueError(f"{where} shape={self.shape}, found shape={shape}")

    def get_config(self) -> dict[str, Any]:
        """The arguments that it can be made from again; but for `name` and `allow_last_axis_squeeze`, as in Keras."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> InputSpec:
        """A specification from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        said = {name: value for name, value in vars(self).items() if value not in (None, False, {})}
        return f"InputSpec({', '.join(f'{name}={value}' for name, value in said.items())})"
