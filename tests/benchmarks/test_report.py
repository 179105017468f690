"""The page says what the files say; the page and README's table that are committed are those of the committed files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import plots, report
from benchmarks.crossover import crossover
from benchmarks.errors import SetupError
from benchmarks.schema import ABSENT, Results, Row, load, merge

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).parent / "tiny.json"
COMMITTED = sorted((ROOT / "benchmarks" / "results").glob("*.json"))

FACTS: dict[str, Any] = {"processor": "abacus", "cpus": 2, "gpus": [], "versions": {"numpy": "2.0"}, "threads": "all 2"}

measured = pytest.mark.skipif(not COMMITTED, reason="benchmarks/results is empty: nothing has been measured yet")


def row(kind: str, subject: str, engine: str, samples: list[float], **rest: Any) -> Row:
    return Row(kind, subject, engine, rest.pop("machine", "here"), "1", samples=samples, **rest)


def cells(text: str, head: str) -> list[list[str]]:
    """The lines of the table whose head starts so."""
    table = re.search(rf"^\| {re.escape(head)}.*\n\|[-:| ]+\n((?:\|.*\n)+)", text + "\n", flags=re.M)
    assert table is not None, text
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.group(1).splitlines()]


@pytest.fixture
def by_hand() -> Results:
    rows = [
        row("train", "medical", "tinynn", [2.0, 4.0, 2.0], details={"import_s": 0.25, "peak_mb": 80.4}),
        row("train", "medical", "keras", [200.0, 800.0, 600.0], details={"first_epoch_s": 1.5, "note": "a | b"}),
        row("train", "medical", "floor", [1.0, 1.0, 1.0], size={"flops": 4_000, "bytes": 500},
            details={"products_us": 0.8, "pass_us": 0.2, "note": "all on 1 thread"}),
        row("predict", "medical", "tinynn", [30.0]),
        row("predict", "medical", "keras", [40_000.0]),
        row("start", "import alone", "tinynn", [0.5, 0.25, 0.75], unit="s"),
        row("op", "relu.forward", "tinynn", [1.5], size={"batch": 32}, details={"compile_s": 0.125}),
        Row("train", "medical", "torch", "here", "1", ABSENT, "torch not installed"),
        Row("train", "xor", "torch", "here", "1", ABSENT, "torch not installed"),
        row("memory", "mapped file", "tinynn", [12.0], unit="MB", size={"file_gb": 4.0}, details={"rows": 1_275_510}),
    ]  # fmt: skip
    rows = [replace(each, size={}) if each.kind == "train" and each.engine != "torch" else each for each in rows]
    return Results({"here": FACTS}, rows)


def test_ratios_are_those_of_the_rounds(by_hand: Results) -> None:
    """Keras's rounds over tinynn's: 100, 200, 300; tinynn's over the floor's: 2, 4, 2."""
    page = report.page(by_hand)
    assert cells(page, "workload | tinynn | time / floor") == [
        ["medical", "2.00 [2.00 .. 3.00] us", "2.00", "200x [150 .. 250]"]
    ]
    details = cells(page, "engine | us per step")
    assert details[0] == ["tinynn, compiled", "2.00 [2.00 .. 3.00]", "", "2.00", "0.250", "", "", "80", ""]
    assert details[1][:4] == ["Keras", "600 [400 .. 700]", "200x [150 .. 250]", "600"]
    assert details[1][6] == "1.50"
    assert details[2][0] == "the floor"


def test_every_part_has_its_table(by_hand: Results) -> None:
    page = report.page(by_hand)
    assert cells(page, "workload |  |") == [
        ["medical", "predict on one row", "30.0 [30.0 .. 30.0]", "40,000 [40,000 .. 40,000]"]
    ]
    assert cells(page, "program") == [["import alone", "0.500 [0.375 .. 0.625]"]]
    assert cells(page, "operation") == [["`relu.forward`", "1.50 [1.50 .. 1.50]", "0.125"]]
    assert cells(page, "file") == [["4 GB, 1,275,510 rows", "12.0", ""]]
    assert "- PyTorch, absent: torch not installed (train medical, train xor)" in page
    assert "a \\| b" in page
    for fact in ("processor: abacus, 2 CPUs", "GPUs: none", "versions: numpy 2.0", "threads: all 2", "measured: 1"):
        assert f"- {fact}" in page


def test_the_floor_tells_how_fast_its_parts_are() -> None:
    """4000 operations in 0.8 us are 5 GFLOP/s, 500 bytes in 0.2 us are 2.5 GB/s."""
    known = {"products_us": 0.8, "pass_us": 0.2, "note": "all on 1 thread"}
    floor = row("train", "medical", "floor", [1.0], size={"flops": 4_000, "bytes": 500}, details=known)
    page = report.page(Results({"here": FACTS}, [floor, replace(floor, engine="tinynn", details={})]))
    assert "products 0.800 us (5.00 GFLOP/s), pass 0.200 us (2.50 GB/s); all on 1 thread" in page


def test_the_page_is_the_same_whatever_the_order_of_the_rows(by_hand: Results) -> None:
    assert report.page(Results(by_hand.machines, by_hand.rows[::-1])) == report.page(by_hand)
    tiny = load(TINY)
    assert report.page(Results(tiny.machines, tiny.rows[::-1])) == report.page(tiny)


def points(engine: str, medians: dict[int, float], machine: str = "here") -> list[Row]:
    return [
        row("sweep", "width", engine, [us], size={"value": value, "flops": 1_000 * value}, machine=machine)
        for value, us in medians.items()
    ]


CPU = {8: 1.0, 32: 2.0, 128: 9.0, 512: 80.0}


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        ({8: 50.0, 32: 50.0, 128: 50.0, 512: 60.0}, (128, 512)),
        ({8: 50.0, 32: 1.9, 128: 50.0, 512: 60.0}, (128, 512)),  # ahead once, then not: no crossover there
        ({8: 50.0, 512: 60.0}, (8, 512)),  # what was not measured on both does not count
        ({value: us / 2 for value, us in CPU.items()}, (None, 8)),
        ({8: 0.5, 32: 50.0, 128: 50.0, 512: 90.0}, None),
        ({}, None),
        ({4096: 1.0}, None),
    ],
)
def test_crossover_lies_between_measured_points(gpu: dict[int, float], expected: Any) -> None:
    assert crossover(points("tinynn", CPU), points("keras-gpu", gpu)) == expected


def test_a_crossover_is_told_for_the_machine_with_the_gpu_alone() -> None:
    faster = {8: 50.0, 32: 50.0, 128: 50.0, 512: 60.0}
    without = points("tinynn", CPU)
    with_gpu = points("tinynn", CPU, "there") + points("keras-gpu", faster, "there")
    page = report.page(
        merge([Results({"here": FACTS}, without), Results({"there": {**FACTS, "gpus": ["G"]}}, with_gpu)])
    )
    here, there = page.split("## there")
    assert "Keras, GPU overtakes tinynn between width 128 and 512." in there
    assert "No GPU took part: nothing is said about where one would overtake." in here
    assert "overtakes" not in here


def test_a_crossover_is_drawn_only_where_a_gpu_was_measured() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install tinynn-engine[plot]")
    faster = points("keras-gpu", {8: 50.0, 32: 50.0, 128: 50.0, 512: 60.0})
    spans = [
        len(plots.sweep("width", rows).axes[0].patches)
        for rows in (points("tinynn", CPU) + faster, points("tinynn", CPU))
    ]
    assert spans == [1, 0]


def test_gflops_are_operations_over_time() -> None:
    page = report.page(Results({"here": FACTS}, points("tinynn", {8: 4.0})))
    assert "4.00 [4.00 .. 4.00], 2.00 GFLOP/s" in page  # 8000 operations in 4 us


def test_flatness_over_rows_is_told() -> None:
    rows = [row("sweep", "rows", "tinynn", [us], size={"value": n}) for n, us in ((1_000, 2.0), (10**7, 2.5))]
    page = report.page(Results({"here": FACTS}, rows))
    assert "from 1,000 to 10,000,000 rows the longest time per sample is 1.25 times the shortest" in page


def test_nothing_and_two_sizes_are_refused() -> None:
    with pytest.raises(SetupError, match="there are no rows to report"):
        report.page(Results({"here": FACTS}))
    two = [row("train", "xor", "tinynn", [1.0], size={"rows": n}) for n in (100, 10_000)]
    with pytest.raises(SetupError, match=r"train xor was measured in two sizes on here: .* --quick"):
        report.page(Results({"here": FACTS}, two))


def test_plots_are_drawn_and_named_on_the_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install tinynn-engine[plot]")
    tiny = load(TINY)
    written = report.write(tiny, tmp_path / "docs" / "speed.md")
    page = written[0].read_text(encoding="utf-8")
    assert page == report.page(tiny, "speed")
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert sorted(shown) == sorted(str(path.relative_to(tmp_path / "docs")) for path in written[1:])
    assert {name.rpartition("-")[2] for name in shown} == {"train.png", "width.png", "rows.png"}
    for path in written[1:]:
        assert path.read_bytes().startswith(b"\x89PNG")


def test_engines_differ_without_their_colours() -> None:
    """In grey, what is left of a style is marker, line and filling."""
    marks = [style[1:] for name, style in plots.STYLES.items() if name != "floor"]  # which is a bare line
    assert len(set(marks)) == len(marks)


def test_a_readme_without_room_for_the_table_is_refused(tmp_path: Path, by_hand: Results) -> None:
    path = tmp_path / "README.md"
    path.write_text("# Something\n")
    with pytest.raises(SetupError, match="expected the lines"):
        report.update_readme(by_hand, path)
    assert path.read_text() == "# Something\n"


def test_the_readmes_table_is_renewed_and_the_rest_is_left(tmp_path: Path, by_hand: Results) -> None:
    path = tmp_path / "README.md"
    path.write_text((ROOT / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    report.update_readme(by_hand, path)
    once = path.read_text(encoding="utf-8")
    assert cells(once, "workload | tinynn") == [["medical", "2.00 us", "2.00", "200x"]]
    report.update_readme(by_hand, path)
    assert path.read_text(encoding="utf-8") == once
    outside = re.compile(f"{re.escape(report.BEGIN)}.*{re.escape(report.END)}", flags=re.S)
    assert outside.sub("", once) == outside.sub("", (ROOT / "README.md").read_text(encoding="utf-8"))


@measured
def test_the_committed_page_is_that_of_the_committed_results() -> None:
    page = ROOT / "docs" / "benchmarks.md"
    assert page.read_text(encoding="utf-8") == report.page(merge([load(path) for path in COMMITTED])), report.REGENERATE


@measured
def test_readmes_figures_are_those_of_the_committed_results() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    written = readme.partition(report.BEGIN)[2].partition(report.END)[0].strip()
    assert written == report.readme_rows(merge([load(path) for path in COMMITTED])), (
        f"{report.REGENERATE} --readme README.md"
    )
