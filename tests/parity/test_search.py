"""`python -m parity search`: replays, resumes, shrinks and writes down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parity import cli, search
from parity.example import Example
from parity.properties import PROPERTIES, Disagreement, NotComparable


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """One property that needs no Keras: it fails for more than three samples, and says nothing of batches of one."""
    seen: dict[str, Any] = {"runs": 0, "limit": 3}

    def few_samples(example: Example) -> None:
        seen["runs"] += 1
        if example.batch_size == 1:
            raise NotComparable("batches of one")
        if example.samples > seen["limit"]:
            raise Disagreement("few_samples", "samples", float(example.samples), 3.0, example)

    monkeypatch.setattr("parity.properties.PROPERTIES", {"few_samples": few_samples})
    monkeypatch.setattr("parity.keras_side.load", lambda wish: None)
    return seen


def _search(folder: Path, *arguments: str) -> int:
    return cli.main(["search", "--jobs", "1", "--keep", str(folder / "kept"), *arguments])


def test_a_failure_is_shrunk_kept_and_replayed(
    toy: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _search(tmp_path, "--examples", "25") == cli.DISAGREE
    assert "samples differs by 4, allowed 3" in capsys.readouterr().out
    kept = list(search.regressions(tmp_path / "kept"))
    assert {example.samples for _, _, example in kept} == {4}
    assert all(len(example.layers) == 1 for _, _, example in kept)
    assert _search(tmp_path, "--examples", "0") == cli.DISAGREE
    assert "fails again" in capsys.readouterr().out
    toy["limit"] = 100
    assert _search(tmp_path, "--examples", "0") == cli.AGREE


def test_a_search_goes_on_where_it_stopped(toy: dict[str, Any], tmp_path: Path) -> None:
    toy["limit"] = 100
    state = tmp_path / "state.json"
    assert _search(tmp_path, "--examples", "30", "--state", str(state)) == cli.AGREE
    first, runs = json.loads(state.read_text()), toy["runs"]
    assert (first["examples"], first["blocks"]) == (30, 2)
    assert first["done"]["few_samples"] + first["skipped"]["few_samples"] == 30 == runs
    _search(tmp_path, "--examples", "45", "--state", str(state))
    assert json.loads(state.read_text())["examples"] == 45
    assert toy["runs"] == 45


def test_another_search_does_not_go_on_with_a_state(
    toy: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy["limit"] = 100
    state = str(tmp_path / "state.json")
    assert _search(tmp_path, "--examples", "1", "--state", state, "--seed", "1", "--axis", "seed") == cli.AGREE
    assert _search(tmp_path, "--examples", "1", "--state", state, "--seed", "2", "--axis", "seed") == cli.CANNOT_START
    assert "that search has --seed 1 and the axes seed" in capsys.readouterr().err


def test_an_unknown_property_is_explained(
    toy: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _search(tmp_path, "--property", "few_sample") == cli.CANNOT_START
    assert 'Did you mean "few_samples"' in capsys.readouterr().err


def test_the_same_seed_brings_the_same_examples() -> None:
    one, same, other = (search.examples_of(seed, ["layers", "inputs"], 6) for seed in (1, 1, 2))
    assert one == same != other
    assert len(one) == 6


@pytest.mark.keras
def test_a_few_examples_from_end_to_end(keras: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _search(tmp_path, "--examples", "2", "--axis", "loss", "--axis", "optimizer") == cli.AGREE
    printed = capsys.readouterr().out
    assert all(name in printed for name in PROPERTIES)
    assert "2 of 2 examples, 0 disagreements" in printed


def test_messages_of_tensorflow_are_told_in_a_line() -> None:
    assert (
        search.in_a_line("Keras: Error: when calling\n\n\x1b[1mcannot  compute\x1b[0m", 30)
        == "Keras: Error: when calling can"
    )
