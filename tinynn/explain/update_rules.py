"""The optimizers' rules as formulas that can be both shown and computed: what `step` puts numbers into.

They say again what `tinynn/kernels/` does, in the same letters, so they are held against it: `step` computes each rule from
its formulas, in float64, and says how far the result is from what the engine did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinynn._typing import Array
from tinynn.explain.formulas import Apply, Formula, Fraction, Negative, Number, Power, Product, Root, Sum, Symbol, minus


class Line(NamedTuple):
    """One assignment of a rule, and what it is in words."""

    letter: str
    formula: Formula
    words: str


class Rule(NamedTuple):
    """A rule: its constants and slots by their letters, and what is done with them, in order; the last line sets p.

    `slots`: the letter of each of the optimizer's slots.
    """

    constants: dict[str, float]
    slots: dict[str, str]
    lines: list[Line]


def _s(letter: str) -> Symbol:
    return Symbol(letter)


def _times(*factors: Formula | float) -> Formula:
    return Product(tuple(Number(float(f)) if isinstance(f, (int, float)) else f for f in factors))


def _plus(*terms: Formula) -> Formula:
    return Sum(terms)


P, G, M, V, A, U, T = map(_s, ("p", "g", "m", "v", "a", "u", "t"))
RATE, EPS, B1, B2, RHO, MU = map(_s, ("η", "ε", "β1", "β2", "ρ", "μ"))
ONE, TWO = Number(1.0), Number(2.0)
G2 = Power(G, TWO)


def _toward(letter: str, goal: Formula, keep: Formula, words: str) -> Line:
    """mean <- mean + (goal - mean)(1 - keep)."""
    return Line(letter, _plus(_s(letter), _times(minus(goal, _s(letter)), minus(ONE, keep))), words)


def _mean(letter: str, goal: Formula, keep: Formula, words: str) -> Line:
    """mean <- keep mean + (1 - keep) goal."""
    return Line(letter, _plus(_times(keep, _s(letter)), _times(minus(ONE, keep), goal)), words)


def _corrections() -> list[Line]:
    return [
        Line("c1", minus(ONE, Power(B1, T)), "bias correction: the share of the past that m has seen"),
        Line("c2", minus(ONE, Power(B2, T)), "bias correction: the share of the past that v has seen"),
    ]


def _down(step: Formula) -> Line:
    return Line("p", minus(P, step), "the weight moves against it")


def _sgd(o: Any) -> Rule:
    if not o.momentum:
        return Rule({}, {}, [_down(_times(RATE, G))])
    lines = [Line("v", minus(_times(MU, V), _times(RATE, G)), "velocity: what is left of it, and the new push")]
    move = minus(_times(MU, V), _times(RATE, G)) if o.nesterov else V
    words = "Nesterov: by where the velocity will lead next" if o.nesterov else "the weight moves by it"
    return Rule({"μ": o.momentum}, {"momentum": "v"}, [*lines, Line("p", _plus(P, move), words)])


def _adam(o: Any) -> Rule:
    moments = [
        _toward("m", G, B1, "running mean of the gradient"),
        _toward("v", G2, B2, "running mean of its square"),
        *_corrections(),
        Line("a", _times(RATE, Fraction(Root(_s("c2")), _s("c1"))), "learning rate, corrected"),
    ]
    under: Formula = V
    slots = {"momentum": "m", "velocity": "v"}
    if o.amsgrad:
        moments.append(Line("h", Apply("max", (_s("h"), V)), "the largest v so far"))
        under, slots = _s("h"), {**slots, "velocity_hat": "h"}
    step = _times(A, Fraction(M, _plus(Root(under), EPS)))
    return Rule({"β1": o.beta_1, "β2": o.beta_2, "ε": o.epsilon}, slots, [*moments, _down(step)])


def _rmsprop(o: Any) -> Rule:
    lines = [_mean("s", G2, RHO, "running mean of the gradient's square")]
    slots, under = {"velocity": "s"}, _plus(_s("s"), EPS)
    if o.centered:
        lines.append(_mean("m", G, RHO, "running mean of the gradient"))
        slots["average_gradient"] = "m"
        under = _plus(_s("s"), Negative(Power(M, TWO)), EPS)
    push = _times(RATE, Fraction(G, Root(under)))
    if o.momentum:
        lines.append(Line("v", _plus(_times(MU, V), push), "velocity"))
        slots["momentum"] = "v"
        push = V
    return Rule({"ρ": o.rho, "ε": o.epsilon, "μ": o.momentum}, slots, [*lines, _down(push)])


def _adagrad(o: Any) -> Rule:
    lines = [Line("a", _plus(A, G2), "sum of the gradient's squares")]
    return Rule({"ε": o.epsilon}, {"accumulator": "a"}, [*lines, _down(_times(RATE, Fraction(G, Root(_plus(A, EPS)))))])


def _adadelta(o: Any) -> Rule:
    size = Fraction(Root(_plus(_s("x"), EPS)), Root(_plus(A, EPS)))
    lines = [
        _mean("a", G2, RHO, "running mean of the gradient's square"),
        Line("d", Negative(_times(size, G)), "step, as large as steps of late"),
        _mean("x", Power(_s("d"), TWO), RHO, "running mean of the step's square"),
        Line("p", _plus(P, _times(RATE, _s("d"))), "the weight moves by it"),
    ]
    return Rule({"ρ": o.rho, "ε": o.epsilon}, {"accumulated_grad": "a", "accumulated_delta_var": "x"}, lines)


def _adamax(o: Any) -> Rule:
    lines = [
        _toward("m", G, B1, "running mean of the gradient"),
        Line("u", Apply("max", (_times(B2, U), Apply("abs", G))), "the largest gradient of late"),
        _corrections()[0],
        _down(_times(Fraction(RATE, _s("c1")), Fraction(M, _plus(U, EPS)))),
    ]
    return Rule({"β1": o.beta_1, "β2": o.beta_2, "ε": o.epsilon}, {"momentum": "m", "norm": "u"}, lines)


def _nadam(o: Any) -> Rule:
    def share(step: Formula) -> Formula:
        return _times(B1, minus(ONE, _times(0.5, Power(Number(0.96), step))))

    now, later, product = _s("μ1"), _s("μ2"), _s("U")
    lines = [
        _toward("m", G, B1, "running mean of the gradient"),
        _toward("v", G2, B2, "running mean of its square"),
        Line("μ1", share(T), "this step's momentum"),
        Line("μ2", share(_plus(T, ONE)), "the next step's"),
        Line("U", _times(product, now), "all momenta so far, multiplied"),
        _corrections()[1],
        Line(
            "n",
            _plus(
                _times(Fraction(later, minus(ONE, _times(product, later))), M),
                _times(Fraction(minus(ONE, now), minus(ONE, product)), G),
            ),
            "m and g, each corrected: Nesterov's look-ahead",
        ),
        _down(_times(RATE, Fraction(_s("n"), _plus(Root(Fraction(V, _s("c2"))), EPS)))),
    ]
    constants = {"β1": o.beta_1, "β2": o.beta_2, "ε": o.epsilon, "U": float(o._u_product.value)}
    return Rule(constants, {"momentum": "m", "velocity": "v"}, lines)


def _lion(o: Any) -> Rule:
    lines = [
        Line("s", Apply("sign", _plus(_times(B1, M), _times(minus(ONE, B1), G))), "the way, not how far"),
        Line("p", minus(P, _times(RATE, _s("s"))), "the weight moves by the learning rate"),
        _mean("m", G, B2, "running mean of the gradient, for the next step"),
    ]
    return Rule({"β1": o.beta_1, "β2": o.beta_2}, {"momentum": "m"}, lines)


def _lamb(o: Any) -> Rule:
    lines = [
        _toward("m", G, B1, "running mean of the gradient"),
        _toward("v", G2, B2, "running mean of its square"),
        *_corrections(),
        Line("u", Fraction(Fraction(M, _s("c1")), _plus(Root(Fraction(V, _s("c2"))), EPS)), "Adam's direction"),
        Line(
            "r",
            Apply("trust", (P, U)),
            "the length of all weights of this variable by that of their u; 1 where either is 0",
        ),
        _down(_times(RATE, _s("r"), U)),
    ]
    return Rule({"β1": o.beta_1, "β2": o.beta_2, "ε": o.epsilon}, {"momentum": "m", "velocity": "v"}, lines)


def _ftrl(o: Any) -> Rule:
    q = Number(-float(o.learning_rate_power))
    l1, l2, shrink, beta = map(_s, ("λ1", "λ2", "λs", "β"))
    after = Power(_s("b"), q)
    lines = [
        Line("b", _plus(A, G2), "sum of the gradient's squares"),
        Line(
            "z",
            _plus(
                _s("z"),
                G,
                _times(2, shrink, P),
                Negative(_times(Fraction(minus(after, Power(A, q)), RATE), P)),
            ),
            "sum of gradients, in a form that knows the weight",
        ),
        Line(
            "p",
            Fraction(
                minus(Apply("clip", (_s("z"), l1)), _s("z")), _plus(Fraction(_plus(after, beta), RATE), _times(2, l2))
            ),
            "the weight, made anew from the sums",
        ),
    ]
    constants = {
        "λ1": o.l1_regularization_strength,
        "λ2": o.l2_regularization_strength,
        "λs": o.l2_shrinkage_regularization_strength,
        "β": o.beta,
    }
    return Rule(constants, {"accumulator": "a", "linear": "z"}, lines)


def _schedule_free(o: Any) -> Rule:
    x = _s("x")
    lines = [
        _toward("v", G2, B2, "running mean of the gradient's square"),
        _corrections()[1],
        Line("z", minus(_s("z"), _times(RATE, Fraction(G, _plus(Root(Fraction(V, _s("c2"))), EPS)))), "the iterate"),
        Line("x", Fraction(minus(P, _times(minus(ONE, B1), _s("z"))), B1), "the average of iterates so far"),
        Line("x", _plus(_times(minus(ONE, Fraction(ONE, T)), x), Fraction(_s("z"), T)), "with the new one"),
        Line("p", _plus(_times(minus(ONE, B1), _s("z")), _times(B1, x)), "the weight, between the two"),
    ]
    return Rule({"β1": o.beta_1, "β2": o.beta_2, "ε": o.epsilon}, {"momentum": "z", "velocity": "v"}, lines)


_BY_CLASS: dict[str, Callable[[Any], Rule]] = {
    "SGD": _sgd,
    "Adam": _adam,
    "AdamW": _adam,
    "RMSprop": _rmsprop,
    "Adagrad": _adagrad,
    "Adadelta": _adadelta,
    "Adamax": _adamax,
    "Nadam": _nadam,
    "Lion": _lion,
    "Lamb": _lamb,
    "Ftrl": _ftrl,
    "ScheduleFreeAdamW": _schedule_free,
}


def rule_of(optimizer: Any, variable: Array, t: int) -> Rule | None:
    """The rule of one of tinynn's optimizers, for a variable at update number t; None for an own one."""
    kind = type(optimizer)
    if not kind.__module__.startswith("tinynn."):
        return None
    if kind.__name__ == "Adafactor":
        return _adafactor(optimizer, variable.ndim > 1)
    found = _BY_CLASS.get(kind.__name__)
    return None if found is None else found(optimizer)


def _adafactor(o: Any, matrix: bool) -> Rule:
    b, square = _s("b"), _plus(G2, _s("ε1"))
    lines = [Line("b", minus(ONE, Power(T, Number(float(o.beta_2_decay)))), "how much of the past is kept")]
    slots = {"velocity": "v"}
    if matrix:
        slots = {"r": "r", "c": "c"}
        lines += [
            _mean("r", Apply("row mean", square), b, "running mean of g^2 along the row"),
            _mean("c", Apply("column mean", square), b, "and along the column"),
            Line("v", Fraction(_times(_s("r"), _s("c")), Apply("mean", _s("r"))), "g^2 of this entry, from these two"),
        ]
    else:
        lines.append(_mean("v", square, b, "running mean of g^2"))
    lines += [
        Line("u", Fraction(G, Root(V)), "the gradient, by its size"),
        Line("u", Fraction(U, Apply("max", (ONE, Fraction(Apply("rms", U), _s("d"))))), "not longer than d"),
        Line("a", Apply("min", (RATE, Fraction(ONE, Root(T)))), "learning rate, falling with t"),
        _down(_times(A, Apply("max", (_s("ε2"), Apply("rms", P))), U)),
    ]
    return Rule({"ε1": o.epsilon_1, "ε2": o.epsilon_2, "d": o.clip_threshold}, slots, lines)


def arrays(rule: Rule, slots: dict[str, Array], shape: tuple[int, ...]) -> dict[str, Array]:
    """The slots by their letters, in float64, rows and columns of Adafactor stretched beside the variable."""
    found = {}
    for name, letter in rule.slots.items():
        value = np.asarray(slots[name], np.float64)
        if value.shape != shape and value.ndim == len(shape) - 1:
            value = value[..., None] if letter == "r" else value[..., None, :]
        found[letter] = value
    return found
