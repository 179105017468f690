"""Every activation that works entry by entry, with settings: where it has kinks, and what rounding may do to it.

Rounding moves a result by some ulp of itself and of the numbers that it is made from: `inner` bounds those that out is made
from where they cancel, `slope` those that the derivative is made from.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinynn._typing import Array

INFINITE = math.inf

Size = Callable[[Array, Array], Any]  # of x and out


class Case(NamedTuple):
    """A kernel, its settings in order, and the sizes that tolerances follow from."""

    kernel: str
    settings: tuple[float, ...] = ()
    kinks: tuple[float, ...] = ()
    inner: Size = lambda x, out: 0.0
    slope: Size = lambda x, out: 0.0

    @property
    def module(self) -> Any:
        return importlib.import_module(f"tinynn.kernels.{self.kernel}")

    @property
    def name(self) -> str:
        return f"{self.kernel}{list(self.settings)}" if self.settings else self.kernel

    def forward(self, x: Array, twin: bool = False, out: Array | None = None) -> Array:
        out = np.full_like(x, np.nan) if out is None else out
        (self.module.forward_compiled if twin else self.module.forward)(x, *self.settings, out)
        return out

    @property
    def keeps(self) -> str:
        """What backward asks for besides d_out: "x" or "out"."""
        return list(inspect.signature(self.module.backward).parameters)[1]

    def backward(self, d_out: Array, x: Array, twin: bool = False, d_x: Array | None = None) -> Array:
        d_x = np.full_like(d_out, np.nan) if d_x is None else d_x
        kept = x if self.keeps == "x" else self.forward(x)
        (self.module.backward_compiled if twin else self.module.backward)(d_out, kept, *self.settings, d_x)
        return d_x


def one(x: Array, out: Array) -> Any:
    return 1.0


def some(size: float) -> Size:
    return lambda x, out: size


def up_to_forty(x: Array, out: Array) -> Any:
    """Of x (1 - s): 1 - s is off by an ulp of 1 until s is 1, at 37 in float64."""
    return 1 + np.minimum(np.abs(x), 40)


def of_gelu_tanh(x: Array, out: Array) -> Any:
    """Of x (1 - t^2) (1 + x^2 / 8): 1 - t^2 is off by an ulp of 1 until t is 1, before 10."""
    size = np.minimum(np.abs(x), 10)
    return 1 + size + 0.2 * size**3


CASES = [
    *(
        Case("bounded_relu", settings, tuple({settings[2], 0.0, settings[1]} - {INFINITE}))
        for settings in (
            *((0.0, 6.0, 0.0), (0.5, 6.0, 0.0), (0.0, 5.0, 0.0), (0.5, 5.0, 0.0), (0.0, 5.0, 1.0), (0.5, 5.0, 1.0)),
            *((0.5, 6.0, 1.0), (0.0, INFINITE, 1.0), (0.5, INFINITE, 1.0), (0.0, INFINITE, -1.0), (0.5, 5.0, -1.0)),
            *((0.5, INFINITE, -1.0), (0.0, 0.5, 1.0), (0.0, 0.0, 0.0)),
        )
    ),
    *(Case("leaky_relu", (slope,), (0.0,)) for slope in (0.2, 0.0, 1.5, -0.3)),
    *(Case("elu", (alpha,), (0.0,), some(alpha), some(alpha)) for alpha in (1.0, 0.3, 2.0)),
    *(Case("celu", (alpha,), (0.0,), slope=one) for alpha in (1.0, 0.3, 2.0, -1.0)),
    Case("selu", (), (0.0,), some(1.76), some(1.76)),
    Case("gelu", inner=lambda x, out: np.abs(out) * x * x, slope=some(2.0)),
    Case("gelu_tanh", inner=lambda x, out: np.abs(x), slope=of_gelu_tanh),
    Case("silu", slope=up_to_forty),
    Case("mish", slope=up_to_forty),
    Case("softplus"),
    *(Case("squareplus", (b,), inner=lambda x, out: np.abs(x), slope=one) for b in (4.0, 0.5)),
    Case("sparse_plus"),
    Case("exponential"),
    Case("softsign"),
    Case("hard_tanh", (), (-1.0, 1.0)),
    Case("log_sigmoid"),
    Case("hard_sigmoid", (), (-3.0, 3.0)),
    Case("hard_silu", (), (-3.0, 3.0), slope=one),
    Case("sparse_sigmoid", (), (-1.0, 1.0)),
    *(Case("soft_shrink", (t,), (-t, t)) for t in (0.5, 0.0, -0.5)),
    *(Case("hard_shrink", (t,), (-t, t)) for t in (0.5, 0.0, -0.5)),
    Case("tanh_shrink", inner=lambda x, out: np.abs(np.tanh(x)), slope=one),
    *(Case("threshold", settings, (settings[0],)) for settings in ((0.5, 20.0), (-1.0, 0.0))),
]
