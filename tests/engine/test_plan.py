"""A model as numbers: the fields by hand, offsets that tile the parameters, buffers that do not run into each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tinynn import layers
from tinynn._typing import Array
from tinynn.engine import codes as c
from tinynn.engine.plan import NoTwin, Plan

ACTIVATIONS = ["linear", "relu", "tanh", "sigmoid", "softmax"]


def plan_of(*stack: Any, fan_in: int = 4) -> Plan:
    return Plan(tinynn.Sequential([tinynn.Input((fan_in,)), *stack]))


def field(plan: Plan, name: int) -> list[int]:
    return plan.table[:, name].tolist()


def activations(plan: Plan) -> list[str | None]:
    return [step.activation and step.activation.forward.name for step in plan.steps]


# By hand ----------------------------------------------------------------------------------------------------------------


def test_two_dense_layers_by_hand() -> None:
    plan = plan_of(layers.Dense(3, "relu"), layers.Dense(2, "softmax"))
    assert plan.widths == [4, 3, 2]
    assert field(plan, c.FAN_IN) == [4, 3]
    assert field(plan, c.UNITS) == [3, 2]
    assert activations(plan) == ["relu.forward", "softmax.forward"]
    assert field(plan, c.KERNEL) == [0, 15]  # 4 * 3 weights and 3 biases, then
    assert field(plan, c.BIAS) == [12, 21]  # 3 * 2 weights and 2 biases
    assert field(plan, c.DROPOUT) == [-1, -1]
    assert plan.params.size == 23
    assert plan.frozen.size == 0
    assert plan.work_per_step == 4 * 3 + 3 * 2
    assert plan.lowest == 0
    assert plan.can_share
    assert plan.remembers_logits


def test_activation_and_dropout_join_the_layer_before_them() -> None:
    plan = plan_of(layers.Dense(3), layers.Activation("tanh"), layers.Dropout(0.5), layers.Dense(1))
    assert activations(plan) == ["tanh.forward", None]
    assert field(plan, c.DROPOUT) == [0, -1]
    assert not plan.remembers_logits


def test_a_second_activation_and_dropout_at_the_start_are_steps_of_their_own() -> None:
    plan = plan_of(
        layers.Dropout(0.1), layers.Dense(3, "relu"), layers.Activation("sigmoid"), layers.Dense(1, "sigmoid")
    )
    assert field(plan, c.DENSE) == [0, 1, 0, 1]
    assert activations(plan) == [None, "relu.forward", "sigmoid.forward", "sigmoid.forward"]
    assert field(plan, c.DROPOUT) == [0, -1, -1, -1]
    assert plan.widths == [4, 4, 3, 3, 1]
    assert plan.lowest == 1  # there is nothing to train below the first affine map
    assert not plan.can_share


def test_layers_that_do_nothing_leave_no_step() -> None:
    plan = plan_of(
        layers.Flatten(), layers.Dropout(0.0), layers.Dense(2), layers.Dropout(0), layers.Activation("linear")
    )
    assert len(plan.steps) == 1


def test_frozen_layers_stand_in_a_vector_of_their_own() -> None:
    plan = plan_of(layers.Dense(3, trainable=False), layers.Dense(2, use_bias=False), layers.Dense(5))
    assert field(plan, c.KERNEL_TRAINS) == [0, 1, 1]
    assert field(plan, c.BIAS_TRAINS) == [0, 0, 1]
    assert field(plan, c.KERNEL) == [0, 0, 6]
    assert field(plan, c.BIAS) == [12, -1, 16]
    assert plan.frozen.size == 15
    assert plan.params.size == 6 + 10 + 5
    assert plan.lowest == 1


def test_softmax_in_between_keeps_a_team_away() -> None:
    assert not plan_of(layers.Dense(3, "softmax"), layers.Dense(2)).can_share
    assert plan_of(layers.Dense(3, "sigmoid"), layers.Dense(2)).can_share
    assert not plan_of(layers.Dense(3)).can_share


@pytest.mark.parametrize(
    ("stack", "remembers"),
    [
        ([layers.Dense, "softmax"], True),
        ([layers.Dense, "sigmoid"], True),
        ([layers.Dense, "relu"], False),
        ([layers.Dense, "softmax", "linear"], True),
        ([layers.Dense, "softmax", "relu"], False),
    ],
)
def test_only_the_outputs_of_softmax_and_sigmoid_lead_back_to_logits(stack: list[Any], remembers: bool) -> None:
    plan = plan_of(layers.Dense(3), *(layers.Activation(name) for name in stack[1:]))
    assert plan.remembers_logits == remembers


@pytest.mark.parametrize(
    ("stack", "told"),
    [
        ([layers.Flatten()], "no layer computes anything"),
        ([layers.Dense(2, "softmax"), layers.Dropout(0.5)], "noise on outputs that lead back to their logits"),
        ([layers.Dense(2, "sigmoid"), layers.GaussianNoise(0.5)], "noise on outputs that lead back to their logits"),
        ([layers.Reshape((2, 2)), layers.Softmax(), layers.Flatten()], "for more than one axis"),
        ([layers.Dense(6), layers.Reshape((2, 3))], "outputs of shape"),
        ([layers.Reshape((2, 2)), layers.BatchNormalization(axis=1), layers.Flatten()], "BatchNormalization"),
        ([layers.AlphaDropout(0.5, noise_shape=(1, 4)), layers.Dense(2)], "AlphaDropout"),
    ],
    ids=str,
)
def test_what_cannot_be_planned_is_named(stack: list[Any], told: str) -> None:
    with pytest.raises(NoTwin, match=told):
        plan_of(*stack)


def test_a_normalization_is_a_step_that_an_activation_and_dropout_join() -> None:
    plan = plan_of(layers.Dense(3), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.5), layers.Dense(2))
    assert field(plan, c.DENSE) == [1, 0, 1]
    assert activations(plan) == [None, "relu.forward", None]
    assert field(plan, c.IN_TRAINING) == [-1, 0, -1]
    assert field(plan, c.OTHERWISE) == [-1, 1, -1]
    assert field(plan, c.BACK) == [-1, 2, -1]
    assert field(plan, c.DROPOUT) == [-1, 3, -1]
    assert (plan.table[1, c.OWN_FIRST], plan.table[1, c.OWN_PARAMS]) == (15, 6)  # after 4 * 3 weights and 3 biases
    assert plan.frozen.size == 6  # the moving mean and variance
    assert plan.lowest == 0
    assert not plan.can_share


def test_a_frozen_normalization_has_nothing_to_train() -> None:
    plan = plan_of(layers.Dense(3, trainable=False), layers.BatchNormalization(trainable=False), layers.Dense(2))
    assert plan.lowest == 2
    assert plan.table[1, c.OWN_PARAMS] == 0


def test_a_plan_is_current_until_a_layers_numbers_change() -> None:
    batch, noise = layers.BatchNormalization(center=False, scale=False), layers.GaussianNoise(0.1)
    model = tinynn.Sequential([tinynn.Input((4,)), batch, noise, layers.Dense(2)])
    plan = Plan(model)
    assert plan.is_current(model)
    batch.trainable = False
    assert not plan.is_current(model)
    plan = Plan(model)
    noise.stddev = 0.2
    assert not plan.is_current(model)


def test_a_plan_is_current_until_an_activation_or_a_rate_is_another() -> None:
    drop, last = layers.Dropout(0.5), layers.Dense(2, "softmax")
    model = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3, "relu"), drop, last])
    plan = Plan(model)
    drop.rate = 0.25
    assert not plan.is_current(model)
    plan = Plan(model)
    assert plan.is_current(model)
    last.activation = tinynn.activations.linear  # logits in the place of probabilities
    assert not plan.is_current(model)


def test_a_plan_is_current_until_the_model_changes() -> None:
    model = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3), layers.Dense(2)])
    plan = Plan(model)
    assert plan.is_current(model)
    model.set_weights([2 * weight for weight in model.get_weights()])
    assert plan.is_current(model)  # values, not places, have changed
    model.layers[0].trainable = False
    assert not plan.is_current(model)
    plan = Plan(model)
    model.pop()
    assert not plan.is_current(model)
    tinynn.config.set_floatx("float64")
    assert not Plan.is_current(plan, model)


# For random models ------------------------------------------------------------------------------------------------------


@st.composite
def descriptions(draw: Any) -> list[tuple[Any, ...]]:
    """Layers as (class, arguments ...), the input's width first; made in the test, for dropout draws a seed."""
    stack: list[Any] = [(draw(st.integers(1, 70)),)]
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["Dense", "Dense", "Activation", "Dropout"]))
        activation = draw(st.sampled_from(ACTIVATIONS[:4]))
        if kind == "Dense":
            units, bias = draw(st.integers(1, 90)), draw(st.booleans())
            stack.append(
                (layers.Dense, {"units": units, "activation": activation, "use_bias": bias}, draw(st.booleans()))
            )
        elif kind == "Activation":
            stack.append((layers.Activation, {"activation": activation}, True))
        else:
            stack.append((layers.Dropout, {"rate": 0.5}, True))
    return [*stack, (layers.Dense, {"units": draw(st.integers(1, 12))}, draw(st.booleans()))]


def plan_from(description: list[tuple[Any, ...]]) -> Plan:
    (fan_in,), *stack = description
    return plan_of(*(kind(**options, trainable=trains) for kind, options, trains in stack), fan_in=fan_in)


@given(description=descriptions())
def test_offsets_tile_the_flat_vectors(description: list[Any]) -> None:
    plan = plan_from(description)
    for trains, flat in ((1, plan.params), (0, plan.frozen)):
        parts = []
        for row in plan.table[plan.table[:, c.DENSE] == 1]:
            if row[c.KERNEL_TRAINS] == trains:
                parts.append((row[c.KERNEL], row[c.FAN_IN] * row[c.UNITS]))
            if row[c.BIAS] >= 0 and row[c.BIAS_TRAINS] == trains:
                parts.append((row[c.BIAS], row[c.UNITS]))
        end = 0
        for start, size in sorted(parts):
            assert start == end
            end = start + size
        assert end == flat.size


def stretches(plan: Plan, batch: int, team: int, y_width: int, job: Array) -> list[tuple[str, int, int]]:
    """(name, begin, end) of every buffer that the loop writes, in the sizes in which it writes them."""
    found: list[tuple[str, int, int]] = []
    classes, last = plan.steps[-1].units, len(plan.steps) - 1
    own = job[c.OWN]

    def begins(n: int, member: int) -> int:
        return n * member // team

    for member in range(team):
        base = own + member * job[c.OWN_SIZE]
        for j, row in enumerate(plan.table):
            inputs = begins(row[c.FAN_IN], member + 1) - begins(row[c.FAN_IN], member)
            units = begins(row[c.UNITS], member + 1) - begins(row[c.UNITS], member)
            width = classes if j == last else units
            found.append((f"{j} before {member}", base + row[c.BEFORE], batch * width))
            if row[c.ACTIVE] != row[c.BEFORE]:
                found.append((f"{j} active {member}", base + row[c.ACTIVE], batch * width))
            if j == 0 or plan.steps[j - 1].dropout is not None:
                found.append((f"{j} input {member}", base + row[c.INPUT], batch * inputs))
            if plan.steps[j].dropout is not None:
                found.append((f"{j} factors {member}", base + row[c.FACTORS], batch * width))
        sizes = {
            **dict.fromkeys(("TARGETS", "SMOOTH"), batch * y_width),
            **dict.fromkeys(("WEIGHTS", "LOSSES", "SHARES"), batch),
            **dict.fromkeys(("SCRATCH", "ENTRIES", "PROBS", "SPARE", "PREDICTED", "D_LAST"), batch * classes),
            "D_OWN": batch * max(begins(n, member + 1) - begins(n, member) for n in plan.widths),
        }
        found += [(f"{name} {member}", base + job[getattr(c, name)], size) for name, size in sizes.items()]
    for j, row in enumerate(plan.table):
        found.append((f"{j} d_out", row[c.D_OUT], batch * row[c.UNITS]))
        if team > 1:
            found.append((f"{j} parts", row[c.PARTS], team * batch * row[c.UNITS]))
    return [(name, int(start), int(start + size)) for name, start, size in found if size]


@given(description=descriptions(), batch=st.integers(1, 70), team=st.integers(1, 3), y_width=st.integers(1, 12))
def test_no_two_buffers_overlap(description: list[Any], batch: int, team: int, y_width: int) -> None:
    plan = plan_from(description)
    team = team if plan.can_share else 1
    job = np.full(c.JOB_FIELDS, -1, np.int64)
    space = plan.place_buffers(batch, team, y_width, job)
    found = sorted(stretches(plan, batch, team, y_width, job), key=lambda stretch: stretch[1:])
    for (one, _, end), (other, start, _) in pairwise(found):
        assert end <= start, f"{one} runs into {other}"
    assert found[0][1] >= 0
    assert found[-1][2] <= space


@given(description=descriptions(), batch=st.integers(1, 70))
def test_what_comes_in_is_what_the_layer_before_put_out(description: list[Any], batch: int) -> None:
    plan = plan_from(description)
    plan.place_buffers(batch, 1, 1, np.zeros(c.JOB_FIELDS, np.int64))
    for j in range(1, len(plan.steps)):
        same = plan.table[j, c.INPUT] == plan.table[j - 1, c.ACTIVE]
        assert same == (plan.steps[j - 1].dropout is None)
