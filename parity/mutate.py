"""The suite is itself tested: deliberate faults are made in tinynn, and the properties have to see every one.

A fault is made in a copy of the package that exists in memory alone: `Copies` stands before Python's own import system and
hands out tinynn and parity from source it has read, one file of it changed. So the working tree is never touched, TensorFlow
is imported once for all faults, and a fault costs an import of tinynn (a tenth of a second), not a process. Keras's answers
are kept from fault to fault: they do not change.

Twins run as plain Python (NUMBA_DISABLE_JIT=1), which means the same and needs no compiler.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from parity.faults import EXAMPLES, Fault
from parity.progress import Progress

PACKAGES = ("tinynn", "parity")
SECONDS = 30
"""For one fault on one example: a fault may turn a loop into an endless one, which counts as seen."""

BROKEN = (NameError, SyntaxError, ImportError, AttributeError, UnboundLocalError)
"""Errors that mean that the fault itself is badly written: whatever sees these sees nothing."""


@dataclass
class Result:
    """What came of one fault.

    `seen` counts, for each property, the examples on which it saw the fault; `tried` those it had something to say about.
    """

    fault: Fault
    seen: dict[str, int] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    broken: str = ""

    @property
    def blind(self) -> list[str]:
        """The properties that should have seen it and did not."""
        return [name for name in self.fault.seen_by if not self.seen.get(name)]

    @property
    def survives(self) -> bool:
        """Whether the suite has a hole here: a property that should see the fault does not, or none should."""
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
    def with_fault(self, fault: Fault | None) -> Iterator[ModuleType]:
        """The module `parity.properties` over a tinynn with this fault; afterwards everything is as before.

        Raises:
            ValueError: the fault's place is not there.
        """
        before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in PACKAGES}
        for name in before:
            del sys.modules[name]
        if fault is not None:
            path = self._files[fault.module]
            self._changed = {fault.module: compile(fault.applied(path.read_text("utf-8")), str(path), "exec")}
        sys.meta_path.insert(0, self)
        try:
            yield importlib.import_module("parity.properties")
        finally:
            sys.meta_path.remove(self)
            self._changed = {}
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
    """Try faults one after the other, after the properties were seen to hold without any.

    Raises:
        AssertionError: a property does not hold on one of the examples though there is no fault.
    """
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    copies = Copies(Path(__file__).parents[1])
    answers: Any = None
    pairs = list(dict.fromkeys((name, on) for fault in faults for name in fault.seen_by for on in fault.on))
    with copies.with_fault(None) as properties:
        answers = properties._kept
        for i, (name, on) in enumerate(pairs):
            progress.start(f"without a fault [{i + 1}/{len(pairs)}] {name} on {on}")
            properties.KEEP = 10 * len(EXAMPLES)
            with contextlib.suppress(properties.NotComparable):
                properties.PROPERTIES[name](_example(on))
    for i, fault in enumerate(faults):
        progress.start(f"[{i + 1}/{len(faults)}] {fault.engine}: {fault.name}")
        result = Result(fault)
        try:
            with copies.with_fault(fault) as properties:
                properties._kept, properties.KEEP = answers, 10 * len(EXAMPLES)
                _try(result, properties, fault.seen_by)
        except Exception as error:
            result.broken = f"{type(error).__name__}: {error}"
        yield result


def _example(name: str) -> Any:
    """The example, of the class that `parity.example` has now."""
    return importlib.import_module("parity.example").Example(**EXAMPLES[name].changes())


def _try(result: Result, properties: Any, names: Iterable[str]) -> None:
    """Ask these properties about all examples of the fault."""
    for name in names:
        for on in result.fault.on:
            try:
                with _at_most(SECONDS):
                    properties.PROPERTIES[name](_example(on))
            except properties.NotComparable as reason:
                result.told.setdefault(name, f"nothing to say: {reason}")
                continue
            except properties.Disagreement as found:
                if isinstance(found.__cause__, BROKEN):
                    raise found.__cause__ from None
                result.seen[name] = result.seen.get(name, 0) + 1
                result.told[name] = str(found).partition("\n")[0]
            except TimeoutError:
                result.seen[name] = result.seen.get(name, 0) + 1
                result.told[name] = f"no end after {SECONDS} s"
            result.tried[name] = result.tried.get(name, 0) + 1


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """TimeoutError after so long, where the system has alarms."""

    def too_long(*_: object) -> None:
        raise TimeoutError

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def table(results: Mapping[str, Result] | Iterable[Result]) -> list[str]:
    """A line per fault."""
    return [line(result) for result in results]  # type: ignore[arg-type]


def line(result: Result) -> str:
    """'Adam: epsilon within the root              adam       steps_in_float64 1/1'."""
    fault = result.fault
    if result.broken:
        outcome = f"BROKEN {result.broken}"
    elif result.survives:
        outcome = f"SURVIVES {', '.join(result.blind)}"
    else:
        outcome = ", ".join(f"{name} {count}/{result.tried[name]}" for name, count in result.seen.items())
    return f"{fault.engine:9s} {fault.name:66s} {fault.trap:16s} {outcome}"
