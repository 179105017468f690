"""A model made from a description that somebody else may have written."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from tinynn import layers
from tinynn._allowance import Allowance
from tinynn._custom_objects import CustomObjectScope, OnlyHandedOver, get_custom_objects, known
from tinynn.models.model import Model
from tinynn.saving.descriptions import Checked
from tinynn.saving.keras_names import KERAS_VERSION
from tinynn.saving.limits import Limits

_SLACK = 2**26
"""Bytes beyond the weights of a file: for what is made and thrown away on the way, and for the state of metrics."""


def made(
    description: Any, custom_objects: dict[str, Any] | None, compile: bool, limits: Limits, weight_bytes: int
) -> Any:
    """The model, its weights zeros until they are read.

    Args:
        description: what Keras writes into config.json.
        custom_objects: what the caller hands over.
        compile: whether to compile it as it was.
        limits: for the description.
        weight_bytes: of the arrays that the file has for it: the model may be as large, not larger.

    Raises:
        ValueError, TypeError: what `Checked` refuses, or a class's own constructor.
    """
    if isinstance(description, dict) and not compile:
        description = {**description, "compile_config": None}
    with OnlyHandedOver(), CustomObjectScope(custom_objects):
        Checked(limits, known(), get_custom_objects()).check(description)
        if not isinstance(description, dict) or "class_name" not in description:
            raise ValueError("The description in this file is not that of a model.")
        compile_config = description.get("compile_config")
        because = "The weights in this file are fewer: its description belongs to another model."
        with ordinary_errors("file"):
            with Allowance(weight_bytes + _SLACK, because, values_follow=True):
                model = layers.deserialize({**description, "compile_config": None})
            if not isinstance(model, Model):
                raise ValueError(f"The description in this file is that of a {type(model).__name__}, not of a model.")
            if compile_config:
                with Allowance(
                    limits.parameter_bytes, "If you trust the file, pass limits=Limits(parameter_bytes=...)."
                ):
                    model.compile_from_config(compile_config)
    return model


@contextlib.contextmanager
def ordinary_errors(where: str) -> Iterator[None]:
    """What a constructor did not expect in a description (a list for a name, a missing argument) is a ValueError too.

    Args:
        where: "file" or "text".

    Raises:
        ValueError, TypeError: as they come; ValueError in the place of all other exceptions.
    """
    try:
        yield
    except (ValueError, TypeError):
        raise
    except Exception as error:
        raise ValueError(f"No model can be made of the description in this {where}: {error!r}") from error


@contextlib.contextmanager
def of_keras(version: object) -> Iterator[None]:
    """A refusal of what a newer Keras wrote says so.

    Args:
        version: what the file gives as the version of Keras that wrote it.

    Raises:
        ValueError, TypeError: those of the block, with a sentence more if Keras is newer than the one tinynn follows.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        newer = _numbers(version)
        if newer <= _numbers(KERAS_VERSION):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{error} The file was written by Keras {'.'.join(map(str, newer))}; tinynn knows what Keras up to "
            f"{KERAS_VERSION} writes."
        ) from error


def _numbers(version: object) -> tuple[int, ...]:
    """ "3.15.1" -> (3, 15, 1); () of what is no version."""
    found = re.match(r"\d{1,5}(\.\d{1,5}){1,2}(?!\d)", version) if isinstance(version, str) else None
    return tuple(map(int, found[0].split("."))) if found else ()
