"""Activations and losses in symbols, with their derivatives: what `why` writes beside its numbers, and `derivation` derives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinynn import layers
from tinynn._typing import Array
from tinynn.explain.formulas import Apply, Formula, Negative, Number, Product, Root, Symbol, Where, Words

ZERO, ONE = Number(0.0), Number(1.0)


class Activation(NamedTuple):
    """f(z), and f'(z) written with z or with a = f(z); each entry by itself."""

    value: Formula
    slope: Formula


def _leaky(z: Formula, below: float) -> Activation:
    return Activation(Where(z, z, below * z), Where(z, ONE, Number(below)))


def _elu(z: Formula, a: Formula, alpha: float, scale: float = 1.0) -> Activation:
    depth = scale * alpha
    below = (Apply("exp", z) - 1) if depth == 1 else depth * (Apply("exp", z) - 1)
    above, steep = (z, ONE) if scale == 1 else (scale * z, Number(scale))
    return Activation(Where(z, above, below), Where(z, steep, a + depth))


def _silu(z: Formula, a: Formula) -> Activation:
    gate = Apply("sigmoid", z)
    return Activation(z * gate, a + gate * (1 - a))


def _mish(z: Formula, a: Formula) -> Activation:
    gate = Apply("tanh", Apply("log", 1 + Apply("exp", z)))
    return Activation(z * gate, gate + z * Apply("sigmoid", z) * (1 - gate**2))


def _squareplus(z: Formula, a: Formula) -> Activation:
    root = Root(z**2 + 4)
    return Activation((z + root) / 2, (1 + z / root) / 2)


def _clipped(formula: Formula, low: float, high: float) -> Formula:
    return Apply("min", (Apply("max", (formula, Number(low))), Number(high)))


_BY_NAME: dict[str, Callable[[Formula, Formula], Activation]] = {
    "celu": lambda z, a: _elu(z, a, 1.0),
    "elu": lambda z, a: _elu(z, a, 1.0),
    "exponential": lambda z, a: Activation(Apply("exp", z), a),
    "gelu": lambda z, a: Activation(z * Apply("Φ", z), Apply("Φ", z) + z * Apply("φ", z)),
    "hard_sigmoid": lambda z, a: Activation(_clipped(z / 6 + 0.5, 0, 1), Where(z, Number(1 / 6), ZERO, -3, 3)),
    "hard_silu": lambda z, a: Activation(
        z * _clipped(z / 6 + 0.5, 0, 1), Where(z, z / 3 + 0.5, Where(z, ONE, ZERO), -3, 3)
    ),
    "hard_tanh": lambda z, a: Activation(_clipped(z, -1, 1), Where(z, ONE, ZERO, -1, 1)),
    "leaky_relu": lambda z, a: _leaky(z, 0.2),
    "linear": lambda z, a: Activation(z, ONE),
    "log_sigmoid": lambda z, a: Activation(-Apply("log", 1 + Apply("exp", -z)), Apply("sigmoid", -z)),
    "mish": _mish,
    "relu": lambda z, a: Activation(Where(z, z, ZERO), Where(z, ONE, ZERO)),
    "relu6": lambda z, a: Activation(_clipped(z, 0, 6), Where(z, ONE, ZERO, 0, 6)),
    "selu": lambda z, a: _elu(z, a, 1.6732632423543772, 1.0507009873554805),
    "sigmoid": lambda z, a: Activation(Apply("sigmoid", z), a * (1 - a)),
    "silu": _silu,
    "soft_shrink": lambda z, a: Activation(
        Where(z, ZERO, Where(z, z - 0.5, z + 0.5), -0.5, 0.5), Where(z, ZERO, ONE, -0.5, 0.5)
    ),
    "softplus": lambda z, a: Activation(Apply("log", 1 + Apply("exp", z)), Apply("sigmoid", z)),
    "softsign": lambda z, a: Activation(z / (1 + Apply("abs", z)), 1 / (1 + Apply("abs", z)) ** 2),
    "sparse_plus": lambda z, a: Activation(
        Where(z, (z + 1) ** 2 / 4, Where(z, z, ZERO), -1, 1), Where(z, (z + 1) / 2, Where(z, ONE, ZERO), -1, 1)
    ),
    "sparse_sigmoid": lambda z, a: Activation(_clipped((z + 1) / 2, 0, 1), Where(z, Number(0.5), ZERO, -1, 1)),
    "squareplus": _squareplus,
    "tanh": lambda z, a: Activation(Apply("tanh", z), 1 - a**2),
    "tanh_shrink": lambda z, a: Activation(z - Apply("tanh", z), Apply("tanh", z) ** 2),
}


def activation_of(layer: Any, name: str, z: Formula, a: Formula) -> Activation | None:
    """What a layer's activation does to each entry.

    Args:
        layer: its settings count where it is a layer such as `LeakyReLU`.
        name: of its function, for other layers: "tanh".
        z, a: the letters to write it with.

    Returns:
        None for functions that are not listed here, and for those that mix entries.
    """
    match layer:
        case layers.ReLU(max_value=None, threshold=0, negative_slope=below):
            return _leaky(z, float(below)) if below else _BY_NAME["relu"](z, a)
        case layers.ReLU():
            return None
        case layers.LeakyReLU(negative_slope=below):
            return _leaky(z, float(below))
        case layers.ELU(alpha=alpha):
            return _elu(z, a, float(alpha))
    known = _BY_NAME.get(name)
    return None if known is None else known(z, a)


DEFINITIONS = {
    "sigmoid": "sigmoid(z) = 1 / (1 + exp(-z))",
    "softmax": "softmax: exp of the entry, divided by the sum of exp over its row",
    "gelu": "Φ and φ are the distribution and density of a standard normal number",
    "silu": "sigmoid(z) = 1 / (1 + exp(-z))",
}
"""What a reader may not know of the letters in them."""


class LossSlope(NamedTuple):
    """How the derivative of one sample's loss looks.

    loss: the loss of sample b.
    slope: its derivative by the entry [b,k] of what it is computed from.
    heads: what stands in the columns of numbers that the slope is made of.
    columns: (y, that input) -> those columns, each of the input's shape.
    number: the last of those columns -> the slope.
    because: the step between, in words.
    """

    loss: Formula
    slope: Formula
    heads: tuple[Formula, ...]
    columns: Callable[[Array, Array], tuple[Array, ...]]
    number: Callable[[Array], Array]
    because: str


def _softmax(logits: Array) -> Array:
    e = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _sigmoid(logits: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(logits.astype(np.float64) / 2)))


def _rows(y: Array, like: Array) -> Array:
    """Targets as an array of the shape of what they are compared with: class numbers as one-hot rows."""
    if y.shape == like.shape:
        return y.astype(np.float64)
    return np.asarray(y.reshape(-1)[:, None] == np.arange(like.shape[-1]), np.float64)


_P, _Y, _A = Symbol("p", None, ("b", "k")), Symbol("y", None, ("b", "k")), Symbol("ŷ", None, ("b", "k"))


def loss_slope(operation: str, width: int) -> LossSlope | None:
    """How the derivative of a loss looks, by the name of the operation that takes it; None for one not listed here."""
    mean = [] if width == 1 else [Number(1.0 / width)]
    if operation in ("softmax_crossentropy", "sparse_softmax_crossentropy"):
        return LossSlope(
            Negative(Apply("log", Symbol("p", None, ("b", "label")))),
            _P - _Y,
            (_P, _Y, _P - _Y),
            lambda y, z: (_softmax(z), _rows(y, z), _softmax(z) - _rows(y, z)),
            lambda difference: difference,
            "p = softmax(z) are the probabilities, y is 1 at the label and 0 elsewhere. If z[k] grows, log p of the label "
            "grows by 1 times that if k is the label, and falls by p[k] times that because probabilities must sum to 1. So the "
            "loss -log p grows by p[k] - y[k].",
        )
    if operation == "sigmoid_crossentropy":
        return LossSlope(
            Words("-(y log p + (1 - y) log(1 - p))" + (f", mean over {width} outputs" if width > 1 else "")),
            Product((_P - _Y, *mean)) if mean else _P - _Y,
            (_P, _Y, _P - _Y),
            lambda y, z: (_sigmoid(z), y.reshape(z.shape), _sigmoid(z) - y.reshape(z.shape)),
            lambda difference: difference / width,
            "p = sigmoid(z). The slope of the cross-entropy by p is (p - y) / (p (1 - p)), that of the sigmoid p (1 - p): "
            "their product is p - y.",
        )
    if operation == "mean_squared_error":
        return LossSlope(
            Words("(ŷ - y)^2" + (f", mean over {width} outputs" if width > 1 else "")),
            Product((Number(2.0), _A - _Y, *mean)),
            (_A, _Y, _A - _Y),
            lambda y, a: (a, y.reshape(a.shape), a - y.reshape(a.shape)),
            lambda difference: 2 * difference / width,
            "ŷ is the model's output. The derivative of a square is twice what is squared.",
        )
    if operation == "mean_absolute_error":
        return LossSlope(
            Words("|ŷ - y|" + (f", mean over {width} outputs" if width > 1 else "")),
            Product((Apply("sign", _A - _Y), *mean)) if mean else Apply("sign", _A - _Y),
            (_A, _Y, _A - _Y),
            lambda y, a: (a, y.reshape(a.shape), a - y.reshape(a.shape)),
            lambda difference: np.sign(difference) / width,
            "ŷ is the model's output. |u| has slope 1 above 0 and -1 below.",
        )
    return None
