"""One page for each file of tinynn/kernels, made before Sphinx reads its sources: docs/kernels/*.md, and its figure.

A page is what the file says: derivation, forward and backward pass, and folded away the compiled twins.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

from docstrings import to_rst

import tinynn.kernels

FOLDER = Path(__file__).parent.parent / "kernels"
SOURCES = Path(tinynn.kernels.__file__).parent
GROUPS = {
    "Layers": (
        "alpha_dropout",
        "batch_normalization",
        "dense",
        "dropout",
        "gather",
        "layer_normalization",
        "rms_normalization",
        "unit_normalization",
    ),
    "Optimizers": (
        *(
            "adadelta",
            "adafactor",
            "adagrad",
            "adam",
            "adamax",
            "ftrl",
            "lamb",
            "lion",
            "nadam",
            "rmsprop",
        ),
        *(
            "schedule_free_adamw",
            "sgd",
            "gradient_accumulation",
            "moving_average",
            "weight_decay",
            "clip",
        ),
    ),
    "Losses": (
        *(
            "binary_crossentropy",
            "binary_focal_crossentropy",
            "categorical_crossentropy",
            "categorical_focal_crossentropy",
        ),
        *(
            "categorical_hinge",
            "circle",
            "cosine_similarity",
            "dice",
            "generalized_crossentropy",
            "hinge",
            "huber",
        ),
        *(
            "kl_divergence",
            "log_cosh",
            "mean_absolute_error",
            "mean_absolute_percentage_error",
            "mean_squared_error",
        ),
        *(
            "mean_squared_logarithmic_error",
            "poisson",
            "sigmoid_crossentropy",
            "sigmoid_focal_crossentropy",
        ),
        *("softmax_crossentropy", "squared_hinge", "tversky"),
    ),
    "Metrics": ("accuracy", "confusion", "correlation", "f_score", "r2_score", "top_k"),
    "Regularizers and constraints": (
        "l1_l2",
        "non_negative",
        "norm_limits",
        "orthogonality",
    ),
    "Shared by others": ("elementary",),
}
"""What is not named here is an activation."""


def setup(app: Any) -> dict[str, Any]:
    """For Sphinx."""
    app.connect("builder-inited", lambda app: write())
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def names() -> list[str]:
    """The files of tinynn/kernels."""
    return sorted(
        path.stem for path in SOURCES.glob("*.py") if not path.stem.startswith("_")
    )


def write() -> None:
    """All pages and figures; what was made from the same sources before stays."""
    import kernel_figures

    FOLDER.mkdir(exist_ok=True)
    for name in names():
        source = SOURCES / f"{name}.py"
        figure = kernel_figures.write(name, FOLDER, newer_than=source)
        _update(
            FOLDER / f"{name}.md", page(name, source.read_text(encoding="utf-8"), figure)
        )
    _update(FOLDER / "index.md", index())
    for old in FOLDER.glob("*.md"):
        if old.stem not in (*names(), "index"):
            old.unlink()


def _update(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def index() -> str:
    """The list of all pages, by what they are for."""
    named = {name for group in GROUPS.values() for name in group}
    groups = {"Activations": tuple(name for name in names() if name not in named), **GROUPS}
    lines = ["# Kernels", "", _rst(inspect.getdoc(tinynn.kernels) or "")]
    for title, group in groups.items():
        lines += [f"## {title}", "", "| Kernel | What it is |", "|---|---|"]
        for name in sorted(set(group) & set(names())):
            tree = ast.parse((SOURCES / f"{name}.py").read_text(encoding="utf-8"))
            about = " ".join(
                (ast.get_docstring(tree) or "").split("\n\n")[0].split()
            ).replace("|", "\\|")
            lines.append(f"| [`{name}`]({name}.md) | {about} |")
        lines.append("")
    return "\n".join([*lines, "```{toctree}", ":hidden:", "", *names(), "```", ""])


def page(name: str, source: str, figure: str | None) -> str:
    """Of one file."""
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    shown: set[str] = set()
    lines = [f"# `{name}`", "", _rst(ast.get_docstring(tree) or "")]
    if figure:
        lines += [f"![{name}, drawn from its functions]({figure})", ""]
    for function in (
        f for f in functions if not f.startswith("_") and not _is_compiled(functions[f])
    ):
        shown.add(function)
        lines += [
            f"## {function}",
            "",
            _rst(ast.get_docstring(functions[function]) or ""),
            *_code(source, functions[function]),
        ]
        twin = f"{function}_compiled"
        if twin in functions:
            shown.add(twin)
            about = ast.get_docstring(functions[twin])
            lines += [
                "<details><summary>The compiled twin</summary>",
                "",
                *([_rst(about)] if about else []),
            ]
            lines += [*_code(source, functions[twin]), "</details>", ""]
    rest = [node for other, node in functions.items() if other not in shown]
    if rest:
        lines += ["## Parts of these", ""]
        for node in rest:
            lines += [*_code(source, node, with_docstring=True)]
    lines += [
        f"The whole file: [tinynn/kernels/{name}.py](../../tinynn/kernels/{name}.py).",
        "",
    ]
    return "\n".join(lines)


def _is_compiled(node: ast.FunctionDef) -> bool:
    return any("compiled" in ast.unparse(decorator) for decorator in node.decorator_list)


def _code(source: str, node: ast.FunctionDef, with_docstring: bool = False) -> list[str]:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = source.split("\n")[first - 1 : node.end_lineno]
    if ast.get_docstring(node) and not with_docstring and len(node.body) > 1:
        start, stop = node.body[0].lineno - first, (node.body[0].end_lineno or 0) - first
        lines = lines[:start] + lines[stop + 1 :]
    return ["```python", *lines, "```", ""]


def _rst(text: str) -> str:
    return "```{eval-rst}\n" + "\n".join(to_rst(inspect.cleandoc(text))) + "\n```\n"
