"""Columns of a table as numbers for a network: what each kind learns from the training rows, and what it turns values into.

Every kind is a dataclass of plain values, so that it is written into a JSON file and read back without running code.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tinynn._typing import Array

MOST_CATEGORIES = 50
"""Columns of a category; values that are rarer than the first fifty have zeros in all of them."""

_DAY = 86400.0
_PERIODS = {"year": 365.2425, "week": 7.0, "day": 1.0}
_DAYS = ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
_FORMATS = ("ISO8601", *(f"{day}{time}" for time in ("", " %H:%M", " %H:%M:%S") for day in _DAYS))


@dataclass
class Number:
    """A number: missing values become the median, and say so in a column of their own; then (x - mean) / scale."""

    name: str
    median: float
    mean: float
    scale: float
    flag: bool
    kind: str = "number"

    @classmethod
    def learn(cls, name: str, values: pd.Series) -> Number | None:
        """From the training rows; None for a column that is the same everywhere."""
        x = _floats(values)
        known = x[np.isfinite(x)]
        if not len(known):
            return None
        median = float(np.median(known))
        missing = bool(len(known) < len(x))
        filled = np.where(np.isfinite(x), x, median)
        scale = float(filled.std())
        if scale == 0 and not missing:
            return None
        return cls(name, median, float(filled.mean()), scale or 1.0, missing)

    @property
    def outputs(self) -> list[str]:
        """The names of the columns that it becomes."""
        return [self.name, *([f"{self.name} is missing"] if self.flag else [])]

    def transform(self, values: pd.Series) -> Array:
        """(rows, outputs) float32."""
        x = _floats(values)
        missing = ~np.isfinite(x)
        scaled = (np.where(missing, self.median, x) - self.mean) / self.scale
        return np.stack([scaled, missing] if self.flag else [scaled], axis=1).astype(np.float32)


@dataclass
class Category:
    """One of some words: a column of zeros and ones for each; missing is a word too. Words never seen have zeros."""

    name: str
    values: list[str]
    flag: bool
    kind: str = "category"

    @classmethod
    def learn(cls, name: str, values: pd.Series) -> Category | None:
        """From the training rows; None for a column that is the same everywhere."""
        words = _words(values)
        counts = words.value_counts()
        missing = bool(words.isna().any())
        if len(counts) + missing < 2:
            return None
        return cls(name, sorted(str(word) for word in counts.index[:MOST_CATEGORIES]), missing)

    @property
    def outputs(self) -> list[str]:
        """The names of the columns that it becomes."""
        return [f"{self.name} = {word}" for word in self.values] + ([f"{self.name} is missing"] if self.flag else [])

    def transform(self, values: pd.Series) -> Array:
        """(rows, outputs) float32."""
        codes = pd.Index(self.values, dtype=object).get_indexer(_words(values).astype(object))
        table = np.zeros((len(values), len(self.outputs)), np.float32)
        known = codes >= 0
        table[np.flatnonzero(known), codes[known]] = 1
        if self.flag:
            table[:, -1] = _words(values).isna()
        return table


@dataclass
class Date:
    """A date or time: days since the middle one, and the places in the year, the week and the day as points on circles."""

    name: str
    form: str
    middle: str
    scale: float
    circles: list[str]
    flag: bool
    kind: str = "date"

    @classmethod
    def learn(cls, name: str, values: pd.Series) -> Date | None:
        """From the training rows; None for a column that is the same everywhere."""
        form = date_format(values)
        times = as_dates(values, form) if form else None
        known = pd.Series() if times is None else times.dropna()
        if form is None or times is None or known.nunique() < 2:
            return None
        middle = known.sort_values().iloc[len(known) // 2]
        days = (known - middle).dt.total_seconds().to_numpy() / _DAY
        span = float(days.max() - days.min())
        circles = [*(["year"] if span > 60 else []), *(["week"] if span > 6 else [])]
        if (known.dt.normalize() != known).any():
            circles.append("day")
        return cls(name, form, middle.isoformat(), float(days.std()) or 1.0, circles, bool(times.isna().any()))

    @property
    def outputs(self) -> list[str]:
        """The names of the columns that it becomes."""
        points = [f"{self.name}: {wave} of the {circle}" for circle in self.circles for wave in ("sine", "cosine")]
        return [f"{self.name} in days", *points, *([f"{self.name} is missing"] if self.flag else [])]

    def transform(self, values: pd.Series) -> Array:
        """(rows, outputs) float32."""
        times = as_dates(values, self.form)
        middle = pd.Timestamp(self.middle)
        missing = times.isna().to_numpy()
        filled = times.fillna(middle)
        columns = [(filled - middle).dt.total_seconds().to_numpy() / _DAY / self.scale]
        since = (filled - pd.Timestamp("2001-01-01")).dt.total_seconds().to_numpy() / _DAY  # a Monday
        for circle in self.circles:
            angle = 2 * np.pi * since / _PERIODS[circle]
            columns += [np.where(missing, 0, np.sin(angle)), np.where(missing, 0, np.cos(angle))]
        return np.stack([*columns, *([missing] if self.flag else [])], axis=1).astype(np.float32)


Column = Number | Category | Date
KINDS: dict[str, type[Number] | type[Category] | type[Date]] = {"number": Number, "category": Category, "date": Date}


def kind_of(values: pd.Series) -> str:
    """ "number", "date", "category", or "text" for words that hardly ever come twice."""
    if pd.api.types.is_bool_dtype(values):
        return "category"
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "date"
    known = values.dropna()
    if not len(known):
        return "number"
    sample = known.iloc[:: max(1, len(known) // 2000)]
    if pd.to_numeric(sample, errors="coerce").notna().mean() > 0.95:
        return "number"
    if sample.astype(str).str.contains(r"\d").mean() > 0.95 and date_format(sample) is not None:
        return "date"
    distinct = known.nunique()
    return "text" if distinct > MOST_CATEGORIES and distinct > 0.5 * len(known) else "category"


def date_format(values: pd.Series) -> str | None:
    """How the dates of a column are written, the same for all: of 03/04/2024 the other rows say which is the month. None if no
    way of writing them fits 95 of 100."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return "ISO8601"
    known = values.dropna()
    return next((form for form in _FORMATS if as_dates(known, form).notna().mean() >= 0.95), None)


def as_dates(values: pd.Series, form: str) -> pd.Series:
    """Times without a zone, NaT where a value is none."""
    words = values if pd.api.types.is_datetime64_any_dtype(values) else values.astype("string").str.strip()
    return pd.to_datetime(words, format=form, errors="coerce", utc=True).dt.tz_localize(None)


def described(column: Column) -> dict[str, Any]:
    """A column as plain values."""
    return {item.name: getattr(column, item.name) for item in dataclasses.fields(column)}


def from_description(described: dict[str, Any]) -> Column:
    """The way back.

    Raises:
        ValueError: not the description of a column.
    """
    kind = KINDS.get(described.get("kind", ""))
    wanted = {item.name for item in dataclasses.fields(kind)} if kind else set()
    if kind is None or set(described) != wanted:
        raise ValueError(f"the description of a column is broken: {str(described)[:100]}")
    return kind(**described)


def _floats(values: pd.Series) -> Array:
    found: Array = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return found


def _words(values: pd.Series) -> pd.Series:
    words = values.astype("string").str.strip()
    return words.mask(words == "")
