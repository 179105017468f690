"""One page for each public module, made before Sphinx reads its sources: docs/reference/*.md."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

from docstrings import to_rst

import tinynn

_described: set[int] = set()

FOLDER = Path(__file__).parent.parent / "reference"
INTRODUCTION = """# Reference

Every public name, from its docstring. [The comparison with Keras](../api.md) says which of Keras's names are here, and
[the differences](../differences.md) what behaves otherwise. Names that tutorials use are also at the top: `tinynn.Sequential`
is `tinynn.models.Sequential`.

| Module | What it is |
|---|---|
"""


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.connect("builder-inited", lambda app: write())
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def modules() -> list[str]:
    """The public modules, each with its `__all__`."""
    found = [
        f"tinynn.{name}"
        for name in tinynn.__all__
        if inspect.ismodule(getattr(tinynn, name))
    ]
    found += [f"tinynn.{name}" for name in tinynn._LATE]
    return sorted([*found, "tinynn.optimizers.schedules"])


def write() -> None:
    """All pages; those of modules that are gone are removed."""
    FOLDER.mkdir(exist_ok=True)
    pages = {f"{name.removeprefix('tinynn.')}.md": page(name) for name in modules()}
    rows = [
        (name, name.removeprefix("tinynn."), first_line(importlib.import_module(name)))
        for name in modules()
    ]
    table = "".join(
        f"| [`{name}`]({short}.md) | {about} |\n" for name, short, about in rows
    )
    top = [name for name in tinynn.__all__ if not inspect.ismodule(getattr(tinynn, name))]
    pages["top.md"] = body(
        "tinynn", top, "What is at the top: `import tinynn as keras`, and go on."
    )
    contents = "\n".join(["top", *(name.removeprefix("tinynn.") for name in modules())])
    pages["index.md"] = (
        f"{INTRODUCTION}{table}\n```{{toctree}}\n:hidden:\n\n{contents}\n```\n"
    )
    for old in FOLDER.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = FOLDER / name
        if (
            not path.exists() or path.read_text(encoding="utf-8") != text
        ):  # so that only what changed is built again
            path.write_text(text, encoding="utf-8")


def page(name: str) -> str:
    """Of one module."""
    module = importlib.import_module(name)
    return body(
        name,
        [n for n in module.__all__ if not inspect.ismodule(getattr(module, n))],
        inspect.getdoc(module) or "",
    )


def body(name: str, names: list[str], text: str) -> str:
    """A heading, what the module says of itself, a table of its names, and each with its docstring."""
    module = importlib.import_module(name)
    inner = [
        getattr(module, n)
        for n in module.__all__
        if inspect.ismodule(getattr(module, n)) and name != "tinynn"
    ]
    inner = [one for one in inner if one.__name__ not in modules()]
    inner_text = "".join(
        f"## `{one.__name__}`\n\n{_rst(inspect.getdoc(one) or '')}\n{_entries(one)}"
        for one in inner
    )
    summary = "\n".join(f"   ~{name}.{n}" for n in names)
    table = (
        f"```{{eval-rst}}\n.. autosummary::\n   :nosignatures:\n\n{summary}\n```\n"
        if names
        else ""
    )
    entries = "".join(_entry(f"{name}.{n}", getattr(module, n)) for n in names)
    return f"# `{name}`\n\n{_rst(text)}\n{table}\n{inner_text}{entries}"


def _rst(text: str) -> str:
    return "```{eval-rst}\n" + "\n".join(to_rst(text)) + "\n```\n"


def _entries(module: Any) -> str:
    return "".join(
        _entry(f"{module.__name__}.{n}", getattr(module, n), "###")
        for n in module.__all__
        if callable(getattr(module, n))
    )


def _entry(full: str, thing: Any, level: str = "##") -> str:
    again = (
        ":no-index:" if id(thing) in _described else ""
    )  # under another name, too: links lead to the first
    _described.add(id(thing))
    if isinstance(thing, type):
        kind, options = "autoclass", ":members:\n   :show-inheritance:"
    elif callable(thing):
        kind, options = "autofunction", ""
    else:
        kind, options = "autodata", ""
    heading = full.rsplit(".", 1)[-1]
    lines = "\n   ".join(filter(None, (again, options)))
    return f"{level} {heading}\n\n```{{eval-rst}}\n.. {kind}:: {full}\n   {lines}\n```\n\n"


def first_line(module: Any) -> str:
    """Of a module's docstring."""
    return (inspect.getdoc(module) or "").split("\n")[0].replace("|", "\\|")
