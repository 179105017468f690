"""Links from the pages of source code back to the reference.

viewcode takes it that all of a module is documented under one name. Here `tinynn/layers/layer.py` is documented as
`tinynn.layers.Layer` and as `tinynn.Layer`, and so half of its links would lead to a place that is not there.
"""

from __future__ import annotations

import functools
import html
import importlib
import re
from typing import Any


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mend(
    app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Lead each link to where the same object is documented."""
    if not pagename.startswith("_modules/tinynn"):
        return
    module = pagename.removeprefix("_modules/").replace("/", ".")
    if module not in app.env._viewcode_modules or not app.env._viewcode_modules[module]:
        return
    documented_as = app.env._viewcode_modules[module][3]

    def mended(match: re.Match[str]) -> str:
        name = html.unescape(match[1]).removeprefix(f"{documented_as}.")
        page, full = _places(app).get(id(_object(module, name)), (None, ""))
        if page is None:
            return ""
        where = app.builder.get_relative_uri(pagename, page)
        return f'<a class="viewcode-back" href="{where}#{html.escape(full)}">{match[2]}</a>'

    pattern = r'<a class="viewcode-back" href="[^"#]*#([^"]+)">([^<]*)</a>'
    context["body"] = re.sub(pattern, mended, context["body"])


@functools.cache
def _places(app: Any) -> dict[int, tuple[str, str]]:
    """For each documented object the page, and its name there."""
    found = {}
    for full, entry in app.env.domaindata["py"]["objects"].items():
        name = full
        while "." in name:  # the module is the longest part that can be imported
            name = name.rpartition(".")[0]
            if _module(name) is not None:
                thing = _object(name, full.removeprefix(f"{name}."))
                found.setdefault(id(thing), (entry.docname, entry.node_id))
                break
    return found


@functools.cache
def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _object(module: str, name: str) -> Any:
    found = _module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
