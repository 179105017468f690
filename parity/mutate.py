"""The suite is itself tested: deliberate faults are made in tinynn, and the properties have to see every one.

A fault is made in a copy of the package that exists in memory alone: `Copies` stands before Python's own import system and
hands out tinynn and parity from source it has read, one file of it changed. So the working tree is never touched, TensorFlow
is imported once for all faults, and a fault costs an import of tinynn (a tenth of a second), not a process. Keras's answers
are kept from fault to fault: they do not change.

Twins run as plain Python (NUMBA_DISABLE_JIT=1), which means the same and needs no compiler.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from parity.errors import SetupError
from parity.faults import EXAMPLES, FAULTS, TRAPS, Fault
from parity.keras_side import load
from parity.progress import Progress, clock

PACKAGES = ("tinynn", "parity")
SECONDS = 30
"""For one fault on one example: a fault may turn a loop into an endless one, which counts as seen."""

ALL = 10_000
"""Of Keras's answers are kept."""

CHEAP = {"forward", "gradient", "one_step"}
"""Properties that need no `fit` of Keras's: what `--quick` is made of."""

BROKEN = (NameError, SyntaxError, ImportError, AttributeError, UnboundLocalError)
"""Errors that mean that the fault itself is badly written: whatever sees these sees nothing."""


@dataclass
class Result:
    """What came of one fault.

    `asked` names the properties that have to see it. For each property, `seen` counts the examples on which it did, `tried`
    those it was asked about, and `told` is what it said last.
    """

    fault: Fault
    asked: tuple[str, ...] = ()
    seen: dict[str, int] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    broken: str = ""

    @property
    def blind(self) -> list[str]:
        """The properties that should have seen it and did not."""
        return [name for name in self.asked if not self.seen.get(name)]

    @property
    def survives(self) -> bool:
        """Whether the suite has a hole here: a property that should see the fault does not, or none does."""
        return bool(self.broken or self.blind or not self.seen)


class Copies(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """tinynn and parity, imported anew from source in memory, with a fault in it or without.

    Args:
        root: the folder that holds both.
    """

    def __init__(self, root: Path) -> None:
        self._files: dict[str, Path] = {}
        for package in PACKAGES:
            for path in sorted((root / package).rglob("*.py")):
                parts = path.relative_to(root).with_suffix("").parts
                self._files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        self._code: dict[str, CodeType] = {}
        self._changed: dict[str, CodeType] = {}

    @contextlib.contextmanager
    def with_fault(self, fault: Fault | None) -> Iterator[Any]:
        """The module `parity.properties` over a tinynn with this fault; afterwards everything is as before.

        Raises:
            ValueError: the fault's place is not there.
        """
        changed, self._changed = self._changed, {}
        if fault is not None:
            path = self._files[fault.module]
            self._changed[fault.module] = compile(fault.applied(path.read_text("utf-8")), str(path), "exec")
        before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in PACKAGES}
        for name in before:
            del sys.modules[name]
        sys.meta_path.insert(0, self)
        try:
            yield importlib.import_module("parity.properties")
        finally:
            sys.meta_path.remove(self)
            self._changed = changed
            for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
                del sys.modules[name]
            sys.modules.update(before)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Python asks this first."""
        found = self._files.get(name)
        if found is None:
            return None
        return importlib.util.spec_from_file_location(
            name,
            found,
            loader=self,
            submodule_search_locations=[str(found.parent)] if found.stem == "__init__" else None,
        )

    def create_module(self, spec: ModuleSpec) -> None:
        """Python's own."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code, compiled once for all copies."""
        name = module.__name__
        code = self._changed.get(name)
        if code is None:
            if name not in self._code:
                path = self._files[name]
                self._code[name] = compile(path.read_text("utf-8"), str(path), "exec")
            code = self._code[name]
        exec(code, module.__dict__)


def run(faults: Sequence[Fault], progress: Progress) -> Iterator[Result]:
    """Try faults one after the other, each on its examples by the properties that should see it.

    First those properties are asked about those examples without any fault, and must hold: else seeing means nothing.

    Raises:
        SetupError: one does not hold.
    """
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    copies = Copies(Path(__file__).parents[1])
    answers = _answers(copies, faults, progress)
    for i, fault in enumerate(faults):
        progress.start(f"[{i + 1}/{len(faults)}] {fault.engine}: {fault.name}")
        yield judge(fault, copies, answers)


def _answers(copies: Copies, faults: Sequence[Fault], progress: Progress) -> Any:
    """Keras's answers about all examples, which `parity.properties` keeps."""
    pairs = list(dict.fromkeys((name, on) for fault in faults for name in fault.seen_by for on in fault.on))
    with copies.with_fault(None) as properties:
        properties.KEEP = ALL
        for i, (name, on) in enumerate(pairs):
            progress.start(f"without a fault [{i + 1}/{len(pairs)}] {name}: {on}")
            try:
                properties.PROPERTIES[name](_example(on))
            except properties.NotComparable as reason:
                raise SetupError(f"{name} has nothing to say about the example {on!r}: {reason}") from None
            except properties.Disagreement as found:
                raise SetupError(f"the example {on!r} disagrees without a fault: {found}") from None
        return properties._kept


def judge(fault: Fault, copies: Copies, answers: Any = None) -> Result:
    """What the properties that should see this fault say. answers: Keras's, from `parity.properties._kept`."""
    result = Result(fault, fault.seen_by)
    try:
        with copies.with_fault(fault) as properties:
            properties.KEEP = ALL
            if answers is not None:
                properties._kept = answers
            for name in fault.seen_by:
                _try(result, properties, name)
    except Exception as error:  # the fault does not even run
        result.broken = f"{type(error).__name__}: {error}"
    return result


def _example(name: str) -> Any:
    """The example, of the class that `parity.example` has now."""
    return importlib.import_module("parity.example").Example(**EXAMPLES[name].changes())


def _try(result: Result, properties: Any, name: str) -> None:
    """Ask a property about all examples of the fault."""
    for on in result.fault.on:
        result.tried[name] = result.tried.get(name, 0) + 1
        try:
            with _at_most(SECONDS):
                properties.PROPERTIES[name](_example(on))
            continue
        except properties.NotComparable as reason:
            result.told.setdefault(name, f"nothing to say: {reason}")
            continue
        except properties.Disagreement as found:
            if isinstance(found.__cause__, BROKEN):
                raise found.__cause__ from None
            result.told[name] = str(found).partition("\n")[0]
        except TimeoutError:
            result.told[name] = f"no end after {SECONDS} s"
        result.seen[name] = result.seen.get(name, 0) + 1


def hunt(faults: Sequence[Fault], count: int, progress: Progress, seed: int = 2026) -> Iterator[Result]:
    """Look for faults as the search does: all properties on random examples, until one sees the fault.

    The examples of `EXAMPLES` show that the properties can see a fault, this that the strategies lead there.
    """
    from parity.search import examples_of
    from parity.strategies import AXES

    os.environ["NUMBA_DISABLE_JIT"] = "1"
    copies = Copies(Path(__file__).parents[1])
    texts = [example.to_json() for example in examples_of(seed, AXES, count)]
    holds: set[tuple[int, str]] = set()
    with copies.with_fault(None) as properties:
        properties.KEEP, answers = ALL, properties._kept
        for i, text in enumerate(texts):
            progress.start(f"without a fault [{i + 1}/{count}]")
            for name, property in properties.PROPERTIES.items():
                with contextlib.suppress(properties.NotComparable, properties.Disagreement):
                    property(_read(text))
                    holds.add((i, name))
    for k, fault in enumerate(faults):
        progress.start(f"[{k + 1}/{len(faults)}] {fault.engine}: {fault.name}")
        result = Result(fault)
        try:
            with copies.with_fault(fault) as properties:
                properties.KEEP, properties._kept = ALL, answers
                _hunt_one(result, properties, texts, holds)
        except Exception as error:
            result.broken = f"{type(error).__name__}: {error}"
        yield result


def _hunt_one(result: Result, properties: Any, texts: Sequence[str], holds: set[tuple[int, str]]) -> None:
    compiled = result.fault.engine == "compiled"
    for i, text in enumerate(texts):
        for name in properties.PROPERTIES:
            if (i, name) not in holds or (name == "engines_agree") != compiled:
                continue
            try:
                with _at_most(SECONDS):
                    properties.PROPERTIES[name](_read(text))
            except properties.NotComparable:
                continue
            except (properties.Disagreement, TimeoutError) as found:
                result.seen[name], result.tried[name] = 1, i + 1
                result.told[name] = str(found)
                return


def _read(text: str) -> Any:
    return importlib.import_module("parity.example").Example.from_json(text)


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """TimeoutError after so long, where the system has alarms (they reach the main thread alone)."""

    def too_long(*_: object) -> None:
        raise TimeoutError

    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# The command -------------------------------------------------------------------------------------------------------------


def add_parser(parsers: Any) -> None:
    """`python -m parity mutate` and its options."""
    parser = parsers.add_parser(
        "mutate",
        help="make deliberate faults in copies of tinynn: the properties have to see every one",
        description="Make deliberate faults in copies of tinynn, one at a time, and see that the parity suite notices. "
        "Exit code 0: every fault was seen; 1: some survive; 2: it could not start.",
    )
    parser.add_argument("--fault", action="append", metavar="TEXT", help="only those with this in their names")
    parser.add_argument("--trap", action="append", choices=list(TRAPS), metavar="TRAP", help="only those of this trap")
    parser.add_argument("--engine", choices=("reference", "compiled"), help="only those in this engine")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only a dozen, of as many traps, that are seen without a fit of Keras's",
    )
    parser.add_argument(
        "--random",
        type=int,
        metavar="N",
        help="not on the examples made for each, but on N random ones, as the search does",
    )
    parser.add_argument("--why", action="store_true", help="also what the properties said")
    parser.set_defaults(run=mutate)


def mutate(asked: argparse.Namespace) -> int:
    """Try the faults asked for and print a line for each; the exit code."""
    from parity.cli import AGREE, DISAGREE

    faults = chosen(asked.fault, asked.trap, asked.engine, asked.quick)
    if not faults:
        raise SetupError("no fault is of that description; python -m parity mutate --help")
    progress = Progress()
    if any(fault.engine == "reference" for fault in faults):
        progress.start("loading TensorFlow")
        load("cpu")
    results: list[Result] = []
    tried = run(faults, progress) if asked.random is None else hunt(faults, asked.random, progress)
    for result in tried:
        progress.clear()
        if not results:
            print(HEADING, flush=True)
        print(line(result), flush=True)
        if asked.why or result.survives:
            for name, told in result.told.items():
                print(f"{'':12s}{name}: {told}", flush=True)
        results.append(result)
    progress.clear()
    print("", *summary(results), f"in {clock(progress.seconds)}", sep="\n", flush=True)
    return DISAGREE if any(result.survives for result in results) else AGREE


def chosen(
    names: Sequence[str] | None = None,
    traps: Sequence[str] | None = None,
    engine: str | None = None,
    quick: bool = False,
) -> list[Fault]:
    """The faults of a description."""
    found = [
        fault
        for fault in FAULTS
        if (not names or any(name.lower() in fault.name.lower() for name in names))
        and (not traps or fault.trap in traps)
        and (engine is None or fault.engine == engine)
    ]
    if quick:
        first: dict[str, Fault] = {}
        for fault in found:
            if set(fault.seen_by) <= CHEAP:
                first.setdefault(fault.trap, fault)
        found = list(first.values())[::2]
    return found


HEADING = f"{'engine':9s}  {'fault':64s}  {'trap':13s}  seen by, in how many of the examples"


def line(result: Result) -> str:
    """'reference  Adam: epsilon within the root    adam    one_step 1/1'."""
    fault = result.fault
    counts = [f"{name} {count}/{result.tried[name]}" for name, count in result.seen.items()]
    outcome = ", ".join(counts)
    if result.survives:
        outcome = f"BROKEN: {result.broken}" if result.broken else f"SURVIVES {', '.join(result.blind)}"
    return f"{fault.engine:9s}  {fault.name:64s}  {fault.trap:13s}  {outcome}"


def summary(results: Sequence[Result]) -> list[str]:
    """How many were seen, by which property, and which were not."""
    seen = [result for result in results if not result.survives]
    by = Counter(name for result in seen for name in result.seen)
    lost = [f"SURVIVES  {result.fault.engine}: {result.fault.name}" for result in results if result.survives]
    counts = ", ".join(f"{name} {count}" for name, count in by.most_common())
    return [*lost, f"{len(results)} faults, {len(seen)} seen ({counts}), {len(lost)} survive"]
