"""The book in docs/learn runs: every cell of every chapter, in order, without a warning."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHAPTERS = sorted((Path(__file__).parent.parent / "docs" / "learn").glob("[0-9]*.md"))
ABOUT_KERAS = "14_keras"


def cells_of(chapter: Path) -> list[str]:
    found = re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```", chapter.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert found
    return found


@pytest.fixture
def _figures() -> Iterator[None]:
    matplotlib = pytest.importorskip(
        "matplotlib", reason="matplotlib is not installed: pip install tinynn-engine[plot]"
    )
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def run(chapter: Path) -> str:
    """What the chapter prints; what a notebook shows of a cell's last line is not part of it."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in cells_of(chapter):
            exec(compile(cell, chapter.name, "exec"), names)
    return printed.getvalue()


@pytest.mark.usefixtures("_figures")
@pytest.mark.parametrize("chapter", [c for c in CHAPTERS if c.stem != ABOUT_KERAS], ids=lambda chapter: chapter.stem)
def test_every_cell_runs(chapter: Path) -> None:
    import matplotlib.pyplot as plt

    printed = run(chapter)
    assert printed
    assert "nan" not in printed
    assert 1 <= len(plt.get_fignums()) <= 2


@pytest.mark.keras
@pytest.mark.usefixtures("_figures")
@pytest.mark.filterwarnings("ignore")
def test_the_chapter_about_keras_says_that_they_agree(keras: Any) -> None:
    printed = run(next(c for c in CHAPTERS if c.stem == ABOUT_KERAS))
    assert "the same first weights, to the bit: True" in printed
    last = re.search(r"last weights: largest difference (\S+)", printed)
    assert last is not None
    assert float(last.group(1)) < 1e-4


def test_the_contents_name_every_chapter() -> None:
    contents = (CHAPTERS[0].parent / "index.md").read_text(encoding="utf-8")
    assert [line for line in contents.splitlines() if re.fullmatch(r"\d\d_\w+", line)] == [c.stem for c in CHAPTERS]
    assert len(CHAPTERS) == 14


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_every_chapter_ends_with_an_exercise_and_a_mistake(chapter: Path) -> None:
    assert "## Exercise" in chapter.read_text(encoding="utf-8")
    assert re.search(r"explain\.exercise\(\"\w+\"\)\.check\(", cells_of(chapter)[-1])
