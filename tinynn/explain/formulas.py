"""Formulas as trees: what `text`, `html` and `latex` write in their own ways.

Indices count from 0, as in NumPy: W1[0,1] is `model.layers[0].kernel[0, 1]`.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np


@dataclass(frozen=True)
class Symbol:
    """A letter, the number of its layer, and an index: W1[0,1]. A word such as "bias" stands upright."""

    letter: str
    layer: int | None = None
    index: tuple[int | str, ...] = ()


@dataclass(frozen=True)
class Number:
    """A number, to five digits."""

    value: float


@dataclass(frozen=True)
class Words:
    """Words within a formula."""

    text: str


@dataclass(frozen=True)
class Derivative:
    """d of / d by."""

    of: Formula
    by: Formula


@dataclass(frozen=True)
class Product:
    """Factors side by side."""

    factors: tuple[Formula, ...]


@dataclass(frozen=True)
class Sum:
    """Terms with a plus between them; a term that is a `Negative` brings its minus along."""

    terms: tuple[Formula, ...]


@dataclass(frozen=True)
class Negative:
    """Minus a term."""

    term: Formula


@dataclass(frozen=True)
class Series:
    """The sum of a body over all values of an index."""

    index: str
    body: Formula


@dataclass(frozen=True)
class Fraction:
    """One formula over another."""

    over: Formula
    under: Formula


@dataclass(frozen=True)
class Power:
    """base^exponent."""

    base: Formula
    exponent: Formula


@dataclass(frozen=True)
class Root:
    """The square root."""

    of: Formula


@dataclass(frozen=True)
class Apply:
    """A function of something, or of several things; `prime` for its derivative."""

    function: str
    argument: Formula | tuple[Formula, ...]
    prime: bool = False


@dataclass(frozen=True)
class Equation:
    """Sides that are equal, each right side on a line of its own; `sign` stands before the first of them."""

    sides: tuple[Formula, ...]
    sign: str = "="

    @property
    def right(self) -> list[tuple[str, Formula]]:
        """The right sides, each with the sign before it."""
        signs = [self.sign, *["="] * (len(self.sides) - 2)]
        return list(zip(signs, self.sides[1:]))


Simple: TypeAlias = Symbol | Number | Words
Compound: TypeAlias = Derivative | Product | Sum | Negative | Series | Fraction | Power | Root | Apply | Equation
Formula: TypeAlias = Simple | Compound

COMPOUND = (Sum, Negative, Series, Equation)
"""What takes brackets as a factor."""


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sign": np.sign,
    "norm": lambda x: np.sqrt(np.sum(np.square(x))),
    "rms": lambda x: np.sqrt(np.mean(np.square(x))),
    "mean": np.mean,
    "row mean": lambda x: np.mean(x, axis=-1, keepdims=True),
    "column mean": lambda x: np.mean(x, axis=-2, keepdims=True),
    "max": np.maximum,
    "min": np.minimum,
    "trust": lambda p, u: np.divide(*norms) if all(norms := (FUNCTIONS["norm"](p), FUNCTIONS["norm"](u))) else 1.0,
    "clip": lambda x, bound: np.clip(x, -bound, bound),
}
"""What `Apply` stands for in a formula that is computed."""


OF_WHOLE_VARIABLES = ("norm", "rms", "mean", "row mean", "column mean", "trust")


def evaluated(tree: Formula, values: Mapping[str, Any]) -> Any:
    """What a formula comes to, with numbers or arrays for its letters, in float64."""
    match tree:
        case Symbol(letter):
            return values[letter]
        case Number(value):
            return value
        case Product(factors):
            return functools.reduce(operator.mul, (evaluated(factor, values) for factor in factors))
        case Sum(terms):
            return functools.reduce(operator.add, (evaluated(term, values) for term in terms))
        case Negative(term):
            return -evaluated(term, values)
        case Fraction(over, under):
            return np.divide(evaluated(over, values), evaluated(under, values))
        case Power(base, exponent):
            return np.power(np.asarray(evaluated(base, values), np.float64), evaluated(exponent, values))
        case Root(of):
            return np.sqrt(evaluated(of, values))
        case Apply(function, arguments):
            parts = arguments if isinstance(arguments, tuple) else (arguments,)
            return FUNCTIONS[function](*(evaluated(part, values) for part in parts))
    raise TypeError(f"no formula that can be computed: {tree!r}")


def with_numbers(tree: Formula, values: Mapping[str, float]) -> Formula:
    """The formula with numbers in the place of its letters, as far as there are any."""
    match tree:
        case Symbol(letter) if letter in values:
            return Number(float(values[letter]))
        case Product(factors):
            return Product(tuple(with_numbers(factor, values) for factor in factors))
        case Sum(terms):
            return Sum(tuple(with_numbers(term, values) for term in terms))
        case Negative(term):
            return Negative(with_numbers(term, values))
        case Fraction(over, under):
            return Fraction(with_numbers(over, values), with_numbers(under, values))
        case Power(base, exponent):
            return Power(with_numbers(base, values), with_numbers(exponent, values))
        case Root(of):
            return Root(with_numbers(of, values))
        case Apply(function, arguments, prime) if function not in OF_WHOLE_VARIABLES:
            parts = arguments if isinstance(arguments, tuple) else (arguments,)
            inner = tuple(with_numbers(part, values) for part in parts)
            return Apply(function, inner if len(inner) > 1 else inner[0], prime)
    return tree


def product(*factors: Formula) -> Formula:
    """The factors, without those that are the number 1."""
    kept = tuple(factor for factor in factors if factor != Number(1.0))
    return kept[0] if len(kept) == 1 else Product(kept) if kept else Number(1.0)


def total(*terms: Formula) -> Formula:
    """The sum of one or more terms."""
    return terms[0] if len(terms) == 1 else Sum(terms)


def minus(left: Formula, right: Formula) -> Formula:
    """left - right."""
    return Sum((left, Negative(right)))


def needs_brackets(factor: Formula) -> bool:
    """Whether a formula is put in brackets where it is a factor."""
    return isinstance(factor, COMPOUND) or (isinstance(factor, Number) and factor.value < 0)


def digits(value: float, significant: int = 5) -> str:
    """A number as people write it: "0.25", "-1.2e-05", "nan"."""
    value = float(value)
    if abs(value) < 1e6 and value == int(value):
        return str(int(value))
    return f"{value:.{significant}g}"


def letter_and_number(letter: str) -> tuple[str, list[str]]:
    """("β", ["1"]) for "β1": the number stands below the letter."""
    return (letter[0], [letter[1:]]) if letter[1:].isdigit() or letter[1:] == "s" else (letter, [])


def mantissa_and_exponent(value: float) -> tuple[str, int | None]:
    """("1.2", -5) for 1.2e-05; ("0.25", None) where no power of ten is needed."""
    mantissa, _, exponent = digits(value).partition("e")
    return mantissa, int(exponent) if exponent else None
