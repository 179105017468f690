"""Formulas as MathML, which browsers draw by themselves: no script, no network."""

from __future__ import annotations

from typing import Any

import latex2mathml.converter
from docutils import nodes


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(writer: Any, node: Any) -> None:
    writer.body.append(latex2mathml.converter.convert(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: Any) -> None:
    writer.body.append(
        f'<div class="math">{latex2mathml.converter.convert(node.astext(), display="block")}</div>\n'
    )
    raise nodes.SkipNode
