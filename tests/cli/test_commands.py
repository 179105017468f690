"""The command line from the outside: what it writes, says and returns."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pandas", reason="pandas is not installed: pip install tinynn-engine[cli]")
pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install tinynn-engine[cli]")

import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes
from typer.testing import CliRunner, Result

import tinynn
from tinynn.cli.app import app
from tinynn.cli.talk import as_text

RUNNER = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"})


def run(*arguments: Any, given: str | None = None) -> Result:
    return RUNNER.invoke(app, [str(argument) for argument in arguments], input=given)


@pytest.fixture(scope="module")
def cancer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Breast cancer as a table with words as classes, and what `tinynn train` makes of it."""
    folder = tmp_path_factory.mktemp("cancer")
    frame = load_breast_cancer(as_frame=True).frame
    frame["target"] = np.where(frame["target"] == 1, "benign", "malignant")
    frame.to_csv(folder / "cancer.csv", index=False)
    done = run(
        "train", folder / "cancer.csv", "--target", "target", "--out", folder / "model", "--json", "--epochs", 40
    )
    assert done.exit_code == 0, done.stderr
    (folder / "out.json").write_text(done.stdout)
    (folder / "talk.txt").write_text(done.stderr)
    return folder


def test_train_says_what_it_does_and_is_no_worse_than_scikit_learn(cancer: Path) -> None:
    talk = (cancer / "talk.txt").read_text()
    assert 'Task: classification of "target" (2 classes), because its 2 values are words' in talk
    assert "569 rows:" in talk
    found = json.loads((cancer / "out.json").read_text())
    assert found["engine"].startswith("compiled")
    assert found["test"]["accuracy"] > 0.93
    # one row of the 114 in the test is as good as chance
    assert found["test"]["accuracy"] >= found["scikit-learn"]["accuracy"] - 1 / found["rows"]["test"]
    assert found["scikit-learn"]["seconds"] > 0
    assert json.loads((cancer / "model" / "metrics.json").read_text()) == found


def test_the_report_is_one_page_with_everything_in_it(cancer: Path) -> None:
    page = (cancer / "model" / "report.html").read_text()
    assert "<svg" in page
    assert page.count("<polyline") == 2
    assert "scikit-learn, same layers" in page
    assert not re.search(r"<script|<link|src=|https?://", page), "the page loads something"
    assert "malignant" in page


def test_the_same_seed_gives_the_same_model(cancer: Path) -> None:
    done = run(
        "train", cancer / "cancer.csv", "--target", "target", "--out", cancer / "again", "--epochs", 40, "--no-compare"
    )
    assert done.exit_code == 0
    x = np.linspace(-1, 1, 30)[None, :]
    first, again = (
        tinynn.saving.load_model(cancer / name / "model.keras").predict(x, verbose=0) for name in ("model", "again")
    )
    np.testing.assert_array_equal(first, again)


def test_predictions_are_those_that_were_scored(cancer: Path) -> None:
    done = run("predict", cancer / "model", cancer / "cancer.csv")
    predicted = pd.read_csv(io.StringIO(done.stdout))
    assert list(predicted.columns) == ["target", "probability of benign", "probability of malignant"]
    truth = pd.read_csv(cancer / "cancer.csv")["target"]
    scored = json.loads(run("evaluate", cancer / "model", cancer / "cancer.csv", "--json").stdout)
    assert (predicted["target"] == truth).mean() == pytest.approx(scored["accuracy"])
    piped = run("predict", cancer / "model", "-", "--json", given=(cancer / "cancer.csv").read_text())
    assert [row["target"] for row in json.loads(piped.stdout)] == predicted["target"].tolist()


def test_summary_and_convert(cancer: Path) -> None:
    assert "Total params" in run("summary", cancer / "model").stdout
    told = json.loads(run("summary", cancer / "model", "--json").stdout)
    assert told["parameters"] == sum(layer["parameters"] for layer in told["layers"])
    done = run("convert", cancer / "model", cancer / "copy.keras")
    assert done.exit_code == 0, done.stderr
    x = np.ones((1, 30))
    first, again = (
        tinynn.saving.load_model(cancer / name).predict(x, verbose=0) for name in ("model/model.keras", "copy.keras")
    )
    np.testing.assert_array_equal(first, again)
    assert run("convert", cancer / "model", cancer / "copy.keras").exit_code == 2
    assert run("convert", cancer / "model", cancer / "copy.txt").exit_code == 2


def test_a_table_with_everything(tmp_path: Path) -> None:
    """Words, gaps, a date, an identifier, free text, a constant, rows without a target."""
    rng = np.random.default_rng(0)
    n = 600
    city = rng.choice(["Berlin", "Paris", "Rome"], n).astype(object)
    city[rng.random(n) < 0.05] = None
    age = rng.normal(45, 12, n).round(1)
    chosen = (city == "Paris") | (age > 52)
    age[rng.random(n) < 0.1] = np.nan
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "city": city,
            "age": age,
            "joined": pd.date_range("2022-01-01", periods=n, freq="D").strftime("%d.%m.%Y"),
            "note": [f"free text {i}" for i in range(n)],
            "country": "EU",
            "buys": np.where(chosen, "yes", "no"),
        }
    )
    frame.loc[:4, "buys"] = None
    frame.to_csv(tmp_path / "shop.csv", index=False, sep=";")
    done = run(
        "train", tmp_path / "shop.csv", "--target", "buys", "--out", tmp_path / "m", "--no-compare", "--epochs", 40
    )
    assert done.exit_code == 0, done.stderr
    assert "5 rows without a value of the target are left out" in done.stderr
    for told in ("customer_id", "note", "country"):
        assert f'Column "{told}" is left out' in done.stderr
    written = json.loads((tmp_path / "m" / "preprocessing.json").read_text())
    assert {column["name"]: column["kind"] for column in written["columns"]} == {
        "city": "category",
        "age": "number",
        "joined": "date",
    }
    assert json.loads((tmp_path / "m" / "metrics.json").read_text())["test"]["accuracy"] > 0.85
    shorter = frame.drop(columns=["note", "customer_id", "buys"]).head(3)
    shorter.to_csv(tmp_path / "new.csv", index=False)
    assert len(run("predict", tmp_path / "m", tmp_path / "new.csv").stdout.splitlines()) == 4


def test_regression(tmp_path: Path) -> None:
    frame = load_diabetes(as_frame=True).frame
    frame.to_csv(tmp_path / "d.csv", index=False)
    done = run(
        "train",
        tmp_path / "d.csv",
        "--target",
        "target",
        "--out",
        tmp_path / "m",
        "--json",
        "--hidden",
        "16",
        "--no-compare",
    )
    found = json.loads(done.stdout)
    assert found["task"] == "regression"
    assert found["test"]["rmse"] < 0.85 * found["baseline"]["rmse"]
    predicted = pd.read_csv(io.StringIO(run("predict", tmp_path / "m", tmp_path / "d.csv").stdout))["target"]
    assert abs(predicted.mean() - frame["target"].mean()) < 10  # in the target's own unit


def test_an_interrupted_training_leaves_nothing(cancer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    command = [
        "train",
        cancer / "cancer.csv",
        "--target",
        "target",
        "--epochs",
        1,
        "--no-compare",
        "--out",
        tmp_path / "m",
    ]
    for place in ("tinynn.cli.training.train", "tinynn.models.Sequential.save"):  # before and between the files
        with monkeypatch.context() as patched:
            patched.setattr(place, interrupted)
            done = run(*command)
        assert (done.exit_code, done.stdout) == (130, "")
        assert "interrupted; nothing has been written" in done.stderr
        assert list(tmp_path.iterdir()) == []
    assert run(*command).exit_code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir()}
    (tmp_path / "m" / "mine.txt").write_text("stays")
    with monkeypatch.context() as patched:
        patched.setattr("tinynn.models.Sequential.save", interrupted)
        assert run(*command, "--force", "--seed", 5).exit_code == 130
    assert {name: (tmp_path / "m" / name).read_bytes() for name in before} == before
    assert run(*command, "--force", "--seed", 5).exit_code == 0
    assert (tmp_path / "m" / "model.keras").read_bytes() != before["model.keras"]
    assert {path.name for path in (tmp_path / "m").iterdir()} == {*before, "mine.txt"}
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_rows_of_unknown_classes_are_not_scored(cancer: Path) -> None:
    frame = pd.read_csv(cancer / "cancer.csv")
    expected = json.loads(run("evaluate", cancer / "model", "-", "--json", given=frame[3:].to_csv(index=False)).stdout)
    frame.loc[:2, "target"] = "other"
    done = run("evaluate", cancer / "model", "-", "--json", given=frame.to_csv(index=False))
    assert "3 rows are left out" in done.stderr
    assert json.loads(done.stdout) == {**expected, "rows": len(frame)}


def test_explain_shows_the_row_that_is_asked_for(cancer: Path) -> None:
    asked = {
        row: json.loads(run("explain", cancer / "model", cancer / "cancer.csv", "--row", row, "--json").stdout)
        for row in (0, 4)
    }
    alone = pd.read_csv(cancer / "cancer.csv")[4:5].to_csv(index=False)
    assert json.loads(run("explain", cancer / "model", "-", "--json", given=alone).stdout) == asked[4] != asked[0]
    first = json.loads(run("summary", cancer / "model", "--json").stdout)["layers"][0]["name"]
    done = run("explain", cancer / "model", cancer / "cancer.csv", "--weight", f"{first}/kernel[3,1]")
    assert f"{first}/kernel" in done.stdout


def test_check_gradients_says_it_by_its_exit_code(cancer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["check-gradients", cancer / "model", cancer / "cancer.csv", "--rows", 2, "--json"]
    done = run(*command)
    assert (done.exit_code, json.loads(done.stdout)["passed"]) == (0, True)
    wrong = SimpleNamespace(passed=False, to_dict=lambda: {"passed": False})
    monkeypatch.setattr("tinynn.explain.check_gradients", lambda *_, **__: wrong)
    done = run(*command)
    assert (done.exit_code, json.loads(done.stdout)["passed"]) == (1, False)


def test_json_has_no_numbers_that_json_has_not() -> None:
    def refused(name: str) -> None:
        raise AssertionError(name)

    values = {"a": float("nan"), "b": [np.float32("inf"), 1.5], "c": (np.arange(2), {"d": -np.inf})}
    found = json.loads(as_text(values), parse_constant=refused)
    assert found == {"a": None, "b": [None, 1.5], "c": [[0, 1], {"d": None}]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "{csv}", "--target", "targt", "--out", "{tmp}/x"], 'Did you mean "target"'),
        (["train", "{csv}", "--target", "target", "--out", "{model}"], "has a model already. --force"),
        (["train", "{tmp}/none.csv", "--target", "y"], "there is no file"),
        (["train", "{csv}", "--target", "target", "--out", "{tmp}/x", "--hidden", "a"], "--hidden is the units"),
        (["train", "{csv}", "--target", "target", "--out", "{tmp}/x", "--activation", "rellu"], 'Did you mean "relu"'),
        (
            ["train", "{csv}", "--target", "target", "--out", "{tmp}/x", "--test", "2"],
            "--test and --validation are shares",
        ),
        (["train", "{csv}"], "Missing option '--target'"),
        (["trian"], "Did you mean 'train'"),
        (["predict", "{tmp}/no_model", "{csv}"], "there is no model at"),
        (["summary", "{csv}"], "is no model file"),
        (["datasets", "cancr"], "Unknown data set"),
    ],
)
def test_wrong_use_is_said_in_a_line(cancer: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    places = {"csv": str(cancer / "cancer.csv"), "model": str(cancer / "model"), "tmp": str(tmp_path)}
    done = run(*(argument.format(**places) for argument in arguments))
    assert done.exit_code == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_has_help_with_examples() -> None:
    top = run("--help").stdout
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        assert name in top
        if name not in ("bench", "parity"):
            assert "Examples" in run(name, "--help").stdout


def test_colours_and_pipes(cancer: Path) -> None:
    """As a process: no escape codes where nobody sees colours, results alone on standard output, talk on the other."""
    frame = pd.read_csv(cancer / "cancer.csv")
    frame.loc[0, "target"] = "other"
    done = subprocess.run(
        [sys.executable, "-m", "tinynn", "evaluate", str(cancer / "model"), "-", "--json"],
        input=frame.to_csv(index=False),
        capture_output=True,
        text=True,
        cwd=Path(tinynn.__file__).parents[1],
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["rows"] == len(frame)
    assert done.stderr.startswith("1 rows are left out")
    assert "\x1b[" not in done.stdout + done.stderr


@pytest.mark.parametrize(("arguments", "code"), [(["summary", "nowhere"], 2), (["--version"], 0)])
def test_the_process_ends_with_the_exit_code(monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int) -> None:
    from tinynn import cli

    monkeypatch.setattr("sys.argv", ["tinynn", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code


def test_the_extra_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tinynn import cli

    monkeypatch.setitem(sys.modules, "tinynn.cli.app", None)
    monkeypatch.delitem(sys.modules, "tinynn.cli.app")
    monkeypatch.setitem(sys.modules, "typer", None)
    assert cli.main() == 2
    assert "pip install tinynn-engine[cli]" in capsys.readouterr().err
