"""Whatever a file tries, it is refused: with a reason, at once, and nothing has happened.

The files are made by `malice/corpus.py` and loaded in a process of their own by `malice/watched.py`, which tells what each
did.
"""

from __future__ import annotations

import collections
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.saving.malice.corpus import CASES, GOOD, ROWS

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each file did, by name."""
    folder = tmp_path_factory.mktemp("malice")
    done = subprocess.run(
        [sys.executable, "-m", "tests.saving.malice.watched", str(folder)],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {outcome["name"]: outcome for outcome in map(json.loads, done.stdout.splitlines())}
    names = [case.name for case in (*GOOD, *CASES)]
    assert len(names) == len(set(names))
    left = [name for name in names if name not in found]
    assert done.returncode == 0, f"the process ended with {done.returncode} at {left[:1]}: {done.stderr[-3000:]}"
    assert not list(folder.rglob("marker*")), "code from a file was run"
    return found


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_is_refused_and_nothing_happens(outcomes: dict[str, dict[str, Any]], case: Any) -> None:
    found = outcomes[case.name]
    assert set(found["error"]) & set(case.error.split("|")), f"{found['error'][0]}: {found['says']}\n{found['where']}"
    assert re.search(case.says, found["says"]), found["says"]
    assert found["seen"] == [], "it did more than to read this file"
    assert found["opened"] == [], "a file was opened to which this one points"
    assert not found["new"], "files were written"
    assert not found["changed"], "the model's weights have changed"
    assert found["seconds"] < 2
    assert found["bytes"] < 200 << 20


def test_a_good_file_is_opened_and_no_other(outcomes: dict[str, dict[str, Any]]) -> None:
    for case in GOOD:
        found = outcomes[case.name]
        assert found["error"] == [""], found["says"] + found["where"]
        assert found["seen"] == []
        assert found["opened"] == []
    assert {outcomes[case.name]["format"] for case in GOOD} == ANY


DESCRIBED = {".keras", ".h5", "json"}
HDF5 = {".keras", ".h5", ".weights.h5"}
ARCHIVES = {".keras", ".npz", "backup"}
ANY = DESCRIBED | HDF5 | ARCHIVES | {".safetensors"}
CAN_HOLD = {
    "yaml": DESCRIBED | {".yaml"},
    **dict.fromkeys(("lambda", "gadget", "switch", "wrapper", "path", "unknown"), DESCRIBED),
    "archive": ARCHIVES,
    "name": ANY - {"backup"},  # whose arrays have numbers
    **dict.fromkeys(("shape", "types"), ANY),
    "hdf5": HDF5,
    "bomb": ANY - {"json"},
    "pickle": {".npz", "backup"},
    "disguise": ANY - {"json"},  # handed over as a text
}
"""Which formats a way can be tried in."""


def test_every_way_is_tried_in_each_format_that_can_hold_it(outcomes: dict[str, dict[str, Any]]) -> None:
    formats = collections.defaultdict(set)
    for case in CASES:
        formats[case.row].add(outcomes[case.name]["format"])
    assert set(CAN_HOLD) == set(ROWS)
    for row, needed in CAN_HOLD.items():
        assert needed <= formats[row], f"{row}: {ROWS[row]}"


def test_the_watch_sees(outcomes: dict[str, dict[str, Any]]) -> None:
    """What the other tests rely on."""
    found = outcomes["the watch"]
    heard = " ".join(found["seen"])
    assert all(word in heard for word in ("secret", "import", "os.system")), heard
    assert found["opened"] == ["secret"] or not found["sees_c"]
