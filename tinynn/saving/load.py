"""`load_model` and `load_weights`: the file's name and its first bytes say the format, and must agree."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO

from tinynn.saving.limits import Limits

_Path = str | os.PathLike[str]


def load_model(
    filepath: _Path,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    limits: Limits | None = None,
) -> Any:
    """The model in a file that tinynn or Keras wrote, compiled as it was, ready to train on with the same numbers.

    Opening a file runs nothing, imports nothing and opens no other file, whoever wrote it: names in it are looked up in a
    closed table, sizes are compared with the file's before memory is used, and what Keras does not write is refused.

        model = tinynn.models.load_model("model.keras", custom_objects={"Linear": Linear})

    Args:
        filepath: "....keras", or "....h5" and "....hdf5" of Keras 2.
        custom_objects: your own classes and functions that the file may name. Those that are registered count only when they
            are handed over here or by an open `custom_object_scope`: tinynn.saving.get_custom_objects() hands over all.
        compile: whether to compile the model as it was.
        safe_mode: accepted for Keras's sake: no code from a file is run, whatever this says.
        limits: what a file may ask for; `Limits()` by default.

    Raises:
        ValueError: no such file, another format than its name says, a damaged file, or one beyond the limits; a Lambda layer;
            a layer that Keras has and tinynn has not.
        TypeError: a class or function of somebody's own that was not handed over.
        OSError: the file cannot be read.
    """
    limits = limits or Limits()
    path = os.fsdecode(filepath)
    if path.endswith(".keras"):
        from tinynn.saving import keras_archive

        with _opened(path, limits) as (file, size):
            return keras_archive.read(file, size, custom_objects, compile, limits)
    if path.endswith((".h5", ".hdf5")):
        from tinynn.saving import legacy_h5

        with _opened(path, limits) as (file, _):
            return legacy_h5.read(file, custom_objects, compile, limits)
    raise ValueError(
        f"File format not supported: filepath={path}. load_model reads `.keras` files and legacy H5 files (`.h5`)."
    )


def load_weights(
    model: Any, filepath: _Path, skip_mismatch: bool = False, limits: Limits | None = None, **kwargs: Any
) -> None:
    """Read the numbers of a model from a file that tinynn or Keras wrote. The model is as it was if that fails.

    Args:
        model: built, of the architecture that was saved.
        filepath: "....weights.h5", "....keras", "....h5" of Keras 2, "....safetensors", "....npz".
        skip_mismatch: leave layers as they are that do not fit, with a warning.
        limits: what a file may ask for; `Limits()` by default.
        **kwargs: objects_to_skip: layers to leave as they are; by_name=True: for .h5 files of whole models, layers by their
            names instead of their order.

    Raises:
        ValueError: no such file, a damaged one, or numbers for another model.
        OSError: the file cannot be read.
    """
    limits = limits or Limits()
    path = os.fsdecode(filepath)
    objects_to_skip, by_name = kwargs.pop("objects_to_skip", None), kwargs.pop("by_name", None)
    if kwargs:
        raise ValueError(f"Invalid keyword arguments: {kwargs}")
    if by_name is not None and path.endswith((".weights.h5", ".keras")):
        raise ValueError(f"`by_name` only supports loading legacy '.h5' or '.hdf5' files. Received: {path}")
    if objects_to_skip is not None and not path.endswith(".weights.h5"):
        raise ValueError(f"`objects_to_skip` only supports loading '.weights.h5' files.Received: {path}")
    if not model.built:
        raise ValueError(
            "You are loading weights into a model that has not yet been built. Try building the model first by calling it on "
            "some data or by using `build()`."
        )
    from tinynn.saving import hdf5_weights
    from tinynn.saving.safe_h5 import SafeH5

    if path.endswith(".keras"):
        from tinynn.saving import keras_archive

        with _opened(path, limits) as (file, size):
            archive = keras_archive.opened(file, size, limits)
            hdf5_weights.load_state(model, SafeH5(archive.open(keras_archive.WEIGHTS), limits), skip_mismatch)
    elif path.endswith(".weights.h5"):
        with _opened(path, limits) as (file, _):
            hdf5_weights.load_state(model, SafeH5(file, limits), skip_mismatch, objects_to_skip or ())
    elif path.endswith((".h5", ".hdf5")):
        from tinynn.saving import legacy_h5

        with _opened(path, limits) as (file, _):
            legacy_h5.load_weights(model, SafeH5(file, limits), skip_mismatch, bool(by_name))
    elif path.endswith((".safetensors", ".npz")):
        _load_named(model, path, skip_mismatch, limits)
    else:
        raise ValueError(
            f"File format not supported: filepath={path}. load_weights reads `.weights.h5`, `.keras`, `.h5`, `.safetensors` "
            "and `.npz` files."
        )


def _load_named(model: Any, path: str, skip_mismatch: bool, limits: Limits) -> None:
    """Weights alone, by name; the model changes when all have been read."""
    from tinynn.saving import npz, safetensors_weights
    from tinynn.saving.hdf5_weights import check_fits, warn_of_not_finite
    from tinynn.saving.state import named_weights

    if skip_mismatch:
        raise ValueError(f"skip_mismatch is for `.weights.h5`, `.keras` and `.h5` files. Received: {path}")
    variables = named_weights(model)
    shapes = {name: variable.shape for name, variable in variables.items()}
    with _opened(path, limits) as (file, size):
        if path.endswith(".npz"):
            arrays = npz.read(file, size, shapes, limits)
        else:
            arrays = safetensors_weights.read(path, file, size, shapes, limits)
    for name, array in arrays.items():
        check_fits(variables[name], array.shape, array.dtype)
    for name, array in arrays.items():
        variables[name].value[...] = array
    warn_of_not_finite(variables.values())


@contextlib.contextmanager
def _opened(path: str, limits: Limits) -> Iterator[tuple[BinaryIO, int]]:
    """An ordinary file within the limits, and its size."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # before it is opened: a pipe would wait for somebody to write
        raise ValueError(f"{path} is no ordinary file.")
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        limits.check("total_bytes", status.st_size, f"The size of {path}")
        yield file, status.st_size
