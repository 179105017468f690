"""A training that is killed and started again, over and over: `python -m tests.saving.killed_training --kills 50`.

The parent starts the training in a process of its own, kills it (SIGKILL) at a random moment, reads its backup, and starts it
again; when it comes to its end, the weights must be those of a training that nobody disturbed, bit for bit. Then the next
training begins, until so many processes were killed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import tinynn
from tinynn import callbacks, layers

PLANS: list[dict[str, Any]] = [
    {"save_freq": "epoch", "epochs": 20, "compiled": False},
    {"save_freq": 4, "epochs": 12, "compiled": False, "double_checkpoint": True},
    {"save_freq": "epoch", "epochs": 80, "compiled": True, "double_checkpoint": True},
    {"save_freq": 7, "epochs": 40, "compiled": True},
]


def tell_once(what: str) -> Any:
    """A hook that prints a line when it is called first."""
    left = [what]

    def hook(epoch: int, logs: Any = None) -> None:
        if left:
            print(left.pop(), flush=True)

    return hook


def train(number: int, folder: str | None) -> Any:
    """One of the trainings, with backups in a folder; the model and its History."""
    plan = PLANS[number]
    tinynn.utils.set_random_seed(number)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(569, 30)).astype(np.float32)  # the size of the breast cancer data
    y = (x[:, :3].sum(axis=1) + rng.normal(size=569) > 0).astype(np.int32)
    model = tinynn.Sequential(
        [
            layers.Input((30,)),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    rate = tinynn.optimizers.schedules.ExponentialDecay(0.01, 10, 0.99)
    compiled = "auto" if plan["compiled"] else False
    model.compile(tinynn.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"], jit_compile=compiled)
    watchers: list[Any] = [callbacks.EarlyStopping("loss", patience=50, restore_best_weights=True)]
    if folder is not None:
        backup = callbacks.BackupAndRestore(
            folder,
            save_freq=plan["save_freq"],
            double_checkpoint=plan.get("double_checkpoint", False),
            delete_checkpoint=False,
        )
        watchers = [backup, callbacks.LambdaCallback(on_epoch_begin=tell_once("ready")), *watchers]
    history = model.fit(x, y, batch_size=32, epochs=plan["epochs"], validation_split=0.2, callbacks=watchers, verbose=0)
    return model, history


def result(number: int, folder: str | None) -> dict[str, Any]:
    """All that has to be equal in the end, by name."""
    model, history = train(number, folder)
    variables = {f"model {i}": variable.value for i, variable in enumerate(model.variables)}
    variables |= {f"optimizer {i}": variable.value for i, variable in enumerate(model.optimizer.variables)}
    return {**variables, **{f"history {name}": np.array(values) for name, values in history.history.items()}}


def kill_over_and_over(
    kills: int, seed: int, folder: Path, plans: list[int], longest: float, tell: Any = lambda line: None
) -> int:
    """Kill `kills` processes; how many trainings came to their end, each checked.

    Args:
        kills: how many.
        seed: of the random moments.
        folder: for backups.
        plans: which trainings, one after another.
        longest: seconds after which the last moment comes.
        tell: is handed a line for each process.

    Raises:
        AssertionError: weights, slots or histories differ, or a backup could not be read.
    """
    rng = random.Random(seed)
    expected = {number: result(number, None) for number in plans}
    ended = killed = 0
    while killed < kills or not ended:
        number = plans[ended % len(plans)]
        place = folder / f"training{ended}"
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.saving.killed_training", "--child", str(number), str(place)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        process.stdout.readline()  # it is about to train its first epoch, or has nothing left to train
        if killed < kills:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0, longest))
        else:
            process.wait()
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        status = process.wait()
        process.stdout.close()
        assert status in (0, -signal.SIGKILL), f"the training ended with status {status}"
        tell(f"{killed} killed, {ended} ended: training {number}, {time.monotonic() - began:.2f} s")
        _check_backups(place, number)
        if status == 0:
            with np.load(place / "result.npz") as found:
                assert set(found) == set(expected[number])
                for name, value in expected[number].items():
                    assert found[name].tobytes() == value.tobytes(), f"training {number}: {name} differs"
            ended += 1
            shutil.rmtree(place)
    return ended


def _check_backups(place: Path, number: int) -> None:
    """Whatever bears the name of a backup can be read, and while there was one there is one."""
    from tinynn.saving.backup import read_backup

    backups = [place / "backup" / name for name in ("latest.npz", "previous.npz")]
    for path in backups:
        if path.exists():
            state = read_backup(path, lambda state: 1 << 30)
            assert state["epoch"] <= PLANS[number]["epochs"]
    if (place / "backup").exists() and any((place / "backup").glob("*.npz")):
        assert any(path.exists() for path in backups)


def main() -> None:
    """The command line: the parent, or with --child one training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="how many processes to kill")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--longest", type=float, default=0.3, help="seconds of training after which the last one comes")
    parser.add_argument("--child", nargs=2, metavar=("NUMBER", "FOLDER"), help="train, as the parent has it done")
    arguments = parser.parse_args()
    if arguments.child:
        number, folder = int(arguments.child[0]), Path(arguments.child[1])
        np.savez(folder / "result.npz", **result(number, str(folder / "backup")))
        return
    with tempfile.TemporaryDirectory() as folder:
        ended = kill_over_and_over(
            *(arguments.kills, arguments.seed, Path(folder), list(range(len(PLANS))), arguments.longest),
            lambda line: print(line, flush=True),
        )
    print(
        f"{arguments.kills} processes killed; all {ended} trainings ended with the weights of undisturbed ones, to the bit."
    )


if __name__ == "__main__":
    main()
