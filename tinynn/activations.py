"""Activation functions by name, as `keras.activations`; the mathematics of each is in `tinynn/kernels/`.

Each takes and gives an array of any shape, in the dtype of the input, and is differentiated by the tape. What the
derivative is where it does not exist, at a kink, is TensorFlow's choice: every kernel says which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynn._checks import unknown_name
from tinynn._registry import describe
from tinynn._typing import Tensor
from tinynn.ops import nn

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

# Straight and bent lines -----------------------------------------------------------------------------------------------


def linear(x: Tensor) -> Any:
    """The identity: what a layer without an activation does."""
    return x


def relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0), and with options: x between threshold and max_value, max_value above, negative_slope (x - threshold) below.

    At 0 the derivative is taken as 0, as in Keras, PyTorch and JAX; at max_value as 1, but for a max_value of 6 as 0; just
    below the threshold it is negative_slope.

    Args:
        negative_slope: how steep it is below the threshold.
        max_value: the largest output; None for no limit.
        threshold: what an input must exceed to pass; the output jumps from 0 to it there.

    Source: Nair & Hinton 2010. Differs from Keras: NaN stays NaN with a threshold too.
    """
    return nn.bounded_relu(x, negative_slope, max_value, threshold)


def relu6(x: Tensor) -> Any:
    """min(max(x, 0), 6); derivative 0 at both kinks. Source: Krizhevsky 2010."""
    return nn.relu6(x)


def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Any:
    """x where x > 0, else negative_slope x. Source: Maas et al. 2013.

    The slope is rounded to float32 whatever the dtype of x, as TensorFlow does.
    """
    return nn.leaky_relu(x, negative_slope)


def threshold(x: Tensor, threshold: float, default_value: float) -> Any:
    """x where x > threshold, else default_value (which lets no gradient through)."""
    return nn.threshold(x, threshold, default_value)


def hard_tanh(x: Tensor) -> Any:
    """min(max(x, -1), 1); derivative 1 at both kinks."""
    return nn.hard_tanh(x)


def hard_sigmoid(x: Tensor) -> Any:
    """min(max(x + 3, 0), 6) / 6: a straight line in place of the sigmoid; derivative 0 at both kinks."""
    return nn.hard_sigmoid(x)


def hard_silu(x: Tensor) -> Any:
    """x hard_sigmoid(x): 0 up to -3, x from 3 on. Source: Howard et al. 2019 (hard swish)."""
    return nn.hard_silu(x)


hard_swish = hard_silu


def hard_shrink(x: Tensor, threshold: float = 0.5) -> Any:
    """x where |x| > threshold, else 0."""
    return nn.hard_shrink(x, threshold)


def soft_shrink(x: Tensor, threshold: float = 0.5) -> Any:
    """x moved towards 0 by the threshold; 0 where |x| <= threshold."""
    return nn.soft_shrink(x, threshold)


def sparse_plus(x: Tensor) -> Any:
    """0 for x <= -1, (x + 1)^2 / 4 between, x for x >= 1."""
    return nn.sparse_plus(x)


def sparse_sigmoid(x: Tensor) -> Any:
    """0 for x <= -1, (x + 1) / 2 between, 1 for x >= 1; derivative 0 at both kinks."""
    return nn.sparse_sigmoid(x)


# With exponentials -----------------------------------------------------------------------------------------------------


def elu(x: Tensor, alpha: float = 1.0) -> Any:
    """x where x >= 0, else alpha (e^x - 1); derivative alpha at 0. Source: Clevert et al. 2016."""
    return nn.elu(x, alpha)


def celu(x: Tensor, alpha: float = 1.0) -> Any:
    """x where x >= 0, else alpha (e^(x / alpha) - 1). Source: Barron 2017.

    The derivative is 1 on either side of 0; at 0 itself Keras's is 2, and so is ours.
    """
    return nn.celu(x, alpha)


def selu(x: Tensor) -> Any:
    """1.0507 x where x >= 0, else 1.7581 (e^x - 1): keeps mean 0 and variance 1 with lecun_normal weights.

    Source: Klambauer et al. 2017.
    """
    return nn.selu(x)


def gelu(x: Tensor, approximate: bool = False) -> Any:
    """x P(N <= x) for a standard normal N, x/2 erfc(-x / sqrt 2). Source: Hendrycks & Gimpel 2016.

    Args:
        approximate: compute x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) instead, off by at most 5e-4.
    """
    return nn.gelu(x, approximate)


def silu(x: Tensor) -> Any:
    """x sigmoid(x). Source: Elfwing et al. 2017; Ramachandran et al. 2017 call it swish."""
    return nn.silu(x)


swish = silu


def mish(x: Tensor) -> Any:
    """x tanh(softplus(x)). Source: Misra 2020."""
    return nn.mish(x)


def softplus(x: Tensor) -> Any:
    """log(1 + e^x), without overflow."""
    return nn.softplus(x)


def squareplus(x: Tensor, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2: like softplus, without exponentials. Source: Barron 2021."""
    return nn.squareplus(x, b)


def softsign(x: Tensor) -> Any:
    """x / (1 + |x|), between -1 and 1."""
    return nn.softsign(x)


def exponential(x: Tensor) -> Any:
    """e^x."""
    return nn.exponential(x)


def tanh(x: Tensor) -> Any:
    """(e^x - e^-x) / (e^x + e^-x), between -1 and 1."""
    return nn.tanh(x)


def tanh_shrink(x: Tensor) -> Any:
    """x - tanh(x)."""
    return nn.tanh_shrink(x)


def sigmoid(x: Tensor) -> Any:
    """1 / (1 + e^-x), between 0 and 1. A binary cross-entropy of it is computed from x itself, exactly."""
    return nn.sigmoid(x)


def log_sigmoid(x: Tensor) -> Any:
    """log sigmoid(x), exact where the sigmoid has rounded to 0."""
    return nn.log_sigmoid(x)


# Row by row ------------------------------------------------------------------------------------------------------------


def softmax(x: Tensor, axis: Any = -1) -> Any:
    """e^x / sum e^x along an axis: probabilities. A cross-entropy of it is computed from x itself, exactly.

    Args:
        axis: one axis, several that count as one, or None for all.
    """
    return nn.softmax(x, axis=axis)


def log_softmax(x: Tensor, axis: Any = -1) -> Any:
    """log softmax(x) along an axis (several, or None for all), exact where a probability has rounded to 0."""
    return nn.log_softmax(x, axis=axis)


def sparsemax(x: Tensor, axis: int = -1) -> Any:
    """max(x - tau, 0) along an axis, with exact zeros. After Martins & Astudillo 2016.

    The paper's tau makes the outputs sum to 1; Keras 3.15's does so only where a single entry is left, and tinynn follows
    Keras's numbers. `tinynn/kernels/sparsemax.py` has both.
    """
    return nn.sparsemax(x, axis=axis)


def glu(x: Tensor, axis: int = -1) -> Any:
    """a sigmoid(b), a and b being the two halves of an axis, which becomes half as long. Source: Dauphin et al. 2017.

    Raises:
        ValueError: an axis of odd length.
    """
    return nn.glu(x, axis=axis)


# By name ---------------------------------------------------------------------------------------------------------------

_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    *(linear, relu, relu6, leaky_relu, threshold, hard_tanh, hard_sigmoid, hard_silu, hard_shrink, soft_shrink),
    *(sparse_plus, sparse_sigmoid, elu, celu, selu, gelu, silu, mish, softplus, squareplus, softsign, exponential),
    *(tanh, tanh_shrink, sigmoid, log_sigmoid, softmax, log_softmax, sparsemax, glu),
)
_BY_NAME: dict[str, Callable[..., Any]] = {
    **{function.__name__: function for function in _FUNCTIONS},
    "hard_swish": hard_silu,
    "swish": silu,
}


def get(identifier: Any) -> Callable[..., Any]:
    """An activation from its name ("relu", "swish"), its description from `serialize`, a function (as it is), or None (linear).

    Raises:
        ValueError: an unknown name, or something else.
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier  # type: ignore[no-any-return]
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)  # type: ignore[no-any-return]
    raise ValueError(f"An activation is a name, a function, a config or None; got {identifier!r}.")


def serialize(activation: Callable[..., Any]) -> Any:
    """The description of an activation that Keras writes into a model's file.

    Returns:
        The name of one of this module; of another function or object, a dict by which `deserialize` finds it again when it
        is among its `custom_objects`.

    Raises:
        ValueError: something that has neither a name nor a `get_config`.
    """
    name = getattr(activation, "__name__", None)
    if name in _BY_NAME and any(activation is own for own in (_BY_NAME[name], getattr(nn, name, None))):
        return name
    if not callable(activation) or not (isinstance(name, str) or hasattr(activation, "get_config")):
        raise ValueError(
            "serialize expects an activation function, or an object with get_config; got "
            f"{activation!r}. Write the activation as a function with `def`."
        )
    own = not type(activation).__module__.startswith("tinynn.")
    return describe(activation, None if own else "keras.layers")


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The activation that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Args:
        config: the description, or a name. None stays None.
        custom_objects: your own functions and classes, by name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    if config is None:
        return None
    custom_objects = custom_objects or {}
    if isinstance(config, str):
        return _named(config, custom_objects)
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise ValueError(f'The description of an activation is a name, or a dict with "class_name"; got {config!r}.')
    name, arguments = config["class_name"], config.get("config")
    if name == "function":  # its config is its name
        return _named(str(arguments), custom_objects)
    from tinynn import layers

    known = {layer: getattr(layers, layer) for layer in layers.__all__}
    found = custom_objects.get(str(config.get("registered_name")), custom_objects.get(name, known.get(name)))
    if found is None:
        raise unknown_name("activation", name, known)
    return found.from_config(arguments or {}) if hasattr(found, "from_config") else found(**(arguments or {}))


def _named(name: str, custom_objects: dict[str, Any]) -> Any:
    if name in custom_objects:
        return custom_objects[name]
    if name == "<lambda>":
        raise ValueError(
            "A lambda has no name by which it could be found again. Write the activation as a function with `def` and hand "
            "it over in custom_objects."
        )
    if name not in _BY_NAME:
        raise unknown_name("activation", name, _BY_NAME)
    return _BY_NAME[name]
