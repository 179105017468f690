"""Random expressions over `keras.ops`, and three ways to work one out: in tinynn, in Keras, and by the complex step.

A program is a list of instructions on a pool of values that starts with the sources; each instruction appends a value, and
any value may be used again and again. The complex step needs nothing but NumPy: every operation below is analytic but for
decisions (which entry is larger, which side of zero), and these are taken by the real parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.oracles import EPS, complex_step_gradient
from tinynn._typing import Array, Shape

Evaluate = Callable[..., Any]


class Complex:
    """The operations for complex arrays; what is not here NumPy has. Each output is off by an eps or two if asked for."""

    def __init__(self, noise: np.random.Generator | None = None) -> None:
        self.noise = noise

    def __getattr__(self, name: str) -> Any:
        own = vars(Complex).get(f"_{name}")
        function = own.__func__ if own else getattr(np, name)

        def perhaps_noisy(*arguments: Any, **settings: Any) -> Any:
            out = np.asarray(function(*arguments, **settings))
            if self.noise is None or out.dtype.kind != "c":
                return out
            return out * (1 + EPS * self.noise.choice([-2.0, -1.0, 1.0, 2.0], out.shape))

        return perhaps_noisy

    @staticmethod
    def _abs(x: Any) -> Any:
        return np.where(x.real < 0, -x, x)

    @staticmethod
    def _relu(x: Any) -> Any:
        return np.where(x.real > 0, x, 0)

    @staticmethod
    def _sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    @staticmethod
    def _softmax(x: Any) -> Any:
        e = np.exp(x - x.real.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    @staticmethod
    def _clip(x: Any, low: float, high: float) -> Any:
        return np.where(x.real < low, low, np.where(x.real > high, high, x))

    @staticmethod
    def _maximum(x1: Any, x2: Any) -> Any:
        return np.where(np.real(x1) >= np.real(x2), x1, x2)

    @staticmethod
    def _minimum(x1: Any, x2: Any) -> Any:
        return np.where(np.real(x1) <= np.real(x2), x1, x2)

    @staticmethod
    def _greater(x1: Any, x2: Any) -> Any:
        return np.real(x1) > np.real(x2)

    @staticmethod
    def _divide_no_nan(x1: Any, x2: Any) -> Any:
        return np.where(x2 == 0, 0, x1 / np.where(x2 == 0, 1, x2))

    @staticmethod
    def _max(x: Any, axis: Any, keepdims: bool) -> Any:
        return _extreme(x, axis, keepdims, np.argmax)

    @staticmethod
    def _min(x: Any, axis: Any, keepdims: bool) -> Any:
        return _extreme(x, axis, keepdims, np.argmin)


def _extreme(x: Any, axis: int | None, keepdims: bool, where: Any) -> Any:
    if axis is None:
        found = x.reshape(-1)[where(x.real)]
        return found.reshape((1,) * x.ndim) if keepdims else found
    found = np.take_along_axis(x, np.expand_dims(where(x.real, axis=axis), axis), axis)
    return found if keepdims else np.squeeze(found, axis)


# name -> what it is of one value, of two, and how it reduces or reshapes one.
UNARY: dict[str, Evaluate] = {
    "negative": lambda k, x: k.negative(x),
    "square": lambda k, x: k.square(x),
    "abs": lambda k, x: k.abs(x),
    "sin": lambda k, x: k.sin(x),
    "cos": lambda k, x: k.cos(x),
    "tanh": lambda k, x: k.tanh(x),
    "sigmoid": lambda k, x: k.sigmoid(x),
    "relu": lambda k, x: k.relu(x),
    "softmax": lambda k, x: k.softmax(x) if len(x.shape) and x.shape[-1] > 1 else k.sigmoid(x),
    "exp": lambda k, x: k.exp(k.tanh(x)),
    "log": lambda k, x: k.log(k.square(x) + 0.5),
    "log1p": lambda k, x: k.log1p(k.square(x)),
    "sqrt": lambda k, x: k.sqrt(k.square(x) + 0.5),
    "power": lambda k, x: k.power(k.square(x) + 0.5, 1.5),
    "clip": lambda k, x: k.clip(x, -0.7, 0.9),
    "scale": lambda k, x: 0.5 * x + 1.0,
    "from one": lambda k, x: 1 - x,
    "divide a number": lambda k, x: 2.0 / (k.square(x) + 1.0),
}
BINARY: dict[str, Evaluate] = {
    "add": lambda k, x, y: x + y,
    "subtract": lambda k, x, y: k.subtract(x, y),
    "multiply": lambda k, x, y: x * y,
    "divide": lambda k, x, y: x / (k.square(y) + 1.0),
    "divide_no_nan": lambda k, x, y: k.divide_no_nan(x, k.relu(y)),
    "maximum": lambda k, x, y: k.maximum(x, y),
    "minimum": lambda k, x, y: k.minimum(x, y),
    "where": lambda k, x, y: k.where(k.greater(x, y), x, k.square(y)),
    "power": lambda k, x, y: k.power(k.square(x) + 0.5, k.tanh(y)),
}
REDUCTIONS = ("sum", "mean", "max", "min")
MOVES: dict[str, Evaluate] = {
    "flatten": lambda k, x: k.reshape(x, (-1,)),
    "transpose": lambda k, x: k.transpose(x),
    "expand": lambda k, x: k.expand_dims(x, 0),
    "squeeze": lambda k, x: k.squeeze(x),
    "repeat": lambda k, x: k.broadcast_to(x, (2, *x.shape)),
    "first": lambda k, x: x[0] if len(x.shape) else x,
    "backwards": lambda k, x: x[::-1] if len(x.shape) else x,
    "ends": lambda k, x: x[..., -1:] if len(x.shape) else x,
    "twice": lambda k, x: k.concatenate([x, x]) if len(x.shape) else k.stack([x, x]),
    "stack": lambda k, x: k.stack([x, k.sin(x), x], axis=-1),
    "gram": lambda k, x: k.matmul(x, k.transpose(x)) if len(x.shape) == 2 else x,
    "dot": lambda k, x: k.matmul(x, x) if len(x.shape) == 1 else x,
}


@dataclass
class Program:
    """Sources, and instructions (kind, name, operands, settings) that each append one value."""

    sources: list[Array]
    steps: list[tuple[str, str, tuple[int, ...], dict[str, Any]]] = field(default_factory=list)

    def run(self, k: Any, sources: list[Any]) -> list[Any]:
        """All values, in an array library `k`; the last is the result."""
        values = list(sources)
        for kind, name, operands, settings in self.steps:
            arguments = [values[i] for i in operands]
            if kind == "reduce":
                values.append(getattr(k, name)(arguments[0], **settings))
            elif kind == "join":
                values.append(k.concatenate(arguments, **settings))
            elif kind == "matmul":
                values.append(k.matmul(*arguments))
            else:
                table = {"unary": UNARY, "binary": BINARY, "move": MOVES}[kind]
                values.append(table[name](k, *arguments))
        return values

    def gradient(self, of: int, upstream: Array, noise: np.random.Generator | None = None) -> Array:
        """dL/d(source) for L = sum(upstream result), by the complex step."""

        def result(moved: Array) -> Any:
            sources = [source.astype(complex) for source in self.sources]
            sources[of] = moved
            return self.run(Complex(noise), sources)[-1]

        return complex_step_gradient(result, self.sources[of], upstream)

    def bound(self, of: int, upstream: Array, expected: Array) -> float:
        """How far rounding may carry a gradient: thrice as far as it carried the oracle's with a few eps at every step."""
        noisy = [self.gradient(of, upstream, np.random.default_rng(seed)) for seed in range(3)]
        drift = max(float(np.abs(one - expected).max(initial=0.0)) for one in noisy)
        return 3 * drift + 64 * EPS * max(1.0, float(np.abs(expected).max(initial=0.0)))


def _broadcasts(one: Shape, other: Shape) -> bool:
    try:
        return math.prod(np.broadcast_shapes(one, other)) <= 48
    except ValueError:
        return False


@st.composite
def programs(draw: Any, steps: int = 7) -> Program:
    """Up to three sources of up to three axes, up to so many instructions; no value is huge, so that rounding is tame."""
    shapes = st.sampled_from([(), (1,), (3,), (2, 3), (2, 1), (1, 3), (3, 3), (2, 1, 3)])
    numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    program = Program([numbers.normal(size=draw(shapes)) for _ in range(draw(st.integers(1, 3)))])
    values: list[Any] = list(program.sources)
    for _ in range(draw(st.integers(1, steps))):
        x = draw(st.integers(0, len(values) - 1))
        shape = values[x].shape
        kind = draw(st.sampled_from(["unary", "binary", "binary", "reduce", "move", "join", "matmul"]))
        settings: dict[str, Any] = {}
        operands: tuple[int, ...] = (x,)
        name = kind
        if kind == "unary":
            name = draw(st.sampled_from(sorted(UNARY)))
        elif kind == "binary":
            name = draw(st.sampled_from(sorted(BINARY)))
            fitting = [i for i, value in enumerate(values) if _broadcasts(shape, value.shape)]
            operands = (x, draw(st.sampled_from(fitting)))
        elif kind == "reduce":
            name = draw(st.sampled_from(REDUCTIONS))
            settings = {
                "axis": draw(st.sampled_from([None, *range(-len(shape), len(shape))])),
                "keepdims": draw(st.booleans()),
            }
        elif kind == "move":
            name = draw(st.sampled_from(sorted(MOVES)))
        elif kind == "join":
            fitting = [i for i, value in enumerate(values) if shape and value.shape == shape]
            if not fitting:
                continue
            operands = (x, draw(st.sampled_from(fitting)), draw(st.sampled_from(fitting)))
            settings = {"axis": draw(st.integers(-len(shape), len(shape) - 1))}
        else:
            fitting = [
                i for i, v in enumerate(values) if len(shape) > 1 and v.ndim in (1, 2) and shape[-1] == v.shape[0]
            ]
            if not fitting:
                continue
            operands = (x, draw(st.sampled_from(fitting)))
        program.steps.append((kind, name, operands, settings))
        values = [np.real(value) for value in program.run(Complex(), program.sources)]
        assume(values[-1].size <= 48 and np.abs(values[-1]).max() < 1e3)
    assume(program.steps)
    return program
