"""One flat vector for many variables: who tiles one, who does not, and what packing keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinynn import Variable
from tinynn.buffer import flat_view, pack, split_views

shapes = st.lists(st.sampled_from([(), (1,), (3,), (2, 3), (1, 1), (2, 1, 2)]), min_size=1, max_size=5)


def made(shapes: Any, dtype: str = "float64") -> list[Variable]:
    numbers = np.random.default_rng(len(shapes))
    return [Variable(numbers.normal(size=shape), dtype=dtype) for shape in shapes]


@given(shapes=shapes)
def test_packing_keeps_values_and_makes_views_without_gaps(shapes: Any) -> None:
    variables = made(shapes)
    before = [variable.numpy() for variable in variables]
    (flat,) = pack(variables)
    assert flat.tolist() == [x for value in before for x in value.ravel().tolist()]
    flat *= 2
    for variable, value in zip(variables, before, strict=True):
        assert np.array_equal(variable.value, 2 * value)
        assert variable.shape == value.shape
    assert pack(variables)[0] is not flat
    assert np.shares_memory(pack(variables)[0], flat)  # nothing moves a second time


@given(shapes=shapes, data=st.data())
def test_only_neighbours_in_their_order_have_a_flat_view(shapes: Any, data: Any) -> None:
    variables = made(shapes)
    pack(variables)
    first = data.draw(st.integers(0, len(shapes) - 1))
    last = data.draw(st.integers(first, len(shapes) - 1))
    part = flat_view(variables[first : last + 1])
    assert part is not None
    assert part.tolist() == [x for v in variables[first : last + 1] for x in v.value.ravel().tolist()]
    chosen = data.draw(st.permutations(variables))
    if [id(v) for v in chosen] != [id(v) for v in variables]:
        assert flat_view(chosen) is None


def test_what_has_no_flat_view() -> None:
    one, two, three = made([(2,), (3,), (2, 2)])
    assert flat_view([]) is None
    assert flat_view([one]) is None  # stands alone
    pack([one, two, three])
    assert flat_view([one, three]) is None  # a gap
    assert flat_view([two, one]) is None
    assert flat_view([one, one]) is None
    stranger = made([(2,)])[0]
    assert flat_view([one, two, three, stranger]) is None
    three.value = three.value.T
    assert flat_view([one, two, three]) is None
    pack([stranger, two])  # taken away into another vector
    assert flat_view([one, two]) is None
    assert two.value.tolist() == made([(2,), (3,), (2, 2)])[1].value.tolist()


def test_every_dtype_has_a_vector_of_its_own() -> None:
    variables = [
        Variable([1.0], dtype="float32"),
        Variable([2.0], dtype="float64"),
        Variable([3.0, 4.0], dtype="float32"),
    ]
    single, double = pack(variables)
    assert (single.dtype, single.tolist()) == (np.float32, [1, 3, 4])
    assert (double.dtype, double.tolist()) == (np.float64, [2])


def test_views_follow_one_another() -> None:
    flat = np.arange(7.0)
    views = split_views(flat, [(2,), (), (2, 2)])
    assert [view.tolist() for view in views] == [[0, 1], 2, [[3, 4], [5, 6]]]
    assert all(np.shares_memory(view, flat) for view in views)
    assert split_views(np.empty(0), []) == []
