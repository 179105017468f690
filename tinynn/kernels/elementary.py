"""exp, log and tanh in float32 as polynomials without branches, which LLVM turns into vector code; for compiled twins.

Cephes' expf, logf and tanhf (Moshier 1989): reduce the argument to a small interval, where a polynomial is as good as the
rounding. Within 2 units in the last place (the tests measure it over all exponents); the C library's are called one number
at a time and take several times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._compiled import bits, compiled, exp, log


@compiled
def exp32(x: Any) -> Any:
    """e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln 2 / 2. Overflow gives inf, underflow 0, NaN stays.

    Adding 1.5 2^23 rounds to an integer, which then stands in the low bits. ln 2 is taken off in two parts, so that r is
    exact. 2^n is put together from its exponent bits, in two halves since n may be below the smallest exponent.
    """
    x = np.float32(89) if x > np.float32(89) else x
    x = np.float32(-104) if x < np.float32(-104) else x
    shifted = x * np.float32(1.44269504088896341) + np.float32(12582912)
    n = shifted - np.float32(12582912)
    r = (x - n * np.float32(0.693359375)) - n * np.float32(-2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = (p * (r * r) + r) + np.float32(1)
    k = np.int32(bits(shifted) - np.int32(0x4B400000))
    half = np.int32(k >> np.int32(1))
    a = bits(np.int32(np.int32(half + np.int32(127)) << np.int32(23)))
    b = bits(np.int32(np.int32(np.int32(k - half) + np.int32(127)) << np.int32(23)))
    return p * a * b


@compiled
def log32(x: Any) -> Any:
    """ln x = n ln 2 + ln m for x = 2^n m, m in [sqrt(1/2), sqrt 2). 0 gives -inf, below NaN; denormals count as zero."""
    inner = np.int32(bits(x) - np.int32(0x3F3504F3))
    n = np.float32(np.int32(inner >> np.int32(23)))
    m = bits(np.int32(np.int32(inner & np.int32(0x007FFFFF)) + np.int32(0x3F3504F3))) - np.float32(1)
    z = m * m
    p = np.float32(7.0376836292e-2)
    p = p * m - np.float32(1.1514610310e-1)
    p = p * m + np.float32(1.1676998740e-1)
    p = p * m - np.float32(1.2420140846e-1)
    p = p * m + np.float32(1.4249322787e-1)
    p = p * m - np.float32(1.6668057665e-1)
    p = p * m + np.float32(2.0000714765e-1)
    p = p * m - np.float32(2.4999993993e-1)
    p = p * m + np.float32(3.3333331174e-1)
    y = p * m * z + n * np.float32(-2.12194440e-4) - np.float32(0.5) * z
    y = m + y + n * np.float32(0.693359375)
    y = x if x == np.float32(np.inf) else y
    y = np.float32(-np.inf) if x < np.float32(1.17549435e-38) else y
    return np.float32(np.nan) if (x < np.float32(0) or x != x) else y


@compiled
def tanh32(x: Any) -> Any:
    """Near zero an odd polynomial; else 1 - 2 / (e^2|x| + 1), with the sign of x."""
    size = abs(x)
    z = x * x
    p = np.float32(-5.70498872745e-3)
    p = p * z + np.float32(2.06390887954e-2)
    p = p * z - np.float32(5.37397155531e-2)
    p = p * z + np.float32(1.33314422036e-1)
    p = p * z - np.float32(3.33332819422e-1)
    small = p * z * x + x
    big = np.float32(1) - np.float32(2) / (exp32(size + size) + np.float32(1))
    big = -big if x < np.float32(0) else big
    small = x if z == np.float32(0) else small  # -0 stays -0
    return small if size < np.float32(0.625) else big


@compiled
def log1p(x: Any, one: Any) -> Any:
    """log(1 + x) for x in [0, 1] with x's own precision however small: 1 + x rounds, and x / ((1 + x) - 1) makes up for it.

    Kahan's: the quotient corrects log of the rounded sum to first order. `one` is 1 in the precision wanted.
    """
    rounded = one + x
    return x if rounded == one else log(rounded) * (x / (rounded - one))


@compiled
def expm1(x: Any, one: Any) -> Any:
    """e^x - 1 with x's own precision however small: e^x rounds, and x / log(e^x) makes up for it (Kahan's, as above)."""
    rounded = exp(x)
    if rounded == one or x != x:
        return x
    less = rounded - one
    return less if less == -one or less > one + one else less * (x / log(rounded))


# erfc z = e^(-z^2) t p(2t - 1) with t = 4 / (4 + z) for z >= 0: a Chebyshev fit of e^(z^2) erfc(z) / t over all of t in (0, 1],
# found with 60 digits. Highest power first.
ERFC_64 = (
    -6.636136270870042e-11,
    -2.15867244329261e-09,
    -2.0595602140369004e-10,
    2.6689349445113607e-08,
    1.8992248321673757e-08,
    -2.0562117558492706e-07,
    -3.5623660433261754e-07,
    1.1686862055810618e-06,
    4.715368344745338e-06,
    -9.06190428265911e-07,
    -4.420327016401017e-05,
    -0.00011376405434486261,
    7.023973398478002e-05,
    0.0015280141009745903,
    0.006592513332295256,
    0.019095378704192954,
    0.04350273431022308,
    0.08271289697097221,
    0.1352134578282994,
    0.19330217556627285,
    0.2441371822702206,
    0.27399891525012293,
)
ERFC_32 = (
    -0.000111348571,
    -3.06911072e-05,
    0.00152362531,
    0.00668694426,
    0.0190980511,
    0.0434627947,
    0.0827122181,
    0.135220446,
    0.193302237,
    0.244136838,
    0.273998914,
)


@compiled
def erfc(z: Any, like: Any) -> Any:
    """1 - erf z = 2/sqrt(pi) times the integral of e^(-u^2) from z on; in the precision of the array `like`.

    Relatively exact to some ulp, and z^2 ulp far out, where e^(-z^2) feels the rounding of its argument.
    """
    real = like.dtype.type
    size = abs(z)
    t = real(4) / (real(4) + size)
    y = t + t - real(1)
    if like.itemsize == 4:
        p = real(ERFC_32[0])
        for k in range(1, len(ERFC_32)):
            p = p * y + real(ERFC_32[k])
    else:
        p = real(ERFC_64[0])
        for k in range(1, len(ERFC_64)):
            p = p * y + real(ERFC_64[k])
    tail = exp(-size * size) * t * p
    return real(2) - tail if z < real(0) else tail
