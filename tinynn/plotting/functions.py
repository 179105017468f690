"""Activation functions beside their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynn import activations
from tinynn._typing import Array
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import GradientTape
from tinynn.plotting import _axes
from tinynn.variable import Variable

__all__ = ["activation"]


def activation(
    functions: str | Callable[..., Any] | Sequence[Any], *, low: float = -5.0, high: float = 5.0, ax: Any = None
) -> Any:
    """Activation functions, and beside them their derivatives, as the tape gives them.

    Args:
        functions: names or functions, one or several, which take each number by itself.
        low: the smallest input.
        high: the largest input.
        ax: two Axes to draw on.

    Returns:
        An array of two Axes: the functions, their derivatives.

    Raises:
        ValueError: no such activation, one that mixes its inputs (softmax), or no room between low and high.

    Example:
        >>> axes = tinynn.plotting.activation(["sigmoid", "tanh"])
        >>> len(axes), axes[1].get_legend_handles_labels()[1]
        (2, ['sigmoid', 'tanh'])
    """
    if not low < high:
        raise ValueError(f"activation expects low to be below high; got {low!r} and {high!r}.")
    chosen = [functions] if isinstance(functions, str) or callable(functions) else list(functions)
    axes = _axes.several("activation", 2, ax, columns=2)
    x = np.linspace(low, high, 2001)
    for i, one in enumerate(chosen):
        function = activations.get(one)
        label = getattr(one, "__name__", None) or (one if isinstance(one, str) else getattr(one, "name", str(one)))
        outputs, slopes = _values(function, x, str(label))
        for panel, values in zip(axes, (outputs, slopes)):
            panel.plot(x, _with_gaps(values), label=label, **_axes.style(i, len(x)))
    for panel, title in zip(axes, ("f(x)", "f'(x)")):
        panel.axhline(0, color="#808080", linewidth=0.6)
        panel.axvline(0, color="#808080", linewidth=0.6)
        panel.set(xlabel="x", title=title, xlim=(low, high))
        panel.grid(alpha=0.3)
        panel.legend()
    return axes


def _values(function: Callable[..., Any], x: Array, name: str) -> tuple[Array, Array]:
    """f(x) and f'(x); the sum of the outputs moves with x[i] by f'(x[i]) alone when f takes each number by itself."""
    variable = Variable(x, dtype="float64")
    with GradientTape() as tape:
        outputs = function(variable)
    found, some = np.asarray(value_of(outputs)), np.asarray(value_of(function(x[::1000])))
    if found.shape != x.shape or not np.allclose(found[::1000], some, equal_nan=True):
        raise ValueError(f'activation draws functions that take each number by itself; "{name}" mixes its inputs.')
    slopes = tape.gradient(outputs, variable)
    return found, np.zeros_like(x) if slopes is None else np.asarray(value_of(slopes))


def _with_gaps(values: Array) -> Array:
    """A jump is no steep line: where it is, the line is interrupted."""
    steps = np.abs(np.diff(values))
    beside = np.minimum(np.append(steps[1:], 0.0), np.insert(steps[:-1], 0, 0.0))
    jumps = np.flatnonzero((steps > 0.02 * np.ptp(values[np.isfinite(values)])) & (steps > 5 * beside))
    gaps = values.copy()
    gaps[jumps] = np.nan
    return gaps
