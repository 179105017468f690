"""`python -m benchmarks`: what it says without measuring, what it refuses, and that --quick cannot take two minutes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import cli, plots, training
from benchmarks.engines import ENGINES
from benchmarks.schema import load
from benchmarks.sweeps import SWEEPS
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).parent / "tiny.json"


@pytest.mark.parametrize("arguments", [["--help"], ["report", "--help"]])
def test_help_names_every_option(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(arguments)
    assert raised.value.code == 0
    printed = capsys.readouterr().out
    wanted = ["--out", "--readme"] if arguments[0] == "report" else ["--quick", "--sweep", "--json", "report"]
    assert all(option in printed for option in wanted)


def test_list_names_workloads_engines_and_sweeps(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--list"]) == cli.DONE
    printed = capsys.readouterr().out
    assert all(f"  {name} " in printed for name in [*WORKLOADS, *ENGINES, *SWEEPS])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workload", "medicl"], "invalid choice: 'medicl'"),
        (["--engine", "kears"], "invalid choice: 'kears'"),
        (["--rounds", "0"], "expected a number of 1 or more; got 0"),
        (["report"], "the following arguments are required: FILE"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(arguments)
    assert raised.value.code == cli.CANNOT_START
    assert message in capsys.readouterr().err


def test_a_report_of_what_is_no_results_file_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "foreign.json").write_text('{"schema": 7}')
    page = tmp_path / "page.md"
    assert cli.main(["report", str(TINY), str(tmp_path / "foreign.json"), "--out", str(page)]) == cli.CANNOT_START
    assert "foreign.json: expected benchmark results of schema 1; got 7." in capsys.readouterr().err
    assert not page.exists()


def test_report_writes_page_and_merged_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "write", lambda *_: [])  # they have tests of their own
    page, merged = tmp_path / "page.md", tmp_path / "merged.json"
    assert cli.main(["report", str(TINY), str(TINY), "--out", str(page), "--json", str(merged)]) == cli.DONE
    printed = capsys.readouterr().out
    assert all(f"written: {path}" in printed for path in [page, merged])
    assert page.read_text(encoding="utf-8").startswith("# Benchmarks")
    assert load(merged) == load(TINY)


def test_quick_cannot_take_two_minutes() -> None:
    """The engines' seconds, and the pauses between turns: five workloads in training, one in the three other ways."""
    effort = cli._effort(cli._parser().parse_args(["--quick"]))
    engines = [name for name, entry in ENGINES.items() if entry.quick]
    turns = effort.rounds * len(engines) * (len(WORKLOADS) + len(training.PREDICT))
    closing = 2.0
    assert sum(cli.budgets().values()) + turns * effort.pause + closing < 118  # what is left is for Python's own start


def test_one_that_is_asked_for_has_seconds_too() -> None:
    assert "sklearn" not in cli.budgets()
    assert cli.budgets(["sklearn"])["sklearn"] == 10


def test_starts_without_importing_what_it_measures() -> None:
    """Their threads and memory belong to their own processes."""
    program = (
        "import sys, benchmarks.cli; print(sorted({'tensorflow', 'keras', 'jax', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_readme_and_makefile_speak_of_options_that_exist() -> None:
    known = cli._parser().format_help() + cli._report_parser().format_help()
    said = (ROOT / "README.md").read_text(encoding="utf-8").partition("## How fast it is")[2].partition("## ")[0]
    options = set(re.findall(r"(?<![\w-])--[a-z]+", said)) - {"--help"}
    assert options
    assert all(option in known for option in options)
