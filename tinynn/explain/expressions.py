"""Formulas as data: the same one is printed, typeset as LaTeX or MathML, and computed with.

A formula is a small tree. `evaluate` computes it from the values of its symbols, so what is proven of the numbers holds
for what is printed. Arrays have a row for each sample; b runs over these, k over columns.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynn._typing import Array


@dataclass(frozen=True)
class Formula:
    """The base of all: operators build larger ones."""

    def __add__(self, other: Formula) -> Formula:
        return Sum((self, other))

    def __sub__(self, other: Formula) -> Formula:
        return Sum((self, Minus(other)))

    def __neg__(self) -> Formula:
        return Minus(self)

    def __matmul__(self, other: Formula) -> Formula:
        return Product(self, other, "")

    def __mul__(self, other: Formula) -> Formula:
        return Product(self, other, "⊙")

    def __truediv__(self, other: Formula) -> Formula:
        return Fraction(self, other)

    @property
    def T(self) -> Formula:
        """The transpose."""
        return Transposed(self)


@dataclass(frozen=True)
class Symbol(Formula):
    """A letter, with the number of its layer above; `of_loss` makes it dL/d(letter)."""

    letter: str
    layer: int | None = None
    of_loss: bool = False

    @property
    def key(self) -> str:
        """ "W1", "∂L/∂W1": what its value goes by."""
        return ("∂L/∂" if self.of_loss else "") + self.letter + ("" if self.layer is None else str(self.layer))


@dataclass(frozen=True)
class Number(Formula):
    """A number as it is written."""

    value: float


@dataclass(frozen=True)
class Sum(Formula):
    """a + b; with a `Minus` second, a - b."""

    terms: tuple[Formula, ...]


@dataclass(frozen=True)
class Minus(Formula):
    """-a"""

    of: Formula


@dataclass(frozen=True)
class Product(Formula):
    """a b: of matrices (""), entry by entry ("⊙"), or with a number ("·", not shown)."""

    left: Formula
    right: Formula
    kind: str


@dataclass(frozen=True)
class Transposed(Formula):
    """a^T"""

    of: Formula


@dataclass(frozen=True)
class Fraction(Formula):
    """a / b, entry by entry."""

    above: Formula
    below: Formula


@dataclass(frozen=True)
class Power(Formula):
    """a^n, entry by entry."""

    of: Formula
    exponent: Formula


@dataclass(frozen=True)
class Root(Formula):
    """The square root of each entry."""

    of: Formula


@dataclass(frozen=True)
class Over(Formula):
    """The sum over samples ("b", one row is left), columns ("k", one column is left) or both ("b,k", a number)."""

    of: Formula
    index: str


@dataclass(frozen=True)
class Apply(Formula):
    """A function of each entry (softmax: of each row); `slope` means its derivative."""

    function: str
    of: Formula
    slope: bool = False


@dataclass(frozen=True)
class Where(Formula):
    """1 where the entry stands in the relation (> or ≤) to 0, else 0."""

    of: Formula
    relation: str


def times(number: Formula, other: Formula) -> Formula:
    """A number times a formula, written beside each other."""
    return Product(number, other, "·")


# Computing -------------------------------------------------------------------------------------------------------------


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf)(x))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "abs": np.abs,
    "sign": np.sign,
    "positive": lambda x: x > 0,
    "tanh": np.tanh,
    "σ": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
    "relu": lambda x: np.maximum(x, 0),
    "softmax": _softmax,
    "Φ": lambda x: 0.5 * (1 + _erf(x / math.sqrt(2))),
    "φ": lambda x: np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi),
}


def evaluate(
    formula: Formula, values: Mapping[str, Any], functions: Mapping[str, Callable[[Any], Any]] = FUNCTIONS
) -> Any:
    """The value of a formula.

    Args:
        values: of its symbols, by `key`; arrays of floats, or of objects such as SymPy's.
        functions: by name; "sqrt" and "positive" (1 where > 0) besides those that `Apply` names.

    Raises:
        KeyError: a symbol or a function without a value.
    """

    def value(part: Formula) -> Any:
        return evaluate(part, values, functions)

    match formula:
        case Symbol():
            return values[formula.key]
        case Number(number):
            return number
        case Sum(terms):
            total = value(terms[0])
            for term in terms[1:]:
                total = total + value(term)
            return total
        case Minus(of):
            return -value(of)
        case Product(left, right, kind):
            return value(left) @ value(right) if kind == "" else value(left) * value(right)
        case Transposed(of):
            return value(of).T
        case Fraction(above, below):
            return value(above) / value(below)
        case Power(of, exponent):
            return value(of) ** value(exponent)
        case Root(of):
            return functions["sqrt"](value(of))
        case Over(of, index):
            array = np.asarray(value(of))
            return array.sum() if index == "b,k" else array.sum(axis=0 if index == "b" else 1, keepdims=True)
        case Apply(function, of, slope):
            return functions[function + "'" if slope else function](value(of))
        case Where(of, relation):
            positive = functions["positive"](value(of))
            return positive * 1 if relation == ">" else 1 - positive * 1
    raise TypeError(f"evaluate expects a formula; got {formula!r}.")


# Writing ---------------------------------------------------------------------------------------------------------------


def as_text(formula: Formula) -> str:
    """In one line of Unicode, for a terminal."""
    return _written(formula, _Text())


def as_latex(formula: Formula) -> str:
    """For LaTeX's mathematics mode, and MathJax."""
    return _written(formula, _Latex())


def as_mathml(formula: Formula) -> str:
    """The inside of a <math> element, which browsers typeset by themselves."""
    return _written(formula, _MathML())


class _Text:
    names: Mapping[str, str] = {}
    gap = " "

    def row(self, *parts: str) -> str:
        return self.gap.join(part for part in parts if part)

    def letter(self, name: str) -> str:
        return name

    def operator(self, sign: str) -> str:
        return sign

    def number(self, value: float) -> str:
        return f"{value:.7g}"

    def above(self, base: str, exponent: str) -> str:
        return f"{base}^{exponent}"

    def layer(self, base: str, number: int) -> str:
        return f"{base}[{number}]"

    def fraction(self, above: str, below: str, simple: tuple[bool, bool]) -> str:
        return " / ".join(part if is_one else f"({part})" for part, is_one in zip((above, below), simple))

    def root(self, inner: str) -> str:
        return f"√({inner})"

    def total(self, index: str, inner: str) -> str:
        return f"Σ_{index.replace(',', '')} {inner}"

    def call(self, function: str, inner: str, slope: bool) -> str:
        mark = "'" if slope else ""
        return f"{function}{mark}({inner})"

    def brackets(self, inner: str) -> str:
        return f"({inner})"

    def where(self, inner: str, relation: str) -> str:
        return f"[{inner} {relation} 0]"


_LATEX = {
    "Δ": r"\Delta",
    "γ": r"\gamma",
    "β": r"\beta",
    "μ": r"\mu",
    "η": r"\eta",
    "θ": r"\theta",
    "ε": r"\varepsilon",
    "λ": r"\lambda",
    "ρ": r"\rho",
    "σ": r"\sigma",
    "Φ": r"\Phi",
    "φ": r"\varphi",
    "ℓ": r"\ell",
    "α": r"\alpha",
    "β₁": r"\beta_1",
    "β₂": r"\beta_2",
    "⊙": r"\odot",
    "≤": r"\le",
    "←": r"\leftarrow",
}


class _Latex(_Text):
    def letter(self, name: str) -> str:
        return _LATEX.get(name, name)

    def operator(self, sign: str) -> str:
        return _LATEX.get(sign, sign)

    def above(self, base: str, exponent: str) -> str:
        exponent = r"\mathsf{T}" if exponent == "T" else exponent
        return rf"{{{base}}}^{{{exponent}}}"

    def number(self, value: float) -> str:
        digits, _, power = f"{value:.7g}".partition("e")
        if not power:
            return digits
        return rf"{'' if digits == '1' else digits + ' cdot '}10^{{{int(power)}}}".replace(" cdot ", r" \cdot ")

    def layer(self, base: str, number: int) -> str:
        return f"{base}^{{({number})}}"

    def fraction(self, above: str, below: str, simple: tuple[bool, bool]) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def root(self, inner: str) -> str:
        return rf"\sqrt{{{inner}}}"

    def total(self, index: str, inner: str) -> str:
        return rf"\sum_{{{index}}} {inner}"

    def call(self, function: str, inner: str, slope: bool) -> str:
        known = {"exp": r"\exp", "log": r"\log", "tanh": r"\tanh", **{g: _LATEX[g] for g in "σΦφℓ"}}
        spelled = function.replace("_", r"\_")
        name = known.get(function, rf"\operatorname{{{spelled}}}") + ("'" if slope else "")
        return rf"{name}\left({inner}\right)"

    def brackets(self, inner: str) -> str:
        return rf"\left({inner}\right)"

    def where(self, inner: str, relation: str) -> str:
        return rf"\left[{inner} {self.operator(relation)} 0\right]"


class _MathML(_Text):
    def row(self, *parts: str) -> str:
        return f"<mrow>{''.join(parts)}</mrow>"

    def letter(self, name: str) -> str:
        if len(name) > 1 and name[-1] in "₁₂":
            return f"<msub><mi>{name[:-1]}</mi><mn>{'₁₂'.index(name[-1]) + 1}</mn></msub>"
        return f"<mi>{html.escape(name)}</mi>"

    def operator(self, sign: str) -> str:
        return f"<mo>{html.escape(sign)}</mo>"

    def number(self, value: float) -> str:
        digits, _, power = f"{value:.7g}".partition("e")
        if not power:
            return f"<mn>{digits}</mn>"
        factor = "" if digits == "1" else f"<mn>{digits}</mn><mo>·</mo>"
        return f"<mrow>{factor}<msup><mn>10</mn><mn>{int(power)}</mn></msup></mrow>"

    def above(self, base: str, exponent: str) -> str:
        exponent = "<mi mathvariant='normal'>T</mi>" if exponent == "T" else exponent
        return f"<msup><mrow>{base}</mrow><mrow>{exponent}</mrow></msup>"

    def layer(self, base: str, number: int) -> str:
        return (
            f"<msup>{base}<mrow><mo stretchy='false'>(</mo><mn>{number}</mn><mo stretchy='false'>)</mo></mrow></msup>"
        )

    def fraction(self, above: str, below: str, simple: tuple[bool, bool]) -> str:
        return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"

    def root(self, inner: str) -> str:
        return f"<msqrt>{inner}</msqrt>"

    def total(self, index: str, inner: str) -> str:
        letters = "<mo>,</mo>".join(f"<mi>{letter}</mi>" for letter in index.split(","))
        return f"<mrow><munder><mo>∑</mo><mrow>{letters}</mrow></munder>{inner}</mrow>"

    def call(self, function: str, inner: str, slope: bool) -> str:
        name = f"<mi>{html.escape(function)}</mi>"
        name = f"<msup>{name}<mo>′</mo></msup>" if slope else name
        return f"<mrow>{name}<mo>&#x2061;</mo>{self.brackets(inner)}</mrow>"

    def brackets(self, inner: str) -> str:
        return f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"

    def where(self, inner: str, relation: str) -> str:
        return f"<mrow><mo>[</mo>{inner}{self.operator(relation)}<mn>0</mn><mo>]</mo></mrow>"


_SUM, _PRODUCT, _ATOM = 0, 1, 2


def _binding(formula: Formula) -> int:
    """How tightly a formula holds together: what binds less than its surroundings gets brackets."""
    match formula:
        case Sum() | Minus():
            return _SUM
        case Product() | Over():
            return _PRODUCT
        case Number(value):
            return _ATOM if value >= 0 else _SUM
    return _ATOM


def _written(formula: Formula, style: _Text) -> str:
    def write(part: Formula, at_least: int = _SUM) -> str:
        text = _written(part, style)
        return text if _binding(part) >= at_least else style.brackets(text)

    match formula:
        case Symbol(letter, layer, of_loss):
            text = style.letter(letter) if layer is None else style.layer(style.letter(letter), layer)
            if not of_loss:
                return text
            if type(style) is _Text:
                return f"∂L/∂{text}"
            partial = r"\partial" if isinstance(style, _Latex) else "<mi>∂</mi>"
            return style.fraction(style.row(partial, style.letter("L")), style.row(partial, text), simple=(True, True))
        case Number(value):
            return style.number(value)
        case Sum(terms):
            parts = [write(terms[0])]
            for term in terms[1:]:
                if isinstance(term, Minus):
                    parts += [style.operator("−" if not isinstance(style, _Latex) else "-"), write(term.of, _PRODUCT)]
                else:
                    parts += [style.operator("+"), write(term, _PRODUCT)]
            return style.row(*parts)
        case Minus(of):
            return style.row(style.operator("−" if not isinstance(style, _Latex) else "-"), write(of, _PRODUCT))
        case Product(left, right, kind):
            sign = style.operator("⊙") if kind == "⊙" else ""
            right_binding = _ATOM if isinstance(right, Over) and kind != "·" else _PRODUCT
            left_text = style.brackets(write(left)) if isinstance(left, Over) else write(left, _PRODUCT)
            return style.row(left_text, sign, write(right, right_binding))
        case Transposed(of):
            inner = write(of, _ATOM) if not (isinstance(of, Symbol) and of.layer is not None) else write(of)
            if isinstance(of, Symbol) and isinstance(style, (_Latex, _MathML)) and of.layer is not None:
                inner = inner if isinstance(style, _Latex) else style.row(inner)
            return style.above(inner, "T")
        case Fraction(above, below):
            return style.fraction(write(above), write(below), (_binding(above) == _ATOM, _binding(below) == _ATOM))
        case Power(of, exponent):
            raised = write(of, _ATOM)
            if isinstance(of, (Power, Fraction)) or (isinstance(of, Symbol) and (of.layer is not None or of.of_loss)):
                raised = style.brackets(write(of))
            return style.above(raised, write(exponent))
        case Root(of):
            return style.root(write(of))
        case Over(of, index):
            return style.total(index, write(of, _PRODUCT))
        case Apply("abs", of):
            return style.row(style.operator("|"), write(of), style.operator("|"))
        case Apply("exp", of):
            return style.above(style.letter("e"), write(of) if type(style) is not _Text else f"({write(of)})")
        case Apply(function, of, slope):
            return style.call(function, write(of), slope)
        case Where(of, relation):
            return style.where(write(of), relation)
    raise TypeError(f"a formula was expected; got {formula!r}.")
