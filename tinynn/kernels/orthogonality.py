"""A penalty on rows that point the same way: the mean absolute cosine between them."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, factor: float, epsilon: float, unit: Array, inverse: Array, penalty: Array) -> None:
    """penalty = factor / pairs  sum_(i<j) |u[i] . u[j]|,   u[i] = x[i] inverse[i],  inverse[i] = 1 / |x[i]|

    x, unit (rows, columns), inverse (rows,), penalty (1,);   pairs = rows (rows - 1) / 2, so that a single row gives NaN.
    unit holds u, which the backward pass needs; a row of zeros stays zero (inverse is at most
    1 / epsilon).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse[:] = np.minimum(1 / np.sqrt(np.square(x).sum(axis=1)), x.dtype.type(1 / epsilon))
        unit[:] = x * inverse[:, None]
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, 0)
        pairs = x.dtype.type(len(x) * (len(x) - 1.0) / 2.0)
        penalty[0] = x.dtype.type(factor) * x.dtype.type(0.5) * np.absolute(cosines).sum() / pairs


def backward(d_penalty: Array, factor: float, epsilon: float, unit: Array, inverse: Array, d_x: Array) -> None:
    """Through the cosines, then through the division by the length.

    u[i] meets every other u[j] once:        d[i] = dL/du[i] = d_penalty factor / pairs  sum_(j != i) sign(u[i] . u[j]) u[j]
    u = x / |x| moves only across itself:    dL/dx[i] = (d[i] - u[i] (u[i] . d[i])) inverse[i],
    or d[i] inverse[i] where the length is cut off at epsilon.
    """
    real = unit.dtype.type
    with np.errstate(divide="ignore", invalid="ignore"):
        signs = np.sign(unit @ unit.T)
        np.fill_diagonal(signs, 0)
        d_unit = d_penalty[0] * (real(factor) / real(len(unit) * (len(unit) - 1.0) / 2.0)) * (signs @ unit)
        along = np.where(inverse < real(1 / epsilon), (unit * d_unit).sum(axis=1), real(0))
        d_x[:] = (d_unit - unit * along[:, None]) * inverse[:, None]


@compiled
def forward_compiled(x: Array, factor: float, epsilon: float, unit: Array, inverse: Array, penalty: Array) -> None:
    real = x.dtype.type
    rows, columns = x.shape
    for i in range(rows):
        squares = real(0)
        for k in range(columns):
            squares += x[i, k] * x[i, k]
        inverse[i] = min(real(1) / np.sqrt(squares), real(1 / epsilon))
        for k in range(columns):
            unit[i, k] = x[i, k] * inverse[i]
    total = real(0)
    for i in range(rows):
        for j in range(i):
            cosine = real(0)
            for k in range(columns):
                cosine += unit[i, k] * unit[j, k]
            total += abs(cosine)
    penalty[0] = real(factor) * total / real(rows * (rows - 1.0) / 2.0)


@compiled
def backward_compiled(d_penalty: Array, factor: float, epsilon: float, unit: Array, inverse: Array, d_x: Array) -> None:
    real = unit.dtype.type
    rows, columns = unit.shape
    share = d_penalty[0] * (real(factor) / real(rows * (rows - 1.0) / 2.0))
    for i in range(rows):
        for k in range(columns):
            d_x[i, k] = real(0)
        for j in range(rows):
            if j == i:
                continue
            cosine = real(0)
            for k in range(columns):
                cosine += unit[i, k] * unit[j, k]
            sign = real(1) if cosine > 0 else (real(-1) if cosine < 0 else cosine)
            for k in range(columns):
                d_x[i, k] += sign * unit[j, k]
        along = real(0)
        for k in range(columns):
            d_x[i, k] *= share
            along += unit[i, k] * d_x[i, k]
        along = along if inverse[i] < real(1 / epsilon) else real(0)
        for k in range(columns):
            d_x[i, k] = (d_x[i, k] - unit[i, k] * along) * inverse[i]
