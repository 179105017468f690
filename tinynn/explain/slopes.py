"""Derivatives of activations and losses in symbols: what `why` writes beside the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tinynn._typing import Array
from tinynn.explain.formulas import (
    Apply,
    Formula,
    Fraction,
    Negative,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    Words,
    minus,
)

ONE = Number(1.0)


def _of_a(body: Callable[[Formula], Formula]) -> Callable[[Formula, Formula], Formula]:
    return lambda z, a: body(a)


SLOPES: dict[str, Callable[[Formula, Formula], Formula]] = {
    "relu": lambda z, a: Words("1 where z > 0, else 0"),
    "relu6": lambda z, a: Words("1 where 0 < z < 6, else 0"),
    "leaky_relu": lambda z, a: Words("1 where z > 0, else the slope below 0"),
    "tanh": _of_a(lambda a: minus(ONE, Power(a, Number(2.0)))),
    "sigmoid": _of_a(lambda a: Product((a, minus(ONE, a)))),
    "softplus": lambda z, a: Apply("sigmoid", z),
    "exponential": _of_a(lambda a: a),
    "selu": lambda z, a: Words("1.0507 where z > 0, else a + 1.7581"),
    "elu": lambda z, a: Words("1 where z > 0, else a + alpha"),
    "softsign": lambda z, a: Fraction(ONE, Power(Sum((ONE, Words("|z|"))), Number(2.0))),
    "silu": lambda z, a: Sum((a, Product((Apply("sigmoid", z), minus(ONE, a))))),
    "hard_sigmoid": lambda z, a: Words("1/6 where -3 < z < 3, else 0"),
    "hard_tanh": lambda z, a: Words("1 where -1 <= z <= 1, else 0"),
}
"""f'(z) in terms of z and a = f(z)."""


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
            minus(_P, _Y),
            (_P, _Y, minus(_P, _Y)),
            lambda y, z: (_softmax(z), _rows(y, z), _softmax(z) - _rows(y, z)),
            lambda difference: difference,
            "p = softmax(z) are the probabilities, y is 1 at the label and 0 elsewhere. If z[k] grows, log p of the label "
            "grows by 1 times that if k is the label, and falls by p[k] times that because probabilities must sum to 1. So the "
            "loss -log p grows by p[k] - y[k].",
        )
    if operation == "sigmoid_crossentropy":
        return LossSlope(
            Words("-(y log p + (1 - y) log(1 - p))" + (f", mean over {width} outputs" if width > 1 else "")),
            Product((minus(_P, _Y), *mean)) if mean else minus(_P, _Y),
            (_P, _Y, minus(_P, _Y)),
            lambda y, z: (_sigmoid(z), y.reshape(z.shape), _sigmoid(z) - y.reshape(z.shape)),
            lambda difference: difference / width,
            "p = sigmoid(z). The slope of the cross-entropy by p is (p - y) / (p (1 - p)), that of the sigmoid p (1 - p): "
            "their product is p - y.",
        )
    if operation == "mean_squared_error":
        return LossSlope(
            Words("(ŷ - y)^2" + (f", mean over {width} outputs" if width > 1 else "")),
            Product((Number(2.0), minus(_A, _Y), *mean)),
            (_A, _Y, minus(_A, _Y)),
            lambda y, a: (a, y.reshape(a.shape), a - y.reshape(a.shape)),
            lambda difference: 2 * difference / width,
            "ŷ is the model's output. The derivative of a square is twice what is squared.",
        )
    if operation == "mean_absolute_error":
        return LossSlope(
            Words("|ŷ - y|" + (f", mean over {width} outputs" if width > 1 else "")),
            Product((Apply("sign", minus(_A, _Y)), *mean)) if mean else Apply("sign", minus(_A, _Y)),
            (_A, _Y, minus(_A, _Y)),
            lambda y, a: (a, y.reshape(a.shape), a - y.reshape(a.shape)),
            lambda difference: np.sign(difference) / width,
            "ŷ is the model's output. |u| has slope 1 above 0 and -1 below.",
        )
    return None
