"""Compiled twins against their references: bit for bit where the operations and their order are the same, else to a bound.

A sum of n terms taken in another order is off by at most n eps sum|a||b|; exp, log and tanh may be 4 ulp off (SciPy's and
ours each some); what follows from them is propagated entry by entry, in float64, in the bounds below.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinynn import _compiled, kernels
from tinynn._typing import Array
from tinynn.kernels import elementary

EPSILON = 1e-7
DTYPES = ["float32", "float64"]
ULPS = 4

WITHOUT_TWIN = {
    "adam.effective_rate": "NumPy computes the rates of a whole stretch of steps before the loop starts",
    "bias_correction.bias_correction": "likewise: a part of the rates",
    "binary_focal_crossentropy.class_weight": "written out in the loops of the twins",
    "binary_focal_crossentropy.miss": "written out in the loops of the twins",
    "binary_focal_crossentropy.power_slope": "written out in the loops of the twins",
    "categorical_crossentropy.clip": "written out in the loops of the twins",
    "categorical_crossentropy.inside": "written out in the loops of the twins",
    "hinge.signed": "written out in the loops of the twins, which ask zeros_and_ones",
    "dropout.backward": "the same product as forward, which is its twin too",
}
WITHOUT_REFERENCE = {
    "categorical_crossentropy.log_clipped": "log(clip(.)) in tinynn.ops; held against it below",
    "categorical_crossentropy.log_clipped_backward": "likewise",
}


@pytest.fixture(scope="module", autouse=True)
def twins_are_machine_code() -> Iterator[None]:
    """Compiled on demand within this file; the modules get their plain functions back for other tests."""
    before = {
        module: dict(vars(module))
        for name, module in list(_compiled.sys.modules.items())
        if name.startswith("tinynn.") and module is not None
    }
    state = dict(_compiled._state)
    _compiled.load()
    yield
    for module, names in before.items():
        vars(module).update(names)
    _compiled._state.update(state)


def modules() -> list[Any]:
    return [
        importlib.import_module(f"{kernels.__name__}.{info.name}") for info in pkgutil.iter_modules(kernels.__path__)
    ]


def functions(module: Any) -> dict[str, Any]:
    """The functions that a kernel file itself defines, compiled or not."""
    own = {}
    for name, value in vars(module).items():
        plain = getattr(value, "py_func", value)
        if inspect.isfunction(plain) and plain.__module__ == module.__name__:
            own[name] = plain
    return own


def compared() -> tuple[set[str], set[str]]:
    """Kernels that are compared, and those that need no twin: here, and in the files test_twins_* beside this one."""
    cases, without_twin = set(CASES), set(WITHOUT_TWIN)
    for path in Path(__file__).parent.glob("test_twins_*.py"):
        neighbour = importlib.import_module(f"tests.engine.{path.stem}")
        cases |= set(getattr(neighbour, "COMPARED", None) or neighbour.CASES)
        without_twin |= set(getattr(neighbour, "WITHOUT_TWIN", ()))
    return cases, without_twin


# Who has a twin ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__.rsplit(".", 1)[1])
def test_every_kernel_has_a_twin_of_the_same_arguments_or_a_reason(module: Any) -> None:
    if module is elementary:  # functions of one number for compiled code alone: measured below
        return
    short, own = module.__name__.rsplit(".", 1)[1], functions(module)
    cases, without_twin = compared()
    marked = {getattr(function, "py_func", function) for function in _compiled._marked}
    for name, function in own.items():
        if name.startswith("_") or name.endswith("_compiled") or function in marked:
            continue
        if name == "backward_true":  # gradients to targets: in the compiled loop targets are data
            continue
        if f"{short}.{name}" in without_twin:
            assert f"{name}_compiled" not in own, f"{short}.{name} has a twin: take it off the list"
            continue
        twin = own.get(f"{name}_compiled")
        assert twin is not None, f"{short}.{name} has no twin"
        assert twin in marked, f"{short}.{name}_compiled is not marked @compiled"
        assert list(inspect.signature(twin).parameters) == list(inspect.signature(function).parameters)
    for name in own:
        if name.endswith("_compiled"):
            plain = name.removesuffix("_compiled")
            assert plain in own or f"{short}.{plain}" in WITHOUT_REFERENCE, f"{short}.{name} has no reference"
            assert f"{short}.{plain}" in cases, f"{short}.{name} is not compared here or in test_twins_*"


# What twins are tried on ------------------------------------------------------------------------------------------------

Arguments = dict[str, Any]


class Case(NamedTuple):
    """How to call a kernel: its arguments by name, and how far each array may be off afterwards."""

    arguments: Callable[[Draw], Arguments]
    bounds: Callable[[Arguments, Arguments], dict[str, Array]]  # (before, expected after): empty for bit for bit


class Draw:
    """Random arrays of one size and dtype; entries of all magnitudes, some of them exactly 0."""

    def __init__(self, seed: int, rows: int, columns: int, scale: float, dtype: str) -> None:
        self.random = np.random.default_rng(seed)
        self.rows, self.columns, self.scale, self.dtype = rows, columns, scale, np.dtype(dtype)

    def like(self, *shape: int) -> Array:
        values = self.random.normal(0, self.scale, shape)
        values[self.random.random(shape) < 0.1] = 0.0
        return values.astype(self.dtype)

    def table(self) -> Array:
        return self.like(self.rows, self.columns)

    def row(self) -> Array:
        return self.like(self.rows)

    def flat(self) -> Array:
        return self.like(self.rows * self.columns)

    def positive(self) -> Array:
        return np.abs(self.flat())

    def space(self, *shape: int) -> Array:
        """Of an output: what stands there must not matter."""
        return np.full(shape or (self.rows, self.columns), np.nan, self.dtype)

    def empty(self) -> Array:
        return np.empty(0, self.dtype)

    def shares(self) -> Array:
        """Rows of positive numbers that sum to about 1; some entries beyond the clip on either side."""
        raw = self.random.random((self.rows, self.columns)) + 1e-3
        raw /= raw.sum(axis=1, keepdims=True)
        raw[self.random.random(raw.shape) < 0.1] = 0.0
        raw[self.random.random(raw.shape) < 0.1] = 1.0
        raw[:, 0] += raw.sum(axis=1) == 0
        return raw.astype(self.dtype)

    def one_hot(self) -> Array:
        return np.eye(self.columns, dtype=self.dtype)[self.labels()]

    def labels(self) -> Array:
        return self.random.integers(0, self.columns, self.rows)

    def number(self, low: float = 0.0, high: float = 1.0) -> float:
        return float(self.random.uniform(low, high))


def eps(expected: Arguments) -> float:
    return float(
        max(np.finfo(a.dtype).eps for a in expected.values() if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    )


def wide(array: Array) -> Array:
    return array.astype(np.float64)


def bitwise(before: Arguments, expected: Arguments) -> dict[str, Array]:
    return {}


def same_but_for_the_sign_of_zero(name: str) -> Callable[[Arguments, Arguments], dict[str, Array]]:
    return lambda before, expected: {name: np.zeros(expected[name].shape)}


def some_ulps(*names: str) -> Callable[[Arguments, Arguments], dict[str, Array]]:
    """Outputs that are one function value, good to some ulp, and a rounding or two."""
    return lambda before, expected: {name: (ULPS + 2) * eps(expected) * np.abs(wide(expected[name])) for name in names}


def of_dense_forward(a: Arguments, expected: Arguments) -> dict[str, Array]:
    sums = np.abs(wide(a["x"])) @ np.abs(wide(a["kernel"])) + np.abs(wide(a["bias"]))
    return {"out": (a["x"].shape[1] + 1) * eps(expected) * sums}


def of_dense_backward(a: Arguments, expected: Arguments) -> dict[str, Array]:
    d, x, kernel = (np.abs(wide(a[name])) for name in ("d_out", "x", "kernel"))
    e = eps(expected)
    return {
        "d_x": d.shape[1] * e * (d @ kernel.T),
        "d_kernel": len(d) * e * (x.T @ d),
        "d_bias": len(d) * e * d.sum(axis=0),
    }


def of_softmax(a: Arguments, expected: Arguments) -> dict[str, Array]:
    """exp's ulps in numerator and sum, n roundings of the sum; e^(x - top) sees an argument rounded to eps |x - top|."""
    x = wide(a["x"] if "x" in a else a["logits"])
    shifted = np.abs(x - x.max(axis=-1, keepdims=True))
    out = "out" if "out" in a else "probs"
    # The reference rounds x - top as the twin does, so the argument is the very same.
    return {out: (2 * ULPS + shifted.shape[-1] + 2) * eps(expected) * wide(expected[out]) + 2 * tiny(expected)}


def tiny(expected: Arguments) -> float:
    """Underflow rounds to a grid of its own."""
    return float(
        max(
            np.finfo(a.dtype).smallest_normal
            for a in expected.values()
            if isinstance(a, np.ndarray) and a.dtype.kind == "f"
        )
    )


def of_softmax_backward(a: Arguments, expected: Arguments) -> dict[str, Array]:
    d, out = np.abs(wide(a["d_out"])), wide(a["out"])
    sums = (d * out).sum(axis=-1, keepdims=True)
    return {"d_x": eps(expected) * out * ((out.shape[-1] + 1) * sums + 3 * (d + sums))}


def of_softmax_crossentropy(a: Arguments, expected: Arguments) -> dict[str, Array]:
    logits, classes = wide(a["logits"]), a["logits"].shape[1]
    shifted = np.abs(logits - logits.max(axis=1, keepdims=True))
    # log(total) with total in [1, classes], off by (classes + ulps) eps relatively, and so is its logarithm absolutely.
    of_log = (2 * ULPS + classes) * (1 + np.log(classes))
    terms = shifted + np.log(classes) + of_log
    y = np.abs(wide(a["y_true"])) if "y_true" in a else np.eye(classes)[a["labels"]]
    found = of_softmax(a, expected)
    found["losses"] = (classes + 2) * eps(expected) * (y * terms).sum(axis=1)
    return found


def of_mean(term: Callable[[Arguments], Array]) -> Callable[[Arguments, Arguments], dict[str, Array]]:
    """losses = (1/K) sum of K terms, each with a rounding or two of its own."""

    def bounds(a: Arguments, expected: Arguments) -> dict[str, Array]:
        terms = term(a)
        return {"losses": (terms.shape[1] + 4) * eps(expected) * terms.mean(axis=1)}

    return bounds


def of_sigmoid_crossentropy(a: Arguments, expected: Arguments) -> dict[str, Array]:
    x, y = np.abs(wide(a["logits"])), np.abs(wide(a["y_true"]))
    return {"losses": (2 * ULPS + 4) * eps(expected) * (x + x * y + np.log1p(np.exp(-x))) + tiny(expected)}


def of_sigmoid_crossentropy_backward(a: Arguments, expected: Arguments) -> dict[str, Array]:
    d, y = np.abs(wide(a["d_losses"])), np.abs(wide(a["y_true"]))
    return {"d_logits": (ULPS + 4) * eps(expected) * (1 + y) * d}


def of_categorical(a: Arguments, expected: Arguments) -> dict[str, Array]:
    """q is off by (K + 1) eps relatively; so is log q absolutely, besides its own ulps."""
    probs, y = wide(a["y_pred"]), wide(a["y_true"])
    q = np.clip(probs / probs.sum(axis=1, keepdims=True), EPSILON, 1 - EPSILON)
    classes = probs.shape[1]
    return {"losses": eps(expected) * (y * ((classes + ULPS + 2) * np.abs(np.log(q)) + 2 * classes + 2)).sum(axis=1)}


def of_categorical_backward(a: Arguments, expected: Arguments) -> dict[str, Array]:
    probs, y, d = wide(a["y_pred"]), wide(a["y_true"]), np.abs(wide(a["d_losses"]))[:, None]
    total = probs.sum(axis=1, keepdims=True)
    q = np.clip(probs / total, EPSILON, 1)
    terms = (y / q + y.sum(axis=1, keepdims=True)) * d / total
    return {"d_pred": 4 * (probs.shape[1] + 4) * eps(expected) * terms}


def of_binary(a: Arguments, expected: Arguments) -> dict[str, Array]:
    p, y = np.clip(wide(a["y_pred"]), EPSILON, 1 - EPSILON), wide(a["y_true"])
    real = a["y_pred"].dtype.type
    q = np.maximum(1 - p, float(real(1) - real(1 - EPSILON)))
    return {"losses": (ULPS + 3) * eps(expected) * (np.abs(y * np.log(p)) + np.abs((1 - y) * np.log(q)) + y)}


def activation_backward(d: Draw) -> Arguments:
    return {"d_out": d.flat(), "out": d.like(d.rows * d.columns).clip(-1, 1), "d_x": d.space(d.rows * d.columns)}


def forward(d: Draw) -> Arguments:
    return {"x": d.flat(), "out": d.space(d.rows * d.columns)}


def dense_arguments(d: Draw) -> Arguments:
    units = int(d.random.integers(1, 8))
    return {"x": d.table(), "kernel": d.like(d.columns, units), "bias": d.like(units), "out": d.space(d.rows, units)}


def dense_backward(d: Draw) -> Arguments:
    a = dense_arguments(d)
    x, kernel, units = a["x"], a["kernel"], len(a["bias"])
    spaces = {"d_x": d.space(*x.shape), "d_kernel": d.space(*kernel.shape), "d_bias": d.space(units)}
    return {"d_out": d.like(d.rows, units), "x": x, "kernel": kernel, **spaces}


def adam_arguments(d: Draw) -> Arguments:
    slots = {"m": d.flat(), "v": d.positive(), "v_max": d.positive() if d.random.random() < 0.5 else d.empty()}
    betas = {"beta_1": d.number(), "beta_2": d.number(), "epsilon": float(d.random.choice([1e-7, 1e-3]))}
    return {"params": d.flat(), "grads": d.flat(), **slots, "rate": d.number(), **betas}


def rmsprop_arguments(d: Draw) -> Arguments:
    a: Arguments = {"params": d.flat(), "grads": d.flat(), "mean_square": d.positive(), "mean_grad": d.empty()}
    if d.random.random() < 0.5:
        a["mean_grad"] = d.random.uniform(-1, 1, a["params"].size).astype(d.dtype) * np.sqrt(a["mean_square"])
    a["velocity"] = d.flat() if d.random.random() < 0.5 else d.empty()
    numbers = {"learning_rate": d.number(), "rho": d.number(), "momentum": d.number(), "epsilon": 1e-7}
    return {**a, **numbers}


def sgd_arguments(d: Draw, slots: bool = True) -> Arguments:
    a: Arguments = {"params": d.flat(), "grads": d.flat()}
    if not slots:
        return {**a, "learning_rate": d.number()}
    return {**a, "velocity": d.flat(), "learning_rate": d.number(), "momentum": d.number()}


def pair(d: Draw) -> Arguments:
    """Targets some of which are hit exactly."""
    y_pred = d.table()
    y_true = np.where(d.random.random(y_pred.shape) < 0.3, y_pred, d.table())
    return {"y_true": y_true, "y_pred": y_pred}


def gather_arguments(d: Draw) -> Arguments:
    width, first = d.columns + 3, int(d.random.integers(0, 4))
    rows = d.rows + 5
    order = d.random.permutation(rows) if d.random.random() < 0.5 else np.empty(0, np.int64)
    source = d.random.integers(0, 256, rows * width).astype(d.random.choice(["uint8", "int32", "float64"]))
    start, out = int(d.random.integers(0, 6)), d.space()
    return {"source": source, "width": width, "first": first, "order": order, "start": start, "out": out}


def of_normal(a: Arguments, expected: Arguments) -> dict[str, Array]:
    """Bit for bit in float32; else log, sin and cos may be 4 ulp off, the root half as much, at most 8.6 deviations long."""
    if expected["out"].dtype == np.float32:
        return {}
    return {"out": np.full(expected["out"].shape, (2 * ULPS + 4) * eps(expected) * (8.6 * a["stddev"] + a["mean"]))}


CASES: dict[str, Case] = {
    "linear.forward": Case(forward, bitwise),
    "linear.backward": Case(lambda d: {"d_out": d.flat(), "d_x": d.space(d.rows * d.columns)}, bitwise),
    "relu.forward": Case(forward, bitwise),
    "relu.backward": Case(activation_backward, bitwise),
    "sigmoid.forward": Case(forward, some_ulps("out")),
    "sigmoid.backward": Case(activation_backward, bitwise),
    "tanh.forward": Case(forward, some_ulps("out")),
    "tanh.backward": Case(activation_backward, bitwise),
    "softmax.forward": Case(lambda d: {"x": d.table(), "out": d.space()}, of_softmax),
    "softmax.backward": Case(lambda d: {"d_out": d.table(), "out": d.shares(), "d_x": d.space()}, of_softmax_backward),
    "dense.forward": Case(dense_arguments, of_dense_forward),
    "dense.backward": Case(dense_backward, of_dense_backward),
    "dropout.factors": Case(
        lambda d: {
            "seed": int(d.random.integers(0, 2**32)),
            "uses": int(d.random.integers(0, 2**34)),
            "rate": d.number(0.01, 0.99),
            "width": d.columns + 3,
            "first": int(d.random.integers(0, 4)),
            "out": d.space(),
        },
        bitwise,
    ),
    "gaussian_factors.factors": Case(
        lambda d: {
            "seed": int(d.random.integers(0, 2**32)),
            "uses": int(d.random.integers(0, 2**34)),
            "mean": float(d.random.integers(0, 2)),
            "stddev": d.number(0.01, 0.99),
            "out": d.space(d.rows * d.columns),
        },
        of_normal,
    ),
    "dropout.forward": Case(lambda d: {"x": d.table(), "factors": d.table(), "out": d.space()}, bitwise),
    "sgd.step": Case(lambda d: sgd_arguments(d, slots=False), bitwise),
    "sgd.momentum_step": Case(sgd_arguments, bitwise),
    "sgd.nesterov_step": Case(sgd_arguments, bitwise),
    "adam.step": Case(adam_arguments, bitwise),
    "rmsprop.step": Case(rmsprop_arguments, bitwise),
    "mean_squared_error.forward": Case(
        lambda d: {**pair(d), "losses": d.space(d.rows)},
        of_mean(lambda a: (wide(a["y_true"]) - wide(a["y_pred"])) ** 2),
    ),
    "mean_squared_error.backward": Case(lambda d: {"d_losses": d.row(), **pair(d), "d_pred": d.space()}, bitwise),
    "mean_absolute_error.forward": Case(
        lambda d: {**pair(d), "losses": d.space(d.rows)},
        of_mean(lambda a: np.abs(wide(a["y_true"]) - wide(a["y_pred"]))),
    ),
    "mean_absolute_error.backward": Case(lambda d: {"d_losses": d.row(), **pair(d), "d_pred": d.space()}, bitwise),
    "softmax_crossentropy.forward": Case(
        lambda d: {"y_true": d.shares(), "logits": d.table(), "probs": d.space(), "losses": d.space(d.rows)},
        of_softmax_crossentropy,
    ),
    "softmax_crossentropy.backward": Case(
        lambda d: {"d_losses": d.row(), "y_true": d.shares(), "probs": d.shares(), "d_logits": d.space()}, bitwise
    ),
    "softmax_crossentropy.sparse_forward": Case(
        lambda d: {"labels": d.labels(), "logits": d.table(), "probs": d.space(), "losses": d.space(d.rows)},
        of_softmax_crossentropy,
    ),
    "softmax_crossentropy.sparse_backward": Case(
        lambda d: {"d_losses": d.row(), "labels": d.labels(), "probs": d.shares(), "d_logits": d.space()}, bitwise
    ),
    "sigmoid_crossentropy.forward": Case(
        lambda d: {"y_true": d.shares(), "logits": d.table(), "losses": d.space()}, of_sigmoid_crossentropy
    ),
    "sigmoid_crossentropy.backward": Case(
        lambda d: {"d_losses": d.table(), "y_true": d.shares(), "logits": d.table(), "d_logits": d.space()},
        of_sigmoid_crossentropy_backward,
    ),
    "categorical_crossentropy.forward": Case(
        lambda d: {"y_true": d.one_hot(), "y_pred": d.shares(), "epsilon": EPSILON, "losses": d.space(d.rows)},
        of_categorical,
    ),
    "categorical_crossentropy.backward": Case(
        lambda d: {
            "d_losses": d.row(),
            "y_true": d.one_hot(),
            "y_pred": d.shares(),
            "epsilon": EPSILON,
            "d_pred": d.space(),
        },
        of_categorical_backward,
    ),
    "categorical_crossentropy.log_clipped": Case(
        lambda d: {"y_pred": d.shares(), "epsilon": EPSILON, "logs": d.space()},
        lambda a, expected: {"logs": ULPS * eps(expected) * np.abs(wide(expected["logs"]))},
    ),
    "categorical_crossentropy.log_clipped_backward": Case(
        lambda d: {"d_logs": d.table(), "y_pred": d.shares(), "epsilon": EPSILON, "d_pred": d.space()}, bitwise
    ),
    "binary_crossentropy.forward": Case(
        lambda d: {"y_true": d.shares(), "y_pred": d.shares(), "epsilon": EPSILON, "losses": d.space()}, of_binary
    ),
    "binary_crossentropy.backward": Case(
        lambda d: {
            "d_losses": d.table(),
            "y_true": d.shares(),
            "y_pred": d.shares(),
            "epsilon": EPSILON,
            "d_pred": d.space(),
        },
        same_but_for_the_sign_of_zero("d_pred"),  # beyond the clip the twin has 0, the reference 0 d_losses
    ),
    "accuracy.equal": Case(lambda d: {**pair(d), "values": d.space(d.rows)}, bitwise),
    "accuracy.binary": Case(
        lambda d: {"y_true": d.one_hot(), "y_pred": d.table(), "threshold": d.number(-1, 1), "values": d.space(d.rows)},
        bitwise,
    ),
    "accuracy.categorical": Case(
        lambda d: {"y_true": d.one_hot(), "y_pred": d.table().round(1), "values": d.space(d.rows)}, bitwise
    ),
    "accuracy.sparse": Case(
        lambda d: {"labels": d.labels(), "y_pred": d.table().round(1), "values": d.space(d.rows)}, bitwise
    ),
    "gather.rows": Case(gather_arguments, bitwise),
}


def log_clipped(probs: Array, epsilon: float, logs: Array) -> None:
    """As `tinynn.ops.sparse_categorical_crossentropy` does with probabilities."""
    logs[:] = np.log(np.clip(probs, epsilon, 1 - epsilon))


def log_clipped_backward(d_logs: Array, probs: Array, epsilon: float, d_probs: Array) -> None:
    real = probs.dtype.type
    d_probs[:] = np.where((probs >= real(epsilon)) & (probs <= real(1 - epsilon)), d_logs / np.maximum(probs, 1e-30), 0)


def kernels_of(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The reference and its twin."""
    short, function = name.split(".")
    module = importlib.import_module(f"{kernels.__name__}.{short}")
    plain = globals()[function] if name in WITHOUT_REFERENCE else getattr(module, function)
    return plain, getattr(module, f"{function}_compiled")


def call(function: Callable[..., Any], arguments: Arguments) -> Arguments:
    """The arguments after the call; those before it stay."""
    after = {name: a.copy() if isinstance(a, np.ndarray) else a for name, a in arguments.items()}
    with np.errstate(all="ignore"):
        function(*after.values())
    return after


def assert_twin(name: str, arguments: Arguments, cases: dict[str, Case] | None = None) -> None:
    plain, twin = kernels_of(name)
    expected, found = call(plain, arguments), call(twin, arguments)
    bounds = (CASES if cases is None else cases)[name].bounds(arguments, expected)
    for argument, array in expected.items():
        if not isinstance(array, np.ndarray):
            continue
        other = found[argument]
        if argument not in bounds:
            if not name.endswith("crossentropy.forward") or argument != "probs":
                assert same_bits(other, array), f"{name} {argument}: {other} is not bit for bit {array}"
            continue
        assert np.array_equal(np.isnan(other), np.isnan(array)), f"{name} {argument}: {other}, expected {array}"
        infinite = np.isinf(array)
        assert np.array_equal(other[infinite], array[infinite])
        off = np.abs(wide(other) - wide(array))[~infinite & ~np.isnan(array)]
        bound = np.broadcast_to(bounds[argument], array.shape)[~infinite & ~np.isnan(array)] + tiny(expected)
        assert (off <= bound).all(), f"{name} {argument} is off by {(off / bound).max():.3g} times the bound"


def same_bits(one: Array, other: Array) -> bool:
    """NaN where NaN, and else the same number, zeros with their sign."""
    if one.dtype.kind != "f":
        return np.array_equal(one, other)
    here = ~np.isnan(one)
    return np.array_equal(one, other, equal_nan=True) and np.array_equal(np.signbit(one[here]), np.signbit(other[here]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 9),
    columns=st.integers(1, 19),
    scale=st.sampled_from([1.0, 1e-3, 30.0, 1000.0]),
)
def test_twin_equals_reference(name: str, dtype: str, seed: int, rows: int, columns: int, scale: float) -> None:
    assert_twin(name, CASES[name].arguments(Draw(seed, rows, columns, scale, dtype)))


# NaN and infinity -------------------------------------------------------------------------------------------------------

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.0, 1e-45, -1e-45, 3e38]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "linear"])
def test_activation_of_special_numbers(name: str, dtype: str) -> None:
    x = np.array(SPECIAL, dtype)
    if name == "tanh":
        x = x[x != 0]  # the sign of zero has a test of its own
    arguments = {"x": x, "out": np.empty_like(x)}
    plain, twin = kernels_of(f"{name}.forward")
    expected, found = call(plain, arguments)["out"], call(twin, arguments)["out"]
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    with np.errstate(invalid="ignore"):
        assert np.all(
            (found == expected) | np.isnan(expected) | (np.abs(found - expected) <= ULPS * np.spacing(np.abs(expected)))
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize(
    "name", ["sgd.step", "sgd.momentum_step", "sgd.nesterov_step", "adam.step", "rmsprop.step", "relu.backward"]
)
def test_a_gradient_that_is_not_finite_goes_where_it_goes_in_the_reference(name: str, wrong: float, dtype: str) -> None:
    for seed in range(4):  # with and without the optional slots
        arguments = CASES[name].arguments(Draw(seed, 2, 5, 1.0, dtype))
        arguments["d_out" if name == "relu.backward" else "grads"][3] = wrong
        assert_twin(name, arguments)


@pytest.mark.parametrize("dtype", DTYPES)
def test_argmax_of_nan_and_of_equals_is_numpys(dtype: str) -> None:
    rows = [[0, np.nan, 2], [np.nan, np.nan, 1], [1, 1, 0], [-np.inf, -np.inf, -np.inf], [0, 2, 2], [3, 1, np.nan]]
    y_pred = np.array(rows, dtype)
    for label in range(3):
        labels = np.full(len(rows), label)
        assert_twin("accuracy.sparse", {"labels": labels, "y_pred": y_pred, "values": np.empty(len(rows), dtype)})
        one_hot = np.eye(3, dtype=dtype)[labels]
        assert_twin("accuracy.categorical", {"y_true": one_hot, "y_pred": y_pred, "values": np.empty(len(rows), dtype)})


# Outputs that are inputs, and parts of dense ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "softmax"])
def test_activations_work_in_place(name: str, dtype: str) -> None:
    """The loop overwrites an activation's input by its output, and d_out by d_x."""
    d = Draw(7, 3, 5, 1.0, dtype)
    x, d_out = (d.table(), d.table()) if name == "softmax" else (d.flat(), d.flat())
    _, forward_twin = kernels_of(f"{name}.forward")
    _, backward_twin = kernels_of(f"{name}.backward")
    out, d_x = np.empty_like(x), np.empty_like(x)
    forward_twin(x, out)
    backward_twin(d_out, out, d_x)
    forward_twin(x, x)
    backward_twin(d_out, x, d_out)
    assert same_bits(x, out)
    assert same_bits(d_out, d_x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("batch", "fan_in", "units"),
    [(1, 1, 1), (10, 12, 16), (40, 300, 130), (10, 130, 900), (64, 784, 41), (70, 300, 60)],
)
def test_dense_twins_are_products_however_they_are_cut(batch: int, fan_in: int, units: int, dtype: str) -> None:
    """Skinny products beyond 10^6 multiplications are cut into blocks, with rests on all sides; others are one call."""
    d = Draw(batch, batch, fan_in, 1.0, dtype)
    arguments = {"x": d.table(), "kernel": d.like(fan_in, units), "bias": d.like(units), "out": d.space(batch, units)}
    assert_twin("dense.forward", arguments)
    spaces = {"d_x": d.space(batch, fan_in), "d_kernel": d.space(fan_in, units), "d_bias": d.space(units)}
    given_ = {"d_out": d.like(batch, units), "x": arguments["x"], "kernel": arguments["kernel"]}
    assert_twin("dense.backward", {**given_, **spaces})


# Dropout ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**62),
    uses=st.integers(0, 2**40),
    rate=st.floats(0.001, 0.999),
    shape=st.tuples(st.integers(1, 5), st.integers(1, 33)),
    cut=st.floats(0, 1),
)
def test_a_part_of_the_columns_of_a_mask_is_that_part_of_the_whole_mask(
    dtype: str, seed: int, uses: int, rate: float, shape: tuple[int, int], cut: float
) -> None:
    """A team of two: each draws its own columns, however odd, and together they have the reference's mask."""
    from tinynn.kernels import dropout

    batch, width = shape
    middle = round(cut * width)
    whole = np.empty(shape, dtype)
    dropout.factors(seed, uses, rate, width, 0, whole)
    for first, last in ((0, width), (0, middle), (middle, width)):
        part = np.full((batch, last - first), np.nan, dtype)
        dropout.factors_compiled(seed, uses, rate, width, first, part)
        assert np.array_equal(part, whole[:, first:last])


# exp, log, tanh, log1p --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def elementary_over() -> dict[str, Callable[[Array], Array]]:
    """The functions of one float32, over arrays, in a loop that LLVM may turn into vector code."""
    import numba

    def over(function: Any) -> Callable[[Array], Array]:
        @numba.njit(**_compiled.OPTIONS)
        def loop(x: Any, out: Any) -> None:
            for i in range(x.size):
                out[i] = function(x[i])

        def call(x: Array) -> Array:
            out = np.full_like(x, 7)
            loop(x, out)
            return out

        return call

    return {name: over(getattr(elementary, name)) for name in ("exp32", "log32", "tanh32")}


def over_all_exponents() -> Array:
    """float32 of every exponent and either sign, zeros, denormals and infinities among them: 160 mantissas each."""
    mantissas = np.concatenate(
        [np.arange(16), np.random.default_rng(0).integers(0, 2**23, 140), 2**23 - 1 - np.arange(4)]
    )
    bits = (np.arange(256, dtype=np.uint32)[:, None] << np.uint32(23)) | mantissas.astype(np.uint32)
    magnitudes = bits.ravel().view(np.float32)
    return np.concatenate([magnitudes, -magnitudes])


def ulps_off(found: Array, exact: Array) -> Array:
    """How far from the exact value, in units of the last place of float32 there; 0 where both are the same infinity."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        off = np.abs(found.astype(np.float64) - exact) / np.spacing(np.abs(rounded)).astype(np.float64)
    return np.where((found == rounded) & np.isinf(rounded), 0, off)


@pytest.mark.parametrize("name", ["exp32", "log32", "tanh32"])
def test_float32_polynomials_stay_within_two_ulp_over_all_exponents(
    name: str, elementary_over: Any, record_property: Any
) -> None:
    x = over_all_exponents()
    if name == "log32":
        x = x[
            ~((x > 0) & (x < np.finfo(np.float32).smallest_normal))
        ]  # denormals count as zero, which says its docstring
    with np.errstate(all="ignore"):
        exact = getattr(np, name.removesuffix("32"))(x.astype(np.float64))
        found = elementary_over[name](x)
        assert np.array_equal(np.isnan(found), np.isnan(exact))
        # Beyond the largest float32 there is infinity.
        overflows = np.abs(exact) >= 2.0**128
        assert np.array_equal(np.isinf(found), overflows)
        worst = ulps_off(found, exact)[~np.isnan(exact) & ~overflows].max()
    record_property("ulp", float(worst))
    assert worst <= 2, f"{name} is {worst:.3g} ulp off"


def test_exp32_between_the_exponents(elementary_over: Any) -> None:
    """Densely where e^x is neither 0 nor infinite, ends and denormal results among them."""
    x = np.linspace(-104.5, 89, 400_001).astype(np.float32)
    with np.errstate(all="ignore"):
        exact = np.exp(x.astype(np.float64))
    found = elementary_over["exp32"](x)
    finite = exact < 2.0**128
    assert ulps_off(found, exact)[finite].max() <= 2
    assert np.isinf(found[~finite]).all()


@pytest.mark.parametrize(("name", "low", "high"), [("log32", 0.25, 4.0), ("tanh32", -10.0, 10.0)])
def test_where_polynomials_meet(name: str, low: float, high: float, elementary_over: Any) -> None:
    x = np.linspace(low, high, 400_001).astype(np.float32)
    exact = getattr(np, name.removesuffix("32"))(x.astype(np.float64))
    assert ulps_off(elementary_over[name](x), exact).max() <= 2


def test_elementary_functions_of_special_numbers(elementary_over: Any) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    nan, inf = np.nan, np.inf
    for name, expected in {
        "exp32": [nan, inf, 0, 1, 1],
        "log32": [nan, inf, nan, -inf, -inf],
        "tanh32": [nan, 1, -1, 0, 0],
    }.items():
        assert np.array_equal(elementary_over[name](x), np.array(expected, np.float32), equal_nan=True), name


def test_tanh_is_odd_even_of_zero(elementary_over: Any) -> None:
    x = over_all_exponents()
    x = x[~np.isnan(x)]
    assert same_bits(elementary_over["tanh32"](-x), -elementary_over["tanh32"](x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_log1p_keeps_the_precision_of_small_numbers(dtype: str) -> None:
    """log's ulps, the quotient's two roundings, and what Kahan's correction leaves: within 4 ulp on [0, 1]."""
    x = np.concatenate([np.logspace(-44, 0, 3000), np.linspace(0, 1, 3001), 2.0 ** -np.arange(1.0, 60)]).astype(dtype)
    one = x.dtype.type(1)
    found = np.array([elementary.log1p(value, one) for value in x])
    exact = np.log1p(x.astype(np.longdouble))
    off = np.abs(found - exact) / np.spacing(exact.astype(dtype))
    assert float(off.max()) <= ULPS


# The comparison itself --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["dense.backward", "adam.step", "softmax.forward", "categorical_crossentropy.backward"]
)
def test_the_comparison_rejects_a_twin_that_is_off_by_a_thousandth(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, twin = kernels_of(name)
    arguments = CASES[name].arguments(Draw(3, 4, 5, 1.0, "float64"))

    def scaled(*given_: Any) -> None:
        twin(*given_)
        outputs = [a for a in given_ if isinstance(a, np.ndarray) and a.size]
        (outputs[0] if name == "adam.step" else outputs[-1])[...] *= 1.001

    short, function = name.split(".")
    monkeypatch.setattr(importlib.import_module(f"{kernels.__name__}.{short}"), f"{function}_compiled", scaled)
    with pytest.raises(AssertionError):
        assert_twin(name, arguments)
