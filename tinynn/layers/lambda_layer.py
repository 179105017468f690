"""A function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tinynn._custom_objects import get_registered_name, known
from tinynn._typing import Tensor
from tinynn.layers.layer import Layer


class Lambda(Layer):
    """function(inputs, **arguments), over `tinynn.ops`. Variables that the function uses are not the layer's.

    Args:
        function: of the inputs; it is told `training` if it has an argument of that name.
        output_shape: of one sample, or a function from (batch, ...) to (batch, ...); found by trying out, by default.
        mask: accepted for Keras's sake; there are no masks.
        arguments: further arguments of the function, a dict.
        **kwargs: of `Layer`.

    Keras writes the bytecode of an anonymous function into a model's file, and opening such a file runs it. tinynn writes
    names of functions alone, and makes no function from a file.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"Lambda expects a function; got {function!r}.")
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self._given_output_shape = output_shape
        self._told_training = "training" in inspect.signature(function).parameters

    def call(self, inputs: Tensor, mask: Any = None, training: bool | None = None) -> Any:
        """What the function gives."""
        told = {"training": training} if self._told_training else {}
        return self.function(inputs, **self.arguments, **told)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """What was said, or what the function gives for ones."""
        given = self._given_output_shape
        if given is None:
            return self._try_out(input_shape)
        return given(input_shape) if callable(given) else (input_shape[0], *given)

    def get_config(self) -> dict[str, Any]:
        """A description. An anonymous function is not in it, so that `from_config` needs a named one."""
        config = {**super().get_config(), "function": _described(self.function), "arguments": dict(self.arguments)}
        if self._given_output_shape is not None:
            given = self._given_output_shape
            config["output_shape"] = _described(given) if callable(given) else given
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """A layer from what `get_config` gave, if `custom_objects` has the function under its name.

        Raises:
            ValueError: the function has no name, or it is not there.
        """
        config = dict(config)
        for part in ("function", "output_shape"):
            if isinstance(config.get(part), dict):
                config[part] = _found(config[part], known(custom_objects))
        return super().from_config(config)


def _described(function: Any) -> dict[str, Any]:
    name = get_registered_name(function)
    if name == "<lambda>":
        return {"class_name": "__lambda__", "config": {"code": None, "defaults": None, "closure": None}}
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


def _found(description: dict[str, Any], custom_objects: dict[str, Any]) -> Any:
    name = description.get("config")
    if description.get("class_name") == "__lambda__" or not isinstance(name, str):
        raise ValueError(
            "A Lambda layer of an anonymous function cannot be made from a description: that would run code from a file. Give "
            "the function a name and pass it in custom_objects={name: function}, or write a Layer."
        )
    if name not in custom_objects:
        raise ValueError(f'Lambda uses a function "{name}"; pass it in custom_objects={{"{name}": {name}}}.')
    return custom_objects[name]
