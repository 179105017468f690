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

from tests.saving.malice.corpus import CASES

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
    left = [case.name for case in CASES if case.name not in found]
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


def test_every_threat_is_there_in_each_format_that_can_hold_it() -> None:
    formats = collections.defaultdict(set)
    for case in CASES:
        formats[case.row].add(case.name.rsplit("_", 1)[-1] if case.load in ("model", "json", "weights") else case.load)
    for row in ("lambda", "gadget", "switch", "wrapper", "path", "name", "shape"):
        assert {"keras", "h5", "json"} <= formats[row], row
    for row in ("yaml", "archive", "bomb", "hdf5", "types", "disguise"):
        assert formats[row], row


def test_the_watch_sees(tmp_path: Path) -> None:
    """What the other tests rely on: opening a file, importing, and a process are heard."""
    program = (
        "import sys, pathlib; from tests.saving.malice.watched import Watch, Traps\n"
        "folder = pathlib.Path(sys.argv[1]); (folder / 'secret').write_text('x'); traps = Traps(folder)\n"
        "watch = Watch(); watch.on = True\n"
        "open(folder / 'secret').close(); import wave, os; os.system('true')\n"
        "watch.on = False; heard = ' '.join(watch.seen)\n"
        "assert 'secret' in heard and 'import' in heard and 'os.system' in heard, heard\n"
        "assert not traps.works or traps.opened() == ['secret']\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=True)
