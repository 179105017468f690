"""An activation as a layer of its own."""

from __future__ import annotations

from typing import Any

from tinynn import activations
from tinynn._typing import Tensor
from tinynn.layers.layer import Layer


class Activation(Layer):
    """activation(inputs), entry by entry (softmax: row by row); no variables.

    Args:
        activation: a name or a function over `tinynn.ops`.
        **kwargs: of `Layer`.

    Raises:
        ValueError: an unknown name.
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The same shape in and out."""
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "activation": activations.serialize(self.activation)}
