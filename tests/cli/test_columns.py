"""Columns of a table as numbers: what they learn, what they make, and that files hold it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pandas", reason="pandas is not installed: pip install tinynn-engine[cli]")

import pandas as pd

from tinynn.cli import columns, table
from tinynn.cli.columns import Category, Date, Number


def test_numbers_are_scaled_and_gaps_flagged() -> None:
    column = Number.learn("age", pd.Series([1.0, 3.0, np.nan, 5.0, np.inf]))
    assert column is not None
    assert column.median == 3
    assert column.outputs == ["age", "age is missing"]
    made = column.transform(pd.Series([3.0, np.nan, 1.0]))
    spread = np.std([1, 3, 3, 5, 3])
    np.testing.assert_allclose(made, [[0, 0], [0, 1], [-2 / spread, 0]], rtol=1e-6)
    assert Number.learn("same", pd.Series([2.0, 2.0])) is None
    whole = Number.learn("whole", pd.Series([1, 2, 3]))
    assert whole is not None
    assert whole.outputs == ["whole"]
    assert whole.transform(pd.Series([np.nan, 2]))[0, 0] == 0  # a gap that training never saw is the median


def test_categories_become_zeros_and_ones() -> None:
    column = Category.learn("city", pd.Series(["Rome", "Oslo", None, "Rome ", ""]))
    assert column is not None
    assert column.outputs == ["city = Oslo", "city = Rome", "city is missing"]
    made = column.transform(pd.Series(["Oslo", "Rome", None, "Paris"]))
    np.testing.assert_array_equal(made, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]])
    assert Category.learn("same", pd.Series(["a", "a"])) is None


def test_rare_categories_have_no_column_of_their_own() -> None:
    words = [f"w{i:02d}" for i in range(60) for _ in range(60 - i)]
    column = Category.learn("word", pd.Series(words))
    assert column is not None
    assert len(column.values) == columns.MOST_CATEGORIES
    assert "w00" in column.values
    assert "w59" not in column.values
    assert column.transform(pd.Series(["w59"])).sum() == 0


def test_dates_become_days_and_points_on_circles() -> None:
    dates = pd.Series(pd.date_range("2023-01-01", periods=800, freq="D").strftime("%Y-%m-%d"))
    column = Date.learn("joined", dates)
    assert column is not None
    assert column.circles == ["year", "week"]
    made = column.transform(pd.Series(["2023-03-01", "2024-02-29 00:00:00", "2023-03-08"]))
    assert made.shape == (3, 5)
    np.testing.assert_allclose(made[0, 3:], made[2, 3:], atol=1e-6)  # both are Wednesdays
    np.testing.assert_allclose(made[0, 1:3], made[1, 1:3], atol=0.02)  # a year apart
    np.testing.assert_allclose((made[:, 1:] ** 2).reshape(3, 2, 2).sum(axis=2), 1, rtol=1e-5)
    scale = (made[2, 0] - made[0, 0]) * column.scale
    assert scale == pytest.approx(7, rel=1e-4)


@pytest.mark.parametrize(
    ("written", "last"),
    [
        (["01.02.2024", "13.02.2024"], "2024-02-13"),
        (["02/01/2024", "02/13/2024"], "2024-02-13"),
        (["01/02/2024", "13/02/2024"], "2024-02-13"),
        (["1 Feb 2024", "13 Feb 2024"], "2024-02-13"),
        (["2024-02-01T10:00:00Z", "2024-02-13T12:30:00+01:00"], "2024-02-13 11:30"),
    ],
)
def test_all_dates_of_a_column_are_written_in_one_way(written: list[str], last: str) -> None:
    """That the second has no thirteenth month says how the first is meant."""
    values = pd.Series(written)
    form = columns.date_format(values)
    assert form is not None
    times = columns.as_dates(values, form)
    assert times[1] == pd.Timestamp(last)
    assert (times[0].month, times[0].day) == (2, 1)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "number"),
        (["1", "2.5", None], "number"),
        ([True, False], "category"),
        (["a", "b", "a"], "category"),
        (["2024-01-01", "2024-02-03"], "date"),
        (["01/02/2024 10:00", "03/04/2024 11:30"], "date"),
        ([f"text number {i}" for i in range(100)], "text"),
        ([None, None], "number"),
    ],
)
def test_kinds(values: list[Any], kind: str) -> None:
    assert columns.kind_of(pd.Series(values)) == kind


def test_preprocessing_comes_back_from_its_file(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "x": [1.0, 2.0, np.nan, 4.0],
            "city": ["a", "b", "a", None],
            "when": ["2024-01-01", "2024-03-01", "2024-05-01", "2024-07-01"],
            "same": 1,
            "row_id": [1, 2, 3, 4],
            "y": ["no", "yes", "no", "yes"],
        }
    )
    target, why = table.find_target(frame, "y", None)
    assert (target.task, target.classes, why) == ("classification", ["no", "yes"], "its 2 values are words")
    made = table.learn(frame, target)
    assert made.left_out == {"same": "the same in every row", "row_id": "an identifier: every row has its own"}
    made.write(tmp_path / "p.json")
    again = table.Preprocessing.read(tmp_path / "p.json")
    assert again == made
    np.testing.assert_array_equal(again.features(frame), made.features(frame))
    np.testing.assert_array_equal(again.target.encode(frame["y"]), [0, 1, 0, 1])
    with pytest.raises(table.WrongUse, match=r"lacks the columns \['city'\]"):
        again.features(frame.drop(columns=["city"]))


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": "other"}', '{"format": "tinynn table 1", "columns": [{"kind": "x"}]}']
)
def test_a_broken_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(table.WrongUse, match="is not what `tinynn train` writes"):
        table.Preprocessing.read(tmp_path / "p.json")


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 50, "classification"),
        ([0.0, 1.0, np.nan] * 50, "classification"),
        (list(range(100)), "regression"),
        ([0.5, 1.25] * 50, "regression"),
        ([1, 2, 3] * 50, "classification"),
        (["a", "b"] * 50, "classification"),
        ([True, False] * 50, "classification"),
    ],
)
def test_the_task_is_found_out(values: list[Any], task: str) -> None:
    assert table.find_target(pd.DataFrame({"y": values}), "y", None)[0].task == task


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        (["a"] * 9, None, r"is 'a' in every row: there is nothing to learn"),
        ([None] * 9, None, r"has no value in any row"),
        ([f"w{i}" for i in range(200)], None, "has 200 classes, more than 100"),
        (["a", "b"] * 5, "regression", "regression needs numbers.*holds 'a'"),
    ],
)
def test_targets_that_cannot_be_learned(values: list[Any], task: str | None, message: str) -> None:
    with pytest.raises(table.WrongUse, match=message):
        table.find_target(pd.DataFrame({"y": values}), "y", task)


@pytest.mark.parametrize(
    ("values", "is_identifier"),
    [(range(1000, 1030), True), ([*range(29), 40], False), ([1.5, 2.5, 3.5], False), ([1, 2, 2], False)],
)
def test_a_target_that_counts_the_rows_is_seen(values: Any, is_identifier: bool) -> None:
    assert table.numbers_the_rows("y", pd.Series(list(values)).sample(frac=1, random_state=0)) is is_identifier
    assert table.numbers_the_rows("row_id", pd.Series([3, 9, 40]))


def test_columns_that_are_left_out_say_why() -> None:
    frame = pd.DataFrame({"empty": [None] * 4, "same": [1] * 4, "x": [1, 2, 3, 4], "y": [0, 1, 0, 1]})
    made = table.learn(frame, table.find_target(frame, "y", None)[0])
    assert made.left_out == {"empty": "empty in every row", "same": "the same in every row"}
    assert made.inputs == ["x"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_of_spreadsheets_are_read(tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Semicolons with decimal commas; a thousand is no decimal where commas separate."""
    path = tmp_path / "t.csv"
    path.write_text("größe;stadt;n\n1,5;Köln;2\n-2,25;Rom;3\n;Bari, Süd;4\n", encoding=encoding)
    expected = pd.DataFrame({"größe": [1.5, -2.25, np.nan], "stadt": ["Köln", "Rom", "Bari, Süd"], "n": [2, 3, 4]})
    pd.testing.assert_frame_equal(table.read_csv(str(path)), expected)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    pd.testing.assert_frame_equal(table.read_csv("-"), expected)
    path.write_text('a,b\n"1,500",2\n', encoding=encoding)
    assert table.read_csv(str(path))["a"].tolist() == ["1,500"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("größe,y\n1,2\n".encode("latin-1"), r"not text in UTF-8 .*byte 0xf6.*iconv -f latin1 -t utf-8"),
        (b"", r"No columns to parse from file"),
        (b"a,b\n", r"has no rows below its first line"),
        (b"a,b\n1,2\n1,2,3,4\n", r"Expected 2 fields in line 3, saw 4"),
    ],
)
def test_what_is_no_table_is_told(tmp_path: Path, written: bytes, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(written)
    with pytest.raises(table.WrongUse, match=message):
        table.read_csv(str(path))
