"""The metrics of every epoch as rows of a CSV file."""

from __future__ import annotations

import csv
import os
import warnings
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
        self._to_empty = False

    def get_state(self) -> dict[str, Any]:
        """The columns, None before there are some, and how long the file is."""
        return {"keys": self.keys, "size": 0 if self._to_empty else os.path.getsize(self.filename)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on after the rows that were written before; those of epochs that are trained again are cut off.

        Raises:
            ValueError: the state is something else.
        """
        keys, size = (state.get("keys"), state.get("size")) if isinstance(state, dict) else (None, None)
        named = keys is None or (isinstance(keys, list) and all(type(key) is str for key in keys))
        if not named or type(size) is not int or size < 0:
            raise ValueError(f"CSVLogger cannot go on from a backup that remembers {state!r}.")
        assert self.csv_file is not None
        there = os.path.getsize(self.filename)
        if there < size:
            warnings.warn(
                f'CSVLogger: "{self.filename}" has lost rows since the backup; new ones follow.', stacklevel=2
            )
        self.csv_file.truncate(min(there, size))
        self.keys, self._to_empty = keys, False
        if keys is not None:
            self.writer = self._writer(keys)
            if min(there, size) == 0:
                self.writer.writeheader()
        elif self.append:
            self.append_header = size == 0

    def on_train_begin(self, logs: Logs = None) -> None:
        if self.append and os.path.exists(self.filename):
            self.append_header = os.path.getsize(self.filename) == 0
        self._close()
        self.csv_file = open(self.filename, "a", newline="", encoding="utf-8")  # noqa: SIM115
        self._to_empty = not self.append
        self.keys = None

    def _empty(self) -> None:
        """Old rows go when there are new ones, not before it is known whether a training is resumed."""
        if self._to_empty:
            assert self.csv_file is not None
            self.csv_file.truncate(0)
            self._to_empty = False

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._empty()
        logs = logs or {}
        if self.keys is None:
            self.keys = _columns(logs)
        assert self.csv_file is not None
        if self.writer is None:
            self.writer = self._writer(self.keys)
            if self.append_header:
                self.writer.writeheader()
        self.writer.writerow({"epoch": epoch, **{key: _field(logs.get(key, "NA")) for key in self.keys}})
        self.csv_file.flush()

    def _writer(self, keys: list[str]) -> csv.DictWriter[str]:
        assert self.csv_file is not None
        return csv.DictWriter(self.csv_file, ["epoch", *keys], delimiter=self.sep)

    def on_train_end(self, logs: Logs = None) -> None:
        self._empty()
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
