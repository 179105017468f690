"""`save_model` and `save_weights`: the file's name says the format."""

from __future__ import annotations

import errno
import os
from typing import Any

from tinynn.saving.atomic import atomic_write

_Path = str | os.PathLike[str]


def save_model(model: Any, filepath: _Path, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Write a model into a file: its architecture, its weights, what `compile` was given and the optimizer's state.

        model.save("model.keras")
        again = tinynn.models.load_model("model.keras")

    The file is there whole or not at all: it is written beside its place and renamed.

    Args:
        model: the model.
        filepath: "....keras", Keras 3's format; "....h5" or "....hdf5", that of Keras 2.
        overwrite: replace what is there; if False, ask at the terminal.
        zipped: True or None; folders in the place of archives are not written.
        **kwargs: include_optimizer=False leaves the optimizer out of an .h5 file; a .keras file has it always, as in Keras.

    Raises:
        ValueError: another ending, an argument that it does not have, a name that cannot stand in a file.
        OSError: the file cannot be written, or nobody answers whether it may be replaced; what was there stays.
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    if kwargs:
        raise ValueError(f"The following argument(s) are not supported: {list(kwargs)}")
    path = os.fsdecode(filepath)
    if zipped is False:
        raise ValueError("tinynn writes .keras files, not folders: leave zipped out.")
    if not path.endswith((".keras", ".h5", ".hdf5")):
        raise ValueError(
            "Invalid filepath extension for saving. Please add either a `.keras` extension for the native Keras format "
            f"(recommended) or a `.h5` extension. For ONNX: model.export(filepath, format='onnx'). Received: filepath={path}."
        )
    if not _may_write(path, overwrite):
        return
    if path.endswith(".keras"):
        from tinynn.saving import keras_archive

        with atomic_write(path) as file:
            keras_archive.write(model, file)
        return
    from tinynn.saving import legacy_h5

    content = legacy_h5.written(model, include_optimizer)
    with atomic_write(path) as file:
        file.write(content)


def save_weights(model: Any, filepath: _Path, overwrite: bool = True, max_shard_size: float | None = None) -> None:
    """Write the numbers of a model into a file, without its architecture.

        model.save_weights("model.weights.h5")
        model.load_weights("model.weights.h5")

    Args:
        model: built.
        filepath: "....weights.h5": Keras's format, with the optimizer's state; "....safetensors" and "....npz": the weights
            alone, by names such as "dense/kernel", for other programs.
        overwrite: replace what is there; if False, ask at the terminal.
        max_shard_size: for models larger than a file may be, in Keras: None.

    Raises:
        ValueError: another ending, or a model that is not built.
        OSError: the file cannot be written; what was there stays.
    """
    path = os.fsdecode(filepath)
    if max_shard_size is not None:
        raise ValueError("tinynn writes one file of weights: leave max_shard_size out.")
    if not path.endswith((".weights.h5", ".safetensors", ".npz")):
        raise ValueError(
            f"The filename must end in `.weights.h5`, or `.safetensors` or `.npz`. Received: filepath={path}"
        )
    if not model.built:
        raise ValueError(
            "You are saving a model that has not yet been built. Try building the model first by calling it on some data or "
            "by using `build()`."
        )
    if not _may_write(path, overwrite):
        return
    content: bytes | None = None
    if path.endswith(".weights.h5"):
        from tinynn.saving import hdf5_weights

        content = hdf5_weights.written(model)
    else:
        from tinynn.saving import npz, safetensors_weights
        from tinynn.saving.state import named_weights

        arrays = {name: variable.value for name, variable in named_weights(model).items()}
        if path.endswith(".safetensors"):
            content = safetensors_weights.content(arrays)
    with atomic_write(path) as file:
        if content is None:
            npz.write(arrays, file)
        else:
            file.write(content)


def _may_write(path: str, overwrite: bool) -> bool:
    if overwrite or not os.path.exists(path):
        return True
    answer = ""
    while answer not in ("y", "n"):
        try:
            answer = input(f"[WARNING] {path} already exists - overwrite? [y/n]").strip().lower()
        except EOFError:
            raise FileExistsError(
                errno.EEXIST, "It exists, and nobody is there to be asked: pass overwrite=True, or another path.", path
            ) from None
    return answer == "y"
