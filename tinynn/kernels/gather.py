"""A batch out of the data: some of its rows, in the order of the epoch, in the parameters' precision."""

from __future__ import annotations

from tinynn._compiled import compiled
from tinynn._typing import Array


def rows(source: Array, width: int, first: int, order: Array, start: int, out: Array) -> None:
    """out[b, i] = source[row width + first + i],  row = order[start + b], or start + b when there is no order.

    source (n_rows width,) in any dtype; order (n_rows,) or (0,); out (batch, columns).
    """
    batch, columns = out.shape
    wanted = order[start : start + batch] if order.size else range(start, start + batch)
    out[:] = source.reshape(-1, width)[wanted, first : first + columns]


@compiled
def rows_compiled(source: Array, width: int, first: int, order: Array, start: int, out: Array) -> None:
    real = out.dtype.type
    if out.shape[1] == 1 and width == 1:  # one column, as labels are
        for b in range(out.shape[0]):
            out[b, 0] = real(source[order[start + b] if order.size else start + b])
        return
    for b in range(out.shape[0]):
        at = (order[start + b] if order.size else start + b) * width + first
        for i in range(out.shape[1]):
            out[b, i] = real(source[at + i])
