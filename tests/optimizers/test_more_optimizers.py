"""All rules and all that happens around them, step by step beside Keras; properties of the options by hand."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn
from tests.models.twins import floatx_put_back, set_floatx
from tinynn import Variable, ops, optimizers
from tinynn.buffer import pack

Rule = tuple[str, dict[str, Any]]

RULES: dict[str, Rule] = {
    "adamw": ("AdamW", {}),
    "adamw, all": ("AdamW", {"weight_decay": 0.3, "learning_rate": 0.02, "amsgrad": True, "beta_2": 0.9}),
    "adadelta": ("Adadelta", {}),
    "adadelta, fast": ("Adadelta", {"learning_rate": 1.0, "rho": 0.7, "epsilon": 1e-3}),
    "adagrad": ("Adagrad", {}),
    "adagrad, from zero": ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "epsilon": 1e-3}),
    "adamax": ("Adamax", {}),
    "adamax, forgetful": ("Adamax", {"learning_rate": 0.1, "beta_1": 0.3, "beta_2": 0.6, "epsilon": 1e-2}),
    "nadam": ("Nadam", {}),
    "nadam, forgetful": ("Nadam", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-2}),
    "lion": ("Lion", {}),
    "lion, decayed": ("Lion", {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.7, "weight_decay": 0.1}),
    "ftrl": ("Ftrl", {}),
    "ftrl, sparse": (
        "Ftrl",
        {
            "learning_rate": 0.2,
            "learning_rate_power": -0.7,
            "initial_accumulator_value": 0.3,
            "beta": 0.5,
            "l1_regularization_strength": 0.4,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.1,
        },
    ),
    "lamb": ("Lamb", {}),
    "lamb, fast": ("Lamb", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-3}),
    "adafactor": ("Adafactor", {}),
    "adafactor, cut": (
        "Adafactor",
        {"learning_rate": 0.5, "clip_threshold": 0.3, "beta_2_decay": -0.4, "epsilon_2": 2.0},
    ),
    "muon": ("Muon", {}),
    "muon, plain": (
        "Muon",
        {"learning_rate": 0.1, "rms_rate": None, "nesterov": False, "ns_steps": 1, "momentum": 0.5},
    ),
    "muon, adam's": ("Muon", {"exclude_layers": ["^v0"], "adam_lr_ratio": 0.5, "adam_weight_decay": None}),
    "schedule-free": ("ScheduleFreeAdamW", {}),
    "schedule-free, warm": (
        "ScheduleFreeAdamW",
        {"learning_rate": 0.1, "beta_1": 0.6, "warmup_steps": 5, "epsilon": 1e-3},
    ),
}
AROUND: dict[str, Rule] = {
    "weight decay": ("SGD", {"learning_rate": 0.1, "weight_decay": 0.3}),
    "clipnorm": ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "clipnorm": 0.7}),
    "clipvalue": ("RMSprop", {"clipvalue": 0.5}),
    "global_clipnorm": ("Adam", {"learning_rate": 0.1, "global_clipnorm": 0.9}),
    "global_clipnorm, long": ("SGD", {"learning_rate": 0.1, "global_clipnorm": 90.0}),
    "ema": ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7}),
    "ema overwrites": (
        "Adam",
        {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
    ),
    "accumulation": ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "gradient_accumulation_steps": 3}),
    "accumulation, adam": ("Adam", {"learning_rate": 0.1, "gradient_accumulation_steps": 2}),
    "accumulation, nadam": ("Nadam", {"learning_rate": 0.1, "gradient_accumulation_steps": 3}),
    "loss scale": ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 8.0}),
    "everything": (
        "AdamW",
        {
            "learning_rate": 0.1,
            "weight_decay": 0.2,
            "clipnorm": 0.6,
            "use_ema": True,
            "ema_momentum": 0.8,
            "ema_overwrite_frequency": 2,
            "loss_scale_factor": 3.0,
            "gradient_accumulation_steps": 2,
        },
    ),
}
SHAPES = [(2, 3), (3,)]
STEPS = 20


def made(k: Any, rule: Rule, **further: Any) -> Any:
    name, arguments = rule
    return getattr(k.optimizers, name)(**{**arguments, **further})


def variables_of(k: Any, floatx: str, shapes: Any = SHAPES) -> list[Any]:
    numbers = np.random.default_rng(1)
    return [k.Variable(numbers.normal(size=shape), dtype=floatx, name=f"v{i}") for i, shape in enumerate(shapes)]


def grads_at(t: int, floatx: str, shapes: Any = SHAPES) -> list[Any]:
    numbers = np.random.default_rng(t)
    scale = [1.0, 0.1, 1e-3, 10.0, 1.0][t % 5]
    return [np.asarray(scale * numbers.normal(size=shape), floatx) for shape in shapes]


def run(
    k: Any,
    floatx: str,
    rule: Rule,
    prepare: Callable[[Any, list[Any]], None] | None = None,
    shapes: Any = SHAPES,
    steps: int = STEPS,
) -> Any:
    """All variables after each of some steps, and how the optimizer's are called."""
    set_floatx(k, floatx)
    k.backend.clear_session()
    optimizer, variables, seen = made(k, rule), variables_of(k, floatx, shapes), []
    if prepare:
        prepare(optimizer, variables)
    for t in range(steps):
        optimizer.apply([k.ops.convert_to_tensor(g) for g in grads_at(t, floatx, shapes)], variables)
        if t in (0, 1, 2, 5, steps - 1):
            seen += [np.array(v.numpy()) for v in (*variables, *optimizer.variables)]
    return seen, [(v.path, str(v.dtype), tuple(v.shape)) for v in optimizer.variables]


def assert_same_runs(keras: Any, floatx: str, *arguments: Any, **further: Any) -> None:
    with floatx_put_back(tinynn, keras):
        (ours, our_names), (theirs, their_names) = (run(k, floatx, *arguments, **further) for k in (tinynn, keras))
    assert our_names == their_names
    # Some 16 roundings a step, of numbers of an array's size, none of which a later step enlarges: 7e-14 in float64.
    bound = 16 * STEPS * float(np.finfo(floatx).eps)
    for found, expected in zip(ours, theirs, strict=True):
        assert found.dtype == expected.dtype
        assert np.abs(found - expected).max() <= bound * np.abs(expected).max()


BY_HAND_TOO = [(rule, "float64" if i % 2 == 0 else "float32") for i, rule in enumerate(RULES)]


@pytest.mark.keras
@pytest.mark.parametrize(("rule", "floatx"), BY_HAND_TOO)
def test_twenty_steps_of_every_rule_are_keras_s(keras: Any, rule: str, floatx: str) -> None:
    """Every rule as it comes in float64, with other arguments, and fewer steps, in float32."""
    assert_same_runs(keras, floatx, RULES[rule], steps=STEPS if floatx == "float64" else 7)


@pytest.mark.keras
@pytest.mark.parametrize("rule", AROUND)
def test_steps_with_every_option_are_keras_s(keras: Any, rule: str) -> None:
    """Overwriting, accumulating and averaging all have come round by the seventh step."""
    assert_same_runs(keras, "float32" if rule == "everything" else "float64", AROUND[rule], steps=7)


@pytest.mark.keras
def test_excluded_variables_matrices_in_blocks_and_schedules_are_keras_s(keras: Any) -> None:
    shapes = [(2, 3, 2), (), (3, 1)]
    assert_same_runs(keras, "float64", ("Adafactor", {"learning_rate": 0.1}), shapes=shapes, steps=3)
    assert_same_runs(keras, "float64", ("Lamb", {}), shapes=shapes, steps=3)

    def exclude(optimizer: Any, variables: list[Any]) -> None:
        optimizer.exclude_from_weight_decay(var_list=[variables[0]], var_names=["1"])

    assert_same_runs(keras, "float64", ("SGD", {"weight_decay": 0.1}), prepare=exclude, shapes=[(2,)] * 3, steps=2)
    # Accumulated: the schedule counts calls, Adam's correction steps. Quotients in float32 are the same on both sides.
    for rule in (("Adam", {"gradient_accumulation_steps": 2, "weight_decay": 0.1}), ("SGD", {})):

        def schedule(optimizer: Any, variables: list[Any]) -> None:
            schedules = (tinynn if isinstance(optimizer, optimizers.Optimizer) else keras).optimizers.schedules
            optimizer.learning_rate = schedules.InverseTimeDecay(0.5, 2, 0.5)

        assert_same_runs(keras, "float64", rule, prepare=schedule, shapes=[(2,)], steps=5)


# Many steps at once ----------------------------------------------------------------------------------------------------


def halving(step: Any) -> Any:
    return 0.5 / (1 + float(step))


class Halving(optimizers.schedules.LearningRateSchedule):
    """As a user writes it: a number at a time."""

    def __call__(self, step: Any) -> Any:
        return halving(step) if step < 100 else 0.0

    def get_config(self) -> dict[str, Any]:
        return {}


EVERY: dict[str, Rule] = {**RULES, **AROUND, "sgd": ("SGD", {}), "rmsprop": ("RMSprop", {}), "adam": ("Adam", {})}


@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("schedule", [None, optimizers.schedules.CosineDecay(0.25, 9), Halving()])
@pytest.mark.parametrize("rule", EVERY)
def test_step_sizes_of_many_steps_are_those_of_one_by_one(rule: str, schedule: Any, floatx: str) -> None:
    """What a compiled loop asks for before it begins is what the steps then turn out to be."""
    optimizer, variables = made(tinynn, EVERY[rule]), variables_of(tinynn, floatx)
    if schedule is not None:
        optimizer.learning_rate = schedule
    real, taken = np.dtype(floatx), []
    optimizer.build(variables)
    step_sizes = optimizer.step_sizes
    for t in range(3):
        optimizer.apply(grads_at(t, floatx), variables)
    every = optimizer.gradient_accumulation_steps or 1
    due = np.array([t for t in range(4, 10) if t % every == 0])
    beforehand = step_sizes(due, real)
    optimizer.step_sizes = lambda t, dtype: taken.append(step_sizes(t, dtype)[0]) or step_sizes(t, dtype)
    for t in range(3, 9):
        optimizer.apply(grads_at(t, floatx), variables)
    assert beforehand.dtype == real
    assert np.array_equal(beforehand, np.array(taken))


@pytest.mark.parametrize("rule", EVERY)
def test_one_loop_over_a_flat_vector_is_bit_for_bit_a_loop_per_variable(rule: str) -> None:
    results = []
    for packed in (True, False):
        variables, optimizer = variables_of(tinynn, "float32"), made(tinynn, EVERY[rule])
        if packed:
            pack(variables)
        for t in range(7):
            optimizer.apply(grads_at(t, "float32"), variables)
        results.append([v.numpy() for v in (*variables, *optimizer.variables)])
    for one, other in zip(*results, strict=True):
        assert np.array_equal(one, other)


def test_variables_of_two_dtypes_are_stepped_on_together() -> None:
    """As if each dtype were alone, but for the norm of all, to which both belong."""
    kinds = ("float32", "float64")
    for rule in ("adam", "lamb", "nadam", "everything", "adafactor"):
        mixed = [Variable(np.ones(3), dtype=kind) for kind in kinds]
        alone, optimizer = [Variable(np.ones(3), dtype=kind) for kind in kinds], made(tinynn, EVERY[rule])
        singles = [made(tinynn, EVERY[rule]) for _ in kinds]
        for _ in range(4):
            grads = [np.array([1.0, -2.0, 0.5], kind) for kind in kinds]
            optimizer.apply(grads, mixed)
            for single, g, v in zip(singles, grads, alone):
                single.apply([g], [v])
        for one, other in zip(mixed, alone):
            assert one.dtype == other.dtype
            assert np.allclose(one.numpy(), other.numpy(), rtol=1e-6), rule
    pair = [Variable(np.zeros(1), dtype=kind) for kind in kinds]
    optimizers.SGD(1.0, global_clipnorm=1.0).apply([np.array([3.0]), np.array([4.0])], pair)
    assert np.allclose([v.numpy()[0] for v in pair], [-0.6, -0.8])


@settings(max_examples=40)
@given(
    rule=st.sampled_from([name for name in EVERY if "global" not in name and name != "everything"]),
    present=st.lists(st.sets(st.integers(0, 1), min_size=1), min_size=1, max_size=4),
)
def test_variables_without_a_gradient_stay_as_they_are(rule: str, present: list[set[int]]) -> None:
    optimizer, variables = made(tinynn, EVERY[rule]), variables_of(tinynn, "float64")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer.build(variables)
        for t, chosen in enumerate(present):
            before = [v.numpy().copy() for v in variables]
            if optimizer.ema_overwrite_frequency:
                return
            optimizer.apply([g if i in chosen else None for i, g in enumerate(grads_at(t, "float64"))], variables)
            for i in {0, 1} - chosen:
                assert np.array_equal(variables[i].numpy(), before[i])


# Options ---------------------------------------------------------------------------------------------------------------


class Bounded(Variable):
    """With a constraint, as layers will give their variables one."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.constraint = lambda w: np.clip(np.asarray(w.value), 0, 1)


def test_constraints_come_last() -> None:
    """After the moving average, which sees the weights as the rule left them, as in Keras."""
    w = Bounded([0.5, 0.5])
    optimizer = optimizers.SGD(1.0, use_ema=True)
    optimizer.apply([np.array([2.0, -3.0])], [w])
    assert w.numpy().tolist() == [0.0, 1.0]
    assert optimizer._model_variables_moving_average[0].numpy().tolist() == [-1.5, 3.5]
    assert optimizer.around_the_rule == ["use_ema", "a constraint"]


def test_accumulation_waits_and_then_steps_by_the_mean() -> None:
    w, optimizer = Variable([0.0]), optimizers.SGD(1.0, gradient_accumulation_steps=3)
    seen = []
    for g in (3.0, 6.0, 0.0, 30.0, 0.0, 0.0):
        optimizer.apply([np.array([g])], [w])
        seen.append((float(w.numpy()[0]), int(optimizer.iterations)))
    assert seen == [(0, 0), (0, 0), (-3, 1), (-3, 1), (-3, 1), (-13, 2)]


def test_the_loss_is_scaled_before_and_gradients_after() -> None:
    optimizer, w = optimizers.SGD(1.0, loss_scale_factor=4.0), Variable([1.0])
    with tinynn.GradientTape() as tape:
        loss = optimizer.scale_loss(ops.sum(ops.square(w)))
    gradient = tape.gradient(loss, w)
    assert np.asarray(gradient).tolist() == [8.0]
    optimizer.apply([gradient], [w])
    assert w.numpy().tolist() == [-1.0]


def test_averages_take_the_place_of_weights_when_training_is_over() -> None:
    w, optimizer = Variable([0.0]), optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    for g in (-2.0, -4.0):
        optimizer.apply([np.array([g])], [w])
    assert w.numpy().tolist() == [6.0]
    optimizer.finalize_variable_values([w])
    assert w.numpy().tolist() == [4.0]
    optimizers.SGD().finalize_variable_values([w])  # nothing to do without an average
    assert w.numpy().tolist() == [4.0]


def test_a_function_as_learning_rate_is_asked_at_every_step() -> None:
    numbers = iter([1.0, 0.5, 0.25])
    w, optimizer = Variable([0.0]), optimizers.SGD(lambda: next(numbers))
    for _ in range(3):
        optimizer.apply([np.array([1.0])], [w])
    assert w.numpy().tolist() == [-1.75]
    assert [v.path for v in optimizer.variables] == [f"{optimizer.name}/iteration"]


def test_a_schedule_takes_the_place_of_a_number() -> None:
    optimizer = optimizers.SGD(0.5)
    optimizer.learning_rate = optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.25])
    w = Variable([0.0])
    for _ in range(2):
        optimizer.apply([np.array([1.0])], [w])
    assert w.numpy().tolist() == [-1.25]
    assert float(optimizer.learning_rate) == 0.25
    assert len(optimizer.variables) == 1


# As objects ------------------------------------------------------------------------------------------------------------

NAMES = [name for name in optimizers.__all__ if name[0].isupper() and name != "Optimizer"]


@pytest.mark.keras
@pytest.mark.parametrize("name", NAMES)
def test_arguments_names_and_configs_are_keras_s(keras: Any, name: str) -> None:
    def seen(k: Any) -> Any:
        k.backend.clear_session()
        kind = getattr(k.optimizers, name)
        schedule = k.optimizers.schedules.CosineDecay(0.1, 10)
        one, other = kind(), kind(learning_rate=schedule, use_ema=True, clipnorm=2.0, gradient_accumulation_steps=3)
        again = kind.from_config(other.get_config())
        described = k.optimizers.serialize(other)
        back = (
            other if name == "Lamb" else k.optimizers.deserialize(copy.deepcopy(described))
        )  # Keras forgot Lamb there
        found = [one.name, other.name, one.get_config(), described, again.get_config(), back.get_config()]
        return [*found, [v.path for v in one.variables], type(again.learning_rate) is not type(one.learning_rate)]

    with floatx_put_back(keras):
        set_floatx(keras, "float32")
        assert seen(tinynn) == seen(keras)
    ours, theirs = (inspect.signature(getattr(k.optimizers, name)).parameters for k in (tinynn, keras))
    in_order = [(p, v.kind, v.default) for p, v in theirs.items() if p != "kwargs"]
    assert [(p, v.kind, v.default) for p, v in ours.items()] == in_order


@pytest.mark.parametrize("name", NAMES)
def test_all_arguments_may_be_given_by_their_places(name: str) -> None:
    kind = getattr(optimizers, name)
    parameters = inspect.signature(kind).parameters
    given_ = {p: v.default for p, v in parameters.items()} | {
        "learning_rate": 0.5,
        "weight_decay": 0.25,
        "clipnorm": 2.0,
    }
    given_ |= {"use_ema": True, "ema_momentum": 0.5, "gradient_accumulation_steps": 3, "name": "called"}
    assert kind(*given_.values()).get_config() == kind(**given_).get_config()
    assert kind(*given_.values()).gradient_accumulation_steps == 3


def test_names_in_any_case_and_descriptions_are_understood() -> None:
    for name in NAMES:
        kind = getattr(optimizers, name)
        for identifier in (name, name.lower(), kind, {"class_name": name, "config": {"learning_rate": 0.25}}):
            assert type(optimizers.get(identifier)) is kind
    assert float(optimizers.get({"class_name": "sgd", "config": {"learning_rate": 0.25}}).learning_rate) == 0.25
    assert optimizers.get(None) is None


class Momentum(optimizers.Optimizer):
    """Written as in Keras, variable by variable."""

    def __init__(self, learning_rate: float = 0.1, momentum: float = 0.5, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        learning_rate = ops.cast(learning_rate, variable.dtype)
        m = self.momentums[self._get_variable_index(variable)]
        self.assign(m, ops.subtract(ops.multiply(m, self.momentum), ops.multiply(gradient, learning_rate)))
        self.assign_add(variable, m)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum}


@pytest.mark.parametrize("further", [{}, {"clipnorm": 0.5, "weight_decay": 0.1, "gradient_accumulation_steps": 2}])
def test_an_own_optimizer_written_as_in_keras_does_what_sgd_does(further: dict[str, Any]) -> None:
    own, ours = Momentum(name="one", **further), optimizers.SGD(0.1, 0.5, name="one", **further)
    mine, theirs = variables_of(tinynn, "float64"), variables_of(tinynn, "float64")
    for t in range(6):
        own.apply(grads_at(t, "float64"), mine)
        ours.apply(grads_at(t, "float64"), theirs)
    for one, other in zip([*mine, *own.variables], [*theirs, *ours.variables], strict=True):
        assert one.path == other.path
        assert np.allclose(one.numpy(), other.numpy(), rtol=1e-13, atol=0)
    described = optimizers.serialize(own)
    assert described["registered_name"] == "Momentum"
    again = optimizers.deserialize(described, custom_objects={"Momentum": Momentum})
    assert again.get_config() == own.get_config()


@pytest.mark.parametrize("rule", ["sgd", "nadam", "adafactor", "everything"])
def test_what_is_saved_and_loaded_goes_on_as_if_nothing_had_happened(rule: str) -> None:
    whole, halves = variables_of(tinynn, "float32"), variables_of(tinynn, "float32")
    one, first, second = (made(tinynn, EVERY[rule]) for _ in range(3))
    store: dict[str, Any] = {}
    for t in range(6):
        one.apply(grads_at(t, "float32"), whole)
        if t == 3:
            first.save_own_variables(store)
            second.build(halves)
            second.load_own_variables(store)
        (first if t < 3 else second).apply(grads_at(t, "float32"), halves)
    for a, b in zip(whole, halves):
        assert np.array_equal(a.numpy(), b.numpy())
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
        second.load_own_variables({"0": 1})
    second.set_weights([v.numpy() for v in one.variables])
    assert int(second._iterations) == 6


def test_old_spellings_are_answered() -> None:
    with pytest.warns(UserWarning, match=r"SGD: lr is called learning_rate now; write learning_rate=0\.25\."):
        assert float(optimizers.SGD(lr=0.25).learning_rate) == 0.25  # type: ignore[call-arg]
    with pytest.warns(
        UserWarning, match=r"`decay` is no longer supported.*schedules\.InverseTimeDecay\(0\.1, 1, 0\.01\)"
    ):
        optimizers.Adam(0.1, decay=0.01)  # type: ignore[call-arg]


def assign_number(rate: Any) -> None:
    optimizers.SGD(rate).learning_rate = 0.1


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "two clips": (
        lambda: optimizers.SGD(clipnorm=1.0, clipvalue=2.0),
        ValueError,
        r"Only one of .* can be set\. Received: clipnorm=1\.0, clipvalue=2\.0, global_clipnorm=None",
    ),
    "ema_momentum": (lambda: optimizers.SGD(use_ema=True, ema_momentum=1.5), ValueError, r"in the range \[0, 1\]"),
    "ema frequency": (
        lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=1.5),  # type: ignore[arg-type]
        ValueError,
        r"must be an integer >= 1 or None\. Received: ema_overwrite_frequency=1\.5",
    ),
    "accumulation": (lambda: optimizers.SGD(gradient_accumulation_steps=1), ValueError, r"must be an integer >= 2"),
    "adamw": (lambda: optimizers.AdamW(weight_decay=None), ValueError, r"`weight_decay` must be a float"),  # type: ignore[arg-type]
    "lion": (lambda: optimizers.Lion(beta_1=0.0), ValueError, r"degenerates to SignSGD\. Received: beta_1=0\.0"),
    "ftrl": (lambda: optimizers.Ftrl(l1_regularization_strength=-1), ValueError, r"needs to be positive or zero"),
    "ftrl power": (lambda: optimizers.Ftrl(learning_rate_power=1), ValueError, r"needs to be negative or zero"),
    "misspelt": (lambda: optimizers.Lamb(clipnrom=1.0), ValueError, r'Did you mean "clipnorm"\?'),  # type: ignore[call-arg]
    "own argument misspelt": (lambda: optimizers.Adagrad(epsilom=1.0), ValueError, r'mean "epsilon"\?'),  # type: ignore[call-arg]
    "number for a schedule": (
        lambda: assign_number(optimizers.schedules.CosineDecay(0.1, 10)),
        TypeError,
        r"created with a `LearningRateSchedule` object as its `learning_rate` constructor argument, hence",
    ),
    "number for a function": (lambda: assign_number(lambda: 0.1), TypeError, r"created with a `function` object"),
    "not a rate": (
        lambda: optimizers.SGD(optimizers.schedules.CosineDecay),
        ValueError,
        r"expects learning_rate to be",
    ),
    "finalize": (
        lambda: optimizers.SGD(use_ema=True).finalize_variable_values([Variable(1.0)]),
        ValueError,
        r"expects the 0 variables that the optimizer keeps averages of; got 1",
    ),
    "set_weights": (lambda: optimizers.SGD().set_weights([1]), ValueError, r"has not yet been built"),
    "description": (lambda: optimizers.get({"name": "sgd"}), ValueError, r'a dict with "class_name" and "config"'),
    "nearly": (lambda: optimizers.get("adamv"), ValueError, r'Unknown optimizer "adamv"\. Did you mean "adam'),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_say_what_was_expected_and_what_came(case: str) -> None:
    call, kind, text = ERRORS[case]
    with pytest.raises(kind, match=text):
        call()


# In fit ----------------------------------------------------------------------------------------------------------------


def fitted(rule: Rule, schedule: Any = None, **compile_arguments: Any) -> Any:
    tinynn.utils.set_random_seed(3)
    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(16, 3))
    model = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(4, "tanh"), tinynn.layers.Dense(1)])
    optimizer = made(tinynn, rule, **({} if schedule is None else {"learning_rate": schedule}))
    model.compile(optimizer, "mse", **compile_arguments)
    model.fit(x, x.sum(axis=1), epochs=3, batch_size=4, verbose=0)
    return model


@pytest.mark.parametrize("rule", EVERY)
def test_fit_by_default_does_what_the_reference_does(rule: str) -> None:
    """Whichever engine takes it; the compiled one sums in another order, which 12 steps carry to some ulp."""
    default, reference = fitted(EVERY[rule]), fitted(EVERY[rule], run_eagerly=True)
    for one, other in zip(default.get_weights(), reference.get_weights()):
        assert np.isfinite(one).all()
        assert np.allclose(one, other, rtol=1e-4, atol=1e-5)
    assert int(default.optimizer._iterations) == 12


@pytest.mark.parametrize("schedule", [optimizers.schedules.PolynomialDecay(0.1, 8), Halving(), lambda: 0.05])
def test_schedules_reach_every_step_of_fit(schedule: Any) -> None:
    for rule in (("SGD", {}), ("Adam", {})):
        default, reference = fitted(rule, schedule), fitted(rule, schedule, run_eagerly=True)
        for one, other in zip(default.get_weights(), reference.get_weights()):
            assert np.allclose(one, other, rtol=1e-4, atol=1e-5)


def test_fit_ends_with_the_averages() -> None:
    model = fitted(("SGD", {"use_ema": True, "ema_momentum": 0.5}))
    for weights, average in zip(model.get_weights(), model.optimizer._model_variables_moving_average):
        assert np.array_equal(weights, average.numpy())


@pytest.mark.parametrize(
    "callback",
    [
        lambda: tinynn.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=100.0),
        lambda: tinynn.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1),
    ],
)
def test_callbacks_that_set_the_rate_cannot_with_a_schedule(callback: Any) -> None:
    model = tinynn.Sequential([tinynn.layers.Dense(1)])
    model.compile(optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 10)), "mse")
    with pytest.raises(TypeError, match="hence its learning rate is not settable"):
        model.fit(np.ones((4, 2)), np.ones(4), epochs=3, verbose=0, callbacks=[callback()])
