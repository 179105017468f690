"""Weights and gradients to look at: as heat maps, and those of the first layer as images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynn._checks import positive_integer
from tinynn._typing import Array
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import GradientTape
from tinynn.plotting import _axes

__all__ = ["first_layer", "gradients", "weights"]


def weights(model: Any, *, ax: Any = None) -> Any:
    """Every kernel and bias of a model as a heat map: light is positive, dark negative.

    Args:
        model: one that is built.
        ax: Axes to draw on, as many as the model has trainable arrays.

    Returns:
        An array of Axes.

    Raises:
        ValueError: the model has no weights yet, or `ax` has another number of Axes.

    Example:
        >>> model = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(4)])
        >>> len(tinynn.plotting.weights(model))
        2
    """
    return _heat_maps("weights", {v.path: np.asarray(value_of(v)) for v in _variables("weights", model)}, ax)


def gradients(model: Any, x: Any, y: Any, *, ax: Any = None) -> Any:
    """The gradient of a model's loss by every kernel and bias, for a batch, as a heat map: light is positive.

    Args:
        model: one that is compiled.
        x: inputs (batch, ...).
        y: targets (batch, ...).
        ax: Axes to draw on, as many as the model has trainable arrays.

    Returns:
        An array of Axes.

    Raises:
        ValueError: the model has no weights, or `ax` has another number of Axes.

    Example:
        >>> model = tinynn.Sequential([tinynn.Input((2,)), tinynn.layers.Dense(1, activation="sigmoid")])
        >>> model.compile(loss="binary_crossentropy")
        >>> len(tinynn.plotting.gradients(model, *tinynn.datasets.xor(8)))
        2
    """
    with GradientTape() as tape:
        y_pred = model(np.asarray(x), training=True)
        loss = model.compute_loss(x, np.asarray(y).reshape(-1, 1) if np.ndim(y) == 1 else y, y_pred)
    variables = _variables("gradients", model)
    found = tape.gradient(loss, variables)
    arrays = {
        v.path: np.zeros(v.shape) if gradient is None else np.asarray(value_of(gradient))
        for v, gradient in zip(variables, found)
    }
    return _heat_maps("gradients", arrays, ax)


def _variables(where: str, model: Any) -> list[Any]:
    found = list(model.trainable_variables)
    if not found:
        raise ValueError(f"{where} expects a model with weights; it has none yet: build it, or give it an Input.")
    return found


def _heat_maps(where: str, arrays: dict[str, Array], ax: Any) -> Any:
    axes = _axes.several(where, len(arrays), ax, columns=2)
    for panel, (name, array) in zip(axes, arrays.items()):
        table = array.reshape(1, -1) if array.ndim < 2 else array.reshape(-1, array.shape[-1])
        limit = float(np.abs(table[np.isfinite(table)]).max(initial=0.0)) or 1.0
        image = panel.imshow(table, cmap=_axes.SIGNED, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        panel.set(
            title=f"{name}  {'×'.join(map(str, array.shape))}", xlabel="unit", ylabel="input" if array.ndim > 1 else ""
        )
        for axis, length in ((panel.xaxis, table.shape[1]), (panel.yaxis, table.shape[0])):
            axis.get_major_locator().set_params(integer=True)
            if length == 1:
                axis.set_ticks([])
        if table.shape[1] <= 6 and len(table) <= 12:
            for (row, column), value in np.ndenumerate(table):
                colour = "black" if value > 0.1 * limit else "white"
                panel.text(column, row, f"{value:.2g}", ha="center", va="center", color=colour, fontsize=8)
        panel.figure.colorbar(image, ax=panel)
    return axes


def first_layer(
    model: Any, shape: tuple[int, int] | None = None, *, count: int = 25, columns: int = 5, ax: Any = None
) -> Any:
    """What each unit of the first layer looks for, as an image: light pixels excite it, dark ones inhibit it.

    Args:
        model: one whose first layer with weights takes the pixels of an image.
        shape: height and width of the image; None for those of the model's input, or else for a square.
        count: at most how many units.
        columns: how many side by side.
        ax: Axes to draw on, one for each unit.

    Returns:
        An array of Axes.

    Raises:
        ValueError: the model has no weights yet, or the pixels do not fill the shape.

    Example:
        >>> model = tinynn.Sequential([tinynn.Input((8, 8)), tinynn.layers.Flatten(), tinynn.layers.Dense(6)])
        >>> len(tinynn.plotting.first_layer(model))
        6
    """
    kernel = np.asarray(value_of(next(v for v in _variables("first_layer", model) if len(v.shape) == 2)))
    height, width = shape or _image_shape(model, len(kernel))
    if height * width != len(kernel):
        raise ValueError(
            f"first_layer: the first kernel takes {len(kernel)} inputs, which are no image of {height} x {width}."
        )
    n = min(positive_integer("first_layer", "count", count), kernel.shape[1])
    axes = _axes.several("first_layer", n, ax, positive_integer("first_layer", "columns", columns), 1.2, 1.35)
    for unit, panel in enumerate(axes):
        image = kernel[:, unit].reshape(height, width)
        limit = float(np.abs(image).max()) or 1.0
        panel.imshow(image, cmap=_axes.SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
        panel.set_title(f"unit {unit}", fontsize=8)
        panel.set(xticks=[], yticks=[])
    return axes


def _image_shape(model: Any, pixels: int) -> tuple[int, int]:
    inputs = [axis for axis in (getattr(model, "input_shape", None) or ())[1:] if axis]
    if len(inputs) >= 2 and inputs[0] * inputs[1] == pixels:
        return inputs[0], inputs[1]
    side = math.isqrt(pixels)
    if side * side != pixels:
        raise ValueError(f"first_layer: {pixels} inputs are no square image; give shape=(height, width).")
    return side, side
