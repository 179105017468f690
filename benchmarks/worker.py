"""A process that runs one engine. Asked over its standard input, answers on its standard output; both speak pickle.

    python -m benchmarks.worker ENGINE

Own processes keep the engines' threads, memory and matrix libraries apart. While one is timed the others wait for input.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.errors import NotExpressible, OutOfTime, SetupError, WorkerFailed

ROOT = Path(__file__).parent.parent


@dataclass
class Budget:
    """Args:
    seconds: that an engine's processes may work, all together.
    spent: how many they have.
    """

    seconds: float = math.inf
    spent: float = 0.0

    @property
    def left(self) -> float:
        """How many they may still."""
        return max(0.0, self.seconds - self.spent)

    @contextmanager
    def running(self, stop: Callable[[], None]) -> Iterator[None]:
        """The block's time counts; when there is none left `stop` is called, on another thread, and should end it.

        Raises:
            OutOfTime: there was none left, or the block raised WorkerFailed after it was stopped.
        """
        if not self.left:
            raise OutOfTime(self._told())
        timer = threading.Timer(self.left, stop) if math.isfinite(self.left) else None
        start = time.monotonic()
        if timer:
            timer.start()
        try:
            yield
        except WorkerFailed:
            if time.monotonic() - start >= self.left:
                raise OutOfTime(self._told()) from None
            raise
        finally:
            self.spent += time.monotonic() - start
            if timer:
                timer.cancel()

    def _told(self) -> str:
        return f"left out: its {self.seconds:.0f} s are spent"


class Worker:
    """The asking side.

    Args:
        engine: a name out of ENGINES, "operations" or "mapped".
        environment: variables of the process, besides the ones of this one.
        budget: what its answers may take.
    """

    def __init__(self, engine: str, environment: dict[str, str] | None = None, budget: Budget | None = None) -> None:
        self.engine, self.budget = engine, budget or Budget()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  as long as the process
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, "PYTHONPATH": path, **(environment or {})},
        )

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of the engine over there.

        Raises:
            WorkerFailed: it raised, or the process has ended.
            NotExpressible, SetupError: as raised there.
            OutOfTime: its budget is spent; the process has ended then.
        """
        with self.budget.running(self._process.kill):
            return self._exchange(method, arguments)

    def _exchange(self, method: str, arguments: tuple[Any, ...]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump((method, arguments), self._process.stdin)
            self._process.stdin.flush()
            kind, value = pickle.load(self._process.stdout)
        except (OSError, EOFError):
            raise WorkerFailed(f"{self.engine}: the process ended. {self._last_words()}") from None
        if kind == "value":
            return value
        if kind == "told":
            raise value
        raise WorkerFailed(f"{self.engine}: {value}")

    def hang_up(self) -> None:
        """Ask for nothing more: the process ends by itself."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def close(self) -> None:
        """End the process."""
        self.hang_up()
        assert self._process.stdout is not None
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._said.close()

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return "It said: " + " | ".join(lines[-3:]) if lines else "It said nothing."


class Pool:
    """Workers by engine, each started when it is first needed.

    Args:
        budgets: seconds by engine; who is not in it has as many as it needs.
    """

    def __init__(self, budgets: dict[str, float] | None = None) -> None:
        self._budgets = {engine: Budget(seconds) for engine, seconds in (budgets or {}).items()}
        self._workers: dict[str, tuple[Worker, dict[str, Any]]] = {}

    def get(self, engine: str) -> tuple[Worker, dict[str, Any]]:
        """The worker and what its `load` said."""
        if engine not in self._workers:
            from benchmarks.engines import ENGINES

            environment = ENGINES["keras" if engine not in ENGINES else engine].environment
            worker = Worker(engine, environment, self.budget(engine))
            try:
                self._workers[engine] = worker, worker.ask("load")
            except BaseException:
                worker.close()
                raise
        return self._workers[engine]

    def budget(self, engine: str) -> Budget:
        """What the engine's processes may take, now and later."""
        return self._budgets.setdefault(engine, Budget())

    def drop(self, engine: str) -> None:
        """End this engine's process."""
        if engine in self._workers:
            self._workers.pop(engine)[0].close()

    def close(self) -> None:
        """End all."""
        for worker, _ in self._workers.values():
            worker.hang_up()
        for engine in list(self._workers):
            self.drop(engine)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(engine: Any, questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the input ends."""
    while True:
        try:
            method, arguments = pickle.load(questions)
        except EOFError:
            return
        try:
            answer = "value", getattr(engine, method)(*arguments)
        except (NotExpressible, SetupError) as error:
            answer = "told", error
        except Exception as error:
            traceback.print_exc()
            answer = "error", f"{method}: {type(error).__name__}: {error}"
        pickle.dump(answer, answers)
        answers.flush()


def main() -> None:
    """Keep the real standard output for answers; whatever a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    import numpy  # noqa: F401  before the clock of `load` runs: what counts is what an engine adds

    serve(_made(sys.argv[1]), sys.stdin.buffer, answers)


def _made(name: str) -> Any:
    """What answers: an engine, or one of the other things that need a process of their own."""
    if name == "operations":
        from benchmarks.operations import Operations

        return Operations()
    if name == "mapped":
        from benchmarks.mapped import Mapped

        return Mapped()
    from benchmarks.engines import ENGINES

    return ENGINES[name].make()


if __name__ == "__main__":
    main()
