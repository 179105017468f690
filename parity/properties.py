"""What must be true of every example: properties that raise `Disagreement`, the strongest first.

How far apart two right programs may be is measured, never guessed (`compare.py` has the same rule for whole runs):

float64   1e-9 of the array's largest entry: rounding alone stays orders below, another formula ends orders above.

float32   A float64 shadow starts from the same numbers. The engine farther from it may be 8 times as far as the nearer one,
          and 8 ulp of the largest entry for each step so far, which add roundings of their own.

moved     Where that fails, rounding may have been amplified: by a kink (the input of a relu that is zero to the last digit
starts    switches in one engine only), by a sign or a quotient of gradients that are nothing but rounding. tinynn runs again
          from weights, slots, inputs and real targets moved by up to 8 ulp, its gradients by 8 ulp of the step's largest, which
          is what they may differ by; 8 times as far as that takes this very quantity is allowed besides. Zeros stay zeros, so
          what lies on a kink exactly (relu'(0)) lies there in every run and is compared.

cancel    A gradient may be nothing but the rounding of terms that cancel, exactly zero in one engine. It is as large as the
          rounding of those terms, and they are as large as the gradient is where they do not cancel: for other targets, or
          from weights so small that nothing saturates (1 - tanh^2 cancels too). 8 ulp of that are allowed. What an
          optimizer that normalizes makes of such noise says nothing: the run is compared up to there, and so it is where two
          gradients differ by more than half their size and yet by no more than rounding may do.

          A loss like max(0, 1 - y_true y_pred) or 1 - a / b is allowed 8 ulp of what it is for other targets.

by        Normalizations, squashing functions and the cosine subtract terms that cancel by their form: moved runs have the
form      few ulp of these terms added (`probes.py`).

no loss   Where the loss is NaN in both engines the run is compared up to there: a gradient of NaN may be NaN or, where a mask
          selects, zero.

exact     Names, shapes, kinds of numbers, texts, counts, and where NaN and infinities are.

Keras's runs are kept by example, so that the properties of one example share them, and so do searches with other engines.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity import probes
from parity.compare import FLOAT64_ALLOWED, MULTIPLE, first_different_line
from parity.engines import TINYNN, Engine, fresh_session
from parity.example import Array, Example

FEW = 8
"""Ulp of the largest entry, as in `compare.FEW_ULP`; moved starts are moved by as many."""

MOVED_STARTS = 5
MORE_MOVED_STARTS = 40
"""For what five did not explain: how far rounding can take a quantity is the largest of a sample, which grows with it."""

Run = dict[str, Any]
"""Everything seen of a run, by what it is: arrays, texts, or None for a gradient that is not there."""


class Disagreement(AssertionError):
    """Two engines differ by more than rounding.

    Args:
        property: its name.
        what: the quantity, "step 1: gradient of dense/kernel".
        found: by how much, or in which way.
        allowed: how much rounding may do.
        example: on which it was seen; `script()` reproduces it.
    """

    def __init__(self, property: str, what: str, found: Any, allowed: Any, example: Example) -> None:
        self.property, self.what, self.found, self.allowed, self.example = property, what, found, allowed, example
        by = f"by {found:.3g}, allowed {allowed:.3g}" if isinstance(found, float) else f"{found}; expected {allowed}"
        super().__init__(f"{property}: {what} differs {by}\n{example!r}")

    @property
    def script(self) -> str:
        """A program that shows it."""
        return self.example.script()


class NotComparable(Exception):
    """This example says nothing: Keras refuses it, or the property does not hold for such models."""


# The two sides -----------------------------------------------------------------------------------------------------------


@functools.cache
def keras_engine() -> Engine:
    """Keras on the CPU, eager: nothing is traced."""
    from parity.keras_side import load

    return load("cpu").engine


_kept: OrderedDict[tuple[str, str, str], Any] = OrderedDict()
KEEP = 512


def of_keras(kind: str, example: Example, dtype: str) -> Run:
    """Keras's run, made once.

    Raises:
        NotComparable: Keras raises an error on this example.
    """
    key = (kind, dtype, example.to_json())
    if key not in _kept:
        try:
            _kept[key] = _KINDS[kind](keras_engine(), example, dtype)
        except Exception as error:  # whatever Keras does not want is not to be compared
            _kept[key] = error
        while len(_kept) > KEEP:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    if isinstance(_kept[key], Exception):
        raise NotComparable(f"Keras: {type(_kept[key]).__name__}: {_kept[key]}") from _kept[key]
    run: Run = _kept[key]
    return run


def of_tinynn(kind: str, example: Example, dtype: str, **settings: Any) -> Run:
    """tinynn's run on its reference engine.

    Raises:
        Disagreement: it raises an error where Keras does not.
    """
    try:
        return _KINDS[kind](TINYNN, example, dtype, **settings)
    except Exception as error:
        text = f"with {type(error).__name__}: {error}"
        raise Disagreement(kind, "tinynn", text, "what Keras does", example) from error


@contextlib.contextmanager
def _session(engine: Engine, example: Example, dtype: str) -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"), fresh_session(engine, dtype, example.seed):
        warnings.simplefilter("ignore")
        yield


def _moved_by(value: Array, way: np.random.Generator | None, ulp: float) -> Array:
    """Each entry by up to FEW ulp; zeros and integers stay.

    Numbers that are not normal in float32, where `ulp` is one of float32, become zero: TensorFlow takes them for that.
    """
    if way is None or value.dtype.kind != "f":
        return value
    normal = np.where(np.abs(value) < np.finfo(_PRECISION[ulp]).tiny, 0, value)
    return (normal * (1 + way.uniform(-1, 1, value.shape) * FEW * ulp)).astype(value.dtype)


_PRECISION = {float(np.finfo(name).eps): name for name in ("float32", "float64")}


def _move_gradients(optimizer: Any, way: np.random.Generator, ulp: float) -> dict[str, float]:
    """From now on every gradient that reaches the optimizer is moved by up to FEW ulp of the step's largest entry.

    Returns:
        Where the largest entry of gradients that do not reach it, the input's, may be noted as "least".
    """
    apply = optimizer.apply
    scale = {"least": 0.0}

    def moved(grads: Sequence[Any], trainable_variables: Any = None) -> None:
        values = [None if grad is None else np.array(_value(grad)) for grad in grads]
        bound = FEW * ulp * max((_largest(value) for value in values if value is not None), default=0.0)
        bound = max(bound, FEW * ulp * scale["least"])
        parts = [
            None if v is None else np.where(v == 0, v, v + bound * way.uniform(-1, 1, v.shape)).astype(v.dtype)
            for v in values
        ]
        apply(parts, trainable_variables)

    optimizer.apply = moved
    return scale


def _probe(model: Any, example: Example, way: np.random.Generator | None, ulp: float) -> None:
    """In a moved run of tinynn: add the rounding of what cancels (see `probes.py`)."""
    if way is not None:
        probes.install(TINYNN.keras, model, example, way, FEW * ulp)


def _move_the_rest(model: Any, example: Example, way: np.random.Generator | None, ulp: float) -> dict[str, float]:
    """In a moved run of tinynn, whose weights were moved: slots that do not start at zero, gradients, what cancels.

    Ftrl takes the root of an accumulator from that of its sum with a square that may be lost in it.

    Returns:
        As `_move_gradients`.
    """
    if way is None:
        return {}
    optimizer = model.optimizer
    if model.trainable_variables:
        optimizer.build(model.trainable_variables)
        for slot in itertools.chain(*optimizer._slots.values()):
            slot.assign(_moved_by(np.array(slot), way, ulp))
    _probe(model, example, way, ulp)
    return _move_gradients(optimizer, way, ulp)


def _data(example: Example, dtype: str, way: np.random.Generator | None, ulp: float) -> tuple[Any, Any, Any]:
    x, y, weights = example.data(dtype)
    if ulp < 0:  # other targets: see `Case._cancelled`
        return x, example.but(seed=example.seed + 5).data(dtype)[1], weights
    real = example.targets in ("real", "positive", "probabilities")  # moved labels would be labels no more
    return _moved_by(x, way, ulp), _moved_by(y, way, ulp) if real else y, weights


def steps(
    engine: Engine,
    example: Example,
    dtype: str,
    start: Sequence[Array] | None = None,
    move: int | None = None,
    ulp: float = 0.0,
) -> Run:
    """Forward, then step by step: outputs, loss, gradients, and after each step weights and slots.

    Args:
        engine: which library.
        example: which model.
        dtype: in which precision.
        start: all weights to begin with; the model's own when None.
        move: a seed for moving the start.
        ulp: by how much, relatively: up to FEW of these. -1: the targets are others
            instead; -2: the weights are smaller besides.
    """
    way = None if move is None else np.random.default_rng(move)
    with _session(engine, example, dtype):
        model = example.build(engine.keras, dtype, **engine.compile_arguments, run_eagerly=True)
        if start is not None:
            less = 2.0**-7 if ulp == -2.0 else 1.0
            model.set_weights([_moved_by((value * less).astype(_kind(value, dtype)), way, ulp) for value in start])
        scale = _move_the_rest(model, example, way, ulp)
        x, y, weights = _data(example, dtype, way, ulp)
        run: Run = {"start": [np.array(value) for value in model.get_weights()]}
        run["outputs"] = np.array(_value(model(x, training=False)))
        for step, rows in enumerate(_batches(example), 1):
            part = [None if a is None else a[rows] for a in (x, y, weights)]
            _step(engine, model, part, f"step {step}: ", run, scale)
    return run


def _kind(value: Array, dtype: str) -> Any:
    return dtype if value.dtype.kind == "f" else value.dtype


def _batches(example: Example) -> Iterator[slice]:
    for _ in range(example.epochs):
        for begin in range(0, example.samples, example.batch_size):
            yield slice(begin, begin + example.batch_size)


def _value(tensor: Any) -> Any:
    return tensor.numpy() if hasattr(tensor, "numpy") else tensor


def _step(engine: Engine, model: Any, part: Sequence[Any], where: str, run: Run, scale: dict[str, float]) -> None:
    """One step by the library's own tape, as `train_step` does it."""
    x, y, weights = part
    loss, outputs, gradients = _differentiated(engine, model, x, y, weights)
    run[f"{where}loss"], run[f"{where}outputs"] = np.array(_value(loss)), np.array(_value(outputs))
    variables = model.trainable_variables
    names = [variable.path for variable in variables]
    for name, gradient in zip([*names, "the input"], gradients, strict=True):
        run[f"{where}gradient of {name}"] = None if gradient is None else np.array(_value(gradient))
    if gradients[-1] is not None:
        scale["least"] = _largest(np.array(_value(gradients[-1])))
    if variables:
        model.optimizer.apply_gradients(zip(gradients[:-1], variables))
    run |= {f"{where}new {v.path}": np.array(v) for v in model.variables}
    run |= {f"{where}slot {v.path}": np.array(v) for v in model.optimizer.variables}


def _differentiated(engine: Engine, model: Any, x: Any, y: Any, weights: Any) -> tuple[Any, Any, list[Any]]:
    """Loss, outputs, gradients of the trainable variables and of the input."""
    if engine is TINYNN:
        tape, sources = engine.keras.GradientTape(), list(model.trainable_variables)
    else:
        import tensorflow as tf  # type: ignore[import-untyped]

        tape, sources = tf.GradientTape(), [variable.value for variable in model.trainable_variables]
        x = tf.constant(x)
    with tape:
        watched = tape.watch(x)
        x = x if watched is None else watched
        outputs = model(x, training=True)
        loss = model.compute_loss(x, y, outputs, weights, training=True)
        scaled = model.optimizer.scale_loss(loss)
    return loss, outputs, tape.gradient(scaled, [*sources, x])


def fits(
    engine: Engine,
    example: Example,
    dtype: str,
    start: Sequence[Array] | None = None,
    move: int | None = None,
    ulp: float = 0.0,
    compiled: bool = False,
) -> Run:
    """From the seed alone: evaluate, fit, predict, and what is printed; arguments as of `steps`."""
    way = None if move is None else np.random.default_rng(move)
    eager = {} if compiled else {"run_eagerly": True}
    with _session(engine, example, dtype):
        model = example.build(engine.keras, dtype, **{**engine.compile_arguments, **eager})
        if way is not None:
            model.set_weights([_moved_by(np.array(value), way, ulp) for value in model.get_weights()])
        _move_the_rest(model, example, way, ulp)
        x, y, weights = _data(example, dtype, way, ulp)
        run: Run = {
            "start": [np.array(value) for value in model.get_weights()],
            "names": [variable.path for variable in model.variables],
            "paths": [variable.path for variable in model.weights],
            "parameters": model.count_params(),
            "summary": _printed(model.summary),
        }
        tested = {"sample_weight": weights, "batch_size": example.batch_size, "verbose": 0}
        run["evaluated at the start"] = _numbers(model.evaluate(x, y, **tested))
        class_weight = None if example.class_weight is None else dict(enumerate(example.class_weight))
        history = model.fit(
            x, y, **tested, epochs=example.epochs, class_weight=class_weight, shuffle=example.seed % 2 == 0
        )
        run |= {f"history {name}": np.array(values) for name, values in history.history.items()}
        run |= {f"new {v.path}": np.array(v) for v in model.variables}
        run |= {f"slot {v.path}": np.array(v) for v in model.optimizer.variables}
        run["predicted"] = np.array(model.predict(x, batch_size=example.batch_size, verbose=0))
        run["final"] = [np.array(value) for value in model.get_weights()]
        run["summary after fit"] = _printed(model.summary)
        run["engine"] = str(getattr(model, "engine", "TensorFlow"))
    return run


def _numbers(logs: Any) -> Array:
    """The loss and the metrics in a row; of some metrics one number for each class."""
    return np.concatenate([np.ravel(_value(value)) for value in (logs if isinstance(logs, list) else [logs])])


OTHER_EPSILON = 1e-3


def forms(
    engine: Engine,
    example: Example,
    dtype: str,
    start: Sequence[Array] | None = None,
    move: int | None = None,
    ulp: float = 0.0,
) -> Run:
    """In other forms: data in the other precision, or whole numbers as such, one column of labels as a row, metrics weighted,
    the loss weighed, another epsilon, batch by batch from outside; arguments as of `steps`."""
    way = None if move is None else np.random.default_rng(move)
    epsilon = engine.keras.config.epsilon()
    with _session(engine, example, dtype):
        engine.keras.config.set_epsilon(OTHER_EPSILON)
        try:
            weighted = [metric for metric in example.metrics if isinstance(metric, str)]
            model = example.build(
                engine.keras,
                dtype,
                **engine.compile_arguments,
                run_eagerly=True,
                weighted_metrics=weighted,
                loss_weights=0.5,
            )
            if start is not None:
                model.set_weights([_moved_by(value.astype(_kind(value, dtype)), way, ulp) for value in start])
            _move_the_rest(model, example, way, ulp)
            run: Run = {"start": [np.array(value) for value in model.get_weights()]}
            x, y, weights = _data(example, dtype, way, ulp)
            other = {"float32": "float64", "float64": "float32"}[dtype]
            x = x.astype("int32" if example.inputs == "integers" else other)
            if (
                other == "float32"
            ):  # TensorFlow's cast to float64 takes what is not normal for zero: docs/differences.md
                x = np.where(np.abs(x) < np.finfo(other).tiny, 0, x).astype(x.dtype)
            y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
            run["called"] = np.array(_value(model(x, training=False)))
            tested = {"sample_weight": weights, "batch_size": example.batch_size, "verbose": 0}
            run["evaluated"] = _numbers(model.evaluate(x, y, **tested))
            for step, rows in enumerate(_batches(example), 1):
                part = None if weights is None else weights[rows]
                run[f"trained on batch {step}"] = _numbers(model.train_on_batch(x[rows], y[rows], sample_weight=part))
            outputs = model.predict_on_batch(x)
            run["predicted on a batch"] = np.array(_value(outputs))
            run |= {f"new {v.path}": np.array(v) for v in model.variables}
            return run
        finally:
            engine.keras.config.set_epsilon(epsilon)


def _printed(summary: Callable[[], None]) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        summary()
    return text.getvalue()


_KINDS: dict[str, Callable[..., Run]] = {"steps": steps, "fits": fits, "forms": forms}

# Judging -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Two runs of an example in one precision, and how to run it again from a moved start or as a shadow.

    Args:
        property: its name.
        example: which.
        dtype: the precision of both runs.
        ours, theirs: the runs.
        again: (move, dtype, ulp) -> another run of tinynn; move None is the shadow.
    """

    property: str
    example: Example
    dtype: str
    ours: Run
    theirs: Run
    again: Callable[[int | None, str, float], Run]
    _moved_runs: dict[int, list[Sequence[Run]]] = field(default_factory=dict)

    def check(self, wanted: Callable[[str], bool]) -> None:
        """Everything of a kind agrees.

        Raises:
            Disagreement: the first thing that does not.
        """
        for runs in ((self.ours, self.theirs), (self.theirs, self.ours)):
            for name in runs[0]:
                if wanted(name) and name not in runs[1]:
                    raise Disagreement(self.property, "names", f"in {name!r}", f"{list(self.theirs)}", self.example)
        for name, theirs in self.theirs.items():
            if wanted(name) and self._check_one(name, self.ours[name], theirs) in ("cancelled", "no loss"):
                return

    def _check_one(self, name: str, ours: Any, theirs: Any) -> str | None:
        if ours is None or theirs is None:
            # A loss that does not depend on something has no gradient there in TensorFlow; zeros are as good.
            if not all(a is None or not a.any() for a in (ours, theirs)):
                raise Disagreement(self.property, name, f"{ours}", f"{theirs}", self.example)
            return None
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            self._no(name, f"{ours.dtype} {ours.shape}", f"{theirs.dtype} {theirs.shape}")
        if ours.dtype.kind != "f":
            if not np.array_equal(ours, theirs):
                self._no(name, f"{ours}", f"{theirs}")
            return None
        if name.endswith("loss") and np.isnan(ours).all() and np.isnan(theirs).all():
            return "no loss"
        found = distance(ours, theirs)
        least = self._allowed(name, ours, theirs)
        if found <= least:
            if "gradient" in name and found > max(_largest(ours), _largest(theirs)) / 2:
                return "cancelled"  # nothing but rounding in both
            return "no loss" if name.startswith("evaluated") and np.isnan(ours.flat[0]) else None
        for starts in (MOVED_STARTS, MORE_MOVED_STARTS):
            allowed = least + MULTIPLE * self._reach(name, starts)
            if found <= allowed:
                return None
        if "gradient" in name and found <= least + self._cancelled(name):
            return "cancelled"
        if name.endswith(": loss") and self._loss_cancels and found <= least + self._cancelled(name):
            return None
        if self._deliberate:
            raise NotComparable(self._deliberate)
        self._no(name, found, allowed)
        return None

    @functools.cached_property
    def _deliberate(self) -> str | None:
        """Which documented difference explains a NaN in one engine alone: here, or where this number comes from."""
        both = [(self.ours.get(name), theirs) for name, theirs in self.theirs.items()]
        reasons = [deliberate(self.example, ours, theirs) for ours, theirs in both if _are_floats(ours, theirs)]
        return next((why for why in reasons if why), None)

    @property
    def _loss_cancels(self) -> bool:
        return any(part in self.example.loss["class"] for part in ("inge", "Cosine", "Dice", "Tversky"))

    def _cancelled(self, name: str) -> float:
        """The rounding of the terms of a gradient or a loss, by their size for other targets, also from smaller weights."""
        sizes = [_largest_gradient(run, name) if "gradient" in name else _largest(run[name]) for run in self._elsewhere]
        return FEW * float(np.finfo(self.dtype).eps) * max(sizes)

    @functools.cached_property
    def _elsewhere(self) -> list[Run]:
        """Runs for other targets, also from smaller weights."""
        return [self.again(None, self.dtype, -1.0), self.again(None, self.dtype, -2.0)]

    def _no(self, name: str, found: Any, allowed: Any) -> None:
        raise Disagreement(f"{self.property} in {self.dtype}", name, found, allowed, self.example)

    def _allowed(self, name: str, ours: Array, theirs: Array) -> float:
        """Without moved starts."""
        # TensorFlow takes numbers that are not normal for zero: as many of them as a sum has terms may be lost.
        lost = 64 * float(np.finfo(self.dtype).tiny)
        scale = _largest(theirs)
        if self.dtype == "float64":
            return FLOAT64_ALLOWED * scale + FEW * np.finfo(np.float64).eps * self._of_its_kind(name) + lost
        scale = max(scale, self._of_its_kind(name))
        allowed = FEW * _step_of(name, self.example) * float(np.finfo(np.float32).eps) * scale + lost
        if self._shadow is None:
            return allowed
        exact = self._shadow[name]
        return allowed + MULTIPLE * min(distance(ours, exact), distance(theirs, exact))

    def _of_its_kind(self, name: str) -> float:
        """The largest gradient of a step: one that is zero but for rounding is a sum of such terms that cancel."""
        return _largest_gradient(self.theirs, name)

    @functools.cached_property
    def _shadow(self) -> Run | None:
        """None where the two precisions draw other random numbers."""
        if self.example.draws:
            return None
        return self.again(None, "float64", 0.0)

    def _moved(self, move: int) -> list[Sequence[Run]]:
        """(from, to) pairs of runs, of which the second starts a little beside the first."""
        if move not in self._moved_runs:
            ulp = float(np.finfo(self.dtype).eps)
            self._moved_runs[move] = [(self.ours, self.again(move, self.dtype, ulp))]
            if self.dtype == "float32" and self._shadow is not None:
                self._moved_runs[move].append((self._shadow, self.again(move, "float64", ulp)))
        return self._moved_runs[move]

    def _reach(self, name: str, starts: int) -> float:
        """How far so many moved starts take this quantity, at most; NaN where it takes a number to NaN is no limit."""
        pairs = [pair for move in range(1, starts + 1) for pair in self._moved(move)]
        return max(distance(end[name], begin[name]) for begin, end in pairs)


def _largest_gradient(run: Run, name: str) -> float:
    """Of all gradients of the step that a gradient's name belongs to; 0 for what is no gradient."""
    step = name.partition("gradient")[0] + "gradient"
    found = [a for other, a in run.items() if other.startswith(step) and a is not None]
    return max(map(_largest, found), default=0.0) if "gradient" in name else 0.0


def _step_of(name: str, example: Example) -> int:
    """After how many steps a quantity was seen."""
    if name.startswith("step "):
        return int(name.split()[1].rstrip(":"))
    return example.steps if name.startswith(("history", "new", "slot", "predicted")) else 1


DELIBERATE = {
    "CategoricalGeneralizedCrossEntropy": "the gradient where the label's probability is 0",
    "BinaryFocalCrossentropy": "gamma below 1 where nothing is missed",
    "Adafactor": "weights whose row and column have hardly any gradient",
    "ReLU": "NaN through relu with a threshold",
}
"""Where Keras has NaN and tinynn, on purpose, has not (docs/differences.md), or the other way round for ReLU."""


def deliberate(example: Example, ours: Array, theirs: Array) -> str | None:
    """Which of the documented differences explains NaN in one engine alone."""
    if np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return None
    text = repr((example.layers, example.loss, example.optimizer))
    return next((f"docs/differences.md: {why}" for name, why in DELIBERATE.items() if name in text), None)


def _are_floats(ours: Any, theirs: Any) -> bool:
    return all(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in (ours, theirs)) and ours.shape == theirs.shape


def distance(found: Array, expected: Array) -> float:
    """max |found - expected|; infinite where one has a NaN or an infinity that the other does not have."""
    if found.shape != expected.shape:
        return float("inf")
    a, b = found.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    return float(np.abs(a[finite] - b[finite]).max(initial=0.0))


def _largest(value: Array) -> float:
    finite = np.abs(value.astype(np.float64)[np.isfinite(value)])
    return float(finite.max(initial=0.0))


def _case(property: str, kind: str, example: Example, dtype: str) -> Case:
    """Keras's run and tinynn's; but for `fits` from Keras's weights."""
    theirs = of_keras(kind, example, dtype)
    start = None if kind == "fits" else theirs["start"]

    def again(move: int | None, dtype: str, ulp: float) -> Run:
        return of_tinynn(kind, example, dtype, start=start, move=move, ulp=ulp)

    return Case(property, example, dtype, of_tinynn(kind, example, dtype, start=start), theirs, again)


# Keras and tinynn --------------------------------------------------------------------------------------------------------


def forward(example: Example) -> None:
    """The same outputs from the same weights."""
    _case("forward", "steps", example, example.dtype).check(lambda name: name == "outputs")


def gradient(example: Example) -> None:
    """The same outputs in training, loss, and gradient of every parameter and of the input: TensorFlow's tape and ours."""
    _case("gradient", "steps", example, example.dtype).check(
        lambda name: name.startswith(("step 1: outputs", "step 1: loss", "step 1: gradient"))
    )


def one_step(example: Example) -> None:
    """The same weights and slots after one step of the optimizer, where its gradients are more than rounding."""
    _case("one_step", "steps", example, example.dtype).check(lambda name: name.startswith("step 1: "))


def steps_in_float64(example: Example) -> None:
    """The same everything at every step, in float64: the algorithm."""
    _case("steps_in_float64", "steps", example, "float64").check(_at_a_step)


def steps_in_float32(example: Example) -> None:
    """The same everything at every step, in float32, as far as rounding allows: the numbers."""
    _case("steps_in_float32", "steps", example, "float32").check(_at_a_step)


def _at_a_step(name: str) -> bool:
    return name.startswith("step ")


def fit(example: Example) -> None:
    """The same start bit for bit, history, weights and slots, from the seed alone."""
    case = _case("fit", "fits", example, example.dtype)
    for name, ours, theirs in zip(case.theirs["paths"], case.ours["start"], case.theirs["start"]):
        if not _same_start(example, ours, theirs):
            raise Disagreement("fit", f"the initial {name}", f"{ours}", f"{theirs}", example)
    case.check(lambda name: name.startswith(("history loss", "new ", "slot ")))


def _same_start(example: Example, ours: Array, theirs: Array) -> bool:
    """Bit for bit, but where an initializer takes logarithms, roots and cosines (normal numbers), each good to some ulp, or
    orthogonal matrices out of a factorization, whose n columns bring some ulp each."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return False
    names = [
        value["class"] for layer in example.layers for name, value in layer.items() if name.endswith("_initializer")
    ]
    if any(name.endswith(("Normal", "VarianceScaling", "Orthogonal")) for name in names):
        return distance(ours, theirs) <= 64 * float(np.finfo(example.dtype).eps) * max(1.0, _largest(theirs))
    return ours.tobytes() == theirs.tobytes()


def evaluate_and_predict(example: Example) -> None:
    """The same loss before training and outputs after it, batch by batch."""
    _case("evaluate_and_predict", "fits", example, example.dtype).check(
        lambda name: name.startswith(("evaluated", "predicted"))
    )


def metrics(example: Example) -> None:
    """The same metrics over batches, in training and in evaluation."""
    if not example.metrics:
        raise NotComparable("no metrics")
    _case("metrics", "fits", example, example.dtype).check(lambda name: name.startswith(("evaluated", "history")))


def other_forms(example: Example) -> None:
    """The same with data in another precision, labels as a row, weighted metrics and losses, and another epsilon."""
    _case("other_forms", "forms", example, example.dtype).check(lambda name: name != "start")


def summary(example: Example) -> None:
    """The same count of parameters, names of variables and text of summary()."""
    theirs, ours = of_keras("fits", example, example.dtype), of_tinynn("fits", example, example.dtype)
    for name in ("parameters", "names"):
        if ours[name] != theirs[name]:
            raise Disagreement("summary", name, f"{ours[name]}", f"{theirs[name]}", example)
    for name in ("summary", "summary after fit"):
        if ours[name] != theirs[name]:
            raise Disagreement("summary", name, first_different_line(ours[name], theirs[name]), "equal texts", example)


def get_and_set_weights(example: Example) -> None:
    """Weights go from Keras into tinynn and back out bit for bit, and give Keras's predictions."""
    theirs = of_keras("fits", example, example.dtype)
    final = theirs["final"]
    ours = predictions(example, final)
    same = len(final) == len(ours["weights"]) and all(map(_same_bits, ours["weights"], final))
    if not same:
        raise Disagreement("get_and_set_weights", "get_weights()", f"{ours['weights']}", f"{final}", example)

    def again(move: int | None, dtype: str, ulp: float) -> Run:
        return predictions(example, final, move, dtype, ulp)

    Case("get_and_set_weights", example, example.dtype, ours, theirs, again).check(lambda name: name == "predicted")


def _same_bits(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def predictions(
    example: Example, weights: Sequence[Array], move: int | None = None, dtype: str | None = None, ulp: float = 0.0
) -> Run:
    """What tinynn predicts with these weights, and the weights as it gives them back; other arguments as of `steps`."""
    dtype = dtype or example.dtype
    way = None if move is None else np.random.default_rng(move)
    with _session(TINYNN, example, dtype):
        model = example.build(TINYNN.keras, dtype, run_eagerly=True)
        model.set_weights([_moved_by(value.astype(_kind(value, dtype)), way, ulp) for value in weights])
        _probe(model, example, way, ulp)
        x, _, _ = _data(example, dtype, way, ulp)
        predicted = np.array(model.predict(x, batch_size=example.batch_size, verbose=0))
        return {"weights": [np.array(value) for value in model.get_weights()], "predicted": predicted}


# tinynn alone ------------------------------------------------------------------------------------------------------------

RAN_ON: Counter[str] = Counter()
"""Which engine "auto" chose in `engines_agree`."""


def engines_agree(example: Example) -> None:
    """The compiled engine trains as the reference does."""

    def again(move: int | None, dtype: str, ulp: float) -> Run:
        return of_tinynn("fits", example, dtype, move=move, ulp=ulp)

    default = of_tinynn("fits", example, example.dtype, compiled=True)
    RAN_ON[default["engine"].partition(":")[0]] += 1
    if not default["engine"].startswith("compiled"):
        raise NotComparable(default["engine"])
    case = Case("engines_agree", example, example.dtype, again(None, example.dtype, 0.0), default, again)
    case.check(lambda name: name.startswith(("history", "new ", "slot ", "evaluated", "predicted")))


def permuted_batch(example: Example) -> None:
    """Permuting a batch permutes the outputs and leaves the mean gradient."""
    _needs_no_draws(example)
    order = np.random.default_rng(example.seed + 2).permutation(example.samples)

    def permuted(run: Run) -> Run:
        return {**run, "outputs": run["outputs"][order]}

    _own_property("permuted_batch", example, lambda x: [(1.0, order)], permuted)


def split_batch(example: Example) -> None:
    """The mean gradient of a batch is the weighted mean of those of its parts."""
    _needs_no_draws(example)
    across = {"BatchNormalization"} & {layer["class"] for layer in example.layers}
    # Of a hinge, which labels there are decides what 0 means.
    hinge = "inge" in example.loss["class"] and example.targets != "signs"
    counted = "ignore_class" in example.loss  # the mean is over those that are not ignored
    whole = hinge or counted or example.loss["class"] in ("Dice", "Tversky", "Circle")
    if example.samples < 2 or across or whole or example.loss.get("reduction", "mean").startswith("mean_"):
        raise NotComparable("samples are not independent")
    total = example.loss.get("reduction") == "sum"
    if total and _has_penalties(example):
        raise NotComparable("penalties count once a batch")
    n, cut = example.samples, (example.samples + 1) // 2
    rows = np.arange(n)
    shares = (1.0, 1.0) if total else (cut / n, (n - cut) / n)
    _own_property("split_batch", example, lambda x: list(zip(shares, (rows[:cut], rows[cut:]))), lambda run: run)


def scaled_loss(example: Example) -> None:
    """Four times the loss has four times the gradient."""
    _needs_no_draws(example)
    if _has_penalties(example):
        raise NotComparable("penalties are not scaled")
    _own_property("scaled_loss", example, lambda x: [(0.25, np.arange(example.samples))], lambda run: run, 4.0)


def _own_property(
    property: str,
    example: Example,
    parts: Callable[[Array], Sequence[tuple[float, Array]]],
    expected: Callable[[Run], Run],
    loss_weight: float | None = None,
) -> None:
    """Gradients of the whole batch against the weighted sum of those of parts."""

    def whole(move: int | None, dtype: str, ulp: float) -> Run:
        return _gradients(example, [(1.0, np.arange(example.samples))], dtype, move, ulp)

    ours = expected(whole(None, example.dtype, 0.0))
    theirs = _gradients(example, parts(np.arange(example.samples)), example.dtype, loss_weight=loss_weight)
    Case(property, example, example.dtype, ours, theirs, lambda *where: expected(whole(*where))).check(
        lambda name: True
    )


def _gradients(
    example: Example,
    parts: Sequence[tuple[float, Array]],
    dtype: str,
    move: int | None = None,
    ulp: float = 0.0,
    loss_weight: float | None = None,
) -> Run:
    """Outputs of the parts one after the other, and the sum over parts of share times gradient."""
    way = None if move is None else np.random.default_rng(move)
    with _session(TINYNN, example, dtype):
        settings = {} if loss_weight is None else {"loss_weights": loss_weight}
        model = example.but(metrics=()).build(TINYNN.keras, dtype, run_eagerly=True, **settings)
        model.set_weights([_moved_by(np.array(value), way, ulp) for value in model.get_weights()])
        _probe(model, example, way, ulp)
        x, y, weights = _data(example, dtype, way, ulp)
        outputs: list[Array] = []
        sums: dict[str, Any] = {}
        for share, rows in parts:
            _, part, gradients = _differentiated(
                TINYNN, model, x[rows], y[rows], None if weights is None else weights[rows]
            )
            outputs.append(np.array(_value(part)))
            for variable, value in zip(model.trainable_variables, gradients):
                name = f"gradient of {variable.path}"
                sums[name] = sums.get(name, 0) + share * np.array(_value(value))
        return {"outputs": np.concatenate(outputs), **sums}


def _needs_no_draws(example: Example) -> None:
    if example.draws:
        raise NotComparable("random layers")


def _has_penalties(example: Example) -> bool:
    return "regularizer" in repr(example.layers) or any(
        layer["class"] == "ActivityRegularization" for layer in example.layers
    )


PROPERTIES: Mapping[str, Callable[[Example], None]] = {
    property.__name__: property
    for property in (
        *(forward, gradient, one_step, steps_in_float64, steps_in_float32, fit, evaluate_and_predict, metrics, summary),
        *(other_forms, get_and_set_weights, engines_agree, permuted_batch, split_batch, scaled_loss),
    )
}
"""By name, the strongest first. Each raises `Disagreement`, or `NotComparable` where it has nothing to say."""
