"""A table and its target: which columns a network is given, what it is asked for, and the way between both."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tinynn._checks import did_you_mean
from tinynn._typing import Array
from tinynn.cli import columns
from tinynn.cli.columns import Column

FORMAT = "tinynn table 1"
MOST_CLASSES = 100


class WrongUse(Exception):
    """Something that the user can mend; the message says how."""


@dataclass
class Target:
    """What is asked for: one of some classes, or a number, which the network sees as (y - mean) / scale."""

    name: str
    task: str
    classes: list[Any] = field(default_factory=list)
    mean: float = 0.0
    scale: float = 1.0

    def encode(self, values: pd.Series) -> Array:
        """(rows,): numbers of classes, -1 for one that is not known; or scaled numbers, NaN for what is none."""
        found: Array
        if self.task == "classification":
            found = pd.Index(self.classes, dtype=object).get_indexer(_labels(values).astype(object)).astype(np.int64)
        else:
            found = (pd.to_numeric(values, errors="coerce").to_numpy(np.float64) - self.mean) / self.scale
        return found

    def decode(self, outputs: Array) -> Array:
        """What the outputs of the network mean: classes, or numbers."""
        if self.task == "classification":
            found: Array = np.array(self.classes, dtype=object)[probabilities(outputs).argmax(axis=1)]
            return found
        return outputs[:, 0].astype(np.float64) * self.scale + self.mean


@dataclass
class Preprocessing:
    """All that stands between a CSV file and the network."""

    target: Target
    columns: list[Column]
    left_out: dict[str, str]

    def features(self, frame: pd.DataFrame) -> Array:
        """(rows, inputs) float32.

        Raises:
            WrongUse: a column that the network was trained on is missing.
        """
        missing = [column.name for column in self.columns if column.name not in frame]
        if missing:
            hint = did_you_mean(missing[0], [str(name) for name in frame.columns])
            raise WrongUse(f"the table lacks the columns {missing}, which the model was trained on.{hint}")
        table = np.empty((len(frame), len(self.inputs)), np.float32)
        place = 0
        for column in self.columns:
            width = len(column.outputs)
            table[:, place : place + width] = column.transform(frame[column.name])
            place += width
        return table

    @property
    def inputs(self) -> list[str]:
        """The names of the network's inputs."""
        return [name for column in self.columns for name in column.outputs]

    def write(self, path: Path) -> None:
        """As JSON."""
        told = {
            "format": FORMAT,
            "target": vars(self.target),
            "columns": [columns.described(column) for column in self.columns],
            "left_out": self.left_out,
        }
        path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Preprocessing:
        """What `write` wrote. Nothing in the file is run.

        Raises:
            WrongUse: another file.
        """
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            if told.get("format") != FORMAT:
                raise ValueError(f"its format is {told.get('format')!r}, not {FORMAT!r}")
            made = [columns.from_description(described) for described in told["columns"]]
            return cls(Target(**told["target"]), made, dict(told["left_out"]))
        except FileNotFoundError:
            raise WrongUse(
                f"{path} is not there: the model was not made by `tinynn train`, or was moved away from it."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WrongUse(f"{path} is not what `tinynn train` writes: {error}.") from None


def read_csv(path: str) -> pd.DataFrame:
    """A table from a CSV file, or from standard input for "-". Separators other than commas are found out, and with them
    decimal commas.

    Raises:
        WrongUse: no file, or not a table.
    """
    name = "standard input" if path == "-" else path
    if path.endswith((".parquet", ".xlsx", ".json")):
        raise WrongUse(f"{path} is no CSV file: write it as one, with pandas: frame.to_csv(...).")
    try:
        source = _source(path)
        frame = _read(source)
        if frame.shape[1] == 1 and any(mark in str(frame.columns[0]) for mark in ";\t|"):
            frame = _with_decimal_points(_read(source, sep=None, engine="python"))
    except FileNotFoundError:
        raise WrongUse(f"there is no file {path}.") from None
    except IsADirectoryError:
        raise WrongUse(f"{path} is a folder; expected a CSV file.") from None
    except UnicodeDecodeError as error:
        raise WrongUse(
            f"{name} is not text in UTF-8 ({error.reason}, byte {error.object[error.start]:#04x}). If it is a table in another "
            f"encoding, write it anew: iconv -f latin1 -t utf-8 OLD.csv > NEW.csv"
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError) as error:
        raise WrongUse(
            f"{name} cannot be read as a table: {str(error).strip()}. Expected a first line with the names."
        ) from None
    if not len(frame):
        raise WrongUse(f"{name} has no rows below its first line, which holds the names of the columns.")
    return frame


def _source(path: str) -> str | io.BytesIO:
    """A file by its name; what comes through a pipe by its bytes, so that it can be read twice."""
    if path == "-":
        return io.BytesIO(sys.stdin.buffer.read())
    return io.BytesIO(Path(path).read_bytes()) if Path(path).is_fifo() else path


def _read(source: str | io.BytesIO, **how: Any) -> pd.DataFrame:
    """UTF-8, or the UTF-16 of a spreadsheet, which begins with a mark."""
    if isinstance(source, io.BytesIO):
        source.seek(0)
        mark = source.getvalue()[:2]
    else:
        with open(source, "rb") as file:
            mark = file.read(2)
    return pd.read_csv(source, encoding="utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", **how)


def _with_decimal_points(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers as 1,5, which are written so where the comma is no separator, as numbers."""
    for name in frame.columns:
        words = frame[name].dropna().astype("string")
        numbers = len(words) and words.str.fullmatch(r"\s*[+-]?\d+(,\d+)?\s*").all()
        if numbers and not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].str.replace(",", ".").astype(np.float64)
    return frame


def find_target(frame: pd.DataFrame, name: str, task: str | None) -> tuple[Target, str]:
    """The target, and how its task was found out.

    Raises:
        WrongUse: no such column, or one that cannot be learned.
    """
    if name not in frame:
        names = [str(column) for column in frame.columns]
        shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise WrongUse(f'there is no column "{name}".{did_you_mean(name, names)} The columns: {shown}.')
    values = frame[name].dropna()
    distinct = values.nunique()
    if distinct < 2:
        told = f"is {_plain(values.iloc[0])!r} in every row" if distinct else "has no value in any row"
        raise WrongUse(f'the target "{name}" {told}: there is nothing to learn. Name another --target.')
    task, why = (task, "as asked for") if task else _task_of(values, distinct)
    if task == "regression":
        numbers = pd.to_numeric(values, errors="coerce")
        if numbers.isna().any():
            bad = values[numbers.isna()].iloc[0]
            raise WrongUse(
                f'regression needs numbers; the target "{name}" holds {bad!r}. Did you mean --task classification?'
            )
        return Target(name, task, [], float(numbers.mean()), float(numbers.std()) or 1.0), why
    labels = _labels(values)
    if distinct > MOST_CLASSES:
        numeric = pd.api.types.is_numeric_dtype(values)
        mend = (
            "Did you mean --task regression?"
            if numeric
            else "Is it an identifier? Name another --target, or group its values."
        )
        raise WrongUse(f'the target "{name}" has {distinct} classes, more than {MOST_CLASSES}. {mend}')
    return Target(name, task, [_plain(label) for label in sorted(labels.unique())]), why


def _task_of(values: pd.Series, distinct: int) -> tuple[str, str]:
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return "classification", f"its {distinct} values are words"
    whole = bool((values == np.floor(values)).all())
    if not whole:
        return "regression", "its values are numbers with decimals"
    if distinct <= 2 or (distinct <= 20 and distinct <= 0.1 * len(values)):
        return "classification", f"it has {distinct} distinct whole numbers"
    return "regression", f"it has {distinct} distinct whole numbers"


def learn(frame: pd.DataFrame, target: Target) -> Preprocessing:
    """What the training rows say about each column.

    Raises:
        WrongUse: no column is left.
    """
    found: list[Column] = []
    left_out: dict[str, str] = {}
    for name in frame.columns:
        if name == target.name:
            continue
        values = frame[name]
        kind = columns.kind_of(values)
        if kind == "text":
            left_out[str(name)] = f"{values.nunique()} different texts: an identifier, or free text"
            continue
        if _is_identifier(str(name), values):
            left_out[str(name)] = "an identifier: every row has its own"
            continue
        column = columns.KINDS[kind].learn(str(name), values)
        if column is None:
            left_out[str(name)] = "the same in every row" if values.notna().any() else "empty in every row"
        else:
            found.append(column)
    if not found:
        told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise WrongUse(f"no column is left to learn from ({told or 'there is the target alone'}).")
    return Preprocessing(target, found, left_out)


def _is_identifier(name: str, values: pd.Series) -> bool:
    named = name.lower() in ("id", "index", "uuid", "unnamed: 0") or name.lower().endswith("_id")
    return named and values.nunique() == len(values)


def numbers_the_rows(name: str, values: pd.Series) -> bool:
    """Whether a target is an identifier rather than a quantity: by its name, or because it counts the rows."""
    if _is_identifier(name, values):
        return True
    whole = pd.api.types.is_integer_dtype(values) and values.nunique() == len(values)
    return bool(whole and values.max() - values.min() == len(values) - 1)


def probabilities(outputs: Array) -> Array:
    """(rows, classes): one sigmoid output is the probability of the second class."""
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


def _labels(values: pd.Series) -> pd.Series:
    """Class labels: whole numbers as such, also where a column with gaps made floats of them; else words."""
    if pd.api.types.is_bool_dtype(values):
        return values.astype(str)
    if pd.api.types.is_numeric_dtype(values):
        whole = (values.dropna() == np.floor(values.dropna())).all()
        return values.astype("Int64").astype(object) if whole else values
    return values.astype("string").str.strip().astype(object)


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
