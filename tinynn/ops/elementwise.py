"""Functions of single entries and of pairs of entries, each with its derivative; the first of them are in arrays.py.

Where a function jumps or is flat (floor, sign), it has no gradient and returns plain arrays.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import differentiable
from tinynn.ops.arrays import (
    Result,
    _numeric,
    _one_float,
    _tensor,
    _unbroadcast,
    cast,
    convert_to_tensor,
    floating,
    isnan,
    maximum,
    minimum,
    multiply,
    promote,
    result_type,
    where,
)

# Exponentials and logarithms -------------------------------------------------------------------------------------------

_LN_2, _LN_10 = math.log(2), math.log(10)


@_one_float
@differentiable
def exp2(x: Array) -> Result:
    """2^x, with derivative 2^x ln 2."""
    out = np.exp2(x)
    return out, lambda d_out: d_out * out * x.dtype.type(_LN_2)


@_one_float
@differentiable
def expm1(x: Array) -> Result:
    """e^x - 1, exact for small x; derivative e^x."""
    return np.expm1(x), lambda d_out: d_out * np.exp(x)


@_one_float
@differentiable
def log2(x: Array) -> Result:
    """The logarithm to base 2, with derivative 1 / (x ln 2)."""
    return np.log2(x), lambda d_out: d_out / (x * x.dtype.type(_LN_2))


@_one_float
@differentiable
def log10(x: Array) -> Result:
    """The logarithm to base 10, with derivative 1 / (x ln 10)."""
    return np.log10(x), lambda d_out: d_out / (x * x.dtype.type(_LN_10))


@differentiable
def _logaddexp(x1: Array, x2: Array) -> Result:
    out = np.logaddexp(x1, x2)
    return out, lambda d_out: (_unbroadcast(d_out * _share(x1, out), x1), _unbroadcast(d_out * _share(x2, out), x2))


def _share(x: Array, out: Array) -> Array:
    """e^(x - out), 0 and not NaN where both are -inf."""
    return np.where(np.isneginf(x), 0, np.exp(np.where(np.isneginf(x), 0, x) - out))


def logaddexp(x1: Tensor, x2: Tensor) -> Any:
    """log(e^x1 + e^x2) without overflow; derivatives e^x1 / (e^x1 + e^x2) and the like, which sum to 1."""
    return _logaddexp(*_two_floats(x1, x2))


def logaddexp2(x1: Tensor, x2: Tensor) -> Any:
    """log2(2^x1 + 2^x2) without overflow."""
    x1, x2 = _two_floats(x1, x2)
    ln_2 = value_of(x1).dtype.type(_LN_2)
    return multiply(_logaddexp(multiply(x1, ln_2), multiply(x2, ln_2)), 1 / ln_2)


# Roots and reciprocals -------------------------------------------------------------------------------------------------


@differentiable
def _cbrt(x: Array) -> Result:
    out = np.cbrt(x)
    return out, lambda d_out: d_out / (3 * out * out)


def cbrt(x: Tensor) -> Any:
    """The cube root, also of negative numbers; derivative 1 / (3 cbrt(x)^2). Gives float64 for 64 bits, else floatx."""
    return _cbrt(_floatx_or_double(x))


@_one_float
@differentiable
def rsqrt(x: Array) -> Result:
    """1 / sqrt(x), with derivative -1/2 x^(-3/2)."""
    out = 1 / np.sqrt(x)
    return out, lambda d_out: d_out * out * out * out * x.dtype.type(-0.5)


@_one_float
@differentiable
def reciprocal(x: Array) -> Result:
    """1 / x, with derivative -1 / x^2."""
    out = 1 / x
    return out, lambda d_out: -d_out * out * out


@differentiable
def _hypot(x1: Array, x2: Array) -> Result:
    out = np.hypot(x1, x2)
    safe = np.where(out == 0, 1, out)  # at the origin, a kink, the derivative is taken as 0
    return out, lambda d_out: (_unbroadcast(d_out * x1 / safe, x1), _unbroadcast(d_out * x2 / safe, x2))


def hypot(x1: Tensor, x2: Tensor) -> Any:
    """sqrt(x1^2 + x2^2) without overflow; derivatives x1 / hypot and x2 / hypot."""
    return _hypot(*_two_floats(x1, x2, long=True))


# Circular and hyperbolic functions -------------------------------------------------------------------------------------


@_one_float
@differentiable
def tan(x: Array) -> Result:
    """The tangent, with derivative 1 + tan^2 x."""
    out = np.tan(x)
    return out, lambda d_out: d_out * (1 + out * out)


@_one_float
@differentiable
def arcsin(x: Array) -> Result:
    """The angle in [-pi/2, pi/2] with this sine; derivative 1 / sqrt(1 - x^2)."""
    return np.arcsin(x), lambda d_out: d_out / np.sqrt((1 - x) * (1 + x))


@_one_float
@differentiable
def arccos(x: Array) -> Result:
    """The angle in [0, pi] with this cosine; derivative -1 / sqrt(1 - x^2)."""
    return np.arccos(x), lambda d_out: -d_out / np.sqrt((1 - x) * (1 + x))


@_one_float
@differentiable
def arctan(x: Array) -> Result:
    """The angle in (-pi/2, pi/2) with this tangent; derivative 1 / (1 + x^2)."""
    return np.arctan(x), lambda d_out: d_out / (1 + x * x)


@differentiable
def _arctan2(x1: Array, x2: Array) -> Result:
    square = x1 * x1 + x2 * x2
    return np.arctan2(x1, x2), lambda d_out: (
        _unbroadcast(d_out * x2 / square, x1),
        _unbroadcast(-d_out * x1 / square, x2),
    )


def arctan2(x1: Tensor, x2: Tensor) -> Any:
    """The angle in [-pi, pi] of the point (x2, x1):  d/dx1 = x2 / (x1^2 + x2^2),  d/dx2 = -x1 / (x1^2 + x2^2)."""
    return _arctan2(*_two_floats(x1, x2))


@_one_float
@differentiable
def sinh(x: Array) -> Result:
    """(e^x - e^-x) / 2, with derivative cosh x."""
    return np.sinh(x), lambda d_out: d_out * np.cosh(x)


@_one_float
@differentiable
def cosh(x: Array) -> Result:
    """(e^x + e^-x) / 2, with derivative sinh x."""
    return np.cosh(x), lambda d_out: d_out * np.sinh(x)


@_one_float
@differentiable
def arcsinh(x: Array) -> Result:
    """The inverse of sinh; derivative 1 / sqrt(x^2 + 1)."""
    return np.arcsinh(x), lambda d_out: d_out / np.hypot(x, 1)


@_one_float
@differentiable
def arccosh(x: Array) -> Result:
    """The inverse of cosh for x >= 1; derivative 1 / sqrt(x^2 - 1)."""
    return np.arccosh(x), lambda d_out: d_out / np.sqrt((x - 1) * (x + 1))


@_one_float
@differentiable
def arctanh(x: Array) -> Result:
    """The inverse of tanh for |x| < 1; derivative 1 / (1 - x^2)."""
    return np.arctanh(x), lambda d_out: d_out / ((1 - x) * (1 + x))


def deg2rad(x: Tensor) -> Any:
    """Degrees to radians: x pi / 180."""
    x = floating_or_double(x)
    return multiply(x, value_of(x).dtype.type(math.pi / 180))


def rad2deg(x: Tensor) -> Any:
    """Radians to degrees: x 180 / pi."""
    x = floating_or_double(x)
    return multiply(x, value_of(x).dtype.type(180 / math.pi))


@_one_float
@differentiable
def sinc(x: Array) -> Result:
    """sin(pi x) / (pi x), 1 at 0; derivative (cos(pi x) - sinc x) / x, 0 at 0."""
    out = np.sinc(x)
    safe = np.where(x == 0, 1, x)
    return out, lambda d_out: d_out * np.where(x == 0, 0, (np.cos(x.dtype.type(math.pi) * x) - out) / safe)


# Special functions -----------------------------------------------------------------------------------------------------
#
# SciPy's, loaded at the first call: `import tinynn` loads NumPy alone.

_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


@_one_float
@differentiable
def erf(x: Array) -> Result:
    """The error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x; derivative 2/sqrt(pi) e^(-x^2)."""
    from scipy.special import erf as special_erf

    return np.asarray(special_erf(x)), lambda d_out: d_out * x.dtype.type(_TWO_OVER_ROOT_PI) * np.exp(-x * x)


@_one_float
@differentiable
def erfc(x: Array) -> Result:
    """1 - erf(x), exact where that is small; derivative -2/sqrt(pi) e^(-x^2)."""
    from scipy.special import erfc as special_erfc

    return np.asarray(special_erfc(x)), lambda d_out: -d_out * x.dtype.type(_TWO_OVER_ROOT_PI) * np.exp(-x * x)


@_one_float
@differentiable
def erfinv(x: Array) -> Result:
    """The inverse of erf for |x| <= 1; derivative sqrt(pi)/2 e^(erfinv(x)^2)."""
    from scipy.special import erfinv as special_erfinv

    out = np.asarray(special_erfinv(x))
    return out, lambda d_out: d_out / x.dtype.type(_TWO_OVER_ROOT_PI) * np.exp(out * out)


@differentiable
def _i0(x: Array) -> Result:
    from scipy.special import i0 as special_i0
    from scipy.special import i1 as special_i1

    return np.asarray(special_i0(x)), lambda d_out: d_out * special_i1(x)


def i0(x: Tensor) -> Any:
    """The modified Bessel function of order 0; its derivative is the one of order 1. Gives float64 for 64 bits, else floatx."""
    return _i0(_floatx_or_double(x))


# Signs and sizes -------------------------------------------------------------------------------------------------------


@_one_float
@differentiable
def fabs(x: Array) -> Result:
    """|x| as a float, with derivative sign(x): 0 at the kink."""
    return np.absolute(x), lambda d_out: d_out * np.sign(x)


def fmax(x1: Tensor, x2: Tensor) -> Any:
    """The larger of two, or the one that is a number. At a tie the gradient goes to x1."""
    return where(isnan(x1), x2, where(isnan(x2), x1, maximum(x1, x2)))


def fmin(x1: Tensor, x2: Tensor) -> Any:
    """The smaller of two, or the one that is a number. At a tie the gradient goes to x1."""
    return where(isnan(x1), x2, where(isnan(x2), x1, minimum(x1, x2)))


@differentiable
def _nan_to_num(x: Array, nan: Any, posinf: Any, neginf: Any) -> Result:
    kept = np.isfinite(x)
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf), lambda d_out: np.where(kept, d_out, 0)


def nan_to_num(x: Tensor, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """x with NaN and the infinities replaced (by the largest numbers of the dtype by default), where it has derivative 0."""
    x = _tensor(x)
    return x if value_of(x).dtype.kind not in "fc" else _nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


# Remainders ------------------------------------------------------------------------------------------------------------


@differentiable
def _mod(x1: Any, x2: Any) -> Result:
    out = np.mod(x1, x2)
    return out, lambda d_out: (_unbroadcast(d_out, x1), _unbroadcast(-d_out * np.floor(np.divide(x1, x2)), x2))


def mod(x1: Tensor, x2: Tensor) -> Any:
    """x1 - floor(x1 / x2) x2, with the sign of x2:  d/dx1 = 1,  d/dx2 = -floor(x1 / x2), the jumps left out."""
    return _mod(*_two_numbers(x1, x2))


@differentiable
def _fmod(x1: Any, x2: Any) -> Result:
    out = np.fmod(x1, x2)
    return out, lambda d_out: (_unbroadcast(d_out, x1), _unbroadcast(-d_out * np.trunc(np.divide(x1, x2)), x2))


def fmod(x1: Tensor, x2: Tensor) -> Any:
    """x1 - trunc(x1 / x2) x2, with the sign of x1:  d/dx1 = 1,  d/dx2 = -trunc(x1 / x2), the jumps left out."""
    return _fmod(*_two_numbers(x1, x2))


def floor_divide(x1: Tensor, x2: Tensor) -> Array:
    """floor(x1 / x2). Has no gradient."""
    return np.asarray(np.floor_divide(*map(value_of, _two_numbers(x1, x2))))


def gcd(x1: Tensor, x2: Tensor) -> Array:
    """The greatest common divisor of integers."""
    return np.asarray(np.gcd(*map(value_of, promote(_tensor(x1), _tensor(x2)))))


def lcm(x1: Tensor, x2: Tensor) -> Array:
    """The least common multiple of integers."""
    return np.asarray(np.lcm(*map(value_of, promote(_tensor(x1), _tensor(x2)))))


# Steps: without gradient -----------------------------------------------------------------------------------------------


def floor(x: Tensor) -> Array:
    """The largest whole number not above x, as a float. Has no gradient."""
    return np.asarray(np.floor(value_of(floating(x))))


def ceil(x: Tensor) -> Array:
    """The smallest whole number not below x, as a float. Has no gradient."""
    return np.asarray(np.ceil(value_of(floating(x))))


def trunc(x: Tensor) -> Array:
    """x without its fraction. Has no gradient."""
    return np.asarray(np.trunc(value_of(_tensor(x))))


def round(x: Tensor, decimals: int = 0) -> Array:
    """x to so many decimals; halves go to the even neighbour. Has no gradient."""
    x = value_of(_numeric(x))
    if x.dtype.kind == "f":
        factor = x.dtype.type(np.float32(10.0**decimals))  # by way of float32, as in Keras
        return np.asarray(np.round(x) if decimals == 0 else np.round(x * factor) / factor)
    if decimals >= 0:
        return np.asarray(x)
    factor = np.dtype(config.floatx()).type(np.float32(10.0**decimals))
    return np.asarray((np.round(x.astype(factor.dtype) * factor) / factor).astype(x.dtype))


def heaviside(x1: Tensor, x2: Tensor) -> Array:
    """0 below zero, 1 above, x2 at zero. Has no gradient."""
    return np.asarray(np.heaviside(*map(value_of, _two_floats(x1, x2, long=True))))


def nextafter(x1: Tensor, x2: Tensor) -> Array:
    """The next floating-point number from x1 towards x2. Has no gradient."""
    return np.asarray(np.nextafter(*map(value_of, _two_floats(x1, x2))))


def ldexp(x1: Tensor, x2: Tensor) -> Any:
    """x1 2^x2 for whole numbers x2; derivative 2^x2.

    Raises:
        TypeError: x2 that are not integers.
    """
    x1, x2 = _tensor(x1), value_of(_tensor(x2))
    if x2.dtype.kind not in "biu":
        raise TypeError(f"ldexp exponent must be an integer type. Received: x2 dtype={x2.dtype.name}")
    x1 = floating(x1)
    return multiply(x1, np.ldexp(value_of(x1).dtype.type(1), x2.astype(np.int32)))


# Complex numbers: values only ------------------------------------------------------------------------------------------


def real(x: Tensor) -> Any:
    """The real part: of real numbers, they themselves."""
    x = _tensor(x)
    return np.real(value_of(x)) if value_of(x).dtype.kind == "c" else x


def imag(x: Tensor) -> Array:
    """The imaginary part: of real numbers, zeros."""
    return np.asarray(np.imag(value_of(_tensor(x))))


def conjugate(x: Tensor) -> Any:
    """The complex conjugate: of real numbers, they themselves."""
    x = _tensor(x)
    return np.conjugate(value_of(x)) if value_of(x).dtype.kind == "c" else x


conj = conjugate


def angle(x: Tensor) -> Array:
    """The angle of complex numbers; of real ones 0, or pi for negative ones. Has no gradient."""
    x = value_of(floating(x))
    return np.asarray(np.angle(x).astype(np.real(x).dtype))


def polar(abs_: Tensor, angle: Tensor) -> Array:
    """The complex numbers abs_ (cos angle + i sin angle). Values only."""
    radius, turn = map(value_of, _two_floats(abs_, angle))
    return np.asarray(radius * np.cos(turn) + 1j * (radius * np.sin(turn)))


def view_as_complex(x: Tensor) -> Array:
    """Pairs along the last axis, which has length 2, as complex64, which Keras gives for every dtype. Values only.

    Raises:
        ValueError: another length.
    """
    x = value_of(floating(x))
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ValueError(
            f"view_as_complex expects a last axis of length 2, for real and imaginary part; got {x.shape}."
        )
    return np.asarray(x[..., 0] + 1j * x[..., 1], np.complex64)


def view_as_real(x: Tensor) -> Array:
    """Complex numbers as pairs (real, imaginary) along a new last axis. Values only."""
    x = value_of(_tensor(x))
    return np.stack([np.real(x), np.imag(x)], axis=-1)


# What operations of two take -------------------------------------------------------------------------------------------


def _two_floats(x1: Tensor, x2: Tensor, long: bool = False) -> list[Any]:
    """Both as arrays of floats in the dtype they have together; integers become floatx (int64 float64, if `long`)."""
    both = _in_one_dtype(x1, x2) if long else _in_one_dtype(x1, x2, 0.0)
    return [floating_or_double(x) for x in both] if long else both


def floating_or_double(x: Tensor) -> Any:
    """As `floating`, but int64 becomes float64 whatever floatx is: some of Keras's operations do so."""
    x = _tensor(x)
    return cast(x, np.float64) if value_of(x).dtype == np.int64 else floating(x)


def _floatx_or_double(x: Tensor) -> Any:
    """float64 for what has 64 bits, else floatx: Keras's rule for a few operations."""
    x = _tensor(x)
    return cast(x, np.float64 if value_of(x).dtype in (np.int64, np.float64) else config.floatx())


def _two_numbers(x1: Tensor, x2: Tensor) -> list[Any]:
    """Both as arrays in the dtype they have together; truth values become int32."""
    x1, x2 = _in_one_dtype(x1, x2)
    return [cast(x, np.int32) if value_of(x).dtype.kind == "b" else x for x in (x1, x2)]


def _in_one_dtype(x1: Tensor, x2: Tensor, *beside: Any) -> list[Any]:
    dtype = result_type(x1, x2, *beside)
    return [convert_to_tensor(x, dtype) for x in (x1, x2)]
