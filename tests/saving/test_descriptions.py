"""Descriptions: every object comes back, the same as Keras writes them, and nothing is looked up outside a closed list."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import _custom_objects, saving


@pytest.fixture(autouse=True)
def registered_put_back() -> Iterator[None]:
    tables = (saving.get_custom_objects(), _custom_objects._names)
    before = [dict(table) for table in tables]
    yield
    for table, content in zip(tables, before):
        table.clear()
        table.update(content)


class Doubled(tinynn.layers.Layer):
    def __init__(self, times: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.times = times

    def call(self, inputs: Any) -> Any:
        return self.times * inputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "times": self.times}


def cube(x: Any) -> Any:
    return x * x * x


def model() -> Any:
    return tinynn.Sequential(
        [
            tinynn.Input((3,)),
            tinynn.layers.Dense(4, activation=cube, kernel_regularizer="l2"),
            Doubled(3.0),
            tinynn.Sequential([tinynn.layers.Dense(2)], name="inner"),
        ],
        name="outer",
    )


OWN = {"Doubled": Doubled, "cube": cube}


def test_a_model_comes_back_and_computes_the_same() -> None:
    first = model()
    first.compile("adam", "mse", metrics=["mae"])
    again = tinynn.models.model_from_json(first.to_json(), custom_objects=OWN)
    again.set_weights(first.get_weights())
    x = np.random.RandomState(0).normal(size=(5, 3)).astype("float32")
    np.testing.assert_array_equal(again(x), first(x))
    assert again.compiled
    assert again.name == "outer"
    assert [layer.name for layer in again.layers] == [layer.name for layer in first.layers]
    assert json.loads(again.to_json()) == json.loads(first.to_json())


def test_a_clone_has_new_weights() -> None:
    first = model()
    with saving.custom_object_scope(OWN):
        clone = tinynn.models.clone_model(first)
    assert [w.shape for w in clone.get_weights()] == [w.shape for w in first.get_weights()]
    assert not np.array_equal(clone.get_weights()[0], first.get_weights()[0])
    renamed = tinynn.models.clone_model(
        tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(2, name="a")]),
        clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "name": layer.name + "_copy"}),
    )
    assert [layer.name for layer in renamed.layers] == ["a_copy"]


def test_own_classes_are_found_only_when_they_are_known() -> None:
    text = model().to_json()
    with pytest.raises(TypeError, match="custom_objects"):
        tinynn.models.model_from_json(text, custom_objects={"cube": cube})
    with pytest.raises(ValueError, match="cube"):
        tinynn.models.model_from_json(text, custom_objects={"Doubled": Doubled})
    saving.register_keras_serializable("mine")(Doubled)
    saving.register_keras_serializable("mine")(cube)
    assert "mine>cube" in model().to_json()
    assert tinynn.models.model_from_json(model().to_json()).layers[1].times == 3.0
    assert tinynn.activations.get("mine>cube") is cube
    assert saving.get_registered_object("mine>Doubled") is Doubled
    assert saving.get_registered_name(Doubled) == "mine>Doubled"


def test_a_scope_is_of_its_thread_and_ends() -> None:
    seen = []
    with saving.custom_object_scope({"cube": cube}):
        assert tinynn.activations.get("cube") is cube
        with saving.custom_object_scope({"cube": abs}):
            assert tinynn.activations.get("cube") is abs
        thread = threading.Thread(target=lambda: seen.append(saving.get_registered_object("cube")))
        thread.start()
        thread.join()
    assert seen == [None]
    with pytest.raises(ValueError, match="cube"):
        tinynn.activations.get("cube")


@pytest.mark.parametrize(
    "description",
    [
        {"module": "os", "class_name": "system", "config": "true", "registered_name": None},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}, "registered_name": "Popen"},
        {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
        {"module": "builtins", "class_name": "eval", "config": "1", "registered_name": "eval"},
        {"module": "antigravity", "class_name": "fly", "config": {}, "registered_name": None},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "http://x"}, "registered_name": None},
        {
            "module": "keras.config",
            "class_name": "enable_unsafe_deserialization",
            "config": {},
            "registered_name": None,
        },
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}, "registered_name": None},
        {"module": "keras.layers", "class_name": "deserialize", "config": {}, "registered_name": None},
        {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}},
        {"class_name": "__typespec__", "config": []},
        {"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}},
        {
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}},
            "registered_name": None,
        },
    ],
)
@pytest.mark.parametrize("safe_mode", [True, False])
def test_nothing_is_imported_or_run(description: dict[str, Any], safe_mode: bool) -> None:
    before = set(sys.modules)
    with pytest.raises((ValueError, TypeError)):
        saving.deserialize_keras_object(description, safe_mode=safe_mode)
    assert {name for name in set(sys.modules) - before if not name.startswith("tinynn")} == set()


def test_texts_that_are_no_model() -> None:
    deep: dict[str, Any] = {"module": "keras", "class_name": "Sequential", "config": {"layers": []}}
    for _ in range(100):
        deep = {"module": "keras", "class_name": "Sequential", "config": {"layers": [deep]}}
    for text in (
        "",
        "nope",
        "{}",
        "[]",
        '"relu"',
        '{"class_name": 1, "class_name": 2}',
        "[" * 100_000,
        json.dumps(deep),
    ):
        with pytest.raises(ValueError):
            tinynn.models.model_from_json(text)


VALUES = [1, 2.5, "text", None, True, [1, [2]], {"a": [1.0]}, b"bytes", slice(1, None, 2), np.float32(2), np.arange(3)]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back(value: Any) -> None:
    described = saving.serialize_keras_object(value)
    again = saving.deserialize_keras_object(json.loads(json.dumps(described)))
    np.testing.assert_equal(again, value)


@pytest.mark.keras
def test_descriptions_are_keras_s(keras: Any) -> None:
    def made(k: Any) -> list[Any]:
        return [
            *(1, 2.5, "text", None, [1, (2, 3)], {"a": 1}, b"ab", slice(1, 2), np.array([1.0]), np.int64(3)),
            *(cube, k.activations.relu, k.losses.mean_squared_error),
            k.layers.Dense(2, name="d", kernel_initializer=k.initializers.HeNormal(seed=1)),
            k.layers.PReLU(name="p"),
            *(k.losses.BinaryCrossentropy(), k.metrics.AUC(name="a", num_thresholds=5)),
            k.optimizers.Adam(k.optimizers.schedules.CosineDecay(0.1, 3), name="o"),
            *(k.regularizers.L1L2(0.1, 0.2), k.constraints.MaxNorm(1), k.initializers.Orthogonal(seed=3)),
            {"nested": k.layers.ReLU(name="r")},
        ]

    for ours, theirs in zip(made(tinynn), made(keras), strict=True):
        assert saving.serialize_keras_object(ours) == keras.saving.serialize_keras_object(theirs)


@pytest.mark.keras
def test_keras_reads_what_tinynn_writes(keras: Any) -> None:
    ours = tinynn.Sequential(
        [
            tinynn.Input((3,)),
            tinynn.layers.Dense(4, activation="relu", kernel_regularizer="l2", bias_constraint="non_neg"),
            tinynn.layers.BatchNormalization(),
            tinynn.layers.Dropout(0.2),
            tinynn.layers.Dense(2, activation="softmax"),
        ]
    )
    ours.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    theirs = keras.models.model_from_json(ours.to_json())
    theirs.set_weights(ours.get_weights())
    x = np.random.RandomState(0).normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(ours(x), np.asarray(theirs(x)), rtol=1e-5)
    back = tinynn.models.model_from_json(theirs.to_json())
    assert back.compiled
    assert [layer.get_config() for layer in back.layers] == [layer.get_config() for layer in ours.layers]
