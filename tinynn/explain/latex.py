"""Explanations as LaTeX for a handout; needs amsmath and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from tinynn.explain import formulas as f
from tinynn.explain.page import Beside, Block, Cell, Display, Heading, Inline, Page, Paragraph, Table, column

ROOM = 84
"""How many characters of text a line of a handout takes, about: where long sums are broken and wide tables cut."""

_ESCAPES = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_ESCAPES |= {character: f"\\{character}" for character in "&%$#_{}"}
_ESCAPES |= {"<": r"\(<\)", ">": r"\(>\)", "·": r"\(\cdot\)", "δ": r"\(\delta\)", "→": r"\(\to\)", "×": r"\(\times\)"}
_ESCAPES |= {"Δ": r"\(\Delta\)", "⊙": r"\(\odot\)", "Φ": r"\(\Phi\)", "φ": r"\(\varphi\)", "β": r"\(\beta\)"}
_ESCAPES |= {"γ": r"\(\gamma\)", "ρ": r"\(\rho\)", "λ": r"\(\lambda\)"}
_ESCAPES |= {
    "−": r"\(-\)",
    "²": r"\textsuperscript{2}",
    "ε": r"\(\varepsilon\)",
    "ℓ": r"\(\ell\)",
    "ŷ": r"\(\hat{y}\)",
    "←": r"\(\gets\)",
    "μ": r"\(\mu\)",
    "η": r"\(\eta\)",
    "“": "``",
    "”": "''",
}
_LETTERS = {
    "δ": r"\delta",
    "γ": r"\gamma",
    "β": r"\beta",
    "ε": r"\varepsilon",
    "ℓ": r"\ell",
    "ŷ": r"\hat{y}",
    "η": r"\eta",
    "ρ": r"\rho",
    "μ": r"\mu",
    "λ": r"\lambda",
    "Δ": r"\Delta",
}
_SIGNS = {"←": r"\gets"}
_FUNCTIONS = {"tanh": r"\tanh", "exp": r"\exp", "log": r"\log", "max": r"\max", "min": r"\min"}
_FUNCTIONS |= {"Φ": r"\Phi", "φ": r"\varphi", "ℓ": r"\ell"}


def document(page: Page) -> str:
    """A page as a whole document."""
    return (
        "\\documentclass[11pt,a4paper]{article}\n\\usepackage[T1]{fontenc}\n\\usepackage[utf8]{inputenc}\n"
        "\\usepackage[margin=2.2cm]{geometry}\n\\usepackage{amsmath}\n\\allowdisplaybreaks\n\\setlength{\\parindent}{0pt}\n"
        "\\setlength{\\parskip}{6pt}\n\\setlength{\\emergencystretch}{3em}\n\\begin{document}\n"
        + part(page)
        + "\\end{document}\n"
    )


def part(page: Page) -> str:
    """A page to be included in a document."""
    return "".join(_block(block) + "\n" for block in page.blocks)


def _block(block: Block) -> str:
    match block:
        case Heading(parts, level):
            return f"\\{ {1: 'section', 2: 'subsection'}.get(level, 'paragraph') }*{{{_inline(parts)}}}\n"
        case Paragraph(parts):
            return _inline(parts) + "\n"
        case Display(equations, notes):
            return "\\begin{align*}\n" + " \\\\\n".join(lines_of(equations, notes)) + "\n\\end{align*}\n"
        case Table():
            return _table(block)
        case Beside(tables):
            return "\n".join(map(_table, tables))
    raise TypeError(f"no block: {block!r}")


def escaped(text: str) -> str:
    """Words with the characters that LaTeX takes for itself escaped."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def _inline(parts: Sequence[Inline]) -> str:
    return "".join(escaped(part) if isinstance(part, str) else f"\\({formula(part)}\\)" for part in parts)


def lines_of(equations: Sequence[f.Equation], notes: Sequence[str] = ()) -> list[str]:
    """Equations below one another, their signs in a column; long sums go on in the next line, notes stand below."""
    lines = []
    for place, equation in enumerate(equations):
        left = equation.sides[0]
        lead, taken = formula(left), _length(left)
        for sign, side in equation.right:
            terms = side.terms if isinstance(side, f.Sum) else (side,)
            line, length = f"{lead} &{_SIGNS.get(sign, sign)} ", taken
            for number, term in enumerate(terms):
                size = _length(term) + 3
                if number and length + size > ROOM:
                    lines.append(line)
                    line, length = "&\\quad ", taken
                line += _term(term, first=number == 0)
                length += size
            lines.append(line)
            lead = ""
        if notes and notes[place]:
            lines[-1] += " \\\\*\n"  # no page ends before a note
            lines[-1] += f"&\\qquad\\parbox[t]{{0.7\\linewidth}}{{\\small\\raggedright {escaped(notes[place])}}}"
    return lines


def _length(tree: f.Formula) -> int:
    """Of a formula, in characters of text about; the number of a layer stands in brackets here."""
    from tinynn.explain.text import formula as as_text

    return len(as_text(tree)) + 2 * sum(symbol.layer is not None for symbol in f.symbols_of(tree))


def formula(tree: f.Formula) -> str:
    """A formula in LaTeX's mathematics."""
    match tree:
        case f.Symbol(letter, layer, index):
            letter, number = f.letter_and_number(letter)
            word = letter.isascii() and len(letter) > 1
            base = _LETTERS.get(letter, f"\\mathrm{{{escaped(letter)}}}" if word else letter)
            above = "" if layer is None else f"^{{({layer})}}"
            marks = [*number, *map(str, index)]
            below = f"_{{{','.join(marks)}}}" if marks else ""
            return base + below + above
        case f.Number(value):
            mantissa, exponent = f.mantissa_and_exponent(value)
            if mantissa in ("inf", "-inf", "nan"):
                return {"inf": r"\infty", "-inf": r"-\infty"}.get(mantissa, r"\mathrm{nan}")
            if exponent is None:
                return mantissa
            factor = mantissa.removesuffix("1") if mantissa in ("1", "-1") else f"{mantissa} \\cdot "
            return f"{factor}10^{{{exponent}}}"
        case f.Words(text):
            return f"\\text{{{escaped(text)}}}"
        case f.Derivative(of, by):
            return f"\\frac{{\\partial {formula(of)}}}{{\\partial {formula(by)}}}"
        case f.Product(factors, sign):
            last = len(factors)
            between = {"·": r" \cdot ", "⊙": r" \odot ", "": r"\, "}[sign]
            return between.join(_factor(factor, sign, place == last) for place, factor in enumerate(factors, 1))
        case f.Sum(terms):
            return "".join(_term(term, first=place == 0) for place, term in enumerate(terms))
        case f.Negative(term):
            return f"-{_factor(term, last=True)}"
        case f.Series(index, body):
            return f"\\sum_{{{index}}} {_factor(body)}"
        case f.Fraction(over, under):
            return f"\\frac{{{formula(over)}}}{{{formula(under)}}}"
        case f.Power(base, exponent):
            plain = isinstance(base, f.Number) and base.value >= 0
            plain = plain or (isinstance(base, f.Symbol) and base.layer is None and not base.index)
            inner = formula(base) if plain else f"\\left({formula(base)}\\right)"
            return f"{inner}^{{{formula(exponent)}}}"
        case f.Root(of):
            return f"\\sqrt{{{formula(of)}}}"
        case f.Transposed(of):
            inner = f"{{{formula(of)}}}" if isinstance(of, f.Symbol) else f"\\left({formula(of)}\\right)"
            return f"{inner}^{{\\mathsf{{T}}}}"
        case f.Apply("abs", _, False):
            return f"\\left|{_arguments(tree)}\\right|"
        case f.Apply(function, _, prime):
            name = _FUNCTIONS.get(function, f"\\mathrm{{{escaped(function)}}}")
            prime_mark = "'" if prime else ""
            return f"{name}{prime_mark}\\left({_arguments(tree)}\\right)"
        case f.Where(_, then, otherwise):
            condition = " ".join(part if isinstance(part, str) else formula(part) for part in tree.condition)
            return f"{formula(then)} \\text{{ where }} {condition} \\text{{, else }} {formula(otherwise)}"
        case f.Equation(sides):
            return formula(sides[0]) + "".join(
                f" {_SIGNS.get(sign, sign)} {formula(side)}" for sign, side in tree.right
            )
    raise TypeError(f"no formula: {tree!r}")


def _arguments(call: f.Apply) -> str:
    return ", ".join(map(formula, call.arguments))


def _factor(factor: f.Formula, sign: str = "·", last: bool = False) -> str:
    return f"\\left({formula(factor)}\\right)" if f.needs_brackets(factor, sign, last) else formula(factor)


def _term(term: f.Formula, first: bool) -> str:
    if isinstance(term, f.Negative):
        return f" - {_factor(term.term, last=True)}"
    if isinstance(term, f.Number) and term.value < 0 and not first:
        return f" - {formula(f.Number(-term.value))}"
    return formula(term) if first else f" + {formula(term)}"


def _table(table: Table) -> str:
    """A table, cut into several where it is too wide for the page."""
    from tinynn.explain.text import inline as as_text

    count = len(table.heads)
    columns = [column([row[i] for row in table.rows]) for i in range(count)]
    cells = [[_cell(row[i], columns[i][number]) for i in range(count)] for number, row in enumerate(table.rows)]
    heads = [_inline((head,)) for head in table.heads]
    words = [any(isinstance(row[i], str) for row in table.rows) for i in range(count)]
    widths = []
    for i in range(count):
        plain = [columns[i][n] or ("" if row[i] is None else as_text((row[i],))) for n, row in enumerate(table.rows)]  # type: ignore[arg-type]
        widths.append(max(len(as_text((table.heads[i],))), *map(len, plain), 0) + 2)
    pieces = []
    for chosen in _cut(widths, table.labels):
        long = [words[i] and widths[i] > 40 for i in chosen]
        room = max(0.2, 0.9 - sum(widths[i] for i, wraps in zip(chosen, long) if not wraps) / ROOM) / max(1, sum(long))
        layout = "".join(
            f"p{{{room:.2f}\\linewidth}}" if wraps else "l" if words[i] else "r" for i, wraps in zip(chosen, long)
        )
        lines = [" & ".join(heads[i] for i in chosen) + r" \\ \hline"]
        for number, row in enumerate(cells):
            shown = [row[i] for i in chosen]
            if number in table.marked:
                shown[0] = f"\\(\\triangleright\\)\\ {shown[0]}"
            lines.append("{}" + " & ".join(shown) + r" \\")  # {}: a "[" after a line break would be its argument
        body = f"\\begin{{tabular}}{{{layout}}}\n" + "\n".join(lines) + "\n\\end{tabular}"
        pieces.append(f"{{\\renewcommand{{\\arraystretch}}{{1.3}}{body}}}")
    caption = _inline(table.caption) + "\n\n" if table.caption else ""
    note = f"\n\n{escaped(table.note)}" if table.note else ""
    return caption + "\n\n".join(pieces) + note + "\n"


def _cell(cell: Cell, number: str | None) -> str:
    if number is None:
        return "" if cell is None else _inline((cell,))  # type: ignore[arg-type]
    mantissa, _, exponent = number.partition("e")
    return f"\\({mantissa} \\cdot 10^{{{int(exponent)}}}\\)" if exponent else f"\\({mantissa}\\)"


def _cut(widths: Sequence[int], labels: int) -> list[list[int]]:
    """Which columns stand together."""
    first = list(range(labels))
    room = ROOM - sum(widths[i] for i in first)
    groups: list[list[int]] = [[]]
    for i in range(labels, len(widths)):
        if groups[-1] and sum(widths[j] for j in groups[-1]) + widths[i] > room:
            groups.append([])
        groups[-1].append(i)
    return [first + group for group in groups]
