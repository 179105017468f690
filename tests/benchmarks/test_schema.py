"""Results survive the file, join each other, and a file that is none is refused with a sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import schema
from benchmarks.errors import SetupError
from benchmarks.schema import ABSENT, Results, Row, load, merge, save

TINY = Path(__file__).parent / "tiny.json"

FACTS = {"processor": "abacus", "cpus": 2, "date": "2026-01-02", "versions": {"numpy": "2.0"}}

row_strategy = st.builds(
    Row,
    kind=st.sampled_from(list(schema.KINDS)),
    subject=st.text(max_size=8),
    engine=st.text(max_size=8),
    machine=st.just("here"),
    run=st.text(max_size=8),
    unit=st.sampled_from(schema.UNITS),
    samples=st.lists(st.integers(1, 99_999).map(lambda n: n / 128 if n < 1000 else float(n)), min_size=1, max_size=4),
    size=st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
    details=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
)


def row(run: str = "1", samples: list[float] | None = None, **rest: Any) -> Row:
    return Row("train", "medical", "tinynn", "here", run, samples=samples or [1.0], **rest)


@settings(max_examples=15)
@given(st.lists(row_strategy, max_size=3))
def test_round_trip_keeps_all_but_digits_beyond_five(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> None:
    path = tmp_path_factory.mktemp("results") / "new" / "results.json"
    save(Results({"here": FACTS}, rows), path)
    found = load(path)
    assert found.machines == {"here": FACTS}
    for a, b in zip(found.rows, rows, strict=True):
        assert replace(a, samples=[]) == replace(b, samples=[])
        assert a.samples == pytest.approx(b.samples, rel=0.5e-4)
    save(found, path)
    assert load(path) == found
    assert [each.name for each in path.parent.iterdir()] == ["results.json"]


def test_the_same_file_twice_counts_once() -> None:
    tiny = load(TINY)
    assert len(merge([tiny, tiny]).rows) == len(tiny.rows)
    assert merge([tiny, tiny]) == merge([tiny])


def test_machines_stand_side_by_side() -> None:
    tiny = load(TINY)
    (name,) = tiny.machines
    there = Results({"elsewhere": tiny.machines[name]}, [replace(each, machine="elsewhere") for each in tiny.rows])
    both = merge([tiny, there])
    assert list(both.machines) == [name, "elsewhere"]
    assert len(both.rows) == 2 * len(tiny.rows)


@pytest.mark.parametrize("backwards", [False, True])
def test_of_the_same_thing_the_latest_run_counts(backwards: bool) -> None:
    old, new = Results({"here": FACTS}, [row("1", [5.0])]), Results({"here": FACTS}, [row("2", [7.0])])
    found = merge([new, old] if backwards else [old, new])
    assert found.rows == new.rows


def test_points_of_a_sweep_are_different_things() -> None:
    rows = [row(size={"value": value}) for value in (1, 2, 2)]
    assert [each.size["value"] for each in merge([Results({"here": FACTS}, rows)]).rows] == [1, 2]


@pytest.mark.parametrize("backwards", [False, True])
def test_changed_versions_are_all_named(backwards: bool) -> None:
    later = {**FACTS, "date": "2026-03-04", "versions": {"numpy": "2.1", "jax": "1"}}
    many = [Results({"here": FACTS}), Results({"here": later}), Results({"here": later})]
    facts = merge(many[::-1] if backwards else many).machines["here"]
    assert facts["date"] == "2026-03-04"
    assert facts["versions"] == {"numpy": "2.0 and 2.1", "jax": "1"}


def test_one_name_for_two_machines_is_refused() -> None:
    with pytest.raises(SetupError, match='two machines are called "here"; measure one of them again with --machine'):
        merge([Results({"here": FACTS}), Results({"here": {**FACTS, "cpus": 64}})])


def a_file(**changes: Any) -> dict[str, Any]:
    fields = {
        "kind": "train",
        "subject": "s",
        "engine": "e",
        "machine": "here",
        "run": "1",
        "samples": [1.0],
        **changes,
    }
    return {"schema": 1, "machines": {"here": FACTS}, "rows": [{k: v for k, v in fields.items() if v is not None}]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "expected benchmark results of schema 1; got 'list'"),
        ({"hello": "world"}, "expected benchmark results of schema 1; got None"),
        ({**a_file(), "schema": 2}, "expected benchmark results of schema 1; got 2"),
        ({"schema": 1, "machines": {"here": 3}, "rows": []}, 'expected "machines" (an object of objects)'),
        (a_file(run=None), "row 0: unknown fields [], missing fields ['run']"),
        (a_file(colour="red"), "row 0: unknown fields ['colour'], missing fields []"),
        (a_file(kind="guess"), "row 0: kind must be one of train, predict"),
        (a_file(machine="there"), "row 0: machine must be one of here; got 'there'"),
        (a_file(engine=3), "row 0: engine must be of type str; got 3"),
        (a_file(size=[1]), "row 0: size must be of type dict; got [1]"),
        (a_file(samples=[]), "row 0: a timed row has samples, finite and positive"),
        (a_file(samples=[0.0]), "row 0: a timed row has samples, finite and positive"),
        (a_file(samples=["1"]), "row 0: a timed row has samples, finite and positive"),
        (a_file(samples=[float("nan")]), "row 0: a timed row has samples, finite and positive"),
        (a_file(status=ABSENT), "row 0: a timed row has samples, finite and positive, another has none"),
    ],
)
def test_what_is_no_results_file_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(content))
    with pytest.raises(SetupError) as raised:
        load(path)
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


def test_half_a_file_and_none_are_refused(tmp_path: Path) -> None:
    half = tmp_path / "half.json"
    half.write_text(TINY.read_text()[:1000])
    with pytest.raises(SetupError, match=r"half.json is no results' file, or only half of one"):
        load(half)
    with pytest.raises(SetupError, match=r"none.json cannot be read: No such file"):
        load(tmp_path / "none.json")
