"""Every compiled twin of tinynn/kernels beside its NumPy reference and, where it has one, Keras's operation.

The arguments follow from the parameters' names, which mean the same in every kernel; so a new kernel is timed without a line
here. All three are called from Python, with what that costs. Agreement first: against the reference in float64, within ALLOWED
times what the reference in float32 is away.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import pkgutil
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.agreement import ALLOWED, EPSILON
from benchmarks.errors import NotExpressible
from benchmarks.workloads import Array
from tinynn.kernels.adam import effective_rate

BATCH, FAN_IN, UNITS, CLASSES, PARAMETERS = 32, 784, 300, 10, 266_610
"""Those of the fashion network."""

RATE = 0.25
"""Dropout's, and the rate of an optimizer's step."""

QUICK = ("dense.forward", "relu.forward", "softmax_crossentropy.sparse_forward", "adam.step")

_PER_ENTRY = ("binary_crossentropy", "sigmoid_crossentropy")
"""Losses with a value per entry, not per sample."""

_FLAT = {"params", "w"}
"""Names by which a kernel works on a flat vector of parameters, as all its arrays then are."""

_EMPTY = ("v_max", "mean_grad")
"""Slots of an optimizer that its usual settings do without."""

_NUMBERS = {
    "learning_rate": 1e-6,
    "rate": RATE,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "rho": 0.9,
    "momentum": 0.9,
    "epsilon": 1e-7,
    "threshold": 0.5,
    "seed": 1,
    "uses": 0,
    "width": UNITS,
    "first": 0,
}

_PLAIN = {"float": 0.5, "int": 1, "bool": False}
"""For numbers of other names, by their annotation."""


_NOTHING_MADE_UP = "benchmarks/operations.py makes up no arguments for it"


class Operations:
    """Runs in a process of its own, see worker.py."""

    def load(self) -> dict[str, Any]:
        """Compile on demand from now on."""
        from tinynn import _compiled

        self.references = references()  # before twins take their places
        _compiled.load()
        self.keras: Any = None
        return {}

    def names(self) -> list[str]:
        """'dense.forward', ...: all that have a twin."""
        return list(self.references)

    def prepare(self, name: str, with_keras: bool) -> dict[str, Any]:
        """Check the ways to compute it; {way: '' if it agrees, else what is wrong}, and how long compiling took."""
        from numba.core.errors import TypingError

        module, function = name.split(".")
        twin = getattr(importlib.import_module(f"tinynn.kernels.{module}"), f"{function}_compiled")
        reference = self.references[name]
        own, exact, rounded = (arguments(module, reference) for _ in range(3))
        exact = [_wide(a) for a in exact]
        _try(reference, exact)
        reference(*rounded)
        start = time.perf_counter()
        try:
            twin(*_lines(module, own))
        except (ValueError, TypingError) as error:
            raise NotExpressible(f"{_NOTHING_MADE_UP}: {str(error).splitlines()[0]}") from None
        seconds = time.perf_counter() - start
        self.ways: dict[str, Callable[[], Any]] = {}
        inputs = arguments(module, reference)
        self.ways["tinynn"] = _call(twin, _lines(module, inputs))
        self.ways["tinynn-reference"] = _call(reference, arguments(module, reference))
        allowed = [ALLOWED * max(_widest(r, e), EPSILON * _size(e)) for r, e in zip(rounded, exact)]
        found = {"tinynn": _wrong(own, exact, allowed), "tinynn-reference": ""}
        if with_keras:
            self._import_keras()
            made = _KERAS.get(name, lambda *_: None)(self.keras, *arguments(module, reference))
            if made is not None:
                run, which = made
                found["keras"] = _wrong([np.asarray(run())], [exact[which]], [allowed[which]])
                self.ways["keras"] = run
        return {"found": found, "compile_s": seconds}

    def time_operation(self, way: str, at_least: float) -> dict[str, float]:
        """Microseconds per call, the median of several series of calls."""
        run, calls, taken = self.ways[way], 1, 0.0
        gc.collect()
        while taken < 1e-3:
            calls *= 2
            taken = _seconds(run, calls)
        times = [taken / calls]
        while sum(times) * calls < at_least:
            times.append(_seconds(run, calls) / calls)
        return {"us": float(np.median(times)) * 1e6}

    def _import_keras(self) -> None:
        if self.keras is None:
            import tensorflow

            tensorflow.config.set_visible_devices([], "GPU")
            import keras

            self.keras = keras


def references() -> dict[str, Callable[..., Any]]:
    """{'dense.forward': function, ...}: the NumPy references that have a twin."""
    import tinynn.kernels

    found: dict[str, Callable[..., Any]] = {}
    for entry in pkgutil.iter_modules(tinynn.kernels.__path__):
        module = importlib.import_module(f"tinynn.kernels.{entry.name}")
        for name, function in list(vars(module).items()):
            if inspect.isfunction(function) and hasattr(module, f"{name}_compiled"):
                found[f"{entry.name}.{name}"] = function
    return found


def arguments(module: str, function: Callable[..., Any]) -> list[Any]:
    """Values for a kernel's parameters, the same each time; outputs are filled with what must be overwritten."""
    rng = np.random.default_rng(4)
    wide = module in ("dense", "dropout") or _elementwise(module)
    shape = (BATCH, UNITS if wide else CLASSES)
    labels = rng.integers(0, CLASSES, BATCH)
    over_parameters = bool(_FLAT & set(inspect.signature(function).parameters))
    values: list[Any] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in _NUMBERS or parameter.annotation in _PLAIN:
            value: Any = _NUMBERS.get(name, _PLAIN.get(parameter.annotation))
        elif name in _EMPTY:
            value = np.empty(0)
        elif over_parameters:
            value = rng.random(PARAMETERS)
        elif name in ("kernel", "d_kernel"):
            value = rng.normal(size=(FAN_IN, UNITS))
        elif name in ("bias", "d_bias"):
            value = rng.normal(size=UNITS)
        elif name in ("losses", "d_losses", "values"):
            value = rng.random(shape if module in _PER_ENTRY else BATCH)
        elif name == "labels":
            value = labels
        elif name == "y_true":
            value = np.eye(shape[1])[labels % shape[1]]
        elif name in ("probs", "y_pred") or (name == "out" and module != "dense"):
            value = rng.uniform(0.05, 0.95, shape)
        elif name in ("x", "d_x") and module == "dense":
            value = rng.normal(size=(BATCH, FAN_IN))
        else:
            value = rng.normal(size=shape)
        floats = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        values.append(value.astype(np.float32) if floats else value)
    return values


def _elementwise(module: str) -> bool:
    """Whether it is an activation of single numbers: the twins of these see arrays as one line."""
    kernels = importlib.import_module(f"tinynn.kernels.{module}")
    if module == "softmax" or getattr(kernels, "ROWWISE", False) or not hasattr(kernels, "forward"):
        return False
    (first, _), *settings, (last, _) = ((p.name, p) for p in inspect.signature(kernels.forward).parameters.values())
    return first == "x" and last == "out" and all(p.annotation in _PLAIN for _, p in settings)


def _lines(module: str, values: list[Any]) -> list[Any]:
    if not _elementwise(module):
        return values
    return [a.reshape(-1) if isinstance(a, np.ndarray) else a for a in values]


def _try(reference: Callable[..., Any], values: list[Any]) -> None:
    """Run it; of a kernel whose arguments cannot be guessed, nothing is timed.

    Raises:
        NotExpressible: it raised, or gave what is not finite.
    """
    try:
        with np.errstate(all="ignore"):
            reference(*values)
    except (ValueError, IndexError, TypeError) as error:
        raise NotExpressible(f"{_NOTHING_MADE_UP}: {error}") from None
    if not all(np.isfinite(a).all() for a in values if isinstance(a, np.ndarray)):
        raise NotExpressible("benchmarks/operations.py makes up arguments for it that give what is not finite")


def _wide(value: Any) -> Any:
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype == np.float32 else value


def _call(function: Callable[..., Any], values: list[Any]) -> Callable[[], Any]:
    return lambda: function(*values)


def _seconds(run: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return time.perf_counter() - start


def _widest(found: Any, exact: Any) -> float:
    if not isinstance(exact, np.ndarray) or not exact.size:
        return 0.0
    return float(abs(np.asarray(found, np.float64).reshape(exact.shape) - exact).max())


def _size(exact: Any) -> float:
    return float(abs(exact).max()) if isinstance(exact, np.ndarray) and exact.size else 0.0


def _wrong(found: list[Any], exact: list[Any], allowed: list[float]) -> str:
    for f, e, limit in zip(found, exact, allowed):
        difference = _widest(f, e)
        if not difference <= limit:
            return f"{difference:.1e} from the reference in float64 (allowed {limit:.1e})"
    return ""


# Keras's operations: (keras, *arguments of the kernel) -> (what to call, which argument of the kernel holds the same) --------


def _one(make: Callable[..., Any], which: int = -1) -> Callable[..., Any]:
    """An operation on the first arguments, as tensors."""

    def made(keras: Any, *values: Any) -> Any:
        tensors = [keras.ops.convert_to_tensor(v) if isinstance(v, np.ndarray) else v for v in values]
        return (lambda: make(keras, *tensors)), which

    return made


def _step(make: Callable[[Any], Any]) -> Callable[..., Any]:
    """An optimizer's step on one variable of all parameters, from the kernel's slots."""

    def made(keras: Any, params: Array, grads: Array, *rest: Any) -> Any:
        variable, gradient = keras.Variable(params), keras.ops.convert_to_tensor(grads)
        optimizer = make(keras.optimizers)
        optimizer.build([variable])
        slots = [value for value in rest if isinstance(value, np.ndarray) and value.size]
        for own, slot in zip(optimizer.variables[2:], slots, strict=True):  # after iteration and learning rate
            own.assign(slot)

        def run() -> Any:
            optimizer.apply([gradient])
            return variable.value

        return run, 0

    return made


_KERAS: dict[str, Callable[..., Any]] = {
    "dense.forward": _one(lambda k, x, kernel, bias, _: k.ops.add(k.ops.matmul(x, kernel), bias)),
    "relu.forward": _one(lambda k, x, _: k.ops.relu(x)),
    "sigmoid.forward": _one(lambda k, x, _: k.ops.sigmoid(x)),
    "tanh.forward": _one(lambda k, x, _: k.ops.tanh(x)),
    "softmax.forward": _one(lambda k, x, _: k.ops.softmax(x)),
    "softmax_crossentropy.forward": _one(
        lambda k, y, logits, *_: k.ops.categorical_crossentropy(y, logits, from_logits=True)
    ),
    "softmax_crossentropy.sparse_forward": _one(
        lambda k, labels, logits, *_: k.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    ),
    "categorical_crossentropy.forward": _one(lambda k, y, probs, *_: k.ops.categorical_crossentropy(y, probs)),
    "binary_crossentropy.forward": _one(lambda k, y, probs, *_: k.ops.binary_crossentropy(y, probs)),
    "sigmoid_crossentropy.forward": _one(
        lambda k, y, logits, _: k.ops.binary_crossentropy(y, logits, from_logits=True)
    ),
    "mean_squared_error.forward": _one(lambda k, y, pred, _: k.losses.mean_squared_error(y, pred)),
    "mean_absolute_error.forward": _one(lambda k, y, pred, _: k.losses.mean_absolute_error(y, pred)),
    "accuracy.categorical": _one(lambda k, y, pred, _: k.metrics.categorical_accuracy(y, pred)),
    "accuracy.sparse": _one(lambda k, labels, pred, _: k.metrics.sparse_categorical_accuracy(labels, pred)),
    "accuracy.binary": _one(lambda k, y, pred, *_: k.ops.mean(k.metrics.binary_accuracy(y, pred), axis=-1)),
    "sgd.step": _step(lambda o: o.SGD(_NUMBERS["learning_rate"])),
    "sgd.momentum_step": _step(lambda o: o.SGD(_NUMBERS["learning_rate"], momentum=0.9)),
    "sgd.nesterov_step": _step(lambda o: o.SGD(_NUMBERS["learning_rate"], momentum=0.9, nesterov=True)),
    "rmsprop.step": _step(lambda o: o.RMSprop(_NUMBERS["learning_rate"], rho=0.9, momentum=0.9, epsilon=1e-7)),
    "adam.step": _step(lambda o: o.Adam(RATE / float(effective_rate(np.ones(1), 1.0, 0.9, 0.999, np.dtype("f4"))[0]))),
}
