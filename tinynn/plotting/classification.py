"""What a classifier does: its confusions, and the regions into which it divides the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._checks import positive_integer
from tinynn._typing import Array
from tinynn.models import Model
from tinynn.plotting import _axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confusion_matrix", "decision_regions"]

MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*", "<", ">")


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    *,
    class_names: Sequence[str] | None = None,
    normalize: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """How often each class was taken for each other one: rows are true classes, columns predicted ones.

    Args:
        y_true: class numbers (n,), or one-hot rows (n, classes).
        y_pred: the same, or probabilities: (n, classes), or (n, 1) for the second of two classes.
        class_names: of classes 0, 1, ...; None for their numbers.
        normalize: "true", "pred" or "all" for shares of a row, a column or of all; None counts.
        ax: Axes to draw on.

    Returns:
        The Axes, drawn by scikit-learn's `ConfusionMatrixDisplay`.

    Raises:
        ValueError: the lengths differ.
        ModuleNotFoundError: scikit-learn or matplotlib is not installed.

    Example:
        >>> axes = tinynn.plotting.confusion_matrix([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> [text.get_text() for text in axes.texts]
        ['1', '0', '1', '1']
    """
    _axes.pyplot()
    try:
        from sklearn.metrics import ConfusionMatrixDisplay
    except ModuleNotFoundError:
        raise ModuleNotFoundError("confusion_matrix needs scikit-learn: pip install 'tinynn-engine[sklearn]'") from None
    true, predicted = _classes(y_true), _classes(y_pred)
    if true.shape != predicted.shape:
        raise ValueError(
            f"confusion_matrix expects as many labels as predictions; got {len(true)} and {len(predicted)}."
        )
    n = len(class_names) if class_names is not None else int(max(true.max(), predicted.max())) + 1
    ax = _axes.one(ax, 1.6 + 0.55 * max(n, 4), 1.2 + 0.5 * max(n, 4))
    display = ConfusionMatrixDisplay.from_predictions(
        true,
        predicted,
        labels=np.arange(n),
        display_labels=class_names,
        normalize=normalize,
        values_format=None if normalize is None else ".2f",
        xticks_rotation="vertical" if class_names is not None and max(map(len, class_names)) > 2 else "horizontal",
        cmap="Greys",
        colorbar=False,
        ax=ax,
    )
    display.ax_.set(xlabel="predicted", ylabel="true")
    return ax


def _classes(labels: Any) -> Array:
    """Class numbers (n,) out of numbers, one-hot rows, or probabilities."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] > 1:
        found: Array = labels.argmax(axis=1)
        return found
    labels = labels.reshape(-1)
    numbers: Array = (labels > 0.5 if labels.dtype.kind in "fb" else labels).astype(np.int64)
    return numbers


def decision_regions(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    class_names: Sequence[str] | None = None,
    resolution: int = 200,
    ax: Axes | None = None,
) -> Axes:
    """What a model with two inputs says everywhere around its data: regions by shade and border, data by marker.

    Args:
        model: a tinynn or scikit-learn model, or a function of an array (n, 2); it gives probabilities (n, classes), or
            (n, 1) or (n,) for the second of two classes, or class numbers.
        x: points (n, 2), which also say how much of the plane to show.
        y: their classes, (n,) or one-hot; None to draw no points.
        class_names: of classes 0, 1, ... for the legend; None for their numbers.
        resolution: at how many places along each axis to ask the model.
        ax: Axes to draw on.

    Returns:
        The Axes.

    Raises:
        ValueError: x is not (n, 2).

    Example:
        >>> x, y = tinynn.datasets.xor(100)
        >>> axes = tinynn.plotting.decision_regions(lambda x: (x[:, 0] * x[:, 1] < 0) * 1.0, x, y)
        >>> [text.get_text() for text in axes.get_legend().get_texts()]
        ['class 0', 'class 1']
    """
    x = np.asarray(x, np.float64)
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"decision_regions expects points of two numbers, x (n, 2); got {x.shape}.")
    n = positive_integer("decision_regions", "resolution", resolution)
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.08 * (high - low) + 1e-9
    across, up = (np.linspace(*ends, n) for ends in zip(low - margin, high + margin))
    a, b = np.meshgrid(across, up)
    outputs = np.asarray(_predict(model, np.stack([a.ravel(), b.ravel()], axis=1)))
    ax = _axes.one(ax, 5.4, 4.0)
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        classes, count = outputs.argmax(axis=1).reshape(a.shape), outputs.shape[1]
        share = outputs.max(axis=1).reshape(a.shape)
    elif outputs.dtype.kind == "f":
        second = outputs.reshape(a.shape)
        classes, count, share = (second > 0.5).astype(np.int64), 2, np.abs(second - 0.5) + 0.5
    else:
        classes = outputs.reshape(a.shape)
        count, share = int(classes.max()) + 1, np.ones(a.shape)
    _shade(ax, across, up, classes, count, share)
    if y is not None:
        _points(ax, x, _classes(y), class_names)
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]), xlabel="x[0]", ylabel="x[1]")
    return ax


def _predict(model: Any, points: Array) -> Any:
    if isinstance(model, Model) or type(model).__module__.startswith("keras"):
        return model.predict(points, verbose=0)
    return model.predict(points) if hasattr(model, "predict") else model(points)


def _shade(ax: Axes, across: Array, up: Array, classes: Array, count: int, share: Array) -> None:
    """A grey for each class, fading where the model is unsure, and black borders."""
    greys = np.linspace(0.97, 0.45, count)[classes] if count > 1 else np.full(classes.shape, 0.9)
    sure = np.clip((share - 1 / count) / (1 - 1 / count), 0, 1) if count > 1 else share
    shade = 0.75 + (greys - 0.75) * np.nan_to_num(sure)
    ax.imshow(
        shade,
        extent=(across[0], across[-1], up[0], up[-1]),
        origin="lower",
        cmap="gray",
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="bilinear",
    )
    for k in range(count):
        if 0 < (classes == k).sum() < classes.size:
            ax.contour(across, up, classes == k, [0.5], colors="black", linewidths=1.0)


def _points(ax: Axes, x: Array, y: Array, class_names: Sequence[str] | None) -> None:
    size = 30 if len(x) <= 300 else 14
    for k in np.unique(y):
        label = class_names[k] if class_names is not None else f"class {k}"
        across, up = x[y == k].T
        ax.scatter(
            across,
            up,
            s=size,
            marker=MARKERS[k % len(MARKERS)],
            color=_axes.LINES[k % len(_axes.LINES)][0],
            edgecolors="white",
            linewidths=0.5,
            label=label,
        )
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
