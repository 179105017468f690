"""The pages that are written by hand: README and its like, and docs without what its build makes."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
SITE = ROOT / "docs" / "_build" / "html"
MADE = [ROOT / "docs" / name for name in ("_build", "kernels", "reference")]


def is_made(path: Path) -> bool:
    """Whether the build of the documentation makes it."""
    return any(folder in path.resolve().parents for folder in MADE)


PAGES = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if not is_made(page)),
]
