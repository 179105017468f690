"""`python -m parity`: what it says without training, and a few small comparisons from end to end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import tinynn
from parity import cli, data, environment, modes
from parity.engines import Engine
from parity.models import RECIPES
from tinynn.datasets import _files
from tinynn.engine.tape import GradientTape
from tinynn.models.data import ArrayBatches

ROOT = Path(__file__).parents[2]

# Without training ------------------------------------------------------------------------------------------------------


def test_list_names_models_and_modes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in [*RECIPES, *modes.MODES])
    assert max(map(len, printed.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "medicl"], 'Unknown model "medicl". Did you mean "medical"? Known: digits, fashion, four-layers'),
        (["--seed", "-1"], "expected an integer from 0 to 2**32 - 1; got '-1'."),
        (["--seed", str(2**32)], "expected an integer from 0 to 2**32 - 1"),
        (["--mode", "float16"], "invalid choice: 'float16'"),
        (["--device", "tpu"], "invalid choice: 'tpu'"),
    ],
)
def test_a_wrong_argument_is_explained(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    assert message in capsys.readouterr().err


def test_a_report_folder_that_cannot_be_made_is_said_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["--report", str(tmp_path / "file")]) == 2
    assert "cannot make this folder" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["tensorflow", "keras"])
def test_without_tensorflow_it_says_what_to_install(missing: str) -> None:
    script = f"import sys; sys.modules[{missing!r}] = None; from parity.__main__ import run; sys.exit(run())"
    if missing == "keras":
        script = "import sys; sys.modules['tensorflow'] = type(sys)('tensorflow');" + script
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("parity: parity compares with Keras on TensorFlow, and ")
    assert "pip install 'tinynn-engine[keras]', or let `make parity` install it." in done.stderr


def test_an_error_in_the_block_shows_what_was_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    with environment.quiet_stderr():
        os.write(2, b"chatter\n")
    assert capfd.readouterr().err == ""

    def fail() -> None:
        with environment.quiet_stderr():
            os.write(2, b"the cause\n")
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert capfd.readouterr().err == "the cause\n"


# With Keras ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def one_quick_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest models alone, a single epoch each."""
    from dataclasses import replace

    for name in ("four-layers", "regression", "xor"):
        monkeypatch.setitem(RECIPES, name, replace(RECIPES[name], quick_epochs=1, quick_rows=480))


@pytest.mark.slow
@pytest.mark.keras
@pytest.mark.usefixtures("one_quick_epoch")
def test_engines_agree_and_the_report_tells_so(keras: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["--quick", "--model", "four-layers", "--model", "regression", "--report", str(tmp_path)])
    printed = capsys.readouterr()
    assert code == 0, printed.out
    assert "6 comparisons: 6 agree" in printed.out
    assert "--quick: four layers 1 of 5 epochs on 480 rows" in printed.out
    assert "\x1b" not in printed.out
    assert max(map(len, printed.out.splitlines())) <= max(100, len(str(tmp_path)) + 30)

    report = json.loads((tmp_path / "report.json").read_text())
    assert report["schema"] == 1
    assert report["agree"] is True
    assert set(report) == {"schema", "agree", "facts", "shortened", "seconds", "rows"}
    assert {"tinynn", "keras", "tensorflow", "python", "numpy", "threads", "device", "seed"} <= set(report["facts"])
    assert [(row["model"], row["mode"]) for row in report["rows"]] == [
        (model, mode) for model in ("four-layers", "regression") for mode in ("float64", "float32", "seed")
    ]
    for row in report["rows"]:
        assert row["verdict"] == "PASS"
        assert (
            row["parameters"]["tinynn"]
            == row["parameters"]["Keras"]
            == {"four-layers": 7588, "regression": 193}[row["model"]]
        )
        assert set(row["differences"]) == {"weights", "loss", "metric", "outputs"}
        assert row["checks"]
        assert all(check["ok"] and check["found"] <= check["allowed"] for check in row["checks"])
        assert row["speedup"] > 0
        if row["mode"] == "seed":
            assert row["printed"]["tinynn"] == row["printed"]["Keras"] != ""
        else:
            steps = row["curves"]["steps"]
            assert len(steps) == len(row["curves"]["weights"]) == len(row["curves"]["loss"]) > 10

    _check_page((tmp_path / "report.html").read_text(encoding="utf-8"))


def _check_page(page: str) -> None:
    """One file: nothing to load, every tag closed, every drawing well-formed."""
    assert not re.search(r"https?://|\bsrc=|\bhref=|url\(|@import|\$\w", page)
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) >= 4
    for drawing in drawings:
        ElementTree.fromstring(drawing)
    open_tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag not in ("meta",):
                open_tags.append(tag)

        def handle_startendtag(self, tag: str, attrs: Any) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    Tags().feed(page)
    assert open_tags == []


def _scaled_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = GradientTape.gradient

    def gradient(self: GradientTape, target: Any, sources: Any, **settings: Any) -> Any:
        first, *rest = whole(self, target, sources, **settings)
        return [first * 1.001, *rest]

    monkeypatch.setattr(GradientTape, "gradient", gradient)
    monkeypatch.setattr(cli, "TINYNN", Engine("tinynn", tinynn, {"jit_compile": False}))  # a tape is what it runs on


def _moved_epsilon(monkeypatch: pytest.MonkeyPatch) -> None:
    build = tinynn.optimizers.Optimizer.build

    def moved(self: Any, variables: Any) -> None:
        self.epsilon = 2e-7
        build(self, variables)

    monkeypatch.setattr(tinynn.optimizers.Optimizer, "build", moved)


def _swapped_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    order = ArrayBatches.order

    def swapped(self: ArrayBatches) -> Any:
        found = order(self)
        if found is not None:
            found = found.copy()
            found[:32], found[32:64] = found[32:64].copy(), found[:32].copy()
        return found

    monkeypatch.setattr(ArrayBatches, "order", swapped)


@pytest.mark.keras
@pytest.mark.usefixtures("one_quick_epoch")
@pytest.mark.parametrize(
    ("break_it", "model", "mode", "reason"),
    [
        (_scaled_gradient, "four-layers", "float64", "weights .* from step 1 on"),
        (_scaled_gradient, "four-layers", "float32", "weights .* between Keras and the float64 shadow"),
        (_moved_epsilon, "xor", "float64", "weights .* from step 1 on"),
        (_swapped_batches, "four-layers", "seed", "weights"),
    ],
)
def test_an_injected_error_is_a_disagreement(
    keras: Any,
    break_it: Any,
    model: str,
    mode: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    break_it(monkeypatch)
    assert cli.main(["--quick", "--model", model, "--mode", mode]) == 1
    printed = capsys.readouterr().out
    assert "1 comparison: 0 agree, 1 disagrees" in printed
    assert re.search(f"FAIL  .*{reason}", " ".join(printed.split("\n")), re.DOTALL)


@pytest.mark.keras
@pytest.mark.usefixtures("one_quick_epoch")
def test_an_engine_that_raises_is_a_disagreement_and_missing_data_is_not(
    keras: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(_files, "cache_folders", lambda: [tmp_path])
    monkeypatch.setenv("TINYNN_DATASETS", str(tmp_path / "nowhere"))
    data._fashion_mnist.cache_clear()
    assert cli.main(["--quick", "--model", "fashion"]) == 0
    printed = capsys.readouterr().out
    assert "3 comparisons: 0 agree, 3 not run" in printed
    assert "train-images-idx3-ubyte.gz is not on this machine" in " ".join(printed.split())

    def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(tinynn.Sequential, "fit", refuse)
    assert cli.main(["--quick", "--model", "regression", "--mode", "seed"]) == 1
    assert "ZeroDivisionError in refuse" in capsys.readouterr().out


@pytest.mark.keras
def test_a_gpu_that_is_not_there_ends_with_code_2(keras: Any, capsys: pytest.CaptureFixture[str]) -> None:
    import tensorflow

    if tensorflow.config.list_logical_devices("GPU"):
        pytest.skip("there is a GPU here")
    assert cli.main(["--device", "gpu"]) == 2
    assert "--device gpu: TensorFlow finds no GPU here" in capsys.readouterr().err
