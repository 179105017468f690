"""`step`: what an optimizer makes of a gradient, for one weight, number by number.

The step is taken by `train_on_batch` itself, on the model, and undone: so what comes after it is, bit for bit, what comes
after it. The rule's formulas are filled with the numbers of that step and computed beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinynn import optimizers as optimizers_module
from tinynn._typing import Array
from tinynn.explain.formulas import Equation, Formula, Number, Symbol, Words, digits, evaluated, with_numbers
from tinynn.explain.page import Cell, Page, Shown
from tinynn.explain.tracing import Trace, below, trace
from tinynn.explain.untouched import untouched
from tinynn.explain.update_rules import Line, Rule, arrays, rule_of
from tinynn.explain.why import entry_of
from tinynn.optimizers.optimizer import Optimizer


class Assigned(NamedTuple):
    """A line of a rule with its numbers: letter <- formula = with numbers = value."""

    line: Line
    numbers: Formula
    value: float


class OptimizerStep(NamedTuple):
    """What one optimizer did.

    name: "Adam"; "momentum" and "Nesterov" are kinds of SGD. t: the number of the update, from 1.
    learning_rate: at this step, before a rule's corrections.
    gradient: from the tape; used: after clipping, scaling and accumulation, what the rule was given; None if it was not asked.
    slots: {"momentum": (before, after), ...} beside the weight. before, after: the weight.
    lines: the rule with its numbers; none for an optimizer of your own.
    computed: what the formulas come to; off from `after` by rounding, and by what is done after the rule (a constraint).
    weights: {"dense/kernel": array, ...}: all weights after the step.
    around: what it does besides its rule.
    """

    name: str
    t: int
    learning_rate: float
    gradient: float
    used: float | None
    slots: dict[str, tuple[float, float]]
    before: float
    after: float
    lines: list[Assigned]
    computed: float | None
    weights: dict[str, Array]
    around: list[str]

    @property
    def change(self) -> float:
        """after - before: the effective step."""
        return self.after - self.before


_ARRAYS = ("weights", "lines", "slots")


class Step(Shown):
    """What optimizers do with one batch: what `step` gives.

    weight: (name, *index), the weight shown. gradient: dL/d(it). steps: an `OptimizerStep` for each optimizer.
    """

    def __init__(self, weight: tuple[Any, ...], gradient: float, steps: list[OptimizerStep]) -> None:
        self.weight = weight
        self.gradient = gradient
        self.steps = steps

    def __getitem__(self, place: int) -> OptimizerStep:
        return self.steps[place]

    def __len__(self) -> int:
        return len(self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays of weights, as plain numbers."""
        return {
            "weight": list(self.weight),
            "gradient": self.gradient,
            "steps": [
                {
                    **{
                        name: value
                        for name, value in step._asdict().items()
                        if name not in ("weights", "lines", "slots")
                    },
                    "slots": {name: list(both) for name, both in step.slots.items()},
                    "rule": [{"letter": a.line.letter, "value": a.value, "words": a.line.words} for a in step.lines],
                }
                for step in self.steps
            ],
        }

    def page(self) -> Page:
        """The optimizers beside one another, then each rule with its numbers."""
        page = Page()
        name, *index = self.weight
        where = f"{name}[{','.join(map(str, index))}]"
        page.heading(f"One step for {where}", level=1)
        page.say(f"Its gradient is {digits(self.gradient, 6)}. p is the weight, g the gradient, η the learning rate.")
        page.table(["", *_heads(self.steps)], _rows(self.steps))
        for step, head in zip(self.steps, _heads(self.steps)):
            page.heading(f"{head}, step {step.t}")
            _rule(page, step)
        return page


def _heads(steps: list[OptimizerStep]) -> list[str]:
    names = [step.name for step in steps]
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]


def _rows(steps: list[OptimizerStep]) -> list[tuple[Cell, ...]]:
    slots = list(dict.fromkeys(name for step in steps for name in step.slots))
    rows: list[tuple[Cell, ...]] = [("step t", *(step.t for step in steps))]
    rows.append(("learning rate", *(step.learning_rate for step in steps)))
    if any(step.used != step.gradient for step in steps):
        rows.append(("gradient used", *(step.used for step in steps)))
    for name in slots:
        for place, when in enumerate(("before", "after")):
            rows.append(
                (f"{name} {when}", *(step.slots[name][place] if name in step.slots else None for step in steps))
            )
    rows.append(("weight before", *(step.before for step in steps)))
    rows.append(("weight after", *(step.after for step in steps)))
    rows.append(("change", *(step.change for step in steps)))
    per_rate = [step.change / -step.gradient if step.gradient else None for step in steps]
    rows.append(("change / -gradient", *per_rate))
    return [tuple(Words(digits(cell, 7)) if isinstance(cell, float) else cell for cell in row) for row in rows]


def _rule(page: Page, step: OptimizerStep) -> None:
    if step.used is None:
        page.say("No step is due yet: gradients are added up first.")
        return
    if not step.lines:
        page.say("An optimizer of your own: its slots and the weight are in the table above.")
        return
    if step.around:
        page.say(f"Around the rule it uses {', '.join(step.around)}.")
    for assigned in step.lines:
        letter = Symbol(assigned.line.letter)
        words = assigned.line.words
        page.say(f"{words[0].upper()}{words[1:]}:")
        value = Number(assigned.value)
        numbers = (assigned.numbers,) if assigned.numbers not in (assigned.line.formula, value) else ()
        page.show(Equation((letter, assigned.line.formula, *numbers, value), "←"))
    if step.computed is not None:
        gap = abs(step.computed - step.after)
        page.say(f"These numbers give {step.computed:.9g}; the engine has {step.after:.9g}. They differ by {gap:.1e}.")


def step(
    model: Any,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    weight: tuple[Any, ...] | None = None,
    optimizers: Sequence[Any] | None = None,
) -> Step:
    """What the optimizer does with the gradient of one batch, for one weight; the model stays as it was.

    The gradient, the slots (m, v, ...), bias corrections, the effective step, the weight before and after; and the rule with
    these numbers in its formulas. What is given as `after` is bit for bit what `train_on_batch` on the same batch leaves.

    Args:
        model: built and compiled.
        x, y, sample_weight: one batch, as for `train_on_batch`.
        weight: ("dense_1/kernel", 3, 1): which; by default the one with the largest gradient.
        optimizers: names or `Optimizer`s to put beside one another, each as if the model had been compiled with it and this
            was its first step; by default the model's own, as it stands.

    Raises:
        ValueError: as `trace`; an unknown name; a weight that is not trained.
        IndexError: an index that is not there.

        print(tinynn.explain.step(model, x, y, weight=("dense/kernel", 0, 1), optimizers=["sgd", "adam", "rmsprop"]))
    """
    found = trace(model, x, y, sample_weight)
    chosen = _weight(found, weight)
    steps = []
    for optimizer in [model.optimizer] if optimizers is None else optimizers:
        made = optimizers_module.get(optimizer)
        steps.append(_step(model, found, made, chosen, (x, y, sample_weight)))
    name, index = chosen
    return Step((name, *index), float(found.gradients[name][index]), steps)


def _weight(found: Trace, weight: tuple[Any, ...] | None) -> tuple[str, tuple[int, ...]]:
    if not found.gradients:
        raise ValueError("The loss depends on no weight that is trained, so there is no step to explain.")
    if weight is None:
        name = max(found.gradients, key=lambda key: float(np.abs(found.gradients[key]).max(initial=0.0)))
        gradient = found.gradients[name]
        return name, tuple(int(i) for i in np.unravel_index(np.argmax(np.abs(gradient)), gradient.shape))
    if isinstance(weight, str) or not len(weight):
        raise ValueError(f'weight is a name with an index, as in ("dense/kernel", 0, 1); got {weight!r}.')
    quantity, index = entry_of(found, weight[0], weight[1:])
    if quantity.name not in found.gradients:
        raise ValueError(f'"{quantity.name}" is not a weight that is trained. Those are: {", ".join(found.gradients)}.')
    return quantity.name, index


def _step(
    model: Any, found: Trace, optimizer: Any, chosen: tuple[str, tuple[int, ...]], data: tuple[Any, Any, Any]
) -> OptimizerStep:
    name, index = chosen
    with untouched(model):
        vars(model)["optimizer"] = optimizer
        with untouched(model):  # an optimizer that was handed over is put back as well
            optimizer.build(model.trainable_variables)
            variables = {below(model, variable.path): variable for variable in model.trainable_variables}
            variable = variables[name]
            optimizer._check_known(model.trainable_variables, len(variables))
            place = optimizer._places[id(variable)]
            t = int(optimizer.updates(np.array([int(optimizer._iterations.value) + 1]))[0])
            rate = float(
                optimizer.learning_rates(np.array([int(optimizer._iterations.value) + 1]), variable.value.dtype)[0]
            )
            used = _given_to_the_rule(optimizer, found, variables)
            before = np.array(variable.value)
            slots = {key: np.array(kind[place].value) for key, kind in optimizer._slots.items()}
            rule = rule_of(optimizer, variable)
            around = optimizer.around_the_rule
            x, y, sample_weight = data
            model.train_on_batch(x, y, sample_weight)
            after = {key: np.array(value.value) for key, value in variables.items()}
            slots_after = {key: np.array(kind[place].value) for key, kind in optimizer._slots.items()}
    lines: list[Assigned] = []
    computed = None
    own = None if used is None else used[name]
    if rule is not None and own is not None:
        lines, computed = _filled(rule, before, own, slots, t, rate, index)
    return OptimizerStep(
        name=_name(optimizer),
        t=t,
        learning_rate=rate,
        gradient=float(found.gradients[name][index]),
        used=None if own is None else float(own[index]),
        slots={
            key: (float(value[index]), float(slots_after[key][index]))
            for key, value in slots.items()
            if value.shape == before.shape
        },
        before=float(before[index]),
        after=float(after[name][index]),
        lines=lines,
        computed=computed,
        weights=after,
        around=around,
    )


def _name(optimizer: Any) -> str:
    """The class's name, but SGD's kinds by their own."""
    if type(optimizer) is optimizers_module.SGD and optimizer.momentum:
        return "Nesterov" if optimizer.nesterov else "momentum"
    return type(optimizer).__name__


def _given_to_the_rule(optimizer: Optimizer, found: Trace, variables: dict[str, Any]) -> dict[str, Array] | None:
    """The gradients after accumulation and clipping, as the rule gets them; None if no step is due."""
    names = [name for name in variables if name in found.gradients]
    gradients = [np.array(found.gradients[name]) for name in names]
    every = optimizer.gradient_accumulation_steps
    if every:
        if (int(optimizer._iterations.value) + 1) % every:
            return None
        sums = [optimizer._accumulated_gradients[optimizer._places[id(variables[name])]].value for name in names]
        gradients = [(total + gradient) / every for total, gradient in zip(sums, gradients)]
    flat = np.concatenate([gradient.reshape(-1) for gradient in gradients])
    optimizer._clip(flat, [variables[name] for name in names])
    parts = np.split(flat, np.cumsum([gradient.size for gradient in gradients])[:-1])
    return {name: part.reshape(gradient.shape) for name, part, gradient in zip(names, parts, gradients)}


def _filled(
    rule: Rule,
    before: Array,
    gradient: Array,
    slots: dict[str, Array],
    t: int,
    rate: float,
    index: tuple[int, ...],
) -> tuple[list[Assigned], float]:
    """The rule's lines with the numbers of one entry, computed for the whole variable."""
    values: dict[str, Any] = {
        "p": before.astype(np.float64),
        "g": gradient.astype(np.float64),
        "t": float(t),
        "η": rate,
    }
    values |= {**rule.constants, **arrays(rule, slots, before.shape)}
    lines = []
    for line in rule.lines:
        value = evaluated(line.formula, values)
        numbers = with_numbers(line.formula, {letter: _entry(v, before.shape, index) for letter, v in values.items()})
        values[line.letter] = value
        lines.append(Assigned(line, numbers, _entry(value, before.shape, index)))
    return lines, float(np.asarray(values["p"])[index])


def _entry(value: Any, shape: tuple[int, ...], index: tuple[int, ...]) -> float:
    return float(np.broadcast_to(np.asarray(value, np.float64), shape)[index])
