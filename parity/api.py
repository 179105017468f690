"""The public names, arguments and defaults of tinynn beside Keras's: every difference, and why.

    python -m parity.api            what differs, as it stands in docs/api.md
    python -m parity.api --write    write docs/api.md

A difference is a line such as "missing layers.Conv2D" or "argument missing ops.one_hot(sparse)". Each needs a reason in
`parity/api_reasons.py`, and each reason a difference: `tests/parity/test_api.py`.
"""

from __future__ import annotations

import fnmatch
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from parity.api_reasons import REASONS

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_ONLY)


def differences(keras: Any, ours: Any) -> list[str]:
    """Every difference of public names, arguments and defaults, sorted, each once."""
    return sorted(set(_modules(keras, ours, "")))


def unexplained(found: list[str]) -> list[str]:
    """Differences for which there is no reason."""
    return [line for line in found if reason_for(line) is None]


def unneeded(found: list[str]) -> list[str]:
    """Reasons that are the reason of nothing."""
    used = {reason_for(line) for line in found}
    return [pattern for pattern in REASONS if pattern not in used]


def reason_for(line: str) -> str | None:
    """The first pattern of REASONS that a difference matches."""
    return next((pattern for pattern in REASONS if fnmatch.fnmatchcase(line, pattern)), None)


def public_names(module: Any) -> list[str]:
    """What a module offers: `__all__`, or what does not start with an underscore."""
    return sorted(name for name in getattr(module, "__all__", None) or dir(module) if not name.startswith("_"))


def _modules(keras: Any, ours: Any, path: str) -> Iterator[str]:
    for name in [n for n in dir(keras) if not n.startswith("_") and n != "src"]:
        theirs, full = getattr(keras, name), f"{path}{name}"
        if not hasattr(ours, name):
            yield f"missing {full}"
        elif isinstance(theirs, ModuleType):
            if isinstance(getattr(ours, name), ModuleType):
                yield from _modules(theirs, getattr(ours, name), f"{full}.")
        else:
            yield from _thing(theirs, getattr(ours, name), full)
    for name in getattr(ours, "__all__", []):
        if not hasattr(keras, name):
            yield f"extra {path}{name}"


def _thing(theirs: Any, ours: Any, full: str) -> Iterator[str]:
    if callable(theirs):
        yield from _arguments(theirs, ours, full)
    if isinstance(theirs, type) and isinstance(ours, type):
        yield from _members(theirs, ours)


def _members(theirs: type, ours: type) -> Iterator[str]:
    """Methods and properties, each under the class that defines it, so that what is inherited is named once."""
    for name in [n for n in dir(theirs) if not n.startswith("_")]:
        home = _home(theirs, name)
        if not hasattr(ours, name) and not _sets(ours, name):
            yield f"missing {home}.{name}"
        elif inspect.isfunction(getattr(theirs, name)) and callable(getattr(ours, name, None)):
            yield from _arguments(getattr(theirs, name), getattr(ours, name), f"{home}.{name}")
    for name in [n for n in dir(ours) if not n.startswith("_")]:
        if not hasattr(theirs, name):
            yield f"extra {_home(ours, name)}.{name}"


def _sets(cls: type, name: str) -> bool:
    """Whether objects of the class have the attribute, their `__init__` giving it to them."""
    sources = [inspect.getsource(base) for base in cls.__mro__ if base.__module__.startswith("tinynn")]
    return any(re.search(rf"\bself\.{name}(?:,|:| =)", source) for source in sources)


def _home(cls: type, name: str) -> str:
    return next(base.__name__ for base in cls.__mro__ if name in vars(base))


def _arguments(theirs: Any, ours: Any, full: str) -> Iterator[str]:
    expected, found = _named(theirs), _named(ours)
    if expected is None or found is None:  # not said, or said as *args, **kwargs
        return
    for name, parameter in expected.items():
        if name not in found:
            yield f"argument missing {full}({name})"
        elif repr(parameter.default) != repr(found[name].default):
            yield f"default {full}({name}={parameter.default!r}), here {found[name].default!r}"
    yield from (f"argument extra {full}({name})" for name in found if name not in expected)
    places = [n for n, p in expected.items() if p.kind is not inspect.Parameter.KEYWORD_ONLY and n in found]
    here = [n for n, p in found.items() if p.kind is not inspect.Parameter.KEYWORD_ONLY and n in expected]
    if places[: len(here)] != here:
        yield f"order {full}({', '.join(places)}), here ({', '.join(here)})"
    elif len(here) < len(places):
        yield f"by keyword only {full}({', '.join(places[len(here) :])})"


def _named(thing: Any) -> dict[str, inspect.Parameter] | None:
    try:
        parameters = inspect.signature(thing).parameters
    except (TypeError, ValueError):
        return None
    kinds = {parameter.kind for parameter in parameters.values()}
    if kinds == {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        return None
    return {name: parameter for name, parameter in parameters.items() if parameter.kind in NAMED}


def page(keras: Any, ours: Any) -> str:
    """docs/api.md."""
    found = differences(keras, ours)
    lines = [
        "# The API beside Keras's",
        "",
        f"Written by `python -m parity.api --write` from Keras {keras.__version__}; a test keeps it current. Every public",
        "name of Keras is here under the same name with the same arguments and defaults, unless the tables below say why not.",
        "[What differs in behaviour](differences.md) is a page of its own.",
        "",
        "## What is there",
        "",
        "| Module | Names in Keras | Here | Which |",
        "|---|---:|---:|---|",
    ]
    for path in _paths(keras, ours):
        theirs, here = _at(keras, path), _at(ours, path)
        names = [n for n in public_names(theirs) if n != "src" and not isinstance(getattr(theirs, n), ModuleType)]
        both = [n for n in names if hasattr(here, n)]
        if names and path != "ops.nn":
            lines.append(f"| `{path or 'keras'}` | {len(names)} | {len(both)} | {', '.join(f'`{n}`' for n in both)} |")
    lines += ["", "## What differs, and why", ""]
    grouped: dict[str, list[str]] = {}
    for line in found:
        pattern = reason_for(line)
        grouped.setdefault(REASONS[pattern] if pattern else "NO REASON YET", []).append(line)
    lines += ["| Why | What |", "|---|---|"]
    for why in dict.fromkeys([*REASONS.values(), "NO REASON YET"]):
        if why in grouped:
            lines.append(f"| {why} | {', '.join(f'`{_short(line)}`' for line in grouped[why])} |")
    return "\n".join(lines) + "\n"


def _short(line: str) -> str:
    return line.removeprefix("missing ").replace("|", "or")


def _paths(keras: Any, ours: Any, path: str = "") -> Iterator[str]:
    yield path
    here = _at(keras, path)
    for name in [n for n in dir(here) if not n.startswith("_") and n != "src"]:
        full = f"{path}.{name}" if path else name
        if isinstance(getattr(here, name), ModuleType) and isinstance(_at(ours, full), ModuleType):
            yield from _paths(keras, ours, full)


def _at(root: Any, path: str) -> Any:
    for name in path.split(".") if path else []:
        root = getattr(root, name, None)
    return root


def main(arguments: list[str]) -> int:
    """Print or write the page; 1 if a difference has no reason, or a reason no difference."""
    keras, ours = importlib.import_module("keras"), importlib.import_module("tinynn")
    found = differences(keras, ours)
    if "--write" in arguments:
        PAGE.write_text(page(keras, ours), encoding="utf-8")
        print(f"wrote {PAGE}")
    else:
        print("\n".join(f"{line}    [{REASONS.get(reason_for(line) or '', 'NO REASON')}]" for line in found))
    wrong = [*unexplained(found), *(f"no difference is {pattern!r}" for pattern in unneeded(found))]
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
