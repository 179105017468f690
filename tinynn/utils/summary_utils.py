"""`model.summary()`: the table of layers and the counts below it.

Keras leaves the drawing to the package rich; here it is done by hand, in four steps:

    layers  ->  cells of styled text  ->  lines that fit their columns  ->  a table  ->  text, escape codes or HTML

A styled text is a list of pairs (string, style). While it is wrapped, each string is one character, so that cutting
and padding a text is cutting and padding a list; in a finished line, each string is as long as its style reaches.
"""

from __future__ import annotations

import builtins
import contextlib
import html
import math
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from tinynn.utils.progbar import print_msg

__all__ = ["print_summary"]


class Style(NamedTuple):
    """How a piece of text looks where looks are possible: bold or not, one of 256 colours or none."""

    bold: bool = False
    color: int | None = None


class Column(NamedTuple):
    """A column of the table: its header, where its text goes, and its width, a blank on each side included."""

    header: str
    justify: Literal["left", "center", "right"]
    width: int


class Screen(NamedTuple):
    """What is known of the place where the summary will be read."""

    width: int
    ascii_only: bool
    notebook: bool
    look: Literal["text", "bold", "16 colors", "256 colors"]


Text: TypeAlias = list[tuple[str, Style]]

_PLAIN, _BOLD = Style(), Style(bold=True)
_NUMBER, _NONE, _CLASS = Style(color=34), Style(color=45), Style(color=33)
_YES, _NO = Style(bold=True, color=34), Style(bold=True, color=9)

# The colours above where there are but 16 (as the code of an escape sequence), and in HTML.
_CODE_OF_16 = {9: "91", 33: "94", 34: "32", 45: "96"}
_HTML_COLOR = {9: "#ff0000", 33: "#0087ff", 34: "#00af00", 45: "#00d7ff"}

# Top, header, line below the header, row, line between rows, bottom. In a line: left, filling, crossing, right.
_HEAVY_HEAD = [tuple(line) for line in ("┏━┳┓", "┃ ┃┃", "┡━╇┩", "│ ││", "├─┼┤", "└─┴┘")]
_ASCII = [tuple(line) for line in ("+--+", "| ||", "|-+|", "| ||", "|-+|", "+--+")]

_HTML = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:normal;'
    "font-family:Menlo,'DejaVu Sans Mono',consolas,'Courier New',monospace\">{}</pre>\n"
)


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a model's layers, their output shapes and numbers of parameters, as Keras prints them.

    Args:
        line_length: width of the table; by default the terminal's less 4, at most 88 (100 with `show_trainable`).
        positions: where each column ends, as parts of the width.
        print_fn: called once, with the whole text, instead of printing.
        expand_nested: show the layers of models that are layers of this one, too.
        show_trainable: add a column saying which layers are trained.
        layer_range: names, or patterns, of the first and the last layer to show.
    """
    screen = _screen(to_stdout=not print_fn)
    if line_length is None or line_length == 0:
        line_length = min(100 if show_trainable else 88, shutil.get_terminal_size().columns - 4)
    columns = _columns(line_length, positions, show_trainable)
    layers = _walk(_within(list(model.layers), layer_range), expand_nested)
    rows = [_row(layer, level, show_trainable, _varies(model)) for layer, level in layers]
    blocks = [_paragraph(_styled(f'Model: "{model.name}"', _BOLD), screen.width)]
    blocks.append([_crop(line, screen.width) for line in _table(columns, rows, screen.ascii_only)])
    blocks += [_paragraph(text, screen.width) for text in _totals(model)]
    if screen.width < 1:
        blocks = []
    if screen.notebook and not print_fn:
        _display(blocks, screen)
        return
    text = "".join(_render(block, screen) for block in blocks)
    if print_fn:
        print_fn(text)
    else:
        print_msg(text, line_break=False)


# ---- What is said ----------------------------------------------------------------------------------------------------


def _within(layers: list[Any], layer_range: Sequence[str] | None) -> list[Any]:
    """The layers from the first that matches one pattern to the last that matches the other, in either order."""
    if layer_range is None:
        return layers
    if len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        raise ValueError(f"layer_range must be a list or tuple of length 2, of strings. Received: {layer_range!r}.")
    first, last = ([i for i, layer in enumerate(layers) if re.match(name, layer.name)] for name in layer_range)
    if not first or not last:
        names = ", ".join(layer.name for layer in layers)
        raise ValueError(f"layer_range {layer_range!r} does not match the layer names in the model: {names}.")
    if min(first) > max(last):
        first, last = last, first
    return layers[min(first) : max(last) + 1]


def _walk(layers: Iterable[Any], expand_nested: bool, level: int = 0) -> Iterator[tuple[Any, int]]:
    """The layers, each followed by the layers within it, and how deep they lie."""
    for layer in layers:
        yield layer, level
        if expand_nested:
            yield from _walk(getattr(layer, "layers", None) or (), True, level + 1)


def _columns(line_length: int, positions: Sequence[float] | None, show_trainable: bool) -> list[Column]:
    """The columns, as wide as the positions say once the table's borders have had their share."""
    headers = ["Layer (type)", "Output Shape", "Param #"]
    justify: list[Literal["left", "center", "right"]] = ["left", "left", "right"]
    positions = list(positions or (0.45, 0.80, 1.0))
    if show_trainable:
        headers.append("Trainable")
        justify.append("center")
        positions = [position * 0.90 for position in positions] + [1.0]
    if len(positions) < len(headers):
        raise ValueError(f"positions must say where each of the {len(headers)} columns ends; got {positions}.")
    ends = [int(position * line_length) for position in positions]
    widths = [end - start for start, end in pairwise([0, *ends])]
    if min(widths) < 4:
        raise ValueError("Insufficient console width to print summary.")
    inner = line_length - len(headers) - 1
    widths = _fit([min(width + 2, inner) for width in widths[: len(headers)]], inner)
    return [Column(*column) for column in zip(headers, justify, widths)]


def _fit(widths: list[int], total: int) -> list[int]:
    """Widths with a given sum: too much is taken from all alike, too little shared out in proportion."""
    excess, shares = sum(widths) - total, sum(widths)
    fitted = []
    for i, width in enumerate(widths):
        if sum(widths) > total:
            change = -min(width, round(excess / (len(widths) - i)))
        else:
            change = math.ceil(width * -excess / shares)
        excess += change
        shares -= width
        fitted.append(width + change)
    return fitted


def _varies(model: Any) -> bool:
    """Whether the model was built for batches of any size."""
    shape = getattr(model, "_build_shape", None)
    return isinstance(shape, tuple) and shape[:1] == (None,)


def _row(layer: Any, level: int, show_trainable: bool, any_size: bool) -> list[Text]:
    """What is said of a layer, column by column."""
    prefix = "   " * level + "└ " if level else ""
    name = [*_styled(f"{prefix}{layer.name} ("), *_styled(type(layer).__name__, _CLASS), *_styled(")")]
    if not getattr(layer, "built", True):
        count = _styled("0", _NUMBER) + _styled(" (unbuilt)")
    else:
        count = _styled(f"{layer.count_params():,}" if hasattr(layer, "built") else "0", _NUMBER)
    row = [name, _shape(layer, any_size), count]
    if show_trainable:
        yes_no = _styled("Y", _YES) if layer.trainable else _styled("N", _NO)
        row.append(yes_no if _has_weights(layer) else _styled("-", _BOLD))
    return row


def _has_weights(layer: Any) -> bool:
    if hasattr(layer, "weights"):
        return len(layer.weights) > 0
    return bool(getattr(layer, "built", False)) and layer.count_params() > 0


def _shape(layer: Any, any_size: bool) -> Text:
    """ "(None, 300)", "?" as long as it is not known. In an own model it follows from what the layer was built for."""
    try:
        shape = layer.output_shape
    except AttributeError:
        built_for = getattr(layer, "_build_shape", None)
        if not _is_shape(built_for):
            return _styled("?")
        shape = layer.compute_output_shape(built_for)
    if not _is_shape(shape):
        return _styled("?")
    if any_size:
        shape = (None, *shape[1:])
    text = _styled("(")
    for i, length in enumerate(shape):
        text += _styled(", " if i else "") + _styled(str(length), _NONE if length is None else _NUMBER)
    return text + _styled(")")


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > 0 and all(n is None or isinstance(n, int) for n in value)


def _totals(model: Any) -> Iterator[Text]:
    """The lines below the table. Generators' seeds and metrics are variables, but no weights: they do not count."""
    groups = {
        "Trainable params": _weights(model, "trainable"),
        "Non-trainable params": _weights(model, "non_trainable"),
    }
    optimizer = getattr(model, "optimizer", None)
    if getattr(model, "compiled", True) and optimizer and optimizer.built:
        groups["Optimizer params"] = list(optimizer.variables)
    groups = {"Total params": [variable for group in groups.values() for variable in group], **groups}
    for title, variables in groups.items():
        count, size = sum(_count(variable) for variable in variables), _size(variables)
        yield _styled(f" {title}: ", _BOLD) + _styled(f"{count:,}", _NUMBER) + _styled(f" ({size})")


def _weights(model: Any, kind: str) -> list[Any]:
    """The model's weights of a kind: by that name if it has it, else its variables."""
    name = f"{kind}_weights" if hasattr(model, f"{kind}_weights") else f"{kind}_variables"
    return list(getattr(model, name))


def _count(variable: Any) -> int:
    return math.prod(variable.shape)


def _size(variables: list[Any]) -> str:
    """The memory the variables take, each counted once: "2.51 KB"."""
    unique = {id(variable): variable for variable in variables}.values()
    size = sum(_count(variable) * _bits(str(variable.dtype)) for variable in unique) / 8
    units = ["B", "KB", "MB", "GB", "TB", "PB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.2f} {units[0]}"


def _bits(dtype: str) -> int:
    special = {"bool": 1, "bfloat16": 16}
    return special[dtype] if dtype in special else np.dtype(dtype).itemsize * 8


# ---- How it is laid out ----------------------------------------------------------------------------------------------


def _styled(text: str, style: Style = _PLAIN) -> Text:
    return [(character, style) for character in text]


def _merged(text: Text) -> Text:
    """Neighbours of one style as one string."""
    return [("".join(part for part, _ in parts), style) for style, parts in groupby(text, lambda pair: pair[1])]


def _cells(text: str) -> int:
    """How many places a text takes: ideographs take two, accents none.

    By Unicode's categories; rich keeps tables of its own, which differ for a few hundred rare characters.
    """
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    none = sum(unicodedata.category(character) in ("Mn", "Me", "Mc", "Cf", "Cc") for character in text)
    return len(text) + wide - none


def _cells_of(text: Text) -> int:
    return sum(_cells(part) for part, _ in text)


def _paragraph(text: Text, width: int) -> list[Text]:
    """Running text, broken into lines between words; words too long for a line are broken too."""
    return [_crop(_merged(line), width) for line in _wrap(text, width, fold=True)]


def _table(columns: list[Column], rows: list[list[Text]], ascii_only: bool) -> Iterator[Text]:
    """The lines of the table: borders, header and rows."""
    top, header, below_header, row, between, bottom = _ASCII if ascii_only else _HEAVY_HEAD
    yield _rule(top, columns)
    yield from _row_lines([_styled(column.header, _BOLD) for column in columns], columns, header, _BOLD)
    yield _rule(below_header, columns)
    for i, cells in enumerate(rows):
        if i:
            yield _rule(between, columns)
        yield from _row_lines(cells, columns, row, _PLAIN)
    yield _rule(bottom, columns)


def _rule(box: tuple[str, ...], columns: list[Column]) -> Text:
    left, filling, crossing, right = box
    return [(left + crossing.join(filling * column.width for column in columns) + right, _PLAIN)]


def _row_lines(cells: list[Text], columns: list[Column], box: tuple[str, ...], fill: Style) -> Iterator[Text]:
    """A row's lines, as many as its highest cell has. Headers, filled in bold, stand at the bottom, others on top."""
    blocks = [_cell_lines(cell, column, fill) for cell, column in zip(cells, columns)]
    height = max(1, *(len(block) for block in blocks))
    for block, column in zip(blocks, columns):
        blanks: list[Text] = [[(" " * column.width, fill)]] * (height - len(block))
        block[:] = blanks + block if fill == _BOLD else block + blanks
    left, _, divider, right = box
    for parts in zip(*blocks):
        line: Text = [(left, _PLAIN)]
        for i, part in enumerate(parts):
            line += [(divider, _PLAIN), *part] if i else part
        yield [*line, (right, _PLAIN)]


def _cell_lines(text: Text, column: Column, fill: Style) -> list[Text]:
    """A cell's lines: words too long for the column end in "…"; a blank on each side, and as many as justify needs."""
    width = column.width - 2
    if width < 1:
        return []
    lines = []
    for line in _wrap(text, width, fold=False):
        line = _shorten(line if column.justify == "left" else _without_trailing_blanks(line), width)
        blanks = width - _cells_of(line)
        before = {"left": 0, "center": blanks // 2, "right": blanks}[column.justify]
        line = _merged([*_styled(" " * before, fill), *line, *_styled(" " * (blanks - before), fill)])
        lines.append([(" ", fill), *line, (" ", fill)])
    return lines


def _shorten(line: Text, width: int) -> Text:
    """A line that fits, its end replaced by "…" (in the style of what it hides) if need be."""
    if _cells_of(line) <= width:
        return line
    kept = _crop(line, width - 1)
    return [*kept, ("…", line[len(kept)][1])]


def _crop(line: Text, width: int) -> Text:
    """The part of a line that fits into a width; a wide character cut in two leaves a blank."""
    kept: Text = []
    for part, style in line:
        if _cells(part) > width:
            part = _start(part, width)
        if part:
            kept.append((part, style))
        width -= _cells(part)
    return kept


def _start(text: str, width: int) -> str:
    """The first characters of a text that is wider than `width`, as many as fit, and blanks."""
    for i in range(len(text), -1, -1):
        if _cells(text[:i]) <= width:
            return text[:i] + " " * (width - _cells(text[:i]))
    return ""


def _wrap(text: Text, width: int, fold: bool) -> list[Text]:
    """The lines of a text. Blanks at the end of a line stay as far as they fit."""
    breaks = _breaks("".join(character for character, _ in text), width, fold)
    lines = [text[start:stop] for start, stop in pairwise([0, *breaks, len(text)])]
    return [line[: max(width, len(_without_trailing_blanks(line)))] for line in lines]


def _breaks(text: str, width: int, fold: bool) -> list[int]:
    """Where new lines start. A word, with the blanks around it, goes to a new line when it does not fit into this one;
    one that fits into no line is cut up (`fold`), or left too long."""
    breaks: list[int] = []
    used = 0
    for match in re.finditer(r"\s*\S+\s*", text):
        word, start = match.group(), match.start()
        length = _cells(word.rstrip())
        if length <= width - used:
            used += _cells(word)
            continue
        pieces = _cut(word, width) if fold and length > width else [word]
        for piece in pieces:
            if start:
                breaks.append(start)
            start += len(piece)
        used = _cells(pieces[-1])
    return breaks


def _cut(word: str, width: int) -> list[str]:
    """A word in pieces that fit into a width."""
    pieces = [""]
    for character in word:
        if pieces[-1] and _cells(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _without_trailing_blanks(line: Text) -> Text:
    end = len(line)
    while end and line[end - 1][0].isspace():
        end -= 1
    return line[:end]


# ---- Where it goes ---------------------------------------------------------------------------------------------------


def _screen(to_stdout: bool) -> Screen:
    """What `sys.stdout` and the environment say. Text for a print function is plain, but as wide as the screen."""
    notebook = _in_notebook()
    terminal = to_stdout and not notebook and _is_terminal()
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    look: Literal["text", "bold", "16 colors", "256 colors"] = "text"
    if to_stdout and (notebook or (terminal and not _is_dumb())):
        look = "256 colors" if notebook or _has_256_colors() else "16 colors"
        look = "bold" if os.environ.get("NO_COLOR") else look
    return Screen(_screen_width(terminal, notebook), not encoding.lower().startswith("utf"), notebook, look)


def _in_notebook() -> bool:
    """Whether this is a Jupyter notebook or a relative of it; IPython in a terminal is none."""
    get_ipython = getattr(builtins, "get_ipython", None)
    if get_ipython is None:
        return False
    shell = type(get_ipython())
    return (
        "google.colab" in str(shell)
        or bool(os.environ.get("DATABRICKS_RUNTIME_VERSION"))
        or shell.__name__ == "ZMQInteractiveShell"
    )


def _is_terminal() -> bool:
    """Whether stdout understands escape codes. IDLE says it does, and does not."""
    environ = os.environ
    if type(sys.stdin).__module__.startswith("idlelib"):
        return False
    if environ.get("TTY_COMPATIBLE") in ("0", "1"):
        return environ["TTY_COMPATIBLE"] == "1"
    if "FORCE_COLOR" in environ:
        return environ["FORCE_COLOR"] != ""
    try:
        return bool(sys.stdout.isatty())
    except (AttributeError, ValueError):  # no stdout, or a closed one
        return False


def _is_dumb() -> bool:
    return os.environ.get("TERM", "").lower() in ("dumb", "unknown")


def _has_256_colors() -> bool:
    depth = os.environ.get("COLORTERM", "").strip().lower()
    term = os.environ.get("TERM", "").strip().lower()
    return depth in ("truecolor", "24bit") or term.rpartition("-")[2] in ("256color", "kitty")


def _screen_width(terminal: bool, notebook: bool) -> int:
    """The width at which lines are broken and cut: in turn what the environment says, the terminal's, 80."""
    if notebook:
        return _number("JUPYTER_COLUMNS") or 115
    told = _number("COLUMNS")
    if terminal and _is_dumb() and (told is None or _number("LINES") is None):
        return 80
    if told is not None:
        return told
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.get_terminal_size(descriptor).columns or 80
    return 80


def _number(variable: str) -> int | None:
    """An environment variable's value if it is a whole number."""
    value = os.environ.get(variable, "")
    return int(value) if value.isdigit() else None


def _render(lines: Iterable[Text], screen: Screen) -> str:
    """Lines as text, with escape codes if the screen understands them."""
    return "".join("".join(_escaped(part, style, screen) for part, style in line) + "\n" for line in lines)


def _escaped(text: str, style: Style, screen: Screen) -> str:
    codes = ["1"] if style.bold else []
    if style.color is not None and screen.look != "bold":
        few = screen.look == "16 colors" or style.color < 16
        codes.append(_CODE_OF_16[style.color] if few else f"38;5;{style.color}")
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes and text and screen.look != "text" else text


def _display(blocks: list[list[Text]], screen: Screen) -> None:
    """Show the blocks in a notebook, each as an output of its own."""
    from IPython.display import display

    for lines in blocks:
        text = [part for line in lines for part in [*line, ("\n", _PLAIN)]]
        page = _HTML.format("".join(_tagged(part, style) for part, style in _merged(text)))
        display({"text/plain": _render(lines, screen), "text/html": page}, raw=True)


def _tagged(text: str, style: Style) -> str:
    rules = []
    if style.color is not None:
        rules += [f"color: {_HTML_COLOR[style.color]}", f"text-decoration-color: {_HTML_COLOR[style.color]}"]
    if style.bold:
        rules.append("font-weight: bold")
    text = html.escape(text, quote=False)
    return f'<span style="{"; ".join(rules)}">{text}</span>' if rules else text
