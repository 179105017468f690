"""Docstrings of tinynn as reStructuredText.

They are written to be read in the source: plain words, `names` between single backticks, formulas on lines of their own or
indented, and the headings Args, Returns, Raises, Attributes, Example. Here formulas become literal blocks, and nothing in the
words is taken for markup.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

FIELDS = {"Args": "param", "Attributes": "ivar", "Raises": "raises"}
HEADING = re.compile(
    r"^(Args|Attributes|Raises|Returns|Yields|Examples?|Notes?|Source|Sources|References?):\s*(.*)$"
)
ENTRY = re.compile(r"^(\*{0,2}[\w.]+(?: ?, ?\*{0,2}[\w.]+)*)\s*:\s+(.*)$", re.S)
FORMULA = re.compile(r"^[^\s.]{1,40}(?: \([^)]*\))? (?:=|<-|->|~) |^d ?\S+ ?/ ?d|^d?L/d")


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.connect("autodoc-process-docstring", _process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _process(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    if what != "module":
        first, rest = _first_words("\n".join(lines))  # they go into tables too
        lines[:] = ["", _words(first), "", *to_rst(rest)]


def _first_words(text: str) -> tuple[str, str]:
    """The first paragraph in one line, up to a formula in it, and what follows."""
    lines = text.split("\n")
    n = 1
    while n < len(lines) and lines[n].strip() and not re.search(r"^ |\S {2,}\S", lines[n]):
        n += 1
    return " ".join(" ".join(lines[:n]).split()), "\n".join(lines[n:])


def to_rst(text: str) -> list[str]:
    """The lines of a docstring, without its indentation, as reStructuredText."""
    out: list[str] = []
    for heading, body in sections(text):
        if heading in FIELDS:
            out += _fields(FIELDS[heading], body)
        elif heading in ("Returns", "Yields"):
            out += ["", f":{heading.lower()}: {_words(' '.join(body.split()))}", ""]
        elif heading:
            out += ["", f".. rubric:: {heading}", "", *_blocks(body)]
        else:
            out += ["", *_blocks(body)]
    return [*out, ""]


def sections(text: str) -> Iterator[tuple[str, str]]:
    """(heading or "", what stands under it)."""
    heading, body = "", []
    for line in textwrap.dedent(text).split("\n"):
        found = HEADING.match(line)
        if found and (not found[2] or found[1].startswith(("Source", "Reference", "Note"))):
            yield heading, "\n".join(body)
            heading, body = found[1], ([found[2]] if found[2] else [])
        elif heading in (*FIELDS, "Returns", "Yields") and line.lstrip().startswith(">>>"):
            yield heading, "\n".join(body)
            heading, body = "Example", [line]
        elif (
            heading and line and not line.startswith(" ") and body and not body[-1].strip()
        ):
            yield heading, "\n".join(body)  # back at the margin: the section is over
            heading, body = "", [line]
        else:
            body.append(line)
    yield heading, "\n".join(body)


def _fields(kind: str, body: str) -> list[str]:
    """Entries `name: what it is`; code that stands below them, after an empty line, is shown as such."""
    entries: list[str] = []
    code: list[str] = []
    lines = textwrap.dedent(body).strip("\n").split("\n")
    for i, line in enumerate(lines):
        if code or (
            i
            and not lines[i - 1].strip()
            and line.strip()
            and not ENTRY.match(line.strip())
        ):
            code.append(line)
        elif entries and (line.startswith(" ") or not line.strip()):
            entries[-1] += " " + line.strip()
        else:
            entries.append(line)
    out = [""]
    for entry in entries:
        found = ENTRY.match(entry.strip())
        if found:
            out.append(
                f":{kind} {found[1] if kind == 'raises' else _escape(found[1])}: {_words(found[2])}"
            )
        else:
            out.append(f":{kind} \\ : {_words(entry.strip())}")
    if code:
        out += [
            "",
            ".. rubric:: Example",
            "",
            ".. code-block:: python",
            "",
            *(f"   {line}" for line in code),
        ]
    return [*out, ""]


def _blocks(body: str) -> list[str]:
    """Paragraphs as they are, formulas and what is indented as literal blocks, examples as sessions."""
    out: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", textwrap.dedent(body).strip("\n")):
        lines = [line.rstrip() for line in paragraph.split("\n")]
        if not any(lines):
            continue
        if lines[0].lstrip().startswith(">>>"):
            out += ["", *textwrap.dedent("\n".join(lines)).split("\n"), ""]
        elif re.match(r"[-*] ", lines[0]):
            items = re.sub(r"\n(?![-*] )\s*", " ", "\n".join(lines)).split("\n")
            out += ["", *(f"* {_words(item[2:])}" for item in items), ""]
        else:
            for formula, group in _groups(lines):
                if formula:
                    out += ["", ".. code-block:: text", "   :class: formula", ""]
                    out += [
                        f"   {line}"
                        for line in textwrap.dedent("\n".join(group)).split("\n")
                    ] + [""]
                else:
                    out += ["", _words(" ".join(line.strip() for line in group)), ""]
    return out


def _groups(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    """Neighbouring lines of words, and of formulas."""
    if any(re.search(r"\S {2,}\S", line) for line in lines) and not re.match(
        r"[A-Z][a-z]+ [a-z]+ [a-z]+", lines[0]
    ):
        yield True, lines
        return
    group: list[str] = []
    kind = False
    for line in lines:
        begins = not group or kind  # a line within a sentence may start like a formula
        this = bool(
            line.startswith("  ")
            or re.search(r"\S {2,}\S", line)
            or (begins and FORMULA.match(line))
        )
        if group and this != kind:
            yield kind, group
            group = []
        kind, group = this, [*group, line]
    yield kind, group


def _words(text: str) -> str:
    """Prose: what stands between backticks is code; nothing else is markup."""
    parts = re.split(r"`+([^`]+)`+", text)
    out = ""
    for i, part in enumerate(parts):
        if i % 2 == 0:
            out += _escape(part)
        elif part == part.strip():
            before = "\\ " if out and not out[-1].isspace() else ""
            out += f"{before}``{part}``\\ "
        else:
            out += _escape(part)
    return out


def _escape(text: str) -> str:
    return re.sub(r"([\\*|`_<>\[\]])", r"\\\1", text)
