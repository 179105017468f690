"""One training run of one engine, and everything about it that can be compared."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity.data import Data
from parity.engines import Engine, fresh_session
from parity.models import Recipe

Array = NDArray[Any]
Say = Callable[[str], None]

SNAPSHOT_BYTES = 64 * 2**20
"""How much memory the snapshots of one run may take, in float64."""


@dataclass(frozen=True)
class Setting:
    """How a recipe is run: what is given to it, and what it has to find out from the seed.

    Args:
        dtype: "float32" or "float64".
        seed: for everything random.
        start: initial weights to copy in; the model's own when None.
        data: arrays to train on; the recipe's own, made after seeding, when None.
        shuffle: fit's own shuffle; off when both engines are to see the same batches without relying on it.
        snapshots: note weights and loss at some of the steps.
        transcript: train with verbose=2 and keep what is printed.
    """

    dtype: str
    seed: int
    start: list[Array] | None = None
    data: Data | None = None
    shuffle: bool = False
    snapshots: bool = False
    transcript: bool = False


@dataclass(frozen=True)
class Run:
    """What came out.

    `weights` are flat, (snapshots, n_params), at the steps of `steps`; without snapshots the last row alone. The other
    fields speak for themselves; `seconds` counts the epochs after the first, which hold no tracing or compiling.
    """

    engine: str
    ran_on: str
    parameters: int
    names: list[str]
    shapes: list[tuple[int, ...]]
    initial: list[Array]
    steps: list[int]
    weights: Array
    losses: list[float]
    history: dict[str, list[float]]
    outputs: Array
    transcript: str
    summary: str
    seconds: float
    data: Data
    n_train: int
    n_validation: int


def train(engine: Engine, recipe: Recipe, setting: Setting, say: Say) -> Run:
    """Build, compile, fit and predict as the recipe says; `say` hears how far it is."""
    keras = engine.keras
    with fresh_session(engine, setting.dtype, setting.seed):
        made = recipe.data() if setting.data is None else setting.data
        model = recipe.build(keras)
        model.compile(**recipe.compile(keras), **engine.compile_arguments)
        if setting.start is not None:
            model.set_weights(setting.start)
        initial = model.get_weights()
        n_steps = recipe.steps_per_epoch(made) * recipe.epochs
        wanted = steps_to_note(n_steps, sum(w.size for w in initial)) if setting.snapshots else []
        watch = _watch(engine, recipe.epochs, wanted, say)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            history = model.fit(
                made.x,
                made.y,
                batch_size=recipe.batch_size,
                epochs=recipe.epochs,
                verbose=2 if setting.transcript else 0,
                callbacks=[watch],
                validation_split=recipe.validation_split,
                validation_data=made.validation,
                shuffle=setting.shuffle,
            )
        engine.check(model)
        final = model.get_weights()
        n_train = int(np.floor(len(made.x) * (1 - recipe.validation_split)))
        return Run(
            engine=engine.name,
            ran_on=str(getattr(model, "engine", "TensorFlow")),
            parameters=int(model.count_params()),
            names=["/".join(variable.path.split("/")[-2:]) for variable in model.weights],
            shapes=[w.shape for w in final],
            initial=initial,
            steps=wanted or [n_steps],
            weights=np.array(watch.weights) if wanted else flat(final)[None],
            losses=watch.losses,
            history={name: [float(v) for v in values] for name, values in history.history.items()},
            outputs=np.asarray(model.predict(made.probe, verbose=0)),
            transcript=printed.getvalue(),
            summary=_summary(model),
            seconds=watch.seconds(),
            data=made,
            n_train=n_train,
            n_validation=len(made.x) - n_train if made.validation is None else len(made.validation[0]),
        )


def flat(weights: Sequence[Array]) -> Array:
    """All weights in one vector."""
    return np.concatenate([w.ravel() for w in weights])


def steps_to_note(n_steps: int, n_params: int) -> list[int]:
    """Steps 1 .. n_steps to take snapshots at: every decade of the beginning and the whole evenly, the last included."""
    size = max(12, min(120, SNAPSHOT_BYTES // (8 * max(n_params, 1))))
    early = np.geomspace(1, n_steps, size // 3)
    evenly = np.linspace(1, n_steps, size - size // 3)
    return [int(step) for step in np.unique(np.round(np.concatenate([early, evenly])))]


def _summary(model: Any) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        model.summary()
    return printed.getvalue()


def _watch(engine: Engine, n_epochs: int, wanted: Sequence[int], say: Say) -> Any:
    """A callback that takes the time and, if there are steps to note, snapshots; its own time is not counted."""

    class Watch(engine.keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weights: list[Array] = []
            self.losses: list[float] = []
            self._begin = 0.0
            self._ends: list[float] = []

        def on_train_begin(self, logs: Any = None) -> None:
            self._begin = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._ends.append(time.perf_counter())
            say(f"{engine.name}: epoch {epoch + 1} of {n_epochs}")

        def seconds(self) -> float:
            return self._ends[-1] - (self._ends[0] if len(self._ends) > 1 else self._begin)

    class Recorder(Watch):
        def __init__(self) -> None:
            super().__init__()
            self._step = 0
            self._next = iter([*wanted, -1])
            self._due = next(self._next)
            self._own = 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._step += 1
            if self._step != self._due:
                return
            begin = time.perf_counter()
            self._due = next(self._next)
            self.weights.append(flat(self.model.get_weights()))
            self.losses.append(float((logs or {})["loss"]))
            if self._ends:
                self._own += time.perf_counter() - begin

        def seconds(self) -> float:
            return super().seconds() - self._own

    return Recorder() if wanted else Watch()
