"""`help()` of everything public says what it is, what it takes, and when it raises."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

import tinynn

MODULES = [
    *("", *(name for name in tinynn.__all__ if inspect.ismodule(getattr(tinynn, name)))),
    *("optimizers.schedules", *sorted(tinynn._LATE), "wrappers.scikit_learn"),
]


def things(path: str) -> dict[str, Any]:
    module: Any = tinynn
    for part in filter(None, path.split(".")):
        module = getattr(module, part)
    found = {name: getattr(module, name) for name in module.__all__}
    return {name: thing for name, thing in found.items() if callable(thing)}


PUBLIC = [pytest.param(thing, id=f"{path}.{name}") for path in MODULES for name, thing in things(path).items()]


def own_text(thing: Any) -> str:
    return (thing.__doc__ if isinstance(thing, type) else inspect.getdoc(thing)) or ""


def text_with_bases(thing: Any) -> str:
    bases = thing.__mro__[1:-1] if isinstance(thing, type) else ()
    return own_text(thing) + " ".join(base.__doc__ or "" for base in bases)


def says(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


@pytest.mark.parametrize("thing", PUBLIC)
def test_says_what_it_is(thing: Any) -> None:
    assert len(own_text(thing)) >= 3
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", own_text(thing))


@pytest.mark.parametrize("thing", PUBLIC)
def test_names_its_arguments(thing: Any) -> None:
    """Each of them, here or in a base class. One argument, or those of an array function, may be plain from the formula."""
    parameters = inspect.signature(thing).parameters.values()
    names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not isinstance(thing, type) and (len(names) == 1 or thing.__module__.startswith("tinynn.ops")):
        return
    assert [name for name in names if not says(text_with_bases(thing), name)] == []


@pytest.mark.parametrize("thing", PUBLIC)
def test_says_when_it_raises(thing: Any) -> None:
    source = inspect.getsource(thing.__init__ if isinstance(thing, type) else thing) if _is_python(thing) else ""
    if re.search(r"^ +raise \w", source, flags=re.M):
        assert "Raises:" in text_with_bases(thing)


def _is_python(thing: Any) -> bool:
    """Whether there is a source to read: not for what is written in C, nor for the constructor of a dataclass."""
    function = thing.__init__ if isinstance(thing, type) else thing
    return inspect.isfunction(function) and function.__code__.co_filename != "<string>"


@pytest.mark.parametrize("thing", [p for p in PUBLIC if isinstance(p.values[0], type)])
def test_methods_have_help(thing: type) -> None:
    """Of their own, or that of the method they take the place of."""
    silent = [
        name
        for name, member in inspect.getmembers(thing)
        if not name.startswith("_")
        and (inspect.isfunction(member) or isinstance(member, property))
        and str(getattr(member, "__module__", thing.__module__)).startswith("tinynn")
        and not inspect.getdoc(member if inspect.isfunction(member) else inspect.getattr_static(thing, name))
        and not any(inspect.getdoc(getattr(base, name, None)) for base in thing.__mro__[1:])
    ]
    assert silent == []
