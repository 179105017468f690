"""Where data enters a model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from tinynn import config
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.keras_tensor import KerasTensor
from tinynn.layers.layer import Layer


class InputLayer(Layer):
    """Says what one sample looks like.

    Args:
        shape: of one sample, without the batch: (784,). A number n means (n,).
        batch_size: if it is fixed.
        dtype: inputs are cast to it; floatx by default.
        sparse, ragged, optional: False; there is one kind of array here.
        batch_shape: (batch_size, *shape) at once.
        input_tensor: None; there are no symbolic tensors here.
        name: "input_layer", ... by default.

    Raises:
        ValueError: neither or both of shape and batch_shape, an axis that is not a positive number, or something asked for
            that is not there.
    """

    def __init__(
        self,
        shape: Sequence[int | None] | int | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if "input_shape" in kwargs:
            warnings.warn("Argument `input_shape` is deprecated. Use `shape` instead.", stacklevel=2)
            shape = kwargs.pop("input_shape")
        asked = {"sparse": sparse, "ragged": ragged, "optional": optional, "tensor": input_tensor is not None}
        for kind, wanted in asked.items():
            if wanted:
                raise ValueError(f"Input: {kind} inputs are not there in tinynn; inputs are plain arrays.")
        super().__init__(name=name, dtype=dtype, **kwargs)
        if (shape is None) == (batch_shape is None):
            raise ValueError(f"Input expects shape=(...) of one sample (or batch_shape); got {shape=}, {batch_shape=}.")
        if batch_shape is None:
            batch_shape = (batch_size, *((shape,) if hasattr(shape, "__index__") else shape or ()))
        for n in batch_shape:
            if n is not None and (isinstance(n, bool) or not hasattr(n, "__index__") or n < 1):
                raise ValueError(
                    f"Input expects a shape of positive whole numbers (or None); got {tuple(batch_shape)[1:]}."
                )
        self.batch_shape: BatchShape = tuple(None if n is None else int(n) for n in batch_shape)
        self.dtype = str(dtype or config.floatx())
        self._output = KerasTensor(self.batch_shape, self.dtype, name=name, layer=self)
        self.input = self._output
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The inputs, as they are."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }


def Input(
    shape: Sequence[int | None] | int | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor:
    """The first element of a Sequential model: says what one sample looks like.

    Args:
        shape: of one sample, without the batch: (784,). A number n means (n,).
        batch_size: if it is fixed.
        dtype: inputs are cast to it; floatx by default.
        batch_shape: (batch_size, *shape) at once.
        name: of the layer, "input_layer", ... by default.
        sparse, ragged, optional, tensor: accepted as long as nothing is asked for: there is one kind of array here.

    Raises:
        ValueError: neither or both of shape and batch_shape, or an axis that is not a positive number.
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output
