"""`tinynn train`: from a table to a network, with what it scores on rows it has not seen, beside scikit-learn's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

import tinynn
from tinynn._typing import Array
from tinynn.cli import table
from tinynn.cli.table import Preprocessing, Target, WrongUse

COMPARED_UP_TO = 200_000
"""Rows up to which scikit-learn is trained too unless it is asked for: beyond it takes minutes."""


@dataclass
class Settings:
    """What the user may choose; None where the data decide."""

    target: str
    task: str | None = None
    hidden: list[int] | None = None
    activation: str = "relu"
    dropout: float = 0.0
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    batch_size: int | None = None
    epochs: int | None = None
    patience: int = 10
    test: float = 0.2
    validation: float = 0.1
    seed: int = 0
    compare: bool | None = None


@dataclass
class Outcome:
    """All that a training gives, for the report and for --json."""

    settings: Settings
    preprocessing: Preprocessing
    why_task: str
    rows: dict[str, int]
    model: Any
    history: dict[str, list[float]]
    seconds: float
    scores: dict[str, float]
    baseline: dict[str, float]
    confusion: list[list[int]] | None
    others: dict[str, Any] | None
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, without the model and the history."""
        return {
            "target": self.preprocessing.target.name,
            "task": self.preprocessing.target.task,
            "task_because": self.why_task,
            "classes": self.preprocessing.target.classes,
            "rows": self.rows,
            "inputs": len(self.preprocessing.inputs),
            "left_out": self.preprocessing.left_out,
            "settings": asdict(self.settings),
            "parameters": self.model.count_params(),
            "epochs": len(self.history["loss"]),
            "seconds": round(self.seconds, 3),
            "engine": self.model.engine,
            "test": self.scores,
            "baseline": self.baseline,
            "scikit-learn": self.others,
            "notes": self.notes,
        }


def train(frame: pd.DataFrame, settings: Settings, say: Callable[[str], None], callbacks: list[Any]) -> Outcome:
    """Read the table's columns, split its rows, train, score.

    Raises:
        WrongUse: a table that nothing can be learned from.
    """
    target, why = table.find_target(frame, settings.target, settings.task)
    kinds = f"{len(target.classes)} classes" if target.task == "classification" else "a number"
    say(f'Task: {target.task} of "{target.name}" ({kinds}), because {why}. --task chooses otherwise.')
    notes = []
    gaps = frame[target.name].isna()
    if gaps.any():
        notes.append(f"{int(gaps.sum())} rows without a value of the target are left out.")
        frame = frame[~gaps]
    if table.numbers_the_rows(target.name, frame[target.name]):
        notes.append(f'The target "{target.name}" numbers the rows: an identifier? No column can say it of new rows.')
    kept, held, aside = split(frame[target.name], target, settings)
    preprocessing = table.learn(frame.iloc[kept], target)
    say(
        f"{len(frame):,} rows: {len(kept):,} to train on, {len(held):,} to watch, {len(aside):,} kept apart to test. "
        f"Columns: {len(preprocessing.columns)}, which become inputs: {len(preprocessing.inputs)}."
    )
    for name, reason in preprocessing.left_out.items():
        notes.append(f'Column "{name}" is left out: {reason}.')
    for note in notes:
        say(note)
    _choose(settings, len(kept))
    x, y = preprocessing.features(frame), target.encode(frame[target.name])
    parts = [(x[rows], y[rows]) for rows in (kept, held, aside)]
    model = network(settings, target, x.shape[1])
    say(f"Network: {x.shape[1]} - {' - '.join(map(str, settings.hidden or []))} - {model.output_shape[-1]}.")
    clock = _Clock()
    stop = tinynn.callbacks.EarlyStopping(patience=settings.patience, restore_best_weights=True)
    history = model.fit(
        *parts[0],
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        validation_data=parts[1],
        callbacks=[*callbacks, stop, clock],
        verbose=0,
    ).history
    outputs = model.predict(parts[2][0], batch_size=4096, verbose=0)
    others = None
    if settings.compare or (settings.compare is None and len(kept) <= COMPARED_UP_TO):
        say("Training scikit-learn's network of the same shape on the same rows ...")
        others = beside(settings, target, parts, len(history["loss"]), notes)
    elif settings.compare is None:
        notes.append(
            f"Not compared with scikit-learn: more than {COMPARED_UP_TO} rows. --compare does it all the same."
        )
    return Outcome(
        settings,
        preprocessing,
        why,
        {"all": len(frame), "train": len(kept), "validation": len(held), "test": len(aside)},
        model,
        history,
        clock.seconds,
        scores(target, parts[2][1], outputs),
        _baseline(target, parts[0][1], parts[2][1]),
        _confusion(target, parts[2][1], outputs),
        others,
        notes,
    )


class _Clock(tinynn.callbacks.Callback):
    """The seconds of training, without those of compiling machine code, which is done once for a machine."""

    seconds = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        self._start = time.perf_counter()

    def on_train_end(self, logs: Any = None) -> None:
        self.seconds = time.perf_counter() - self._start


def split(values: pd.Series, target: Target, settings: Settings) -> tuple[Array, Array, Array]:
    """The numbers of the rows to train on, to watch and to test on; each class in its share.

    Raises:
        WrongUse: too few rows.
    """
    if not 0 < settings.test < 1 or not 0 < settings.validation < 1 or settings.test + settings.validation >= 1:
        raise WrongUse("--test and --validation are shares of the rows above 0, together below 1.")
    n = len(values)
    if n < 20:
        raise WrongUse(f"{n} rows are too few to train on and to test with: 20 at least, better hundreds.")
    rng = np.random.default_rng(settings.seed)
    order = rng.permutation(n)
    if target.task == "classification":  # class after class, so that equal steps take the same share of each
        order = order[np.argsort(target.encode(values)[order], kind="stable")]
    # Row i of this order goes to the test when the running count of test rows, i times the share, passes a whole number.
    place = np.arange(n)
    phase = rng.uniform()
    test = np.floor((place + 1) * settings.test + phase) > np.floor(place * settings.test + phase)
    rest = np.flatnonzero(~test)
    share = settings.validation / (1 - settings.test)
    count = np.arange(len(rest))
    watched = np.floor((count + 1) * share + phase) > np.floor(count * share + phase)
    parts = order[rest[~watched]], order[rest[watched]], order[test]
    return rng.permutation(parts[0]), np.sort(parts[1]), np.sort(parts[2])


def _choose(settings: Settings, rows: int) -> None:
    """What the user left open."""
    if settings.hidden is None:
        settings.hidden = [32, 16] if rows < 2000 else [64, 32] if rows < 50_000 else [128, 64]
    settings.batch_size = settings.batch_size or (32 if rows < 20_000 else 128 if rows < 200_000 else 512)
    settings.epochs = settings.epochs or (200 if rows < 20_000 else 50 if rows < 200_000 else 15)


def network(settings: Settings, target: Target, inputs: int) -> Any:
    """Hidden layers, and an output for the task."""
    tinynn.utils.set_random_seed(settings.seed)
    model = tinynn.Sequential([tinynn.layers.Input((inputs,))])
    for units in settings.hidden or []:
        model.add(tinynn.layers.Dense(units, activation=settings.activation))
        if settings.dropout:
            model.add(tinynn.layers.Dropout(settings.dropout))
    optimizer = tinynn.optimizers.get(settings.optimizer)
    optimizer.learning_rate = settings.learning_rate
    if target.task == "regression":
        model.add(tinynn.layers.Dense(1))
        model.compile(optimizer, "mse")
    elif len(target.classes) == 2:
        model.add(tinynn.layers.Dense(1, activation="sigmoid"))
        model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    else:
        model.add(tinynn.layers.Dense(len(target.classes), activation="softmax"))
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def scores(target: Target, y: Array, outputs: Array) -> dict[str, float]:
    """On encoded targets and raw outputs: accuracy, log loss and macro F1; or errors in the target's own unit and R^2."""
    if target.task == "regression":
        error = (outputs[:, 0] - y) * target.scale
        spread = float(np.var(y * target.scale))
        return {
            "rmse": float(np.sqrt(np.mean(error**2))),
            "mae": float(np.mean(np.abs(error))),
            "r2": 1 - float(np.mean(error**2)) / spread if spread else float("nan"),
        }
    p = np.clip(table.probabilities(outputs.astype(np.float64)), 1e-7, 1)
    predicted = p.argmax(axis=1)
    known = y >= 0
    f1 = []
    for k in range(len(target.classes)):
        right = int(((predicted == k) & (y == k)).sum())
        both = int((predicted == k).sum() + (y == k).sum())
        if (y == k).any():
            f1.append(2 * right / both)
    return {
        "accuracy": float((predicted == y).mean()),
        "log_loss": float(-np.log(p[np.flatnonzero(known), y[known]]).mean()),
        "macro_f1": float(np.mean(f1)),
    }


def _baseline(target: Target, y_train: Array, y_test: Array) -> dict[str, float]:
    """What one gets without a model: always the most frequent class, or the mean."""
    if target.task == "regression":
        return {"rmse": float(np.sqrt(np.mean((y_test - y_train.mean()) ** 2)) * target.scale)}
    return {"accuracy": float((y_test == np.bincount(y_train).argmax()).mean())}


def _confusion(target: Target, y: Array, outputs: Array) -> list[list[int]] | None:
    if target.task == "regression":
        return None
    k = len(target.classes)
    predicted = table.probabilities(outputs).argmax(axis=1)
    counts: list[list[int]] = np.bincount(k * y + predicted, minlength=k * k).reshape(k, k).tolist()
    return counts


def beside(
    settings: Settings, target: Target, parts: list[Any], epochs: int, notes: list[str]
) -> dict[str, Any] | None:
    """scikit-learn's network with the same layers, activation, batches, learning rate and inputs: once with its own rule to
    stop within as many epochs as allowed, on the rows to train on."""
    try:
        from sklearn.neural_network import MLPClassifier, MLPRegressor
    except ImportError:
        notes.append("Not compared with scikit-learn, which is not installed: pip install tinynn-engine[sklearn].")
        return None
    if settings.activation not in ("relu", "tanh", "sigmoid", "linear") or settings.optimizer not in ("adam", "sgd"):
        notes.append("Not compared with scikit-learn, which lacks this activation or optimizer.")
        return None
    import warnings

    names = {"sigmoid": "logistic", "linear": "identity"}
    made = (MLPRegressor if target.task == "regression" else MLPClassifier)(
        hidden_layer_sizes=tuple(settings.hidden or []),
        activation=names.get(settings.activation, settings.activation),
        solver=settings.optimizer,
        batch_size=min(settings.batch_size or 32, len(parts[0][0])),
        learning_rate_init=settings.learning_rate,
        max_iter=settings.epochs,
        random_state=settings.seed,
    )
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it could go on
        made.fit(*parts[0])
    seconds = time.perf_counter() - start
    if target.task == "regression":
        outputs = made.predict(parts[2][0])[:, None]
    else:
        outputs = np.zeros((len(parts[2][0]), len(target.classes)))
        outputs[:, made.classes_] = made.predict_proba(parts[2][0])
    return {**scores(target, parts[2][1], outputs), "seconds": round(seconds, 3), "epochs": int(made.n_iter_)}
