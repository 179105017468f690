"""Models on disk as the command line knows them: a folder that `tinynn train` made, or a model file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tinynn import saving
from tinynn._typing import Array
from tinynn.cli.table import Preprocessing, WrongUse

MODEL, PREPROCESSING, REPORT, METRICS = "model.keras", "preprocessing.json", "report.html", "metrics.json"
_ENDINGS = (".keras", ".h5", ".hdf5")


@dataclass
class Loaded:
    """A model, and what it was trained on if a `preprocessing.json` stands beside it."""

    model: Any
    preprocessing: Preprocessing | None

    def inputs(self, frame: pd.DataFrame, target: str | None = None) -> Array:
        """The rows of a table as the network takes them; without preprocessing, all columns but the target, which must be
        numbers."""
        if self.preprocessing is not None:
            return self.preprocessing.features(frame)
        columns = frame.drop(columns=[target]) if target else frame
        words = [str(name) for name in columns.columns if not pd.api.types.is_numeric_dtype(columns[name])]
        if words:
            raise WrongUse(
                f"no {PREPROCESSING} beside the model says how to read the columns {words}, which are not numbers."
            )
        x: Array = columns.to_numpy(np.float32)
        shape = getattr(self.model, "input_shape", (None, None))
        if len(shape) == 2 and shape[1] != x.shape[1]:
            hint = " Name the target with --target." if target is None and x.shape[1] == (shape[1] or 0) + 1 else ""
            raise WrongUse(f"the model takes {shape[1]} columns; the table has {x.shape[1]}.{hint}")
        return x

    def targets(self, frame: pd.DataFrame, target: str | None = None) -> Array | None:
        """The targets as the network compares them; None if the table has none."""
        if self.preprocessing is not None:
            known = self.preprocessing.target
            return known.encode(frame[known.name]) if known.name in frame else None
        if target is None:
            return None
        if target not in frame:
            raise WrongUse(f'there is no column "{target}". The columns: {", ".join(map(str, frame.columns))}.')
        return np.asarray(frame[target].to_numpy())


def load(path: str) -> Loaded:
    """The model at a place.

    Raises:
        WrongUse: there is none, or it cannot be read.
    """
    place = Path(path)
    file = place / MODEL if place.is_dir() else place
    if not file.exists():
        raise WrongUse(
            f"there is no model at {path}: expected a folder made by `tinynn train`, or a .keras or .h5 file."
        )
    if not file.name.endswith(_ENDINGS) or file.name.endswith(".weights.h5"):
        raise WrongUse(f"{file} is no model file; expected one that ends in {', '.join(_ENDINGS)}.")
    try:
        model = saving.load_model(file)
    except (ValueError, TypeError, OSError) as error:
        raise WrongUse(f"{file} cannot be read: {error}") from None
    beside = file.parent / PREPROCESSING
    return Loaded(model, Preprocessing.read(beside) if file.name == MODEL and beside.exists() else None)
