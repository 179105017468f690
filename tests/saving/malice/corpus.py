"""Files that want something else than to be loaded: one or more for each way that was seen in the wild, in each format.

Each is made here, from a good file of a small model, by a function of the folder in which it may lay traps: `folder / "trap"`
holds files that nobody may open, and "marker" is what code from a file would write.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import marshal
import pickle
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

import tinynn
from tinynn import layers

ROWS = {
    "yaml": "YAML architecture, unsafe loader: CVE-2021-37678",
    "lambda": "bytecode of a Lambda; safe_mode that some formats do not heed: CVE-2024-3660, CVE-2025-9905, CVE-2026-12481",
    "gadget": "a module or function to import, helpers of Keras's own used as gadgets: CVE-2025-1550, CVE-2025-8747",
    "switch": "a call that turns safety off: CVE-2025-9906",
    "wrapper": "layers that call another framework's loader: CVE-2025-49655, CVE-2026-1462",
    "path": "a path or URL in a description, followed: CVE-2025-12058",
    "archive": "members above, at absolute paths, links, twice, encrypted: CVE-2025-12060, CVE-2025-12638",
    "name": "../ in the names of layers and arrays: CVE-2026-12479",
    "shape": "a tiny file with arrays of petabytes, or many just under a floor: CVE-2026-0897",
    "hdf5": "links, external storage, virtual arrays, references, objects, filters: CVE-2026-1669",
    "bomb": "members and chunks that inflate, headers without end",
    "pickle": "arrays of objects",
    "types": '"true" for true, NaN, huge integers, deep nesting, keys twice',
    "disguise": "a file that is not what its name says",
    "unknown": "a layer that Keras has and tinynn has not",
}
"""The ways that were seen in the wild."""


class Case(NamedTuple):
    """A file: which of the rows, how it is made and loaded, and what it has to be answered with."""

    row: str
    name: str
    make: Callable[[Path], Path | str]
    load: str
    error: str
    says: str


CASES: list[Case] = []


def case(row: str, load: str, says: str, error: str = "ValueError") -> Callable[[Any], Any]:
    """Put the function that makes a file into the list. Load: "model", "weights", "json", "backup"."""
    assert row in ROWS

    def put(make: Any) -> Any:
        CASES.append(Case(row, make.__name__, make, load, error, says))
        return make

    return put


# Good files ----------------------------------------------------------------------------------------------------------------


def good_model() -> Any:
    """A small model, trained for a step so that its optimizer has slots."""
    tinynn.utils.set_random_seed(1)
    model = tinynn.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(4, "relu", name="first"),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Dense(2, "softmax", name="last"),
        ],
        name="good",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    model.fit(np.ones((4, 3), np.float32), np.array([0, 1, 0, 1]), verbose=0)
    return model


def saved(folder: Path, name: str) -> Path:
    """The good model in a file of this name."""
    path = folder / name
    path.write_bytes(content_of(name[name.index(".") :]))
    return path


@functools.cache
def content_of(ending: str) -> bytes:
    """Of a file of the good model, written once: ".keras" and ".h5"; weights as ".weights.h5", ".npz", ".safetensors"."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"good{ending}"
        (good_model().save if ending in (".keras", ".h5") else good_model().save_weights)(path)
        return path.read_bytes()


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def keras_file(folder: Path, change: Callable[[dict[str, Any]], Any] | None = None, **members: bytes | None) -> Path:
    """A .keras file whose description, or other members, were changed; None leaves a member out."""
    path = saved(folder, "model.keras")
    found: dict[str, bytes | None] = dict(members_of(path))
    if change is not None:
        description = json.loads(found["config.json"] or b"")
        found["config.json"] = json.dumps(change(description) or description).encode()
    found |= {name.replace("__", "."): content for name, content in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in found.items():
            if content is not None:
                archive.writestr(name, content)
    return path


def legacy_file(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """An .h5 file of a whole model whose description was changed."""
    path = saved(folder, "model.h5")
    with h5py.File(path, "r+") as file:
        description = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps(change(description) or description)
    return path


def legacy_text(folder: Path, text: str, attribute: str = "model_config") -> Path:
    """An .h5 file of a whole model whose description is another text."""
    path = saved(folder, "model.h5")
    with h5py.File(path, "r+") as file:
        file.attrs[attribute] = text
    return path


def weights_file(folder: Path, change: Callable[[h5py.File], Any]) -> Path:
    """A .weights.h5 file that was changed."""
    path = saved(folder, "model.weights.h5")
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def both(row: str, says: str, error: str = "ValueError") -> Callable[[Any], Any]:
    """A change of a description: as .keras, as .h5 and as JSON."""

    def put(change: Any) -> Any:
        name = change.__name__

        def as_keras(folder: Path) -> Path:
            return keras_file(folder, lambda description: change(description, folder))

        def as_h5(folder: Path) -> Path:
            return legacy_file(folder, lambda description: change(description, folder))

        def as_json(folder: Path) -> str:
            description = json.loads(members_of(saved(folder, "model.keras"))["config.json"])
            return json.dumps(change(description, folder) or description)

        for make, load, kind in ((as_keras, "model", "keras"), (as_h5, "model", "h5"), (as_json, "json", "json")):
            CASES.append(Case(row, f"{name}_{kind}", make, load, error, says))
        return change

    return put


def compiling(row: str, says: str, error: str = "ValueError") -> Callable[[Any], Any]:
    """A change of what the model was compiled with: as .keras, as .h5 and as JSON."""

    def put(change: Any) -> Any:
        name = change.__name__

        def of_model(description: dict[str, Any], folder: Path) -> None:
            change(description["compile_config"], folder)

        def as_h5(folder: Path) -> Path:
            path = saved(folder, "model.h5")
            with h5py.File(path, "r+") as file:
                settings = json.loads(file.attrs["training_config"])
                settings["optimizer"] = settings.pop("optimizer_config")
                change(settings, folder)
                settings["optimizer_config"] = settings.pop("optimizer")
                file.attrs["training_config"] = json.dumps(settings)
            return path

        of_model.__name__ = name
        both(row, says, error)(of_model)
        at = next(i for i, case in enumerate(CASES) if case.name == f"{name}_h5")
        CASES[at] = CASES[at]._replace(make=as_h5)
        return change

    return put


def layers_of(description: dict[str, Any]) -> list[dict[str, Any]]:
    return description["config"]["layers"]  # type: ignore[no-any-return]


def add_layer(description: dict[str, Any], layer: dict[str, Any]) -> None:
    layers_of(description).insert(2, layer)


def bytecode(folder: Path) -> str:
    """What Keras writes for a lambda: its code, here one that leaves a marker."""
    code = compile(f"lambda x: __import__('os').system('touch {folder}/marker')", "x", "eval").co_consts[0]
    return base64.b64encode(marshal.dumps(code)).decode()


class Touch:
    """Unpickled, it leaves a marker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        import os

        return os.system, (f"touch {self.folder}/marker",)


# Code in files -------------------------------------------------------------------------------------------------------------


@case("yaml", "model", "format not supported|must end|File format")
def yaml_architecture(folder: Path) -> Path:
    path = folder / "model.yaml"
    path.write_text(f"!!python/object/apply:os.system ['touch {folder}/marker']")
    return path


@case("yaml", "model", "Expecting value|JSON")
def yaml_in_an_archive(folder: Path) -> Path:
    text = f"!!python/object/apply:os.system ['touch {folder}/marker']"
    return keras_file(folder, config__json=text.encode())


@case("yaml", "model", "Expecting value|JSON")
def yaml_in_an_attribute(folder: Path) -> Path:
    return legacy_text(folder, f"!!python/object/apply:os.system ['touch {folder}/marker']")


@case("yaml", "json", "Expecting value|JSON")
def yaml_as_json(folder: Path) -> str:
    return f"!!python/object/apply:os.system ['touch {folder}/marker']"


@both("lambda", "Lambda")
def lambda_layer(description: dict[str, Any], folder: Path) -> None:
    function = {"class_name": "__lambda__", "config": {"code": bytecode(folder), "defaults": None, "closure": None}}
    config = {"name": "trick", "trainable": True, "function": function, "arguments": {}}
    add_layer(
        description, {"module": "keras.layers", "class_name": "Lambda", "config": config, "registered_name": None}
    )


@both("lambda", "Lambda")
def lambda_of_keras_2(description: dict[str, Any], folder: Path) -> None:
    config = {
        "name": "trick",
        "function": [bytecode(folder), None, None],
        "function_type": "lambda",
        "module": "__main__",
    }
    add_layer(description, {"class_name": "Lambda", "config": config})


@both("lambda", "Lambda")
def lambda_as_an_activation(description: dict[str, Any], folder: Path) -> None:
    code = {"code": bytecode(folder), "defaults": None, "closure": None}
    layers_of(description)[1]["config"]["activation"] = {"class_name": "__lambda__", "config": code}


@both("lambda", "Lambda")
def lambda_in_a_model_within(description: dict[str, Any], folder: Path) -> None:
    layer = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "trick", "function": bytecode(folder)},
    }
    inner = {"name": "inner", "layers": [layer]}
    add_layer(description, {"module": "keras", "class_name": "Sequential", "config": inner, "registered_name": None})


@compiling("lambda", "Lambda")
def lambda_as_a_loss(settings: dict[str, Any], folder: Path) -> None:
    settings["loss"] = {"class_name": "__lambda__", "config": {"code": bytecode(folder)}}


@compiling("lambda", "Lambda")
def lambda_within_a_metric(settings: dict[str, Any], folder: Path) -> None:
    function = {"class_name": "__lambda__", "config": {"code": bytecode(folder)}}
    config = {"name": "trick", "fn": function}
    settings["metrics"] = [{"module": "keras.metrics", "class_name": "MeanMetricWrapper", "config": config}]


@compiling("gadget", "exec", "TypeError|ValueError")
def a_builtin_as_loss(settings: dict[str, Any], folder: Path) -> None:
    settings["loss"] = {"module": "builtins", "class_name": "function", "config": "exec"}


@compiling("gadget", "system", "TypeError")
def a_function_of_os_as_optimizer(settings: dict[str, Any], folder: Path) -> None:
    settings["optimizer"] = {"module": "os", "class_name": "system", "config": {"command": f"touch {folder}/marker"}}


@compiling("gadget", "Popen", "TypeError")
def a_class_of_subprocess_as_learning_rate(settings: dict[str, Any], folder: Path) -> None:
    config = {"args": ["touch", f"{folder}/marker"]}
    settings["optimizer"]["config"]["learning_rate"] = {
        "module": "subprocess",
        "class_name": "Popen",
        "config": config,
        "registered_name": "Popen",
    }


@both("gadget", "os|system|unknown|know", "TypeError|ValueError")
def a_function_of_os(description: dict[str, Any], folder: Path) -> None:
    add_layer(description, {"module": "os", "class_name": "system", "config": {"command": f"touch {folder}/marker"}})


@both("gadget", "Popen", "TypeError")
def a_class_of_subprocess(description: dict[str, Any], folder: Path) -> None:
    config = {"args": ["touch", f"{folder}/marker"]}
    add_layer(
        description, {"module": "subprocess", "class_name": "Popen", "config": config, "registered_name": "Popen"}
    )


@both("gadget", "exec", "TypeError|ValueError")
def a_builtin_as_activation(description: dict[str, Any], folder: Path) -> None:
    function = {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "function"}
    layers_of(description)[1]["config"]["activation"] = function


@both("gadget", "get_file", "TypeError|ValueError")
def a_helper_of_keras_itself(description: dict[str, Any], folder: Path) -> None:
    function = {"module": "keras.src.utils.file_utils", "class_name": "function", "config": "get_file"}
    layers_of(description)[1]["config"]["kernel_initializer"] = function


@both("gadget", "__class__|eval|unknown|know", "TypeError|ValueError")
def a_way_through_attributes(description: dict[str, Any], folder: Path) -> None:
    layers_of(description)[1]["config"]["activation"] = "relu.__globals__.eval"


@both("gadget", "evil", "TypeError|ValueError")
def a_package_to_import(description: dict[str, Any], folder: Path) -> None:
    (folder / "trap" / "evil.py").write_text("open('marker', 'w')")
    description |= {"module": "evil", "class_name": "evil.Model", "registered_name": "evil>Model"}


@both("gadget", "Touch|touch", "TypeError|ValueError")
def a_registered_name_nobody_registered(description: dict[str, Any], folder: Path) -> None:
    add_layer(description, {"module": None, "class_name": "Touch", "config": {}, "registered_name": "Custom>Touch"})


@both("switch", "enable_unsafe|unknown|know", "TypeError|ValueError")
def a_switch_for_safety(description: dict[str, Any], folder: Path) -> None:
    function = {"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization"}
    layers_of(description)[1]["config"]["kernel_initializer"] = function


@both("switch", "enable_unsafe", "TypeError|ValueError")
def a_switch_as_a_layer(description: dict[str, Any], folder: Path) -> None:
    add_layer(description, {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}})


@both("wrapper", "TFSMLayer")
def a_saved_model_within(description: dict[str, Any], folder: Path) -> None:
    config = {"name": "t", "filepath": f"{folder}/trap", "call_endpoint": "serve"}
    add_layer(description, {"module": "keras.layers", "class_name": "TFSMLayer", "config": config})


@both("wrapper", "TorchModuleWrapper")
def a_torch_module_within(description: dict[str, Any], folder: Path) -> None:
    module = base64.b64encode(pickle.dumps(Touch(folder))).decode()
    config = {"name": "t", "module": module}
    add_layer(description, {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": config})


@both("unknown", r"Conv2D is a layer of Keras 3\.15\.1 that tinynn does not have")
def a_layer_that_tinynn_does_not_have(description: dict[str, Any], folder: Path) -> None:
    config = {"name": "picture", "filters": 3, "kernel_size": [2, 2]}
    add_layer(description, {"module": "keras.layers", "class_name": "Conv2D", "config": config})


@both("path", "StringLookup")
def a_vocabulary_from_a_file(description: dict[str, Any], folder: Path) -> None:
    config = {"name": "words", "vocabulary": f"{folder}/trap/secret"}
    add_layer(description, {"module": "keras.layers", "class_name": "StringLookup", "config": config})


@both("path", "TextVectorization")
def a_vocabulary_from_the_network(description: dict[str, Any], folder: Path) -> None:
    config = {"name": "words", "vocabulary": "http://localhost:1/words"}
    add_layer(description, {"module": "keras.layers", "class_name": "TextVectorization", "config": config})


@both("path", "file://|unknown|know", "TypeError|ValueError")
def an_initializer_that_is_a_path(description: dict[str, Any], folder: Path) -> None:
    layers_of(description)[1]["config"]["kernel_initializer"] = f"file://{folder}/trap/secret"


# Archives ------------------------------------------------------------------------------------------------------------------


def with_member(folder: Path, name: str, content: bytes = b"x", change: Any = None) -> Path:
    path = saved(folder, "model.keras")
    info = zipfile.ZipInfo(name)
    if change is not None:
        change(info)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there already
        archive.writestr(info, content)
    return path


@case("archive", "model", "no member")
def a_member_above(folder: Path) -> Path:
    return with_member(folder, "../marker")


@case("archive", "model", "no member")
def a_member_at_an_absolute_path(folder: Path) -> Path:
    return with_member(folder, f"{folder}/marker")


@case("archive", "model", "no member")
def a_member_among_assets(folder: Path) -> Path:
    return with_member(folder, "assets/../../marker")


@case("archive", "model", "no member")
def a_member_that_is_a_link(folder: Path) -> Path:
    return with_member(
        folder,
        "model.weights.h5.link",
        f"{folder}/trap/secret".encode(),
        lambda i: setattr(i, "external_attr", 0o120777 << 16),
    )


@case("archive", "model", "JSON|Expecting|HDF5|no member|UTF")
def the_description_is_a_link(folder: Path) -> Path:
    path = keras_file(folder, config__json=None)
    info = zipfile.ZipInfo("config.json")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, f"{folder}/trap/secret")
    return path


@case("archive", "model", "twice")
def a_member_twice(folder: Path) -> Path:
    return with_member(folder, "config.json", b"{}")


@case("archive", "model", "encrypted")
def an_encrypted_member(folder: Path) -> Path:
    path = saved(folder, "model.keras")
    octets = bytearray(path.read_bytes())
    at = octets.find(b"PK\x01\x02")
    octets[at + 8] |= 1
    path.write_bytes(octets)
    return path


@case("archive", "model", "no config.json")
def an_archive_without_a_description(folder: Path) -> Path:
    return keras_file(folder, config__json=None)


@case("bomb", "model", "config.json|members|beyond|larger|limit")
def a_description_that_inflates(folder: Path) -> Path:
    path = keras_file(folder, config__json=None)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("config.json", "w") as member:
        for _ in range(50):
            member.write(bytes(1 << 20))
    return path


@case("bomb", "model", "weights|members|beyond|times|limit")
def weights_that_inflate(folder: Path) -> Path:
    path = keras_file(folder, model__weights__h5=None)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("model.weights.h5", "w") as member:
        for _ in range(50):
            member.write(bytes(1 << 20))
    return path


@case("bomb", "model", "damaged|length|not what")
def a_member_that_is_longer_than_it_says(folder: Path) -> Path:
    path = keras_file(folder, config__json=None)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(10 << 20))
    octets = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = octets.rfind(signature)
        octets[at + place : at + place + 4] = struct.pack("<I", 100)
    path.write_bytes(octets)
    return path


@case("bomb", "model", "members|directory|damaged")
def an_archive_of_a_million_members(folder: Path) -> Path:
    path = saved(folder, "model.keras")
    with zipfile.ZipFile(path, "a") as archive:
        for i in range(21_000):
            archive.writestr(f"{i}", b"")
    return path


@case("bomb", "model", "metadata")
def only_an_end(folder: Path) -> Path:
    path = folder / "model.keras"
    path.write_bytes(b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18))
    return path


# Names ---------------------------------------------------------------------------------------------------------------------


@both("name", "name")
def a_layer_called_above(description: dict[str, Any], folder: Path) -> None:
    layers_of(description)[1]["config"]["name"] = "../../marker"


@both("name", "name")
def a_layer_with_an_endless_name(description: dict[str, Any], folder: Path) -> None:
    layers_of(description)[1]["config"]["name"] = "a" * 100_000


@both("name", "name")
def a_layer_with_a_null_in_its_name(description: dict[str, Any], folder: Path) -> None:
    layers_of(description)[1]["config"]["name"] = "first\x00"


@case("name", "weights", "name|group|\\.\\.")
def a_group_called_above(folder: Path) -> Path:
    return weights_file(folder, lambda file: file["layers"].create_group("dense/...."))


# Shapes --------------------------------------------------------------------------------------------------------------------


@both("shape", "units")
def a_layer_of_a_trillion_units(description: dict[str, Any], folder: Path) -> None:
    layers_of(description)[1]["config"]["units"] = 10**12


@both("shape", "bytes|left|limit|belongs|expects|shape")
def weights_of_four_gigabytes(description: dict[str, Any], folder: Path) -> None:
    layers_of(description)[0]["config"]["batch_shape"] = [None, 1000]
    layers_of(description)[1]["config"]["units"] = 10**6
    description.pop("build_config", None)
    description["config"].pop("build_input_shape", None)
    for layer in layers_of(description):
        layer.pop("build_config", None)


@both("shape", "shape|bytes|left|beyond")
def inputs_of_a_petabyte(description: dict[str, Any], folder: Path) -> None:
    layers_of(description)[0]["config"]["batch_shape"] = [None, 10**15]
    description["config"]["build_input_shape"] = [None, 10**15]
    description["build_config"] = {"input_shape": [None, 10**15]}


@both("shape", "objects|layers|members|limit")
def ten_thousand_layers(description: dict[str, Any], folder: Path) -> None:
    layer = {"module": "keras.layers", "class_name": "Flatten", "config": {}, "registered_name": None}
    layers_of(description)[1:1] = [layer] * 10_000


def tower(description: dict[str, Any]) -> None:
    """Of layers that cost nothing each, but must not be looked at anew for each; its weights do not fit."""
    layer = {"module": "keras.layers", "class_name": "Flatten", "config": {}, "registered_name": None}
    layers_of(description)[1:1] = [layer] * 2000
    layers_of(description)[-1]["config"]["units"] = 5


@case("shape", "model", "last/kernel is")
def a_tower_for_other_weights_keras(folder: Path) -> Path:
    return keras_file(folder, tower)


@case("shape", "model", "last/kernel is")
def a_tower_for_other_weights_h5(folder: Path) -> Path:
    return legacy_file(folder, tower)


def metric(description: dict[str, Any], class_name: str, **config: Any) -> None:
    found = {"module": "keras.metrics", "class_name": class_name, "config": config, "registered_name": None}
    description.setdefault("compile_config", {"optimizer": "adam", "loss": "mse"})["metrics"] = [found]


@case("shape", "model", "num_thresholds")
def a_metric_of_a_trillion_thresholds(folder: Path) -> Path:
    return keras_file(folder, lambda description: metric(description, "AUC", num_thresholds=10**12))


@case("shape", "model", "num_classes|bytes|left")
def a_confusion_matrix_of_a_terabyte(folder: Path) -> Path:
    return keras_file(folder, lambda description: metric(description, "MeanIoU", num_classes=10**6))


# HDF5's ways out of the file -----------------------------------------------------------------------------------------------


def secret(folder: Path) -> Path:
    """An HDF5 file elsewhere, with an array of the right shape."""
    path = folder / "trap" / "secret.h5"
    with h5py.File(path, "w") as file:
        file["0"] = np.zeros((3, 4), "f4")
    return path


def in_place_of_a_kernel(change: Callable[[h5py.Group, Path], Any]) -> Callable[[Path], Path]:
    """A .weights.h5 file in which something else stands where the first kernel was."""

    def make(folder: Path) -> Path:
        other = secret(folder)

        def put(file: h5py.File) -> None:
            group = file["layers/dense/vars"]
            del group["0"]
            change(group, other)

        return weights_file(folder, put)

    return make


def within_an_archive(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """The same weights within a .keras file."""

    def made(folder: Path) -> Path:
        content = make(folder).read_bytes()
        return keras_file(folder, model__weights__h5=content)

    return made


def virtual(group: h5py.Group, other: Path) -> None:
    layout = h5py.VirtualLayout((3, 4), "f4")
    layout[:] = h5py.VirtualSource(str(other), "0", (3, 4))
    group.create_virtual_dataset("0", layout)


def external_storage(group: h5py.Group, other: Path) -> None:
    raw = other.parent / "secret.raw"
    raw.write_bytes(bytes(48))
    group.create_dataset("0", (3, 4), "f4", external=[(str(raw), 0, 48)])


def reference(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", (3, 4), h5py.ref_dtype)


def region_reference(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", (3, 4), h5py.regionref_dtype)


def variable_length(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", (3, 4), h5py.vlen_dtype(np.float32))


def strings(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", (3, 4), h5py.string_dtype())


def opaque(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", (3, 4), "V4")


def compound(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", (3, 4), np.dtype([("a", "f4"), ("b", h5py.string_dtype())]))


def complex_numbers(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", (3, 4), "c16")


def committed_type(group: h5py.Group, other: Path) -> None:
    group["kind"] = np.dtype("f4")
    group.create_dataset("0", (3, 4), group["kind"])


def filter_from_a_plug_in(group: h5py.Group, other: Path) -> None:
    space = h5py.h5s.create_simple((3, 4))
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((3, 4))
    properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
    h5py.h5d.create(group.id, b"0", h5py.h5t.NATIVE_FLOAT, space, properties)


def lzf(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", data=np.zeros((3, 4), "f4"), compression="lzf")


def soft_link(group: h5py.Group, other: Path) -> None:
    group["0"] = h5py.SoftLink("/layers/dense_1/vars/0")


def soft_link_to_itself(group: h5py.Group, other: Path) -> None:
    group["0"] = h5py.SoftLink("/layers/dense/vars/0")


def external_link(group: h5py.Group, other: Path) -> None:
    group["0"] = h5py.ExternalLink(str(other), "0")


def second_name(group: h5py.Group, other: Path) -> None:
    group["0"] = group["1"]


def cycle(group: h5py.Group, other: Path) -> None:
    group["0"] = group.parent


def deep(group: h5py.Group, other: Path) -> None:
    for _ in range(2000):
        group = group.create_group("g")


def a_petabyte_that_was_never_written(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", (10**9, 10**6), "f4", chunks=(1, 1000))


def a_terabyte_in_one_piece(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", (1 << 38,), "f4")


def many_arrays_that_were_never_written(group: h5py.Group, other: Path) -> None:
    group["0"] = np.zeros((3, 4), "f4")
    for i in range(200):
        group.create_dataset(f"x{i}", (1 << 20,), "f4", chunks=(1 << 10,), compression="gzip")


def zeros_that_inflate(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", data=np.zeros(1 << 23, "f4"), compression="gzip", chunks=(1 << 20,))


def another_shape(group: h5py.Group, other: Path) -> None:
    group["0"] = np.zeros((300, 4), "f4")


def no_shape(group: h5py.Group, other: Path) -> None:
    group["0"] = h5py.Empty("f4")


def a_chunk_of_a_gigabyte(group: h5py.Group, other: Path) -> None:
    group.create_dataset("0", (3, 4), "f4", maxshape=(None, None), chunks=(1 << 14, 1 << 14))


def a_name_of_dots(group: h5py.Group, other: Path) -> None:
    group["0"] = np.zeros((3, 4), "f4")
    group["..."] = np.zeros(3, "f4")


def a_name_without_end(group: h5py.Group, other: Path) -> None:
    group["0"] = np.zeros((3, 4), "f4")
    group["a" * 5000] = np.zeros(3, "f4")


def numbers_of_another_kind(group: h5py.Group, other: Path) -> None:
    group["0"] = np.zeros((3, 4), "i8")


def legacy_weights(change: Callable[[h5py.Group, Path], Any]) -> Callable[[Path], Path]:
    """An .h5 file of a whole model in which something else stands where the first kernel was."""

    def make(folder: Path) -> Path:
        other = secret(folder)
        path = saved(folder, "model.h5")
        with h5py.File(path, "r+") as file:
            place: list[str] = []
            file.visititems(lambda name, thing: place.append(name) if isinstance(thing, h5py.Dataset) else None)
            first = next(name for name in place if "model_weights" in name and "kernel" in name)
            group = file[first].parent
            name = first.rsplit("/", 1)[1]
            group.move(name, "1")
            change(group, other)
            if "0" in group:
                group.move("0", name)
        return path

    return make


_WAYS_OUT = (
    *(virtual, external_storage, reference, region_reference, variable_length, strings, opaque, compound),
    *(complex_numbers, committed_type, filter_from_a_plug_in, lzf, soft_link, soft_link_to_itself, external_link),
    *(second_name, cycle, deep),
)
_SHAPES = (
    *(a_petabyte_that_was_never_written, a_terabyte_in_one_piece, many_arrays_that_were_never_written),
    *(another_shape, no_shape, a_chunk_of_a_gigabyte),
)
for _row, _changes, _says in (
    ("hdf5", _WAYS_OUT, "HDF5|array|dtype|shape|length"),
    ("shape", _SHAPES, "shape|bytes|limit|not in|times|plain numbers|chunk"),
    ("bomb", (zeros_that_inflate,), "times|limit|bytes"),
    ("name", (a_name_of_dots, a_name_without_end), "name|length"),
    ("types", (numbers_of_another_kind,), "is float32; the file has int64"),
):
    for _change in _changes:
        _make = in_place_of_a_kernel(_change)
        for _ending, _load, _made in (
            ("weights", "weights", _make),
            ("keras", "model", within_an_archive(_make)),
            ("h5", "model", legacy_weights(_change)),
        ):
            CASES.append(Case(_row, f"{_change.__name__}_{_ending}", _made, _load, "ValueError", _says))


def attribute_case(row: str, name: str, says: str, change: Callable[[h5py.File], Any]) -> None:
    """An .h5 file of a whole model with other attributes."""

    def make(folder: Path) -> Path:
        path = saved(folder, "model.h5")
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    CASES.append(Case(row, f"{name}_h5", make, "model", "ValueError", says))


def _names(group: str, attribute: str, value: Any) -> Callable[[h5py.File], Any]:
    return lambda file: file[group].attrs.__setitem__(attribute, value)


attribute_case("name", "layers_above", "mismatch", _names("model_weights", "layer_names", [b"../../marker"] * 3))
attribute_case(
    "name",
    "weights_above",
    "not have|name",
    _names("model_weights/first", "weight_names", [b"../../marker", b"/etc/passwd"]),
)
attribute_case("types", "layers_that_are_numbers", "list of strings", _names("model_weights", "layer_names", [1, 2]))
attribute_case(
    "types", "weights_that_are_numbers", "list of strings", _names("model_weights/first", "weight_names", [1, 2])
)
attribute_case("types", "names_that_are_one_text", "list of strings", _names("model_weights", "layer_names", "first"))
attribute_case("types", "a_number_for_a_description", "one string", _names("/", "model_config", 5))
attribute_case(
    "types", "bytes_for_a_description", "UTF-8|utf-8|text", _names("/", "model_config", np.bytes_(b"\xff\xfe"))
)
attribute_case("types", "a_text_for_settings", "Expecting", _names("/", "training_config", "yes"))
attribute_case("types", "a_list_for_settings", "optimizer_config", _names("/", "training_config", "[1]"))


# Types ---------------------------------------------------------------------------------------------------------------------


def first_dense(name: str, value: Any, row: str, says: str, error: str = "ValueError") -> None:
    """A .keras file and a JSON text in which an argument of the first Dense layer is something else."""

    def change(description: dict[str, Any], folder: Path) -> None:
        layers_of(description)[1]["config"][name] = value

    change.__name__ = f"{name}_{type(value).__name__}_{str(value)[:12]}"
    both(row, says, error)(change)


for _name, _value in {
    "units": [True, "5", 1.5, -1, 0, None, [4], {}],
    "use_bias": ["false", 1, "true"],
    "trainable": ["false", 0.5],
    "activation": [5, [], True],
    "name": [5, [], None],
    "kernel_initializer": [5, []],
    "dtype": [5, "object", {"class_name": "DTypePolicy", "config": {"name": "O"}}],
}.items():
    for _each in _value if isinstance(_value, list) else [_value]:
        if (_name, _each) != ("name", None):
            first_dense(_name, _each, "types", ".", "ValueError|TypeError")


def text_case(name: str, says: str, text: Callable[[str], str]) -> None:
    """A description that was changed as text: as .keras, as .h5 and as JSON."""

    def as_json(folder: Path) -> str:
        return text(members_of(saved(folder, "model.keras"))["config.json"].decode())

    def as_keras(folder: Path) -> Path:
        return keras_file(folder, config__json=as_json(folder).encode("utf-8", "surrogatepass"))

    def as_h5(folder: Path) -> Path:
        return legacy_text(folder, as_json(folder))

    CASES.append(Case("types", f"{name}_json", as_json, "json", "ValueError", says))
    CASES.append(Case("types", f"{name}_h5", as_h5, "model", "ValueError", says))
    CASES.append(Case("types", f"{name}_keras", as_keras, "model", "ValueError", says))


text_case("not_a_number", "NaN", lambda text: text.replace('"units": 4', '"units": NaN'))
text_case("infinity", "Infinity", lambda text: text.replace('"units": 4', '"units": Infinity'))
text_case("beyond_a_float", "float", lambda text: text.replace('"units": 4', '"units": 1e999'))
text_case("five_thousand_digits", "digits", lambda text: text.replace('"units": 4', '"units": ' + "9" * 5000))
text_case("a_name_twice", "twice", lambda text: text.replace('"units": 4', '"units": 4, "units": 4'))
text_case(
    "deep_lists", "deep|depth", lambda text: text.replace('"units": 4', '"units": ' + "[" * 90_000 + "]" * 90_000)
)
text_case("deep_dicts", "deep|depth", lambda text: '{"a":' * 50_000 + "1" + "}" * 50_000)
text_case("somewhat_deep", "deep|depth", lambda text: text.replace('"units": 4', '"units": ' + "[" * 500 + "]" * 500))
text_case("half", "Expecting|Unterminated|delimiter", lambda text: text[: len(text) // 2])
text_case("nothing", "Expecting", lambda text: "")
text_case("a_list", "model", lambda text: "[]")
text_case("a_number", "model", lambda text: "5")
text_case("a_long_text", "length|limit", lambda text: text.replace('"units": 4', f'"units": "{"x" * (20 << 20)}"'))


# What is not what its name says ----------------------------------------------------------------------------------------------


def disguised(name: str, load: str, content: Callable[[Path], bytes], called: str) -> None:
    def make(folder: Path) -> Path:
        octets = content(folder)
        path = folder / name
        path.write_bytes(octets)
        return path

    CASES.append(Case("disguise", called, make, load, "ValueError", "."))


def as_keras_bytes(folder: Path) -> bytes:
    return saved(folder, "good.keras").read_bytes()


def as_weights_bytes(folder: Path) -> bytes:
    return saved(folder, "good.weights.h5").read_bytes()


def as_pickle(folder: Path) -> bytes:
    return pickle.dumps(Touch(folder))


def as_pickled_array(folder: Path) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{"0": np.array([Touch(folder)], object)})
    return buffer.getvalue()


for _ending in (".keras", ".h5", ".weights.h5", ".npz", ".safetensors"):
    _load = "model" if _ending in (".keras", ".h5") else "weights"
    _kind = _ending[1:].replace(".", "_")
    disguised(f"m{_ending}", _load, as_pickle, f"a_pickle_as_{_kind}")
    disguised(f"m{_ending}", _load, as_pickled_array, f"a_pickled_array_as_{_kind}")
    disguised(f"m{_ending}", _load, lambda folder: b"", f"nothing_as_{_kind}")
    disguised(f"m{_ending}", _load, lambda folder: b"\x89HDF\r\n\x1a\n", f"a_signature_as_{_kind}")
    disguised(f"m{_ending}", _load, lambda folder: b"PK\x03\x04" + bytes(100), f"a_beginning_as_{_kind}")
    disguised(f"m{_ending}", _load, lambda folder: b"{" * 200, f"brackets_as_{_kind}")
    if _ending != ".keras":
        disguised(f"m{_ending}", _load, as_keras_bytes, f"an_archive_as_{_kind}")
    if _ending != ".weights.h5":
        disguised(f"m{_ending}", _load, as_weights_bytes, f"weights_as_{_kind}")


# Weights alone ---------------------------------------------------------------------------------------------------------------


def npz_file(folder: Path, **members: bytes) -> Path:
    """An .npz of weights with other members; "dense__kernel" is "dense/kernel.npy"."""
    path = saved(folder, "weights.npz")
    found = members_of(path)
    found |= {f"{name.replace('__', '/')}.npy": content for name, content in members.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in found.items():
            archive.writestr(name, content)
    return path


@case("bomb", "weights", "shape|longer|complete")
def an_array_of_a_terabyte_npz(folder: Path) -> Path:
    return npz_file(folder, dense__kernel=header((1 << 38,)))


@case("bomb", "weights", "times|longer")
def an_array_that_inflates_npz(folder: Path) -> Path:
    return npz_file(folder, dense__kernel=header((1 << 23,)) + bytes(1 << 25))


@case("bomb", "weights", "plain numbers|longer")
def a_header_that_is_endless_npz(folder: Path) -> Path:
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"(" * 60_000
    return npz_file(folder, dense__kernel=b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)


@case("pickle", "weights", "plain numbers|longer|shape")
def an_array_of_objects_npz(folder: Path) -> Path:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Touch(folder)], object), allow_pickle=True)
    return npz_file(folder, dense__kernel=buffer.getvalue())


@case("archive", "weights", "name")
def a_member_above_npz(folder: Path) -> Path:
    return npz_file(folder, **{"..__..__marker": header((1,)) + bytes(4)})


@case("archive", "weights", "name")
def a_member_at_an_absolute_path_npz(folder: Path) -> Path:
    return npz_file(folder, **{f"{folder}/marker": header((1,)) + bytes(4)})


def npz_with(folder: Path, change: Callable[[zipfile.ZipInfo], Any], name: str = "dense/kernel.npy") -> Path:
    path = npz_file(folder)
    found = members_of(path)
    info = zipfile.ZipInfo(name)
    change(info)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there already
        archive.writestr(info, found.get(name, f"{folder}/trap/secret".encode()))
    return path


@case("archive", "weights", "twice")
def a_member_twice_npz(folder: Path) -> Path:
    return npz_with(folder, lambda info: None)


@case("archive", "weights", "another model")
def a_member_that_is_a_link_npz(folder: Path) -> Path:
    return npz_with(folder, lambda info: setattr(info, "external_attr", 0o120777 << 16), "link.npy")


@case("archive", "weights", "encrypted")
def an_encrypted_member_npz(folder: Path) -> Path:
    path = npz_file(folder)
    octets = bytearray(path.read_bytes())
    octets[octets.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(octets)
    return path


@case("name", "weights", "length|another model")
def an_endless_name_npz(folder: Path) -> Path:
    return npz_file(folder, **{"a" * 5000: header((1,)) + bytes(4)})


def npz_header(name: str, text: str) -> None:
    """The header of an array as another text."""

    def make(folder: Path) -> Path:
        octets = text.encode()
        return npz_file(
            folder, dense__kernel=b"\x93NUMPY\x01\x00" + struct.pack("<H", len(octets)) + octets + bytes(48)
        )

    CASES.append(Case("types", f"{name}_npz", make, "weights", "ValueError", "plain numbers|dtype"))


npz_header("a_truth_value_for_a_size", "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 4), }\n")
npz_header("a_size_below_zero", "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, -4), }\n")
npz_header("complex_numbers", "{'descr': '<c16', 'fortran_order': False, 'shape': (3, 4), }\n")
npz_header("records", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3, 4), }\n")
npz_header("a_call", "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os').system('true'), }\n")
npz_header("an_order_that_is_none", "{'descr': '<f4', 'fortran_order': 'no', 'shape': (3, 4), }\n")
npz_header("integers", "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 4), }\n")


@case("shape", "weights", "shape")
def an_array_of_another_shape_npz(folder: Path) -> Path:
    return npz_file(folder, dense__kernel=header((4, 3)) + bytes(48))


@case("shape", "weights", "another model")
def an_array_too_many_npz(folder: Path) -> Path:
    return npz_file(folder, more=header((1,)) + bytes(4))


def safetensors_file(folder: Path, change: Callable[[dict[str, Any]], Any], length: int | None = None) -> Path:
    """A .safetensors of weights with another header, or another length of it."""
    path = saved(folder, "weights.safetensors")
    octets = path.read_bytes()
    end = 8 + struct.unpack("<Q", octets[:8])[0]
    description = json.loads(octets[8:end])
    text = change(description) or description
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + octets[end:])
    return path


def first_tensor(description: dict[str, Any]) -> dict[str, Any]:
    return next(value for name, value in sorted(description.items()) if name != "__metadata__")


@case("bomb", "weights", ".")
def a_header_of_exabytes_safetensors(folder: Path) -> Path:
    return safetensors_file(folder, lambda description: None, length=1 << 62)


@case("shape", "weights", ".")
def a_tensor_beyond_the_end_safetensors(folder: Path) -> Path:
    return safetensors_file(folder, lambda d: first_tensor(d).update(shape=[1 << 40], data_offsets=[0, 1 << 42]))


@case("shape", "weights", ".")
def a_tensor_that_overflows_safetensors(folder: Path) -> Path:
    return safetensors_file(folder, lambda d: first_tensor(d).update(shape=[1 << 62, 1 << 62]))


@case("shape", "weights", ".")
def a_tensor_of_another_shape_safetensors(folder: Path) -> Path:
    def change(description: dict[str, Any]) -> None:
        tensor = first_tensor(description)
        tensor["shape"] = [1, *tensor["shape"]]

    return safetensors_file(folder, change)


@case("types", "weights", ".")
def a_tensor_of_another_kind_safetensors(folder: Path) -> Path:
    return safetensors_file(folder, lambda d: first_tensor(d).update(dtype="OBJECT"))


@case("types", "weights", ".")
def offsets_that_overlap_safetensors(folder: Path) -> Path:
    def change(description: dict[str, Any]) -> None:
        for name, tensor in description.items():
            if name != "__metadata__":
                tensor["data_offsets"] = [0, tensor["data_offsets"][1] - tensor["data_offsets"][0]]

    return safetensors_file(folder, change)


@case("types", "weights", ".")
def a_deep_header_safetensors(folder: Path) -> Path:
    return safetensors_file(folder, lambda d: b"[" * 90_000 + b"]" * 90_000)


def safetensors_name(name: str, called: str) -> None:
    def make(folder: Path) -> Path:
        def change(description: dict[str, Any]) -> None:
            first = sorted(each for each in description if each != "__metadata__")[0]
            description[name] = description.pop(first)

        return safetensors_file(folder, change)

    CASES.append(Case("name", f"{called}_safetensors", make, "weights", "ValueError", "another model"))


safetensors_name("../../marker", "a_tensor_above")
safetensors_name("first\x00", "a_tensor_with_a_null")
safetensors_name("a" * 100_000, "a_tensor_with_an_endless_name")


# Backups of trainings --------------------------------------------------------------------------------------------------------


def backup(folder: Path, change: Callable[[dict[str, Any]], Any] | None = None, **members: bytes) -> Path:
    """The folder of a backup of the good model's training, its description or members changed."""
    place = folder / "backup"
    place.mkdir()
    path = place / "latest.npz"
    path.write_bytes(backup_content())
    found = members_of(path)
    if change is not None:
        description = json.loads(found["state.json"])
        found["state.json"] = json.dumps(change(description) or description).encode()
    found |= {name.replace("__", "."): content for name, content in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in found.items():
            archive.writestr(name, content)
    return place


@functools.cache
def backup_content() -> bytes:
    """Of a backup of the good model's training."""
    with tempfile.TemporaryDirectory() as folder:
        keeper = tinynn.callbacks.BackupAndRestore(folder, delete_checkpoint=False)
        x, y = np.ones((4, 3), np.float32), np.array([0, 1, 0, 1])
        good_model().fit(x, y, verbose=0, callbacks=[keeper])
        return (Path(folder) / "latest.npz").read_bytes()


def header(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


@case("bomb", "backup", "another size", "OSError")
def a_backup_with_an_array_of_a_terabyte(folder: Path) -> Path:
    return backup(folder, **{"0__npy": header((1 << 38,))})


@case("pickle", "backup", "another size|another shape", "OSError")
def a_backup_with_objects(folder: Path) -> Path:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Touch(folder)], object), allow_pickle=True)
    return backup(folder, **{"0__npy": buffer.getvalue()})


@case("archive", "backup", "members", "OSError")
def a_backup_with_a_member_above(folder: Path) -> Path:
    return backup(folder, **{"../marker": b"x"})


@case("archive", "backup", "twice|members", "OSError")
def a_backup_with_a_member_twice(folder: Path) -> Path:
    place = backup(folder)
    with zipfile.ZipFile(place / "latest.npz", "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("0.npy", header((1,)) + bytes(4))
    return place


@case("archive", "backup", "encrypted|members|whole", "OSError")
def a_backup_that_is_encrypted(folder: Path) -> Path:
    place = backup(folder)
    path = place / "latest.npz"
    octets = bytearray(path.read_bytes())
    octets[octets.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(octets)
    return place


@case("bomb", "backup", "compressed", "OSError")
def a_backup_that_inflates(folder: Path) -> Path:
    place = backup(folder)
    with zipfile.ZipFile(place / "latest.npz", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("99.npy", bytes(10 << 20))
    return place


@case("types", "backup", "nested|no JSON", "OSError")
def a_deep_backup(folder: Path) -> Path:
    return backup(folder, state__json=b"[" * 100_000 + b"]" * 100_000)


@case("shape", "backup", "of shape|larger", "ValueError|OSError")
def a_backup_for_larger_variables(folder: Path) -> Path:
    def change(description: dict[str, Any]) -> None:
        description["state"]["model"][0]["value"]["shape"] = [1 << 20, 1 << 19]

    return backup(folder, change)


@case("shape", "backup", "larger", "OSError")
def a_backup_with_a_long_memory(folder: Path) -> Path:
    def change(description: dict[str, Any]) -> None:
        history = next(each for each in description["state"]["callbacks"] if each["kind"] == "History")
        history["state"]["epoch"]["shape"] = [1 << 36]

    return backup(folder, change)


@case("gadget", "backup", "makes no sense|optimizer", "ValueError")
def a_backup_that_names_an_attribute(folder: Path) -> Path:
    return backup(folder, lambda description: description["state"]["optimizers"].update({"__class__": []}))


@case("disguise", "backup", "not a whole backup", "OSError")
def a_pickle_as_a_backup(folder: Path) -> Path:
    place = folder / "backup"
    place.mkdir()
    (place / "latest.npz").write_bytes(pickle.dumps(Touch(folder)))
    return place


# Good files, watched like the others ------------------------------------------------------------------------------------------


def _good(ending: str) -> Callable[[Path], Path]:
    return lambda folder: saved(folder, f"good{ending}")


def _good_text(folder: Path) -> str:
    return members_of(saved(folder, "good.keras"))["config.json"].decode()


GOOD = [
    *(Case("good", f"good{ending}", _good(ending), "model", "", "") for ending in (".keras", ".h5")),
    *(Case("good", f"good{end}", _good(end), "weights", "", "") for end in (".weights.h5", ".npz", ".safetensors")),
    Case("good", "good_json", _good_text, "json", "", ""),
    Case("good", "good_backup", backup, "backup", "", ""),
]
"""One of each format: they load, and that is all that happens."""
