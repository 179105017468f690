"""Models as ONNX graphs, for onnxruntime and whatever else reads them: what `predict` computes, without training.

Each layer becomes a few of ONNX's operators; `LAYERS` and `ACTIVATIONS` say which. Random layers (dropout, noise) do nothing
when predicting and leave no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn import activations
from tinynn import config as settings
from tinynn._typing import Array

OPSET = 20
"""Gelu came with 20."""
_IR_VERSION = 9
"""Of the file format: the one that came with opset 20."""


class Graph:
    """Operators under construction. `value` names an array on its way; every method returns the name of what comes out."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """An operator of ONNX's; a tuple of names where it has several outputs."""
        import onnx

        names = [f"{kind}_{len(self.nodes)}" + (f"_{i}" if i else "") for i in range(outputs)]
        self.nodes.append(onnx.helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else tuple(names)

    def constant(self, value: Any, dtype: Any = None) -> str:
        """A number or an array, in the model's dtype."""
        import onnx

        array = np.array(value, dtype or self.dtype)
        name = f"constant_{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(array, name))
        return name

    def integers(self, values: Any) -> str:
        """Axes, shapes and the like."""
        return self.constant(values, np.int64)


# Activations -----------------------------------------------------------------------------------------------------------

_Rule = Callable[[Graph, str], str]


def _clip(g: Graph, x: str, low: float | None, high: float | None) -> str:
    return str(g.op("Clip", x, "" if low is None else g.constant(low), *([] if high is None else [g.constant(high)])))


def _glu(g: Graph, x: str) -> str:
    left, right = g.op("Split", x, outputs=2, axis=-1, num_outputs=2)
    return str(g.op("Mul", left, g.op("Sigmoid", right)))


def _sparse_plus(g: Graph, x: str) -> str:
    """0 up to -1, (x + 1)^2 / 4 in between, x from 1 on: with c = x held to [-1, 1], (c + 1)^2 / 4 + max(x - 1, 0)."""
    held = g.op("Add", _clip(g, x, -1, 1), g.constant(1))
    above = g.op("Relu", g.op("Sub", x, g.constant(1)))
    return str(g.op("Add", g.op("Mul", g.op("Mul", held, held), g.constant(0.25)), above))


def _sparsemax(g: Graph, x: str) -> str:
    """max(x - tau, 0), with tau as Keras has it: `tinynn/kernels/sparsemax.py`.

    The largest entries z_1 >= z_2 >= ... with 1 + k z_k > c_k = z_1 + ... + z_k are the support, K of them, and
    tau = (c_1 + ... + c_K - 1) / K.
    """
    last = g.integers([-1])
    width = g.op("Gather", g.op("Shape", x), last)
    z, _ = g.op("TopK", x, width, outputs=2, axis=-1)
    ones = g.op("Add", g.op("Mul", z, g.constant(0)), g.constant(1))
    k = g.op("CumSum", ones, g.constant(-1, np.int32))
    sums = g.op("CumSum", z, g.constant(-1, np.int32))
    inside = g.op("Greater", g.op("Add", g.op("Mul", k, z), g.constant(1)), sums)
    one = g.op("Where", inside, ones, g.constant(0))
    total = g.op("ReduceSum", g.op("Mul", one, sums), last, keepdims=1)
    tau = g.op("Div", g.op("Sub", total, g.constant(1)), g.op("ReduceSum", one, last, keepdims=1))
    return str(g.op("Relu", g.op("Sub", x, tau)))


def _squareplus(g: Graph, x: str) -> str:
    root = g.op("Sqrt", g.op("Add", g.op("Mul", x, x), g.constant(4)))
    return str(g.op("Mul", g.op("Add", x, root), g.constant(0.5)))


ACTIVATIONS: dict[str, _Rule] = {
    "celu": lambda g, x: g.op("Celu", x, alpha=1.0),
    "elu": lambda g, x: g.op("Elu", x, alpha=1.0),
    "exponential": lambda g, x: g.op("Exp", x),
    "gelu": lambda g, x: g.op("Gelu", x, approximate="none"),
    "glu": _glu,
    "hard_shrink": lambda g, x: g.op("Shrink", x, lambd=0.5, bias=0.0),
    "hard_sigmoid": lambda g, x: g.op("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    "hard_silu": lambda g, x: g.op("HardSwish", x),
    "hard_tanh": lambda g, x: _clip(g, x, -1, 1),
    "leaky_relu": lambda g, x: g.op("LeakyRelu", x, alpha=0.2),
    "linear": lambda g, x: x,
    "log_sigmoid": lambda g, x: g.op("Neg", g.op("Softplus", g.op("Neg", x))),
    "log_softmax": lambda g, x: g.op("LogSoftmax", x, axis=-1),
    "mish": lambda g, x: g.op("Mish", x),
    "relu": lambda g, x: g.op("Relu", x),
    "relu6": lambda g, x: _clip(g, x, 0, 6),
    "selu": lambda g, x: g.op("Selu", x),
    "sigmoid": lambda g, x: g.op("Sigmoid", x),
    "silu": lambda g, x: g.op("Mul", x, g.op("Sigmoid", x)),
    "soft_shrink": lambda g, x: g.op("Shrink", x, lambd=0.5, bias=0.5),
    "softmax": lambda g, x: g.op("Softmax", x, axis=-1),
    "softplus": lambda g, x: g.op("Softplus", x),
    "softsign": lambda g, x: g.op("Softsign", x),
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda g, x: _clip(g, g.op("Mul", g.op("Add", x, g.constant(1)), g.constant(0.5)), 0, 1),
    "sparsemax": _sparsemax,
    "squareplus": _squareplus,
    "tanh": lambda g, x: g.op("Tanh", x),
    "tanh_shrink": lambda g, x: g.op("Sub", x, g.op("Tanh", x)),
}
"""By their names, with the arguments that they have when they are called by name."""


def _activation(g: Graph, layer: Any, x: str) -> str:
    function = layer.activation
    for name, rule in ACTIVATIONS.items():
        if function is vars(activations)[name]:
            return rule(g, x)
    raise _cannot(layer, f"its activation {getattr(function, '__name__', function)!r} is a function of your own")


# Layers ----------------------------------------------------------------------------------------------------------------


def _dense(g: Graph, layer: Any, x: str) -> str:
    y = g.op("MatMul", x, g.constant(layer.kernel.value))
    if layer.bias is not None:
        y = g.op("Add", y, g.constant(layer.bias.value))
    return _activation(g, layer, y)


def _scaled(g: Graph, x: str, scale: Any, shift: Any) -> str:
    return str(g.op("Add", g.op("Mul", x, g.constant(scale)), g.constant(shift)))


def _along(layer: Any, values: Any, axis: int) -> Array:
    """Values of an axis, in a shape that stands beside the inputs."""
    rank = len(layer.input_shape)
    shape = [1] * rank
    shape[axis % rank] = -1
    return np.asarray(values).reshape(shape)


def _batch_normalization(g: Graph, layer: Any, x: str) -> str:
    """The moving averages are constants: a factor and a summand for each place along the axis."""
    scale = 1 / np.sqrt(layer.moving_variance.value + np.float32(layer.epsilon))
    if layer.scale:
        scale = scale * layer.gamma.value
    shift = -layer.moving_mean.value * scale
    if layer.center:
        shift = shift + layer.beta.value
    return _scaled(g, x, _along(layer, scale, layer.axis), _along(layer, shift, layer.axis))


def _normalization(g: Graph, layer: Any, x: str) -> str:
    layer.finalize_state()
    deviation = np.maximum(np.sqrt(np.asarray(layer.variance)), settings.epsilon())
    if layer.invert:
        return _scaled(g, x, deviation, layer.mean)
    return str(g.op("Div", g.op("Sub", x, g.constant(layer.mean)), g.constant(deviation)))


def _layer_normalization(g: Graph, layer: Any, x: str) -> str:
    axes = g.integers(sorted(a % len(layer.input_shape) for a in np.atleast_1d(layer.axis)))
    centred = g.op("Sub", x, g.op("ReduceMean", x, axes, keepdims=1))
    variance = g.op("ReduceMean", g.op("Mul", centred, centred), axes, keepdims=1)
    y = g.op("Div", centred, g.op("Sqrt", g.op("Add", variance, g.constant(layer.epsilon))))
    shape = [
        n if i in {a % len(layer.input_shape) for a in np.atleast_1d(layer.axis)} else 1
        for i, n in enumerate(layer.input_shape)
    ]
    if layer.scale:
        y = g.op("Mul", y, g.constant(layer.gamma.value.reshape(shape)))
    if layer.center:
        y = g.op("Add", y, g.constant(layer.beta.value.reshape(shape)))
    return str(y)


def _rms_normalization(g: Graph, layer: Any, x: str) -> str:
    axes = sorted(a % len(layer.input_shape) for a in np.atleast_1d(layer.axis))
    mean = g.op("ReduceMean", g.op("Mul", x, x), g.integers(axes), keepdims=1)
    y = g.op("Div", x, g.op("Sqrt", g.op("Add", mean, g.constant(layer.epsilon))))
    shape = [n if i in axes else 1 for i, n in enumerate(layer.input_shape)]
    return str(g.op("Mul", y, g.constant(layer.scale.value.reshape(shape))))


def _unit_normalization(g: Graph, layer: Any, x: str) -> str:
    """x / sqrt(max(sum x^2, 1e-12))."""
    axes = g.integers(sorted(a % len(layer.input_shape) for a in np.atleast_1d(layer.axis)))
    total = g.op("Max", g.op("ReduceSum", g.op("Mul", x, x), axes, keepdims=1), g.constant(1e-12))
    return str(g.op("Div", x, g.op("Sqrt", total)))


def _relu(g: Graph, layer: Any, x: str) -> str:
    """x where it reaches the threshold, at most max_value; beneath, negative_slope (x - threshold)."""
    over = g.op("GreaterOrEqual", x, g.constant(layer.threshold))
    kept = x if layer.max_value is None else _clip(g, x, None, layer.max_value)
    under = g.op("Mul", g.op("Sub", x, g.constant(layer.threshold)), g.constant(layer.negative_slope))
    return str(g.op("Where", over, kept, under))


def _reshaped(g: Graph, layer: Any, x: str) -> str:
    shape = [-1, *layer.output_shape[1:]]
    if None in shape:
        raise _cannot(layer, "an axis of its output has no fixed length")
    return str(g.op("Reshape", x, g.integers(shape)))


def _permute(g: Graph, layer: Any, x: str) -> str:
    return str(g.op("Transpose", x, perm=[0, *layer.dims]))


def _repeat_vector(g: Graph, layer: Any, x: str) -> str:
    return str(g.op("Tile", g.op("Unsqueeze", x, g.integers([1])), g.integers([1, layer.n, 1])))


def _softmax(g: Graph, layer: Any, x: str) -> str:
    if not isinstance(layer.axis, int):
        raise _cannot(layer, "its softmax goes over several axes")
    return str(g.op("Softmax", x, axis=layer.axis))


def _nothing(g: Graph, layer: Any, x: str) -> str:
    return x


LAYERS: dict[str, Callable[[Graph, Any, str], str]] = {
    "Activation": _activation,
    "ActivityRegularization": _nothing,
    "AlphaDropout": _nothing,
    "BatchNormalization": _batch_normalization,
    "Dense": _dense,
    "Dropout": _nothing,
    "ELU": lambda g, layer, x: g.op("Elu", x, alpha=float(layer.alpha)),
    "Flatten": _reshaped,
    "GaussianDropout": _nothing,
    "GaussianNoise": _nothing,
    "Identity": _nothing,
    "LayerNormalization": _layer_normalization,
    "LeakyReLU": lambda g, layer, x: g.op("LeakyRelu", x, alpha=float(layer.negative_slope)),
    "Normalization": _normalization,
    "PReLU": lambda g, layer, x: g.op("PRelu", x, g.constant(layer.alpha.value)),
    "Permute": _permute,
    "RMSNormalization": _rms_normalization,
    "ReLU": _relu,
    "RepeatVector": _repeat_vector,
    "Rescaling": lambda g, layer, x: _scaled(g, x, layer.scale, layer.offset),
    "Reshape": _reshaped,
    "Softmax": _softmax,
    "UnitNormalization": _unit_normalization,
}
"""By class name. GroupNormalization is not among them."""


def content(model: Any) -> bytes:
    """The file of a built Sequential model.

    Raises:
        ValueError: a model that is not built or no Sequential one, or a layer that cannot be said in ONNX.
        ImportError: the library is missing.
    """
    from tinynn import layers
    from tinynn.models import Sequential

    try:
        import onnx
    except ImportError as error:
        raise ImportError("For ONNX files: pip install tinynn-engine[onnx]") from error
    if not isinstance(model, Sequential) or not model.built:
        raise ValueError("export writes a Sequential model that is built: call it on data, or model.build(shape).")
    graph = Graph(model.inputs[0].dtype)

    def add(stack: Any, x: str) -> str:
        for layer in stack.layers:
            if isinstance(layer, Sequential):
                x = add(layer, x)
                continue
            name = type(layer).__name__
            if name not in LAYERS or vars(layers).get(name) is not type(layer):
                raise _cannot(layer, "there is no translation of this class")
            if layer.dtype != graph.dtype.name:
                raise _cannot(layer, f"it computes in {layer.dtype}, the model in {graph.dtype.name}")
            x = LAYERS[name](graph, layer, x)
        return x

    last = graph.op("Identity", add(model, "inputs"))
    kind = onnx.helper.np_dtype_to_tensor_dtype(graph.dtype)

    def port(name: str, shape: Any) -> Any:
        return onnx.helper.make_tensor_value_info(name, kind, ["batch", *shape[1:]])

    made = onnx.helper.make_graph(
        graph.nodes,
        model.name,
        [port("inputs", model.input_shape)],
        [port(last, model.output_shape)],
        initializer=graph.constants,
    )
    found = onnx.helper.make_model(
        made,
        producer_name="tinynn",
        ir_version=_IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
    )
    onnx.checker.check_model(found, full_check=True)
    return bytes(found.SerializeToString())


def _cannot(layer: Any, reason: str) -> ValueError:
    return ValueError(f'Layer "{layer.name}" ({type(layer).__name__}) cannot be written as ONNX: {reason}.')
