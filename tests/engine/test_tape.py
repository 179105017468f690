"""The tape: gradients of random expressions against the complex step and TensorFlow, and every way to ask for them."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn
from tests.engine.expressions import Program, programs
from tests.oracles import central_difference_gradient
from tinynn import GradientTape, Variable, ops
from tinynn.engine import recorded, tape
from tinynn.engine.recorded import Recorded
from tinynn.ops import nn


@pytest.fixture(autouse=True)
def in_float64() -> None:
    tinynn.config.set_floatx("float64")


def gradients(program: Program, upstream: Any) -> list[Any]:
    """dL/d(source) by the tape, for sources that are variables and watched arrays in turn."""
    with GradientTape() as t:
        sources = [Variable(x) if i % 2 else t.watch(x) for i, x in enumerate(program.sources)]
        result = program.run(ops, sources)[-1]
    found = t.gradient(result, sources, output_gradients=upstream, unconnected_gradients="zero")
    assert [d.shape for d in found] == [x.shape for x in program.sources]
    return found


def upstream_of(program: Program) -> Any:
    shape = np.shape(program.run(ops, program.sources)[-1])
    return np.random.default_rng(0).normal(size=shape)


# Any expression --------------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(program=programs())
def test_gradients_of_any_expression_match_the_complex_step(program: Program) -> None:
    upstream = upstream_of(program)
    for i, found in enumerate(gradients(program, upstream)):
        expected = program.gradient(i, upstream)
        assert np.abs(found - expected).max(initial=0.0) <= program.bound(i, upstream, expected)


@settings(max_examples=60)
@given(program=programs(steps=4))
def test_gradients_match_central_differences(program: Program) -> None:
    """The cruder oracle, which knows the operations of tinynn only as functions: no formula of the test's own is in it."""
    upstream = upstream_of(program)
    for i, found in enumerate(gradients(program, upstream)):

        def result(x: Any, i: int = i) -> Any:
            sources = [x if j == i else other for j, other in enumerate(program.sources)]
            return program.run(ops, sources)[-1]

        source = program.sources[i]
        expected = central_difference_gradient(result, source, upstream)
        # Where a step of 6e-6 crosses a kink, the difference is an average of two slopes: such places are left out. Else the
        # error is h^2 f''' / 6, some 1e-11 of derivatives below 1e4 here, and eps f / h.
        beside = central_difference_gradient(result, np.asarray(source + 2e-5), upstream)
        away = np.abs(expected - beside) < 1e-2 * (1 + np.abs(expected))
        assert np.allclose(found[away], expected[away], rtol=1e-6, atol=1e-6)


@pytest.mark.keras
@settings(max_examples=60)
@given(program=programs())
def test_gradients_of_any_expression_match_tensorflow(keras: Any, program: Program) -> None:
    import tensorflow as tf

    upstream = upstream_of(program)
    with tf.GradientTape() as t:
        sources = [tf.Variable(x) for x in program.sources]
        values = program.run(keras.ops, [tf.convert_to_tensor(x) for x in sources])
    expected = t.gradient(values[-1], sources, output_gradients=tf.constant(upstream), unconnected_gradients="zero")
    assert np.allclose(np.asarray(values[-1]), program.run(ops, program.sources)[-1], rtol=1e-12, atol=1e-12)
    for i, (ours, theirs) in enumerate(zip(gradients(program, upstream), expected, strict=True)):
        theirs = np.asarray(theirs)
        assert np.abs(ours - theirs).max(initial=0.0) <= program.bound(i, upstream, theirs)


@pytest.mark.parametrize(("name", "module"), [("multiply", ops), ("tanh", ops), ("matmul", ops), ("softmax", ops)])
def test_the_oracle_rejects_a_gradient_off_by_a_thousandth(
    monkeypatch: pytest.MonkeyPatch, name: str, module: Any
) -> None:
    right = getattr(module, name)

    @tape.differentiable
    def wrong(*inputs: Any) -> Any:
        with GradientTape(persistent=True) as inner:
            watched = [inner.watch(np.asarray(x)) for x in inputs]
            out = right(*watched)

        def backward(d_out: Any) -> Any:
            d_inputs = inner.gradient(out, watched, output_gradients=d_out)
            return (d_inputs[0] * 1.001, *d_inputs[1:])

        return out.value, backward

    monkeypatch.setattr(module, name, wrong)
    program = Program([np.array([[0.3, -1.2], [0.7, 0.4]])])
    program.steps = [("move", "gram", (0,), {})] if name == "matmul" else [("unary", name, (0,), {})]
    if name == "multiply":
        monkeypatch.setitem(recorded.numpy_functions, np.multiply, wrong)
        program.steps = [("binary", "multiply", (0, 0), {})]
    upstream = upstream_of(program)
    expected = program.gradient(0, upstream)
    assert np.abs(gradients(program, upstream)[0] - expected).max() > 100 * program.bound(0, upstream, expected)


# Ways to ask -----------------------------------------------------------------------------------------------------------


def test_a_gradient_by_hand() -> None:
    x = Variable([1.0, 2.0])
    with GradientTape() as t:
        loss = ops.sum(ops.square(x))
    assert np.array_equal(t.gradient(loss, x), [2.0, 4.0])


def test_the_target_of_several_entries_is_summed() -> None:
    x = Variable([1.0, 2.0])
    with GradientTape() as t:
        y = x * x
    assert np.array_equal(t.gradient(y, x), [2.0, 4.0])


def test_routes_add_up() -> None:
    """d(x y + x^2 + x) with y = 3 x:  d(3 x^2 + x^2 + x) = 8 x + 1."""
    x = Variable(2.0)
    with GradientTape() as t:
        loss = x * (3 * x) + ops.square(x) + x
    assert t.gradient(loss, x) == 17


@pytest.mark.parametrize("structure", ["dict", "list", "tuple", "nested"])
def test_gradients_come_in_the_structure_of_the_sources(structure: str) -> None:
    a, b = Variable(2.0), Variable(3.0)
    with GradientTape() as t:
        loss = a * b
    sources: Any = {"dict": {"a": a, "b": b}, "list": [a, b], "tuple": (a, b), "nested": {"all": [a, (b, a)]}}[
        structure
    ]
    found = t.gradient(loss, sources)
    assert (
        found == {"dict": {"a": 3, "b": 2}, "list": [3, 2], "tuple": [3, 2], "nested": {"all": [3, [2, 3]]}}[structure]
    )


def test_watch_takes_structures_too() -> None:
    with GradientTape() as t:
        x = t.watch({"a": np.array(2.0), "b": [np.array(3.0), (np.array(4.0),)]})
        loss = x["a"] * x["b"][0] * x["b"][1][0]
    assert t.gradient(loss, x) == {"a": 12, "b": [8, [6]]}


def test_a_watched_plain_array_is_followed_through_ops() -> None:
    """As in TensorFlow, the array itself will do; operators of the plain array are NumPy's own and need the handle."""
    x = np.array([1.0, 2.0])
    with GradientTape() as t:
        t.watch(x)
        loss = ops.sum(ops.multiply(x, x))
    assert np.array_equal(t.gradient(loss, x), [2.0, 4.0])


def test_handle_and_array_lead_to_the_same_gradient() -> None:
    x = np.array([1.0, 2.0])
    with GradientTape(persistent=True) as t:
        handle = t.watch(x)
        loss = ops.sum(handle * handle) + ops.sum(ops.square(x))
    assert np.array_equal(t.gradient(loss, x), [4.0, 8.0])
    assert np.array_equal(t.gradient(loss, handle), [2.0, 4.0])  # the other route does not pass by the handle


def test_several_targets_are_summed_each_with_its_upstream_gradient() -> None:
    x = Variable([1.0, 2.0])
    with GradientTape(persistent=True) as t:
        squares, doubles = x * x, 2 * x
    assert np.array_equal(t.gradient([squares, doubles], x), [4.0, 6.0])
    weighted = t.gradient([squares, doubles], x, output_gradients=[np.array([1.0, 10.0]), np.array([100.0, 0.0])])
    assert np.array_equal(weighted, [202.0, 40.0])
    assert np.array_equal(t.gradient([squares, doubles], x, output_gradients=[None, np.array([0.0, 1.0])]), [2.0, 6.0])


def test_upstream_gradients_broadcast() -> None:
    x = Variable(np.ones((2, 3)))
    with GradientTape() as t:
        y = 2 * x
    assert np.array_equal(t.gradient(y, x, output_gradients=np.array([1.0, 2.0, 3.0])), [[2.0, 4.0, 6.0]] * 2)


def test_intermediate_values_are_sources_too() -> None:
    x = Variable(3.0)
    with GradientTape(persistent=True) as t:
        y = x * x
        loss = y * y
    assert t.gradient(loss, y) == 18
    assert t.gradient(loss, [y, x]) == [18, 108]
    assert t.gradient(loss, loss) == 1


def test_unconnected_sources() -> None:
    x, y = Variable([1.0, 2.0]), Variable([[3.0]])
    with GradientTape(persistent=True) as t:
        loss = ops.sum(x)
    assert t.gradient(loss, y) is None
    assert t.gradient(loss, [x, y])[1] is None
    assert np.array_equal(t.gradient(loss, y, unconnected_gradients="zero"), [[0.0]])
    with pytest.raises(ValueError, match=r'unconnected_gradients must be "none" or "zero"; got \'null\'\.'):
        t.gradient(loss, y, unconnected_gradients="null")


def test_a_tape_can_be_asked_once_unless_persistent() -> None:
    x = Variable(3.0)
    with GradientTape() as once, GradientTape(persistent=True) as always:
        loss = x * x
    assert once.gradient(loss, x) == 6
    with pytest.raises(RuntimeError, match=r"gradient was already called on this tape; .*persistent=True"):
        once.gradient(loss, x)
    assert [always.gradient(loss, x) for _ in range(3)] == [6, 6, 6]


def test_a_failed_question_leaves_the_tape_as_it_was() -> None:
    x = Variable(3.0)
    with GradientTape() as t:
        loss = x * x
    with pytest.raises(ValueError, match="was not recorded on this tape"):
        t.gradient(np.array(1.0), x)
    assert t.gradient(loss, x) == 6


def test_asking_inside_the_block() -> None:
    x = Variable(3.0)
    with GradientTape(persistent=True) as t:
        y = x * x
        assert t.gradient(y, x) == 6
        z = y * x
    assert t.gradient(z, x) == 27


def test_a_target_that_nothing_led_to_says_how_to_mend_it() -> None:
    x = np.array([1.0])
    with GradientTape() as t:
        t.watch(x)
        loss = np.sum(x * x)  # NumPy's own, on the plain array
    with pytest.raises(ValueError, match=r"no watched value led to it\. .*`x = tape\.watch\(x\)`.*tinynn\.ops"):
        t.gradient(loss, x)


def test_variables_that_are_not_trainable_are_not_watched_by_themselves() -> None:
    fixed, trained = Variable(2.0, trainable=False), Variable(3.0)
    with GradientTape() as t:
        loss = fixed * trained
    assert t.gradient(loss, trained) == 2
    with GradientTape() as t:
        out = fixed * fixed
    assert type(out) is not Recorded
    with GradientTape() as t:
        t.watch(fixed)
        loss = fixed * fixed
    assert t.gradient(loss, fixed) == 4


def test_watching_only_what_is_asked_for() -> None:
    a, b = Variable(2.0), Variable(3.0)
    with GradientTape(watch_accessed_variables=False) as t:
        t.watch(a)
        loss = a * b
    assert t.gradient(loss, a) == 3
    with GradientTape(watch_accessed_variables=False) as t:
        out = a * b
    assert type(out) is not Recorded


def test_without_a_tape_values_are_plain_arrays() -> None:
    x = Variable([1.0, 2.0])
    for out in (x * x, ops.sum(x), np.tanh(x), x @ x, x[0], -x, 1 / x, x.T):
        assert isinstance(out, (np.ndarray, np.generic))
    with GradientTape():
        assert type(ops.sum(np.array([1.0, 2.0]))) is not Recorded


def test_nested_tapes_each_hold_what_they_heard() -> None:
    x = Variable(2.0)
    with GradientTape() as outer:
        y = x * x
        with GradientTape() as inner:
            z = y * x
        w = z * 3
    assert inner.gradient(z, x) == 4  # y is a constant to the inner tape: d(4 x)/dx
    assert outer.gradient(w, x) == 36  # d(3 x^3)/dx = 9 x^2


def test_the_inner_tape_knows_intermediates_it_watches() -> None:
    x = Variable(2.0)
    with GradientTape() as outer:
        y = x * x
        with GradientTape() as inner:
            inner.watch(y)
            z = y * y
        assert inner.gradient(z, y) == 8
    assert outer.gradient(z, x) == 32


def test_the_gradient_itself_is_a_plain_array() -> None:
    """Derivatives of derivatives are not recorded: the outer tape says so rather than give a wrong number."""
    x = Variable(2.0)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = x * x * x
        slope = inner.gradient(y, x)
    assert slope == 12
    with pytest.raises(ValueError, match="was not recorded on this tape"):
        outer.gradient(slope, x)


def test_an_exception_closes_the_tape() -> None:
    x = Variable(2.0)
    with pytest.raises(KeyError), GradientTape():
        raise KeyError
    assert type(x * x) is not Recorded


def test_stop_gradient_cuts_one_route() -> None:
    """d(x stop(x)) = stop(x) = 3."""
    x = Variable(3.0)
    with GradientTape() as t:
        loss = x * ops.stop_gradient(x)
    assert t.gradient(loss, x) == 3
    with GradientTape() as t:
        first, second = ops.stop_gradient([x, 2 * x])
        loss = x * first * second
    assert t.gradient(loss, x) == 18


def test_custom_gradient_is_taken_at_its_word() -> None:
    @tinynn.custom_gradient
    def cube_with_a_wrong_slope(x: Any) -> Any:
        return x**3, lambda d_out: d_out * 100

    @ops.custom_gradient
    def of_two(x: Any, y: Any, *, factor: float) -> Any:
        return factor * x * y, lambda d_out: (d_out * factor * y, None)

    x, y = Variable(2.0), Variable(5.0)
    with GradientTape(persistent=True) as t:
        cube = cube_with_a_wrong_slope(x)
        product = of_two(x, y, factor=3.0)
    assert float(cube) == 8
    assert t.gradient(cube, x) == 100
    assert t.gradient(product, [x, y]) == [15, None]
    assert type(cube_with_a_wrong_slope(np.array(2.0))) is not Recorded


WITHOUT_DERIVATIVE = [
    lambda x: np.linalg.cond(x),
    lambda x: np.partition(x, 1),
    lambda x: np.gradient(x),
    lambda x: np.float_power(x, 2.0),
    lambda x: np.add.reduce(x),
    lambda x: np.exp(x, out=np.empty((2, 2))),
    lambda x: np.block([x, np.eye(2)]),
    lambda x: np.histogram(x, bins=2, weights=x),
]


@pytest.mark.parametrize("call", WITHOUT_DERIVATIVE)
def test_numpy_functions_without_a_derivative_raise_rather_than_drop_it(call: Any) -> None:
    x = Variable([[1.0, 2.0], [3.0, 4.0]])
    with GradientTape(), pytest.raises(TypeError, match=r"np\.\w+, .* has no derivative in tinynn\. .*x\.numpy\(\)"):
        call(x)


@pytest.mark.parametrize("call", WITHOUT_DERIVATIVE)
def test_numpy_functions_work_where_no_tape_listens(call: Any) -> None:
    x = Variable([[1.0, 2.0], [3.0, 4.0]])
    found, expected = call(x), call(x.value)
    assert type(found) is type(expected)
    for one, other in zip(found, expected) if isinstance(found, tuple) else [(found, expected)]:
        assert np.array_equal(one, other)


def test_an_array_may_grow_by_a_variable() -> None:
    total = np.zeros(2)
    total += Variable([1.0, 2.0])
    assert total.tolist() == [1, 2]


def test_numpy_functions_with_a_derivative_are_recorded() -> None:
    x = Variable([[0.5, 2.0], [3.0, 4.0]])
    with GradientTape(persistent=True) as t:
        pairs = [
            (np.tanh(x), ops.tanh(x)),
            (np.sum(x, axis=0), ops.sum(x, axis=0)),
            (np.concatenate([x, x]), ops.concatenate([x, x])),
            (np.matmul(x, x.T), x @ ops.transpose(x)),
            (np.where(np.array([True, False]), x, 0.0), ops.where(np.array([True, False]), x, 0.0)),
            (abs(x), ops.absolute(x)),
            (x**2, ops.power(x, 2)),
            (2**x, ops.power(2.0, x)),
            (x[0, ::-1], x[0][::-1]),
            (np.mean(x), ops.mean(x)),
        ]
    for one, other in pairs:
        assert type(one) is Recorded
        assert np.array_equal(one.value, other.value)
        assert np.array_equal(t.gradient(one, x), t.gradient(other, x))


def test_numpy_and_float_leave_the_tape_on_purpose() -> None:
    x = Variable([3.0])
    with GradientTape():
        y = x * x
        assert type(y.numpy()) is np.ndarray
        assert float(y[0]) == 9
        assert int(y[0]) == 9
        assert f"{y[0]:.1f}" == "9.0"
        assert bool(y[0] > 1)
        assert len(y) == 1
        assert [float(entry) for entry in y] == [9.0]


def test_an_entry_picked_twice_gets_both_shares() -> None:
    x = Variable([1.0, 2.0, 3.0])
    with GradientTape(persistent=True) as t:
        picked = x[np.array([0, 2, 2])]
        masked = x[np.array([True, False, True])]
    assert np.array_equal(t.gradient(picked, x, output_gradients=np.array([1.0, 10.0, 100.0])), [1.0, 0.0, 110.0])
    assert np.array_equal(t.gradient(masked, x), [1.0, 0.0, 1.0])


def test_a_variable_changed_in_the_block_keeps_the_gradient_of_what_was_recorded() -> None:
    """The backward pass needs the values of the forward pass, not those that an update leaves behind."""
    x = Variable([2.0])
    with GradientTape() as t:
        y = x * x
        x.assign([5.0])
    assert np.array_equal(t.gradient(y, x), [4.0])


@pytest.mark.keras
def test_the_gradient_of_a_variable_changed_in_the_block_in_tensorflow(keras: Any) -> None:
    import tensorflow as tf

    x = tf.Variable([2.0])
    with tf.GradientTape() as t:
        y = x * x
        x.assign([5.0])
    assert np.array_equal(t.gradient(y, x), [4.0])


def test_gradients_do_not_share_memory_with_values() -> None:
    """Neither an optimizer that works in place nor a user's `+=` on a gradient changes anything else."""
    x, y = Variable([1.0, 2.0]), Variable([3.0, 4.0])
    with GradientTape(persistent=True) as t:
        loss = ops.sum(x + y)
        both = x + y
    upstream = np.ones(2)
    for target in (loss, both):
        first, second = t.gradient(target, [x, y], output_gradients=upstream if target is both else None)
        first += 100
        assert np.array_equal(second, [1.0, 1.0])
        assert np.array_equal(t.gradient(target, y), [1.0, 1.0])
    assert np.array_equal(upstream, [1.0, 1.0])
    assert np.array_equal(x.value, [1.0, 2.0])


# Threads and memory ----------------------------------------------------------------------------------------------------


def test_threads_do_not_hear_each_other() -> None:
    """Each thread has its own open tapes: a busy one records nothing for another."""
    failures: list[str] = []
    start = threading.Barrier(4)

    def work(k: float) -> None:
        start.wait()
        for _ in range(200):
            x = Variable(k)
            with GradientTape() as t:
                loss = x * x * x
            if t.gradient(loss, x) != 3 * k * k or len(t.records) != 0:
                failures.append(f"thread {k}")

    threads = [threading.Thread(target=work, args=(float(k),)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_tape_open_in_one_thread_is_not_open_in_another() -> None:
    x = Variable(2.0)
    kinds: list[type] = []
    with GradientTape() as t:
        thread = threading.Thread(target=lambda: kinds.append(type(x * x)))
        thread.start()
        thread.join()
    assert kinds[0] is not Recorded
    assert t.records == []


def test_the_side_table_of_logits_empties_with_the_outputs() -> None:
    before = len(recorded._logits)
    logits = np.random.default_rng(0).normal(size=(4, 3))
    kept = [nn.softmax(logits) for _ in range(10)] + [nn.sigmoid(Variable(logits)) for _ in range(10)]
    assert len(recorded._logits) == before + 20
    assert recorded.logits_of(kept[0]) is logits
    kept.clear()
    gc.collect()
    assert len(recorded._logits) == before


@given(seeds=st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_an_id_used_again_brings_no_one_else_s_logits(seeds: list[int]) -> None:
    """Outputs die and their ids are given to other arrays at once; none of them may inherit logits."""
    for seed in seeds:
        logits = np.full((1, 2), float(seed))
        output = nn.softmax(logits)
        assert recorded.logits_of(output) is logits
        del output
        stranger = np.full((1, 2), 0.5)
        assert recorded.logits_of(stranger) is None


def test_logits_under_an_id_are_given_to_their_own_output_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the word of an output's death ever come late, the table still knows whose logits they were."""
    output, stranger, logits = np.ones(2), np.ones(2), np.zeros(2)
    monkeypatch.setitem(recorded._logits, id(stranger), (weakref.ref(output), logits))
    assert recorded.logits_of(stranger) is None


def test_a_training_step_leaves_nothing_behind() -> None:
    model = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    x, y = np.ones((4, 3)), np.array([0, 1, 0, 1])
    model.train_on_batch(x, y)
    gc.collect()
    tables, objects = (
        len(recorded._logits),
        len([o for o in gc.get_objects() if type(o) in (Recorded, GradientTape)]),
    )
    for _ in range(5):
        model.train_on_batch(x, y)
    gc.collect()
    assert len(recorded._logits) == tables
    assert len([o for o in gc.get_objects() if type(o) in (Recorded, GradientTape)]) == objects


def test_a_used_tape_frees_the_forward_pass() -> None:
    x = Variable(np.ones(5))
    with GradientTape() as t:
        middle = x * x
        loss = ops.sum(middle)
    watcher = weakref.ref(middle)
    t.gradient(loss, x)
    del middle, loss
    gc.collect()
    assert watcher() is None


def test_ids_of_dead_values_are_not_taken_for_watched_ones() -> None:
    """The tape keeps what it knows alive, so that no newcomer can be born under its id while the tape is open."""
    x = Variable(np.ones(3))
    with GradientTape() as t:
        for _ in range(100):
            ops.sum(x * x)  # dropped at once
            stranger = np.ones(3)
            assert not t.knows(stranger)
