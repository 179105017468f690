"""Explanations as text of at most 80 columns, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tinynn.explain import formulas as f
from tinynn.explain.page import Beside, Block, Cell, Display, Heading, Inline, Page, Paragraph, Table, column

WIDTH = 80
NOTES = 42
"""Where notes on formulas begin."""


def written(page: Page) -> str:
    """A page as text."""
    return "\n\n".join("\n".join(_lines(block)) for block in page.blocks)


def formula(tree: f.Formula) -> str:
    """A formula in one line: dL/dW1[0,1] = sum_b x[b,0] · δ1[b,1]."""
    match tree:
        case f.Symbol():
            return f.name_of(tree)
        case f.Number(value):
            return f.digits(value)
        case f.Words(text):
            return text
        case f.Derivative(of, by):
            return f"d{formula(of)}/d{formula(by)}"
        case f.Product(factors, sign):
            return (f" {sign} " if sign else " ").join(_factors(factors, sign))
        case f.Sum(terms):
            return "".join(_terms(terms))
        case f.Negative(term):
            return f"-{_factor(term, last=True)}"
        case f.Series(index, body):
            return f"sum_{index} {_factor(body)}"
        case f.Fraction(over, under):
            return f"{_tight(over)} / {_tight(under)}"
        case f.Power(base, exponent):
            return f"{_tight(base)}^{_tight(exponent)}"
        case f.Root(of):
            return f"sqrt({formula(of)})"
        case f.Transposed(of):
            return f"{_tight(of)}^T"
        case f.Apply("abs", _, False):
            return f"|{_arguments(tree)}|"
        case f.Apply(function, _, prime):
            prime_mark = "'" if prime else ""
            return f"{function}{prime_mark}({_arguments(tree)})"
        case f.Where(_, then, otherwise):
            return f"{formula(then)} where {_condition(tree)}, else {formula(otherwise)}"
        case f.Equation(sides):
            return formula(sides[0]) + "".join(f" {sign} {formula(side)}" for sign, side in tree.right)
    raise TypeError(f"no formula: {tree!r}")


def _arguments(call: f.Apply) -> str:
    return ", ".join(map(formula, call.arguments))


def _condition(where: f.Where) -> str:
    return " ".join(part if isinstance(part, str) else formula(part) for part in where.condition)


def _factor(factor: f.Formula, sign: str = "·", last: bool = False) -> str:
    return f"({formula(factor)})" if f.needs_brackets(factor, sign, last) else formula(factor)


def _factors(factors: Sequence[f.Formula], sign: str) -> list[str]:
    return [_factor(factor, sign, place == len(factors)) for place, factor in enumerate(factors, 1)]


def _tight(part: f.Formula) -> str:
    simple = isinstance(part, (f.Symbol, f.Words, f.Apply, f.Root)) or (isinstance(part, f.Number) and part.value >= 0)
    return formula(part) if simple else f"({formula(part)})"


def _terms(terms: Sequence[f.Formula]) -> list[str]:
    """Each term with the sign before it."""
    found = []
    for place, term in enumerate(terms):
        negative = isinstance(term, f.Negative)
        body = _factor(term.term, last=True) if isinstance(term, f.Negative) else formula(term)
        if isinstance(term, f.Number) and term.value < 0 and place:
            negative, body = True, f.digits(-term.value)
        found.append((" - " if place else "-") + body if negative else (" + " if place else "") + body)
    return found


def _lines(block: Block) -> list[str]:
    match block:
        case Heading(parts, level):
            title = "\n".join(textwrap.wrap(inline(parts), WIDTH))
            rule = {1: "=", 2: "-"}.get(level)
            return [title, rule * min(WIDTH, max(map(len, title.split("\n"))))] if rule else [title]
        case Paragraph(parts):
            return textwrap.wrap(inline(parts), WIDTH, break_long_words=True)
        case Display(equations, notes):
            if not notes:
                return [line for equation in equations for line in _equation(equation)]
            return [line for equation, note in zip(equations, notes) for line in _noted(_equation(equation), note)]
        case Table():
            return _table(block)
        case Beside(tables):
            return _beside([_table(table) for table in tables])
    raise TypeError(f"no block: {block!r}")


def inline(parts: Sequence[Inline]) -> str:
    """Words and formulas in one line."""
    return "".join(part if isinstance(part, str) else formula(part) for part in parts)


def _equation(equation: f.Equation) -> list[str]:
    """left = right, and where it goes on, the next right sides below, under the first; long sums are broken at a plus."""
    left = formula(equation.sides[0])
    if len(left) > 24:
        lines, lead = [f"    {left}"], "        "
    else:
        lines, lead = [], f"    {left} "
    for sign, side in equation.right:
        pieces = _terms(side.terms) if isinstance(side, f.Sum) else [formula(side)]
        line = f"{lead}{sign} "
        indent = " " * (len(line) - 2)
        for piece in pieces:
            if len(line) + len(piece) > WIDTH and line.strip() not in (sign, f"{left} {sign}"):
                lines.append(line.rstrip())
                line = indent + piece.lstrip() if piece.startswith(" ") else indent + piece
            else:
                line += piece
        lines.extend(_broken(line.rstrip(), len(indent) + 4))
        lead = " " * len(lead)
    return lines


def _noted(lines: list[str], note: str) -> list[str]:
    """The note to the right of the formula's last line, or from the next line on where there is no room."""
    beside = textwrap.wrap(note, WIDTH - NOTES)
    if not beside:
        return lines
    if len(lines[-1]) + 2 > NOTES:
        lines = [*lines, ""]
    last = f"{lines[-1].ljust(NOTES)}{beside[0]}"
    return [*lines[:-1], last, *(" " * NOTES + line for line in beside[1:])]


def _broken(line: str, indent: int) -> list[str]:
    """A line that is still too long, broken at blanks."""
    if len(line) <= WIDTH:
        return [line]
    return textwrap.wrap(line, WIDTH, subsequent_indent=" " * indent, drop_whitespace=True, replace_whitespace=False)


def _table(table: Table) -> list[str]:
    """A table; one too wide is cut into several below one another, each with the labels of the rows."""
    columns = [_column([row[i] for row in table.rows]) for i in range(len(table.heads))]
    heads = [inline((head,)) for head in table.heads]
    widths = [max(len(head), *(len(cell) for cell, _ in cells), 1) for head, cells in zip(heads, columns)]
    lines = textwrap.wrap(inline(table.caption), WIDTH) if table.caption else []
    last = WIDTH - sum(width + 2 for width in widths[:-1]) - 2
    if widths[-1] > last >= 24:  # words in the last column go on below
        widths[-1] = last
    for chosen in _cut(widths, table.labels):
        lines.append("  " + "  ".join(heads[i].rjust(widths[i]) for i in chosen).rstrip())
        for number in range(len(table.rows)):
            row = [columns[i][number] for i in chosen]
            wrapped = [textwrap.wrap(cell, widths[i]) or [""] for i, (cell, _) in zip(chosen, row)]
            for line in range(max(map(len, wrapped))):
                parts = [cell[line] if line < len(cell) else "" for cell in wrapped]
                cells = [
                    part.rjust(widths[i]) if right else part.ljust(widths[i])
                    for i, part, (_, right) in zip(chosen, parts, row)
                ]
                arrow = "> " if number in table.marked and not line else "  "
                lines.append((arrow + "  ".join(cells)).rstrip())
    if table.note:
        lines += textwrap.wrap(table.note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return lines


def _column(cells: Sequence[Cell]) -> list[tuple[str, bool]]:
    """The cells of a column as text, and whether each stands to the right."""
    found = []
    for cell, number in zip(cells, column(cells)):
        if number is not None:
            found.append((number, True))
        elif cell is None:
            found.append(("", False))
        else:
            found.append((inline((cell,)), not isinstance(cell, str)))  # type: ignore[arg-type]
    return found


def _cut(widths: Sequence[int], labels: int) -> list[list[int]]:
    """Which columns stand together so that none goes beyond the width."""
    first = list(range(labels))
    room = WIDTH - 2 - sum(widths[i] + 2 for i in first)
    groups: list[list[int]] = [[]]
    used = 0
    for i in range(labels, len(widths)):
        if groups[-1] and used + widths[i] + 2 > room + 2:
            groups.append([])
            used = 0
        groups[-1].append(i)
        used += widths[i] + 2
    return [first + group for group in groups]


def _beside(tables: list[list[str]]) -> list[str]:
    """Tables side by side while they fit, else below one another."""
    lines: list[str] = []
    for table in tables:
        wide, more = max(map(len, lines), default=0), max(map(len, table), default=0)
        if lines and wide + 4 + more <= WIDTH and len(lines) <= 2 * len(table) + 4:
            height = max(len(lines), len(table))
            rows = zip(lines + [""] * (height - len(lines)), table + [""] * (height - len(table)))
            lines = [f"{left.ljust(wide)}    {right}".rstrip() for left, right in rows]
        else:
            lines = [*lines, *table]
    return lines
