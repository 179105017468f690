"""README and docs keep their word: every Python block runs, and what README says is printed is printed.

Notebooks (docs/tutorials, docs/learn) are run by the build of the documentation, `make docs-test`; what it makes (docs/kernels,
docs/reference) is not looked at here.
"""

from __future__ import annotations

import contextlib
import doctest
import functools
import importlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynn
from tests.pages import PAGES, ROOT


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S)


@functools.cache
def epochs_printed_by(code: str) -> dict[int, str]:
    """{epoch: what is printed after its durations}."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    lines = re.findall(r"Epoch (\d+)/\d+\n(\d+/\d+) - \d+s - \d+\ws/step - (.*)", printed.getvalue())
    return {int(epoch): f"{count} - {rest}" for epoch, count, rest in lines}


def epochs_shown_for(engine: str) -> dict[int, str]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = {}
    for epoch, block in re.findall(r"^Epoch (\d+)/30\n((?:  .*\n)+)", readme, flags=re.M):
        line = re.search(rf"^  {engine} +(.*)$", block, flags=re.M)
        assert line is not None
        shown[int(epoch)] = line.group(1)
    assert len(shown) >= 4
    return shown


def test_readme_training_run_prints_what_readme_shows() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install tinynn-engine[sklearn]")
    printed = epochs_printed_by(python_blocks(ROOT / "README.md")[0])
    for epoch, line in epochs_shown_for("tinynn").items():
        assert printed[epoch] == line


@pytest.mark.slow
@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
def test_readme_training_run_prints_the_same_under_keras(keras: Any) -> None:
    code = python_blocks(ROOT / "README.md")[0]
    swapped = code.replace("import tinynn as keras", "import keras")
    assert swapped != code
    printed = epochs_printed_by(swapped)
    assert printed == epochs_printed_by(code)
    for epoch, line in epochs_shown_for("Keras").items():
        assert printed[epoch] == line


def other_python_blocks() -> dict[str, list[str]]:
    """The blocks of each page in order, but README's training run; there are two pages called saving.md."""
    found = {str(page.relative_to(ROOT)): python_blocks(page) for page in PAGES}
    return {name: blocks[1:] if name == "README.md" else blocks for name, blocks in found.items()}


def run_in_order(page: str, blocks: list[str]) -> None:
    """A block may go on from the one before."""
    names: dict[str, Any] = {}
    for code in blocks:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, page, "exec"), names)


def modules_with_examples() -> list[str]:
    paths = [path for path in (ROOT / "tinynn").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8")]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    assert names
    return sorted(names)


class OnlyWhatIsShown(doctest.OutputChecker):
    """An example below which nothing stands only has to run."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want or super().check_output(want, got, optionflags)


@pytest.mark.parametrize("module", modules_with_examples())
def test_examples_in_docstrings_print_what_they_say(module: str) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install tinynn-engine[sklearn]")
    matplotlib = pytest.importorskip(
        "matplotlib", reason="matplotlib is not installed: pip install tinynn-engine[plot]"
    )
    matplotlib.use("Agg")
    names = {name: getattr(tinynn, name) for name in [*tinynn.__all__, *tinynn._LATE]}
    found = doctest.DocTestFinder().find(
        importlib.import_module(module), extraglobs={**names, "tinynn": tinynn, "np": np}
    )
    runner, told = doctest.DocTestRunner(OnlyWhatIsShown(), verbose=False), io.StringIO()
    for example in found:
        runner.run(example, out=told.write)
    importlib.import_module("matplotlib.pyplot").close("all")
    assert runner.summarize(verbose=False).failed == 0, told.getvalue()


def needs_keras(blocks: list[str]) -> bool:
    return any(f"import {module}\n" in code for code in blocks for module in ("parity", "keras"))


def test_other_python_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # for what they save
    for page, blocks in other_python_blocks().items():
        run_in_order(page, [] if needs_keras(blocks) else blocks)


@pytest.mark.slow
@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
def test_python_blocks_that_need_keras_run(keras: Any) -> None:
    pages = {page: blocks for page, blocks in other_python_blocks().items() if needs_keras(blocks)}
    assert pages
    for page, blocks in pages.items():
        run_in_order(page, blocks)
