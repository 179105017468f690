"""Keras 3's wrappers of models, and the old ones of builder functions."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install tinynn-engine[sklearn]")

import sklearn
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

import tinynn
from tests.wrappers.builders import line, one_hot_network, tutorial
from tinynn import layers
from tinynn.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer
from tinynn.wrappers.scikit_learn import KerasClassifier, KerasRegressor

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
QUIET = {"epochs": 15, "verbose": 0}


def test_a_function_makes_the_model() -> None:
    model = SKLearnClassifier(one_hot_network, model_kwargs={"units": 5}, fit_kwargs=QUIET).fit(X, NAMES)
    assert model.model_.layers[0].units == 5
    assert model.score(X, NAMES) > 0.85
    assert model.epoch_ == 15
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]


def test_a_given_model_is_copied_for_each_fit() -> None:
    given = one_hot_network(X, np.eye(3)[Y])
    before = given.get_weights()
    fitted = SKLearnClassifier(given, fit_kwargs=QUIET).fit(X, Y)
    np.testing.assert_array_equal(given.get_weights()[0], before[0])
    assert fitted.model_ is not given
    warm = SKLearnClassifier(given, warm_start=True, fit_kwargs=QUIET).fit(X, Y)
    assert warm.model_ is given
    assert warm.fit(X, Y).model_.optimizer.iterations.numpy() == 2 * 15 * 5
    made = SKLearnClassifier(one_hot_network, warm_start=True, fit_kwargs=QUIET).fit(X, Y)
    assert made.fit(X, Y).model_.optimizer.iterations.numpy() == 2 * 15 * 5


def test_a_clone_keeps_fit_kwargs_and_fit_leaves_them_alone() -> None:
    """Keras 3.15 loses them in a clone, and writes what `fit` is given into them."""
    model = SKLearnClassifier(one_hot_network, model_kwargs={"units": 3}, fit_kwargs={"verbose": 0})
    model.fit(X, Y, epochs=2)
    assert model.fit_kwargs == {"verbose": 0}
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert copied.fit_kwargs is not model.fit_kwargs
    assert not hasattr(copied, "model_")


def test_a_clone_of_a_given_model_has_a_model_of_its_own() -> None:
    given = one_hot_network(X, np.eye(3)[Y])
    copied = clone(SKLearnClassifier(given, fit_kwargs=QUIET, warm_start=True))
    before = given.get_weights()[0]
    copied.fit(X, Y)
    np.testing.assert_array_equal(given.get_weights()[0], before)


def test_validation_targets_are_encoded_as_the_others() -> None:
    model = SKLearnClassifier(one_hot_network, fit_kwargs=QUIET).fit(X, NAMES, validation_data=(X, NAMES))
    assert len(model.history_.history["val_loss"]) == 15


def test_two_classes_have_a_decision_of_one_number() -> None:
    model = SKLearnClassifier(one_hot_network, fit_kwargs=QUIET).fit(X[:100], Y[:100])
    np.testing.assert_array_equal(model.decision_function(X[:100]), model.predict_proba(X[:100])[:, 1])
    assert SKLearnClassifier(one_hot_network, fit_kwargs=QUIET).fit(X, Y).decision_function(X).shape == (150, 3)


def test_regression_and_transformation() -> None:
    slope = np.array([1.0, -2.0, 0.5, 0.0])
    model = SKLearnRegressor(line, fit_kwargs={"epochs": 40, "verbose": 0})
    assert model.fit(X, X @ slope).score(X, X @ slope) > 0.99
    assert model.predict(X).shape == (150,)
    assert clone(model).fit(X, np.stack([X @ slope, X[:, 0]], axis=1)).predict(X).shape == (150, 2)
    encoder = tinynn.Sequential([layers.Input((4,)), layers.Dense(2), layers.Dense(4)])
    encoder.compile("adam", "mse")
    assert SKLearnTransformer(encoder, fit_kwargs=QUIET).fit(X, X).transform(X).shape == (150, 4)


def test_arguments_of_fit_are_routed_where_that_is_enabled() -> None:
    model = SKLearnClassifier(one_hot_network, fit_kwargs=QUIET)
    with pytest.raises(RuntimeError, match="enable_metadata_routing=True"):
        model.set_fit_request(sample_weight=True)
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        assert model.get_metadata_routing().fit.requests["sample_weight"] is True
        scores = cross_val_score(model, X, Y, params={"sample_weight": np.ones(150)}, cv=2)
    assert scores.shape == (2,)


def test_what_cannot_be_wrapped() -> None:
    with pytest.raises(RuntimeError, match="needs to be compiled"):
        SKLearnRegressor(tinynn.Sequential([layers.Dense(1)])).fit(X, Y)
    with pytest.raises(TypeError, match="a compiled model, or a function"):
        SKLearnRegressor("mlp").fit(X, Y)
    with pytest.raises(ValueError, match="only one class is present"):
        SKLearnClassifier(one_hot_network).fit(X, np.zeros(150))
    with pytest.raises(ValueError, match="Only binary and multiclass"):
        SKLearnClassifier(one_hot_network).fit(X, np.eye(3, dtype=int)[Y] | np.eye(3, dtype=int)[0])
    with pytest.raises(ValueError, match="has to have a unit for each of the 3 classes"):
        SKLearnClassifier(lambda X, y: line(X, y[:, :1]), fit_kwargs=QUIET).fit(X, Y).predict(X)


def test_a_pickle_of_a_fitted_wrapper_predicts_the_same() -> None:
    model = SKLearnClassifier(one_hot_network, fit_kwargs=QUIET).fit(X, NAMES)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


# The wrappers of Keras 2 --------------------------------------------------------------------------------------------------


def builder(n_neurons: int = 8, learning_rate: float = 0.1) -> Any:
    return tutorial(1, n_neurons, learning_rate, n_inputs=4)


def test_parameters_go_where_they_are_known() -> None:
    model = KerasClassifier(builder, n_neurons=6, epochs=3, batch_size=50, verbose=0)
    history = model.fit(X, NAMES)
    assert model.model.layers[0].units == 6
    assert history.params["epochs"] == 3
    assert history.params["steps"] == 3
    assert model.filter_sk_params(builder) == {"n_neurons": 6}
    assert set(model.filter_sk_params(tinynn.Sequential.fit, {"epochs": 9})) == {"epochs", "batch_size", "verbose"}
    assert model.fit(X, NAMES, epochs=1).params["epochs"] == 1


def test_parameters_come_back_as_they_were_given() -> None:
    """A copy of an array would make scikit-learn's clone refuse the estimator: the known flaw of Keras 2's wrappers."""
    widths, rate = np.arange(3), np.float64(0.25)
    model = KerasRegressor(builder, n_neurons=widths, learning_rate=rate)
    assert model.get_params()["n_neurons"] is widths
    assert clone(model).get_params()["learning_rate"] == rate
    model.set_params(n_neurons=3)
    assert model.get_params() == {"build_fn": builder, "n_neurons": 3, "learning_rate": rate}
    assert "n_neurons=3" in repr(model)
    assert is_classifier(KerasClassifier(builder))
    assert is_regressor(model)


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match=r'n_neuron is not a legal parameter. Did you mean "n_neurons"'):
        KerasClassifier(builder, n_neuron=3).fit(X, Y)
    with pytest.raises(ValueError, match="epoch is not a legal parameter"):
        KerasClassifier(builder).set_params(epoch=3)


def test_classes_probabilities_and_score() -> None:
    model = KerasClassifier(builder, epochs=30, verbose=0)
    model.fit(X, NAMES, validation_data=(X, NAMES))
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert model.score(X, NAMES) == pytest.approx((model.predict(X) == NAMES).mean())
    assert model.score(X[60:], NAMES[60:]) == pytest.approx(
        (model.predict(X[60:]) == NAMES[60:]).mean()
    )  # without a class
    assert model.predict_proba(X).shape == (150, 10)

    def of_one_unit() -> Any:
        made = tinynn.Sequential([layers.Input((4,)), layers.Dense(1, "sigmoid")])
        made.compile("adam", "binary_crossentropy")
        return made

    two = KerasClassifier(of_one_unit, epochs=2, verbose=0)
    two.fit(X[:100], NAMES[:100])
    np.testing.assert_allclose(two.predict_proba(X[:100]).sum(axis=1), 1, rtol=1e-6)
    assert set(two.predict(X[:100])) <= {"setosa", "versicolor"}
    with pytest.raises(ValueError, match="not configured to compute accuracy"):
        two.score(X[:100], NAMES[:100])


def test_one_hot_losses_get_one_hot_targets() -> None:
    def of_three_units() -> Any:
        return one_hot_network(X, np.eye(3))

    model = KerasClassifier(of_three_units, epochs=15, verbose=0)
    model.fit(X, NAMES)
    assert (model.predict(X) == NAMES).mean() > 0.85
    model.fit(X, np.eye(3)[Y])
    assert model.classes_.tolist() == [0, 1, 2]


def test_regressor_scores_minus_the_loss() -> None:
    model = KerasRegressor(lambda: line(X, X[:, :1]), epochs=40, verbose=0)
    model.fit(X, X[:, 0])
    assert model.predict(X).shape == (150,)
    assert model.score(X, X[:, 0]) == pytest.approx(-((model.predict(X) - X[:, 0]) ** 2).mean(), rel=1e-5)


def test_a_class_with_a_call_of_its_own() -> None:
    class Mine(KerasRegressor):
        def __call__(self, rate: float = 0.1) -> Any:
            return line(X, X[:, :1])

    model = Mine(rate=0.2, epochs=1, verbose=0)
    model.fit(X, X[:, 0])
    assert model.filter_sk_params(Mine.__call__) == {"rate": 0.2}
