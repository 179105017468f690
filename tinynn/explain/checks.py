"""Is a gradient right? It is compared with derivatives that know nothing of any formula (`numerical.py`)."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinynn import config, ops
from tinynn._typing import Array, Shape
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import GradientTape
from tinynn.explain.gradient_report import ArrayCheck, Entry, GradientReport
from tinynn.explain.numerical import Line, bends, careful_slope, complex_slope, difference, takes_complex_numbers
from tinynn.layers.layer import Layer
from tinynn.variable import Variable

__all__ = ["check", "check_gradients"]

EVERY_ENTRY_UP_TO = 400
"""How many entries all arrays together may have for each to be looked at without being asked to."""

CAREFUL_LOOKS = 40
"""How many suspicious entries of an array are looked at with many step sizes."""

DIRECTIONS = 4


def check(
    forward: Callable[..., Any],
    backward: Any = None,
    *inputs: Any,
    every_entry: bool | None = None,
    tolerance: float = 1e-6,
    raise_on_failure: bool = False,
    seed: int = 1,
    **settings: Any,
) -> GradientReport:
    """Compare the gradient of one function, or of a layer, with numerical derivatives, in float64.

    With random numbers w of the output's shape, L = sum_k w_k f_k(x): so that no entry hides behind another.

        check(forward, backward, x, kernel, bias)      backward(w, x, kernel, bias) -> dL/dx, dL/dkernel, dL/dbias
        check(forward, backward, x)                    forward may return (output, cache): then backward(w, cache)
        check(operation, x)                            over tinynn.ops, or by tinynn.custom_gradient: the tape's gradient
        check(layer, x)                                likewise, and by the layer's trainable variables

    Args:
        forward: the function, or the layer.
        backward: its derivative; left out for operations and layers.
        *inputs: arrays or numbers: where to look. Integers stay what they are, and are not differentiated by.
        every_entry: look at every single entry (True), or along random directions (False), in which case a wrong entry is found
            by halving. By default every entry up to 400 of them.
        tolerance: relative, of each entry. Rounding is allowed for besides, relative to the largest entry.
        raise_on_failure: raise instead of returning a report of failure.
        seed: of w and of the directions.
        **settings: keyword arguments of forward (and of backward, those that it has).

    Returns:
        A `GradientReport`.

    Raises:
        ValueError: a function that is not finite or not the same twice; with raise_on_failure a wrong gradient, and where.
        TypeError: no inputs.

    Complex step where the function takes complex numbers as an analytic function does, differences elsewhere. A gradient at
    a kink passes if it lies between the slopes of both sides, and the report says that it is one.

        >>> x = np.array([0.1, -2.0])
        >>> report = explain.check(lambda x: np.tanh(x), lambda w, x: w * (1 - np.tanh(x)**2), x)
        >>> report.passed
        True
    """
    if not callable(backward):
        if backward is not None:
            inputs = (backward, *inputs)
        backward = None
    if not inputs:
        raise TypeError("check expects the inputs at which to look: check(forward, backward, x, ...).")
    arrays = [_in_float64(x) for x in inputs]
    random = np.random.RandomState(seed)
    if isinstance(forward, Layer):
        subject = _of_layer(forward, arrays, settings, random)
    elif backward is None:
        subject = _of_operation(forward, arrays, settings, random)
    else:
        subject = _of_pair(forward, backward, arrays, settings, random)
    return _finish(subject, every_entry, tolerance, raise_on_failure, random)


def check_gradients(
    model: Any,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    training: bool = True,
    every_entry: bool | None = None,
    tolerance: float = 1e-6,
    raise_on_failure: bool = False,
    seed: int = 1,
) -> GradientReport:
    """Compare the gradients that a compiled model trains with, for one batch, with numerical derivatives of its loss.

    The model is taken to float64 for the time of the check and put back, its weights, moving averages and random streams
    untouched; dropout masks are the same in each evaluation. Own layers, losses and `compute_loss` are checked as they are.

    Args:
        model: compiled, of any kind that trains on the reference engine.
        x, y, sample_weight: one batch, a small one: each entry costs a forward pass or five.
        training: whether dropout, normalization and the like behave as in training.
        every_entry, tolerance, raise_on_failure, seed: as in `check`.

    Returns:
        A `GradientReport`, an array for each trainable variable.

    Raises:
        ValueError: a model that is not compiled; a loss that is not finite or not the same twice (randomness without a seed
            of its own); with raise_on_failure a wrong gradient, and where.
    """
    if not getattr(model, "compiled", False) or getattr(model, "_compile_loss", None) is None:
        raise ValueError(
            'check_gradients expects a model with a loss: call model.compile(optimizer, loss="mse") first. A layer or a '
            "function is checked with explain.check."
        )
    x, y = _in_float64(x), _in_float64(y)
    sample_weight = None if sample_weight is None else _in_float64(sample_weight)
    if not model.built:
        model.build((None, *x.shape[1:]))
        _evaluated(lambda: model(x))
    random = np.random.RandomState(seed)
    with _in_double_precision(model) as put_back:
        target = _evaluated(lambda: model(x))
        loss = model._compile_loss.resolve(y, target)
        before, loss.dtype = loss.dtype, None  # no casts on the way
        try:

            def loss_now() -> Any:
                put_back()
                return model.loss_of(x, y, model(x, training=training), sample_weight, training=training)

            variables = model.trainable_variables
            subject = _of_variables(f"Gradients of {model.name}", variables, loss_now)
            return _finish(subject, every_entry, tolerance, raise_on_failure, random)
        finally:
            loss.dtype = before


# What is checked -------------------------------------------------------------------------------------------------------


class _Subject:
    """A loss of some arrays, and the gradient that is claimed for it.

    Args:
        title: of the report.
        names, arrays: what the loss depends on, in float64.
        gradients: dL/d(array) of each, or None.
        total: arrays (real or complex) -> L.
        problems: what is wrong with an array as a whole.
    """

    def __init__(
        self,
        title: str,
        names: Sequence[str],
        arrays: list[Array],
        gradients: list[Any],
        total: Callable[[list[Array]], Any],
        problems: dict[str, str] | None = None,
    ) -> None:
        self.title = title
        self.names = list(names)
        self.arrays = arrays
        self.gradients = [None if g is None else np.asarray(value_of(g), np.float64) for g in gradients]
        self.total = total
        self.problems = problems or {}

    def line(self, which: int, direction: Array) -> Line:
        """t -> L with array number `which` moved by t times the direction."""

        def along(t: complex) -> complex:
            if isinstance(t, complex):  # all of them, so that no product is cast to its real factor's dtype
                moved = [x.astype(complex) for x in self.arrays]
            else:
                moved = list(self.arrays)
            moved[which] = moved[which] + t * direction
            return complex(self.total(moved))

        return along


def _of_pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    arrays: list[Array],
    settings: dict[str, Any],
    random: np.random.RandomState,
) -> _Subject:
    """A forward and a backward function of plain arrays."""
    names = _argument_names(forward, len(arrays))
    theirs = _settings_of(backward, settings)
    given = [x.copy() for x in arrays]
    result = forward(*given, **settings)
    has_cache = isinstance(result, tuple) and len(result) == 2
    output = np.asarray(result[0] if has_cache else result)
    weights = random.standard_normal(output.shape)
    problems = _changed(names, arrays, given, "forward")
    d_output = weights.copy()
    found = backward(d_output, result[1], **theirs) if has_cache else backward(d_output, *given, **theirs)
    problems = problems or _changed(names, arrays, given, "backward")
    real = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"]
    gradients = list(found) if isinstance(found, (tuple, list)) else [found]
    if len(gradients) != len(arrays):
        if len(gradients) != len(real):
            raise ValueError(
                f"backward gave {len(gradients)} gradients; forward has {len(real)} inputs to differentiate by: "
                f"{', '.join(names[i] for i in real)}."
            )
        gradients = [gradients[real.index(i)] if i in real else None for i in range(len(arrays))]

    def total(moved: list[Array]) -> Any:
        everything = list(arrays)
        for place, x in zip(real, moved, strict=True):
            everything[place] = x
        result = forward(*[x.copy() for x in everything], **settings)
        return np.sum(weights * (result[0] if has_cache else result))

    return _Subject(
        f"Gradient of {_name_of(forward)}",
        [names[i] for i in real],
        [arrays[i] for i in real],
        [gradients[i] for i in real],
        total,
        problems,
    )


def _of_operation(
    operation: Callable[..., Any], arrays: list[Array], settings: dict[str, Any], random: np.random.RandomState
) -> _Subject:
    """A function over `tinynn.ops`: its gradient is the tape's."""
    real = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"]
    weights = random.standard_normal(np.shape(value_of(operation(*arrays, **settings))))
    variables = [Variable(arrays[i], dtype="float64") for i in real]
    with GradientTape() as tape:
        watched: list[Any] = list(arrays)
        for place, variable in zip(real, variables):
            watched[place] = variable
        outputs = operation(*watched, **settings)
    gradients = (
        tape.gradient(outputs, variables, output_gradients=weights) if tape.knows(outputs) else [None] * len(variables)
    )

    def total(moved: list[Array]) -> Any:
        everything = list(arrays)
        for place, x in zip(real, moved, strict=True):
            everything[place] = x
        return np.sum(weights * value_of(operation(*everything, **settings)))

    names = _argument_names(operation, len(arrays))
    return _Subject(
        f"Gradient of {_name_of(operation)}", [names[i] for i in real], [arrays[i] for i in real], gradients, total
    )


def _of_layer(layer: Layer, arrays: list[Array], settings: dict[str, Any], random: np.random.RandomState) -> _Subject:
    """A layer: by its input and by its trainable variables."""
    if len(arrays) != 1:
        raise ValueError(f"A layer is checked on one input; got {len(arrays)}.")
    if not layer.built:
        _evaluated(lambda: layer(arrays[0]))
    with _in_double_precision(layer) as put_back:
        shape = np.shape(_evaluated(lambda: layer(arrays[0], **settings)))
    weights = random.standard_normal(shape)
    x = Variable(arrays[0], dtype="float64", name="inputs")

    def total_now() -> Any:
        put_back()
        return ops.sum(ops.multiply(layer(x, **settings), weights))

    with _in_double_precision(layer) as put_back:
        subject = _of_variables(f"Gradient of {layer.name}", [x, *layer.trainable_variables], total_now)
    inner = subject.total

    def total(moved: list[Array]) -> Any:
        nonlocal put_back
        with _in_double_precision(layer) as put_back:
            return inner(moved)

    subject.total = total
    return subject


def _of_variables(title: str, variables: list[Variable], loss_now: Callable[[], Any]) -> _Subject:
    """A loss that is computed from variables: its gradient is the tape's."""
    with GradientTape() as tape:
        loss = loss_now()
    gradients = tape.gradient(loss, variables) if tape.knows(loss) else [None] * len(variables)
    values = [variable.value for variable in variables]

    def total(moved: list[Array]) -> Any:
        for variable, value in zip(variables, moved, strict=True):
            variable.value = value
        try:
            return _evaluated(loss_now)
        finally:
            for variable, value in zip(variables, values):
                variable.value = value

    return _Subject(title, [_short_path(v) for v in variables], [v.copy() for v in values], gradients, total)


def _short_path(variable: Variable) -> str:
    """ "dense/kernel": the model's own name is left out."""
    return "/".join(variable.path.split("/")[-2:])


def _evaluated(function: Callable[[], Any]) -> Any:
    """The plain value, by the reference engine: an open tape keeps models from calling the compiled one."""
    with GradientTape(watch_accessed_variables=False):
        return value_of(function())


@contextlib.contextmanager
def _in_double_precision(layer: Layer) -> Iterator[Callable[[], None]]:
    """All variables and casts in float64; the function that is handed out puts back what evaluations change.

    Afterwards every variable has its own array again, as it was.
    """
    layers = [layer, *layer._layers_within()]
    stand_ins = [found for layer in layers if (found := getattr(layer, "_inputs", None)) is not None]
    before = [(thing, thing.dtype) for thing in (*layers, *stand_ins)]
    values = [(variable, variable.value) for variable in layer.variables]
    fixed = [(v, v.value.copy()) for v in layer.variables if not v.trainable or v.value.dtype.kind != "f"]
    fixed = [(v, value.astype(np.float64) if value.dtype.kind == "f" else value) for v, value in fixed]

    def put_back() -> None:
        for variable, value in fixed:
            variable.value = value.copy()

    floatx = config.floatx()
    try:
        config.set_floatx("float64")
        for thing, _ in before:
            thing.dtype = "float64"
        for variable, value in values:
            variable.value = value.astype(np.float64) if value.dtype.kind == "f" else value.copy()
        yield put_back
    finally:
        config.set_floatx(floatx)
        for thing, dtype in before:
            thing.dtype = dtype
        for variable, value in values:
            variable.value = value


def _in_float64(x: Any) -> Array:
    array = np.array(value_of(x))
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return (names + [f"input {i}" for i in range(len(names), count)])[:count]


def _settings_of(backward: Callable[..., Any], settings: dict[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(backward).parameters.values()
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return settings if takes_all else {n: v for n, v in settings.items() if n in {p.name for p in parameters}}


def _name_of(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return "the function" if name == "<lambda>" else str(name)


def _changed(names: list[str], before: list[Array], after: list[Array], who: str) -> dict[str, str]:
    return {
        name: f"{who} changes its input {name} in place; it should leave its inputs as they are."
        for name, a, b in zip(names, before, after)
        if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    }


# The comparison --------------------------------------------------------------------------------------------------------


def _finish(
    subject: _Subject,
    every_entry: bool | None,
    tolerance: float,
    raise_on_failure: bool,
    random: np.random.RandomState,
) -> GradientReport:
    if not subject.arrays:
        raise ValueError(
            f"{subject.title}: there is nothing to differentiate by, no float input and nothing trainable."
        )
    here, again = (complex(subject.total(list(subject.arrays))) for _ in range(2))
    if not np.isfinite(here):
        raise ValueError(f"{subject.title}: the function is {here.real} here, and has no gradient. Look elsewhere.")
    if here != again:
        raise ValueError(
            f"{subject.title}: the function is {here.real!r} once and {again.real!r} the next time. Give what is random in it "
            "a seed: keras.random.SeedGenerator, made in __init__."
        )
    if every_entry is None:
        every_entry = sum(x.size for x in subject.arrays) <= EVERY_ENTRY_UP_TO
    analytic = _is_analytic(subject, random)
    arrays = [_look_at(subject, i, every_entry, analytic, tolerance, random) for i in range(len(subject.arrays))]
    report = GradientReport(subject.title, arrays)
    if raise_on_failure and not report.passed:
        raise ValueError(str(report))
    return report


def _is_analytic(subject: _Subject, random: np.random.RandomState) -> bool:
    """Whether the complex step works: one random direction in every array."""
    return all(
        takes_complex_numbers(subject.line(i, random.standard_normal(x.shape)), _size(x))
        for i, x in enumerate(subject.arrays)
        if x.size
    )


def _size(x: Array) -> float:
    """In whose units steps are measured: that of the numbers, but not less than 1."""
    return max(1.0, float(np.abs(x).max(initial=0.0)))


def _look_at(
    subject: _Subject, which: int, every_entry: bool, analytic: bool, tolerance: float, random: np.random.RandomState
) -> ArrayCheck:
    """The check of one array."""
    name, x, gradient = subject.names[which], subject.arrays[which], subject.gradients[which]
    result = ArrayCheck(
        name, x.shape, gradient, np.full(x.shape, np.nan), "complex step" if analytic else "differences"
    )
    result.problem = subject.problems.get(name, "")
    if gradient is None:
        result.problem = "no gradient reaches it. Is it used, and through tinynn.ops?"
    elif gradient.shape != x.shape:
        result.problem = f"its gradient has shape {gradient.shape}; it has shape {x.shape}."
        if gradient.size == x.size and gradient.shape == x.shape[::-1]:
            result.problem += " A transpose is missing."
    if gradient is None or gradient.shape != x.shape:
        result.found = None
        return result
    if every_entry:
        result.looked_at = f"all {x.size} entries" if x.size != 1 else "its entry"
        places = list(np.ndindex(x.shape))
    else:
        result.looked_at = f"{DIRECTIONS} directions"
        places = _suspects(subject, which, gradient, analytic, random)
    _look_at_entries(subject, which, result, places, analytic, tolerance, probe=every_entry)
    return result


def _look_at_entries(
    subject: _Subject,
    which: int,
    result: ArrayCheck,
    places: list[Shape],
    analytic: bool,
    tolerance: float,
    probe: bool,
) -> None:
    x, gradient = subject.arrays[which], subject.gradients[which]
    assert gradient is not None
    size, value = _size(x), abs(complex(subject.total(list(subject.arrays))))

    def line_to(place: Shape) -> Line:
        direction = np.zeros(x.shape)
        direction[place] = 1.0
        return subject.line(which, direction)

    for place in places:
        line = line_to(place)
        result.expected[place] = complex_slope(line) if analytic else difference(line, size)
    known = np.abs(result.expected[np.isfinite(result.expected)])
    everywhere = [
        float(np.abs(g).max(initial=0.0)) for g in subject.gradients if g is not None and np.isfinite(g).all()
    ]
    scale = max(float(known.max(initial=0.0)), 1e-6 * max(everywhere, default=0.0))
    slack = (1e-12 if analytic else 1e-11) * scale + (1e-15 if analytic else 1e-12) * value
    entries, looks = [], 0
    for place in places:
        entry = Entry(result.name, place, float(gradient[place]), float(result.expected[place]))
        right = abs(entry.found - entry.expected) <= tolerance * abs(entry.expected) + slack
        suspicious = not right or (probe and bends(line_to(place), size, max(scale, 1e-12)))
        if suspicious and looks < CAREFUL_LOOKS:
            looks += 1
            slope = careful_slope(line_to(place), size, max(scale, 1e-12))
            if not analytic or slope.kink is not None:
                off = abs(entry.found - slope.value)
                right = off <= tolerance * abs(slope.value) + slack + min(
                    4 * slope.uncertainty, 1e-5 * max(scale, value)
                )
                entry = replace(entry, expected=slope.value, kink=slope.kink)
            if slope.kink is not None:
                low, high = sorted(slope.kink)
                room = 1e-5 * max(abs(low), abs(high))
                right = low - room <= entry.found <= high + room
                if right:
                    result.kinks.append(entry)
            result.expected[place] = entry.expected
        if entry.kink is None or not right:
            entries.append(entry)
        if not right:
            result.wrong.append(entry)
    result.wrong.sort(key=lambda e: -abs(e.found - e.expected) if np.isfinite(e.found) else -np.inf)
    noticeable = [e for e in entries if max(abs(e.found), abs(e.expected)) > 1e3 * slack]
    result.worst = result.wrong[0] if result.wrong else max(noticeable, key=lambda e: e.error, default=None)


def _suspects(
    subject: _Subject, which: int, gradient: Array, analytic: bool, random: np.random.RandomState
) -> list[Shape]:
    """The entries to look at after random directions: in each that disagrees, the half that disagrees more, again and again."""
    x, size = subject.arrays[which], _size(subject.arrays[which])
    value = abs(complex(subject.total(list(subject.arrays))))

    def disagreement(direction: Array) -> float:
        line = subject.line(which, direction)
        expected = complex_slope(line) if analytic else difference(line, size / 4)
        terms = np.abs(gradient * direction)
        slack = (1e-13 if analytic else 1e-10) * float(terms.sum()) + (1e-15 if analytic else 1e-11) * value
        found = float((gradient * direction).sum())
        return abs(found - expected) - slack if np.isfinite(found) else np.inf

    places: dict[Shape, None] = {}
    for _ in range(DIRECTIONS):
        direction = random.choice([-1.0, 1.0], x.shape) * random.uniform(0.5, 1.5, x.shape)
        if disagreement(direction) <= 0:
            continue
        inside = np.arange(x.size)
        while inside.size > 1:
            halves = np.array_split(inside, 2)
            parts = []
            for half in halves:
                only = np.zeros(x.size)
                only[half] = direction.reshape(-1)[half]
                parts.append(disagreement(only.reshape(x.shape)))
            inside = halves[int(np.argmax(parts))]
        places[tuple(int(i) for i in np.unravel_index(inside[0], x.shape))] = None
    return list(places)
