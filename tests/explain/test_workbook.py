"""The exercises: right answers pass however they are written, and every hint is given for its mistake and for no other."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynn
from tests.oracles import complex_step_gradient
from tinynn import explain
from tinynn._typing import Array
from tinynn.explain.workbook import Exercise, Mistake

TASKS = [explain.exercise(name) for name in explain.exercises()]
MISTAKES = [(task, mistake) for task in TASKS for mistake in task.mistakes]


def ids(pairs: list[tuple[Exercise, Any]]) -> list[str]:
    return [f"{task.name}-{n}" for n, (task, _) in enumerate(pairs)]


# Right answers ---------------------------------------------------------------------------------------------------------


def dense_by_loops(x: Array, kernel: Array, bias: Array) -> Array:
    out = np.zeros((len(x), kernel.shape[1]))
    for b in range(len(x)):
        for u in range(kernel.shape[1]):
            out[b, u] = sum(x[b, i] * kernel[i, u] for i in range(x.shape[1])) + bias[u]
    return out


def dense_backward_by_loops(d_out: Array, x: Array, kernel: Array) -> list[Array]:
    d_x, d_kernel, d_bias = np.zeros_like(x), np.zeros_like(kernel), np.zeros(kernel.shape[1])
    for b in range(len(x)):
        for u in range(kernel.shape[1]):
            d_bias[u] += d_out[b, u]
            for i in range(x.shape[1]):
                d_x[b, i] += d_out[b, u] * kernel[i, u]
                d_kernel[i, u] += d_out[b, u] * x[b, i]
    return [d_x, d_kernel, d_bias]


def relu_in_place_on_a_copy(x: Array) -> Array:
    x = x.copy()
    x[x < 0] = 0
    return x


def softmax_by_rows(logits: Array) -> list[list[float]]:
    rows = []
    for row in logits:
        e = [math.exp(z - max(row)) for z in row]
        rows.append([part / sum(e) for part in e])
    return rows


def softmax_crossentropy_backward_by_jacobian(y_true: Array, logits: Array) -> Array:
    d_logits = np.zeros_like(logits)
    for b, z in enumerate(logits):
        p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        d_logits[b] = (np.diag(p) - np.outer(p, p)) @ (-y_true[b] / p) / len(logits)
    return d_logits


def batch_normalization_backward_step_by_step(
    d_out: Array, x: Array, gamma: Array, epsilon: float
) -> tuple[Array, ...]:
    """The graph of the computation, node by node, as in a well-known course."""
    n = len(x)
    centred = x - x.mean(axis=0)
    root = np.sqrt((centred**2).mean(axis=0) + epsilon)
    normed = centred / root
    d_normed = d_out * gamma
    d_variance = (d_normed * centred).sum(axis=0) * -0.5 / root**3
    d_centred = d_normed / root + d_variance * 2 * centred / n
    return d_centred - d_centred.mean(axis=0), np.einsum("bf,bf->f", d_out, normed), np.ones(n) @ d_out


def batch_normalization_backward_in_one_line(d_out: Array, x: Array, gamma: Array, epsilon: float) -> tuple[Array, ...]:
    n, s = len(x), (x.var(0) + epsilon) ** -0.5
    y = (x - x.mean(0)) * s
    d_gamma, d_beta = (d_out * y).sum(0), d_out.sum(0)
    return gamma * s / n * (n * d_out - d_beta - y * d_gamma), d_gamma, d_beta


def adam_as_in_the_paper(
    p: Array, g: Array, m: Array, v: Array, learning_rate: float, beta_1: float, beta_2: float, epsilon: float, t: int
) -> tuple[Array, Array, Array]:
    """Algorithm 1 with its epsilon made small accordingly."""
    m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    return p - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon / math.sqrt(1 - beta_2**t)), m, v


def adam_by_increments(
    p: Array, g: Array, m: Array, v: Array, learning_rate: float, beta_1: float, beta_2: float, epsilon: float, t: int
) -> tuple[Array, Array, Array]:
    new_m, new_v = m + (g - m) * (1 - beta_1), v + (g**2 - v) * (1 - beta_2)
    a = learning_rate * (1 - beta_2**t) ** 0.5 / (1 - beta_1**t)
    return p - a * new_m / (new_v**0.5 + epsilon), new_m, new_v


def momentum_in_place_on_copies(
    p: Array, g: Array, v: Array, learning_rate: float, momentum: float
) -> tuple[Array, Array]:
    p, v = p.copy(), v.copy()
    v *= momentum
    v -= learning_rate * g
    p += v
    return p, v


RIGHT: dict[str, list[Callable[..., Any]]] = {
    "dense": [dense_by_loops, lambda x, w, b: np.einsum("bi,iu->bu", x, w) + b, lambda x, w, b: (w.T @ x.T).T + b],
    "relu": [
        relu_in_place_on_a_copy,
        lambda x: x * (x > 0),
        lambda x: np.where(x > 0, x, 0),
        lambda x: (x + abs(x)) / 2,
    ],
    "sigmoid": [
        lambda x: 1 / (1 + np.exp(-x)),  # overflows to inf, and 1 / inf is right
        lambda x: 0.5 * (1 + np.tanh(x / 2)),
        lambda x: np.exp(-np.logaddexp(0, -x)),
    ],
    "softmax": [softmax_by_rows, lambda z: np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))],
    "mse": [lambda y, p: ((y - p) ** 2).mean(), lambda y, p: np.linalg.norm(y - p) ** 2 / y.size],
    "softmax_crossentropy": [
        lambda y, z: np.mean(np.logaddexp.reduce(z, axis=1) - z[np.arange(len(z)), y.argmax(axis=1)]),
        lambda y, z: float((np.logaddexp.reduce(z, axis=1) - (y * z).sum(axis=1)).sum() / z.shape[0]),
    ],
    "relu_backward": [lambda d, x: np.where(x > 0, d, 0), lambda d, x: d * np.heaviside(x, 0.5)],
    "sigmoid_backward": [
        lambda d, x: d * np.exp(-x) / (1 + np.exp(-x)) ** 2,
        lambda d, x: d / (2 + 2 * np.cosh(x)),
    ],
    "tanh_backward": [lambda d, x: d / np.cosh(x) ** 2, lambda d, x: d * (1 - np.tanh(x)) * (1 + np.tanh(x))],
    "mse_backward": [
        lambda y, p: -2 * (y - p) / (y.shape[0] * y.shape[1]),
        lambda y, p: (p - y) / (0.5 * p.size),
    ],
    "softmax_crossentropy_backward": [softmax_crossentropy_backward_by_jacobian],
    "sigmoid_crossentropy_backward": [
        lambda y, z: (-y / (1 + np.exp(z)) + (1 - y) / (1 + np.exp(-z))) / z.size,
    ],
    "dense_backward": [
        dense_backward_by_loops,
        lambda d, x, w: (np.einsum("bu,iu->bi", d, w), np.einsum("bi,bu->iu", x, d), np.einsum("bu->u", d)),
        lambda d, x, w: ((w @ d.T).T, (d.T @ x).T, np.ones(len(d)) @ d),
    ],
    "sgd_step": [lambda p, g, rate: p + -rate * g, lambda p, g, rate: np.subtract(p, np.multiply(rate, g))],
    "momentum_step": [momentum_in_place_on_copies],
    "rmsprop_step": [
        lambda p, g, s, rate, rho, e: (
            p - rate * g * (s + (g * g - s) * (1 - rho) + e) ** -0.5,
            s + (g * g - s) * (1 - rho),
        )
    ],
    "adam_step": [adam_as_in_the_paper, adam_by_increments],
    "batch_normalization_backward": [
        batch_normalization_backward_step_by_step,
        batch_normalization_backward_in_one_line,
    ],
}


def test_every_exercise_has_right_answers_written_otherwise() -> None:
    assert set(RIGHT) == set(explain.exercises())
    assert all(task.mistakes for task in TASKS)


RIGHT_ANSWERS = [(task, answer) for task in TASKS for answer in [task.solution, *RIGHT[task.name]]]


@pytest.mark.parametrize(("task", "answer"), RIGHT_ANSWERS, ids=ids(RIGHT_ANSWERS))
def test_right_answers_pass_without_a_hint(task: Exercise, answer: Callable[..., Any]) -> None:
    result = task.check(answer)
    assert result.passed, result
    assert result.hint == ""
    assert "right" in repr(result)


# Mistakes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "mistake"), MISTAKES, ids=ids(MISTAKES))
def test_every_hint_is_given_for_its_mistake(task: Exercise, mistake: Mistake) -> None:
    several = len(task.outputs) > 1

    def answer(*arguments: Any) -> Any:
        """The mistake; what it leaves out is right."""
        made, right = mistake.solution(*arguments), task.solution(*arguments)
        return tuple(r if m is None else m for m, r in zip(made, right, strict=True)) if several else made

    result = task.check(answer)
    assert not result.passed
    assert result.hint == mistake.hint, result
    assert result.output in task.outputs
    assert result.shape in task.shapes
    assert f"Hint: {mistake.hint}" in repr(result)
    if result.index is not None:
        assert result.found != result.expected


def test_hints_tell_mistakes_apart() -> None:
    """No two mistakes of an exercise with different hints are the same function."""
    for task in TASKS:
        hints = [mistake.hint for mistake in task.mistakes]
        assert len(set(hints)) >= len(hints) - 1  # one mistake may be written in two ways


def test_a_missing_transpose_is_found_though_it_raises_on_other_shapes() -> None:
    result = explain.exercise("dense_backward").check(lambda d, x, w: (d @ w, x.T @ d, d.sum(axis=0)))
    assert "a transpose of kernel is missing" in result.hint
    assert (result.output, result.index, result.shape) == ("d_x", (0, 0), "(batch, fan_in), that of x")


def test_two_mistakes_in_two_outputs_get_the_hint_of_the_first() -> None:
    result = explain.exercise("dense_backward").check(lambda d, x, w: (d @ w.T, x.T @ d / len(x), d.sum(axis=1)))
    assert result.output == "d_kernel"
    assert "a sum over the batch, not a mean" in result.hint


def test_a_mistake_nobody_thought_of_gets_its_place_and_a_pattern() -> None:
    result = explain.exercise("tanh_backward").check(lambda d, x: -3 * d * (1 - np.tanh(x) ** 2))
    assert result.hint == "All of it is -3 times what it should be."
    result = explain.exercise("tanh_backward").check(lambda d, x: d * np.cos(x))
    assert result.hint == ""
    assert result.message.startswith("d_x[0, 0] is ")


def test_changing_an_input_is_seen() -> None:
    def step(p: Array, g: Array, learning_rate: float) -> Array:
        p -= learning_rate * g
        return p

    result = explain.exercise("sgd_step").check(step)
    assert result.message == "It changes its input p in place."
    assert "p = p - ..." in result.hint


def test_exceptions_missing_returns_and_shapes_are_told() -> None:
    task = explain.exercise("dense_backward")
    assert "It raises ValueError" in task.check(lambda d, x, w: (d @ x.T @ w.T @ np.ones((7, 7)), 0, 0)).message
    assert "It should return d_x, d_kernel, d_bias; it returned 2." in task.check(lambda d, x, w: (d, x)).message
    kept = task.check(lambda d, x, w: (d @ w.T, x.T @ d, d.sum(axis=0, keepdims=True)))
    assert "d_bias has shape (1, 3) where it should have (3,)" in kept.message
    assert "keepdims" in kept.hint
    nothing = explain.exercise("relu").check(lambda x: None)
    assert "return" in nothing.hint


def test_what_is_no_answer_raises() -> None:
    with pytest.raises(TypeError, match="the function itself"):
        explain.exercise("relu").check(np.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"The exercise asks for dense\(x, kernel, bias\)"):
        explain.exercise("dense").check(lambda x: x)
    with pytest.raises(ValueError, match='Did you mean "dense"'):
        explain.exercise("dens")


# The exercises are right themselves ------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])
def test_signature_trials_and_solution_fit(task: Exercise) -> None:
    names = task.signature[task.signature.index("(") + 1 : -1].split(", ")
    assert task.signature.startswith(f"{task.name}(")
    for trial in task.trials():
        assert list(trial) == names
    assert len(task.outputs) == len(task.shapes)
    shown = repr(task)
    assert task.statement.splitlines()[0] in shown
    assert task.signature in shown
    assert max(len(line) for line in shown.splitlines()) <= 128
    assert task.title in task._repr_html_()


def of(name: str) -> Callable[..., Any]:
    return explain.exercise(name).solution


def test_backward_solutions_are_the_derivatives_of_the_forward_ones() -> None:
    random = np.random.RandomState(0)
    x, kernel, bias, d = (random.normal(size=shape) for shape in [(4, 3), (3, 2), (2,), (4, 2)])
    found = of("dense_backward")(d, x, kernel)
    for which, expected in enumerate([x, kernel, bias]):
        arguments = [x, kernel, bias]
        derivative = complex_step_gradient(
            lambda moved, which=which, arguments=arguments: of("dense")(
                *[moved if n == which else a for n, a in enumerate(arguments)]
            ),
            expected,
            d,
        )
        np.testing.assert_allclose(found[which], derivative, rtol=1e-13, atol=1e-14)
    labels = np.eye(3)[[0, 2, 1, 1]]
    pairs = {
        "mse_backward": (lambda z: np.mean((z - labels) ** 2)),
        "softmax_crossentropy_backward": lambda z: np.sum(labels * (np.log(np.exp(z).sum(1, keepdims=True)) - z)) / 4,
        "sigmoid_crossentropy_backward": lambda z: np.mean(np.log(1 + np.exp(z)) - labels * z),
    }
    for name, loss in pairs.items():
        np.testing.assert_allclose(of(name)(labels, x), complex_step_gradient(loss, x, np.ones(())), rtol=1e-12)
    for name, function in {"sigmoid_backward": lambda z: 1 / (1 + np.exp(-z)), "tanh_backward": np.tanh}.items():
        np.testing.assert_allclose(of(name)(x, x), complex_step_gradient(function, x, x), rtol=1e-12)
    gamma = random.normal(size=3)

    def normalized(z: Array) -> Array:
        centred = z - z.mean(axis=0)
        return gamma * centred / np.sqrt((centred**2).mean(axis=0) + 1e-3)

    found = of("batch_normalization_backward")(x + 1, x, gamma, 1e-3)
    np.testing.assert_allclose(found[0], complex_step_gradient(normalized, x, x + 1), rtol=1e-10, atol=1e-13)


def test_steps_are_those_of_the_optimizers() -> None:
    """In float64; Keras rounds the betas to float32, which moves a step by some 1e-5 of its size."""
    random = np.random.RandomState(1)
    gradients = random.normal(size=(3, 5))
    settings = {"learning_rate": 0.1}
    cases: list[tuple[str, Any, dict[str, float], int]] = [
        ("sgd_step", tinynn.optimizers.SGD(0.1), settings, 0),
        ("momentum_step", tinynn.optimizers.SGD(0.1, momentum=0.9), {**settings, "momentum": 0.9}, 1),
        (
            "rmsprop_step",
            tinynn.optimizers.RMSprop(0.1, rho=0.9, epsilon=1e-3),
            {**settings, "rho": 0.9, "epsilon": 1e-3},
            1,
        ),
        (
            "adam_step",
            tinynn.optimizers.Adam(0.1, beta_2=0.99, epsilon=1e-3),
            {**settings, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-3},
            2,
        ),
    ]
    for name, optimizer, arguments, slots in cases:
        variable = tinynn.Variable(np.ones(5), dtype="float64")
        p, state = np.ones(5), [np.zeros(5)] * slots
        for t, g in enumerate(gradients, start=1):
            optimizer.apply([g], [variable])
            clock = {"t": t} if name == "adam_step" else {}
            result = of(name)(p, g, *state, *arguments.values(), *clock.values())
            p, *state = result if slots else [result]
            np.testing.assert_allclose(variable.value, p, rtol=0, atol=1e-5)
        assert len(inspect.signature(of(name)).parameters) >= 3
