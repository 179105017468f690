"""The numbers of a model in HDF5 as Keras lays them out: `.weights.h5`, and `model.weights.h5` within a `.keras` file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinynn._typing import Array
from tinynn.layers.layer import Layer
from tinynn.optimizers.optimizer import Optimizer
from tinynn.random.seed_generator import SeedGenerator
from tinynn.saving.limits import Limits
from tinynn.saving.names import check_path_name
from tinynn.saving.safe_h5 import SafeH5, Stored
from tinynn.saving.state import Part, parts_of
from tinynn.variable import Variable

_UNBUILT = 2
"""Variables that an optimizer has before it is built: the count of steps and the learning rate."""


def written(model: Any) -> bytes:
    """The file's content: the state of the model, of its optimizer and of its random streams.

    It is made in memory: HDF5's own way to write leaves a damaged file behind when the disk is full.
    """
    import h5py

    buffer, limits = io.BytesIO(), Limits()
    with h5py.File(buffer, "w") as file:
        for part in parts_of(model):
            arrays = part.arrays()
            if part.owner is not model:
                check_path_name(part.path, limits)
            group = file.create_group(part.group)
            group.attrs["name"] = part.owner.name
            for name, value in arrays.items():
                group.create_dataset(name, data=value)
    return buffer.getvalue()


def load_state(model: Any, tree: SafeH5, skip_mismatch: bool = False, skip: Any = (), in_place: bool = False) -> None:
    """Read a model's state. All counts and shapes are compared before a number is read.

    Args:
        model: built.
        tree: the file.
        skip_mismatch: leave parts as they are that do not fit, with a warning, instead of refusing the file.
        skip: layers (or an optimizer) to leave as they are.
        in_place: read straight into the variables, for a model that is new; else the model changes only when everything
            has been read.

    Raises:
        ValueError: parts of the model that are not in the file, or are there with another shape.
    """
    left_out = {id(thing) for thing in skip}
    parts = [part for part in parts_of(model) if id(part.owner) not in left_out]
    plans: list[tuple[Part, list[tuple[Variable, Stored]] | None]] = []
    errors: list[tuple[Part, str]] = []
    for part in parts:
        try:
            plans.append((part, _planned(part, tree)))
        except ValueError as error:
            errors.append((part, str(error)))
    if errors:
        _complain(errors, skip_mismatch)
    values = ((part, plan, _read(part, plan, tree, in_place)) for part, plan in plans)
    for part, plan, arrays in values if in_place else list(values):
        _assign(part, plan, arrays)
        warn_of_not_finite(part.variables)


def _planned(part: Part, tree: SafeH5) -> list[tuple[Variable, Stored]] | None:
    """Which array each variable gets; None where a class reads its own, or there is nothing to read."""
    stored = {name: tree.datasets[f"{part.group}/{name}"] for name in tree.children(part.group)}
    if isinstance(part.owner, SeedGenerator) and not stored:  # as Keras writes it
        return None
    if isinstance(part.owner, Optimizer) and len(stored) != len(part.variables):
        if len(stored) > _UNBUILT:  # else there was none, or it had not made a step: nothing is lost
            warnings.warn(
                f"Skipping variable loading for optimizer '{part.owner.name}', because it has {len(part.variables)} variables "
                f"whereas the saved optimizer has {len(stored)} variables. ",
                stacklevel=5,
            )
        return None
    if _reads_its_own(part.owner):
        return None
    if len(stored) != len(part.variables) or set(stored) != {str(i) for i in range(len(stored))}:
        names = [variable.name for variable in part.variables]
        raise ValueError(
            f"Layer '{part.owner.name}' expected {len(names)} variables, but received {len(stored)} variables during loading. "
            f"Expected: {names}"
        )
    pairs = [(variable, stored[str(i)]) for i, variable in enumerate(part.variables)]
    for variable, found in pairs:
        check_fits(variable, found.shape, found.dtype)
    return pairs


def check_fits(variable: Variable, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse an array that the variable cannot take.

    Raises:
        ValueError: another shape, or integers for floats.
    """
    if variable.shape != tuple(shape):
        raise ValueError(
            f"The shape of {variable.path} is {variable.shape}; the file has {tuple(shape)}. Build the model as it was "
            "when the file was written."
        )
    if (variable.value.dtype.kind == "f") != (dtype.kind == "f"):
        raise ValueError(f"The dtype of {variable.path} is {variable.dtype}; the file has {dtype.name}.")


def _reads_its_own(owner: Any) -> bool:
    return isinstance(owner, Layer) and type(owner).load_own_variables is not Layer.load_own_variables


def _read(
    part: Part, plan: list[tuple[Variable, Stored]] | None, tree: SafeH5, in_place: bool
) -> Mapping[str, Array] | list[Array] | None:
    if plan is None:
        return Store(part, tree) if _reads_its_own(part.owner) else None
    if not in_place:
        return [stored.read() for _, stored in plan]
    for variable, stored in plan:
        stored.read_into(variable.value)
    return None


def _assign(part: Part, plan: Any, arrays: Any) -> None:
    if arrays is None:
        return
    if plan is None:
        part.owner.load_own_variables(arrays)
        return
    for (variable, _), array in zip(plan, arrays, strict=True):
        variable.value[...] = array


class Store(Mapping[str, Array]):
    """What stands in the group of a part, for a class that reads its own: arrays are read as they are asked for."""

    def __init__(self, part: Part, tree: SafeH5) -> None:
        self._stored = {name: tree.datasets[f"{part.group}/{name}"] for name in tree.children(part.group)}

    def __getitem__(self, name: str) -> Array:
        return self._stored[name].read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


def _complain(errors: list[tuple[Part, str]], skip_mismatch: bool) -> None:
    owners = [part.owner for part, _ in errors]
    message = (
        f"A total of {len(errors)} objects could not be loaded. Example error message for object {owners[0]}:\n\n"
        f"{errors[0][1]}\n\nList of objects that could not be loaded:\n{owners}"
    )
    if not skip_mismatch:
        raise ValueError(message)
    warnings.warn(message, stacklevel=5)


def warn_of_not_finite(variables: Iterable[Variable]) -> None:
    """Say which numbers that were read are NaN or infinite."""
    for variable in variables:
        if variable.value.dtype.kind == "f" and not np.isfinite(variable.value).all():
            kind = "NaN" if np.isnan(variable.value).any() else "infinite numbers"
            warnings.warn(
                f'The file holds {kind} in "{variable.path}": was it saved after training had diverged?',
                RuntimeWarning,
                stacklevel=5,
            )
