"""The optimizers' rules as formulas: what `step` puts numbers into, and `derivation` shows.

They say again what `tinynn/kernels/` does, in the same letters, so they are held against it: `step` computes each rule from
its formulas, in float64, and says how far the result is from what the engine did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from tinynn._typing import Array
from tinynn.explain.formulas import Apply, Formula, Fraction, Number, Root, Symbol
from tinynn.variable import Variable


class Line(NamedTuple):
    """One assignment of a rule, and what it is in words."""

    letter: str
    formula: Formula
    words: str


@dataclass(frozen=True)
class Rule:
    """A rule: its constants and slots by their letters, and what is done with them, in order; some line sets p.

    `slots`: the letter of each of the optimizer's slots. `starts`: what those begin with that do not begin with 0.
    """

    constants: dict[str, float]
    slots: dict[str, str]
    lines: list[Line]
    starts: dict[str, Formula] = field(default_factory=dict)


P, G, M, V, A, U, X, Z, H, S, D, T = map(Symbol, "pgmvauxzhsdt")
RATE, EPS, B1, B2, RHO, MU, DECAY, C1, C2 = map(Symbol, ("η", "ε", "β1", "β2", "ρ", "μ", "λ", "c1", "c2"))


def _toward(mean: Symbol, goal: Formula, keep: Formula, words: str) -> Line:
    """mean <- mean + (goal - mean)(1 - keep)."""
    return Line(mean.letter, mean + (goal - mean) * (1 - keep), words)


def _mean(mean: Symbol, goal: Formula, keep: Formula, words: str) -> Line:
    """mean <- keep mean + (1 - keep) goal."""
    return Line(mean.letter, keep * mean + (1 - keep) * goal, words)


FIRST_SHARE = Line("c1", 1 - B1**T, "bias correction: the share of the past that m has seen")
SECOND_SHARE = Line("c2", 1 - B2**T, "bias correction: the share of the past that v has seen")
OF_G = _toward(M, G, B1, "running mean of the gradient")
OF_SQUARE = _toward(V, G**2, B2, "running mean of its square")


def _down(step: Formula) -> Line:
    return Line("p", P - step, "the weight moves against it")


def _sgd(o: Any) -> Rule:
    if not o.momentum:
        return Rule({}, {}, [_down(RATE * G)])
    velocity = MU * V - RATE * G
    line = Line("v", velocity, "velocity: what is left of it, and the new push")
    if o.nesterov:
        move = Line("p", P + MU * V - RATE * G, "Nesterov: by where the velocity will lead next")
    else:
        move = Line("p", P + V, "the weight moves by it")
    return Rule({"μ": o.momentum}, {"momentum": "v"}, [line, move])


def _adam(o: Any) -> Rule:
    rate = Line("a", RATE * Fraction(Root(C2), C1), "learning rate, corrected")
    lines = [OF_G, OF_SQUARE, FIRST_SHARE, SECOND_SHARE, rate]
    under, slots = V, {"momentum": "m", "velocity": "v"}
    if o.amsgrad:
        lines.append(Line("h", Apply("max", (H, V)), "the largest v so far"))
        under, slots = H, {**slots, "velocity_hat": "h"}
    lines.append(_down(A * Fraction(M, Root(under) + EPS)))
    return Rule({"β1": o.beta_1, "β2": o.beta_2, "ε": o.epsilon}, slots, lines)


def _rmsprop(o: Any) -> Rule:
    lines = [_mean(S, G**2, RHO, "running mean of the gradient's square")]
    constants, slots, under = {"ρ": o.rho, "ε": o.epsilon}, {"velocity": "s"}, S + EPS
    if o.centered:
        lines.append(_mean(M, G, RHO, "running mean of the gradient"))
        slots["average_gradient"] = "m"
        under = S - M**2 + EPS
    push: Formula = RATE * Fraction(G, Root(under))
    if o.momentum:
        lines.append(Line("v", MU * V + push, "velocity"))
        slots["momentum"], constants["μ"] = "v", o.momentum
        push = V
    return Rule(constants, slots, [*lines, _down(push)])


def _adagrad(o: Any) -> Rule:
    lines = [Line("a", A + G**2, "sum of the gradient's squares"), _down(RATE * Fraction(G, Root(A + EPS)))]
    return Rule({"ε": o.epsilon}, {"accumulator": "a"}, lines, {"a": Number(float(o.initial_accumulator_value))})


def _adadelta(o: Any) -> Rule:
    lines = [
        _mean(A, G**2, RHO, "running mean of the gradient's square"),
        Line("d", -(Fraction(Root(X + EPS), Root(A + EPS)) * G), "step, as large as steps of late"),
        _mean(X, D**2, RHO, "running mean of the step's square"),
        Line("p", P + RATE * D, "the weight moves by it"),
    ]
    return Rule({"ρ": o.rho, "ε": o.epsilon}, {"accumulated_grad": "a", "accumulated_delta_var": "x"}, lines)


def _adamax(o: Any) -> Rule:
    lines = [
        OF_G,
        Line("u", Apply("max", (B2 * U, Apply("abs", G))), "the largest gradient of late"),
        FIRST_SHARE,
        _down(Fraction(RATE, C1) * Fraction(M, U + EPS)),
    ]
    return Rule({"β1": o.beta_1, "β2": o.beta_2, "ε": o.epsilon}, {"momentum": "m", "norm": "u"}, lines)


def _nadam(o: Any) -> Rule:
    def share(step: Formula) -> Formula:
        return B1 * (1 - 0.5 * Number(0.96) ** step)

    now, later, all_so_far = Symbol("μ1"), Symbol("μ2"), Symbol("U")
    ahead = Fraction(later, 1 - all_so_far * later) * M + Fraction(1 - now, 1 - all_so_far) * G
    lines = [
        OF_G,
        OF_SQUARE,
        Line("μ1", share(T), "this step's momentum"),
        Line("μ2", share(T + 1), "the next step's"),
        Line("U", all_so_far * now, "all momenta so far, multiplied"),
        SECOND_SHARE,
        Line("n", ahead, "m and g, each corrected: Nesterov's look-ahead"),
        _down(RATE * Fraction(Symbol("n"), Root(Fraction(V, C2)) + EPS)),
    ]
    product = float(o._u_product.value) if o.built else 1.0
    constants = {"β1": o.beta_1, "β2": o.beta_2, "ε": o.epsilon, "U": product}
    return Rule(constants, {"momentum": "m", "velocity": "v"}, lines)


def _lion(o: Any) -> Rule:
    lines = [
        Line("s", Apply("sign", B1 * M + (1 - B1) * G), "the way, not how far"),
        Line("p", P - RATE * S, "the weight moves by the learning rate"),
        _mean(M, G, B2, "running mean of the gradient, for the next step"),
    ]
    return Rule({"β1": o.beta_1, "β2": o.beta_2}, {"momentum": "m"}, lines)


def _lamb(o: Any) -> Rule:
    ratio = "the length of all weights of this variable by that of their u; 1 where either is 0"
    lines = [
        OF_G,
        OF_SQUARE,
        FIRST_SHARE,
        SECOND_SHARE,
        Line("u", Fraction(Fraction(M, C1), Root(Fraction(V, C2)) + EPS), "Adam's direction"),
        Line("r", Apply("trust", (P, U)), ratio),
        _down(RATE * Symbol("r") * U),
    ]
    return Rule({"β1": o.beta_1, "β2": o.beta_2, "ε": o.epsilon}, {"momentum": "m", "velocity": "v"}, lines)


def _ftrl(o: Any) -> Rule:
    q = -float(o.learning_rate_power)
    l1, l2, shrink, beta, b = map(Symbol, ("λ1", "λ2", "λs", "β", "b"))
    gathered = Z + G + 2 * shrink * P - Fraction(b**q - A**q, RATE) * P
    anew = Fraction(Apply("clip", (Z, l1)) - Z, Fraction(b**q + beta, RATE) + 2 * l2)
    lines = [
        Line("b", A + G**2, "sum of the gradient's squares"),
        Line("z", gathered, "sum of gradients, in a form that knows the weight"),
        Line("p", anew, "the weight, made anew from the sums"),
        Line("a", b, "kept for the next step"),
    ]
    constants = {
        "λ1": o.l1_regularization_strength,
        "λ2": o.l2_regularization_strength,
        "λs": o.l2_shrinkage_regularization_strength,
        "β": o.beta,
    }
    starts: dict[str, Formula] = {"a": Number(float(o.initial_accumulator_value))}
    return Rule(constants, {"accumulator": "a", "linear": "z"}, lines, starts)


def _schedule_free(o: Any) -> Rule:
    lines = [
        _toward(V, G**2, B2, "running mean of the gradient's square"),
        SECOND_SHARE,
        Line("z", Z - RATE * Fraction(G, Root(Fraction(V, C2)) + EPS), "the iterate"),
        Line("x", Fraction(P - (1 - B1) * Symbol("z"), B1), "the average of iterates so far"),
        Line("x", (1 - 1 / T) * X + Z / T, "with the new one"),
        Line("p", (1 - B1) * Z + B1 * X, "the weight, between the two"),
    ]
    if o.warmup_steps:
        rate = RATE * Apply("min", (T / float(o.warmup_steps), Number(1.0)))
        lines = [Line("η", rate, f"the learning rate of the first {o.warmup_steps} steps rises"), *lines]
    constants = {"β1": o.beta_1, "β2": o.beta_2, "ε": o.epsilon}
    return Rule(constants, {"momentum": "z", "velocity": "v"}, lines, {"z": P})


def _adafactor(o: Any, matrix: bool) -> Rule:
    b, r, c, square = Symbol("b"), Symbol("r"), Symbol("c"), G**2 + Symbol("ε1")
    lines = [Line("b", 1 - T ** float(o.beta_2_decay), "how much of the past is kept")]
    slots = {"velocity": "v"}
    if matrix:
        slots = {"r": "r", "c": "c"}
        lines += [
            _mean(r, Apply("row mean", square), b, "running mean of g^2 along the row"),
            _mean(c, Apply("column mean", square), b, "and along the column"),
            Line("v", Fraction(r * c, Apply("mean", r)), "g^2 of this entry, from these two"),
        ]
    else:
        lines.append(_mean(V, square, b, "running mean of g^2"))
    lines += [
        Line("u", Fraction(G, Root(V)), "the gradient, by its size"),
        Line("u", Fraction(U, Apply("max", (Number(1.0), Fraction(Apply("rms", U), D)))), "not longer than d"),
        Line("a", Apply("min", (RATE, 1 / Root(T))), "learning rate, falling with t"),
        _down(A * Apply("max", (Symbol("ε2"), Apply("rms", P))) * U),
    ]
    return Rule({"ε1": o.epsilon_1, "ε2": o.epsilon_2, "d": o.clip_threshold}, slots, lines)


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


def rule_of(optimizer: Any, variable: Variable) -> Rule | None:
    """What one of tinynn's optimizers does with a variable, weight decay and all; None for an optimizer of your own."""
    kind = type(optimizer)
    if not kind.__module__.startswith("tinynn."):
        return None
    if kind.__name__ == "Adafactor":
        rule = _adafactor(optimizer, len(variable.shape) > 1)
    elif kind.__name__ in _BY_CLASS:
        rule = _BY_CLASS[kind.__name__](optimizer)
    else:
        return None
    decay = float(optimizer.weight_decays([variable])[0])
    if not decay:
        return rule
    shrink = Line("p", P - RATE * DECAY * P, "weight decay first: the weight shrinks")
    place = 1 if rule.lines[0].letter == "η" else 0
    lines = [*rule.lines[:place], shrink, *rule.lines[place:]]
    return replace(rule, constants={**rule.constants, "λ": decay}, lines=lines)


def arrays(rule: Rule, slots: dict[str, Array], shape: tuple[int, ...]) -> dict[str, Array]:
    """The slots by their letters, in float64, rows and columns of Adafactor stretched beside the variable."""
    found = {}
    for name, letter in rule.slots.items():
        value = np.asarray(slots[name], np.float64)
        if value.shape != shape and value.ndim == len(shape) - 1:
            value = value[..., None] if letter == "r" else value[..., None, :]
        found[letter] = value
    return found
