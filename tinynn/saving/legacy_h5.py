"""Whole models in one HDF5 file, as Keras 2 wrote them and Keras 3 still does for names that end in .h5.

model_config, training_config        JSON, in attributes of the root
model_weights/LAYER/WEIGHT           the layers' variables, by their names; lists of names in attributes give the order
optimizer_weights/WEIGHT             the optimizer's
"""

from __future__ import annotations

import io
import json
import warnings
from typing import Any, BinaryIO

import numpy as np

from tinynn._serialization import serialize_keras_object
from tinynn.layers.layer import Layer
from tinynn.saving.described import made, of_keras
from tinynn.saving.hdf5_weights import check_fits, warn_of_not_finite
from tinynn.saving.keras_names import KERAS_VERSION
from tinynn.saving.limits import Limits
from tinynn.saving.names import check_name, check_path_name
from tinynn.saving.safe_h5 import SafeH5, Stored
from tinynn.saving.safe_json import parse
from tinynn.variable import Variable

_MODEL, _OPTIMIZER, _TOP = "model_weights", "optimizer_weights", "top_level_model_weights"
_LONGEST_ATTRIBUTE = 64512
"""Bytes of a list of names; HDF5 takes no more in the header of a group."""

# Writing ---------------------------------------------------------------------------------------------------------------


def written(model: Any, include_optimizer: bool = True) -> bytes:
    """The file's content.

    Raises:
        ValueError: names that cannot stand in a file, or two variables of one name.
    """
    import h5py

    limits = Limits()
    for layer in model.layers:
        check_name(layer.name, limits)
        if not layer.name.isascii():
            raise ValueError(
                f"An .h5 file takes ASCII names alone, and a layer is called {layer.name!r}: save as .keras."
            )
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        description = _without_modules(serialize_keras_object(model))
        file.attrs["keras_version"] = KERAS_VERSION
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = _json({name: description[name] for name in ("class_name", "config")})
        with_optimizer = include_optimizer and model.compiled and model.optimizer is not None
        if with_optimizer:
            file.attrs["training_config"] = _json(_training_config(model))
        group = file.create_group(_MODEL)
        group.attrs["backend"], group.attrs["keras_version"] = b"tensorflow", KERAS_VERSION.encode()
        _write_names(group, "layer_names", [layer.name for layer in model.layers])
        for layer in sorted(model.layers, key=lambda layer: layer.name):
            _write_weights(group.create_group(layer.name), _weights(layer))
        _write_weights(group.create_group(_TOP), _top_weights(model))
        if with_optimizer:
            _write_weights(file.create_group(_OPTIMIZER), model.optimizer.variables)
    return buffer.getvalue()


def _json(description: Any) -> bytes:
    return json.dumps(description, allow_nan=False).encode()


def _training_config(model: Any) -> dict[str, Any]:
    config = model.get_compile_config()
    optimizer = config.pop("optimizer")
    return {
        **_without_modules(config),
        "optimizer_config": {name: optimizer[name] for name in ("class_name", "config")},
    }


def _without_modules(value: Any) -> Any:
    """Descriptions as Keras 2 had them, {"class_name", "config"}: of layers, losses and metrics, not of what is in these."""
    if isinstance(value, list):
        return [_without_modules(part) for part in value]
    if not isinstance(value, dict) or "class_name" not in value:
        return {name: _without_modules(part) for name, part in value.items()} if isinstance(value, dict) else value
    if value["class_name"] == "function":
        return value["config"]
    config = value["config"]
    if isinstance(config, dict) and isinstance(config.get("layers"), list):
        config = {**config, "layers": [_without_modules(layer) for layer in config["layers"]]}
    return {"class_name": value.get("registered_name") or value["class_name"], "config": config}


def _write_names(group: Any, attribute: str, names: list[str]) -> None:
    encoded = [name.encode() for name in names]
    pieces = 1
    while any(piece.nbytes > _LONGEST_ATTRIBUTE for piece in np.array_split(np.asarray(encoded), pieces)):
        pieces += 1
    if pieces == 1:
        group.attrs[attribute] = encoded
    else:
        for i, piece in enumerate(np.array_split(np.asarray(encoded), pieces)):
            group.attrs[f"{attribute}{i}"] = piece


def _write_weights(group: Any, variables: list[Variable]) -> None:
    names = [variable.path for variable in variables]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"Two variables are called {sorted(twice)[0]}, which an .h5 file cannot hold: save as .keras.")
    limits = Limits()
    for name in names:
        check_path_name(name, limits)
    _write_names(group, "weight_names", names)
    for variable, name in zip(variables, names):
        group.create_dataset(name, data=variable.value)


def _weights(layer: Layer) -> list[Variable]:
    """A layer's and those of the layers within it: first those that are trained."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _top_weights(model: Any) -> list[Variable]:
    """A model's that are in none of its layers."""
    return list(model._own_variables)


# Reading ---------------------------------------------------------------------------------------------------------------


def read(file: BinaryIO, custom_objects: dict[str, Any] | None, compile: bool, limits: Limits) -> Any:
    """The model in an open file.

    Raises:
        ValueError: no such file, or one that no model comes from; TypeError: a class that was not handed over.
    """
    tree = SafeH5(file, limits)
    text = tree.text("", "model_config")
    if text is None:
        raise ValueError(
            "No model config found in this file: it holds weights alone. Build the model, then load_weights."
        )
    description = _of_keras_3(parse(text, limits))
    training = tree.text("", "training_config") if compile else None
    if training is not None and isinstance(description, dict):
        description["compile_config"] = _compile_config(parse(training, limits))
    elif compile:
        warnings.warn(
            "No training configuration found in the save file, so the model was *not* compiled. Compile it manually.",
            stacklevel=4,
        )
    with of_keras(tree.text("", "keras_version")):
        model = made(description, custom_objects, compile, limits, tree.n_bytes)
        if model.built:
            load_weights(model, tree)
        if model.compiled:
            _read_optimizer(model, tree)
    return model


def _of_keras_3(value: Any) -> Any:
    """Descriptions of Keras 2 in the words of Keras 3: the shape of the inputs is a layer of its own."""
    if isinstance(value, list):
        return [_of_keras_3(part) for part in value]
    if not isinstance(value, dict):
        return value
    found = {name: _of_keras_3(part) for name, part in value.items()}
    config = found.get("config")
    if found.get("class_name") == "InputLayer" and isinstance(config, dict) and "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    if isinstance(config, dict) and isinstance(config.get("layers"), list) and config["layers"]:
        first = config["layers"][0]
        inner = first.get("config") if isinstance(first, dict) else None
        if isinstance(inner, dict) and "batch_input_shape" in inner:
            shape = inner.pop("batch_input_shape")
            config["layers"] = [{"class_name": "InputLayer", "config": {"batch_shape": shape}}, *config["layers"]]
    return found


def _compile_config(training: Any) -> dict[str, Any]:
    """What `compile_from_config` takes, of what stands in training_config."""
    if not isinstance(training, dict) or not isinstance(training.get("optimizer_config"), dict):
        raise ValueError("The training_config in this file is not one of Keras's: it has no optimizer_config.")
    known = ("loss", "loss_weights", "metrics", "weighted_metrics")
    found = {name: _with_modules(training.get(name)) for name in known}
    return {"optimizer": _with_modules(training["optimizer_config"]), **found}


def _with_modules(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_modules(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {name: _with_modules(part) for name, part in value.items()}
    return {"module": None, "registered_name": None, **value}


def load_weights(model: Any, tree: SafeH5, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Read the weights of a model from an .h5 file; all shapes are compared before a number is read.

    Args:
        model: built.
        tree: a file with a whole model, or with weights alone.
        skip_mismatch: leave weights as they are that have another shape, with a warning.
        by_name: layers by their names instead of their order; those without a counterpart stay as they are.

    Raises:
        ValueError: other layers, or other shapes.
    """
    root = _MODEL if _MODEL in tree.groups else ""
    names = tree.texts(root, "layer_names")
    if names is None:
        raise ValueError("This .h5 file holds no weights of a model: it has no list of layers.")
    saved = [(name, _stored(tree, f"{root}/{name}" if root else name)) for name in names]
    if by_name:
        own = {layer.name: layer for layer in model.layers}
        pairs = [(own[name], name, arrays) for name, arrays in saved if name in own]
    else:
        layers = [layer for layer in model.layers if layer.weights]
        saved = [(name, arrays) for name, arrays in saved if arrays]
        if len(saved) != len(layers):
            raise ValueError(
                "Layer count mismatch when loading weights from file. "
                f"Model expected {len(layers)} layers, found {len(saved)} saved layers."
            )
        pairs = [(layer, name, arrays) for layer, (name, arrays) in zip(layers, saved)]
    top = f"{root}/{_TOP}" if root else _TOP
    plan: list[tuple[Variable, Stored]] = []
    for layer, name, arrays in pairs:
        plan += _planned(_weights(layer), arrays, f"layer {layer.name} ({name} in the file)", skip_mismatch)
    if top in tree.groups:
        plan += _planned(_top_weights(model), _stored(tree, top), "the model itself", skip_mismatch)
    for variable, value in [(variable, stored.read()) for variable, stored in plan]:
        variable.value[...] = value
    warn_of_not_finite(variable for variable, _ in plan)


def _stored(tree: SafeH5, group: str) -> list[Stored]:
    found = []
    for name in tree.texts(group, "weight_names") or []:
        if f"{group}/{name}" not in tree.datasets:
            raise ValueError(f"This .h5 file names {name[:80]!r} among the weights of {group}, and does not have it.")
        found.append(tree.datasets[f"{group}/{name}"])
    return found


def _planned(
    variables: list[Variable], arrays: list[Stored], what: str, skip_mismatch: bool
) -> list[tuple[Variable, Stored]]:
    if len(variables) != len(arrays):
        message = (
            f"Weight count mismatch for {what}: it has {len(variables)} weight(s), the file has {len(arrays)} for it."
        )
        if not skip_mismatch:
            raise ValueError(message)
        warnings.warn(f"Skipping loading of weights. {message}", stacklevel=6)
        return []
    found = []
    for variable, stored in zip(variables, arrays):
        try:
            check_fits(variable, stored.shape, stored.dtype)
            found.append((variable, stored))
        except ValueError as error:
            if not skip_mismatch:
                raise
            warnings.warn(f"Skipping loading weights for {what}. {error}", stacklevel=6)
    return found


def _read_optimizer(model: Any, tree: SafeH5) -> None:
    if _OPTIMIZER not in tree.groups:
        return
    arrays, variables = _stored(tree, _OPTIMIZER), model.optimizer.variables
    if len(arrays) <= 2 and all(stored.shape == () for stored in arrays) and not (arrays and arrays[0].read()):
        return  # it had not made a step
    try:
        plan = _planned(variables, arrays, "the optimizer", skip_mismatch=False)
    except ValueError as error:
        warnings.warn(
            f"Error in loading the saved optimizer state. As a result, your model is starting with a freshly initialized "
            f"optimizer. ({error})",
            stacklevel=5,
        )
        return
    for variable, stored in plan:
        variable.value[...] = stored.read()
