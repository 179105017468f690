"""Links in which entries move one another, in symbols: normalization by batch and by row, and softmax.

Each has a derivative with a short form, in which sums that many entries share stand once. The short form is computed from
the pass's values, beside the tape's own factors; the caller compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinynn._typing import Array
from tinynn.explain.formulas import Derivative, Equation, Formula, Number, Series, Symbol, digits
from tinynn.explain.page import Inline

if TYPE_CHECKING:
    from tinynn.engine.tape import Record

L = Symbol("L")
NORMALIZATIONS = {
    "by_batch": "each feature's mean μ over the batch",
    "by_row": "each sample's mean μ over its features",
    "by_moving_statistics": "the mean μ that each feature had in training",
}
"""Operations, and what they take away."""


class Mixed(NamedTuple):
    """What is said of such a link.

    before, after: what the operation does, in words, and what follows for its derivative.
    forward, backward: equations for each of them; the last gives the derivative.
    numbers: index of an entry -> that last equation's right side, with numbers.
    heads, columns: a table of what it is made of, each array of the input's shape; the last is the derivative.
    """

    before: str
    forward: tuple[Equation, ...]
    after: str
    backward: tuple[Equation, ...]
    numbers: Callable[[tuple[int, ...]], Formula]
    heads: tuple[Inline, ...]
    columns: tuple[Array, ...]


def mixed(
    record: Record,
    values: Callable[[object], Array],
    d_out: Array,
    source: Symbol,
    gradient: Any,
    out: Symbol,
    what: str,
) -> Mixed | None:
    """The short form of a record's derivative by its first input; None for other records, and other than (batch, features).

    Args:
        values: looks up inputs as they were.
        d_out: the gradient of its output.
        source, out: what its input and its output are called.
        gradient: index -> what dL/d(source) is called.
        what: the layer or the operation, in words.
    """
    if d_out.ndim != 2 or values(record.inputs[0]).shape != d_out.shape:
        return None
    d_out = d_out.astype(np.float64)
    if record.name in NORMALIZATIONS:
        return _normalization(record, values, d_out, source, gradient, out, what)
    if record.name == "softmax":
        return _softmax(np.asarray(record.output.value, np.float64), d_out, source, gradient, out, what)
    return None


# Normalization ---------------------------------------------------------------------------------------------------------


class Statistics(NamedTuple):
    """Of a record of `NORMALIZATIONS`, all (batch, features): standard deviation, normalised values, and gamma."""

    spread: Array
    normed: Array
    gamma: Array


def statistics(record: Record, values: Callable[[object], Array]) -> Statistics:
    """See there; in float64."""
    x = values(record.inputs[0]).astype(np.float64)
    if record.name == "by_row":
        mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    else:
        mean, variance = (np.asarray(record.settings[name], np.float64) for name in ("mean", "variance"))
    spread = np.broadcast_to(np.sqrt(variance + record.settings["epsilon"]), x.shape)
    gamma = np.broadcast_to(values(record.inputs[1]).astype(np.float64), x.shape)
    return Statistics(spread, (x - mean) / spread, gamma)


def what_normalization_does(
    record: Record, source: Symbol, out: Symbol, what: str
) -> tuple[str, Symbol, tuple[Equation, ...]]:
    """In words, the letter of what is normalised, and in equations."""
    n = out.layer
    one = ("b",) if record.name == "by_row" else ("j",)
    normed = Symbol("n", n, ("b", "j"))
    inner = (_at(source, "b", "j") - Symbol("μ", n, one)) / Symbol("s", n, one)
    outer = _stretched(record, n, normed)
    if _has(record, 2):
        outer = outer + Symbol("β", n, ("j",))
    words = (
        f"{what} takes away {NORMALIZATIONS[record.name]} and divides by the standard deviation s belonging to it, the root of "
        f"the variance + {digits(record.settings['epsilon'])}. What this gives is n"
    )
    then = [words for place, words in ((1, "stretched by γ"), (2, "moved by β")) if _has(record, place)]
    words += f", then {' and '.join(then)}:" if then else ":"
    return words, normed, (Equation((normed, inner)), Equation((_at(out, "b", "j"), outer)))


def _has(record: Record, place: int) -> bool:
    """Whether there is a γ (1), a β (2)."""
    return not isinstance(record.inputs[place], np.ndarray)


def _stretched(record: Record, layer: int | None, formula: Formula) -> Formula:
    return Symbol("γ", layer, ("j",)) * formula if _has(record, 1) else formula


def _normalization(
    record: Record,
    values: Callable[[object], Array],
    d_out: Array,
    source: Symbol,
    gradient: Any,
    out: Symbol,
    what: str,
) -> Mixed:
    n, by_row, fixed = out.layer, record.name == "by_row", record.name == "by_moving_statistics"
    found = statistics(record, values)
    d_normed = found.gamma * d_out
    before, normed, forward = what_normalization_does(record, source, out, what)
    one = ("b",) if by_row else ("j",)
    s, g, h = (Symbol(letter, n, one) for letter in "sgh")
    d_n = Derivative(L, normed)
    through_scale = Equation((d_n, _stretched(record, n, Derivative(L, _at(out, "b", "j")))))
    bare_n, bare_out = Symbol("n", n), Symbol(out.letter, n)
    heads = (bare_n, Derivative(L, bare_out), Derivative(L, bare_n))
    if fixed:
        short = Equation((gradient(("b", "j")), 1 / s * d_n))

        def alone(index: tuple[int, ...]) -> Formula:
            return 1 / Number(float(found.spread[index])) * float(d_normed[index])

        alone_columns = (found.normed, d_out, d_normed, found.spread, d_normed / found.spread)
        after = "μ and s are fixed, so each entry moves its own n alone, by 1 / s:"
        return Mixed(before, forward, after, (through_scale, short), alone, (*heads, Symbol("s", n)), alone_columns)
    axis, index = (1, "j") if by_row else (0, "b")
    share = Number(1.0) / float(d_out.shape[axis])
    mean = np.broadcast_to(d_normed.mean(axis=axis, keepdims=True), d_out.shape)
    lean = np.broadcast_to((found.normed * d_normed).mean(axis=axis, keepdims=True), d_out.shape)
    backward = (
        through_scale,
        Equation((g, share * Series(index, d_n))),
        Equation((h, share * Series(index, normed * d_n))),
        Equation((gradient(("b", "j")), 1 / s * (d_n - g - normed * h))),
    )
    whose = "of all features of its sample" if by_row else "of its feature in all samples"
    after = (
        f"An entry moves its own n, by 1 / s. But μ and s move with it, and through them the n {whose}: a higher μ lowers them "
        "all alike, which costs g, the mean of their derivatives; a larger s shrinks them all, which costs n times h, the mean "
        "of n times its derivative:"
    )

    def numbers(index: tuple[int, ...]) -> Formula:
        d, m, y, k, spread = (float(part[index]) for part in (d_normed, mean, found.normed, lean, found.spread))
        return 1 / Number(spread) * (Number(d) - m - Number(y) * k)

    columns = (found.normed, d_out, d_normed, mean, lean, found.spread)
    result = (d_normed - mean - found.normed * lean) / found.spread
    bare = tuple(Symbol(letter, n) for letter in "ghs")
    return Mixed(before, forward, after, backward, numbers, (*heads, *bare), (*columns, result))


# Softmax ---------------------------------------------------------------------------------------------------------------


def _softmax(a: Array, d_out: Array, source: Symbol, gradient: Any, out: Symbol, what: str) -> Mixed:
    n = out.layer
    e = "exp of it divided by the sum of these over the row"
    other, own, mean = _at(out, "b", "k"), _at(out, "b", "j"), Symbol("g", n, ("b",))
    level = np.broadcast_to((a * d_out).sum(axis=1, keepdims=True), a.shape)
    backward = (
        Equation((mean, Series("k", other * Derivative(L, other)))),
        Equation((gradient(("b", "j")), own * (Derivative(L, own) - mean))),
    )

    def numbers(index: tuple[int, ...]) -> Formula:
        return Number(float(a[index])) * (Number(float(d_out[index])) - Number(float(level[index])))

    return Mixed(
        f"{what} makes the entries of a row positive, with the sum 1: each becomes {e}.",
        (),
        "If one entry grows by a little, its own share a grows by a times that, and all shares, its own as well, shrink by a "
        "times theirs, so that the sum stays 1. So what counts is how far the derivative by its own share is above g, the mean "
        "of the row's derivatives, weighted by the shares:",
        backward,
        numbers,
        (Symbol(out.letter, n), Derivative(L, Symbol(out.letter, n)), Symbol("g", n)),
        (a, d_out, level, a * (d_out - level)),
    )


def _at(symbol: Symbol, *index: Any) -> Symbol:
    return Symbol(symbol.letter, symbol.layer, tuple(index))
