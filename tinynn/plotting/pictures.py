"""Images, with what they are and what a model takes them for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynn._checks import positive_integer
from tinynn.plotting import _axes

__all__ = ["images"]


def images(
    x: Any,
    y_true: Any = None,
    y_pred: Any = None,
    *,
    class_names: Sequence[str] | None = None,
    count: int = 25,
    columns: int = 5,
    ax: Any = None,
) -> Any:
    """A grid of images, each under its class. A wrong prediction is set in a thick frame, with "not" and the true class.

    Args:
        x: images (n, height, width), or (n, height, width, 3) in colours.
        y_true: class numbers (n,).
        y_pred: class numbers (n,), or probabilities (n, classes), which are told in percent.
        class_names: of classes 0, 1, ...; None for their numbers.
        count: at most how many images.
        columns: how many side by side.
        ax: Axes to draw on, one for each image.

    Returns:
        An array of Axes.

    Raises:
        ValueError: x are no images, or the lengths differ.

    Example:
        >>> (x_train, y_train), _ = tinynn.datasets.digits.load_data()
        >>> len(tinynn.plotting.images(x_train, y_train, count=10))
        10
    """
    x = np.asarray(x)
    if x.ndim not in (3, 4) or not len(x):
        raise ValueError(f"images expects x (n, height, width), or with colours (n, height, width, 3); got {x.shape}.")
    for name, labels in (("y_true", y_true), ("y_pred", y_pred)):
        if labels is not None and len(labels) < min(len(x), count):
            raise ValueError(f"images expects as many {name} as images, {len(x)}; got {len(labels)}.")
    n = min(positive_integer("images", "count", count), len(x))
    axes = _axes.several("images", n, ax, positive_integer("images", "columns", columns), 1.5, 1.75)
    for i, panel in enumerate(axes):
        panel.imshow(x[i], cmap="gray_r", interpolation="nearest")
        panel.set(xticks=[], yticks=[])
        title, wrong = _title(None if y_true is None else y_true[i], None if y_pred is None else y_pred[i], class_names)
        panel.set_title(title, fontsize=8, fontweight="bold" if wrong else "normal")
        for side in panel.spines.values():
            side.set(linewidth=3.0 if wrong else 0.6)
    return axes


def _title(true: Any, predicted: Any, class_names: Sequence[str] | None) -> tuple[str, bool]:
    def name(k: int) -> str:
        return str(k) if class_names is None else class_names[k]

    true = None if true is None else int(np.argmax(true) if np.ndim(true) else true)
    if predicted is None:
        return ("" if true is None else name(true)), False
    row = np.ravel(np.asarray(predicted))
    found = int(row.argmax()) if row.size > 1 else int(row[0])
    said = f"{name(found)} {row[found]:.0%}" if row.size > 1 else name(found)
    wrong = true is not None and found != true
    return (f"{said}\nnot {name(true)}" if wrong and true is not None else said), wrong
