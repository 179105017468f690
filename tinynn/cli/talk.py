"""How the command line speaks: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tinynn.callbacks import Callback

talk = Console(stderr=True, highlight=False)
"""For people: colours where there is a terminal and NO_COLOR is not set."""


def say(text: str) -> None:
    """A line for the person who is watching."""
    talk.print(escape(text), soft_wrap=True)


def wrong_use(text: str) -> typer.Exit:
    """`raise` it: says what is wrong and how to mend it; exit code 2."""
    talk.print(f"[bold red]tinynn:[/] {escape(text)}", soft_wrap=True)
    return typer.Exit(2)


def emit(text: str) -> None:
    """The result, for people and pipes."""
    typer.echo(text)


def emit_json(value: Any) -> None:
    """The result as JSON."""
    typer.echo(as_text(value))


def as_text(value: Any) -> str:
    """JSON; what is no finite number is null."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


class EpochProgress(Callback):
    """A bar that moves with the epochs on a terminal; a line now and then elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Progress | None = None
        self._task: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        if talk.is_terminal:
            columns = (
                TextColumn("epoch"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}"),
            )
            self._bar = Progress(*columns, console=talk, transient=True)
            self._task = self._bar.add_task("", total=(self.params or {}).get("epochs"))
            self._bar.start()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        told = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        if self._bar is not None:
            self._bar.update(self._task, completed=epoch + 1, description=told)
        elif epoch + 1 in (1, 2, 5) or (epoch + 1) % 10 == 0:
            say(f"epoch {epoch + 1}: {told}")

    def on_train_end(self, logs: Any = None) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
