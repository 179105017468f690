"""The types that signatures in tinynn speak of."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""A NumPy array of any dtype. Shapes are given in docstrings, as (batch, fan_in)."""

Shape: TypeAlias = tuple[int, ...]
"""The shape of an array whose every axis is known."""

BatchShape: TypeAlias = tuple[int | None, ...]
"""A shape whose unknown axes, the batch above all, are None, as in Keras's (None, 784)."""

DType: TypeAlias = np.dtype[Any]
"""A NumPy dtype."""

Tensor: TypeAlias = Any
"""What operations take and give: a plain array, or a `Recorded` or `Variable` that a tape watches."""
