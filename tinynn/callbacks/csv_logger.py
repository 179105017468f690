"""The metrics of every epoch as rows of a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from typing import Any, TextIO

import numpy as np

from tinynn.callbacks.callback import Callback, Logs

__all__ = ["CSVLogger"]


class CSVLogger(Callback):
    """Writes a row after each epoch, and flushes it. The first epoch's logs decide on the columns.

    If they hold no validation, columns for it are added all the same, as it may come in later epochs; what is missing
    is written NA.

    Args:
        filename: where to write.
        separator: what to put between two values.
        append: go on with an existing file instead of starting it anew.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.sep = separator
        self.filename = os.fspath(filename)
        self.append = append
        self.append_header = True
        self.keys: list[str] | None = None
        self.writer: csv.DictWriter[str] | None = None
        self.csv_file: TextIO | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        if self.append and os.path.exists(self.filename):
            self.append_header = os.path.getsize(self.filename) == 0
        self._close()
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self.keys = _columns(logs)
        assert self.csv_file is not None
        if self.writer is None:
            self.writer = csv.DictWriter(self.csv_file, ["epoch", *self.keys], delimiter=self.sep)
            if self.append_header:
                self.writer.writeheader()
        self.writer.writerow({"epoch": epoch, **{key: _field(logs.get(key, "NA")) for key in self.keys}})
        self.csv_file.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        self._close()

    def _close(self) -> None:
        if self.csv_file is not None:
            self.csv_file.close()
        self.writer = None


def _columns(logs: dict[str, Any]) -> list[str]:
    """The sorted names, followed by those of the validation unless there are some."""
    names = sorted(logs)
    return names if any(name.startswith("val_") for name in names) else names + [f"val_{name}" for name in names]


def _field(value: Any) -> Any:
    """A value as the CSV writer is to have it: sequences as "[1, 2]", in quotes of their own."""
    if isinstance(value, str) or not isinstance(value, Iterable) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value
    return f'"[{", ".join(map(str, value))}]"'
