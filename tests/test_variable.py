"""Variables: values, names, assignment and representation as Keras's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynn
from tests.models.twins import floatx_put_back, set_floatx
from tinynn import Variable, initializers

CASES: dict[str, Callable[[Any], Any]] = {
    "list": lambda k: k.Variable([1.0, 2.0]),
    "number": lambda k: k.Variable(1.5),
    "integer": lambda k: k.Variable(3),
    "float32 array": lambda k: k.Variable(np.array([1.5], np.float32)),
    "dtype": lambda k: k.Variable([1, 2], dtype="float64"),
    "integer dtype": lambda k: k.Variable([1, 2], dtype="int64"),
    "initializer": lambda k: k.Variable(k.initializers.Ones(), shape=(2, 3)),
    "initializer and dtype": lambda k: k.Variable(k.initializers.Zeros(), shape=(2,), dtype="float64"),
    "function": lambda k: k.Variable(lambda shape, dtype: np.full(shape, 7.0, dtype), shape=(2,)),
    "name": lambda k: k.Variable([1.0], name="mine"),
    "not trainable": lambda k: k.Variable([1.0], trainable=False),
    "variable": lambda k: k.Variable(k.Variable([1.0, 2.0])),
}


@pytest.mark.keras
@pytest.mark.parametrize("case", CASES)
def test_variables_are_made_as_keras_s(keras: Any, case: str) -> None:
    found = []
    with floatx_put_back(keras):
        set_floatx(keras, "float32")
        for k in (tinynn, keras):
            k.backend.clear_session()
            v = CASES[case](k)
            with warnings.catch_warnings():
                # Keras's repr leaves out the value where NumPy's warning of a missing `copy` argument is an error.
                warnings.simplefilter("ignore", DeprecationWarning)
                shown = repr(v)
            found.append((v.name, v.path, tuple(v.shape), str(v.dtype), v.trainable, v.ndim, v.numpy().tolist(), shown))
    assert found[0] == found[1]


def test_assignment_is_in_place_and_cast() -> None:
    v = Variable([1.0, 2.0])
    array = v.value
    assert v.assign([3, 4]) is v
    v.assign_add(np.array([1.0, 1.0]))
    v.assign_sub(Variable([2.0, 0.0]))
    assert array.tolist() == [2, 5]
    assert array is v.value
    assert v.dtype == "float32"


def test_assignment_of_another_shape_is_refused() -> None:
    v = Variable([1.0, 2.0], name="v")
    with pytest.raises(
        ValueError, match=r"variable\.shape=\(2,\), Received: value\.shape=\(3,\)\. Target variable: <Variable path=v"
    ):
        v.assign([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"variable\.shape=\(2,\), Received: value\.shape=\(1,\)"):
        v.assign([1.0])
    assert v.numpy().tolist() == [1, 2]


def test_an_initializer_needs_a_shape() -> None:
    with pytest.raises(ValueError, match=r"expects a shape when its value comes from an initializer; got shape=None"):
        Variable(initializers.Ones())


def test_a_variable_computes_as_its_array() -> None:
    v = Variable([[1.0, -2.0], [3.0, 4.0]])
    x = v.value
    for one, other in (
        (v + 1, x + 1),
        (1 - v, 1 - x),
        (v * v, x * x),
        (v / 2, x / 2),
        (v @ v, x @ x),
        (-v, -x),
        (abs(v), abs(x)),
        (v**2, x**2),
        (v[0], x[0]),
        (v > 0, x > 0),
        (v == 1, x == 1),
        (v.T, x.T),
        (np.exp(v), np.exp(x)),
        (np.asarray(v), x),
    ):
        assert np.array_equal(one, other)
        assert one.dtype == other.dtype
    assert (v.size, v.ndim, len(v), v.shape) == (4, 2, 2, (2, 2))
    assert hash(v) == hash(v)
    assert {v: 1}[v] == 1


def test_numpy_gives_a_copy() -> None:
    v = Variable([1.0, 2.0])
    copy = v.numpy()
    copy[:] = 0
    assert v.numpy().tolist() == [1, 2]
