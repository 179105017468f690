"""What an explanation is made of before it is text, HTML or LaTeX: headings, paragraphs, formulas and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tinynn.explain.formulas import Equation, Formula, digits

Inline: TypeAlias = str | Formula
"""Words or a formula within a line."""

Cell: TypeAlias = str | float | int | Formula | None
"""A table's cell; None stays empty."""


@dataclass(frozen=True)
class Heading:
    """A title of level 1, 2 or 3."""

    parts: tuple[Inline, ...]
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Words, with formulas among them."""

    parts: tuple[Inline, ...]


@dataclass(frozen=True)
class Display:
    """Formulas on lines of their own, each with a note beside or below it, or none of them."""

    equations: tuple[Equation, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Columns with heads; the first `labels` of them name the rows and are repeated where a wide table is cut."""

    heads: tuple[Inline, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: tuple[Inline, ...] = ()
    note: str = ""
    labels: int = 1
    marked: tuple[int, ...] = ()
    """Rows that are meant; they get an arrow, not a colour alone."""


@dataclass(frozen=True)
class Beside:
    """Tables that stand side by side where there is room."""

    tables: tuple[Table, ...]


Block: TypeAlias = Heading | Paragraph | Display | Table | Beside


@dataclass
class Page:
    """Blocks, one after another."""

    blocks: list[Block] = field(default_factory=list)

    def heading(self, *parts: Inline, level: int = 2) -> None:
        """Add a title."""
        self.blocks.append(Heading(parts, level))

    def say(self, *parts: Inline) -> None:
        """Add a paragraph."""
        self.blocks.append(Paragraph(parts))

    def show(self, *equations: Equation) -> None:
        """Add formulas."""
        self.blocks.append(Display(equations))

    def show_noted(self, *noted: tuple[Equation, str]) -> None:
        """Add formulas with a note to each."""
        self.blocks.append(Display(tuple(equation for equation, _ in noted), tuple(note for _, note in noted)))

    def table(self, heads: Sequence[Inline], rows: Sequence[Sequence[Cell]], **settings: Any) -> None:
        """Add a table."""
        self.blocks.append(Table(tuple(heads), tuple(tuple(row) for row in rows), **settings))


class Shown:
    """What can be looked at: prints as text, shows as HTML in a notebook, and is written as LaTeX or Markdown for a handout.

    Subclasses write `page`.
    """

    def page(self) -> Page:
        """What there is to see."""
        raise NotImplementedError

    def __str__(self) -> str:
        from tinynn.explain.text import written

        return written(self.page())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from tinynn.explain.html import fragment

        return fragment(self.page())

    def to_html(self) -> str:
        """A page of its own for a browser: no scripts, no fonts or styles from elsewhere, formulas as MathML."""
        from tinynn.explain.html import whole_page

        return whole_page(self.page())

    def to_latex(self, standalone: bool = False) -> str:
        """LaTeX for a handout.

        Args:
            standalone: a whole document; else a part of one, which needs `\\usepackage{amsmath}`.
        """
        from tinynn.explain.latex import document, part

        return document(self.page()) if standalone else part(self.page())

    def to_markdown(self) -> str:
        """Markdown with mathematics between dollars, as GitHub, Jupyter and MyST read it."""
        from tinynn.explain.markdown import written

        return written(self.page())


def column(cells: Sequence[Cell]) -> list[str | None]:
    """The numbers of a column with as many digits as the largest needs for five; None for cells that are no numbers.

    Numbers that would lose most of their digits that way get a power of ten.
    """
    sizes = [abs(cell) for cell in cells if isinstance(cell, float) and math.isfinite(cell) and cell != 0]
    largest = max(sizes, default=1.0)
    places = max(4 - math.floor(math.log10(largest)), 0)
    whole = largest < 1e6 and all(size == int(size) for size in sizes)

    def one(cell: Cell) -> str | None:
        if isinstance(cell, int):
            return str(cell)
        if not isinstance(cell, float):
            return None
        if not math.isfinite(cell) or cell == 0 or whole:
            return digits(cell)
        if not 1e-3 <= largest < 1e6 or abs(cell) * 10**places < 10:
            return digits(cell, 4)
        return f"{cell:.{places}f}"

    return [one(cell) for cell in cells]
