"""MLPClassifier and MLPRegressor beyond scikit-learn's own checks: what their parameters do."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install tinynn-engine[sklearn]")

import sklearn.neural_network
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import StandardScaler

import tinynn
from tinynn import layers
from tinynn.wrappers import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def quick(**settings: Any) -> MLPClassifier:
    return MLPClassifier(
        **{"hidden_layer_sizes": (8,), "epochs": 30, "learning_rate": 0.02, "random_state": 0, **settings}
    )


def test_the_network_is_the_one_that_the_parameters_say() -> None:
    model = quick(
        hidden_layer_sizes=(7, 5),
        activation=["tanh", "relu"],
        dropout=[0.0, 0.5],
        batch_norm=[True, False],
        l2=0.01,
        epochs=1,
    )
    network = model.fit(X, Y).model_
    kinds = [layers.Dense, layers.BatchNormalization, layers.Activation, layers.Dense, layers.Dropout, layers.Dense]
    assert [type(layer) for layer in network.layers] == kinds
    assert [layer.units for layer in network.layers if isinstance(layer, layers.Dense)] == [7, 5, 3]
    assert network.layers[2].activation is tinynn.activations.tanh
    assert network.layers[3].activation is tinynn.activations.relu
    assert network.layers[-1].kernel.regularizer.l2 == pytest.approx(0.01)


def test_first_step_is_that_of_scikit_learns_network() -> None:
    """The same weights, the whole data as one batch, plain gradient descent: the same loss and weights in float64, with the
    two formulas of one mathematics (no penalty)."""
    theirs = sklearn.neural_network.MLPClassifier(
        (6,), activation="tanh", solver="sgd", momentum=0, alpha=0, batch_size=len(X), learning_rate_init=0.1
    )
    ours = quick(
        hidden_layer_sizes=(6,), activation="tanh", optimizer="sgd", learning_rate=0.1, epochs=1, warm_start=True
    )
    ours.fit(X, Y)
    theirs.partial_fit(X, Y, classes=np.unique(Y))
    start = [theirs.coefs_[0], theirs.intercepts_[0], theirs.coefs_[1], theirs.intercepts_[1]]
    ours.model_.set_weights(start)
    expected = theirs.partial_fit(X, Y)
    ours.fit(X, Y)
    assert ours.loss_ == pytest.approx(expected.loss_, rel=1e-7)  # told in float64, learning_rate=0.1 rounded nowhere
    for mine, his in zip(
        ours.model_.get_weights(),
        [expected.coefs_[0], expected.intercepts_[0], expected.coefs_[1], expected.intercepts_[1]],
    ):
        np.testing.assert_allclose(mine, his, rtol=1e-9, atol=1e-12)


def test_words_as_classes_and_probabilities() -> None:
    model = quick(learning_rate=0.1, epochs=50).fit(X[::-1], NAMES[::-1])  # sorted is not as they come
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert model.score(X, NAMES) > 0.9
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[model.predict_proba(X).argmax(axis=1)])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_precision_is_that_of_the_data(dtype: str) -> None:
    model = quick(epochs=2).fit((10 * X).astype(dtype), Y)
    expected = "float32" if dtype == "float32" else "float64"
    assert model.predict_proba((10 * X).astype(dtype)).dtype == expected
    assert {variable.dtype for variable in model.model_.weights} == {expected}
    assert tinynn.config.floatx() == "float32"


def test_the_compiled_engine_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinynn.engine import reference

    def no_reference(*_: Any) -> None:
        raise AssertionError("the reference engine was asked")

    monkeypatch.setattr(reference.ReferenceEngine, "train", no_reference)
    quick(epochs=2, dropout=0.2, metrics=["accuracy"], validation_split=0.2, early_stopping=True).fit(
        X, Y, np.ones(150)
    )


def test_random_state_decides_everything_and_nothing_global_moves() -> None:
    settings = {"dropout": 0.3, "batch_size": 16, "validation_split": 0.2}
    np.random.seed(5)
    state, seed = np.random.get_state()[1].copy(), tinynn.utils.get_random_seed()  # type: ignore[union-attr]
    first, again, other = (quick(**settings, random_state=seed).fit(X, Y) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert first.history_ == again.history_
    assert first.history_ != other.history_
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # type: ignore[arg-type]
    assert tinynn.utils.get_random_seed() == seed


def test_without_random_state_keras_seed_decides() -> None:
    runs = []
    for _ in range(2):
        tinynn.utils.set_random_seed(3)
        runs.append(quick(random_state=None).fit(X, Y).loss_curve_)
    assert runs[0] == runs[1] != quick(random_state=None).fit(X, Y).loss_curve_


def test_class_weights_are_sample_weights() -> None:
    """In one batch the order of samples does not matter."""
    by_class = quick(class_weight={0: 3.0, 1: 1.0, 2: 0.5}).fit(X, Y)
    by_sample = quick().fit(X, Y, sample_weight=np.array([3.0, 1.0, 0.5])[Y])
    np.testing.assert_array_equal(by_class.predict_proba(X), by_sample.predict_proba(X))
    unweighted = quick().fit(X, Y)
    assert by_class.predict_proba(X)[:, 0].sum() > unweighted.predict_proba(X)[:, 0].sum()


def test_sample_weights_of_any_size_mean_the_same() -> None:
    weights = np.random.default_rng(0).uniform(0.5, 2, len(X))
    small, large = (quick().fit(X, Y, sample_weight=scale * weights) for scale in (0.5, 64.0))
    np.testing.assert_array_equal(
        small.predict_proba(X), large.predict_proba(X)
    )  # powers of two: not even rounded apart


class Watched(MLPClassifier):
    """Keeps what it trains on."""

    def _learn(self, X: Any, y: Any, weights: Any, epochs: int, validation: Any, callbacks: list[Any]) -> None:
        self.given_ = X, y, weights, validation
        super()._learn(X, y, weights, epochs, validation, callbacks)


def test_weights_of_classes_and_samples_multiply() -> None:
    by_sample, weights = np.random.default_rng(1).uniform(1, 2, len(X)), {0: 3.0, 1: 1.0, 2: 0.5}
    together = Watched(epochs=1, class_weight=weights).fit(X, Y, sample_weight=by_sample).given_[2]
    np.testing.assert_allclose(
        together / together[0], (r := by_sample * np.array([3.0, 1.0, 0.5])[Y]) / r[0], rtol=1e-12
    )


def test_validation_has_other_rows_with_their_weights_and_each_class_in_its_share() -> None:
    rows = np.arange(150.0)
    model = Watched(epochs=1, validation_split=0.2, random_state=0).fit(np.stack([rows, rows], axis=1), Y, 1 + rows)
    x, y, weights, (x_held, y_held, weights_held) = model.given_
    assert sorted([*x[:, 0], *x_held[:, 0]]) == rows.tolist()
    assert np.bincount(y_held).tolist() == [10, 10, 10]
    for each, classes, seen in ((x[:, 0], y, weights), (x_held[:, 0], y_held, weights_held)):
        np.testing.assert_array_equal(classes, Y[each.astype(int)])
        np.testing.assert_allclose(seen, (1 + each) / (1 + each).mean(), rtol=1e-12)


def test_rows_come_as_they_are_without_shuffle() -> None:
    """The initializer has a seed of its own, so that random_state has the order alone to decide."""
    start = tinynn.initializers.GlorotUniform(seed=1)
    for shuffle, alike in ((False, True), (True, False)):
        settings = {"kernel_initializer": start, "batch_size": 16, "epochs": 2, "shuffle": shuffle}
        first, other = (quick(**settings, random_state=seed).fit(X, Y).loss_curve_ for seed in (1, 2))
        assert (first == other) is alike


def test_each_fit_has_an_optimizer_of_its_own() -> None:
    given = tinynn.optimizers.Adam(0.5)
    first, again = (quick(optimizer=given).fit(X, Y) for _ in range(2))
    assert first.model_.optimizer is not again.model_.optimizer is not given
    assert first.loss_curve_ == again.loss_curve_


def test_early_stopping_goes_back_to_the_best_epoch() -> None:
    model = Watched(
        (8,), early_stopping=True, validation_split=0.3, patience=3, epochs=500, learning_rate=0.3, random_state=0
    ).fit(X, Y)
    losses = model.history_["val_loss"]
    assert model.n_iter_ == len(losses) < 500
    assert losses[-1] > min(losses)
    x, y, *_ = model.given_[3]
    # within min_delta, below which a loss does not count as better
    assert model.model_.evaluate(x, y, verbose=0) <= min(losses) + model.min_delta


def test_callbacks_are_copied_and_called() -> None:
    seen: list[int] = []

    class Watch(tinynn.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(epoch)

        def __deepcopy__(self, memo: Any) -> Any:
            return Watch()

    watch = Watch()
    quick(callbacks=[watch], epochs=3).fit(X, Y)
    assert seen == [0, 1, 2]
    assert watch.model is None


def test_warm_start_goes_on() -> None:
    """Twice 10 epochs are 20, when samples come as they are: optimizer and all."""
    twice = quick(epochs=10, shuffle=False, warm_start=True).fit(X, Y).fit(X, Y)
    once = quick(epochs=20, shuffle=False).fit(X, Y)
    np.testing.assert_array_equal(twice.predict_proba(X), once.predict_proba(X))
    assert twice.n_iter_ == 20
    cold = quick(epochs=10, shuffle=False).fit(X, Y)
    assert cold.fit(X, Y).n_iter_ == 10


def test_partial_fit_is_an_epoch_at_a_time() -> None:
    model = quick(shuffle=False)
    for _ in range(20):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    np.testing.assert_array_equal(model.predict_proba(X), quick(epochs=20, shuffle=False).fit(X, Y).predict_proba(X))
    with pytest.raises(ValueError, match=r"y has the class .*5.*not among those learned first"):
        model.partial_fit(X, Y + 5)
    with pytest.raises(ValueError, match="needs classes="):
        quick().partial_fit(X, Y)


@pytest.mark.parametrize(
    ("loss", "units", "output"),
    [
        ("categorical_crossentropy", 3, "softmax"),
        ("kl_divergence", 3, "softmax"),
        ("categorical_focal_crossentropy", 3, "softmax"),
        (tinynn.losses.SparseCategoricalCrossentropy(from_logits=True), 3, "linear"),
        (tinynn.losses.CategoricalCrossentropy(label_smoothing=0.1), 3, "softmax"),
    ],
)
def test_losses_get_the_targets_they_want(loss: Any, units: int, output: str) -> None:
    model = quick(loss=loss, learning_rate=0.1, epochs=50).fit(X, NAMES)
    assert model.model_.layers[-1].units == units
    assert model.model_.layers[-1].activation is tinynn.activations.get(output)
    assert model.score(X, NAMES) > 0.9
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "units"),
    [
        ("auto", 1),
        ("hinge", 1),
        (tinynn.losses.BinaryCrossentropy(from_logits=True), 1),
        ("categorical_crossentropy", 2),
        ("sparse_categorical_crossentropy", 2),
    ],
)
def test_two_classes(loss: Any, units: int) -> None:
    x, y = load_breast_cancer(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    model = quick(loss=loss, epochs=20).fit(x, y)
    assert model.model_.layers[-1].units == units
    assert model.predict_proba(x).shape == (len(x), 2)
    assert model.score(x, y) > 0.95


def test_several_labels_at_once() -> None:
    labels = np.stack([X[:, 0] > 0, X[:, 1] > 0, Y == 2], axis=1).astype(int)
    model = quick(epochs=60).fit(X, labels)
    assert model.predict(X).shape == labels.shape
    assert (model.predict(X) == labels).mean() > 0.95


def test_regression_of_one_and_of_several_numbers() -> None:
    targets = X @ np.random.default_rng(0).normal(size=(4, 2))
    model = MLPRegressor((16,), epochs=150, learning_rate=0.02, random_state=0)
    assert model.fit(X, targets).score(X, targets) > 0.98
    assert model.predict(X).shape == (150, 2)
    assert clone(model).fit(X, targets[:, 0]).predict(X).shape == (150,)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes must be the numbers of units .*got \\(5, 0\\)"),
        ({"activation": ["relu", "relu"]}, "activation is one value for all hidden layers or a list"),
        ({"activation": "rellu"}, 'Did you mean "relu"'),
        ({"optimizer": "addam"}, 'Did you mean "adam"'),
        ({"batch_size": 0}, 'batch_size must be "auto" or a positive integer; got 0'),
        ({"epochs": 0}, "epochs must be a positive integer; got 0"),
        ({"validation_split": 1.0}, "validation_split must be in"),
    ],
)
def test_parameters_without_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick(**settings).fit(X, Y)


def test_a_fitted_estimator_comes_back_from_a_pickle_in_a_fresh_process(tmp_path: Path) -> None:
    model = quick(dropout=0.2, optimizer="nadam", validation_split=0.1, early_stopping=True).fit(X, NAMES)
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps((model, X)))
    code = (
        "import pickle, sys, zlib; model, X = pickle.load(open(sys.argv[1], 'rb')); "
        "print(zlib.crc32(model.predict_proba(X).tobytes()), model.predict(X[:1])[0], model.n_iter_)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    import zlib

    assert done.stdout.split() == [str(zlib.crc32(model.predict_proba(X).tobytes())), "setosa", str(model.n_iter_)]
