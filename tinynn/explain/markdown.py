"""Explanations as Markdown with mathematics between dollars, as GitHub, Jupyter and MyST read it."""

from __future__ import annotations

from collections.abc import Sequence

from tinynn.explain.latex import formula, lines_of
from tinynn.explain.page import Beside, Block, Cell, Display, Heading, Inline, Page, Paragraph, Table, column


def written(page: Page) -> str:
    """A page as Markdown."""
    return "\n\n".join(map(_block, page.blocks)) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(parts, level):
            return f"{'#' * level} {_inline(parts)}"
        case Paragraph(parts):
            return _inline(parts)
        case Display(equations, notes):
            if not notes:
                return _mathematics(lines_of(equations))
            noted = zip(equations, notes)
            return "\n\n".join(f"{_mathematics(lines_of((one,)))}\n\n{_escaped(note)}".rstrip() for one, note in noted)
        case Table():
            return _table(block)
        case Beside(tables):
            return "\n\n".join(map(_table, tables))
    raise TypeError(f"no block: {block!r}")


def _mathematics(lines: Sequence[str]) -> str:
    body = " \\\\\n".join(lines)
    return f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$"


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in "\\`*_[]<>|$#" else character for character in text)


def _inline(parts: Sequence[Inline]) -> str:
    return "".join(_escaped(part) if isinstance(part, str) else f"${formula(part)}$" for part in parts)


def _table(table: Table) -> str:
    columns = [column([row[i] for row in table.rows]) for i in range(len(table.heads))]
    words = [any(isinstance(row[i], str) for row in table.rows) for i in range(len(table.heads))]
    lines = [_row([_inline((head,)) for head in table.heads]), _row([":--" if left else "--:" for left in words])]
    for number, row in enumerate(table.rows):
        cells = [columns[place][number] or _cell(cell) for place, cell in enumerate(row)]
        if number in table.marked:
            cells[0] = f"**▸ {cells[0]}**"
        lines.append(_row(cells))
    parts = [_inline(table.caption), "\n".join(lines), _escaped(table.note)]
    return "\n\n".join(part for part in parts if part)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    return "" if cell is None else _inline((cell,))  # type: ignore[arg-type]
