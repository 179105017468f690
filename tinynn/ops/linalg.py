"""Linear algebra through `numpy.linalg`, over the last two axes of stacks of matrices, with the derivatives.

Notation: G = dL/dY for the result Y; A^-T is the inverse's transpose. Each formula comes from writing dY in terms of dA and
reading off what <G, dY> = <dL/dA, dA> says (Giles 2008, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation"; Seeger et al. 2017 for the factorisations).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinynn import config
from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import differentiable
from tinynn.ops.arrays import (
    Result,
    _axis,
    _tensor,
    _unbroadcast,
    absolute,
    concatenate,
    convert_to_tensor,
    divide,
    expand_dims,
    floating,
    getitem,
    log,
    matmul,
    max,
    maximum,
    min,
    multiply,
    not_equal,
    power,
    reshape,
    result_type,
    square,
    squeeze,
    subtract,
    sum,
)
from tinynn.ops.elementwise import rsqrt
from tinynn.ops.shapes import diagonal, moveaxis, swapaxes, tril, triu


def _t(a: Array) -> Array:
    """The transpose of each matrix."""
    return np.swapaxes(a, -1, -2)


def _matrices(where: str, a: Tensor, square: bool = False) -> Any:
    """An array of floats with two axes or more, the last two equal if asked.

    Raises:
        ValueError: other shapes.
    """
    a = floating(a)
    shape = tuple(a.shape)
    if len(shape) < 2 or (square and shape[-1] != shape[-2]):
        raise ValueError(
            f"{where} expects {'square ' if square else ''}matrices, (..., {'n, n' if square else 'm, n'}); got {shape}."
        )
    return a


# Determinants and inverses ---------------------------------------------------------------------------------------------


@differentiable
def _det(a: Array) -> Result:
    out = np.asarray(np.linalg.det(a))
    return out, lambda d_out: (d_out * out)[..., None, None] * _t(np.linalg.inv(a))


def det(x: Tensor) -> Any:
    """The determinant (...,) of (..., n, n):  dL/dA = G det(A) A^-T; A must be invertible for the derivative."""
    return _det(_matrices("det", x, square=True))


@differentiable
def _log_abs_det(a: Array) -> Result:
    return np.asarray(np.linalg.slogdet(a).logabsdet), lambda d_out: d_out[..., None, None] * _t(np.linalg.inv(a))


class SlogDet(NamedTuple):
    """What `slogdet` gives."""

    sign: Array
    logabsdet: Any


def slogdet(x: Tensor) -> SlogDet:
    """The sign of the determinant and the logarithm of its size, both (...,):  dL/dA = G A^-T."""
    x = _matrices("slogdet", x, square=True)
    return SlogDet(np.asarray(np.linalg.slogdet(value_of(x)).sign), _log_abs_det(x))


def logdet(x: Tensor) -> Any:
    """The logarithm of the determinant of positive definite matrices, by way of Cholesky factors: 2 sum log L_ii."""
    return multiply(sum(log(diagonal(cholesky(x), 0, -2, -1)), -1), 2.0)


@differentiable
def _inv(a: Array) -> Result:
    out = np.linalg.inv(a)
    return out, lambda d_out: -(_t(out) @ d_out @ _t(out))


def inv(x: Tensor) -> Any:
    """The inverse Y of (..., n, n):  dY = -Y dA Y,  so dL/dA = -Y^T G Y^T.

    Raises:
        numpy.linalg.LinAlgError: a singular matrix.
    """
    return _inv(_matrices("inv", x, square=True))


@differentiable
def _pinv(a: Array, rcond: Any) -> Result:
    p = np.linalg.pinv(a, rcond)

    def backward(g: Array) -> Array:
        left = _t(g) - a @ (p @ _t(g))  # (I - A P) G^T
        right = _t(g) - (_t(g) @ p) @ a  # G^T (I - P A)
        return -(_t(p) @ g @ _t(p)) + left @ p @ _t(p) + _t(p) @ p @ right

    return p, backward


def pinv(x: Tensor, rcond: float | None = None) -> Any:
    """The Moore-Penrose inverse P (..., n, m) of (..., m, n), by singular values above rcond times the largest.

    dP = -P dA P + P P^T dA^T (I - A P) + (I - P A) dA^T P^T P while the rank stays (Golub and Pereyra 1973).
    """
    x = _matrices("pinv", x)
    if rcond is None:
        rcond = float(10 * np.max(tuple(x.shape)[-2:]) * np.finfo(value_of(x).dtype).eps)
    return _pinv(x, rcond=rcond)


@differentiable
def _solve(a: Array, b: Array) -> Result:
    x = np.linalg.solve(a, b)

    def backward(g: Array) -> Any:
        d_b = np.linalg.solve(_t(a), g)
        return _unbroadcast(-d_b @ _t(x), a), _unbroadcast(d_b, b)

    return x, backward


def solve(a: Tensor, b: Tensor) -> Any:
    """X with A X = B, for A (..., n, n) and B (..., n, k) or (..., n):  dL/dB = A^-T G,  dL/dA = -dL/dB X^T."""
    dtype = result_type(a, b, 0.0)
    a, b = _matrices("solve", convert_to_tensor(a, dtype), square=True), convert_to_tensor(b, dtype)
    if value_of(b).ndim == value_of(a).ndim - 1:
        return squeeze(_solve(a, expand_dims(b, -1)), -1)
    return _solve(a, b)


def solve_triangular(a: Tensor, b: Tensor, lower: bool = False) -> Any:
    """`solve` for triangular A: only what is on and above (`lower`: below) the diagonal is read."""
    a = _tensor(a)
    return solve(tril(a) if lower else triu(a), b)


def lstsq(a: Tensor, b: Tensor, rcond: float | None = None) -> Any:
    """The X (n,) or (n, k) of least |A X - B|, and the shortest of them, for A (m, n): pinv(A) B.

    Raises:
        ValueError: a stack of matrices, or B without m rows.
    """
    dtype = result_type(a, b, 0.0)
    a, b = convert_to_tensor(a, dtype), convert_to_tensor(b, dtype)
    if value_of(a).ndim != 2 or value_of(b).ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ValueError(f"lstsq expects a (m, n) and b (m,) or (m, k); got {tuple(a.shape)} and {tuple(b.shape)}.")
    if rcond is None:
        rcond = float(np.finfo(dtype).eps * np.max(a.shape))
    return matmul(_pinv(a, rcond=rcond), b)


def matrix_rank(x: Tensor, tol: float | None = None) -> Array:
    """The number of singular values above tol; by default above the largest times max(m, n) eps. int32, no gradient."""
    return np.asarray(np.linalg.matrix_rank(value_of(_matrices("matrix_rank", x)), tol), np.int32)


# Factorisations --------------------------------------------------------------------------------------------------------


def _lower_half(a: Array) -> Array:
    """The lower triangle with half of the diagonal."""
    return np.asarray(np.tril(a) - np.eye(a.shape[-1], dtype=a.dtype) * a / 2)


@differentiable
def _cholesky(a: Array) -> Result:
    factor = np.linalg.cholesky(a)

    def backward(g: Array) -> Array:
        inside = _lower_half(_t(factor) @ np.tril(g))
        half = np.linalg.solve(_t(factor), inside + _t(inside))  # L^-T 2P
        return np.linalg.solve(_t(factor), _t(half)) / 2

    return factor, backward


def cholesky(x: Tensor, upper: bool = False) -> Any:
    """The lower triangular L with A = L L^T, for symmetric positive definite A (..., n, n); `upper` gives L^T.

    dL/dA = L^-T P L^-1, P the symmetric half of the lower triangle of L^T G: as for a dA that is symmetric, too.

    Raises:
        numpy.linalg.LinAlgError: not positive definite.
    """
    factor = _cholesky(_matrices("cholesky", x, square=True))
    return swapaxes(factor, -1, -2) if upper else factor


def cholesky_inverse(x: Tensor, upper: bool = False) -> Any:
    """(L L^T)^-1 from the Cholesky factor L (`upper`: (U^T U)^-1 from U)."""
    x = _matrices("cholesky_inverse", x, square=True)
    factor = swapaxes(triu(x), -1, -2) if upper else tril(x)
    half = inv(factor)
    return matmul(swapaxes(half, -1, -2), half)


class Packed(NamedTuple):
    """Several arrays as one, end to end: a record on the tape has one output, and a factorisation several."""

    flat: Any
    shapes: list[tuple[int, ...]]

    def parts(self) -> list[Any]:
        """The arrays."""
        stops = np.cumsum([0, *(int(np.prod(shape)) for shape in self.shapes)])
        return [
            reshape(getitem(self.flat, index=slice(start, stop)), shape)
            for start, stop, shape in zip(stops, stops[1:], self.shapes)
        ]


def _pack(*arrays: Array) -> Array:
    return np.concatenate([np.ravel(a) for a in arrays])


def _unpack(flat: Array, *like: Array) -> list[Array]:
    return Packed(flat, [a.shape for a in like]).parts()


class Qr(NamedTuple):
    """What `qr` gives."""

    q: Any
    r: Any


@differentiable
def _qr(a: Array) -> Result:
    """For m >= n: with M = R dR^T - dQ^T Q,  dL/dA = (dQ + Q S) R^-T,  S the lower triangle of M made symmetric."""
    q, r = np.linalg.qr(a)

    def backward(flat: Array) -> Array:
        d_q, d_r = _unpack(flat, q, r)
        m = r @ _t(np.triu(d_r)) - _t(d_q) @ q
        inside = d_q + q @ (np.tril(m) + _t(np.tril(m, -1)))
        return _t(np.linalg.solve(r, _t(inside)))

    return _pack(q, r), backward


def qr(x: Tensor, mode: str = "reduced") -> Qr:
    """Q with orthonormal columns and upper triangular R with A = Q R.

    Args:
        x: (..., m, n).
        mode: "reduced": Q (..., m, k) and R (..., k, n), k = min(m, n); "complete": Q (..., m, m) and R (..., m, n).
            Reduced ones with m >= n have a gradient.

    Raises:
        ValueError: another mode.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(
            f"`mode` argument value not supported. Expected one of {{'reduced', 'complete'}}. Received: mode={mode}"
        )
    x = _matrices("qr", x)
    *lead, m, n = tuple(x.shape)
    if mode == "complete" or m < n:
        return Qr(*np.linalg.qr(value_of(x), mode))  # type: ignore[call-overload]
    return Qr(*Packed(_qr(x), [(*lead, m, n), (*lead, n, n)]).parts())


class Eigh(NamedTuple):
    """What `eigh` gives."""

    eigenvalues: Any
    eigenvectors: Any


def _over_differences(w: Array) -> Array:
    """F_ij = 1 / (w_j - w_i), 0 on the diagonal and where two are equal (their vectors are not determined)."""
    difference = w[..., None, :] - w[..., :, None]
    return np.where(difference == 0, 0, 1 / np.where(difference == 0, 1, difference))


@differentiable
def _eigh(a: Array) -> Result:
    """dL/dA = V (diag(dw) + F * (V^T dV)) V^T, of which the lower triangle counts: only that is read."""
    w, v = np.linalg.eigh(a)

    def backward(flat: Array) -> Array:
        d_w, d_v = _unpack(flat, w, v)
        inside = _over_differences(w) * (_t(v) @ d_v) + d_w[..., None] * np.eye(w.shape[-1], dtype=a.dtype)
        d_a = v @ inside @ _t(v)
        return 2 * _lower_half((d_a + _t(d_a)) / 2)

    return _pack(w, v), backward


def eigh(x: Tensor) -> Eigh:
    """Eigenvalues (..., n) in rising order and orthonormal eigenvectors (..., n, n) of symmetric matrices (lower triangle)."""
    x = _matrices("eigh", x, square=True)
    shape = tuple(x.shape)
    return Eigh(*Packed(_eigh(x), [shape[:-1], shape]).parts())


def eig(x: Tensor) -> tuple[Array, Array]:
    """Eigenvalues (..., n) and eigenvectors (..., n, n) of any square matrices, as complex numbers. Has no gradient."""
    x = value_of(_matrices("eig", x, square=True))
    complex_type = np.result_type(x.dtype, np.complex64)
    values, vectors = np.linalg.eig(x)
    return values.astype(complex_type), vectors.astype(complex_type)


class Svd(NamedTuple):
    """What `svd` gives."""

    u: Any
    s: Any
    v: Any


@differentiable
def _svd(a: Array) -> Result:
    """Thin: A = U diag(s) V^T.  With F_ij = 1 / (s_j^2 - s_i^2), J = F * (U^T dU), K = F * (V^T dV):

    dL/dA = U (diag(ds) + (J + J^T) S + S (K + K^T)) V^T + (I - U U^T) dU S^-1 V^T + U S^-1 dV^T (I - V V^T)
    """
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    v = _t(vh)

    def backward(flat: Array) -> Array:
        d_u, d_s, d_vh = _unpack(flat, u, s, vh)
        d_v = _t(d_vh)
        f = _over_differences(s * s)
        j, k = f * (_t(u) @ d_u), f * (_t(v) @ d_v)
        inside = d_s[..., None] * np.eye(s.shape[-1], dtype=a.dtype)
        inside = inside + (j + _t(j)) * s[..., None, :] + s[..., :, None] * (k + _t(k))
        d_a = u @ inside @ vh
        if a.shape[-2] > a.shape[-1]:
            d_a = d_a + ((d_u - u @ (_t(u) @ d_u)) / s[..., None, :]) @ vh
        if a.shape[-2] < a.shape[-1]:
            d_a = d_a + (u / s[..., None, :]) @ _t(d_v - v @ (vh @ d_v))
        return np.asarray(d_a)

    return _pack(u, s, vh), backward


def svd(x: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """A = U diag(s) V: orthonormal U and V, singular values s in falling order.

    Args:
        x: (..., m, n).
        full_matrices: U (..., m, m) and V (..., n, n), rather than the first k = min(m, n) columns and rows. Those beyond
            are any that fill up the space, and have no gradient.
        compute_uv: False for s (..., k) alone.

    Returns:
        (U, s, V), V with the right singular vectors as rows.
    """
    x = _matrices("svd", x)
    *lead, m, n = tuple(x.shape)
    k = int(np.minimum(m, n))
    u, s, v = Packed(_svd(x), [(*lead, m, k), (*lead, k), (*lead, k, n)]).parts()
    if not compute_uv:
        return s
    if full_matrices and m != n:
        full_u, _, full_v = np.linalg.svd(value_of(x), full_matrices=True)
        u = concatenate([u, full_u[..., :, k:]], -1) if m > n else u
        v = concatenate([v, full_v[..., k:, :]], -2) if m < n else v
    return Svd(u, s, v)


@differentiable
def _lu(a: Array) -> Result:
    """A = P L U.  dL/dA = P L^-T (strict lower part of L^T dL + upper part of dU U^T) U^-T, for square matrices."""
    packed, order = _lu_and_order(a)

    def backward(g: Array) -> Array:
        n = a.shape[-1]
        lower, upper = np.tril(packed, -1) + np.eye(n, dtype=a.dtype), np.triu(packed)
        inside = np.tril(_t(lower) @ np.tril(g, -1), -1) + np.triu(np.triu(g) @ _t(upper))
        rows = _t(np.linalg.solve(upper, _t(np.linalg.solve(_t(lower), inside))))
        d_a = np.empty_like(a)
        np.put_along_axis(d_a, order[..., None], rows, axis=-2)
        return d_a

    return packed, backward


def _lu_and_order(a: Array) -> tuple[Array, Array]:
    """L below the diagonal and U above in one array, and which row of A stands in each row of L U; SciPy's."""
    from scipy.linalg import lu_factor as scipy_lu_factor

    packed, order = np.empty_like(a), np.empty(a.shape[:-1], np.int64)
    for place in np.ndindex(a.shape[:-2]):
        packed[place], pivots = scipy_lu_factor(a[place])
        rows = np.arange(a.shape[-2])
        for i, pivot in enumerate(pivots):
            rows[[i, pivot]] = rows[[pivot, i]]
        order[place] = rows
    return packed, order


def lu_factor(x: Tensor) -> tuple[Any, Array]:
    """A = P L U: L (unit diagonal, not stored) and U in one array (..., m, n), and the permutation as int32 (..., m).

    Row i of A stands in row p[i] of L U, as in Keras on TensorFlow.
    """
    x = _matrices("lu_factor", x)
    _, order = _lu_and_order(value_of(x))
    return _lu(x), np.argsort(order, axis=-1).astype(np.int32)


# Norms -----------------------------------------------------------------------------------------------------------------


@differentiable
def _length(x: Array, axis: Any, keepdims: bool) -> Result:
    out = np.asarray(np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)))

    def backward(d_out: Array) -> Array:
        safe = np.where(out == 0, 1, out)
        share = np.where(out == 0, 0, d_out / safe)
        return x * (share if keepdims else np.expand_dims(share, axis))

    return out, backward


def norm(x: Tensor, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The size of vectors along an axis, or of matrices in a plane of two.

    Args:
        x: any array; integers become floatx.
        ord: for vectors the p of (sum |x|^p)^(1/p), 2 by default; inf and -inf for the largest and smallest |x|, 0 for how
            many are not 0. For matrices "fro" (default) for the root of the sum of squares, "nuc" for the sum of the
            singular values, 2 and -2 for the largest and the smallest; 1 and -1 for the largest and smallest column sum
            of |x|, inf and -inf for row sums.
        axis: one axis for vectors, two for matrices; all by default, flat without an `ord`.
        keepdims: keep the axes with length 1.

    Raises:
        ValueError: an `ord` that does not go with the number of axes.
    """
    x = floating(x)
    ndim = value_of(x).ndim
    axes = _axis(axis)
    if axes is None:
        axes = tuple(range(ndim))
        if ord is None:
            return _length(x, axis=axes, keepdims=keepdims)
    if isinstance(axes, (int, np.integer)):
        axes = (int(axes),)
    if len(axes) == 1:
        return _vector_norm(x, 2 if ord is None else ord, axes[0], keepdims)
    if len(axes) != 2:
        raise ValueError(f"norm expects one axis or two; got axis={axis} for shape {tuple(x.shape)}.")
    return _matrix_norm(x, ord, axes[0] % ndim, axes[1] % ndim, keepdims)


def _vector_norm(x: Tensor, ord: Any, axis: int, keepdims: bool) -> Any:
    if isinstance(ord, str):
        raise ValueError(f'norm expects a number as `ord` for vectors ("fro" and "nuc" are for matrices); got {ord!r}.')
    if ord == 2:
        return _length(x, axis=(axis,), keepdims=keepdims)
    size = absolute(x)
    if np.isinf(ord):
        return (max if ord > 0 else min)(size, axis, keepdims)
    if ord == 0:
        return np.sum(not_equal(x, 0), axis=axis, keepdims=keepdims).astype(value_of(x).dtype)
    if ord == 1:
        return sum(size, axis, keepdims)
    return power(sum(power(size, float(ord)), axis, keepdims), 1.0 / ord)


def _matrix_norm(x: Tensor, ord: Any, row: int, column: int, keepdims: bool) -> Any:
    if ord is None or ord == "fro":
        return _length(x, axis=(row, column), keepdims=keepdims)
    if ord == "nuc" or ord in (2, -2):
        s = svd(moveaxis(x, (row, column), (-2, -1)), compute_uv=False)
        out = sum(s, -1) if ord == "nuc" else (max if ord == 2 else min)(s, -1)
        return expand_dims(out, tuple(sorted((row, column)))) if keepdims else out
    if ord in (1, -1, np.inf, -np.inf):
        inner, outer = (row, column) if abs(ord) == 1 else (column, row)
        out = (max if ord > 0 else min)(sum(absolute(x), inner, keepdims=True), outer, keepdims=True)
        return out if keepdims else squeeze(out, (row, column))
    raise ValueError(f'norm expects `ord` to be "fro", "nuc", 1, -1, 2, -2, inf or -inf for matrices; got {ord!r}.')


def normalize(x: Tensor, axis: int = -1, order: Any = 2, epsilon: float | None = None) -> Any:
    """x / max(norm, epsilon) along an axis.

    Args:
        x: any array; integers become floatx.
        axis: along which the norm is taken.
        order: of the norm, see `norm`; 2 by default.
        epsilon: the least to divide by; config.epsilon() by default.
    """
    x = floating(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:  # in Keras's order of operations
        return multiply(x, rsqrt(maximum(sum(square(x), axis, keepdims=True), epsilon**2)))
    return divide(x, maximum(norm(x, ord=order, axis=axis, keepdims=True), epsilon))


def cdist(x: Tensor, y: Tensor) -> Any:
    """Euclidean distances (..., n, m) between points x (..., n, d) and y (..., m, d); the derivative at distance 0 is 0."""
    dtype = result_type(x, y, 0.0)
    x, y = convert_to_tensor(x, dtype), convert_to_tensor(y, dtype)
    return norm(subtract(expand_dims(x, -2), expand_dims(y, -3)), axis=-1)
