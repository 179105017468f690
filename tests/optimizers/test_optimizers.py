"""Optimizers as objects: steps, slots, names, gradients that are missing. The formulas are tested with the kernels."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn
from tests.models.twins import floatx_put_back, set_floatx
from tinynn import GradientTape, Variable, ops, optimizers
from tinynn.buffer import pack

RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.7, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop, momentum": ("RMSprop", {"momentum": 0.5, "rho": 0.7}),
    "rmsprop, centered": ("RMSprop", {"centered": True, "epsilon": 1e-3}),
    "rmsprop, both": ("RMSprop", {"centered": True, "momentum": 0.4}),
    "adam": ("Adam", {}),
    "amsgrad": ("Adam", {"amsgrad": True, "beta_1": 0.5, "beta_2": 0.9}),
    "adam, forgetful": ("Adam", {"learning_rate": 0.1, "beta_1": 0.0, "beta_2": 0.0, "epsilon": 1e-2}),
}
SHAPES = [(2, 3), (3,), (), (1, 1)]


def made(k: Any, rule: str, **further: Any) -> Any:
    name, arguments = RULES[rule]
    return getattr(k.optimizers, name)(**arguments, **further)


def variables_of(k: Any, floatx: str) -> list[Any]:
    numbers = np.random.default_rng(1)
    return [k.Variable(numbers.normal(size=shape), dtype=floatx, name=f"v{i}") for i, shape in enumerate(SHAPES)]


# Steps -----------------------------------------------------------------------------------------------------------------


@pytest.mark.keras
@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES)
def test_every_step_and_slot_is_keras_s(keras: Any, rule: str, floatx: str) -> None:
    """One step at a time from equal gradients, some of them zero, tiny and huge."""

    def steps(k: Any) -> list[Any]:
        set_floatx(k, floatx)
        k.backend.clear_session()
        optimizer, variables, seen = made(k, rule), variables_of(k, floatx), []
        for t in range(6):
            numbers = np.random.default_rng(t)
            scale = [1.0, 0.0, 1e-6, 1e3, 1.0, 0.1][t]
            grads = [np.asarray(scale * numbers.normal(size=shape), floatx) for shape in SHAPES]
            optimizer.apply([k.ops.convert_to_tensor(g) for g in grads], variables)
            seen += [np.array(v.numpy()) for v in (*variables, *optimizer.variables)]
        return [*seen, [v.path for v in optimizer.variables], [str(v.dtype) for v in optimizer.variables]]

    with floatx_put_back(tinynn, keras):
        ours, theirs = steps(tinynn), steps(keras)
    assert ours[-2:] == theirs[-2:]
    eps = np.finfo(floatx).eps
    for found, expected in zip(ours[:-2], theirs[:-2], strict=True):
        assert found.dtype == expected.dtype
        # A dozen roundings a step, of numbers of an array's size; where v is tiny, a root carries them to its square root.
        assert np.allclose(found, expected, rtol=16 * eps, atol=16 * eps * max(1e-30, float(np.abs(expected).max())))


@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES)
def test_one_loop_over_a_flat_vector_is_bit_for_bit_a_loop_per_variable(rule: str, floatx: str) -> None:
    results = []
    for packed in (True, False):
        variables, optimizer = variables_of(tinynn, floatx), made(tinynn, rule)
        if packed:
            pack(variables)
        for t in range(4):
            grads = [np.asarray(np.random.default_rng(t).normal(size=shape), floatx) for shape in SHAPES]
            optimizer.apply(grads, variables)
        results.append([v.numpy() for v in (*variables, *optimizer.variables)])
    for one, other in zip(*results, strict=True):
        assert np.array_equal(one, other)


@settings(max_examples=60)
@given(
    rule=st.sampled_from(sorted(RULES)),
    present=st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=1, max_size=4),
)
def test_variables_without_a_gradient_stay_as_they_are(rule: str, present: list[set[int]]) -> None:
    """The others move as if they were alone: a missing gradient is not a zero."""
    together, alone = variables_of(tinynn, "float64"), variables_of(tinynn, "float64")
    pack(together)
    optimizer = made(tinynn, rule)
    optimizer.build(together)
    singles = [made(tinynn, rule) for _ in SHAPES]
    for t, chosen in enumerate(present):
        grads = [np.random.default_rng(t).normal(size=shape) if i in chosen else None for i, shape in enumerate(SHAPES)]
        with pytest.warns(UserWarning, match="Gradients do not exist for") if len(chosen) < 4 else nothing():
            optimizer.apply(grads, together)
        for i in range(len(SHAPES)):
            singles[i].iterations.assign(t)  # Adam's corrections count the steps of all
            if i in chosen:
                singles[i].apply([grads[i]], [alone[i]])
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.numpy(), other.numpy())


def nothing() -> Any:
    import contextlib

    return contextlib.nullcontext()


def test_a_minimum_is_found() -> None:
    """(x - 3)^2 + (y + 1)^2, by every rule, to within what its rate allows."""
    for rule in RULES:
        x, optimizer = Variable([0.0, 0.0], dtype="float64"), made(tinynn, rule)
        optimizer.learning_rate = 0.05
        for _ in range(400):
            with GradientTape() as tape:
                loss = ops.sum(ops.square(x - np.array([3.0, -1.0])))
            optimizer.apply_gradients([(tape.gradient(loss, x), x)])
        assert np.abs(x.numpy() - [3, -1]).max() < 0.2, rule


# As objects ------------------------------------------------------------------------------------------------------------


@pytest.mark.keras
@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam"])
def test_arguments_names_and_configs_are_keras_s(keras: Any, name: str) -> None:
    def seen(k: Any) -> Any:
        k.backend.clear_session()
        kind = getattr(k.optimizers, name)
        one, other, third = kind(), kind(), kind(name="mine", learning_rate=0.25)
        again = kind.from_config(third.get_config())
        return [
            [
                optimizer.name
                for optimizer in (one, other, third, again, k.optimizers.get(name), k.optimizers.get(name.lower()))
            ],
            [variable.path for optimizer in (other, third) for variable in optimizer.variables],
            one.get_config(),
            again.get_config(),
            str(one.iterations.dtype),
            float(third.learning_rate),
        ]

    with floatx_put_back(keras):
        set_floatx(keras, "float32")
        assert seen(tinynn) == seen(keras)
    ours, theirs = (inspect.signature(getattr(k.optimizers, name)).parameters.values() for k in (tinynn, keras))
    defaults = {parameter.name: parameter.default for parameter in theirs}
    for parameter in ours:
        assert parameter.name == "kwargs" or defaults[parameter.name] == parameter.default


def test_the_learning_rate_is_a_variable_in_floatx() -> None:
    optimizer = optimizers.SGD(0.1)
    assert optimizer.learning_rate.dtype == "float32"
    assert float(optimizer.learning_rate) == np.float32(0.1)
    optimizer.learning_rate = 0.5
    assert optimizer.learning_rate.numpy() == 0.5
    optimizer.learning_rate.assign(0.25)
    assert optimizer.get_config()["learning_rate"] == 0.25
    x = Variable([1.0])
    optimizer.apply([np.array([1.0])], [x])
    assert x.numpy() == 0.75


def test_gradients_are_cast_to_their_variable() -> None:
    x = Variable([1.0, 2.0], dtype="float32")
    optimizers.SGD(0.5).apply([np.array([1.0, 1.0])], [x])
    assert x.numpy().tolist() == [0.5, 1.5]
    assert x.dtype == "float32"


def test_iterations_count_steps() -> None:
    optimizer, x = optimizers.Adam(), Variable([1.0])
    for t in range(3):
        assert int(optimizer.iterations) == t
        found = optimizer.apply_gradients([(np.ones(1), x)])
        assert found is optimizer.iterations
    optimizer.apply([], [])  # nothing to do is no step
    assert int(optimizer.iterations) == 3


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no gradient at all": (
        lambda: optimizers.SGD().apply([None, None], [Variable(1.0), Variable(2.0)]),
        ValueError,
        r"No gradients provided for any variable: the loss does not depend on them\.",
    ),
    "too few gradients": (
        lambda: optimizers.SGD().apply([np.array(1.0)], [Variable(1.0), Variable(2.0)]),
        ValueError,
        r"one gradient per variable, 2; got 1\.",
    ),
    "gradients before build": (
        lambda: optimizers.SGD().apply([np.array(1.0)]),
        ValueError,
        r"Call `optimizer\.build\(trainable_variables\)` first",
    ),
    "another variable": (
        lambda: (
            lambda sgd: (
                sgd.apply([np.ones(1)], [Variable([1.0])]),
                sgd.apply([np.ones(2)], [Variable([1.0, 2.0], name="w")]),
            )
        )(optimizers.SGD()),
        ValueError,
        r"Unknown variable: w, of shape \(2,\)\. This optimizer was built for other variables; make a new optimizer",
    ),
    "no step": (
        lambda: type("Mine", (optimizers.Optimizer,), {})(0.1).apply([np.ones(1)], [Variable([1.0])]),
        NotImplementedError,
        r"Optimizer Mine does not have a `step\(\)` method implemented\.",
    ),
    "name": (
        lambda: optimizers.get("sdg"),
        ValueError,
        r'Unknown optimizer "sdg"\. Did you mean "sgd"\? Known: adadelta, adafactor, adagrad, adam, ',
    ),
    "number": (
        lambda: optimizers.get(1),
        ValueError,
        r"An optimizer is a name, an Optimizer, a description or None; got 1 of type int\.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_say_what_was_expected_and_what_came(case: str) -> None:
    call, kind, text = ERRORS[case]
    with pytest.raises(kind, match=text):
        call()


def test_own_optimizers_need_a_step_and_the_names_of_their_slots() -> None:
    class SignDescent(optimizers.Optimizer):
        slot_names = ("flips",)

        def step(self, params: Any, grads: Any, slots: Any, learning_rate: float) -> None:
            slots["flips"] += np.signbit(params) != np.signbit(params - learning_rate * np.sign(grads))
            params -= learning_rate * np.sign(grads)

    model = tinynn.Sequential([tinynn.Input((2,)), tinynn.layers.Dense(1, kernel_initializer="zeros")])
    optimizer = SignDescent(0.125)
    model.compile(optimizer, "mse")
    model.fit(np.ones((4, 2)), np.ones(4), verbose=0)
    assert model.get_weights()[0].tolist() == [[0.125], [0.125]]
    assert [variable.path for variable in optimizer.variables[2:]] == [
        f"{optimizer.name}/{model.name}_{model.layers[0].name}_kernel_flips",
        f"{optimizer.name}/{model.name}_{model.layers[0].name}_bias_flips",
    ]
