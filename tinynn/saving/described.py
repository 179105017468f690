"""A model made from a description that somebody else may have written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tinynn import layers
from tinynn._allowance import Allowance
from tinynn._custom_objects import CustomObjectScope, OnlyHandedOver, get_custom_objects, known
from tinynn.models.model import Model
from tinynn.saving.descriptions import Checked
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
