"""Formulas as trees: the same one is computed with (`evaluated`) and written by `text`, `html` and `latex` in their own ways.

So what is proven of the numbers holds for what is shown. A formula speaks of one entry, with indices that count from 0 as
in NumPy (W1[0,1] is `model.layers[0].kernel[0, 1]`), or of whole arrays, a row for each sample, and then has none.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from tinynn._typing import Array


class Formula:
    """The base of all: operators build larger ones, and numbers become `Number`s."""

    def __add__(self, other: Operand) -> Sum:
        return Sum((*_terms(self), _formula(other)))

    def __radd__(self, other: float) -> Sum:
        return Sum((Number(float(other)), self))

    def __sub__(self, other: Operand) -> Sum:
        return Sum((*_terms(self), Negative(_formula(other))))

    def __rsub__(self, other: float) -> Sum:
        return Sum((Number(float(other)), Negative(self)))

    def __neg__(self) -> Negative:
        return Negative(self)

    def __mul__(self, other: Operand) -> Product:
        return Product((*_factors(self, "·"), _formula(other)))

    def __rmul__(self, other: float) -> Product:
        return Product((Number(float(other)), *_factors(self, "·")))

    def __matmul__(self, other: Formula) -> Product:
        return Product((*_factors(self, ""), other), "")

    def __truediv__(self, other: Operand) -> Fraction:
        return Fraction(self, _formula(other))

    def __rtruediv__(self, other: float) -> Fraction:
        return Fraction(Number(float(other)), self)

    def __pow__(self, other: Operand) -> Power:
        return Power(self, _formula(other))

    @property
    def T(self) -> Transposed:
        """The transpose."""
        return Transposed(self)


Operand: TypeAlias = Formula | float


@dataclass(frozen=True)
class Symbol(Formula):
    """A letter, the number of its layer, and an index: W1[0,1]. A word such as "bias" stands upright."""

    letter: str
    layer: int | None = None
    index: tuple[int | str, ...] = ()


@dataclass(frozen=True)
class Number(Formula):
    """A number, to five digits."""

    value: float


@dataclass(frozen=True)
class Words(Formula):
    """Words within a formula."""

    text: str


@dataclass(frozen=True)
class Derivative(Formula):
    """d of / d by."""

    of: Formula
    by: Formula


@dataclass(frozen=True)
class Product(Formula):
    """Factors side by side: of numbers ("·", and of a number with an array), entry by entry ("⊙") or of matrices ("")."""

    factors: tuple[Formula, ...]
    sign: str = "·"


@dataclass(frozen=True)
class Sum(Formula):
    """Terms with a plus between them; a term that is a `Negative` brings its minus along."""

    terms: tuple[Formula, ...]


@dataclass(frozen=True)
class Negative(Formula):
    """Minus a term."""

    term: Formula


@dataclass(frozen=True)
class Series(Formula):
    """The sum of a body over all values of an index; of an array over its rows "b", its columns "k", or both, "b,k"."""

    index: str
    body: Formula


@dataclass(frozen=True)
class Fraction(Formula):
    """One formula over another."""

    over: Formula
    under: Formula


@dataclass(frozen=True)
class Power(Formula):
    """base^exponent."""

    base: Formula
    exponent: Formula


@dataclass(frozen=True)
class Root(Formula):
    """The square root."""

    of: Formula


@dataclass(frozen=True)
class Transposed(Formula):
    """The transpose of a matrix."""

    of: Formula


@dataclass(frozen=True)
class Apply(Formula):
    """A function of something, or of several things; `prime` for its derivative. "abs" is written |x|."""

    function: str
    argument: Formula | tuple[Formula, ...]
    prime: bool = False

    @property
    def arguments(self) -> tuple[Formula, ...]:
        """All of them."""
        return self.argument if isinstance(self.argument, tuple) else (self.argument,)


@dataclass(frozen=True)
class Where(Formula):
    """`then` where `of` is above `low` and, if there is a `high`, below that; else `otherwise`. Entry by entry."""

    of: Formula
    then: Formula
    otherwise: Formula
    low: float = 0.0
    high: float | None = None

    @property
    def condition(self) -> tuple[Formula | str, ...]:
        """ "z", ">", "0", or "0", "<", "z", "<", "6": what is written of it."""
        if self.high is None:
            return (self.of, ">", Number(self.low))
        return (Number(self.low), "<", self.of, "<", Number(self.high))


@dataclass(frozen=True)
class Equation(Formula):
    """Sides that are equal, each right side on a line of its own; `sign` stands before the first of them."""

    sides: tuple[Formula, ...]
    sign: str = "="

    @property
    def right(self) -> list[tuple[str, Formula]]:
        """The right sides, each with the sign before it."""
        signs = [self.sign, *["="] * (len(self.sides) - 2)]
        return list(zip(signs, self.sides[1:]))


def _formula(operand: Operand) -> Formula:
    return operand if isinstance(operand, Formula) else Number(float(operand))


def _terms(formula: Formula) -> tuple[Formula, ...]:
    return formula.terms if isinstance(formula, Sum) else (formula,)


def _factors(formula: Formula, sign: str) -> tuple[Formula, ...]:
    return formula.factors if isinstance(formula, Product) and formula.sign == sign else (formula,)


def product(*factors: Formula) -> Formula:
    """The factors, without those that are the number 1."""
    kept = tuple(factor for factor in factors if factor != Number(1.0))
    return kept[0] if len(kept) == 1 else Product(kept) if kept else Number(1.0)


def entrywise(*factors: Formula) -> Formula:
    """The factors, entry by entry, without those that are the number 1."""
    kept = product(*factors)
    return Product(kept.factors, "⊙") if isinstance(kept, Product) else kept


def total(*terms: Formula) -> Formula:
    """The sum of one or more terms."""
    return terms[0] if len(terms) == 1 else Sum(terms)


# Walking ---------------------------------------------------------------------------------------------------------------


def name_of(symbol: Symbol | Derivative) -> str:
    """What a value goes by: "W1", "dL/dW1"."""
    match symbol:
        case Derivative(Symbol() as of, Symbol() as by):
            return f"d{name_of(of)}/d{name_of(by)}"
        case Symbol(letter, layer, index):
            number = "" if layer is None else str(layer)
            return letter + number + (f"[{','.join(map(str, index))}]" if index else "")
    raise TypeError(f"a letter or the derivative by one was expected; got {symbol!r}")


def parts_of(tree: Formula) -> tuple[Formula, ...]:
    """The formulas that a formula is built of."""
    match tree:
        case Symbol() | Number() | Words():
            return ()
        case Product(parts) | Sum(parts) | Equation(parts):
            return parts
        case Derivative(one, other) | Fraction(one, other) | Power(one, other):
            return one, other
        case Negative(one) | Root(one) | Transposed(one) | Series(_, one):
            return (one,)
        case Apply():
            return tree.arguments
        case Where(of, then, otherwise):
            return of, then, otherwise
    raise TypeError(f"no formula: {tree!r}")


def mapped(tree: Formula, change: Callable[[Formula], Formula]) -> Formula:
    """The formula with each of the parts that it is built of changed."""
    match tree:
        case Product(factors, sign):
            return Product(tuple(map(change, factors)), sign)
        case Sum(terms):
            return Sum(tuple(map(change, terms)))
        case Equation(sides, sign):
            return Equation(tuple(map(change, sides)), sign)
        case Derivative() | Fraction() | Power():
            return type(tree)(*map(change, parts_of(tree)))
        case Negative(part) | Root(part) | Transposed(part):
            return type(tree)(change(part))
        case Series(index, body):
            return Series(index, change(body))
        case Apply(function, argument, prime):
            inner = tuple(map(change, tree.arguments))
            return Apply(function, inner if isinstance(argument, tuple) else inner[0], prime)
        case Where(of, then, otherwise, low, high):
            return Where(change(of), change(then), change(otherwise), low, high)
    return tree


def of_arrays(tree: Formula) -> Formula:
    """A formula of one entry as one of whole arrays: products of letters are taken entry by entry."""
    inner = mapped(tree, of_arrays)
    if isinstance(inner, Product) and not isinstance(inner.factors[0], Number):
        return Product(inner.factors, "⊙")
    return inner


def symbols_of(tree: Formula) -> Iterator[Symbol]:
    """Every letter, as often as it occurs."""
    if isinstance(tree, Symbol):
        yield tree
    for part in parts_of(tree):
        yield from symbols_of(part)


# Computing -------------------------------------------------------------------------------------------------------------


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _distribution(x: Any) -> Array:
    return np.asarray(0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sign": np.sign,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sigmoid": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
    "softmax": _softmax,
    "Φ": _distribution,
    "φ": lambda x: np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi),
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
"""What `Apply` stands for in a formula that is computed. Φ and φ: distribution and density of a standard normal number."""

OF_WHOLE_VARIABLES = ("norm", "rms", "mean", "row mean", "column mean", "trust")


def evaluated(tree: Formula, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] = FUNCTIONS) -> Any:
    """What a formula comes to.

    Args:
        values: numbers or arrays for its letters, by `name_of`; of floats, or of objects such as SymPy's.
        functions: by name, those of `Root` and of |x| being "sqrt" and "abs"; `name + "'"` for a derivative.

    Raises:
        KeyError: a letter or a function without a value.
        TypeError: something that has no value, such as words.
    """

    def value(part: Formula) -> Any:
        return evaluated(part, values, functions)

    match tree:
        case Symbol() | Derivative():
            return values[name_of(tree)]
        case Number(number):
            return int(number) if float(number).is_integer() else number  # whole numbers stay exact beside SymPy's
        case Product(factors, sign):
            return functools.reduce(operator.matmul if sign == "" else operator.mul, map(value, factors))
        case Sum(terms):
            return functools.reduce(operator.add, map(value, terms))
        case Negative(term):
            return -value(term)
        case Series(index, body):
            array = np.asarray(value(body))
            return array.sum() if index == "b,k" else array.sum(axis=0 if index == "b" else 1, keepdims=True)
        case Fraction(over, under):
            return np.divide(value(over), value(under))
        case Power(base, exponent):
            return value(base) ** value(exponent)
        case Root(of):
            return functions["sqrt"](value(of))
        case Transposed(of):
            return value(of).T
        case Apply(function, _, prime):
            return functions[function + "'" * prime](*map(value, tree.arguments))
        case Where(of, then, otherwise, low, high):
            x = value(of)
            inside = x > low if high is None else (low < x) & (x < high)
            return np.where(inside, value(then), value(otherwise))
    raise TypeError(f"no formula that can be computed: {tree!r}")


def with_numbers(tree: Formula, values: Mapping[str, float]) -> Formula:
    """The formula with numbers in the place of its letters, as far as there are any."""
    if isinstance(tree, Symbol) and name_of(tree) in values:
        return Number(float(values[name_of(tree)]))
    if isinstance(tree, Apply) and tree.function in OF_WHOLE_VARIABLES:
        return tree
    return mapped(tree, lambda part: with_numbers(part, values))


# Writing ---------------------------------------------------------------------------------------------------------------


def needs_brackets(factor: Formula, sign: str = "·", last: bool = False) -> bool:
    """Whether a formula is put in brackets where it is a factor, the last of a product with that sign or not."""
    match factor:
        case Series():
            return not (last and sign == "·")
        case Sum() | Negative() | Equation() | Where():
            return True
        case Product(_, inner):
            trails = isinstance(factor.factors[-1], Series) and not last  # else it would sum what comes after it
            return sign not in ("·", inner) or trails
        case Number(value):
            return value < 0
    return False


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
