"""The other losses against Keras: values for all shapes, weights and reductions, and gradients; configs; words of errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinynn
from tests.losses.targets import PAIRS, weights_for
from tests.losses.test_losses import REDUCTIONS, answer, assert_same
from tests.models.twins import floatx_put_back, set_floatx
from tinynn import GradientTape, losses, ops

# Function, class, settings to try besides the defaults.
LOSSES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "mean_absolute_percentage_error": ("MeanAbsolutePercentageError", []),
    "mean_squared_logarithmic_error": ("MeanSquaredLogarithmicError", []),
    "huber": ("Huber", [{"delta": 0.3}]),
    "log_cosh": ("LogCosh", []),
    "kl_divergence": ("KLDivergence", []),
    "poisson": ("Poisson", []),
    "hinge": ("Hinge", []),
    "squared_hinge": ("SquaredHinge", []),
    "categorical_hinge": ("CategoricalHinge", []),
    "cosine_similarity": ("CosineSimilarity", [{"axis": 0}]),
    "dice": ("Dice", [{"axis": -1}, {"axis": (0,)}]),
    "tversky": ("Tversky", [{"alpha": 0.3, "beta": 0.8, "axis": -1}]),
    "binary_focal_crossentropy": (
        "BinaryFocalCrossentropy",
        [
            {"from_logits": True, "apply_class_balancing": True},
            {"apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5, "label_smoothing": 0.2},
        ],
    ),
    "categorical_focal_crossentropy": (
        "CategoricalFocalCrossentropy",
        [{"from_logits": True}, {"alpha": 0.4, "gamma": 1.5, "label_smoothing": 0.2}],
    ),
}
OTHERS = {"categorical_generalized_cross_entropy": "CategoricalGeneralizedCrossEntropy", "circle": "Circle"}
CLASSES = [cls for cls, _ in LOSSES.values()] + list(OTHERS.values())
FUNCTIONS = [*LOSSES, *OTHERS]

NUMBERS = np.random.default_rng(1)


@pytest.fixture(params=["float32", "float64"])
def keras_in(request: Any, keras: Any) -> Iterator[Any]:
    """Keras and tinynn, computing in the same float type."""
    with floatx_put_back(keras, tinynn):
        set_floatx(keras, request.param)
        set_floatx(tinynn, request.param)
        yield keras


def usable(name: str, kind: str) -> bool:
    """Where tinynn refuses on purpose: class numbers for a loss that needs one-hot rows, see docs/differences.md."""
    y_true, y_pred = PAIRS[kind]
    return name != "categorical_focal_crossentropy" or np.shape(y_true) == np.shape(y_pred)


@pytest.mark.keras
@pytest.mark.parametrize("name", LOSSES)
def test_functions_give_keras_s_values(keras_in: Any, name: str) -> None:
    for kind, (y_true, y_pred) in PAIRS.items():
        for settings in [{}, *LOSSES[name][1]]:
            if usable(name, kind):
                assert_same(
                    keras_in, lambda k, t=y_true, p=y_pred, s=settings: getattr(k, name)(t, p, **s), (kind, settings)
                )


@pytest.mark.keras
@pytest.mark.parametrize("name", LOSSES)
def test_classes_give_keras_s_values_for_all_weights_and_reductions(keras_in: Any, name: str) -> None:
    cls, more = LOSSES[name]
    for kind in ("one-hot", "columns", "zeros and ones beside a column", "three axes, one-hot", "lists"):
        y_true, y_pred = PAIRS[kind]
        for settings in [*more, {"dtype": "float64"}]:
            assert_same(
                keras_in, lambda k, t=y_true, p=y_pred, s=settings: getattr(k, cls)(**s)(t, p), (kind, settings)
            )
        for weights, w in weights_for(kind).items():
            for reduction in REDUCTIONS if kind == "one-hot" else ["sum_over_batch_size"]:

                def loss(k: Any, t: Any = y_true, p: Any = y_pred, w: Any = w, r: Any = reduction) -> Any:
                    return getattr(k, cls)(reduction=r)(t, p, sample_weight=w)

                assert_same(keras_in, loss, (kind, weights, reduction))


# Gradients --------------------------------------------------------------------------------------------------------------


def gradients(name: str, keras: Any, y_true: Any, y_pred: Any, settings: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """dL/dy_true and dL/dy_pred of the sum of the losses: of Keras, by TensorFlow, and ours."""
    import tensorflow as tf

    t, p = tf.constant(y_true), tf.constant(y_pred)
    with tf.GradientTape() as theirs:
        theirs.watch([t, p])
        loss = tf.reduce_sum(getattr(keras.losses, name)(t, p, **settings))
    expected = [np.asarray(d) for d in theirs.gradient(loss, [t, p])]
    with GradientTape() as tape, np.errstate(all="ignore"):  # Poisson's logarithm of numbers below 0
        t, p = tape.watch(y_true), tape.watch(y_pred)
        loss = ops.sum(getattr(losses, name)(t, p, **settings))
        return expected, tape.gradient(loss, [t, p])


@pytest.mark.keras
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_keras_s(keras_in: Any, name: str) -> None:
    """Kinks among them: targets that are hit, scores on the margin, ties, probabilities of 0 and 1, vectors of zeros."""
    floatx = keras_in.config.floatx()
    uneven = np.round(NUMBERS.normal(size=(6, 4)), 1)
    on_kinks = np.where(NUMBERS.random((6, 4)) < 0.3, np.sign(uneven), uneven)
    one_hot, probs = np.eye(4)[[0, 3, 1, 2, 2, 0]], NUMBERS.dirichlet(np.ones(4), 6)
    certain = np.where(probs > 0.6, 1.0, np.where(probs < 0.05, 0.0, probs))
    pairs = [(one_hot, probs), (one_hot, certain), (np.sign(uneven), on_kinks), (one_hot, uneven), (uneven, uneven)]
    pairs += [(on_kinks * 0, on_kinks), (on_kinks, on_kinks * 0), (probs[::-1].copy(), probs)]
    if "focal" in name or name in ("dice", "tversky"):
        # Beyond 0 and 1 powers are not defined, at 0 TensorFlow's may be NaN where ours are 0; sums may cancel to nothing.
        pairs = [pairs[0], pairs[-1]]
    for number, (y_true, y_pred) in enumerate(pairs):
        for settings in [{}, *LOSSES[name][1]]:
            expected, found = gradients(name, keras_in, y_true.astype(floatx), y_pred.astype(floatx), settings)
            for argument, ours, theirs in zip(("y_true", "y_pred"), found, expected):
                if argument == "y_true" and "focal" in name:
                    assert ours is None  # as for the cross-entropies: targets are data
                    continue
                here = np.isfinite(theirs)
                # Some thirty roundings; sums of four terms, some of which cancel.
                room = 64 * np.finfo(floatx).eps * np.maximum(1, np.abs(theirs[here]).max(initial=0))
                assert np.allclose(ours[here], theirs[here], rtol=64 * np.finfo(floatx).eps, atol=room), (
                    number,
                    settings,
                    argument,
                    ours,
                    theirs,
                )


@pytest.mark.keras
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_focal_loss_goes_back_to_the_logits_as_keras_s_does(keras_in: Any, activation: str) -> None:
    """Also to those of a softmax, which Keras then takes for a sigmoid's."""
    import tensorflow as tf

    x, y = np.array([[120.0, -1.0], [0.3, -120.0]], keras_in.config.floatx()), np.array([[0.0, 1.0], [1.0, 0.0]])
    z = tf.constant(x)
    with tf.GradientTape() as theirs:
        theirs.watch(z)
        expected = keras_in.losses.binary_focal_crossentropy(y, getattr(keras_in.ops, activation)(z))
    with GradientTape() as tape:
        watched = tape.watch(x)
        found = losses.binary_focal_crossentropy(y, getattr(ops, activation)(watched))
    eps = np.finfo(x.dtype).eps
    assert np.allclose(found, expected, rtol=16 * eps)
    assert np.allclose(
        tape.gradient(found, watched), np.asarray(theirs.gradient(expected, z)), rtol=16 * eps, atol=64 * eps
    )


@pytest.mark.keras
@pytest.mark.parametrize("settings", [{}, {"gamma": 10, "margin": 0.25, "remove_diagonal": False}])
def test_circle_is_keras_s(keras_in: Any, settings: dict[str, Any]) -> None:
    import tensorflow as tf

    floatx = keras_in.config.floatx()
    y_pred = NUMBERS.normal(size=(6, 3))
    y_pred = (y_pred / np.linalg.norm(y_pred, axis=1, keepdims=True)).astype(floatx)
    labels, weight = np.array([0, 1, 0, 1, 1, 2]), np.arange(1.0, 7)
    z = tf.constant(y_pred)
    with tf.GradientTape() as theirs:
        theirs.watch(z)
        expected = keras_in.losses.circle(labels, z, **settings)
    with GradientTape() as tape:
        watched = tape.watch(y_pred)
        found = losses.circle(labels, watched, **settings)
    # Products of three terms rounded differently are off by 3 eps; exponents by 6 gamma times that, and slopes 6 gamma larger.
    eps, gamma = np.finfo(floatx).eps, settings.get("gamma", 80)
    assert np.allclose(found, expected, rtol=0, atol=4 * 18 * gamma * eps)
    slopes = np.asarray(theirs.gradient(expected, z))
    assert np.allclose(tape.gradient(found, watched), slopes, rtol=0, atol=8 * 18 * gamma * eps * 6 * gamma)
    for reduction in REDUCTIONS:
        for w in (None, weight, weight[:, None]):
            ours, theirs_ = (
                np.asarray(k.losses.Circle(reduction=reduction, **settings)(labels, y_pred, sample_weight=w))
                for k in (tinynn, keras_in)
            )
            assert ours.shape == theirs_.shape
            assert np.allclose(ours, theirs_, rtol=0, atol=36 * 4 * 18 * gamma * eps), (reduction, w)
    others = y_pred[[3, 0, 1, 5]]
    ours, theirs_ = (
        np.asarray(k.losses.circle(labels[:, None], y_pred, [1, 0, 1, 2], others, **settings))
        for k in (tinynn, keras_in)
    )
    assert np.allclose(ours, theirs_, rtol=0, atol=4 * 18 * gamma * eps)


@pytest.mark.keras
def test_generalized_crossentropy_is_keras_s(keras_in: Any) -> None:
    probs = NUMBERS.dirichlet(np.ones(3), 4).astype(keras_in.config.floatx())
    eps = np.finfo(probs.dtype).eps
    for labels in (np.array([0, 2, 1, 1]), np.array([0, 5, -1, 1]), np.array([[0], [2], [1], [1]])):
        for reduction in (None, "sum", "mean"):
            ours, theirs = (
                np.asarray(k.losses.CategoricalGeneralizedCrossEntropy(q=0.7, reduction=reduction)(labels, probs))
                for k in (tinynn, keras_in)
            )
            assert ours.shape == theirs.shape
            assert np.allclose(ours, theirs, rtol=16 * eps, atol=16 * eps)


@pytest.mark.keras
def test_ignored_classes_do_not_count(keras_in: Any) -> None:
    probs = NUMBERS.dirichlet(np.ones(3), (3, 2))
    for labels, ignored in ((np.array([[0, -1], [2, 1], [-1, -1]]), -1), (np.array([[0, 1], [2, 1], [1, 1]]), 1)):
        for from_logits in (False, True):
            for reduction in REDUCTIONS:
                for w in (None, np.array([1.0, 2.0, 3.0]), np.arange(6.0).reshape(3, 2)):

                    def loss(k: Any, w: Any = w, settings: Any = (ignored, from_logits, reduction)) -> Any:
                        ignore_class, from_logits, reduction = settings
                        made = k.SparseCategoricalCrossentropy(
                            ignore_class=ignore_class, from_logits=from_logits, reduction=reduction
                        )
                        return made(labels, probs, sample_weight=w)  # noqa: B023

                    assert_same(keras_in, loss, (ignored, from_logits, reduction, w))


def test_ignored_samples_have_no_gradient() -> None:
    logits = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    with GradientTape() as tape:
        watched = tape.watch(logits)
        loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)(np.array([0, -1]), watched)
    d = tape.gradient(loss, watched)
    assert not d[1].any()
    assert d[0] == pytest.approx([-0.731, 0.731], abs=1e-3)  # of one sample that counts, not a half of two


# Names and objects -------------------------------------------------------------------------------------------------------


@pytest.mark.keras
def test_all_of_keras_s_losses_are_there_but_ctc(keras: Any) -> None:
    public = {name for name in dir(keras.losses) if not name.startswith("_")}
    assert public - set(losses.__all__) == {"CTC", "ctc"}
    assert set(losses.__all__) - public == set()


@pytest.mark.keras
@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES, "get", "serialize", "deserialize"])
def test_names_and_defaults_of_arguments_are_keras_s(keras: Any, name: str) -> None:
    ours, theirs = (inspect.signature(getattr(k, name)).parameters.values() for k in (losses, keras.losses))
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.keras
@pytest.mark.parametrize(
    "name", [*LOSSES, *CLASSES[:-2], "circle", "Circle", "kld", "KLD", "mape", "MAPE", "msle", "MSLE"]
)
def test_names_lead_where_keras_s_do(keras: Any, name: str) -> None:
    found, expected = losses.get(name), keras.losses.get(name)
    assert getattr(found, "__name__", type(found).__name__) == getattr(expected, "__name__", type(expected).__name__)
    assert getattr(found, "name", None) == getattr(expected, "name", None)
    assert losses.serialize(found)["class_name"] == keras.losses.serialize(expected)["class_name"]


@pytest.mark.keras
@pytest.mark.parametrize("cls", CLASSES)
def test_descriptions_are_keras_s_and_more(keras: Any, cls: str) -> None:
    """Keras forgets Huber's delta and CosineSimilarity's axis: see docs/differences.md. Each reads the other's."""
    ours, theirs = losses.serialize(getattr(losses, cls)()), keras.losses.serialize(getattr(keras.losses, cls)())
    forgotten = {"Huber": {"delta": 1.0}, "CosineSimilarity": {"axis": -1}}.get(cls, {})
    assert ours == {**theirs, "config": {**theirs["config"], **forgotten}}
    assert losses.deserialize(theirs).get_config() == ours["config"]
    if cls != "CategoricalGeneralizedCrossEntropy":  # which Keras cannot look up itself
        assert keras.losses.deserialize(ours).get_config() == theirs["config"]


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_can_be_made_again_from_its_description(name: str) -> None:
    cls, more = LOSSES[name]
    y_true, y_pred = PAIRS["one-hot"]
    for settings in [{}, *more]:
        loss = getattr(losses, cls)(name="mine", reduction="sum", **settings)
        again = losses.deserialize(losses.serialize(loss))
        assert type(again) is type(loss)
        assert again.get_config() == loss.get_config()
        assert again(y_true, y_pred) == loss(y_true, y_pred)


def test_own_losses_by_description() -> None:
    class Own(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.mean(ops.square(y_true - y_pred), axis=-1)

    def mine(y_true: Any, y_pred: Any) -> Any:
        return ops.mean(y_pred - y_true, axis=-1)

    described = losses.serialize(Own(name="own"))
    assert described["registered_name"] == "Own"
    assert type(losses.deserialize(described, {"Own": Own})) is Own
    assert losses.deserialize(losses.serialize(mine), {"mine": mine}) is mine
    wrapped = losses.loss.LossFunctionWrapper(losses.huber, name="wrapped", delta=2.0)
    again = losses.deserialize(losses.serialize(wrapped))
    assert again.get_config() == wrapped.get_config()
    assert again([[0.0]], [[3.0]]) == 4
    wrapped = losses.loss.LossFunctionWrapper(mine, name="wrapped")
    assert losses.deserialize(losses.serialize(wrapped), {"mine": mine})([[1.0]], [[3.0]]) == 2


@pytest.mark.parametrize("name", ["huber", "kld", "Tversky", "categorical_hinge", "BinaryFocalCrossentropy"])
def test_models_learn_with_them(name: str) -> None:
    """A step down the gradient lowers the loss."""
    tinynn.utils.set_random_seed(0)
    x, y = NUMBERS.normal(size=(20, 4)), np.eye(3)[NUMBERS.integers(0, 3, 20)]
    model = tinynn.Sequential([tinynn.Input((4,)), tinynn.layers.Dense(3, activation="sigmoid")])
    model.compile(loss=name, optimizer="sgd", run_eagerly=True)
    history = model.fit(x, y, epochs=3, batch_size=20, verbose=0).history["loss"]
    assert history[0] > history[1] > history[2]


# Words ------------------------------------------------------------------------------------------------------------------


ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: losses.get("hubert"), r'Unknown loss "hubert"\. Did you mean "[hH]uber"\?'),
    (lambda: losses.get({"class_name": "Hubber", "config": {}}), r'Unknown loss "Hubber"\. Did you mean "[hH]uber"\?'),
    (lambda: losses.get({"config": {}}), r'is a dict with "class_name" and "config"; got'),
    (
        lambda: losses.deserialize({"class_name": "Huber", "config": 3}),
        r'"config" of a loss is a dict of arguments; got 3',
    ),
    (lambda: losses.serialize(3), r"Only functions and objects with a get_config can be described; got 3\."),
    (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), r"q must be in the interval \(0, 1\); got 1\.0"),
    (lambda: losses.BinaryFocalCrossentropy(label_smoothing=2), r"label_smoothing must be a number in \[0, 1\]; got 2"),
    (lambda: losses.huber(1.0, 2.0), r"huber reduces the last axis, .* Put them into lists"),
    (
        lambda: losses.dice(np.ones((2, 3)), np.ones((2, 3)), axis=2),
        r"axis=2 is not an axis of an array of shape \(2, 3\)",
    ),
    (
        lambda: losses.categorical_focal_crossentropy(np.ones((2, 3)), np.ones((2, 3)), axis=True),
        r"`axis` must be of type `int`",
    ),
    (
        lambda: losses.categorical_focal_crossentropy(np.ones((4, 3)), np.ones((1, 3))),
        r"expects y_true and y_pred of the same shape; got \(4, 3\) and \(1, 3\)\. Turn class numbers into one-hot rows",
    ),
    (
        lambda: losses.categorical_focal_crossentropy(np.ones((2, 3)), np.ones((2, 3)), alpha=[1, 2]),
        r"alpha is one weight, or 3, one for each class; got an array of shape \(2,\)",
    ),
    (
        lambda: losses.circle(np.ones(3), np.ones((2, 3))),
        r"circle expects a label for each embedding: .* got \(3,\), \(2, 3\)",
    ),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_say_what_was_expected_and_what_came(case: int) -> None:
    call, text = ERRORS[case]
    with pytest.raises(ValueError, match=text):
        call()


def test_one_column_of_classes_warns() -> None:
    found, words = answer(lambda: losses.categorical_focal_crossentropy(np.ones((2, 1)), np.ones((2, 1))))
    assert found.shape == (2,)
    assert "num_classes > 1. Received: y_pred.shape=(2, 1). Consider using 'binary" in words[0]


def test_alpha_may_weigh_the_classes() -> None:
    y_true, y_pred = np.eye(2), np.array([[0.3, 0.7], [0.3, 0.7]])
    each = [losses.categorical_focal_crossentropy(y_true, y_pred, alpha=alpha) for alpha in (1.0, [2.0, 5.0])]
    assert np.allclose(each[1], each[0] * [2, 5], rtol=1e-15)
