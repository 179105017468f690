"""How training went: losses and metrics by epoch, gradients by layer, the ways of optimizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn import optimizers as _optimizers
from tinynn._checks import positive_integer, unknown_name
from tinynn._typing import Array
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import GradientTape
from tinynn.plotting import _axes
from tinynn.variable import Variable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["gradient_norms", "history", "optimizer_paths"]


def history(history: Any, metrics: str | Sequence[str] | None = None, *, ax: Any = None) -> Any:
    """Losses and metrics by epoch, those of training as a full line, those of validation as a dashed one.

    The loss of training is a mean over the epoch, while the weights changed; that of validation is taken at its end. So the
    one lags half an epoch behind the other.

    Args:
        history: what `fit` returned, or its `history`: lists by name.
        metrics: names without "val_": one, several, or None for all.
        ax: Axes to draw on, as many as there are names.

    Returns:
        The Axes for a single name, else an array of them, one for each.

    Raises:
        ValueError: there is no such name, or `ax` has another number of Axes.

    Example:
        >>> axes = tinynn.plotting.history({"loss": [0.9, 0.5, 0.4], "val_loss": [0.8, 0.6, 0.6]}, "loss")
        >>> [line.get_label() for line in axes.lines]
        ['training', 'validation']
    """
    logs = dict(getattr(history, "history", history))
    epochs = list(getattr(history, "epoch", None) or range(len(next(iter(logs.values()), []))))
    known = [name for name in logs if not (name.startswith("val_") and name[4:] in logs)]
    known.sort(key=lambda name: name != "loss")
    names = [metrics] if isinstance(metrics, str) else list(known if metrics is None else metrics)
    for name in names:
        if name not in logs:
            raise unknown_name("metric of this history", name, known)
    axes = _axes.several("history", len(names), ax, columns=2)
    for panel, name in zip(axes, names):
        drawn = [
            (label, logs[key]) for label, key in (("training", name), ("validation", f"val_{name}")) if key in logs
        ]
        for i, (label, values) in enumerate(drawn):
            first = epochs[0] if epochs else 0
            numbers = epochs if len(values) == len(epochs) else [*range(first, first + len(values))]
            panel.plot(np.asarray(numbers) + 1, values, label=label, **_axes.style(i, len(values), filled=i == 0))
        panel.set(xlabel="epoch", ylabel=name.replace("_", " "))
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(alpha=0.3)
        panel.legend()
    return axes[0] if isinstance(metrics, str) else axes


def gradient_norms(norms: Mapping[str, float | Sequence[float]], *, ax: Axes | None = None) -> Axes:
    """Lengths of gradients by layer, on a logarithmic scale: equal ratios are equal distances.

    A gradient that is ten times shorter with every layer towards the input vanishes; that layer hardly learns.

    Args:
        norms: for each name, in the order of the layers, a number (drawn as a bar), or one for each epoch or step (as a line).
        ax: Axes to draw on.

    Returns:
        The Axes.

    Raises:
        ValueError: there are none.

    Example:
        >>> axes = tinynn.plotting.gradient_norms({"dense/kernel": 1e-4, "dense_1/kernel": 1e-2})
        >>> axes.get_yscale()
        'log'
    """
    if not norms:
        raise ValueError("gradient_norms expects norms by the names of the weights; got none.")
    ax = _axes.one(ax, _axes.WIDTH + 1)
    values = {name: np.atleast_1d(np.asarray(norm, np.float64)) for name, norm in norms.items()}
    if all(len(series) == 1 for series in values.values()):
        bars = ax.bar(list(values), [series[0] for series in values.values()], color="#b0b0b0", edgecolor="black")
        ax.bar_label(bars, fmt="%.2g", padding=2)
        ax.margins(y=0.15)
        ax.tick_params(axis="x", rotation=20)
    else:
        for i, (name, series) in enumerate(values.items()):
            ax.plot(np.arange(1, len(series) + 1), series, label=name, **_axes.style(i, len(series)))
        ax.set_xlabel("step")
        ax.locator_params(axis="x", integer=True)
        ax.legend()
    ax.set(yscale="log", ylabel="length of the gradient")
    ax.grid(axis="y", alpha=0.3)
    return ax


def optimizer_paths(
    function: Callable[[Any, Any], Any],
    optimizers: Any,
    start: tuple[float, float],
    *,
    steps: int = 50,
    bounds: tuple[float, float, float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The steps of optimizers down a function of two numbers, over its contour lines.

    Args:
        function: of two numbers, or arrays of them, with operators and `tinynn.ops`: `lambda a, b: a**2 + 10 * b**2`.
        optimizers: names or optimizers, in a list or, to call them otherwise, by label in a dict. They are copied.
        start: where all of them start.
        steps: how many steps each makes.
        bounds: what to show, (a from, a to, b from, b to); None for all paths and a margin.
        ax: Axes to draw on.

    Returns:
        The Axes.

    Raises:
        ValueError: there is no such optimizer, `steps` is no positive integer, or function does not depend on its arguments.

    Example:
        >>> axes = tinynn.plotting.optimizer_paths(lambda a, b: a**2 + 4 * b**2, ["sgd", "adam"], (2.0, 1.0), steps=5)
        >>> [line.get_label() for line in axes.lines][:2]
        ['SGD', 'Adam']
    """
    count = positive_integer("optimizer_paths", "steps", steps)
    if isinstance(optimizers, Mapping):
        chosen = dict(optimizers)
    else:
        listed = list(optimizers) if isinstance(optimizers, (list, tuple)) else [optimizers]
        made = [_optimizers.get(one) for one in listed]
        chosen = {_label(optimizer, [type(other).__name__ for other in made]): optimizer for optimizer in made}
    paths = {label: _path(function, _optimizers.get(one), start, count) for label, one in chosen.items()}
    ax = _axes.one(ax, 5.2, 4.0)
    left, right, low, high = bounds or _around(np.concatenate(list(paths.values())))
    a, b = np.meshgrid(np.linspace(left, right, 200), np.linspace(low, high, 200))
    height = np.broadcast_to(np.asarray(value_of(function(a, b)), np.float64), a.shape)
    levels = np.unique(np.quantile(height[np.isfinite(height)], np.linspace(0, 1, 16)))
    if len(levels) > 1:
        ax.contour(a, b, height, levels, colors="#a0a0a0", linewidths=0.8)
    for i, (label, path) in enumerate(paths.items()):
        ax.plot(*path.T, label=label, **{**_axes.style(i, len(path)), "markevery": 1, "markersize": 3.5})
    ax.plot(*start, "k*", markersize=12, label="start")
    ax.set(xlim=(left, right), ylim=(low, high), xlabel="a", ylabel="b")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)  # beside, where no path goes
    return ax


def _label(optimizer: Any, kinds: list[str]) -> str:
    """The name of its class, and what tells it from another of the same class."""
    kind = type(optimizer).__name__
    rate = float(value_of(optimizer.learning_rate))
    momentum = getattr(optimizer, "momentum", 0.0)
    more = f", momentum {momentum:g}" if isinstance(momentum, float) and momentum else ""
    return kind if kinds.count(kind) == 1 else f"{kind}, rate {rate:g}{more}"


def _path(function: Callable[[Any, Any], Any], optimizer: Any, start: tuple[float, float], steps: int) -> Array:
    """Where an optimizer has been: (steps + 1, 2)."""
    optimizer = _optimizers.deserialize(_optimizers.serialize(optimizer))
    a, b = (Variable(np.float64(number), dtype="float64") for number in start)
    path = [(float(start[0]), float(start[1]))]
    for _ in range(steps):
        with GradientTape() as tape:
            height = function(a, b)
        optimizer.apply_gradients(zip(tape.gradient(height, [a, b]), [a, b]))
        path.append((float(value_of(a)), float(value_of(b))))
    return np.asarray(path)


def _around(points: Array) -> tuple[float, float, float, float]:
    finite = points[np.isfinite(points).all(axis=1)]
    low, high = finite.min(axis=0), finite.max(axis=0)
    margin = 0.15 * np.maximum(high - low, 0.2 * (high - low).max() + 1e-6)
    (left, bottom), (right, top) = low - margin, high + margin
    return float(left), float(right), float(bottom), float(top)
