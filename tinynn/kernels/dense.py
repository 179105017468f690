"""A Dense layer's affine map: every output unit is a weighted sum of all inputs plus a bias."""

from __future__ import annotations

from tinynn._compiled import compiled, gemm
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


@compiled
def forward_compiled(x: Array, kernel: Array, bias: Array, out: Array) -> None:
    product(x, kernel, out)
    add_bias(bias, out)


@compiled
def backward_compiled(d_out: Array, x: Array, kernel: Array, d_x: Array, d_kernel: Array, d_bias: Array) -> None:
    kernel_gradient(x, d_out, d_kernel)
    bias_gradient(d_out, d_bias)
    input_gradient(d_out, kernel, d_x)


# The parts of the twins, by which the engine shares a layer among threads: each thread has some of the inputs and so the
# same rows of the kernel, of its gradient and of the optimizer's slots.
#
# OpenBLAS packs the factors of a large product into blocks first, and packing the kernel costs as much as multiplying it
# by a few rows. Up to 10^6 multiplications it reads them in place instead: skinny products are cut to stay below.


@compiled
def product(x: Array, kernel: Array, out: Array) -> None:
    """out = x @ kernel."""
    batch, fan_in, units = x.shape[0], x.shape[1], kernel.shape[1]
    one, zero = out.dtype.type(1), out.dtype.type(0)
    if batch > 64 or batch * fan_in * units <= 1000000:
        gemm(False, False, one, x, kernel, zero, out)
        return
    for u in range(0, units, 320):
        for i in range(0, fan_in, 64):
            last_u, last_i = min(u + 320, units), min(i + 64, fan_in)
            gemm(
                False, False, one, x[:, i:last_i], kernel[i:last_i, u:last_u], zero if i == 0 else one, out[:, u:last_u]
            )


@compiled
def input_gradient(d_out: Array, kernel: Array, d_x: Array) -> None:
    """d_x = d_out @ kernel.T."""
    batch, units, fan_in = d_out.shape[0], d_out.shape[1], kernel.shape[0]
    one, zero = d_x.dtype.type(1), d_x.dtype.type(0)
    if batch > 64 or batch * fan_in * units <= 1000000:
        gemm(False, True, one, d_out, kernel, zero, d_x)
        return
    for i in range(0, fan_in, 64):
        for u in range(0, units, 240):
            last_i, last_u = min(i + 64, fan_in), min(u + 240, units)
            gemm(
                False,
                True,
                one,
                d_out[:, u:last_u],
                kernel[i:last_i, u:last_u],
                zero if u == 0 else one,
                d_x[:, i:last_i],
            )


@compiled
def input_gradient_of_few(d_out: Array, kernel: Array, turned: Array, d_x: Array) -> None:
    """The same for few rows: turning the kernel first (into `turned`, (units, fan_in)) and multiplying plainly is faster.

    BLAS reads a transposed factor across its rows; for a few rows that costs several times the products. For very few and a
    small kernel that is still less than turning it. (Turning in tiles was half as fast as these two loops.)
    """
    fan_in, units = kernel.shape[0], kernel.shape[1]
    if d_out.shape[0] <= 16 and units >= 16 and fan_in * units <= 16384:
        input_gradient(d_out, kernel, d_x)
        return
    for u in range(units):
        for i in range(fan_in):
            turned[u, i] = kernel[i, u]
    product(d_out, turned, d_x)


@compiled
def kernel_gradient(x: Array, d_out: Array, d_kernel: Array) -> None:
    """d_kernel = x.T @ d_out."""
    add_product(d_kernel.dtype.type(1), x, d_out, d_kernel.dtype.type(0), d_kernel)


@compiled
def add_product(scale: float, x: Array, d_out: Array, keep: float, d_kernel: Array) -> None:
    """d_kernel = scale x.T @ d_out + keep d_kernel. Plain SGD is kernel -= learning_rate x.T @ d_out: one product."""
    batch, fan_in, units = x.shape[0], x.shape[1], d_out.shape[1]
    if batch > 64 or batch * fan_in * units <= 1000000:
        gemm(True, False, scale, x, d_out, keep, d_kernel)
        return
    for i in range(0, fan_in, 96):
        for u in range(0, units, 320):
            last_i, last_u = min(i + 96, fan_in), min(u + 320, units)
            gemm(True, False, scale, x[:, i:last_i], d_out[:, u:last_u], keep, d_kernel[i:last_i, u:last_u])


@compiled
def add_bias(bias: Array, out: Array) -> None:
    """out[b, :] += bias. A few columns are walked down one by one: along such short rows no vector code comes about."""
    if bias.size <= 4:
        for u in range(bias.size):
            for b in range(out.shape[0]):
                out[b, u] += bias[u]
        return
    for b in range(out.shape[0]):
        for u in range(bias.size):
            out[b, u] += bias[u]


@compiled
def bias_gradient(d_out: Array, d_bias: Array) -> None:
    """d_bias = sum_b d_out[b, :], in the order of b either way."""
    if d_bias.size <= 4:
        for u in range(d_bias.size):
            total = d_out[0, u]
            for b in range(1, d_out.shape[0]):
                total += d_out[b, u]
            d_bias[u] = total
        return
    for u in range(d_bias.size):
        d_bias[u] = d_out[0, u]
    for b in range(1, d_out.shape[0]):
        for u in range(d_bias.size):
            d_bias[u] += d_out[b, u]
