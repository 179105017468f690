"""`python -m parity check file.py:function`: the ladder for a model that a function of the user's builds."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parity.checking import DEFAULT_ROWS, DEFAULT_SEED, check_on
from parity.devices import CHOICES
from parity.errors import SetupError
from parity.keras_side import load
from parity.progress import Progress
from tinynn._checks import did_you_mean


def add_parser(commands: Any) -> None:
    """The command's arguments, for `cli.main`."""
    parser = commands.add_parser(
        "check",
        help="a model of your own beside its twin in the other library, rung by rung",
        description="Compare a model of your own, of tinynn or of Keras, with its twin in the other library, rung by rung. "
        "Exit code 0: they agree; 1: they do not; 2: it could not start.",
    )
    parser.add_argument(
        "target",
        metavar="FILE.py:FUNCTION",
        help="a function without arguments that returns (model, x, y), the model compiled; a dict of custom_objects may "
        "come fourth",
    )
    parser.add_argument(
        "--rows",
        type=_count,
        default=DEFAULT_ROWS,
        help=f"use the first so many rows, 0 for all (default: {DEFAULT_ROWS})",
    )
    parser.add_argument("--batch-size", type=_positive, default=32, metavar="N", help="rows in a step (default: 32)")
    parser.add_argument("--steps", type=_positive, default=5, help="of training, compared one by one (default: 5)")
    parser.add_argument("--epochs", type=_positive, default=2, help="of the fit from the seed (default: 2)")
    parser.add_argument("--seed", type=_count, default=DEFAULT_SEED, help=f"(default: {DEFAULT_SEED})")
    parser.add_argument(
        "--device", choices=CHOICES, default="auto", help="where Keras runs (default: a GPU if there is one)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Build, compare, print, write.

    Returns:
        The exit code: 0 the engines agree, 1 they do not.

    Raises:
        SetupError: it could not start as asked.
    """
    for path in (asked.json, asked.html):
        _check_writable(path)
    path, name = _file_and_function(asked.target)
    progress = Progress()
    try:
        progress.start("loading TensorFlow")
        side = load(asked.device)  # before the file is run: it may import Keras
        progress.start(f"{path.name}: {name}()")
        model, x, y, custom_objects = _build(path, name)
        report = check_on(
            side,
            model,
            x,
            y,
            batch_size=asked.batch_size,
            steps=asked.steps,
            epochs=asked.epochs,
            rows=asked.rows or None,
            seed=asked.seed,
            custom_objects=custom_objects,
            say=progress.start,
        )
    except (TypeError, ValueError) as error:
        raise SetupError(str(error)) from error
    finally:
        progress.clear()
    print(report)
    for where, write in ((asked.html, report.to_html), (asked.json, report.to_json)):
        if where is not None:
            write(where)
            print(f"written: {where}")
    return 0 if report.agree else 1


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected an integer from 0 to 2**32 - 1; got {text!r}.")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer; got {text!r}.")
    return int(text)


def _check_writable(path: Path | None) -> None:
    """Better to hear of a typing error now than after the comparison."""
    if path is not None and not path.absolute().parent.is_dir():
        raise SetupError(f"{path}: there is no folder {path.absolute().parent}.")


def _file_and_function(target: str) -> tuple[Path, str]:
    file, colon, name = target.rpartition(":")
    if not colon or not name.isidentifier():
        raise SetupError(f"expected FILE.py:FUNCTION, such as model.py:build; got {target!r}.")
    path = Path(file)
    if not path.is_file():
        raise SetupError(f"there is no file {file}.")
    return path, name


def _build(path: Path, name: str) -> tuple[Any, Any, Any, dict[str, Any]]:
    """What the function returns: model, x, y, and custom_objects if there are any.

    Raises:
        SetupError: the file or the function fails, or returns something else.
    """
    sys.path.insert(0, str(path.absolute().parent))  # its own imports, as when it is run
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SetupError(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise SetupError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    function: Callable[[], Any] | None = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise SetupError(f"{path} has no function {name}.{did_you_mean(name, known)}")
    try:
        built = function()
    except Exception as error:
        raise SetupError(f"{name}() of {path} fails: {type(error).__name__}: {error}") from error
    if not isinstance(built, (tuple, list)) or len(built) not in (3, 4):
        got = f"{len(built)} things" if isinstance(built, (tuple, list)) else type(built).__name__
        raise SetupError(f"{name}() of {path} must return (model, x, y), or (model, x, y, custom_objects); got {got}.")
    model, x, y, *custom_objects = built
    return model, x, y, dict(custom_objects[0]) if custom_objects else {}
