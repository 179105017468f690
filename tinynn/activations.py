"""Activation functions by name, as `keras.activations`; the mathematics of each is in `tinynn/kernels/`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynn._checks import unknown_name
from tinynn._typing import Tensor
from tinynn.ops import nn

__all__ = ["deserialize", "get", "linear", "relu", "serialize", "sigmoid", "softmax", "tanh"]


def linear(x: Tensor) -> Any:
    """The identity: what a layer without an activation does."""
    return x


def relu(x: Tensor) -> Any:
    """max(x, 0). At 0 the derivative is taken as 0, as in Keras, PyTorch and JAX."""
    return nn.relu(x)


def tanh(x: Tensor) -> Any:
    """(e^x - e^-x) / (e^x + e^-x), between -1 and 1."""
    return nn.tanh(x)


def sigmoid(x: Tensor) -> Any:
    """1 / (1 + e^-x), between 0 and 1. A binary cross-entropy of it is computed from x itself, exactly."""
    return nn.sigmoid(x)


def softmax(x: Tensor, axis: int = -1) -> Any:
    """e^x / sum e^x along an axis: probabilities. A cross-entropy of it is computed from x itself, exactly.

    Raises:
        ValueError: for vectors, where there is nothing to be a share of.
    """
    if len(x.shape) == 1 and axis == -1:
        raise ValueError(f"softmax expects inputs of at least two axes, (batch, classes); got shape {tuple(x.shape)}.")
    return nn.softmax(x, axis=axis)


_BY_NAME: dict[str, Callable[..., Any]] = {
    "linear": linear,
    "relu": relu,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "tanh": tanh,
}


def get(identifier: Any) -> Callable[..., Any]:
    """An activation from its name, a function (as it is), or None (linear).

    Raises:
        ValueError: an unknown name, or something that is neither.
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier  # type: ignore[no-any-return]
    if isinstance(identifier, str):
        if identifier not in _BY_NAME:
            raise unknown_name("activation", identifier, _BY_NAME)
        return _BY_NAME[identifier]
    raise ValueError(f"An activation is a name, a function or None; got {identifier!r}.")


def serialize(activation: Callable[..., Any]) -> str:
    """The name of an activation."""
    return str(getattr(activation, "__name__", activation))


def deserialize(name: str) -> Callable[..., Any]:
    """The activation of a name."""
    return get(name)
