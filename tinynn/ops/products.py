"""Products of arrays: Einstein sums, and inner, outer, cross, Kronecker and tensor products made of them or of `matmul`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import differentiable
from tinynn.ops.arrays import (
    Result,
    cast,
    convert_to_tensor,
    getitem,
    matmul,
    multiply,
    reshape,
    result_type,
    stack,
    subtract,
    sum,
    transpose,
)
from tinynn.ops.shapes import diagonal, moveaxis, ravel


@differentiable
def _einsum(*xs: Array, subscripts: str) -> Result:
    inputs, output = _explicit(subscripts, [x.ndim for x in xs])
    explicit = ",".join(inputs) + "->" + output

    def backward(d_out: Array) -> Any:
        return tuple(_einsum_backward(d_out, xs, inputs, output, i) for i in range(len(xs)))

    return np.asarray(np.einsum(explicit, *xs, optimize=len(xs) > 2)), backward


def _einsum_backward(d_out: Array, xs: Any, inputs: list[str], output: str, i: int) -> Array:
    """out[o] = sum prod_j x_j[t_j], so dL/dx_i[t_i] is again such a sum: of d_out[o] and the other factors.

    Letters that only x_i has were summed alone: the same derivative for all of their values. A letter that x_i has twice
    reads a diagonal, which is where the derivative goes. Axes of length 1 that were stretched are summed over.
    """
    x, letters = xs[i], inputs[i]
    others = [j for j in range(len(xs)) if j != i]
    given = set(output).union(*(inputs[j] for j in others))
    once = "".join(dict.fromkeys(letters))
    known = "".join(letter for letter in once if letter in given)
    d = np.einsum(",".join([output, *(inputs[j] for j in others)]) + "->" + known, d_out, *(xs[j] for j in others))
    sizes = dict(zip(letters, x.shape))
    stretched = tuple(k for k, letter in enumerate(known) if sizes[letter] == 1 and d.shape[k] != 1)
    d = d.sum(axis=stretched, keepdims=True)
    d = d.reshape([sizes[letter] if letter in known else 1 for letter in once])
    d_x = np.zeros(x.shape, x.dtype)
    np.einsum(f"{letters}->{once}", d_x)[...] = d  # a view of the diagonal where letters repeat
    return d_x


def _explicit(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
    """ "ij,jk" -> (["ij", "jk"], "ik"): an output named, letters for "..."."""
    subscripts = subscripts.replace(" ", "")
    left, arrow, output = subscripts.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ndims):
        raise ValueError(f"einsum expects {len(inputs)} operands for {subscripts!r}; got {len(ndims)}.")
    free = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if letter not in subscripts]
    widths = [n - len(term.replace("...", "")) for term, n in zip(inputs, ndims)]
    widest = max([w for term, w in zip(inputs, widths) if "..." in term], default=0)
    dots = "".join(free[:widest])
    if not arrow:
        plain = left.replace("...", "").replace(",", "")
        output = ("..." if "..." in left else "") + "".join(sorted(c for c in set(plain) if plain.count(c) == 1))
    inputs = [term.replace("...", dots[widest - w :]) if "..." in term else term for term, w in zip(inputs, widths)]
    return inputs, output.replace("...", dots)


def einsum(subscripts: str, *operands: Tensor) -> Any:
    """The sum over letters that the output lacks of the products of the operands: "ij,jk->ik" is the matrix product.

    Args:
        subscripts: letters for the axes of each operand, and of the result after "->" (by default those that occur
            once, in order of the alphabet); "..." for any further axes, which broadcast.
        operands: the arrays.

    Raises:
        ValueError: operands that do not fit the subscripts.
    """
    dtype = result_type(*operands)
    arrays = [convert_to_tensor(x, dtype) for x in operands]
    if dtype.kind == "b":
        arrays = [cast(x, np.int32) for x in arrays]
        return cast(_einsum(*arrays, subscripts=subscripts), bool)
    if dtype == np.int8:
        arrays = [cast(x, np.int32) for x in arrays]
    return _einsum(*arrays, subscripts=subscripts)


def tensordot(x1: Tensor, x2: Tensor, axes: Any = 2) -> Any:
    """The sum of products over axes of x1 and x2: the last and first so many, or two lists of them."""
    x1, x2 = _pair(x1, x2)
    n1, n2 = value_of(x1).ndim, value_of(x2).ndim
    if isinstance(axes, (int, np.integer)):
        axes = (list(range(n1 - int(axes), n1)), list(range(int(axes))))
    over1, over2 = ([int(a) % n for a in np.atleast_1d(part)] for part, n in zip(axes, (n1, n2)))
    free1, free2 = ([a for a in range(n) if a not in over] for n, over in ((n1, over1), (n2, over2)))
    shape1, shape2 = tuple(x1.shape), tuple(x2.shape)
    length = math.prod(shape1[a] for a in over1)
    left = reshape(transpose(x1, [*free1, *over1]), (math.prod(shape1[a] for a in free1), length))
    right = reshape(transpose(x2, [*over2, *free2]), (length, math.prod(shape2[a] for a in free2)))
    return reshape(matmul(left, right), (*(shape1[a] for a in free1), *(shape2[a] for a in free2)))


def dot(x1: Tensor, x2: Tensor) -> Any:
    """The sum of products over the last axis of x1 and the last but one of x2 (a vector's only one); numbers multiply."""
    x1, x2 = _pair(x1, x2)
    if not value_of(x1).ndim or not value_of(x2).ndim:
        return multiply(x1, x2)
    return tensordot(x1, x2, ([-1], [-1 if value_of(x2).ndim == 1 else -2]))


def inner(x1: Tensor, x2: Tensor) -> Any:
    """The sum of products over the last axes; numbers multiply."""
    x1, x2 = _pair(x1, x2)
    if not value_of(x1).ndim or not value_of(x2).ndim:
        return multiply(x1, x2)
    return tensordot(x1, x2, ([-1], [-1]))


def vdot(x1: Tensor, x2: Tensor) -> Any:
    """The sum of products of all entries."""
    x1, x2 = _pair(x1, x2)
    return dot(ravel(x1), ravel(x2))


def outer(x1: Tensor, x2: Tensor) -> Any:
    """out[i, j] = x1[i] x2[j], both taken flat."""
    x1, x2 = _pair(x1, x2)
    return multiply(reshape(x1, (-1, 1)), reshape(x2, (1, -1)))


def kron(x1: Tensor, x2: Tensor) -> Any:
    """The Kronecker product: each entry of x1 replaced by its product with the whole of x2."""
    x1, x2 = _pair(x1, x2)
    n = max(value_of(x1).ndim, value_of(x2).ndim)
    shape1, shape2 = ((1,) * (n - value_of(x).ndim) + tuple(x.shape) for x in (x1, x2))
    wide1 = reshape(x1, tuple(length for a in shape1 for length in (a, 1)))
    wide2 = reshape(x2, tuple(length for b in shape2 for length in (1, b)))
    return reshape(multiply(wide1, wide2), tuple(a * b for a, b in zip(shape1, shape2)))


def cross(x1: Tensor, x2: Tensor, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The cross product of vectors of 3 numbers along an axis (2 count as 3 with a last 0; of two such, the third number).

    Raises:
        ValueError: vectors of another length.
    """
    x1, x2 = _pair(x1, x2)
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = moveaxis(x1, axisa, -1), moveaxis(x2, axisb, -1)
    n1, n2 = x1.shape[-1], x2.shape[-1]
    if {n1, n2} - {2, 3}:
        raise ValueError(f"cross expects vectors of 2 or 3 numbers; got {n1} and {n2}.")
    a = [getitem(x1, index=(..., i)) for i in range(n1)]
    b = [getitem(x2, index=(..., i)) for i in range(n2)]
    third = subtract(multiply(a[0], b[1]), multiply(a[1], b[0]))
    if n1 == n2 == 2:
        return third
    zero = value_of(x1).dtype.type(0)
    a, b = ([*part, zero][:3] for part in (a, b))
    first = subtract(multiply(a[1], b[2]), multiply(a[2], b[1]))
    second = subtract(multiply(a[2], b[0]), multiply(a[0], b[2]))
    return moveaxis(stack([first, second, third], -1), -1, axisc)


def trace(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal."""
    return sum(diagonal(x, offset, axis1, axis2), -1)


def _pair(x1: Tensor, x2: Tensor) -> list[Any]:
    dtype = result_type(x1, x2)
    return [convert_to_tensor(x, dtype) for x in (x1, x2)]
