"""Explanations as HTML: one element for a notebook, or a page of its own. Formulas are MathML; there are no scripts.

A formula is written as several pieces of mathematics with places between them where a line may break, so that a long one
goes on below on a phone instead of being cut. Tables wider than the page scroll in boxes of their own. All colours are
those around it, so that it reads in the dark as well as in the light, and nothing is told by a colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tinynn.explain import formulas as f
from tinynn.explain.page import Beside, Block, Cell, Display, Heading, Inline, Page, Paragraph, Table, column

STYLE = """
.tinynn-explain{line-height:1.5;max-width:60rem;overflow-wrap:break-word}
.tinynn-explain h2,.tinynn-explain h3,.tinynn-explain h4{margin:1.2em 0 .3em;line-height:1.25}
.tinynn-explain p{margin:.5em 0}
.tinynn-explain math{font-size:1.08em}
.tinynn-explain .formula{margin:.5em 0 .5em 1em;overflow-x:auto;overflow-y:hidden;padding:.15em 0}
.tinynn-explain .formula>div{padding-left:2em;text-indent:-2em;margin:.35em 0}
.tinynn-explain .noted{display:flex;flex-wrap:wrap;gap:0 2em;align-items:center;margin:.3em 0}
.tinynn-explain .noted .formula{flex:3 1 22em;min-width:0;margin:0 0 0 1em}
.tinynn-explain .noted .note{flex:2 1 14em;margin:0 0 0 1em}
.tinynn-explain .beside{display:flex;flex-wrap:wrap;gap:0 2em;align-items:flex-start}
.tinynn-explain figure{margin:.6em 0;max-width:100%;min-width:0}
.tinynn-explain figcaption{text-align:left;margin:0 0 .2em}
.tinynn-explain .scroll{overflow-x:auto;max-width:100%}
.tinynn-explain table{border-collapse:collapse;margin:0;font-size:.95em}
.tinynn-explain th,.tinynn-explain td{border:0;border-bottom:1px solid;
border-color:color-mix(in srgb,currentColor 25%,transparent);padding:.2em .7em;text-align:right;
font-variant-numeric:tabular-nums;white-space:nowrap;background:none;color:inherit}
.tinynn-explain thead th{border-bottom:2px solid;vertical-align:bottom}
.tinynn-explain th[scope=row]{font-weight:normal}
.tinynn-explain td.words,.tinynn-explain th.words{text-align:left;white-space:normal;min-width:5em}
.tinynn-explain tr.marked>*{font-weight:bold}
.tinynn-explain .note{font-size:.9em;margin:.2em 0}
"""

_PAGE_STYLE = """
:root{color-scheme:light dark}
body{margin:0 auto;padding:1rem;max-width:62rem;font-family:system-ui,sans-serif;background:Canvas;color:CanvasText}
"""

_PLUS, _MINUS = '<mo form="infix">+</mo>', '<mo form="infix">−</mo>'
_OPEN, _CLOSE = '<mo stretchy="false" form="prefix">(</mo>', '<mo stretchy="false" form="postfix">)</mo>'
_NEGATIVE = '<mo form="prefix" lspace="0" rspace="0">−</mo>'


def fragment(page: Page) -> str:
    """A page as one element that brings its style along."""
    return f'<div class="tinynn-explain"><style>{STYLE}</style>{"".join(_block(block) for block in page.blocks)}</div>'


def whole_page(page: Page) -> str:
    """A page as a document of its own."""
    from tinynn.explain.text import inline as as_text

    title = next((as_text(block.parts) for block in page.blocks if isinstance(block, Heading)), "tinynn.explain")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(title)}</title><style>{_PAGE_STYLE}</style></head><body>{fragment(page)}</body></html>\n"
    )


def _block(block: Block) -> str:
    match block:
        case Heading(parts, level):
            return f"<h{level + 1}>{_inline(parts, large=True)}</h{level + 1}>"
        case Paragraph(parts):
            return f"<p>{_inline(parts)}</p>"
        case Display(equations, notes):
            if not notes:
                return f'<div class="formula">{"".join(_equation(equation) for equation in equations)}</div>'
            return "".join(
                f'<div class="noted"><div class="formula">{_equation(equation)}</div><p class="note">{escape(note)}</p></div>'
                for equation, note in zip(equations, notes)
            )
        case Table():
            return _table(block)
        case Beside(tables):
            return f'<div class="beside">{"".join(map(_table, tables))}</div>'
    raise TypeError(f"no block: {block!r}")


def _inline(parts: Sequence[Inline], large: bool = False) -> str:
    return "".join(escape(part) if isinstance(part, str) else math(part, large) for part in parts)


def _equation(equation: f.Equation) -> str:
    """The left side, then a line for each right side."""
    lines = []
    for place, (sign, side) in enumerate(equation.right):
        pieces = [math(equation.sides[0], large=True)] if place == 0 else []
        pieces += [_element(piece, large=True) for piece in _led(f"<mo>{escape(sign)}</mo>", breakable(side))]
        indent = ' style="padding-left:4em"' if place else ""
        lines.append(f"<div{indent}>{' '.join(pieces)}</div>")
    return "".join(lines)


def breakable(tree: f.Formula) -> list[str]:
    """The formula in pieces between which a line may break: before a plus or a minus, and before "where" and "else"."""
    match tree:
        case f.Sum(terms):
            return [piece for place, term in enumerate(terms) for piece in _breakable_term(term, first=place == 0)]
        case f.Product(factors, sign):
            pieces, lead = [""], ""
            for place, factor in enumerate(factors, 1):
                inner = _breakable_factor(factor, sign, place == len(factors))
                pieces = [*pieces[:-1], *_led(pieces[-1] + lead, inner)]
                lead = _between(sign)
            return pieces
        case f.Series(index, body):
            return _led(_sum_over(index), _breakable_factor(body))
        case f.Where(_, then, otherwise):
            where, other = _where(tree)
            return [*breakable(then), where, *_led(other, breakable(otherwise))]
    return [mathml(tree)]


def _breakable_term(term: f.Formula, first: bool) -> list[str]:
    if isinstance(term, f.Negative):
        return _led(_NEGATIVE if first else _MINUS, _breakable_factor(term.term, last=True))
    return [_term(term, first)] if first or isinstance(term, f.Number) else _led(_PLUS, breakable(term))


def _breakable_factor(factor: f.Formula, sign: str = "·", last: bool = False) -> list[str]:
    pieces = breakable(factor)
    if f.needs_brackets(factor, sign, last):
        pieces = _led(_OPEN, [*pieces[:-1], pieces[-1] + _CLOSE])
    return pieces


def _led(lead: str, pieces: list[str]) -> list[str]:
    return [lead + pieces[0], *pieces[1:]]


def math(tree: f.Formula, large: bool = False) -> str:
    """A formula as a MathML element; `large` as on a line of its own."""
    return _element(mathml(tree), large)


def _element(inner: str, large: bool) -> str:
    style = ' displaystyle="true"' if large else ""
    return f"<math{style}><mrow>{inner}</mrow></math>"


def mathml(tree: f.Formula) -> str:
    """What goes within the element."""
    match tree:
        case f.Symbol(letter, layer, index):
            return _symbol(letter, layer, index)
        case f.Number(value):
            return _number(value)
        case f.Words(text):
            return f"<mtext>{escape(text)}</mtext>"
        case f.Derivative(of, by):
            return f"<mfrac><mrow><mo>∂</mo>{mathml(of)}</mrow><mrow><mo>∂</mo>{mathml(by)}</mrow></mfrac>"
        case f.Product(factors, sign):
            last = len(factors)
            return _between(sign).join(_factor(factor, sign, place == last) for place, factor in enumerate(factors, 1))
        case f.Sum(terms):
            return "".join(_term(term, first=place == 0) for place, term in enumerate(terms))
        case f.Negative(term):
            return f"{_NEGATIVE}{_factor(term, last=True)}"
        case f.Series(index, body):
            return f"{_sum_over(index)}{_factor(body)}"
        case f.Fraction(over, under):
            return f"<mfrac><mrow>{mathml(over)}</mrow><mrow>{mathml(under)}</mrow></mfrac>"
        case f.Power(base, exponent):
            simple = isinstance(base, f.Number) and base.value >= 0
            inner = mathml(base) if simple else _bracketed(mathml(base))
            inner = mathml(base) if isinstance(base, f.Symbol) and not base.layer and not base.index else inner
            return f"<msup><mrow>{inner}</mrow><mrow>{mathml(exponent)}</mrow></msup>"
        case f.Root(of):
            return f"<msqrt>{mathml(of)}</msqrt>"
        case f.Transposed(of):
            inner = mathml(of) if isinstance(of, f.Symbol) else _bracketed(mathml(of))
            return f'<msup><mrow>{inner}</mrow><mi mathvariant="normal">T</mi></msup>'
        case f.Apply("abs", _, False):
            return f'<mo fence="true" form="prefix">|</mo>{_arguments(tree)}<mo fence="true" form="postfix">|</mo>'
        case f.Apply(function, _, prime):
            name = f"<mi>{escape(function)}</mi>"
            name = f"<msup>{name}<mo>′</mo></msup>" if prime else name
            return f"{name}<mo>⁡</mo>{_bracketed(_arguments(tree))}"
        case f.Where(_, then, otherwise):
            where, other = _where(tree)
            return f"{mathml(then)}{where}{other}{mathml(otherwise)}"
        case f.Equation(sides):
            return mathml(sides[0]) + "".join(f"<mo>{escape(sign)}</mo>{mathml(side)}" for sign, side in tree.right)
    raise TypeError(f"no formula: {tree!r}")


def _symbol(letter: str, layer: int | None, index: tuple[int | str, ...]) -> str:
    letter, number = f.letter_and_number(letter)
    base = f"<mi>{escape(letter)}</mi>"
    above = "" if layer is None else f"<mrow><mo>(</mo><mn>{layer}</mn><mo>)</mo></mrow>"
    marks = [f"<mn>{i}</mn>" if isinstance(i, int) else f"<mi>{escape(i)}</mi>" for i in (*number, *index)]
    below = f"<mrow>{'<mo>,</mo>'.join(marks)}</mrow>" if marks else ""
    if above and below:
        return f"<msubsup>{base}{below}{above}</msubsup>"
    if above:
        return f"<msup>{base}{above}</msup>"
    return f"<msub>{base}{below}</msub>" if below else base


def _number(value: float) -> str:
    mantissa, exponent = f.mantissa_and_exponent(value)
    sign = _NEGATIVE if mantissa.startswith("-") else ""
    body = f"{sign}<mn>{mantissa.lstrip('-')}</mn>"
    if exponent is None:
        return body
    below = _NEGATIVE if exponent < 0 else ""
    body = sign if mantissa.lstrip("-") == "1" else f"{body}<mo>·</mo>"
    return f"{body}<msup><mn>10</mn><mrow>{below}<mn>{abs(exponent)}</mn></mrow></msup>"


def _bracketed(inner: str) -> str:
    return f"{_OPEN}{inner}{_CLOSE}"


def _between(sign: str) -> str:
    return f"<mo>{sign}</mo>" if sign else '<mspace width="0.2em"/>'


def _sum_over(index: str) -> str:
    return f"<munder><mo>∑</mo><mi>{escape(index)}</mi></munder>"


def _where(tree: f.Where) -> tuple[str, str]:
    """ "where z > 0," and "else"."""
    parts = [f"<mo>{escape(part)}</mo>" if isinstance(part, str) else mathml(part) for part in tree.condition]
    return f"<mtext>&#xa0;where&#xa0;</mtext>{''.join(parts)}<mo>,</mo>", "<mtext>&#xa0;else&#xa0;</mtext>"


def _arguments(call: f.Apply) -> str:
    return "<mo>,</mo>".join(map(mathml, call.arguments))


def _factor(factor: f.Formula, sign: str = "·", last: bool = False) -> str:
    return _bracketed(mathml(factor)) if f.needs_brackets(factor, sign, last) else mathml(factor)


def _term(term: f.Formula, first: bool) -> str:
    if isinstance(term, f.Negative):
        return f"{_NEGATIVE if first else _MINUS}{_factor(term.term, last=True)}"
    if isinstance(term, f.Number) and term.value < 0 and not first:
        return f"{_MINUS}{_number(-term.value)}"
    return mathml(term) if first else f"{_PLUS}{mathml(term)}"


def _table(table: Table) -> str:
    columns = [column([row[i] for row in table.rows]) for i in range(len(table.heads))]
    wordy = [any(isinstance(row[i], str) for row in table.rows) for i in range(len(table.heads))]
    kinds = [' class="words"' if words else "" for words in wordy]
    heads = "".join(f'<th scope="col"{kind}>{_inline((head,))}</th>' for head, kind in zip(table.heads, kinds))
    rows = []
    for number, row in enumerate(table.rows):
        marked = number in table.marked
        cells = []
        for place, cell in enumerate(row):
            inner = columns[place][number] or _cell(cell)
            inner = inner.replace("-", "−") if columns[place][number] else inner
            if place == 0 and marked:
                inner = f"▸ {inner}"
            tag, scope = ("th", ' scope="row"') if place < table.labels else ("td", "")
            cells.append(f"<{tag}{scope}{kinds[place]}>{inner}</{tag}>")
        rows.append(f"<tr{' class=' + chr(34) + 'marked' + chr(34) if marked else ''}>{''.join(cells)}</tr>")
    caption = f"<figcaption>{_inline(table.caption)}</figcaption>" if table.caption else ""
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    body = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<figure>{caption}<div class="scroll" tabindex="0">{body}</div>{note}</figure>'


def _cell(cell: Cell) -> str:
    return "" if cell is None else _inline((cell,))  # type: ignore[arg-type]
