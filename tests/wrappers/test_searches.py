"""Through scikit-learn's tools: pipelines, searches in several processes and on a cluster, calibration, importance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install tinynn-engine[sklearn]")

import joblib
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tinynn as keras
from tests.wrappers.builders import dies_once, one_hot_network, tutorial
from tinynn.wrappers import MLPClassifier, MLPRegressor, SKLearnClassifier
from tinynn.wrappers.scikit_learn import KerasClassifier

pytestmark = pytest.mark.slow

X, Y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)[::4]
Y = Y[::4]


def small(**settings: Any) -> MLPClassifier:
    return MLPClassifier(
        **{"hidden_layer_sizes": (4,), "epochs": 15, "learning_rate": 0.05, "random_state": 0, **settings}
    )


def test_grid_search_in_two_processes_gives_what_one_gives() -> None:
    grid = {"mlpclassifier__hidden_layer_sizes": [(2,), (6, 3)], "mlpclassifier__learning_rate": [0.003, 0.05]}
    pipeline = make_pipeline(StandardScaler(), small())
    one, two = (GridSearchCV(pipeline, grid, cv=2, n_jobs=jobs).fit(X, Y) for jobs in (1, 2))
    np.testing.assert_array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])
    assert one.best_params_ == two.best_params_
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    share = max(1, joblib.cpu_count() // 2)
    threads = joblib.Parallel(n_jobs=2)(joblib.delayed(_engine_threads)() for _ in range(4))
    assert max(threads) <= share, "two processes together take more threads than there are cores"


def test_randomized_search_with_numpys_numbers() -> None:
    choices = {
        "hidden_layer_sizes": np.arange(2, 6),
        "learning_rate": np.geomspace(0.01, 0.1, 5),
        "epochs": np.array([3, 5]),
        "batch_size": np.array([16, 32]),
        "dropout": np.float32([0, 0.25]),
        "activation": np.array(["tanh", "relu"]),
        "validation_split": np.array([0.0, 0.2]),
    }
    search = RandomizedSearchCV(small(), choices, n_iter=4, cv=2, n_jobs=2, random_state=0).fit(X, Y)
    assert search.best_score_ > 0.7
    sizes = np.arange(1, 4)
    regressor = RandomizedSearchCV(
        MLPRegressor(epochs=2), {"hidden_layer_sizes": sizes}, n_iter=2, cv=2, random_state=0
    )
    assert np.isfinite(regressor.fit(X, X[:, 0]).best_score_)


def test_cross_validation_calibration_and_importance() -> None:
    assert cross_val_score(small(), X, Y, cv=3).mean() > 0.85
    wrapped = SKLearnClassifier(one_hot_network, fit_kwargs={"epochs": 10, "verbose": 0})
    for model in (small(), wrapped):
        calibrated = CalibratedClassifierCV(model, cv=2).fit(X, Y)
        assert calibrated.predict_proba(X).shape == (len(X), 2)
        assert calibrated.score(X, Y) > 0.85
    rng = np.random.default_rng(0)
    two_columns = np.stack([Y + 0.1 * rng.normal(size=len(Y)), rng.normal(size=len(Y))], axis=1)
    found = permutation_importance(small(epochs=40).fit(two_columns, Y), two_columns, Y, n_repeats=3, random_state=0)
    assert found.importances_mean[0] > 0.3 > 0.1 > found.importances_mean[1]


def test_the_search_of_the_books() -> None:
    """A builder with n_hidden, n_neurons and learning_rate; callbacks and validation data given to the search's fit."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    train, valid, test = slice(0, 600), slice(600, 800), slice(800, 1000)
    choices = {
        "n_hidden": [0, 1, 2],
        "n_neurons": np.arange(10, 60),
        "learning_rate": np.geomspace(0.01, 0.5, 50),
    }
    keras.utils.set_random_seed(42)
    search = RandomizedSearchCV(KerasClassifier(tutorial, verbose=0), choices, n_iter=3, cv=2, random_state=1, n_jobs=2)
    search.fit(
        x[train],
        y[train],
        epochs=12,
        validation_data=(x[valid], y[valid]),
        callbacks=[keras.callbacks.EarlyStopping(patience=10)],
    )
    assert set(search.best_params_) == {"n_hidden", "n_neurons", "learning_rate"}
    loss, accuracy = search.best_estimator_.model.evaluate(x[test], y[test], verbose=0)
    assert accuracy > 0.6
    assert loss == search.best_estimator_.model.evaluate(x[test], y[test], verbose=0)[0]


# On a cluster -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two worker processes of one thread each, as two machines would have."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install tinynn-engine[dask]")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


@pytest.mark.filterwarnings("ignore")
def test_a_search_on_a_cluster_gives_what_one_process_gives(client: Any) -> None:
    grid = {"hidden_layer_sizes": [(2,), (4,), (6, 3)], "learning_rate": [0.003, 0.05]}
    here = GridSearchCV(small(), grid, cv=2).fit(X, Y)
    with joblib.parallel_config(backend="dask", scatter=[X, Y]):
        there = GridSearchCV(small(), grid, cv=2).fit(X, Y)
    np.testing.assert_array_equal(there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"])
    assert there.best_params_ == here.best_params_
    threads = client.run(_engine_threads)
    assert set(threads.values()) == {1}, "a worker's engine takes more threads than the worker has"


def _engine_threads() -> int:
    from tinynn.engine.compiled import threads

    return threads()


@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_dies_changes_nothing(client: Any, tmp_path: Path) -> None:
    """The builder kills the first process that calls it; Dask gives that fit to another worker.

    `scatter` gives each worker the data. Left to itself joblib leaves one copy with one worker, which may be the one that dies.
    """
    kinds = [{"note": str(tmp_path / "died"), "units": units} for units in (2, 4, 6)]
    model = SKLearnClassifier(dies_once, fit_kwargs={"epochs": 8, "verbose": 0, "shuffle": False})
    before = set(client.run(_process))
    with joblib.parallel_config(backend="dask", scatter=[X, Y]):
        there = GridSearchCV(model, {"model_kwargs": kinds}, cv=2, refit=False).fit(X, Y)
    assert (tmp_path / "died").exists(), "no worker died: the test is about nothing"
    here = GridSearchCV(model, {"model_kwargs": kinds}, cv=2, refit=False).fit(X, Y)
    np.testing.assert_array_equal(there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"])
    assert there.best_params_ == here.best_params_
    assert len(before) == 2


def _process() -> int:
    import os

    return os.getpid()
