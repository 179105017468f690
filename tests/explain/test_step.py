"""`step` ends, bit for bit, where `train_on_batch` ends, and the formulas it shows come to the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinynn
from tests.explain.networks import everything, two_three_two
from tinynn import explain, optimizers

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "clipnorm": 0.01}),
    ("AdamW", {"weight_decay": 0.1}),
    ("Adagrad", {}),
    ("Adadelta", {}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("Lion", {"clipvalue": 0.02}),
    ("Lamb", {}),
    ("Ftrl", {"l1_regularization_strength": 0.01, "l2_shrinkage_regularization_strength": 0.1, "beta": 0.1}),
    ("Adafactor", {}),
    ("ScheduleFreeAdamW", {"warmup_steps": 5}),
    ("SGD", {"learning_rate": 0.1, "global_clipnorm": 0.05, "use_ema": True, "ema_overwrite_frequency": 2}),
    ("SGD", {"gradient_accumulation_steps": 2, "loss_scale_factor": 8.0}),
]


@pytest.mark.parametrize(("name", "arguments"), OPTIMIZERS, ids=[f"{n}-{'-'.join(a)}" for n, a in OPTIMIZERS])
@pytest.mark.parametrize("weight", [("dense/kernel", 0, 1), ("dense_1/bias", 1)])
def test_a_step_is_what_train_on_batch_does(name: str, arguments: dict[str, Any], weight: tuple[Any, ...]) -> None:
    model, x, y = two_three_two(optimizer=getattr(optimizers, name)(**arguments))
    for _ in range(4):
        step = explain.step(model, x, y, weight=weight)[0]
        model.train_on_batch(x, y)
        found = {v.path.removeprefix("sequential/"): v.numpy() for v in model.trainable_variables}
        assert {key: value.tobytes() for key, value in step.weights.items()} == {
            k: v.tobytes() for k, v in found.items()
        }
        assert step.after == found[weight[0]][weight[1:]]
        slots = {
            slot: float(kind[model.optimizer._places[id(variable)]].value[weight[1:]])
            for variable in model.trainable_variables
            if variable.path.endswith(weight[0])
            for slot, kind in model.optimizer._slots.items()
            if slot in step.slots
        }
        assert {slot: after for slot, (_, after) in step.slots.items()} == slots
        overwritten = "ema_overwrite_frequency" in arguments
        if step.computed is not None and not overwritten:
            # The betas pass through float32 in some rules, as in Keras. 0.999 is off by 2^-25 then, which is 3e-5 of 1 - 0.999,
            # by which a first step is corrected, or of the root of it; all else is in float64.
            assert abs(step.computed - step.after) <= 3e-5 * abs(step.change) + 1e-14


def test_gradients_that_are_added_up_make_no_step_yet() -> None:
    model, x, y = two_three_two(optimizer=optimizers.SGD(gradient_accumulation_steps=2))
    first = explain.step(model, x, y, weight=("dense/kernel", 0, 0))
    assert first[0].used is None
    assert first[0].change == 0
    assert "No step is due yet" in str(first)
    model.train_on_batch(x, y)
    assert explain.step(model, x, y, weight=("dense/kernel", 0, 0))[0].change != 0


def test_optimizers_stand_beside_one_another_as_if_each_began() -> None:
    model, x, y = two_three_two()
    model.train_on_batch(x, y)
    nesterov = optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    both = explain.step(model, x, y, weight=("dense/kernel", 0, 1), optimizers=["adam", nesterov, "sgd"])
    assert [step.name for step in both.steps] == ["Adam", "Nesterov", "SGD"]
    assert [step.t for step in both.steps] == [1, 1, 1]
    assert not nesterov.built
    for step, optimizer in zip(both.steps, ["adam", optimizers.SGD(0.1, momentum=0.9, nesterov=True), "sgd"]):
        again, _, _ = two_three_two()
        again.set_weights(model.get_weights())
        again.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
        again.train_on_batch(x, y)
        assert step.after == again.get_weights()[0][0, 1]


def test_the_compiled_engine_takes_the_same_step() -> None:
    model, x, y = two_three_two(jit_compile="auto")
    step = explain.step(model, x, y, weight=("dense/kernel", 0, 1))
    model.train_on_batch(x, y)
    assert model.engine.startswith("compiled")
    assert all(np.array_equal(a, b) for a, b in zip(step[0].weights.values(), model.get_weights()))
    again = explain.step(model, x, y)
    model.train_on_batch(x, y)
    assert all(np.array_equal(a, b) for a, b in zip(again[0].weights.values(), model.get_weights()))


def test_dropout_and_batch_normalization_take_the_step_that_training_takes() -> None:
    model, x, y = everything()
    for _ in range(2):
        step = explain.step(model, x, y)[0]
        model.train_on_batch(x, y)
        assert all(np.array_equal(v.numpy(), a) for v, a in zip(model.trainable_variables, step.weights.values()))


def test_by_default_the_weight_with_the_largest_gradient_is_shown() -> None:
    model, x, y = two_three_two()
    found, step = explain.trace(model, x, y), explain.step(model, x, y)
    assert abs(step.gradient) == max(float(np.abs(g).max()) for g in found.gradients.values())


def test_an_own_optimizer_shows_what_is_known() -> None:
    class Half(optimizers.Optimizer):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            self.assign_sub(variable, gradient * learning_rate / 2)

    model, x, y = two_three_two(optimizer=Half(0.5))
    step = explain.step(model, x, y, weight=("dense/kernel", 0, 1))
    assert step[0].change == pytest.approx(-0.25 * step.gradient, rel=1e-12)
    assert "optimizer of your own" in str(step)


def test_errors() -> None:
    model, x, y = two_three_two()
    with pytest.raises(
        ValueError, match=r'weight is a name with an index, as in \("dense/kernel", 0, 1\); got \'dense/kernel\''
    ):
        explain.step(model, x, y, weight="dense/kernel")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r'"dense/z" is not a weight that is trained. Those are: dense/kernel'):
        explain.step(model, x, y, weight=("dense/z", 0, 1))
    with pytest.raises(ValueError, match=r'"adm"\. Did you mean "[Aa]dam"\?'):
        explain.step(model, x, y, optimizers=["adm"])
    frozen = tinynn.Sequential([tinynn.Input((2,)), tinynn.layers.Dense(2, trainable=False)])
    frozen.compile("sgd", "mse")
    with pytest.raises(ValueError, match="depends on no weight that is trained"):
        explain.step(frozen, x, np.ones((2, 2)))
