"""The ladder: the same model in tinynn and in Keras, rung by rung, each rung standing on the ones below it.

    start            layers, parameters, and after copying the same bits
    forward          each layer fed the same inputs, for prediction and for training; then the whole model
    loss             from the model's own outputs, and from the same numbers as a plain array
    gradient         of each layer for the same upstream gradient; then of the loss by every parameter and by the inputs
    optimizer        two steps from the same gradients, weights and slots
    steps            some steps of training on the same batches, through the engine that `fit` uses
    evaluate         evaluate and predict, with a short last batch
    fit              nothing copied: initial weights, order of batches, masks, losses and printed words from the seed

The first rung that disagrees ends the climb: what stands above it cannot agree.

What is allowed. In float64 a difference of 1e-9 of an array's largest entry (`compare.FLOAT64_ALLOWED`): rounding stays orders
below, another formula ends orders above. In float32, and in float64 where that is not enough, Keras is held against itself:
whatever goes into the rung is moved by up to 8 ulp, three times, and Keras computes it again;

    |tinynn - Keras|  <=  8 max |Keras moved - Keras|  +  8 ulp of the array's largest entry

An algorithm that rounds well gives the exact result of inputs moved by some ulp, so this is what two right programs may be
apart, for any layer, loss or optimizer, near kinks and under cancellation too. fit: 1e-5, or the rule above.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from parity.compare import (
    FLOAT64_ALLOWED,
    MULTIPLE,
    SEED_ALLOWED,
    first_different_line,
    without_durations,
    without_numbers,
)
from parity.libraries import KerasLibrary, moved, moved_state, short_name
from parity.modes import FAIL, MOVED_BY, NOT_RUN, PASS
from parity.traps import likeliest
from parity.twinning import build
from tinynn._typing import Array
from tinynn.engine.tape import GradientTape
from tinynn.interop.blueprint import Blueprint
from tinynn.interop.libraries import TINYNN, array_of, layers_within, use_dtype
from tinynn.interop.state import State, put_state, state_of

DTYPES = ("float64", "float32")
MOVES = 3
REPORTED = "REPORTED"
"""The verdict of a rung that gates nothing: TF32 on."""


class Data(NamedTuple):
    """Inputs (n, ...), targets (n, ...) or None, sample weights (n,) or None."""

    x: Array
    y: Array | None
    weights: Array | None

    def cast(self, dtype: str) -> Data:
        """Floats in another precision, class numbers as they are."""

        def cast(a: Array) -> Array:
            return a.astype(dtype) if a.dtype.kind == "f" else a

        y, weights = (None if a is None else cast(a) for a in (self.y, self.weights))
        return Data(cast(self.x), y, weights)

    def batch(self, i: int, size: int) -> Data:
        """The i-th batch; round and round."""
        n = -(-len(self.x) // size)
        part = slice(i % n * size, (i % n + 1) * size)
        y, weights = (None if a is None else a[part] for a in (self.y, self.weights))
        return Data(self.x[part], y, weights)


@dataclass(frozen=True)
class Plan:
    """What is climbed with: the model's blueprint, the data and how much of everything."""

    blueprint: Blueprint
    keras: KerasLibrary
    data: Data
    custom_objects: Mapping[str, Any]
    batch_size: int
    steps: int
    epochs: int
    seed: int


@dataclass(frozen=True)
class Found:
    """One array compared: `apart` and `allowed` in its own units, `scale` its largest entry; the worst entry's two numbers."""

    layer: str
    name: str
    apart: float
    allowed: float
    scale: float = 1.0
    index: tuple[int, ...] = ()
    ours: float | None = None
    theirs: float | None = None
    beyond: int = 0
    size: int = 1
    clue: str = ""

    @property
    def ok(self) -> bool:
        """Whether it holds; not if NaN stands against a number."""
        return self.apart <= self.allowed

    @property
    def strain(self) -> float:
        """How much of what is allowed was needed; infinite for a difference where none is allowed."""
        if self.apart == 0:
            return 0.0
        return self.apart / self.allowed if self.allowed > 0 and np.isfinite(self.apart) else float("inf")

    def relative(self, value: float) -> float:
        """Over the array's largest entry."""
        return value / self.scale if self.scale > 0 else value

    @property
    def place(self) -> str:
        """'dense_1/kernel[3, 17]'."""
        return self.name + (f"[{', '.join(map(str, self.index))}]" if self.index else "")


@dataclass
class Rung:
    """A rung and what was found on it, by float type."""

    name: str
    title: str
    verdict: str = NOT_RUN
    found: dict[str, list[Found]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    broken: str = ""
    seconds: float = 0.0

    def worst(self, dtype: str) -> Found | None:
        """What came nearest to its bound, or went farthest beyond."""
        found = self.found.get(dtype)
        return max(found, key=lambda one: (not one.ok, one.strain, one.relative(one.apart))) if found else None

    @property
    def first_wrong(self) -> tuple[str, Found] | None:
        """The first array that is beyond its bound, in the order of the rung's computation; float64 before float32."""
        for dtype, found in self.found.items():
            for one in found:
                if not one.ok:
                    return dtype, one
        return None


@dataclass(frozen=True)
class Explanation:
    """Where the engines part, in numbers, and what it most likely is."""

    rung: str
    dtype: str
    layer: str
    entry: str
    ours: float | None
    theirs: float | None
    apart: float
    allowed: float
    extent: str
    trap: str
    error: str = ""


Arrays = dict[tuple[str, str], Array]
"""What a rung computes: {(layer, name): array}, in the order of the computation."""


# The climb -------------------------------------------------------------------------------------------------------------


def climb(plan: Plan, say: Callable[[str], None], reported: bool = False) -> list[Rung]:
    """All rungs; those above the first that disagrees are NOT RUN.

    Args:
        reported: gate nothing and leave out `fit`: what TF32 does is told, not judged. float32 alone.
    """
    rungs = []
    pairs: dict[str, Pair] = {}
    held = True
    for name, (function, title) in RUNGS.items():
        if reported and name not in ("forward", "loss", "gradient", "optimizer", "steps"):
            continue
        rung = Rung(name, title(plan))
        rungs.append(rung)
        if not held:
            continue
        say(rung.title)
        begin = time.perf_counter()
        for dtype in ("float32",) if reported or name == "fit" else DTYPES:
            try:
                if dtype not in pairs and name != "fit":
                    pairs[dtype] = Pair(plan, dtype)
                function(rung, plan, dtype, pairs)
            except Exception as error:
                rung.found.setdefault(dtype, [])
                rung.broken = f"in {dtype}: {type(error).__name__}: {str(error).strip().splitlines()[0]}"
                break
        rung.seconds = time.perf_counter() - begin
        held = rung.first_wrong is None and not rung.broken
        rung.verdict = REPORTED if reported and not rung.broken else PASS if held else FAIL
        held = held or reported
    return rungs


def explain(rungs: list[Rung], plan: Plan) -> Explanation | None:
    """The first rung that disagrees, in words and numbers; None if none does."""
    rung = next((rung for rung in rungs if rung.verdict == FAIL), None)
    if rung is None:
        return None
    if rung.first_wrong is None:
        return Explanation(rung.name, "", "", "", None, None, float("inf"), 0.0, "", "", error=rung.broken)
    dtype, one = rung.first_wrong
    extent = f"{one.beyond} of {one.size} entries beyond" if one.size > 1 else ""
    extent = "; ".join(part for part in (extent, one.clue) if part)
    only_float32 = dtype == "float32" and rung.name != "fit"
    layer = next((layer for layer in layers_within(plan.blueprint.model) if layer.name == one.layer), None)
    trap = likeliest(rung.name, layer, one.name, plan.blueprint.compiled or {}, only_float32)
    return Explanation(
        rung.name, dtype, one.layer, one.place, one.ours, one.theirs, one.apart, one.allowed, extent, trap
    )


class Pair:
    """The model in both libraries and one float type, and Keras's moved selves."""

    def __init__(self, plan: Plan, dtype: str, with_state: bool = True) -> None:
        self.dtype = dtype
        self.data = plan.data.cast(dtype)
        shape = (None, *plan.data.x.shape[1:])
        self.models = {}
        for library in (plan.keras, TINYNN):
            use_dtype(library, dtype)
            library.module.utils.set_random_seed(plan.seed)
            self.models[library.name] = build(
                plan.blueprint, library, dtype, plan.custom_objects, with_state and plan.blueprint.model.built, shape
            )
        self.keras, self.ours = self.models["Keras"], self.models["tinynn"]
        self.keras_library = plan.keras
        self.tensorflow: Any = plan.keras.side and plan.keras.side.tensorflow
        if not with_state:
            self.states = {name: state_of(model) for name, model in self.models.items()}
            return
        with plan.keras.scope():
            for model in (self.keras, self.ours):
                if not model.built:  # a class of the user's own builds when it sees data
                    model(self.data.x[:1])
            if not plan.blueprint.model.built and plan.blueprint.home is not TINYNN:
                put_state(self.ours, state_of(self.keras))
            elif not plan.blueprint.model.built:
                put_state(self.keras, state_of(self.ours))
            for model in (self.keras, self.ours):
                if getattr(model, "optimizer", None) is not None and not model.optimizer.built:
                    model.optimizer.build(model.trainable_variables)
        self.start = state_of(self.keras)

    @contextlib.contextmanager
    def at(self, model: Any, state: State) -> Iterator[None]:
        """This float type, this state, Keras on its device; silence."""
        ours = model is self.ours
        library = TINYNN if ours else self.keras_library
        use_dtype(library, self.dtype)
        with library.scope(), contextlib.redirect_stdout(io.StringIO()):
            put_state(model, state)
            yield

    def compare(self, rung: Rung, run: Callable[[Any, State, int | None], Arrays]) -> None:
        """Run both and note what was found. `run(model, state, move)` gives the arrays; move None is the thing itself."""
        theirs = run(self.keras, self.start, None)
        ours = run(self.ours, self.start, None)
        if self.dtype == "float64":
            found = compared(ours, theirs, {name: FLOAT64_ALLOWED * largest(array) for name, array in theirs.items()})
            if all(one.ok for one in found):
                rung.found[self.dtype] = found
                return
        reach = dict.fromkeys(theirs, 0.0)
        for i in range(MOVES):
            generator = np.random.default_rng(i)
            again = run(self.keras, moved_state(self.start, generator, MOVED_BY, self.dtype), i)
            for name, array in theirs.items():
                if again[name].shape == array.shape:
                    reach[name] = max(reach[name], finite(distance(again[name], array)))
        least = FLOAT64_ALLOWED if self.dtype == "float64" else 8 * float(np.finfo(self.dtype).eps)
        allowed = {name: MULTIPLE * reach[name] + least * largest(array) for name, array in theirs.items()}
        rung.found[self.dtype] = compared(ours, theirs, allowed)


# Comparing arrays ------------------------------------------------------------------------------------------------------


def compared(ours: Arrays, theirs: Arrays, allowed: Mapping[tuple[str, str], float]) -> list[Found]:
    """Array by array, in their order."""
    return [one_compared(key, ours.get(key), theirs.get(key), allowed.get(key, 0.0)) for key in {**theirs, **ours}]


def one_compared(key: tuple[str, str], ours: Array | None, theirs: Array | None, allowed: float) -> Found:
    """The worst entry of two arrays of a name."""
    layer, name = key
    if ours is None or theirs is None:
        there = "tinynn" if theirs is None else "Keras"
        return Found(layer, name, float("inf"), allowed, clue=f"only {there} has it")
    if ours.shape != theirs.shape:
        return Found(layer, name, float("inf"), allowed, clue=f"shape {ours.shape} in tinynn, {theirs.shape} in Keras")
    differences = apart(ours, theirs)
    if not differences.size:
        return Found(layer, name, 0.0, allowed)
    place = np.unravel_index(int(np.argmax(differences)), differences.shape)
    worst = float(differences[place])
    return Found(
        layer,
        name,
        worst,
        allowed,
        largest(theirs),
        tuple(int(i) for i in place),
        float(ours[place]),
        float(theirs[place]),
        int((~(differences <= allowed)).sum()),
        differences.size,
        "" if worst <= allowed else clue(ours, theirs),
    )


def apart(ours: Array, theirs: Array) -> Array:
    """|ours - theirs|; 0 where both are the same infinity or both NaN, infinite where one alone is."""
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore", over="ignore"):
        differences = np.where(same, 0.0, np.abs(a - b))
    return np.where(np.isnan(differences), np.inf, differences)


def distance(ours: Array, theirs: Array) -> float:
    """The largest of `apart`."""
    return float(apart(ours, theirs).max(initial=0.0))


def largest(array: Array) -> float:
    """The largest finite |entry|; 0 if there is none."""
    sizes = np.abs(np.asarray(array, np.float64))
    return float(sizes[np.isfinite(sizes)].max(initial=0.0))


def finite(value: float) -> float:
    """An infinite reach would allow everything: none instead."""
    return value if np.isfinite(value) else 0.0


def clue(ours: Array, theirs: Array) -> str:
    """What two arrays that differ have to do with each other, where it is simple."""
    a, b = np.asarray(ours, np.float64).ravel(), np.asarray(theirs, np.float64).ravel()
    seen = np.isfinite(a) & np.isfinite(b)
    a, b = a[seen], b[seen]
    if not a.size:
        return ""
    tiny = 1e-5 * max(np.abs(b).max(), np.abs(a).max())
    if np.abs(a).max() == 0 and np.abs(b).max() > 0:
        return "tinynn has zeros where Keras has none"
    if np.abs(b).max() == 0:
        return "Keras has zeros where tinynn has none"
    if (
        a.size > 1
        and not np.allclose(a, b, atol=tiny, rtol=0)
        and np.allclose(np.sort(a), np.sort(b), atol=tiny, rtol=0)
    ):
        return "the same numbers in another order"
    large = np.abs(b) > 1e-3 * np.abs(b).max()
    ratios = a[large] / b[large]
    middle = float(np.median(ratios))
    spread = float(np.ptp(ratios))
    if abs(middle - 1) > 1e-9 and spread <= 1e-2 * abs(middle - 1):
        every = "every entry" if a.size > 1 else "it"
        return f"{every} is {middle:.6g} times Keras's"
    offsets = a - b
    if a.size > 1 and abs(np.median(offsets)) > 0 and np.ptp(offsets) <= 1e-2 * abs(np.median(offsets)):
        return f"every entry is {float(np.median(offsets)):.3g} more than Keras's"
    return ""


# The rungs -------------------------------------------------------------------------------------------------------------


def start(rung: Rung, plan: Plan, dtype: str, pairs: dict[str, Pair]) -> None:
    """The same layers, variables and bits."""
    pair = pairs[dtype]
    both = {"tinynn": pair.ours, "Keras": pair.keras}
    counts = {name: int(model.count_params()) for name, model in both.items()}
    found = [one_compared(("", "parameters"), np.array(counts["tinynn"]), np.array(counts["Keras"]), 0.0)]
    states = {name: state_of(model) for name, model in both.items()}
    names = [short_name(variable) for variable in pair.keras.weights]
    for i, name in enumerate(names):
        ours, theirs = states["tinynn"].weights[i], states["Keras"].weights[i]
        one = one_compared((name.split("/")[0], name), ours, theirs, 0.0)
        if ours.dtype != theirs.dtype:
            one = Found(one.layer, name, float("inf"), 0.0, clue=f"{ours.dtype} in tinynn, {theirs.dtype} in Keras")
        found.append(one)
    for i, (ours, theirs) in enumerate(zip(states["tinynn"].streams, states["Keras"].streams, strict=True)):
        found.append(one_compared(("", f"random stream {i}"), ours, theirs, 0.0))
    rung.found[dtype] = found


def forward(rung: Rung, plan: Plan, dtype: str, pairs: dict[str, Pair]) -> None:
    """Layer by layer from the same inputs, then the whole."""
    pair = pairs[dtype]
    x = pair.data.batch(0, plan.batch_size).x
    inputs = _inputs_of_layers(pair, x)

    def run(model: Any, state: State, move: int | None) -> Arrays:
        result: Arrays = {}
        for training in (False, True):
            told = " in training" if training else ""
            with pair.at(model, state):
                for place, layer in enumerate(_chain_of(model)):
                    fed = _moved_one(inputs[training][place], move, dtype)
                    result[layer.name, f"{layer.name} output{told}"] = array_of(_call(layer, fed, training))
            with pair.at(model, state):
                out = array_of(_call(model, _moved_one(x, move, dtype), training))
                result["", f"the model's output{told}"] = out
        return result

    pair.compare(rung, run)


def loss(rung: Rung, plan: Plan, dtype: str, pairs: dict[str, Pair]) -> None:
    """Of the first batch: the whole, and from plain outputs."""
    pair = pairs[dtype]
    batch = pair.data.batch(0, plan.batch_size)
    with pair.at(pair.keras, pair.start):
        plain = array_of(_call(pair.keras, batch.x, True))

    def run(model: Any, state: State, move: int | None) -> Arrays:
        result: Arrays = {}
        fed = Data(_moved_one(batch.x, move, dtype), batch.y, batch.weights)
        with pair.at(model, state):
            out = _call(model, _tensor(pair, model, fed.x), True)
            result["", "loss"] = array_of(_loss(model, fed, out))
        with pair.at(model, state):
            if model.loss is not None:
                given = _tensor(pair, model, _moved_one(plain, move, dtype))
                result["", "loss of the outputs as a plain array"] = array_of(
                    _compiled_loss(model)(batch.y, given, sample_weight=batch.weights)
                )
        return result

    pair.compare(rung, run)


def gradient(rung: Rung, plan: Plan, dtype: str, pairs: dict[str, Pair]) -> None:
    """Each layer by itself, from the last to the first; then the loss by everything."""
    pair = pairs[dtype]
    batch = pair.data.batch(0, plan.batch_size)
    inputs = _inputs_of_layers(pair, batch.x)[True]
    with pair.at(pair.keras, pair.start):
        shapes = [array_of(_call(layer, fed, True)).shape for layer, fed in zip(_chain_of(pair.keras), inputs)]
    generator = np.random.default_rng(plan.seed)
    upstream = [generator.normal(size=shape).astype(dtype) for shape in shapes]

    def run(model: Any, state: State, move: int | None) -> Arrays:
        result: Arrays = {}
        with pair.at(model, state):
            chain = _chain_of(model)
            for place in range(len(chain) - 1, -1, -1):
                layer = chain[place]
                fed, pushed = (_moved_one(array, move, dtype) for array in (inputs[place], upstream[place]))
                result |= _layer_gradient(pair, layer, fed, pushed)
        with pair.at(model, state):
            fed_batch = Data(_moved_one(batch.x, move, dtype), batch.y, batch.weights)
            result |= _whole_gradient(pair, model, fed_batch)
        return result

    pair.compare(rung, run)


def optimizer(rung: Rung, plan: Plan, dtype: str, pairs: dict[str, Pair]) -> None:
    """Two steps from Keras's gradients: each slot, then each weight."""
    pair = pairs[dtype]
    gradients = []
    for i in range(2):
        with pair.at(pair.keras, pair.start):
            found = _whole_gradient(pair, pair.keras, pair.data.batch(i, plan.batch_size), parameters_alone=True)
            gradients.append(list(found.values()))

    def run(model: Any, state: State, move: int | None) -> Arrays:
        result: Arrays = {}
        with pair.at(model, state):
            for i, arrays in enumerate(gradients):
                if move is not None:
                    arrays = moved(arrays, np.random.default_rng(move), MOVED_BY, dtype)
                variables = list(model.trainable_variables)
                pairs_of = [(g, v) for g, v in zip(arrays, variables, strict=True) if g is not None]
                model.optimizer.apply([_tensor(pair, model, g) for g, _ in pairs_of], [v for _, v in pairs_of])
                result |= _optimizer_and_weights(pair, model, f" after step {i + 1}")
        return result

    pair.compare(rung, run)


def steps(rung: Rung, plan: Plan, dtype: str, pairs: dict[str, Pair]) -> None:
    """train_on_batch: the loss, and after each step everything that changed."""
    pair = pairs[dtype]

    def run(model: Any, state: State, move: int | None) -> Arrays:
        result: Arrays = {}
        with pair.at(model, state):
            for i in range(plan.steps):
                batch = pair.data.batch(i, plan.batch_size)
                model.reset_metrics()
                logs = model.train_on_batch(batch.x, batch.y, sample_weight=batch.weights, return_dict=True)
                result["", f"loss of step {i + 1}"] = array_of(logs["loss"])
                result |= _optimizer_and_weights(pair, model, f" after step {i + 1}")
        return result

    pair.compare(rung, run)
    if dtype == "float32":
        rung.notes.append(f"tinynn's steps: {pair.ours.engine}")


def evaluate(rung: Rung, plan: Plan, dtype: str, pairs: dict[str, Pair]) -> None:
    """predict and evaluate over all rows."""
    pair = pairs[dtype]
    data = pair.data

    def run(model: Any, state: State, move: int | None) -> Arrays:
        result: Arrays = {}
        with pair.at(model, state):
            x = _moved_one(data.x, move, dtype)
            result["", "predict"] = array_of(model.predict(x, batch_size=plan.batch_size, verbose=0))
            if data.y is not None or model.loss is None:
                logs = model.evaluate(
                    x, data.y, batch_size=plan.batch_size, sample_weight=data.weights, verbose=0, return_dict=True
                )
                for name, value in sorted(logs.items(), key=lambda pair: (pair[0] != "loss", pair[0])):
                    result["", f"evaluate: {name}"] = array_of(value)
        return result

    pair.compare(rung, run)
    rung.found[dtype] = [_with_one_decision(one, len(data.x)) for one in rung.found[dtype]]


def fit(rung: Rung, plan: Plan, dtype: str, pairs: dict[str, Pair]) -> None:
    """From the seed alone. It is made anew, so that the user's trained weights play no part."""
    pair = Pair(plan, dtype, with_state=False)
    initial = pair.states
    found = []
    for i, variable in enumerate(pair.keras.weights):
        name = short_name(variable)
        ours, theirs = initial["tinynn"].weights[i], initial["Keras"].weights[i]
        found.append(one_compared((name.split("/")[0], f"initial {name}"), ours, theirs, 0.0))
    for i, (ours, theirs) in enumerate(zip(initial["tinynn"].streams, initial["Keras"].streams, strict=True)):
        found.append(one_compared(("", f"initial random stream {i}"), ours, theirs, 0.0))
    rung.found[dtype] = found
    if not all(one.ok for one in found):
        return
    printed: dict[str, str] = {}

    def run(model: Any, state: State, move: int | None) -> Arrays:
        library = TINYNN if model is pair.ours else plan.keras
        use_dtype(library, dtype)
        text = io.StringIO()
        with library.scope():
            library.module.utils.set_random_seed(plan.seed)
            put_state(model, state)
            with contextlib.redirect_stdout(text):
                history = model.fit(
                    pair.data.x,
                    pair.data.y,
                    sample_weight=pair.data.weights,
                    batch_size=plan.batch_size,
                    epochs=plan.epochs,
                    verbose=2,
                )
        if move is None:
            printed[library.name] = without_durations(text.getvalue())
        result: Arrays = {}
        for name, values in sorted(history.history.items(), key=lambda pair: (pair[0] != "loss", pair[0])):
            result["", f"{name} of the epochs"] = np.array(values, np.float64)
        for variable, value in zip(pair.keras.weights, state_of(model).weights, strict=True):
            result[short_name(variable).split("/")[0], f"{short_name(variable)} at the end"] = value
        return result

    at_keras, at_ours = run(pair.keras, initial["Keras"], None), run(pair.ours, initial["tinynn"], None)
    n = len(pair.data.x)
    at_the_end = [
        _with_one_decision(one, n) for one in compared(at_ours, at_keras, dict.fromkeys(at_keras, SEED_ALLOWED))
    ]
    if not all(one.ok for one in at_the_end):
        reach = dict.fromkeys(at_keras, 0.0)
        for i in range(MOVES):
            use_dtype(plan.keras, dtype)
            fresh = build(plan.blueprint, plan.keras, dtype, plan.custom_objects, False, (None, *pair.data.x.shape[1:]))
            again = run(fresh, moved_state(initial["Keras"], np.random.default_rng(i), MOVED_BY, dtype), i)
            for key, array in at_keras.items():
                reach[key] = max(reach[key], finite(distance(again[key], array)))
        allowed = {key: max(SEED_ALLOWED, MULTIPLE * reach[key]) for key in at_keras}
        at_the_end = [_with_one_decision(one, n) for one in compared(at_ours, at_keras, allowed)]
        if all(one.ok for one in at_the_end):
            rung.notes.append(
                f"fit ends more than {SEED_ALLOWED:.0e} apart, and so does Keras from itself when its start is moved "
                f"by {MOVED_BY} ulp"
            )
    rung.found[dtype] = found + at_the_end
    different = first_different_line(without_numbers(printed["tinynn"]), without_numbers(printed["Keras"]))
    if different and all(one.ok for one in at_the_end):
        rung.broken = f"printed {different}"


RUNGS: dict[str, tuple[Callable[[Rung, Plan, str, dict[str, Pair]], None], Callable[[Plan], str]]] = {
    "start": (start, lambda plan: "the same start"),
    "forward": (forward, lambda plan: "forward, layer by layer"),
    "loss": (loss, lambda plan: "loss"),
    "gradient": (gradient, lambda plan: "gradient, layer by layer"),
    "optimizer": (optimizer, lambda plan: "optimizer, with slots"),
    "steps": (steps, lambda plan: f"training, {plan.steps} step{'s' if plan.steps != 1 else ''}"),
    "evaluate": (evaluate, lambda plan: "evaluate and predict"),
    "fit": (fit, lambda plan: f"fit from seed {plan.seed}"),
}


# One library's way to do it ----------------------------------------------------------------------------------------------


def _chain_of(model: Any) -> list[Any]:
    """The layers that feed one another; none of a model of the user's own class, which is looked at as a whole."""
    return list(model.layers) if type(model).__name__ == "Sequential" else []


def _inputs_of_layers(pair: Pair, x: Array) -> dict[bool, list[Array]]:
    """What each layer is fed by Keras, when it predicts (False) and when it trains (True)."""
    found: dict[bool, list[Array]] = {}
    for training in (False, True):
        with pair.at(pair.keras, pair.start):
            fed, found[training] = _as_first_layer_sees(pair, x), []
            for layer in _chain_of(pair.keras):
                found[training].append(fed)
                fed = array_of(_call(layer, fed, training))
    return found


def _as_first_layer_sees(pair: Pair, x: Array) -> Array:
    """Cast to the Input's dtype, with the axis of length 1 that a Sequential adds or drops; x itself where it is not known."""
    try:
        shape, dtype = tuple(pair.keras.input_shape), pair.keras.inputs[0].dtype
    except (AttributeError, ValueError, TypeError):
        return x
    if x.ndim == len(shape) - 1 and shape[-1] == 1:
        x = x[..., None]
    elif x.ndim == len(shape) + 1 and x.shape[-1] == 1:
        x = x[..., 0]
    return x.astype(dtype)


def _call(layer: Any, x: Any, training: bool) -> Any:
    """The output; `training` is told to layers that listen, and to models."""
    listens = hasattr(layer, "layers") or getattr(
        layer, "_call_has_training_arg", getattr(layer, "hears_training", False)
    )
    return layer(x, training=training) if listens else layer(x)


def _tensor(pair: Pair, model: Any, x: Array) -> Any:
    """An array as the library has them."""
    return x if model is pair.ours else pair.tensorflow.constant(x)


def _loss(model: Any, batch: Data, outputs: Any) -> Any:
    return model.compute_loss(x=batch.x, y=batch.y, y_pred=outputs, sample_weight=batch.weights)


def _compiled_loss(model: Any) -> Any:
    """The loss of `compile` alone, without what layers add."""
    return model._compile_loss


def _layer_gradient(pair: Pair, layer: Any, x: Array, upstream: Array) -> Arrays:
    """d(upstream . layer(x)) by the inputs and by each variable of the layer."""
    variables = list(layer.trainable_variables)
    names = [(layer.name, f"gradient of {short_name(variable)}") for variable in variables]
    if isinstance(layer, pair.keras_library.module.layers.Layer):
        tf = pair.tensorflow
        with tf.GradientTape() as tape:
            source = tf.constant(x)
            if x.dtype.kind == "f":
                tape.watch(source)
            out = _call(layer, source, True)
        sources = [variable.value for variable in variables]
        found = tape.gradient(out, [*sources, source], output_gradients=tf.cast(upstream, out.dtype))
    else:
        with GradientTape() as ours:
            source = ours.watch(np.array(x)) if x.dtype.kind == "f" else x
            out = _call(layer, source, True)
        if not ours.knows(out):  # nothing to differentiate: whole numbers, and no variables
            return {}
        found = ours.gradient(out, [*variables, source], output_gradients=upstream)
    keys = [*names, (layer.name, f"gradient of the inputs of {layer.name}")]
    return {key: array_of(value) for key, value in zip(keys, found, strict=True) if value is not None}


def _whole_gradient(pair: Pair, model: Any, batch: Data, parameters_alone: bool = False) -> Arrays:
    """dL/d(each trainable parameter), from the last layer to the first, and by the inputs."""
    variables = list(model.trainable_variables)
    is_float = batch.x.dtype.kind == "f" and not parameters_alone
    if model is pair.keras:
        tf = pair.tensorflow
        with tf.GradientTape() as tape:
            source = tf.constant(batch.x)
            if is_float:
                tape.watch(source)
            value = _loss(model, batch, _call(model, source, True))
        found = tape.gradient(value, [*(variable.value for variable in variables), source])
    else:
        with GradientTape() as ours:
            source = ours.watch(np.array(batch.x)) if is_float else batch.x
            value = _loss(model, batch, _call(model, source, True))
        found = ours.gradient(value, [*variables, source])
    by_parameter = [
        ((short_name(variable).split("/")[0], f"gradient of the loss by {short_name(variable)}"), d)
        for variable, d in zip(variables, found[:-1], strict=True)
    ]
    if parameters_alone:
        return {key: np.zeros(variable.shape, batch.x.dtype) if d is None else array_of(d)
                for (key, d), variable in zip(by_parameter, variables, strict=True)}  # fmt: skip
    by_parameter = [*reversed(by_parameter), (("", "gradient of the loss by the inputs"), found[-1])]
    return {key: array_of(d) for key, d in by_parameter if d is not None}


def _optimizer_and_weights(pair: Pair, model: Any, when: str) -> Arrays:
    """Everything that a step changes: slots first, because weights follow from them. Named as Keras names it."""
    result: Arrays = {}
    names = {variable.path.replace("/", "_"): short_name(variable).split("/")[0] for variable in pair.keras.weights}
    for variable, named in zip(model.optimizer.variables, pair.keras.optimizer.variables, strict=True):
        slot = str(named.path).split("/")[-1]
        layer = next((owner for path, owner in names.items() if slot.startswith(path)), "")
        slot = slot.removeprefix(f"{pair.keras.name}_")
        result[layer, f"optimizer's {slot}{when}"] = array_of(variable)
    for variable, named in zip(model.weights, pair.keras.weights, strict=True):
        result[short_name(named).split("/")[0], f"{short_name(named)}{when}"] = array_of(variable)
    return result


def _moved_one(array: Array, move: int | None, dtype: str) -> Array:
    return array if move is None else moved([array], np.random.default_rng(1000 + move), MOVED_BY, dtype)[0]


def _with_one_decision(one: Found, n: int) -> Found:
    """A metric that counts may differ by one sample, which falls either way at equal probabilities."""
    return replace(one, allowed=one.allowed + 1.001 / n) if "accuracy" in one.name else one
