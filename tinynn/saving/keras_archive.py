"""`.keras` files: a zip archive of metadata.json, config.json (architecture, arguments of compile), model.weights.h5."""

from __future__ import annotations

import datetime
import json
import zipfile
from typing import Any, BinaryIO

from tinynn._serialization import serialize_keras_object
from tinynn.layers.layer import Layer
from tinynn.saving import hdf5_weights
from tinynn.saving.described import made, of_keras
from tinynn.saving.keras_names import KERAS_VERSION
from tinynn.saving.limits import Limits
from tinynn.saving.names import check_name
from tinynn.saving.safe_h5 import SafeH5
from tinynn.saving.safe_json import parse
from tinynn.saving.safe_zip import SafeZip
from tinynn.saving.state import parts_of

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"


def write(model: Any, file: BinaryIO) -> None:
    """A model into an open file, as Keras lays it out: members are not compressed.

    Raises:
        ValueError: a layer's name that no reader would take, or numbers in its arguments that JSON does not have.
    """
    limits = Limits()
    for part in parts_of(model):
        if isinstance(part.owner, Layer):
            check_name(part.owner.name, limits)
    metadata = {"keras_version": KERAS_VERSION, "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(serialize_keras_object(model), allow_nan=False))
        archive.writestr(WEIGHTS, hdf5_weights.written(model))


def read(file: BinaryIO, size: int, custom_objects: dict[str, Any] | None, compile: bool, limits: Limits) -> Any:
    """The model in an open file.

    Raises:
        ValueError: no such file, or one that no model comes from; TypeError: a class that was not handed over.
    """
    archive = opened(file, size, limits)
    metadata = parse(archive.read(METADATA, "json_bytes"), limits)
    description = parse(archive.read(CONFIG, "json_bytes"), limits)
    tree = SafeH5(archive.open(WEIGHTS), limits)
    with of_keras(metadata.get("keras_version") if isinstance(metadata, dict) else None):
        model = made(description, custom_objects, compile, limits, tree.n_bytes)
        hdf5_weights.load_state(model, tree, in_place=True)
    return model


def opened(file: BinaryIO, size: int, limits: Limits) -> SafeZip:
    """The archive, its members checked."""
    return SafeZip(file, size, limits, (METADATA, CONFIG, WEIGHTS).__contains__, "a .keras file")
