"""Examples are plain data: they print, go through JSON, build, and shrink to what one can read."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from parity.engines import TINYNN, fresh_session
from parity.example import Example
from parity.shrink import candidates, shrunk
from parity.strategies import AXES, examples


@given(examples())
def test_an_example_survives_json_and_its_own_repr(example: Example) -> None:
    assert Example.from_json(example.to_json()) == example
    assert eval(repr(example), {"Example": Example}) == example


@given(examples(), st.sampled_from(("float32", "float64")))
def test_every_example_builds_with_data_that_fits(example: Example, dtype: str) -> None:
    with fresh_session(TINYNN, dtype, example.seed):
        model = example.build(tinynn, dtype)
        x, y, weights = example.data(dtype)
        outputs = model(x)
    assert outputs.shape == (example.samples, example.outputs)
    assert x.dtype == outputs.dtype == dtype
    assert y.shape in {(example.samples,), outputs.shape}
    assert weights is None or weights.shape == (example.samples,)
    assert np.isfinite(x).all()
    assert example.steps <= 5


@given(examples())
def test_a_float64_run_starts_from_the_numbers_of_the_float32_run(example: Example) -> None:
    for short, long in zip(example.data("float32")[:2], example.data("float64")[:2], strict=True):
        np.testing.assert_array_equal(short, long)


@given(st.sampled_from(AXES), st.data())
def test_an_axis_alone_leaves_the_others_plain(axis: str, data: st.DataObject) -> None:
    example = data.draw(examples([axis]))
    if axis != "layers":
        assert [layer["class"] for layer in example.layers] == ["Dense", "Dense"]
    if axis != "optimizer":
        assert example.optimizer == {"class": "SGD", "learning_rate": 0.1}
    if axis not in ("loss", "metrics"):
        assert example.loss["class"] == "MeanSquaredError"


def test_an_unknown_axis_is_refused() -> None:
    with pytest.raises(ValueError, match=r'Unknown axis "layer"\. Did you mean "layers"'):
        examples(["layer"])


@given(examples())
def test_the_script_is_a_program_that_knows_nothing_of_parity(example: Example) -> None:
    program = ast.parse(example.script())
    imported = {name.name for node in ast.walk(program) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"os", "keras", "numpy", "tensorflow", "tinynn"}


@given(examples())
def test_every_candidate_for_shrinking_is_another_example_that_builds(example: Example) -> None:
    for smaller in candidates(example):
        assert smaller != example
        assert smaller.outputs >= 1
        assert len(smaller.to_json()) <= len(example.to_json()) + 60  # a plain value may be longer to write


def test_shrinking_leaves_the_guilty_part_alone() -> None:
    guilty = {"class": "Dense", "units": 17, "use_bias": False, "kernel_regularizer": {"class": "L1", "l1": 0.1}}
    example = Example(
        layers=({"class": "Dropout", "rate": 0.5}, guilty, {"class": "Softmax"}, {"class": "Dense", "units": 4}),
        optimizer={"class": "Adam", "learning_rate": 0.1, "amsgrad": True, "clipnorm": 0.5},
        features=9,
        samples=9,
        batch_size=3,
        metrics=("mse",),
        inputs="huge",
        weights="large",
        dtype="float32",
        seed=7,
    )
    small = shrunk(
        example,
        lambda e: any("kernel_regularizer" in layer for layer in e.layers) and e.optimizer.get("clipnorm") == 0.5,
        1000,
    )
    assert small.layers == (
        {"class": "Dense", "units": 1, "kernel_regularizer": {"class": "L1", "l1": 0.1}},
        {"class": "Dense", "units": 1},
    )
    assert small.optimizer == {"class": "Adam", "learning_rate": 0.1, "clipnorm": 0.5}
    assert small == Example(layers=small.layers, optimizer=small.optimizer)
