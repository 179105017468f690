"""A Dense layer's affine map: every output unit is a weighted sum of all inputs plus a bias."""

from __future__ import annotations

from tinynn._typing import Array


def forward(x: Array, kernel: Array, bias: Array, out: Array) -> None:
    """out[b,u] = sum_i x[b,i] kernel[i,u] + bias[u]

    x (batch, fan_in), kernel (fan_in, units), bias (units,)  ->  out (batch, units)
    """
    out[:] = x @ kernel + bias


def backward(d_out: Array, x: Array, kernel: Array, d_x: Array, d_kernel: Array, d_bias: Array) -> None:
    """The chain rule through the line above. d_out (batch, units) is dL/dout.

    kernel[i,u] moves out[b,u] by x[b,i], for every b:      dL/dkernel = x.T @ d_out        (fan_in, units)
    bias[u]     moves out[b,u] by 1, for every b:           dL/dbias   = sum_b d_out[b,:]   (units,)
    x[b,i]      moves out[b,u] by kernel[i,u], every u:     dL/dx      = d_out @ kernel.T   (batch, fan_in)
    """
    d_kernel[:] = x.T @ d_out
    d_bias[:] = d_out.sum(axis=0)
    d_x[:] = d_out @ kernel.T
