"""The command line: `python -m parity`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from parity import check_cli, machine, mutate, search, table
from parity.devices import CHOICES
from parity.engines import TINYNN
from parity.errors import SetupError
from parity.keras_side import load
from parity.models import RECIPES, Recipe
from parity.modes import FAIL, MODES, Bench, Row, run_row
from parity.progress import Progress, clock
from tinynn._checks import unknown_name

DEFAULT_SEED = 42
"""One whose six runs all stay calm: with a seed that amplifies rounding, agreement in float32 says less."""

AGREE, DISAGREE, CANNOT_START, INTERRUPTED, NO_READER = 0, 1, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print the table, write the report.

    Returns:
        The exit code: 0 all agree, 1 some do not, 2 it could not start as asked.
    """
    asked = _parser().parse_args(argv)
    if asked.list:
        _print_list()
        return AGREE
    try:
        code: int = asked.run(asked)
        return code
    except SetupError as error:
        print(f"parity: {error}", file=sys.stderr)
        return CANNOT_START
    except KeyboardInterrupt:
        print("\nparity: interrupted; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # python -m parity | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more when it exits
        return NO_READER


def _compare(asked: argparse.Namespace) -> int:
    folder = _report_folder(asked.report)
    progress = Progress()
    progress.start("loading TensorFlow")
    side = load(asked.device)
    found = machine.facts(side, asked.seed, asked.quick)
    chosen = [RECIPES[name] for name in dict.fromkeys(asked.model or RECIPES)]
    modes = list(dict.fromkeys(asked.mode or MODES))
    shortened = [recipe.what_quick_leaves_out() for recipe in chosen] if asked.quick else []
    progress.clear()
    _say(*machine.lines(found))
    if shortened:
        _say(*table.wrapped(f"--quick: {'; '.join(shortened)}."))
    _say("", table.heading())
    bench = Bench(side.engine, TINYNN, asked.seed, progress.say)
    rows = _run([recipe.shortened() if asked.quick else recipe for recipe in chosen], modes, bench, progress)
    remarks = table.remarks(rows)
    _say("", *remarks, *([""] if remarks else []), *table.explanation())
    _say("", f"{table.totals(rows)}, in {clock(progress.seconds)}")
    if folder is not None:
        from parity.report import write

        for path in write(folder, rows, found, shortened, progress.seconds):
            _say(f"written: {path}")
    return DISAGREE if any(row.verdict == FAIL for row in rows) else AGREE


def _run(recipes: Sequence[Recipe], modes: Sequence[str], bench: Bench, progress: Progress) -> list[Row]:
    """All rows, each printed as soon as it is known."""
    rows: list[Row] = []
    total = len(recipes) * len(modes)
    color = table.wants_color(sys.stdout)
    for recipe in recipes:
        for mode in modes:
            progress.start(f"[{len(rows) + 1:{len(str(total))}}/{total}] {recipe.title}, {mode}")
            row = run_row(recipe, mode, bench)
            progress.clear()
            _say(table.line(row, first_of_model=mode == modes[0], color=color))
            rows.append(row)
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m parity",
        description="Train the same models in tinynn and in Keras and say how closely they agree. Exit code 0: all agree; "
        "1: a disagreement; 2: it could not start.",
    )
    parser.add_argument(
        "--model", action="append", type=_model, metavar="NAME", help="only this model; may be repeated"
    )
    parser.add_argument("--mode", action="append", choices=list(MODES), help="only this mode; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer epochs and rows: all models in about half a minute")
    parser.add_argument(
        "--seed", type=_seed, default=DEFAULT_SEED, help=f"for everything random (default: {DEFAULT_SEED})"
    )
    parser.add_argument(
        "--device", choices=CHOICES, default="auto", help="where Keras runs (default: a GPU if there is one)"
    )
    parser.add_argument("--report", type=Path, metavar="DIR", help="write report.html and report.json into this folder")
    parser.add_argument("--list", action="store_true", help="the models and modes, without training")
    parser.set_defaults(run=_compare)
    commands = parser.add_subparsers(title="commands", metavar="check | search | mutate")
    check_cli.add_parser(commands)
    search.add_parser(commands)
    mutate.add_parser(commands)
    return parser


def _model(name: str) -> str:
    if name not in RECIPES:
        raise argparse.ArgumentTypeError(str(unknown_name("model", name, RECIPES)))
    return name


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected an integer from 0 to 2**32 - 1; got {text!r}.")
    return int(text)


def _report_folder(folder: Path | None) -> Path | None:
    """The folder, made now: better to hear of a typing error before the training than after.

    Raises:
        SetupError: it cannot be made or written to.
    """
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"--report {folder}: cannot make this folder: {error.strerror}.") from None
    if not os.access(folder, os.W_OK):
        raise SetupError(f"--report {folder}: this folder cannot be written to.")
    return folder


def _print_list() -> None:
    for recipe in RECIPES.values():
        _say(*table.wrapped(f"{recipe.name:12s}  {recipe.about}; {recipe.epochs} epochs", indent=" " * 14))
    _say("")
    for name, function in MODES.items():
        _say(f"{name:12s}  {(function.__doc__ or '').strip()}")


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)
