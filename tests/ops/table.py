"""Every operation of `tinynn.ops` beyond the first ones, as a row: how it is called, on what shapes, from which numbers.

The properties of test_table.py go through the rows: derivatives against an oracle, everything against Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinynn._typing import Array, Shape

FLOATS = ("float32", "float64")
NUMBERS = ("int8", "uint8", "int32", "int64", *FLOATS)
ALL = ("bool", *NUMBERS)
INTEGERS = ("int8", "uint8", "int32", "int64")

A = np.array


class Row(NamedTuple):
    """One way to call an operation.

    name: of the operation.
    shapes: of the arrays it is called with.
    call: how, given `ops` or `keras.ops` and the arrays; the operation on the arrays alone by default.
    domains: the interval for each array (the last one for the rest), where the function is smooth.
    gradient: which arrays it is differentiable by.
    analytic: whether NumPy computes it for complex numbers, too, which the complex step needs.
    dtypes: that it is tried with.
    ulps: how far values may be from Keras's: units in the last place of the largest.
    keras_gradient: whether TensorFlow has the same gradient; else why not is said beside.
    keras_double: whether Keras's float64 is right to float64's precision; else why not is said beside.
    """

    name: str
    shapes: tuple[Shape, ...]
    call: Callable[..., Any] | None = None
    domains: tuple[tuple[float, float], ...] = ((-2.0, 2.0),)
    gradient: bool = True
    analytic: bool = False
    dtypes: tuple[str, ...] = ALL
    ulps: float = 16
    keras_gradient: bool = True
    keras_double: bool = True

    def run(self, k: Any, *arrays: Any) -> list[Any]:
        """The outputs as a flat list."""
        out = getattr(k, self.name)(*arrays) if self.call is None else self.call(k, *arrays)
        return flat(out)

    def draw(self, numbers: np.random.Generator) -> list[Array]:
        """Arrays for it: numbers spread over each domain, no two alike in all of them, so that nothing ties."""
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        total = sum(sizes)
        places = numbers.permutation(total) + 0.5 + numbers.uniform(-0.2, 0.2, total)
        arrays = []
        for i, (shape, part) in enumerate(zip(self.shapes, np.split(places, np.cumsum(sizes)[:-1]))):
            low, high = self.domains[min(i, len(self.domains) - 1)]
            arrays.append((low + (high - low) * part / total).reshape(shape))
        return arrays


def flat(out: Any) -> list[Any]:
    if isinstance(out, (tuple, list)):
        return [part for member in out for part in flat(member)]
    return [out]


def one(name: str, low: float = -2, high: float = 2, **settings: Any) -> Row:
    return Row(name, ((2, 3),), domains=((low, high),), **settings)


def two(name: str, *domains: tuple[float, float], shapes: Any = ((2, 1, 3), (2, 1)), **settings: Any) -> Row:
    return Row(name, shapes, domains=domains or ((-2.0, 2.0),), **settings)


def with_(name: str, shape: Any, *after: Any, **keywords: Any) -> Row:
    """The operation on one array (or several shapes) and settings; keywords that Row knows go there."""
    row = {key: keywords.pop(key) for key in list(keywords) if key in Row._fields}
    shapes = shape if shape and isinstance(shape[0], tuple) else (shape,)
    return Row(name, shapes, lambda k, *xs: getattr(k, name)(*xs, *after, **keywords), **row)


CUBE = (2, 3, 4)
NONE: dict[str, Any] = {"gradient": False}

ELEMENTWISE = [
    one("exp2", analytic=True),
    one("expm1", analytic=True),
    one("log2", 0.1, 3, analytic=True),
    one("log10", 0.1, 3, analytic=True),
    one("cbrt", 0.2, 3),
    one("rsqrt", 0.2, 3, analytic=True),
    one("reciprocal", 0.2, 3, analytic=True),
    one("tan", -1.2, 1.2, analytic=True),
    one("arcsin", -0.9, 0.9, analytic=True),
    one("arccos", -0.9, 0.9, analytic=True),
    one("arctan", analytic=True),
    one("sinh", analytic=True),
    one("cosh", analytic=True),
    one("arcsinh", analytic=True),
    one("arccosh", 1.1, 3, analytic=True),
    one("arctanh", -0.9, 0.9, analytic=True),
    one("deg2rad", -90, 90, analytic=True),
    one("rad2deg", analytic=True),
    one("sinc", analytic=True),
    one("erf"),
    one("erfc", ulps=64),
    one("erfinv", -0.95, 0.95),
    one("i0", ulps=64),
    one("fabs"),
    one("nan_to_num"),
    one("real"),
    one("conj"),
    one("conjugate"),
    two("hypot"),
    two("arctan2"),
    two("logaddexp"),
    two("logaddexp2", keras_double=False),  # Keras rounds ln 2 to float32
    two("fmax"),
    two("fmin"),
    two("mod", (-7.0, 7.0), (2.0, 3.0)),
    two("fmod", (-7.0, 7.0), (2.0, 3.0)),
    two("floor_divide", (-7.0, 7.0), (2.0, 3.0), **NONE),
    *(one(name, -3, 3, **NONE) for name in ("floor", "ceil", "trunc", "round", "angle", "imag")),
    with_("round", (2, 3), 1, **NONE),
    with_("round", (2, 3), -1, domains=((-70.0, 70.0),), **NONE),
    two("heaviside", **NONE),
    two("nextafter", dtypes=FLOATS, **NONE),
    two("gcd", (0, 60.0), dtypes=INTEGERS, **NONE),
    two("lcm", (1, 11.0), dtypes=INTEGERS, **NONE),
    Row("ldexp", ((2, 3),), lambda k, x: k.ldexp(x, A([1, -2, 3], np.int32))),
    two("polar", (0.1, 2.0), (-3.0, 3.0), dtypes=FLOATS, **NONE),
    with_("view_as_complex", (3, 2), dtypes=FLOATS, **NONE),
    Row("view_as_real", ((3, 2),), lambda k, x: k.view_as_real(k.view_as_complex(x)), dtypes=FLOATS, **NONE),
]

LOGIC = [
    *(one(name, **NONE) for name in ("isfinite", "isinf", "isposinf", "isneginf", "isreal", "signbit", "logical_not")),
    *(two(name, **NONE) for name in ("isclose", "allclose", "logical_and", "logical_or", "logical_xor")),
    *(two(name, (0, 7.0), dtypes=("bool", *INTEGERS), **NONE) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")),
    *(
        two(name, (0, 5.0), dtypes=INTEGERS, **NONE)
        for name in ("bitwise_left_shift", "bitwise_right_shift", "left_shift", "right_shift")
    ),
    *(one(name, dtypes=("bool", *INTEGERS), **NONE) for name in ("bitwise_not", "bitwise_invert")),
    Row("isin", ((2, 3), (4,)), domains=((-3.0, 3.0),), **NONE),
    *(
        with_(name, CUBE, axis=axis, keepdims=keep, **NONE)
        for name in ("all", "any")
        for axis in (None, 1, (0, -1))
        for keep in (False, True)
    ),
    *(with_("count_nonzero", CUBE, axis=axis, **NONE) for axis in (None, 1, (0, -1))),
]

AXES: list[dict[str, Any]] = [
    {"axis": axis, "keepdims": keep} for axis in (None, 0, -2, (0, 2), (-1, 0, 1)) for keep in (False, True)
]
ONE_AXIS = [{"axis": axis} for axis in (None, 0, -1)]

REDUCTIONS = [
    *(
        with_(name, CUBE, domains=((0.3, 2.0),), **axes)
        for name in ("prod", "var", "std", "amax", "amin", "ptp", "logsumexp")
        for axes in AXES
    ),
    *(
        with_(name, CUBE, domains=((0.3, 2.0),), **axes)
        for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin")
        for axes in AXES[:4] + AXES[-1:]
    ),
    *(
        with_(name, CUBE, q, domains=((0.3, 2.0),), **axes)
        for name in ("quantile", "nanquantile")
        for q in (0.3, [0.0, 0.55, 1.0])
        for axes in AXES[:4] + AXES[6:8]
    ),
    *(
        with_(name, CUBE, 0.37, method=method, axis=-1)
        for name in ("quantile", "nanquantile")
        for method in ("lower", "higher", "nearest", "midpoint")
    ),
    *(with_(name, CUBE, [25, 60], axis=1) for name in ("percentile", "nanpercentile")),
    *(with_(name, CUBE, **axes) for name in ("median", "nanmedian") for axes in AXES[:4]),
    *(with_(name, CUBE, **axes, **NONE) for name in ("argmin", "nanargmin", "nanargmax") for axes in AXES[:4]),
    *(
        with_(name, CUBE, **axes, domains=((0.3, 2.0),))
        for name in ("cumsum", "cumprod", "nancumsum", "nancumprod")
        for axes in ONE_AXIS
    ),
    with_("cumsum", CUBE, axis=0, dtype="float32", dtypes=("int32", "float32"), **NONE),
    *(with_("average", CUBE, domains=((0.2, 2.0),), **axes) for axes in ONE_AXIS),
    Row("average", (CUBE, CUBE), lambda k, x, w: k.average(x, axis=1, weights=w), domains=((0.2, 2.0),)),
    Row("average", (CUBE, (3,)), lambda k, x, w: k.average(x, axis=1, weights=w), domains=((0.2, 2.0),)),
    Row("average", (CUBE, CUBE), lambda k, x, w: k.average(x, weights=w), domains=((0.2, 2.0),)),
    *(
        with_(name, CUBE, initial=initial, **axes)
        for name in ("max", "min")
        for initial in (0.5, 9, -9)
        for axes in AXES[:2]
    ),
    with_("moments", CUBE, [0, 2]),
    with_("moments", CUBE, 1, keepdims=True),
    with_("diff", CUBE),
    with_("diff", CUBE, n=2, axis=1),
    with_("trapezoid", CUBE, axis=1),
    with_("trapezoid", CUBE, dx=0.5),
    Row("trapezoid", (CUBE, (4,)), lambda k, y, x: k.trapezoid(y, x)),
    Row("psnr", ((2, 3), (2, 3)), lambda k, x, y: k.psnr(x, y, 2.0), dtypes=FLOATS),
    with_("corrcoef", (3, 5), ulps=64),
    *(
        Row("correlate", shapes, lambda k, x, y, mode=mode: k.correlate(x, y, mode=mode))
        for shapes in (((5,), (3,)), ((3,), (4,)), ((6,), (2,)))
        for mode in ("valid", "same", "full")
        if (shapes, mode) != (((3,), (4,)), "valid")  # nothing to correlate; TensorFlow's gradient is what memory held
    ),
]

SHAPES = [
    with_("moveaxis", CUBE, 0, -1),
    with_("moveaxis", CUBE, (0, 1), (-1, 0)),
    with_("swapaxes", CUBE, 0, -1),
    with_("ravel", CUBE),
    *(with_("rot90", CUBE, k=k, axes=axes) for k, axes in ((1, (0, 1)), (3, (2, 1)))),
    with_("rot90", (3, 3), k=2),  # Keras scrambles what is not square
    *(with_("flip", CUBE, axis=axis) for axis in (None, 1, (0, -1))),
    with_("fliplr", CUBE),
    with_("flipud", CUBE),
    *(with_("roll", CUBE, shift, axis=axis) for shift, axis in ((2, None), (-1, 1), ((1, 2), (0, 2)))),
    *(with_("repeat", CUBE, repeats, axis=axis) for repeats, axis in ((2, None), (3, 1), (A([1, 0, 2]), 1))),
    *(with_("tile", CUBE, repeats) for repeats in (2, (2, 1, 3), (2, 1, 1, 2))),
    *(
        with_("pad", (3, 4), width, mode)
        for width in (1, ((1, 2), (0, 1)))
        for mode in ("constant", "reflect", "symmetric")
    ),
    with_("pad", (3, 4), ((1, 2), (0, 1)), constant_values=3),
    *(with_("diag", shape, k) for shape in ((3,), (3, 4)) for k in (0, 1, -2)),
    *(with_("diagflat", (2, 2), k) for k in (0, -1)),
    *(with_("diagonal", CUBE, **s) for s in ({}, {"offset": 1}, {"offset": -1, "axis1": 2, "axis2": 0})),
    *(with_(name, CUBE, k) for name in ("tril", "triu") for k in (0, 1, -1)),
    with_("trace", CUBE),
    with_("trace", CUBE, offset=1, axis1=-1, axis2=1),
    *(with_("split", (4, 6), part, axis=1) for part in (3, [2, 5])),
    *(with_("array_split", (4, 5), part, axis=1) for part in (3, [2, 3])),
    with_("vsplit", (4, 3), 2),
    with_("hsplit", (4, 6), 2),
    with_("hsplit", (4,), 2),
    with_("dsplit", CUBE, [1, 3]),
    with_("unstack", CUBE),
    with_("unstack", CUBE, 3, 1),
    *(Row("append", ((2, 3), (2, 3)), lambda k, x, y, a=axis: k.append(x, y, axis=a)) for axis in (None, 0, -1)),
    *(
        Row(name, shapes, lambda k, *xs, n=name: getattr(k, n)(xs))
        for name in ("vstack", "hstack", "dstack")
        for shapes in (((3,), (3,)), ((2, 3), (2, 3)), (CUBE, CUBE))
    ),
    with_("extract_sequences", (2, 10), 4, 3),
    with_("rearrange", (2, 6, 3), "b (h w) c -> b c (w h)", h=2),
    with_("get_item", CUBE, (1, slice(None), -1)),
    with_("copy", CUBE),
    with_("view", (2, 4), "int32", dtypes=("float32",), **NONE),
    Row("meshgrid", ((2,), (3,))),
    Row("meshgrid", ((2,), (3,), (2,)), lambda k, *xs: k.meshgrid(*xs, indexing="ij")),
]

INDEX = A([[0, 1], [-1, 0]])
INDEXING = [
    *(with_("take", CUBE, INDEX, axis=axis) for axis in (None, 0, 1, -1)),
    with_("take", CUBE, 1, axis=1),
    with_("take_along_axis", (2, 3), A([[2, 0], [1, -1]]), axis=1),
    with_("take_along_axis", (3, 2), A([[2, 0]]), axis=0),
    with_("take_along_axis", CUBE, A([5, 0, 7]), axis=None),
    with_("slice", CUBE, (1, 0, 1), (1, 2, 3)),
    Row(
        "slice_update", (CUBE, (1, 2, 2)), lambda k, x, u: k.slice_update(x, (1, 0, 1), u), keras_gradient=False
    ),  # XLA has none
    Row("scatter", ((3,),), lambda k, v: k.scatter(A([[0, 1], [2, 0], [0, 1]]), v, (3, 2))),
    Row("scatter", ((2, 3),), lambda k, v: k.scatter(A([[3], [1]]), v, (4, 3))),
    *(
        Row(
            "scatter_update",
            ((4,), (3,)),
            lambda k, x, u, r=reduction: k.scatter_update(x, A([[1], [3], [0]]), u, reduction=r),
        )
        for reduction in (None, "add", "max", "min", "mul")
    ),
    Row("scatter_update", ((3, 2), (2, 2)), lambda k, x, u: k.scatter_update(x, A([[2], [0]]), u)),
    *(
        with_(name, shape, A([2, 0, 2, 1, 0]), num_segments=n, domains=((0.2, 2.0),))
        for name in ("segment_sum", "segment_max", "segment_min", "segment_prod")
        for shape in ((5,), (5, 2))
        for n in (None, 3, 4)
    ),
    with_("multi_hot", (2, 3), 4, domains=((0, 3.9),), dtypes=("int32", "int64"), **NONE),
    with_("multi_hot", (3,), 4, axis=0, dtype="int32", domains=((0, 3.9),), dtypes=("int32",), **NONE),
    Row(
        "select", ((2, 3), (2, 3)), lambda k, x, y: k.select([k.greater(x, 1), k.less(y, 0)], [x, y], 3), dtypes=NUMBERS
    ),
    with_("unravel_index", (4,), (3, 4), domains=((0, 11.0),), dtypes=("int32", "int64"), **NONE),
    one("nonzero", **NONE),
    one("where", **NONE),
]

SORTING = [
    *(with_("sort", CUBE, axis=axis) for axis in (-1, 0, 1)),
    *(with_("argsort", CUBE, axis=axis, **NONE) for axis in (-1, 0, None)),
    with_("top_k", (2, 5), 3),
    with_("top_k", (5,), 1),
    Row(
        "argpartition",
        ((5,),),
        lambda k, x: k.sort(k.argpartition(x, 2)[:3]),
        domains=((0.1, 3.0),),
        dtypes=FLOATS,
        **NONE,
    ),
    Row("in_top_k", ((3, 4),), lambda k, x: k.in_top_k(A([0, 3, 1], np.int32), x, 2), dtypes=FLOATS, **NONE),
    Row(
        "in_top_k",
        ((2,),),
        lambda k, x: k.in_top_k(A([0, 1, 2], np.int32), A([[1, 1, 0], [2, 1, 1], [np.nan, 0, 1]], np.float32), 1),
        dtypes=("float32",),
        **NONE,
    ),
    *(
        Row("searchsorted", ((4,), (3,)), lambda k, s, v, side=side: k.searchsorted(k.sort(s), v, side=side), **NONE)
        for side in ("left", "right")
    ),
    Row("digitize", ((2, 3),), lambda k, x: k.digitize(x, [-1.0, 0.5, 1.0]), **NONE),
    with_("bincount", (6,), domains=((0, 4.0),), dtypes=INTEGERS, **NONE),
    with_("bincount", (6,), minlength=7, domains=((0, 4.0),), dtypes=INTEGERS, **NONE),
    with_("bincount", (2, 6), domains=((0, 4.0),), dtypes=("int32",), **NONE),
    Row(
        "bincount", ((6,),), lambda k, w: k.bincount(A([0, 2, 2, 1, 4, 2], np.int32), weights=w), dtypes=FLOATS, **NONE
    ),
    with_("histogram", (20,), dtypes=NUMBERS, **NONE),
    with_("histogram", (20,), bins=4, range=(-1.5, 1.0), dtypes=FLOATS, **NONE),
    with_("unique", (7,), dtypes=NUMBERS, **NONE),
    with_("unique", (2, 4), return_index=True, return_inverse=True, return_counts=True, dtypes=INTEGERS, **NONE),
    with_("unique", (7,), size=3, dtypes=("int32",), **NONE),
    with_("unique", (3,), size=6, fill_value=9, return_counts=True, dtypes=("int32",), **NONE),
]

EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
    ("...ij,...jk->...ik", (2, 2, 3), (3, 2)),
    ("i,j->ij", (2,), (3,)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->i", (2, 3)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("ii->i", (3, 3)),
    ("ij,kj->i", (2, 3), (2, 3)),
    ("ab,bc,cd->ad", (2, 3), (3, 2), (2, 2)),
    ("abc,cd->abd", CUBE, (4, 2)),
]
PRODUCTS = [
    *(
        Row("einsum", tuple(shapes), lambda k, *xs, s=subscripts: k.einsum(s, *xs), analytic=True)
        for subscripts, *shapes in EINSUMS
    ),
    *(
        Row("tensordot", shapes, lambda k, x, y, a=axes: k.tensordot(x, y, axes=a), analytic=True)
        for shapes, axes in (
            (((2, 3), (3, 2)), 1),
            (((2, 3), (2, 3)), 2),
            (((2, 3), (2,)), 0),
            ((CUBE, (3, 2)), ([0, 1], [1, 0])),
            ((CUBE, (4, 2)), (2, 0)),
        )
    ),
    *(
        Row(name, shapes, analytic=True)
        for name in ("dot", "inner", "vdot", "outer")
        for shapes in (((3,), (3,)), ((3, 3), (3, 3)), ((), ()))
    ),
    Row("dot", (CUBE, (4, 2)), analytic=True),
    Row("dot", ((2, 3), ()), analytic=True),
    Row("inner", (CUBE, (2, 4)), analytic=True),
    *(Row("kron", shapes, analytic=True) for shapes in (((2,), (3,)), ((2, 3), (2, 2)), ((2, 2), (3,)))),
    *(
        Row("cross", shapes, analytic=True)
        for shapes in (((3,), (3,)), ((4, 3), (3,)), ((2, 3), (2, 2)), ((2, 2), (2, 2)))
    ),
    Row("cross", ((3, 2), (3, 2)), lambda k, x, y: k.cross(x, y, axis=0), analytic=True),
    Row("cdist", ((3, 2), (4, 2)), ulps=256),
    Row("cdist", ((2, 3, 2), (2, 4, 2)), ulps=256),
]


def near_unit(k: Any, x: Any) -> Any:
    """A well conditioned matrix."""
    return k.add(x, k.multiply(k.eye(x.shape[-1], dtype=x.dtype), 3))


def definite(k: Any, x: Any) -> Any:
    """A symmetric positive definite matrix."""
    turned = k.swapaxes(x, -1, -2)
    return k.add(k.matmul(x, turned), k.eye(x.shape[-2], dtype=x.dtype))


def symmetric(k: Any, x: Any) -> Any:
    return k.add(x, k.swapaxes(x, -1, -2))


def of(make: Any, name: str, *after: Any, **settings: Any) -> Any:
    return lambda k, x: getattr(k, name)(make(k, x), *after, **settings)


SQUARE, STACK = (3, 3), (2, 3, 3)
LINALG: dict[str, Any] = {"dtypes": FLOATS, "ulps": 512}


def squares_of_vectors(k: Any, pair: Any) -> list[Any]:
    """Eigenvalues, and what does not depend on the signs of the eigenvectors."""
    return [pair[0], k.square(pair[1])]


def singular(k: Any, parts: Any, rank: int = 2) -> list[Any]:
    """Singular values, and what does not depend on the signs of the vectors."""
    return [parts[1], k.square(parts[0][..., :rank]), k.square(parts[2][..., :rank, :])]


MATRICES = [
    *(
        Row(name, (shape,), of(near_unit, name), analytic=True, domains=((-1.0, 1.0),), **LINALG)
        for name in ("det", "inv")
        for shape in (SQUARE, STACK)
    ),
    Row("slogdet", (STACK,), of(near_unit, "slogdet"), domains=((-1.0, 1.0),), **LINALG),
    Row("logdet", (STACK,), of(definite, "logdet"), domains=((-1.0, 1.0),), **LINALG),
    *(Row("pinv", (shape,), ulps=4096, dtypes=FLOATS) for shape in ((4, 2), (2, 4), (2, 4, 2))),
    *(
        Row(
            "solve",
            shapes,
            lambda k, a, b: k.solve(near_unit(k, a), b),
            analytic=True,
            domains=((-1.0, 1.0),),
            **LINALG,
        )
        for shapes in ((SQUARE, (3, 2)), (SQUARE, (3,)), (STACK, (2, 3, 2)))
    ),
    *(
        Row(
            "solve_triangular",
            (SQUARE, (3, 2)),
            lambda k, a, b, low=low: k.solve_triangular(near_unit(k, a), b, lower=low),
            analytic=True,
            domains=((-1.0, 1.0),),
            **LINALG,
        )
        for low in (False, True)
    ),
    *(Row("lstsq", ((4, 2), b), ulps=4096, dtypes=FLOATS) for b in ((4,), (4, 3))),
    Row("lstsq", ((2, 4), (2,)), ulps=4096, dtypes=FLOATS),
    one("matrix_rank", dtypes=FLOATS, **NONE),
    *(
        Row("cholesky", (shape,), of(definite, "cholesky"), domains=((-1.0, 1.0),), **LINALG)
        for shape in (SQUARE, STACK)
    ),
    Row("cholesky", (SQUARE,), of(definite, "cholesky", upper=True), domains=((-1.0, 1.0),), **LINALG),
    *(
        Row("cholesky_inverse", (SQUARE,), of(near_unit, "cholesky_inverse", upper), domains=((-1.0, 1.0),), **LINALG)
        for upper in (False, True)
    ),
    *(
        Row("qr", (shape,), lambda k, x: [k.square(part) for part in k.qr(x)], **LINALG)
        for shape in (SQUARE, (4, 3), (2, 3, 2))
    ),
    Row("qr", ((2, 3),), lambda k, x: [k.square(part) for part in k.qr(x)], **LINALG, **NONE),
    Row("qr", ((3, 2),), lambda k, x: k.abs(k.qr(x, mode="complete")[1]), **LINALG, **NONE),
    *(
        Row("eigh", (shape,), lambda k, x: squares_of_vectors(k, k.eigh(symmetric(k, x))), **LINALG)
        for shape in (SQUARE, STACK)
    ),
    Row("eig", (SQUARE,), lambda k, x: k.sort(k.real(k.eig(symmetric(k, x))[0])), **LINALG, **NONE),
    *(
        Row("svd", (shape,), lambda k, x: singular(k, k.svd(x, full_matrices=False)), **LINALG)
        for shape in ((3, 2), (2, 2), (2, 3), (2, 3, 2))
    ),
    Row("svd", ((3, 2),), lambda k, x: singular(k, k.svd(x)), **LINALG, **NONE),
    Row("svd", ((3, 2),), lambda k, x: k.svd(x, compute_uv=False), **LINALG),
    *(
        Row("lu_factor", (shape,), of(near_unit, "lu_factor"), domains=((-1.0, 1.0),), keras_gradient=False, **LINALG)
        for shape in (SQUARE, STACK)
    ),
    Row("lu_factor", (SQUARE,), keras_gradient=False, **LINALG),
    *(
        with_("norm", CUBE, ord=ord, axis=axis, keepdims=keep, domains=((0.2, 2.0),), ulps=64)
        for ord, axis in ((None, None), (None, 1), (None, (0, 2)), (1, -1), (3, 0), (np.inf, 1), (-np.inf, 1), (2, 1))
        for keep in (False, True)
    ),
    with_("norm", CUBE, ord=0, axis=1, **NONE),
    *(
        with_("norm", CUBE, ord=ord, axis=(-1, 0), keepdims=keep, ulps=512)
        for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
        for keep in (False, True)
    ),
    *(
        with_("normalize", (2, 3), axis=axis, order=order, domains=((0.3, 2.0),))
        for axis in (-1, 0)
        for order in (2, 1, 3)
    ),
]


def _double(k: Any, x: Any) -> Any:
    return k.multiply(x, 2)


CORE = [
    Row("cond", ((2, 3),), lambda k, x: k.cond(k.greater(k.sum(x), 1e9), lambda: x, lambda: k.square(x))),
    Row("switch", ((2, 3),), lambda k, x: k.switch(1, [lambda v: v, lambda v: k.square(v)], x)),
    Row(
        "while_loop",
        ((3,),),
        lambda k, x: k.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, k.multiply(v, 2)), (0, x))[1],
        dtypes=FLOATS,
    ),
    Row("fori_loop", ((3,),), lambda k, x: k.fori_loop(0, 3, lambda i, v: k.multiply(v, x), x), dtypes=FLOATS),
    *(
        Row(
            "scan",
            ((4, 2),),
            lambda k, x, r=reverse: k.scan(
                lambda c, v: (k.add(k.multiply(c, v), v), k.multiply(c, v)), x[0], x, reverse=r
            ),
            dtypes=FLOATS,
        )
        for reverse in (False, True)
    ),
    *(
        Row(
            "associative_scan",
            ((4, 2),),
            lambda k, x, a=axis, r=r: k.associative_scan(k.multiply, x, axis=a, reverse=r),
            dtypes=FLOATS,
        )
        for axis in (0, 1)
        for r in (False, True)
    ),
    Row("map", ((3, 2),), lambda k, x: k.map(lambda v: k.sum(k.square(v)), x), dtypes=FLOATS),
    Row("vectorized_map", ((3, 2),), lambda k, x: k.vectorized_map(lambda v: k.sum(k.square(v)), x), dtypes=FLOATS),
    Row("vectorize", ((3, 2),), lambda k, x: k.vectorize(lambda v: k.square(v))(x), dtypes=FLOATS),
    *(
        Row(
            "saturate_cast",
            ((3,),),
            lambda k, x, t=t: k.saturate_cast(x, t),
            domains=((-400.0, 400.0),),
            dtypes=("int32", *FLOATS),
            **NONE,
        )
        for t in ("uint8", "int8", "int32")
    ),
    *(Row(name, (CUBE,), **NONE) for name in ("ndim", "size", "dtype")),
]

CREATION = [
    *(Row("array", ((2,),), lambda k, x, t=t: k.array(x, dtype=t), gradient=t is None) for t in (None, "float32")),
    Row("empty", ((2,),), lambda k, x: k.shape(k.empty((2, 3))), **NONE),
    with_("empty_like", (2, 3), **NONE),
    Row("full", ((),), lambda k, x: k.full((2, 3), x)),
    Row("full_like", ((2, 3), ()), lambda k, x, v: k.full_like(k.stop_gradient(x), v), dtypes=FLOATS),
    *(
        Row("eye", (), lambda k, a=a, s=s: k.eye(*a, **s))
        for a, s in (((3,), {}), ((2, 3), {"k": 1}), ((3, 2), {"dtype": "int32"}))
    ),
    Row("identity", (), lambda k: k.identity(3)),
    *(Row("tri", (), lambda k, a=a: k.tri(*a)) for a in ((3,), (2, 3), (3, 2, -1), (3, 3, 1))),
    *(
        Row("arange", (), lambda k, a=a, s=s: k.arange(*a, **s))
        for a, s in (
            ((3,), {}),
            ((1, 7, 2), {}),
            ((0.5, 2), {}),
            ((3.0,), {}),
            ((5, 0, -2), {}),
            ((3,), {"dtype": "float64"}),
            ((A(1, np.int64), 4), {}),
            ((0, 1, 0.25), {}),
        )
    ),
    *(
        Row(name, (), lambda k, n=name, s=s: getattr(k, n)(1, 7, **s))
        for name in ("linspace", "logspace", "geomspace")
        for s in (
            {"num": 5},
            {"num": 4, "endpoint": False},
            {"num": 1},
            {"num": 5, "dtype": "int32"},
            {"num": 3, "dtype": "float64"},
        )
    ),
    Row("linspace", (), lambda k: k.linspace(0.0, 1.0)),
    Row("linspace", (), lambda k: k.linspace(0, 3, num=5, retstep=True)),
    *(
        Row(
            name,
            ((2,), (3, 2)),
            lambda k, x, y, n=name: getattr(k, n)(x, y, num=4),
            domains=((0.2, 2.0),),
            dtypes=FLOATS,
            ulps=64,
        )
        for name in ("linspace", "logspace", "geomspace")
    ),
    Row("linspace", ((2,), (2,)), lambda k, x, y: k.linspace(x, y, num=4, axis=-1)),
    *(
        Row(name, (), lambda k, n=name: getattr(k, n)(7), ulps=64)
        for name in ("bartlett", "blackman", "hamming", "hanning")
    ),
    Row("kaiser", (), lambda k: k.kaiser(7, 3.0), ulps=64),
    with_("vander", (3,), dtypes=NUMBERS),
    with_("vander", (3,), N=2, dtypes=NUMBERS),
    with_("vander", (3,), N=4, increasing=True, dtypes=NUMBERS),
]

POSITIVE: dict[str, Any] = {"domains": ((0.3, 2.0),), "dtypes": FLOATS, "ulps": 64}
WIDE: dict[str, Any] = {"dtypes": FLOATS, "ulps": 64}
NORMALIZED: list[dict[str, Any]] = [{}, {"axis": 1, "epsilon": 0.01}, {"axis": [1, 2]}]

# By the moments of x, which gradients pass through, and by given ones; along the last axis, another, several.
STATISTICS = ((4, 3), (3,), (3,))
NORMALIZATIONS = [
    Row("batch_normalization", STATISTICS, lambda k, x, m, v: k.batch_normalization(x, m, v, -1), **POSITIVE),
    Row(
        "batch_normalization",
        (*STATISTICS, (3,), (3,)),
        lambda k, x, m, v, b, g: k.batch_normalization(x, m, v, axis=1, offset=b, scale=g, epsilon=0.01),
        **POSITIVE,
    ),
    Row(
        "batch_normalization",
        ((2, 3, 4), (3,)),
        lambda k, x, g: k.batch_normalization(x, *k.moments(x, [0, 2]), 1, scale=g),
        dtypes=FLOATS,
        ulps=64,
    ),
    *(Row("layer_normalization", (CUBE,), lambda k, x, s=s: k.layer_normalization(x, **s), **WIDE) for s in NORMALIZED),
    Row("layer_normalization", (CUBE, CUBE[-1:], CUBE[-1:]), lambda k, x, g, b: k.layer_normalization(x, g, b), **WIDE),
    Row("layer_normalization", (CUBE, CUBE[1:]), lambda k, x, g: k.layer_normalization(x, g, axis=[1, 2]), **WIDE),
    *(Row("rms_normalization", (CUBE,), lambda k, x, s=s: k.rms_normalization(x, **s), **WIDE) for s in NORMALIZED),
    Row("rms_normalization", (CUBE, CUBE[-1:]), lambda k, x, g: k.rms_normalization(x, g), **WIDE),
]

ROWS = [
    *ELEMENTWISE,
    *LOGIC,
    *REDUCTIONS,
    *SHAPES,
    *INDEXING,
    *SORTING,
    *PRODUCTS,
    *MATRICES,
    *CORE,
    *CREATION,
    *NORMALIZATIONS,
]
