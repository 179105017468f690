"""What tutorials for older Keras write works, and says once, and once only, what is written today."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import _deprecated

X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 1, 1, 0])


@pytest.fixture(autouse=True)
def nothing_told_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_deprecated, "_told", set())


def model(units: int = 2) -> Any:
    tinynn.utils.set_random_seed(2)
    activation = "softmax" if units > 1 else "sigmoid"
    made = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(units, activation)])
    made.compile("sgd", "crossentropy", metrics=["acc"], run_eagerly=True)
    return made


def batches() -> Iterator[Any]:
    while True:
        yield X, Y


def said(call: Callable[[], Any]) -> tuple[Any, list[str]]:
    """The result of the second of two calls, and what both warned of, sorted out of Keras's own warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
        result = call()
    return result, [str(warning.message) for warning in caught if warning.category is FutureWarning]


OLD: dict[str, tuple[Callable[[], Any], Callable[[], Any], str]] = {
    "predict_classes": (
        lambda: model().predict_classes(X),
        lambda: model().predict(X, verbose=0).argmax(-1),
        r"model.predict(x).argmax(axis=-1)",
    ),
    "predict_classes, one output": (
        lambda: model(1).predict_classes(X),
        lambda: (model(1).predict(X, verbose=0) > 0.5).astype("int32"),
        r'(model.predict(x) > 0.5).astype("int32")',
    ),
    "predict_proba": (lambda: model().predict_proba(X), lambda: model().predict(X, verbose=0), "model.predict(x)"),
    "fit_generator": (
        lambda: model().fit_generator(batches(), steps_per_epoch=2, epochs=2, verbose=0).history["loss"],
        lambda: model().fit(batches(), steps_per_epoch=2, epochs=2, verbose=0, shuffle=False).history["loss"],
        "model.fit(generator)",
    ),
    "evaluate_generator": (
        lambda: model().evaluate_generator(batches(), steps=2),
        lambda: model().evaluate(batches(), steps=2, verbose=0),
        "model.evaluate(generator)",
    ),
    "predict_generator": (
        lambda: model().predict_generator(batches(), 2),
        lambda: model().predict(batches(), steps=2, verbose=0),
        "model.predict(generator)",
    ),
    "compiled_loss": (
        lambda: model().compiled_loss(Y, np.eye(2)[Y] * 0.8 + 0.1, regularization_losses=[]),
        lambda: model().compute_loss(None, Y, np.eye(2)[Y] * 0.8 + 0.1),
        "self.compute_loss(x, y, y_pred, sample_weight)",
    ),
    "weights of Dense": (
        lambda: tinynn.Sequential([tinynn.Input((1,)), tinynn.layers.Dense(1, weights=[[[2.0]], [1.0]])])(X[:, :1]),
        lambda: X[:, :1] * 2 + 1,
        "layer.set_weights([kernel, bias])",
    ),
}


@pytest.mark.parametrize("old", OLD)
def test_an_old_spelling_does_what_the_new_one_does_and_says_so_once(old: str) -> None:
    call, today, text = OLD[old]
    result, messages = said(call)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = today()
    assert np.array_equal(result, expected)
    assert len(messages) == 1
    assert text in messages[0]


def test_arguments_about_threads_are_taken_from_a_call_of_fit_generator() -> None:
    _, messages = said(
        lambda: model().fit_generator(batches(), 1, workers=4, use_multiprocessing=True, max_queue_size=3, verbose=0)
    )
    assert messages == [
        "fit_generator is gone from Keras; write model.fit(generator).",
        "workers, use_multiprocessing, max_queue_size have no effect here; a PyDataset takes them: PyDataset(workers=...).",
    ]


def test_compiled_metrics_update_the_metrics_of_compile() -> None:
    made = model()
    with pytest.warns(FutureWarning, match="for metric in self.metrics"):
        made.compiled_metrics.update_state(Y, np.eye(2)[Y])
    assert made.get_metrics_result()["acc"] == 1.0


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("tinynn.layers.core", "tinynn.layers", "Dense"),
        ("tinynn.layers.core", "tinynn.layers", "Activation"),
        ("tinynn.utils.np_utils", "tinynn.utils", "to_categorical"),
        ("tinynn.utils.vis_utils", "tinynn.utils", "plot_model"),
        ("tinynn.utils.data_utils", "tinynn.utils", "Sequence"),
        ("tinynn.utils.generic_utils", "tinynn.utils", "Progbar"),
    ],
)
def test_an_old_place_of_a_name_is_a_place_of_the_same(old: str, new: str, name: str) -> None:
    place = importlib.import_module(old)
    result, messages = said(lambda: getattr(place, name))
    assert result is getattr(importlib.import_module(new), name)
    assert messages == [f"{old} is where Keras 2 had it; write `from {new} import {name}`, or {new}.{name}."]
    with pytest.raises(AttributeError):
        place.Dnse  # noqa: B018


def test_old_imports_of_tutorials_run() -> None:
    code = """
from tinynn.layers.core import Dense, Dropout, Activation
from tinynn.models import Sequential
from tinynn.optimizers import SGD, Adam, RMSprop
from tinynn.utils import np_utils
y = np_utils.to_categorical([0, 2], 3)
"""
    names: dict[str, Any] = {}
    with pytest.warns(FutureWarning):
        exec(code, names)
    assert names["y"].tolist() == [[1, 0, 0], [0, 0, 1]]
