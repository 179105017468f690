"""Is a derivative right? One call compares it with differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn._typing import Array
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import GradientTape
from tinynn.variable import Variable


def check_gradient(operation: Callable[..., Any], *inputs: Any, tolerance: float = 1e-6, **settings: Any) -> None:
    """Compare the gradients that a tape gives for an operation with central differences, at every entry of every input.

        d/dx_i sum_k w_k f_k(x)  ~  (sum_k w_k f_k(x + h e_i) - sum_k w_k f_k(x - h e_i)) / 2h

    The weights w are random, so that no entry of the output hides behind another; all is computed in float64, with
    h = 6e-6 max(1, |x_i|), where the error of the difference is some 1e-10 for a smooth function.

    Args:
        operation: a function of arrays over `tinynn.ops`, or made by `tinynn.custom_gradient`.
        *inputs: where to look: arrays, away from kinks.
        tolerance: of the difference, relative to the size of the gradients (and of 1).
        **settings: keyword arguments of the operation.

    Raises:
        ValueError: a gradient differs, and where it does most; or one is missing.
    """
    arrays = [np.array(value_of(x), np.float64) for x in inputs]
    weights = np.random.RandomState(1).standard_normal(np.shape(value_of(operation(*arrays, **settings))))

    def total(changed: list[Array]) -> float:
        return float(np.sum(weights * np.asarray(value_of(operation(*changed, **settings)), np.float64)))

    variables = [Variable(x, dtype="float64") for x in arrays]
    with GradientTape() as tape:
        outputs = operation(*variables, **settings)
    gradients = tape.gradient(outputs, variables, output_gradients=weights)
    for place, (x, gradient) in enumerate(zip(arrays, gradients, strict=True)):
        if gradient is None:
            raise ValueError(f"No gradient reaches input {place}: is it used, and through tinynn.ops?")
        found, expected = np.asarray(value_of(gradient), np.float64), np.empty_like(x)
        for index in np.ndindex(x.shape):
            step = 6e-6 * max(1.0, abs(float(x[index])))
            ahead, behind = x.copy(), x.copy()
            ahead[index] += step
            behind[index] -= step
            sides = [
                total([side if i == place else other for i, other in enumerate(arrays)]) for side in (ahead, behind)
            ]
            expected[index] = (sides[0] - sides[1]) / (ahead[index] - behind[index])
        if found.shape != expected.shape:
            raise ValueError(f"The gradient of input {place} has shape {found.shape}; the input has {expected.shape}.")
        error = np.abs(found - expected) / max(1.0, float(np.abs(expected).max(initial=0.0)))
        if not np.all(error <= tolerance):
            worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
            at = tuple(int(i) for i in worst)
            raise ValueError(
                f"The gradient of input {place} at {at} is {float(found[at]):.9g}; differences give {float(expected[at]):.9g}."
            )
