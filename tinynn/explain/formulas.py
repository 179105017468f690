"""Formulas as trees: what `text`, `html` and `latex` write in their own ways.

Indices count from 0, as in NumPy: W1[0,1] is `model.layers[0].kernel[0, 1]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


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
    """A function of something; `prime` for its derivative."""

    function: str
    argument: Formula
    prime: bool = False


@dataclass(frozen=True)
class Equation:
    """Sides that are equal, the second and all after it each on a line of its own if they do not fit; `sign` between them."""

    sides: tuple[Formula, ...]
    sign: str = "="


Formula: TypeAlias = (
    Symbol
    | Number
    | Words
    | Derivative
    | Product
    | Sum
    | Negative
    | Series
    | Fraction
    | Power
    | Root
    | Apply
    | Equation
)

COMPOUND = (Sum, Negative, Series, Equation)
"""What takes brackets as a factor."""


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


def mantissa_and_exponent(value: float) -> tuple[str, int | None]:
    """("1.2", -5) for 1.2e-05; ("0.25", None) where no power of ten is needed."""
    mantissa, _, exponent = digits(value).partition("e")
    return mantissa, int(exponent) if exponent else None
