"""The scripts of docs/parity_keras_bugs.md still show what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "parity_keras_bugs.md").read_text(encoding="utf-8")
BUGS = re.findall(r"^## (.*?)\n.*?^```python keras\n(.*?)^```", PAGE, flags=re.M | re.S)


@pytest.mark.keras
@pytest.mark.parametrize(("title", "script"), BUGS, ids=[title[:40] for title, _ in BUGS])
def test_keras_still_does_it(title: str, script: str, keras: Any) -> None:
    exec(compile(script, title, "exec"), {})
