"""What each format keeps, and how it is asked for. That Keras reads and writes the same is for test_matrix.py."""

from __future__ import annotations

import builtins
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import tinynn
from tinynn import layers

X = np.random.RandomState(0).normal(size=(12, 4)).astype("float32")
Y = np.arange(12) % 3


class Branches(layers.Layer):
    """Layers in a list and in an attribute, a variable and a random stream of its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.branches = [layers.Dense(3), layers.Dense(3)]
        self.also = self.branches[0]
        self.last = layers.Dropout(0.5)

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight(shape=(3,), initializer="ones", name="factor")
        for layer in self.branches:
            layer.build(input_shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.last(self.factor * (self.branches[0](inputs) + self.branches[1](inputs)), training=training)


class Versioned(layers.Layer):
    """Keeps something else in a file than its variables."""

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight(shape=(input_shape[-1],), name="w")

    def call(self, inputs: Any) -> Any:
        return inputs * self.w

    def save_own_variables(self, store: Any) -> None:
        store["version"] = np.array(2)
        store["half"] = self.w.value / 2

    def load_own_variables(self, store: Any) -> None:
        assert int(store["version"]) == 2
        self.w.assign(2 * store["half"])


OWN = {"Branches": Branches, "Versioned": Versioned}


def trained() -> Any:
    tinynn.utils.set_random_seed(1)
    model = tinynn.Sequential(
        [tinynn.Input((4,)), layers.Dense(5, "relu"), layers.Dropout(0.3), Branches(), Versioned(), layers.Softmax()]
    )
    model.compile(tinynn.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, batch_size=5, verbose=0, shuffle=False)
    return model


def test_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """Also in layers that drop at random: the counters of their streams are in the file."""
    model = trained()
    model.save(tmp_path / "a.keras")
    again = tinynn.models.load_model(tmp_path / "a.keras", custom_objects=OWN)
    for one in (model, again):
        one.fit(X, Y, batch_size=5, epochs=2, verbose=0, shuffle=False)
    for mine, other in zip(
        [*model.variables, *model.optimizer.variables], [*again.variables, *again.optimizer.variables]
    ):
        np.testing.assert_array_equal(mine.value, other.value, err_msg=mine.path)


def test_the_places_of_variables(tmp_path: Path) -> None:
    """By attribute and class, each once; a class that writes something else has that."""
    trained().save_weights(tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "a.weights.h5") as file:
        places: list[str] = []
        file.visititems(lambda name, thing: places.append(name) if isinstance(thing, h5py.Dataset) else None)
        assert file["layers/dense/vars"].attrs["name"].startswith("dense")
    assert {place for place in places if place.startswith("layers/branches")} == {
        "layers/branches/vars/0",
        *(f"layers/branches/{part}/vars/{i}" for part in ("also", "branches/dense_1") for i in (0, 1)),
        "layers/branches/last/seed_generator/vars/0",
    }
    assert {"layers/versioned/vars/version", "layers/versioned/vars/half", "optimizer/vars/0"} <= set(places)


def test_a_model_that_is_not_built_keeps_its_architecture(tmp_path: Path) -> None:
    model = tinynn.Sequential([layers.Dense(3)])
    model.compile("adam", "mse")
    model.save(tmp_path / "a.keras")
    again = tinynn.models.load_model(tmp_path / "a.keras")
    assert not again.built
    assert again.compiled
    with pytest.raises(ValueError, match="not yet been built"):
        model.save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ValueError, match="not yet been built"):
        model.load_weights(tmp_path / "a.keras")


def test_compile_false_needs_no_loss_of_ones_own(tmp_path: Path) -> None:
    model = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3)])

    def own(y_true: Any, y_pred: Any) -> Any:
        return tinynn.ops.mean((y_true - y_pred) ** 2, axis=-1)

    model.compile("adam", own)
    for ending in (".keras", ".h5"):
        path = tmp_path / f"a{ending}"
        model.save(path)
        assert not tinynn.models.load_model(path, compile=False).compiled
        with pytest.raises((ValueError, TypeError), match="own"):
            tinynn.models.load_model(path)
        assert tinynn.models.load_model(path, custom_objects={"own": own}).compiled


def test_an_archive_is_what_keras_writes(tmp_path: Path) -> None:
    trained().save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
        assert set(json.loads(archive.read("metadata.json"))) == {"keras_version", "date_saved"}


def test_a_file_of_keras_2_opens(tmp_path: Path) -> None:
    """The shape of the inputs is an argument of the first layer, variables are called kernel:0."""
    dense = {
        "name": "dense",
        "trainable": True,
        "batch_input_shape": [None, 2],
        "dtype": "float32",
        "units": 1,
        "activation": "relu",
        "use_bias": True,
        "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.01}},
        "activity_regularizer": None,
    }
    config = {"name": "old", "layers": [{"class_name": "Dense", "config": dense}]}
    training = {
        "loss": "mse",
        "metrics": [["mae"]],
        "weighted_metrics": None,
        "loss_weights": None,
        "optimizer_config": {"class_name": "SGD", "config": {"name": "SGD", "learning_rate": 0.5, "momentum": 0.0}},
    }
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.4.0"
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": config})
        file.attrs["training_config"] = json.dumps(training)
        group = file.create_group("model_weights/dense")
        file["model_weights"].attrs["layer_names"] = np.array([b"dense"])
        group.attrs["weight_names"] = np.array([b"dense/kernel:0", b"dense/bias:0"])
        group.create_dataset("dense/kernel:0", data=np.array([[1.0], [2.0]], "float32"))
        group.create_dataset("dense/bias:0", data=np.array([3.0], "float32"))
    model = tinynn.models.load_model(path)
    np.testing.assert_array_equal(model.predict(np.array([[10.0, 1.0]]), verbose=0), [[15.0]])
    assert model.optimizer.get_config()["learning_rate"] == 0.5
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)


def test_layers_by_their_names(tmp_path: Path) -> None:
    first = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    second = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3, name="other"), layers.Dense(2, name="b")])
    before = second.get_weights()
    first.save(tmp_path / "a.h5")
    second.load_weights(tmp_path / "a.h5", by_name=True)
    np.testing.assert_array_equal(second.get_weights()[0], before[0])
    np.testing.assert_array_equal(second.get_weights()[2], first.get_weights()[2])
    with pytest.raises(ValueError, match="by_name"):
        second.load_weights(tmp_path / "a.weights.h5", by_name=True)


def test_some_layers_may_stay(tmp_path: Path) -> None:
    first, second = trained(), trained()
    first.set_weights([w + 1 for w in first.get_weights()])
    first.save_weights(tmp_path / "a.weights.h5")
    before = second.get_weights()
    second.load_weights(tmp_path / "a.weights.h5", objects_to_skip=[second.layers[0]])
    np.testing.assert_array_equal(second.get_weights()[0], before[0])
    np.testing.assert_array_equal(second.get_weights()[2], before[2] + 1)


def test_without_the_optimizer(tmp_path: Path) -> None:
    trained().save(tmp_path / "a.h5", include_optimizer=False)
    with h5py.File(tmp_path / "a.h5") as file:
        assert "optimizer_weights" not in file
        assert "training_config" not in file.attrs
    with pytest.warns(UserWarning, match="No training configuration"):
        assert not tinynn.models.load_model(tmp_path / "a.h5", custom_objects=OWN).compiled


def test_an_old_file_is_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(b"old")
    answers = iter(["what", "n", "y"])
    monkeypatch.setattr(builtins, "input", lambda question: next(answers))
    trained().save(path, overwrite=False)
    assert path.read_bytes() == b"old"
    trained().save(path, overwrite=False)
    assert path.read_bytes() != b"old"


def test_who_cannot_be_asked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a pipe, or in a job of the night."""
    path = tmp_path / "a.keras"
    path.write_bytes(b"old")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(FileExistsError, match="nobody is there to be asked: pass overwrite=True"):
        trained().save(path, overwrite=False)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, folder: model.save(folder / "a.foo"), "extension"),
        (lambda model, folder: model.save(folder / "a.keras", foo=1), "not supported: \\['foo'\\]"),
        (lambda model, folder: model.save(folder / "a.keras", zipped=False), "leave zipped out"),
        (lambda model, folder: model.save_weights(folder / "a.h5"), "must end in `.weights.h5`"),
        (lambda model, folder: model.load_weights(folder / "a.weights.h5", foo=1), "Invalid keyword"),
        (lambda model, folder: tinynn.models.load_model(folder), "not supported"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(trained(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tinynn.models.load_model(tmp_path / "a.keras")
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(ValueError, match="no ordinary file"):
        tinynn.models.load_model(tmp_path / "pipe.keras")


def test_a_name_that_cannot_stand_in_a_file(tmp_path: Path) -> None:
    model = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3, name="c:\\autoexec")])
    for ending in (".keras", ".h5"):
        with pytest.raises(ValueError, match="autoexec"):
            model.save(tmp_path / f"a{ending}")
    assert list(tmp_path.iterdir()) == []


def test_names_in_any_language(tmp_path: Path) -> None:
    """Of layers and of files; a path may also be bytes."""
    for names, ending in ((["a hidden layer", "out 1"], ".h5"), (["verborgene Größe", "输出"], ".keras")):
        model = tinynn.Sequential([tinynn.Input((4,)), *(layers.Dense(3, name=name) for name in names)])
        model.compile("sgd", "mse")
        path = tmp_path / f"modèle 模型{ending}"
        model.save(os.fsencode(path))
        again = tinynn.models.load_model(path)
        assert [layer.name for layer in again.layers] == names
        np.testing.assert_array_equal(again(X), model(X))
    with pytest.raises(ValueError, match=r"ASCII names alone, .*'verborgene Größe'"):
        model.save(tmp_path / "a.h5")


def test_a_file_of_a_newer_keras_is_told(tmp_path: Path) -> None:
    """If it cannot be read; one with nothing new in it opens."""
    path = tmp_path / "a.keras"
    tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3)]).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name).decode("latin-1") for name in archive.namelist()}
    for version, argument, told in (
        ("3.99.0", "use_bias", ""),
        ("3.99.0", "qubits", "by Keras 3.99.0; tinynn knows"),
        ("?", "qubits", "qubits"),
    ):
        members["metadata.json"] = json.dumps({"keras_version": version})
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content.replace('"use_bias"', f'"{argument}"').encode("latin-1"))
        if not told:
            tinynn.models.load_model(path)
        else:
            with pytest.raises(ValueError, match=told):
                tinynn.models.load_model(path)


def test_a_file_of_many_layers_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not anew for each layer, which made files of thousands of layers take minutes."""
    tinynn.Sequential([tinynn.Input((4,)), *(layers.Dense(4) for _ in range(20))]).save(tmp_path / "a.keras")
    builds = []
    build = tinynn.Sequential.build
    monkeypatch.setattr(tinynn.Sequential, "build", lambda self, shape=None: builds.append(shape) or build(self, shape))
    assert tinynn.models.load_model(tmp_path / "a.keras").built
    assert builds == [(None, 4)]
