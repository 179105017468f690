"""A trace as tables: small arrays in full, large ones by shape, norm and extremes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._typing import Array
from tinynn.explain.formulas import Derivative, Symbol
from tinynn.explain.page import Beside, Cell, Page, Table

if TYPE_CHECKING:
    from tinynn.explain.tracing import Call, Quantity, Trace

FULL = 64
"""Entries up to which an array is shown in full,"""
COLUMNS = 8
"""if it has at most so many columns."""
SAMPLES = 10
"""Samples whose shares of the loss are listed."""


def trace_page(trace: Trace) -> Page:
    """The whole trace."""
    page = Page()
    samples = "1 sample" if trace.batch_size == 1 else f"{trace.batch_size} samples"
    page.heading(f"Trace of {trace.model_name}: {samples}, loss {trace.loss:.6g}", level=1)
    page.say(
        "Forward, layer by layer: what comes in is x, a weighted sum of it z, what goes out a. Beside each array stands the "
        "derivative of the loss L by each of its entries. Rows are samples; for a kernel, inputs."
    )
    for call in trace.calls:
        _layer(page, trace, call)
    named = {id(quantity.tensor) for call in trace.calls for quantity in _of(trace, call)}
    rest = [trace[n] for n in trace.names if trace[n].layer and id(trace[n].tensor) not in named]
    if rest:
        page.heading("Other weights")
        _quantities(page, rest)
    _loss(page, trace)
    return page


def _of(trace: Trace, call: Call) -> list[Quantity]:
    """The quantities of a call; x only where it is the model's input, for else it is the a before; a only if it is not z."""
    found = [quantity for quantity in map(trace.__getitem__, trace.names) if quantity.layer == call.label]
    return [q for q in found if (q.role != "x" or q.symbol.letter == "x") and (q.role != "a" or q.symbol.letter == "a")]


def _layer(page: Page, trace: Trace, call: Call) -> None:
    quantities = _of(trace, call)
    kind = type(call.layer).__name__
    activation = f", {call.activation}" if call.activation and call.activation != call.label else ""
    shapes = f"{_shape(call.x.shape)} → {_shape(call.a.shape)}"
    page.heading(f"{call.number} {call.label} ({kind}{activation}), {shapes}")
    before = trace.symbol_of(call.x)
    parts: list[Any] = []
    if before is not None and before.letter != "x":
        parts += ["x is ", before, ", from above. "]
    if call.z is not None and call.z is call.a:
        parts += ["Without an activation a is z. "]
    notes = [quantity for quantity in quantities if quantity.note]
    for quantity in notes:
        parts += [quantity.symbol, f": {quantity.note}. "]
    if parts:
        page.say(*parts)
    _quantities(page, quantities)


def _quantities(page: Page, quantities: list[Quantity]) -> None:
    large = []
    for quantity in quantities:
        if not _is_small(quantity.value):
            large.append(quantity)
            continue
        tables = [_matrix(quantity.symbol, quantity.name, quantity.value)]
        if quantity.gradient is not None:
            tables.append(_matrix(Derivative(Symbol("L"), quantity.symbol), "", quantity.gradient))
        page.blocks.append(Beside(tuple(tables)))
    if large:
        heads = ("", "shape", "norm", "least", "largest", "dL: norm", "least", "largest")
        rows = [
            (q.name.removeprefix(f"{q.layer}/"), _shape(q.value.shape), *_extremes(q.value), *_extremes(q.gradient))
            for q in large
        ]
        page.table(heads, rows)


def _is_small(array: Array) -> bool:
    return array.size <= FULL and array.ndim <= 2 and (array.ndim == 0 or array.shape[-1] <= COLUMNS)


def _matrix(symbol: Any, name: str, array: Array) -> Table:
    """An array of one or two axes, numbered."""
    caption = (f"{name}, ", symbol) if name else (symbol,)
    rows = np.atleast_2d(array)
    heads = ("", *(str(i) for i in range(rows.shape[1])))
    lines: list[tuple[Cell, ...]] = []
    for i, row in enumerate(rows):
        lines.append((i if array.ndim == 2 else None, *(_cell(value) for value in row)))
    return Table(heads, tuple(lines), caption)


def _cell(value: Any) -> Cell:
    return int(value) if np.asarray(value).dtype.kind in "iub" else float(value)


def _extremes(array: Array | None) -> tuple[Cell, Cell, Cell]:
    if array is None or not array.size:
        return "none", None, None
    wide = array.astype(np.float64)
    return tuple(float(f"{value:.4g}") for value in (np.sqrt(np.sum(wide * wide)), wide.min(), wide.max()))  # type: ignore[return-value]


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"


def _loss(page: Page, trace: Trace) -> None:
    page.heading(f"Loss ({trace.loss_name})")
    terms = trace.loss_terms
    if terms.shares is None:
        page.say("This loss is no sum over samples, so that they have no shares of it.")
    else:
        wide, more = trace.batch_size, ""
        if trace.batch_size > SAMPLES:
            wide, more = SAMPLES, f"The {SAMPLES} samples with the largest shares, of {trace.batch_size}."
        order = np.argsort(-np.abs(terms.shares), kind="stable")[:wide] if more else np.arange(wide)
        y = trace.batch.y
        heads: list[Any] = ["sample"]
        columns: list[list[Cell]] = [[int(b) for b in order]]
        if y is not None and y.reshape(trace.batch_size, -1).shape[1] <= 4:
            flat = y.reshape(trace.batch_size, -1)
            heads += ["y"] if flat.shape[1] == 1 else [f"y[{k}]" for k in range(flat.shape[1])]
            columns += [[_cell(flat[b, k]) for b in order] for k in range(flat.shape[1])]
        if terms.values is not None and terms.factors is not None:
            heads += ["its loss", "counts"]
            columns += [[float(terms.values[b]) for b in order], [float(terms.factors[b]) for b in order]]
        heads.append("share of L")
        columns.append([float(terms.shares[b]) for b in order])
        page.table(heads, list(zip(*columns)), note=more)
    if terms.penalties:
        page.table(["penalty on", "value"], list(terms.penalties.items()))
    page.say(f"L = {trace.loss:.6g}.")
