"""Initializers: values, seeds, names and descriptions."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tinynn import initializers
from tinynn.initializers.random_initializers import compute_fans

UNIFORM = ("RandomUniform", "GlorotUniform", "HeUniform", "LecunUniform")
NORMAL = ("RandomNormal", "TruncatedNormal", "VarianceScaling", "GlorotNormal", "HeNormal", "LecunNormal")
RANDOM = (*UNIFORM, *NORMAL, "Orthogonal")
CONSTANT = ("Zeros", "Ones", "Constant", "Identity")
SHAPES = ((1, 1), (3, 4), (5, 2), (7,), (2, 3, 4), (3, 3, 2, 5))
DTYPES = ("float32", "float64")


def _make(name: str, **arguments: Any) -> Any:
    return getattr(initializers, name)(**arguments)


# Values ----------------------------------------------------------------------------------------------------------------


@given(st.sampled_from(RANDOM), st.sampled_from(DTYPES), st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 9))
def test_an_integer_seed_gives_the_same_values_at_every_call(name: str, dtype: str, seed: int, m: int, n: int) -> None:
    initializer = _make(name, seed=seed)
    first, second = initializer((m, n), dtype), initializer((m, n), dtype)
    assert (first.shape, first.dtype) == ((m, n), dtype)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, initializer.clone()((m, n), dtype))


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_generator_gives_other_values_at_every_call(name: str) -> None:
    initializer = _make(name, seed=tinynn.random.SeedGenerator(3))
    assert (initializer((4, 4)) != initializer((4, 4))).any()


@pytest.mark.parametrize("name", [*RANDOM, *CONSTANT])
def test_values_are_of_floatx_unless_told_otherwise(name: str) -> None:
    tinynn.config.set_floatx("float64")
    assert _make(name)((2, 2)).dtype == np.float64
    assert _make(name)((2, 2), dtype="float32").dtype == np.float32


def test_glorot_uniform_is_the_recorded_one_of_keras() -> None:
    """From Keras 3.15.1 on TensorFlow 2.21.0: GlorotUniform(seed=42)((2, 3))."""
    expected = np.array([[-0.47666508, -0.0034683943, 0.47204602], [-1.0511847, -0.92324525, 0.2772777]], np.float32)
    np.testing.assert_array_equal(initializers.GlorotUniform(seed=42)((2, 3)), expected)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("GlorotUniform", 2 / 500),
        ("GlorotNormal", 2 / 500),
        ("HeUniform", 2 / 300),
        ("HeNormal", 2 / 300),
        ("LecunUniform", 1 / 300),
        ("LecunNormal", 1 / 300),
    ],
)
def test_variances_are_those_of_the_papers(name: str, variance: float) -> None:
    values = _make(name, seed=0)((300, 200), "float64")
    assert abs(values.mean()) < 5 * np.sqrt(variance / values.size)
    np.testing.assert_allclose(values.var(), variance, rtol=5 * np.sqrt(2 / values.size))


@given(st.lists(st.integers(1, 6), min_size=2, max_size=4), st.floats(0.5, 3))
def test_orthogonal_rows_or_columns_are_orthogonal(shape: list[int], gain: float) -> None:
    values = initializers.Orthogonal(gain=gain, seed=1)(tuple(shape), "float64").reshape(-1, shape[-1])
    rows, columns = values.shape
    gram = values.T @ values if rows >= columns else values @ values.T
    np.testing.assert_allclose(gram, gain**2 * np.eye(min(rows, columns)), atol=1e-13)


def test_constants_are_constant() -> None:
    np.testing.assert_array_equal(initializers.Zeros()((2, 3), "int32"), np.zeros((2, 3), np.int32))
    np.testing.assert_array_equal(initializers.Ones()((2,), bool), [True, True])
    np.testing.assert_array_equal(initializers.Constant(0.1)((2,)), np.full(2, 0.1, np.float32))
    np.testing.assert_array_equal(initializers.Constant([1, 2, 3])((2, 3)), [[1, 2, 3], [1, 2, 3]])
    np.testing.assert_array_equal(initializers.Identity(2)((2, 3)), [[2, 0, 0], [0, 2, 0]])


def test_a_constants_values_can_be_changed_in_place() -> None:
    values = initializers.Constant(1.0)((3,))
    values += 1
    np.testing.assert_array_equal(values, [2, 2, 2])


@pytest.mark.parametrize(
    ("shape", "fans"), [((), (1, 1)), ((7,), (7, 7)), ((3, 4), (3, 4)), ((3, 3, 8, 5), (72, 45)), ((2, 3, 4), (6, 8))]
)
def test_fans_count_inputs_and_outputs_of_a_unit(shape: tuple[int, ...], fans: tuple[int, int]) -> None:
    assert compute_fans(shape) == fans


def test_fans_can_be_told_their_axes() -> None:
    assert compute_fans((2, 3, 4, 5), [0, 1], [3]) == (6, 5)
    assert compute_fans((2, 3), [0], None) == (2, 3)


# Seeds -----------------------------------------------------------------------------------------------------------------


def _draws(action: Any) -> int:
    """How many integers an action draws from Python's `random`."""
    random.seed(0)
    action()
    left = random.getstate()
    random.seed(0)
    for count in range(5):
        if random.getstate() == left:
            return count
        random.randint(1, 10**9)
    raise AssertionError("more than 4 draws, or another kind of draw")


@pytest.mark.parametrize("name", RANDOM)
def test_a_random_initializer_draws_one_seed_when_it_is_made(name: str) -> None:
    """Counted in Keras 3.15.1: one draw each time an initializer without a seed comes to be, none when it is called."""
    assert _draws(lambda: _make(name)) == 1
    assert _draws(lambda: initializers.get(name)) == 1
    assert _draws(lambda: initializers.get(getattr(initializers, name))) == 1
    assert _draws(lambda: _make(name, seed=3)) == 0
    assert _draws(lambda: _make(name, seed=tinynn.random.SeedGenerator(3))) == 0
    initializer = _make(name)
    assert _draws(initializer.clone) == 1
    assert _draws(lambda: initializer((3, 3))) == 0
    assert _draws(lambda: initializers.serialize(initializer)) == 0
    description = initializers.serialize(initializer)
    assert _draws(lambda: initializers.deserialize(description)) == 1


@pytest.mark.parametrize("name", CONSTANT)
def test_a_constant_initializer_draws_nothing(name: str) -> None:
    assert _draws(lambda: initializers.get(name).clone()((3, 3))) == 0


def test_a_refused_initializer_draws_nothing() -> None:
    def refused() -> None:
        with pytest.raises(ValueError):
            initializers.VarianceScaling(scale=0)

    assert _draws(refused) == 0


def test_the_seed_drawn_is_the_seed_used() -> None:
    random.seed(5)
    seed = random.randint(1, 10**9)
    random.seed(5)
    initializer = initializers.GlorotUniform()
    assert initializer.seed == seed
    assert initializer.get_config()["seed"] is None
    np.testing.assert_array_equal(initializer((3, 4)), initializers.GlorotUniform(seed=seed)((3, 4)))


@pytest.mark.parametrize("seed", [1.5, "1", np.int64(1)])
def test_seeds_that_are_not_integers_are_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match="must be a Python integer, a SeedGenerator or None; got"):
        initializers.GlorotUniform(seed=seed)


# Names and descriptions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*RANDOM, *CONSTANT])
def test_both_spellings_mean_the_same_class(name: str) -> None:
    snake = "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")
    cls = getattr(initializers, name)
    assert type(initializers.get(name)) is type(initializers.get(snake)) is cls
    assert getattr(initializers, snake) is cls
    assert type(initializers.get({"class_name": name, "config": {}})) is cls
    assert type(initializers.get(cls)) is cls
    one = cls()
    assert initializers.get(one) is one


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("normal", "RandomNormal"),
        ("uniform", "RandomUniform"),
        ("one", "Ones"),
        ("zero", "Zeros"),
        ("IdentityInitializer", "Identity"),
        ("OrthogonalInitializer", "Orthogonal"),
    ],
)
def test_keras_aliases_are_known(alias: str, name: str) -> None:
    assert type(initializers.get(alias)) is getattr(initializers, name)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("glorot_unifrom", "glorot_uniform"),
        ("Glorot_Uniform", "glorot_uniform"),
        ("zeroes", "zeros"),
        ("he", "he_normal"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(wrong: str, right: str) -> None:
    for use in (initializers.get, initializers.deserialize):
        with pytest.raises(ValueError, match=f'Unknown initializer "{wrong}".*Known: .*{right}'):
            use(wrong)
    if wrong != "he":
        with pytest.raises(ValueError, match=f'Did you mean "{right}"'):
            initializers.get(wrong)


def test_get_takes_functions_arrays_and_none() -> None:
    def ramp(shape: Any, dtype: Any = None) -> np.ndarray:
        return np.arange(shape[0], dtype=dtype)

    assert initializers.get(None) is None
    assert initializers.get(ramp) is ramp
    given_values = initializers.get(np.ones((2, 2), np.int64))
    assert given_values((2, 2)).dtype == np.float32
    with pytest.raises(ValueError, match=r"has shape \(2, 2\); the variable needs \(2, 3\)"):
        given_values((2, 3))
    with pytest.raises(ValueError, match="got 3 of type int"):
        initializers.get(3)


@pytest.mark.parametrize("name", [*RANDOM, *CONSTANT])
def test_a_description_brings_back_the_initializer(name: str) -> None:
    one = _make(name, **({"seed": 3} if name in RANDOM else {}))
    again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(one))))
    assert type(again) is type(one)
    assert again.get_config() == one.get_config()
    np.testing.assert_array_equal(again((3, 3)), one((3, 3)))
    assert repr(again) == repr(one)


def test_descriptions_keep_generators_gains_and_arrays() -> None:
    for one in (
        initializers.GlorotUniform(seed=tinynn.random.SeedGenerator(3)),
        initializers.Identity(gain=2.5),
        initializers.Constant(np.array([1.0, 2.0])),
        initializers.Constant(np.float32(0.1)),
        initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=1, input_axes=[0], output_axes=[1]),
        initializers.Orthogonal(gain=2.0, seed=1),
    ):
        description = json.loads(json.dumps(initializers.serialize(one)))
        again = initializers.deserialize(description)
        assert initializers.serialize(again) == description
        np.testing.assert_array_equal(again((2, 2)), one.clone()((2, 2)))


def test_own_initializers_are_found_in_custom_objects_only() -> None:
    class Ramp(initializers.Initializer):
        def __init__(self, top: float = 1.0) -> None:
            self.top = top

        def get_config(self) -> dict[str, Any]:
            return {"top": self.top}

    def flat(shape: Any, dtype: Any = None) -> np.ndarray:
        return np.ones(shape, dtype)

    description = initializers.serialize(Ramp(3.0))
    assert initializers.deserialize(description, custom_objects={"Ramp": Ramp}).top == 3.0
    assert initializers.deserialize(initializers.serialize(flat), custom_objects={"flat": flat}) is flat
    with pytest.raises(ValueError, match='Unknown initializer "Ramp"'):
        initializers.deserialize(description)
    with pytest.raises(NotImplementedError, match="Ramp needs a method __call__"):
        Ramp()((2,))


@pytest.mark.parametrize(
    "description",
    [
        3,
        ["zeros"],
        {},
        {"class_name": None},
        {"class_name": "Zeros", "config": "x"},
        {"class_name": "Constant", "config": {"value": {"class_name": "__lambda__", "config": {"value": "x"}}}},
        {"class_name": "Constant", "config": {"value": {"class_name": "__numpy__", "config": {"dtype": "object"}}}},
        {"class_name": "GlorotUniform", "config": {"seed": {"class_name": "os.system", "config": {"seed": 1}}}},
        {"class_name": "GlorotUniform", "config": {"seed": {"class_name": "SeedGenerator", "config": 1}}},
        {"class_name": "function", "config": "eval", "module": "builtins", "registered_name": "function"},
    ],
)
def test_descriptions_of_anything_else_are_refused(description: Any) -> None:
    with pytest.raises(ValueError):
        initializers.deserialize(description)


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(ValueError, match="expects a scale above 0; got -1"):
        initializers.VarianceScaling(scale=-1)
    with pytest.raises(ValueError, match=r'Unknown mode "fan_inn"\. Did you mean "fan_in"'):
        initializers.VarianceScaling(mode="fan_inn")
    with pytest.raises(ValueError, match=r'Unknown distribution "unifrom"\. Did you mean "uniform"'):
        initializers.VarianceScaling(distribution="unifrom")
    with pytest.raises(ValueError, match=r"shape of two axes or more; got \(3,\)"):
        initializers.Orthogonal()((3,))
    with pytest.raises(ValueError, match=r"shape of a matrix, such as \(3, 3\); got \(3,\)"):
        initializers.Identity()((3,))
    with pytest.raises(ValueError, match=r"shape \(3,\), which does not broadcast to the shape \(2, 2\)"):
        initializers.Constant([1, 2, 3])((2, 2))


# Against Keras ---------------------------------------------------------------------------------------------------------


@pytest.mark.keras
@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_initializers_equal_keras_bitwise(keras: Any, name: str) -> None:
    for seed in (0, 1, 42, 2**40):
        ours, theirs = _make(name, seed=seed), getattr(keras.initializers, name)(seed=seed)
        for shape in SHAPES:
            for dtype in DTYPES:
                np.testing.assert_array_equal(ours(shape, dtype), theirs(shape, dtype).numpy())


@pytest.mark.keras
@pytest.mark.parametrize("name", NORMAL)
def test_normal_initializers_equal_keras_within_four_units_in_the_last_place(keras: Any, name: str) -> None:
    for seed in (0, 1, 42, 2**40):
        ours, theirs = _make(name, seed=seed), getattr(keras.initializers, name)(seed=seed)
        for shape in SHAPES:
            for dtype in DTYPES:
                found, expected = ours(shape, dtype), theirs(shape, dtype).numpy()
                assert found.dtype == expected.dtype
                assert np.all(np.abs(found - expected) <= 4 * np.spacing(np.abs(expected)))


@pytest.mark.keras
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal", "NORMAL"])
def test_variance_scaling_equals_keras(keras: Any, mode: str, distribution: str) -> None:
    arguments = {"scale": 0.7, "mode": mode, "distribution": distribution, "seed": 5}
    for axes in ({}, {"input_axes": [0, 1], "output_axes": [2]}):
        ours = initializers.VarianceScaling(**arguments, **axes)
        theirs = keras.initializers.VarianceScaling(**arguments, **axes)
        for dtype in DTYPES:
            expected = theirs((3, 2, 4), dtype).numpy()
            np.testing.assert_allclose(ours((3, 2, 4), dtype), expected, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.keras
def test_orthogonal_equals_keras_up_to_the_rounding_of_the_decomposition(keras: Any) -> None:
    for seed in range(3):
        for shape in ((1, 1), (3, 3), (8, 3), (3, 8), (2, 3, 4), (60, 60), (300, 100)):
            ours, theirs = initializers.Orthogonal(1.5, seed=seed), keras.initializers.Orthogonal(1.5, seed=seed)
            for dtype in DTYPES:
                # An error of eps |A| in A turns the columns of Q by up to eps times the condition number of A.
                rows = int(np.prod(shape[:-1]))
                flat = (max(rows, shape[-1]), min(rows, shape[-1]))
                condition = np.linalg.cond(tinynn.random.normal(flat, dtype=dtype, seed=seed))
                bound = 4 * np.finfo(dtype).eps * condition
                np.testing.assert_allclose(ours(shape, dtype), theirs(shape, dtype).numpy(), rtol=0, atol=bound)


@pytest.mark.keras
def test_descriptions_equal_those_of_keras(keras: Any) -> None:
    for name in (*RANDOM, *CONSTANT):
        for arguments in ({}, {"seed": 3}) if name in RANDOM else ({},):
            ours, theirs = _make(name, **arguments), getattr(keras.initializers, name)(**arguments)
            found, expected = initializers.serialize(ours), keras.initializers.serialize(theirs)
            assert json.dumps(found) == json.dumps(expected)  # the order of keys as well
            assert keras.initializers.deserialize(found).get_config() == expected["config"]
    for value in (2, 0.5, np.float32(0.1), np.array([1.0, 2.0]), [1.0, 2.0]):
        assert initializers.serialize(initializers.Constant(value)) == keras.initializers.serialize(
            keras.initializers.Constant(value)
        )
    ours = initializers.HeNormal(seed=tinynn.random.SeedGenerator(3, name="g"))
    theirs = keras.initializers.HeNormal(seed=keras.random.SeedGenerator(3, name="g"))
    assert initializers.serialize(ours) == keras.initializers.serialize(theirs)


@pytest.mark.keras
def test_unseeded_initializers_draw_the_seeds_that_keras_draws(keras: Any) -> None:
    names = [*RANDOM, *CONSTANT]
    keras.utils.set_random_seed(11)
    theirs = [keras.initializers.get(getattr(keras.initializers, name)) for name in names]
    random.seed(11)
    ours = [initializers.get(name) for name in names]
    assert [getattr(one, "seed", None) for one in ours] == [getattr(one, "seed", None) for one in theirs]


@pytest.mark.keras
def test_keras_knows_every_name_that_is_known_here(keras: Any) -> None:
    from tinynn.initializers.registry import KNOWN

    for name, cls in KNOWN.names.items():
        if cls is not initializers.Constant:  # Keras cannot make a Constant from its name alone
            assert type(keras.initializers.get(name)).__name__ == cls.__name__
    for name in initializers.__all__:
        assert name == "RandomInitializer" or hasattr(keras.initializers, name)
