"""Exercises: write a step of backpropagation yourself; the answer says where it is wrong, and why it may be.

An exercise is data: a statement, a solution, inputs to try it on, and mistakes. A mistake is written down as the wrong
solution it leads to. When an answer is wrong, those of its outputs that are wrong are compared with what each mistake
would give: a hint is given when they agree on every trial, so it cannot fire on anything else.
"""

from __future__ import annotations

import html
import inspect
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinynn._checks import unknown_name
from tinynn._typing import Array, Shape
from tinynn.explain.gradient_report import pattern_of

__all__ = ["Answer", "Exercise", "Mistake", "exercise", "exercises"]

TOLERANCE = 1e-9
"""Relative, beside the largest entry: room for roundings in another order, far less than any mistake makes."""


@dataclass(frozen=True)
class Mistake:
    """A wrong solution that people write, and what to tell them.

    Attributes:
        hint: what is missing, without giving the solution away.
        solution: what they wrote.
    """

    hint: str
    solution: Callable[..., Any]


@dataclass(frozen=True, repr=False)
class Exercise:
    """A function to write.

    Attributes:
        name: what `exercise` knows it by.
        title: a line of words.
        signature: the function's first line.
        statement: what it computes, with formulas and shapes.
        outputs: the names of what it returns.
        shapes: the shape of each, in words.
        solution: a right answer; do not look.
        trials: the arguments of each trial, small and square ones first.
        mistakes: what often goes wrong.

    Print it to read it; `exercise.check(function)` marks an answer.
    """

    name: str
    title: str
    signature: str
    statement: str
    outputs: tuple[str, ...]
    shapes: tuple[str, ...]
    solution: Callable[..., Any]
    trials: Callable[[], list[dict[str, Any]]]
    mistakes: tuple[Mistake, ...] = ()

    def check(self, answer: Callable[..., Any]) -> Answer:
        """Try the function and say whether it is right; if not, where it is wrong first and what may be the reason.

        Args:
            answer: takes the arguments of the signature, in their order, and leaves them as they are; what it returns may be
                arrays, numbers or, where there are several, a tuple or list of them.

        Raises:
            TypeError: no function, or one of other arguments.
        """
        if not callable(answer):
            raise TypeError(
                f"exercise.check expects the function itself; got {answer!r}. Hand it over without calling it."
            )
        trials = self.trials()
        try:
            inspect.signature(answer).bind(*trials[0].values())
        except TypeError as error:
            raise TypeError(f"The exercise asks for {self.signature}; yours does not take these: {error}.") from None
        except ValueError:  # a function in C that does not tell
            pass
        return _marked(self, answer, trials)

    def __repr__(self) -> str:
        lines = [f"{self.title}  (explain.exercise({self.name!r}))", "", f"    def {self.signature}:", ""]
        lines += [textwrap.indent(self.statement, "    "), "", "    Returns"]
        lines += [f"        {name}: {shape}" for name, shape in zip(self.outputs, self.shapes)]
        return "\n".join([*lines, "", "Check yours with .check(your_function)."])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<li><code>{html.escape(name)}</code>: {html.escape(shape)}</li>"
            for name, shape in zip(self.outputs, self.shapes)
        )
        return (
            f"<div><p><b>{html.escape(self.title)}</b></p><pre>def {html.escape(self.signature)}:</pre>"
            f"<pre style='white-space:pre-wrap'>{html.escape(self.statement)}</pre><p>Returns</p><ul>{rows}</ul></div>"
        )


@dataclass(frozen=True, repr=False)
class Answer:
    """How a function did.

    Attributes:
        exercise: the name of the exercise.
        passed: whether it is right in every trial.
        message: what is wrong first, in a sentence; "Right." otherwise.
        hint: what may be the reason; "" when none is known.
        output, index, found, expected: the first wrong entry, if it came to that.
        shape: the shape that the wrong output should have, in words.
    """

    exercise: str
    passed: bool
    message: str
    hint: str = ""
    output: str = ""
    index: Shape | None = None
    found: float | None = None
    expected: float | None = None
    shape: str = ""

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        lines = [
            f"{self.exercise}: {'right' if self.passed else 'not yet'}. {'' if self.passed else self.message}".rstrip()
        ]
        if self.shape:
            lines.append(f"  The shape of {self.output}: {self.shape}.")
        if self.hint:
            lines.append(f"  Hint: {self.hint}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        mark = "✓ right" if self.passed else "✗ not yet"
        words = "" if self.passed else html.escape(self.message)
        shape = f"<br>{html.escape(f'The shape of {self.output}: {self.shape}.')}" if self.shape else ""
        hint = f"<br><b>Hint:</b> {html.escape(self.hint)}" if self.hint else ""
        return f"<div><p><b>{html.escape(self.exercise)}: {mark}.</b> {words}{shape}{hint}</p></div>"


def exercise(name: str) -> Exercise:
    """An exercise by its name; print it to read what it asks, and mark an answer with its `check`.

        >>> task = explain.exercise("dense_backward")
        >>> answer = task.check(lambda d_out, x, kernel: (d_out @ kernel, x.T @ d_out, d_out.sum(axis=0)))
        >>> print(answer.hint)
        d_out is (batch, units) and kernel (fan_in, units): a transpose of kernel is missing.

    Raises:
        ValueError: there is none of that name.
    """
    known = _by_name()
    if name not in known:
        raise unknown_name("exercise", name, known)
    return known[name]


def exercises() -> list[str]:
    """The names of all exercises, in an order in which they can be done."""
    return list(_by_name())


def _by_name() -> dict[str, Exercise]:
    from tinynn.explain.workbook_tasks import TASKS

    return {task.name: task for task in TASKS}


# Marking ---------------------------------------------------------------------------------------------------------------


def _marked(task: Exercise, answer: Callable[..., Any], trials: list[dict[str, Any]]) -> Answer:
    results: list[list[Array] | None] = []
    first: Answer | None = None
    for number, trial in enumerate(trials):
        problem, outputs = _tried(task, answer, trial, number)
        results.append(outputs)
        if first is None:
            first = problem
    if first is None:
        return Answer(task.name, True, "Right.")
    if first.hint:
        return first
    return _with_hint(task, first, trials, results)


def _tried(
    task: Exercise, answer: Callable[..., Any], trial: dict[str, Any], number: int
) -> tuple[Answer | None, list[Array] | None]:
    """What is wrong with one trial, and the outputs as far as they can be compared with those of mistakes."""
    given = {name: np.array(value) if isinstance(value, np.ndarray) else value for name, value in trial.items()}
    where = ", ".join(
        f"{n} {v.shape}" if isinstance(v, np.ndarray) and v.ndim else f"{n} = {v}" for n, v in trial.items()
    )
    try:
        with np.errstate(all="ignore"):
            got = answer(*given.values())
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1].line or ""
        at = f' at "{line.strip()}"' if line else ""
        message = f"It raises {type(error).__name__}{at}: {error}. The inputs were {where}."
        return Answer(task.name, False, message), None
    for name, value in trial.items():
        if isinstance(value, np.ndarray) and not np.array_equal(value, given[name], equal_nan=True):
            hint = (
                f"work on a copy, {name}.copy(), or make a new array: {name} = {name} - ... in place of {name} -= ..."
            )
            return Answer(task.name, False, f"It changes its input {name} in place.", hint), None
    several = len(task.outputs) > 1
    if several and (not isinstance(got, (tuple, list)) or len(got) != len(task.outputs)):
        count = len(got) if isinstance(got, (tuple, list)) else "one thing"
        return Answer(task.name, False, f"It should return {', '.join(task.outputs)}; it returned {count}."), None
    if got is None:
        return Answer(task.name, False, "It returned None.", hint="the last line needs a return"), None
    outputs = [np.asarray(part) for part in (got if several else [got])]
    expected = _outputs_of(task.solution, trial, several)
    for name, shape, o, e in zip(task.outputs, task.shapes, outputs, expected, strict=True):
        if o.shape != e.shape:
            message = f"{name} has shape {o.shape} where it should have {e.shape}. The inputs were {where}."
            return Answer(task.name, False, message, output=name, shape=shape), outputs
        if not _agree(o, e):
            return _first_wrong(task, name, shape, o, e), outputs
    return None, outputs


def _first_wrong(task: Exercise, name: str, shape: str, o: Array, e: Array) -> Answer:
    wrong = ~(np.abs(o - e) <= TOLERANCE * max(1e-30, float(np.abs(e).max(initial=0.0))))
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    found, expected = float(o[index]), float(e[index])
    message = f"{place} is {found:.9g}; it should be {expected:.9g}."
    return Answer(task.name, False, message, "", name, index, found, expected, shape)


def _with_hint(
    task: Exercise, first: Answer, trials: list[dict[str, Any]], results: list[list[Array] | None]
) -> Answer:
    """The first complaint with the hint of the mistake that explains it; else with a pattern in the numbers."""
    several = len(task.outputs) > 1
    rights = [_outputs_of(task.solution, trial, several) for trial in trials]
    # Which output to explain: the one complained about; after an exception, the first that is wrong in another trial.
    names = [first.output] if first.output else list(task.outputs)
    for name in names:
        which = task.outputs.index(name)
        wrong = [n for n, (r, e) in enumerate(zip(results, rights)) if r is not None and not _agree(r[which], e[which])]
        if not wrong:
            continue
        for mistake in task.mistakes:
            if _explains(mistake, which, several, trials, results, rights):
                return _replaced(first, mistake.hint)
        o, e = results[wrong[0]][which], rights[wrong[0]][which]  # type: ignore[index]
        pattern = pattern_of(o, e) if o.shape == e.shape else _hint_of_shape(o, e)
        return _replaced(first, pattern)
    if not first.output:
        listed = ", ".join(f"{n} {s}" for n, s in zip(task.outputs, task.shapes))
        return _replaced(first, f"write the shapes beside each other: which product gives {listed}?")
    return first


def _explains(
    mistake: Mistake,
    which: int,
    several: bool,
    trials: list[dict[str, Any]],
    results: list[list[Array] | None],
    rights: list[list[Array]],
) -> bool:
    """Whether the mistake gives the very numbers that the answer gave, in every trial, and wrong ones in one at least."""
    differs = False
    for trial, result, right in zip(trials, results, rights, strict=True):
        try:
            made = _outputs_of(mistake.solution, trial, several)[which]
        except Exception:
            made = None
        if made is None or result is None:
            if (made is None) != (result is None):
                return False
            continue
        if made.shape != result[which].shape or not _agree(result[which], made):
            return False
        differs = differs or not _agree(made, right[which])
    return differs


def _replaced(answer: Answer, hint: str) -> Answer:
    return replace(answer, hint=hint)


def _outputs_of(function: Callable[..., Any], trial: dict[str, Any], several: bool) -> list[Array]:
    given = [np.array(value) if isinstance(value, np.ndarray) else value for value in trial.values()]
    with np.errstate(all="ignore"):
        got = function(*given)
    return [np.asarray(part) for part in (got if several else [got])]


def _agree(o: Array, e: Array) -> bool:
    if o.shape != e.shape or o.dtype.kind not in "fiub":
        return False
    with np.errstate(invalid="ignore"):
        near = np.abs(o - e) <= TOLERANCE * max(1e-30, float(np.abs(e[np.isfinite(e)]).max(initial=0.0)))
    return bool(np.all(near | (o == e) | (np.isnan(o) & np.isnan(e))))


def _hint_of_shape(o: Array, e: Array) -> str:
    if o.ndim == 2 and o.shape[::-1] == e.shape and o.shape != e.shape:
        return "it is transposed."
    if o.size == e.size and o.ndim != e.ndim:
        return "the numbers may be right, the axes are not: look at keepdims, or at a reshape."
    if o.ndim == e.ndim + 1:
        return "an axis is still there that is to be summed over, or averaged."
    if o.ndim < e.ndim:
        return "summed, or averaged, over too many axes."
    return ""
