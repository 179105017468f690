"""How one operation's output moves with one of its inputs: its local derivatives, entry by entry.

The tape keeps each operation's backward pass, which is linear: d_in = J^T d_out. Applied to unit vectors it gives J itself.
Most operations have a J of a simple kind, which takes one such call instead of thousands:

    dense           known: kernel, x, or ones
    one to one      reshape and kin: each entry goes to one place
    entry by entry  J is diagonal:                    backward(ones)
    for all rows    one number per feature, such as gamma:  one call per sample
    row by row      samples do not mix (softmax):     one call per output of a row
    along the batch features do not mix (BatchNorm):  one call per sample
    anything        J in full                         one call per output

Which kind it is, is not taken from the operation's name but tried out: a linear map that agrees with another on a random
vector is the same, but for a probability of zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinynn._typing import Array, Shape
from tinynn.engine.tape import Record

MOST_CALLS = 4096
MOST_ENTRIES = 50_000_000
"""Of a Jacobian; about 400 MB in float64."""


class TooLarge(ValueError):
    """The local derivatives of an operation are too many to be written down."""


class Moves(NamedTuple):
    """What one entry of an input moves: out.flat[places[n]] by factors[n] times its own movement."""

    places: Array
    factors: Array


class Local(NamedTuple):
    """d(output) / d(input) of one record, for one of its inputs.

    moves: flat index of an entry of the input -> `Moves`, without those that are 0.
    best: s (of the output's shape) -> for each entry of the input, the largest |factor| s among the entries that it moves.
    noise: how far J^T d and the backward pass were apart for a random d, at most: the rounding within the operation.
    kind: "dense kernel", "entry by entry", ...
    """

    moves: Callable[[int], Moves]
    best: Callable[[Array], Array]
    noise: float
    kind: str


def local_of(record: Record, place: int, values: Callable[[object], Array]) -> Local:
    """The local derivatives of a record by its input number `place`; `values` looks up inputs as they were.

    Raises:
        TooLarge: they would not fit into memory.
    """
    source = values(record.inputs[place])
    if record.name == "dense" and len(record.inputs) == 3 and np.ndim(record.output.value) == 2:
        return _dense(place, values(record.inputs[0]), values(record.inputs[1]))
    if record.name == "matmul" and all(np.ndim(values(tensor)) == 2 for tensor in record.inputs):
        return _dense(place, values(record.inputs[0]), values(record.inputs[1]))
    if record.name in ("reshape", "expand_dims", "squeeze", "transpose", "cast", "watch"):
        return _one_to_one(record, place, source.shape)
    out = record.output.value
    backward = _backward(record, place, source)
    probe = np.random.default_rng(0).standard_normal(out.shape).astype(out.dtype)
    expected = backward(probe)
    room = 256 * float(np.finfo(out.dtype).eps) * max(1.0, float(np.abs(expected).max(initial=0.0)))
    for kind in (_entry_by_entry, _for_all_rows, _row_by_row, _along_batch):
        jacobian = kind(backward, source.shape, out.shape, out.dtype)
        if jacobian is not None:
            local, contracted = jacobian
            noise = float(np.abs(contracted(probe) - expected).max(initial=0.0))
            if noise <= room:
                return local(noise)
    return _full(backward, source.shape, out.shape, out.dtype, record.name)


def _backward(record: Record, place: int, source: Array) -> Callable[[Array], Array]:
    def backward(d_out: Array) -> Array:
        found = record.backward(d_out)
        mine = found[place] if isinstance(found, tuple) else found
        return np.zeros(source.shape) if mine is None else np.asarray(mine, np.float64).reshape(source.shape)

    return backward


def _nonzero(places: Array, factors: Array) -> Moves:
    kept = factors != 0
    return Moves(places[kept], factors[kept])


def _dense(place: int, x: Array, kernel: Array) -> Local:
    """out[b,k] = sum_i x[b,i] kernel[i,k] + bias[k]."""
    rows, (fan_in, units) = len(x), kernel.shape
    x, kernel = x.astype(np.float64), kernel.astype(np.float64)

    def by_x(entry: int) -> Moves:
        b, i = divmod(entry, fan_in)
        return _nonzero(b * units + np.arange(units), kernel[i])

    def best_x(score: Array) -> Array:
        size = np.abs(kernel)
        return np.stack([(size * row).max(axis=1, initial=0.0) for row in score.reshape(rows, units)])

    def by_kernel(entry: int) -> Moves:
        i, k = divmod(entry, units)
        return _nonzero(np.arange(rows) * units + k, x[:, i])

    def best_kernel(score: Array) -> Array:
        size = np.abs(x)
        return np.stack([(size * column[:, None]).max(axis=0) for column in score.reshape(rows, units).T], axis=1)

    def by_bias(entry: int) -> Moves:
        return Moves(np.arange(rows) * units + entry, np.ones(rows))

    def best_bias(score: Array) -> Array:
        return np.asarray(score.reshape(rows, units).max(axis=0))

    found = [(by_x, best_x, "x"), (by_kernel, best_kernel, "kernel"), (by_bias, best_bias, "bias")][place]
    return Local(found[0], found[1], 0.0, f"dense {found[2]}")


def _one_to_one(record: Record, place: int, shape: Shape) -> Local:
    out = record.output.value
    numbers = np.arange(out.size, dtype=np.float64).reshape(out.shape)
    found = record.backward(numbers)
    origin = np.asarray(found[place] if isinstance(found, tuple) else found, np.int64).reshape(-1)
    one = np.ones(1)
    return Local(
        lambda entry: Moves(origin[entry : entry + 1], one),
        lambda score: np.asarray(score.reshape(-1)[origin].reshape(shape)),
        0.0,
        "one to one",
    )


_Candidate = tuple[Callable[[float], Local], Callable[[Array], Array]] | None


def _entry_by_entry(backward: Callable[[Array], Array], shape: Shape, out_shape: Shape, dtype: Any) -> _Candidate:
    if shape != out_shape:
        return None
    factors = backward(np.ones(out_shape, dtype))
    flat = factors.reshape(-1)

    def local(noise: float) -> Local:
        return Local(
            lambda entry: _nonzero(np.array([entry]), flat[entry : entry + 1]),
            lambda score: np.abs(factors) * score,
            noise,
            "entry by entry",
        )

    return local, lambda d_out: factors * d_out


def _for_all_rows(backward: Callable[[Array], Array], shape: Shape, out_shape: Shape, dtype: Any) -> _Candidate:
    if shape != out_shape[1:] or not shape:
        return None
    rows, width = out_shape[0], int(np.prod(shape))
    if rows > MOST_CALLS:
        return None
    jacobian = np.empty((rows, width))
    for b in range(rows):
        unit = np.zeros((rows, width), dtype)
        unit[b] = 1
        jacobian[b] = backward(unit.reshape(out_shape)).reshape(-1)

    def best(score: Array) -> Array:
        return np.asarray((np.abs(jacobian) * score.reshape(rows, width)).max(axis=0, initial=0.0).reshape(shape))

    def contracted(d_out: Array) -> Array:
        return np.asarray((jacobian * d_out.reshape(rows, width)).sum(axis=0).reshape(shape))

    def moves(entry: int) -> Moves:
        return _nonzero(np.arange(rows) * width + entry, jacobian[:, entry])

    return (lambda noise: Local(moves, best, noise, "for all rows")), contracted


def _row_by_row(backward: Callable[[Array], Array], shape: Shape, out_shape: Shape, dtype: Any) -> _Candidate:
    if not shape or not out_shape or shape[0] != out_shape[0] or not shape[0]:
        return None
    rows = shape[0]
    into, out = int(np.prod(shape[1:])), int(np.prod(out_shape[1:]))
    if out > MOST_CALLS or rows * into * out > MOST_ENTRIES:
        return None
    jacobian = np.empty((rows, out, into))
    for k in range(out):
        unit = np.zeros((rows, out), dtype)
        unit[:, k] = 1
        jacobian[:, k] = backward(unit.reshape(out_shape)).reshape(rows, into)

    def moves(entry: int) -> Moves:
        b, i = divmod(entry, into)
        return _nonzero(b * out + np.arange(out), jacobian[b, :, i])

    def best(score: Array) -> Array:
        return np.asarray((np.abs(jacobian) * score.reshape(rows, out, 1)).max(axis=1, initial=0.0).reshape(shape))

    def contracted(d_out: Array) -> Array:
        return np.asarray(np.einsum("bki,bk->bi", jacobian, d_out.reshape(rows, out)).reshape(shape))

    return (lambda noise: Local(moves, best, noise, "row by row")), contracted


def _along_batch(backward: Callable[[Array], Array], shape: Shape, out_shape: Shape, dtype: Any) -> _Candidate:
    if shape != out_shape or len(shape) < 2:
        return None
    rows, width = shape[0], int(np.prod(shape[1:]))
    if rows > MOST_CALLS or rows * rows * width > MOST_ENTRIES:
        return None
    jacobian = np.empty((rows, rows, width))  # out, in, feature
    for b in range(rows):
        unit = np.zeros((rows, width), dtype)
        unit[b] = 1
        jacobian[b] = backward(unit.reshape(out_shape)).reshape(rows, width)

    def moves(entry: int) -> Moves:
        b, i = divmod(entry, width)
        return _nonzero(np.arange(rows) * width + i, jacobian[:, b, i])

    def best(score: Array) -> Array:
        return np.asarray((np.abs(jacobian) * score.reshape(rows, 1, width)).max(axis=0).reshape(shape))

    def contracted(d_out: Array) -> Array:
        return np.asarray(np.einsum("oif,of->if", jacobian, d_out.reshape(rows, width)).reshape(shape))

    return (lambda noise: Local(moves, best, noise, "along the batch")), contracted


def _full(backward: Callable[[Array], Array], shape: Shape, out_shape: Shape, dtype: Any, name: str) -> Local:
    out, into = int(np.prod(out_shape)), int(np.prod(shape))
    if out > MOST_CALLS or out * into > MOST_ENTRIES:
        raise TooLarge(
            f'The operation "{name}" turns {into} numbers into {out} in a way of its own; its {out * into:,} derivatives are '
            "too many to be written down. Explain a smaller batch."
        )
    jacobian = np.empty((out, into))
    unit = np.zeros(out, dtype)
    for k in range(out):
        unit[k] = 1
        jacobian[k] = backward(unit.reshape(out_shape)).reshape(-1)
        unit[k] = 0
    noise = float(np.finfo(dtype).eps) * float(np.abs(jacobian).max(initial=0.0))
    return Local(
        lambda entry: _nonzero(np.arange(out), jacobian[:, entry]),
        lambda score: np.asarray((np.abs(jacobian) * score.reshape(-1, 1)).max(axis=0, initial=0.0).reshape(shape)),
        noise,
        "in its own way",
    )
