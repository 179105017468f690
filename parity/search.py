"""The search for an example on which tinynn and Keras differ: `python -m parity search`.

Examples come in blocks, each with a seed of its own (the search's seed and the block's number): a search that was
interrupted goes on with the next block, and any block can be run again by itself. What disagrees is shrunk and kept in
`parity/regressions/`; those files are replayed before anything new is tried.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import hashlib
import json
import multiprocessing
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parity.errors import SetupError, told
from parity.example import Example
from parity.progress import Progress, clock

REGRESSIONS = Path(__file__).parent / "regressions"

BLOCK = 20
"""Examples between two writings of the state."""

FIT_EVERY = 3
"""Properties that need Keras's own `fit`, three times as dear as all the others together, run for one example in three."""

FITTING = (
    *("fit", "evaluate_and_predict", "metrics", "summary", "other_forms", "get_and_set_weights"),
    "engines_agree",
)


@dataclass(frozen=True)
class Profile:
    """How many examples, from which seed, and with how many processes."""

    examples: int
    seed: int
    jobs: int


PROFILES = {"ci": Profile(300, 2026, 2), "nightly": Profile(10_000, 1986, 2)}


@dataclass
class State:
    """How far a search has come; a JSON file."""

    seed: int
    axes: list[str]
    blocks: int = 0
    examples: int = 0
    seconds: float = 0.0
    done: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)

    def add(self, block: dict[str, Any]) -> None:
        """Count a block."""
        self.blocks += 1
        self.examples += block["examples"]
        for name in ("done", "skipped", "refused"):
            setattr(self, name, dict(Counter(getattr(self, name)) + Counter(block[name])))
        self.failures += block["failures"]

    @classmethod
    def read(cls, path: Path | None, seed: int, axes: Sequence[str]) -> State:
        """The state in a file, if there is one.

        Raises:
            SetupError: it belongs to another search.
        """
        if path is None or not path.exists():
            return cls(seed, list(axes))
        try:
            state = cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise SetupError(f"--state {path}: this is no state of a search: {error}.") from None
        if state.seed != seed or state.axes != list(axes):
            raise SetupError(
                f"--state {path}: that search has --seed {state.seed} and the axes {', '.join(state.axes)}. "
                "Ask for the same, or for another file."
            )
        return state

    def write(self, path: Path | None) -> None:
        """Into a file, at once or not at all."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(vars(self), indent=1))
            fresh.replace(path)


# One block ---------------------------------------------------------------------------------------------------------------


def examples_of(seed: int, axes: Sequence[str], count: int) -> list[Example]:
    """The examples that belong to a seed."""
    import hypothesis
    from hypothesis import HealthCheck, Phase, settings

    from parity.strategies import examples

    found: list[Example] = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(examples(axes))
    def collect(example: Example) -> None:
        found.append(example)

    collect()
    return found


def run_block(seed: int, number: int, axes: Sequence[str], count: int, properties: Sequence[str]) -> dict[str, Any]:
    """All properties on the examples of a block; what came of it, as plain data."""
    done: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    failures: list[dict[str, Any]] = []
    examples = examples_of(seed * 1_000_003 + number, axes, count)
    for i, example in enumerate(examples):
        broken = False
        for name in properties:
            if broken or (name in FITTING and i % FIT_EVERY):
                continue
            verdict, text = judge(name, example)
            if verdict == "skipped":
                skipped[name] += 1
                if text.startswith("Keras: "):
                    refused[in_a_line(text)] += 1
                continue
            done[name] += 1
            if verdict == "failed":
                failures.append(failure(name, example))
                broken = True  # what follows would say the same again
    return {
        "examples": len(examples),
        "done": dict(done),
        "skipped": dict(skipped),
        "refused": dict(refused),
        "failures": failures,
    }


def in_a_line(text: str, most: int = 120) -> str:
    """The beginning of a message of TensorFlow's, without its line breaks and its colors."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())[:most]


def judge(name: str, example: Example) -> tuple[str, str]:
    """("passed" | "failed" | "skipped", why) of a property on an example."""
    from parity.properties import PROPERTIES, Disagreement, NotComparable

    try:
        PROPERTIES[name](example)
    except NotComparable as reason:
        return "skipped", str(reason)
    except Disagreement as found:
        return "failed", str(found)
    except Exception as error:  # of the property itself: a fault of ours all the same
        return "failed", told(error)
    return "passed", ""


def failure(name: str, example: Example) -> dict[str, Any]:
    """A failing example, shrunk."""
    from parity.shrink import shrunk

    small = shrunk(example, lambda other: judge(name, other)[0] == "failed")
    return {"property": name, "text": judge(name, small)[1], "example": json.loads(small.to_json())}


# Regressions -------------------------------------------------------------------------------------------------------------


def regressions(folder: Path = REGRESSIONS) -> Iterator[tuple[str, str, Example]]:
    """(file, property, example) of every failure once found."""
    for path in sorted(folder.glob("*.json")):
        kept = json.loads(path.read_text())
        yield path.name, kept["property"], Example.from_json(json.dumps(kept["example"]))


def keep(found: dict[str, Any], folder: Path = REGRESSIONS) -> Path:
    """Write a failure into the folder of regressions, under a name that its content gives."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(json.dumps(found["example"], sort_keys=True).encode()).hexdigest()[:8]
    path = folder / f"{found['property']}-{digest}.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    return path


# The command -------------------------------------------------------------------------------------------------------------


def add_parser(parsers: Any) -> None:
    """`python -m parity search` and its options."""
    from parity.strategies import AXES

    parser = parsers.add_parser(
        "search",
        help="try random models, and shrink those on which tinynn and Keras differ",
        description="Try random models until one is found on which tinynn and Keras differ; shrink it and write it down. "
        "Exit code 0: none differs; 1: some do; 2: it could not start.",
    )
    parser.add_argument("--profile", choices=list(PROFILES), default="ci", help="how many examples (default: ci, 300)")
    parser.add_argument("--examples", type=int, metavar="N", help="so many instead")
    parser.add_argument("--seed", type=int, help="of the examples (default: the profile's)")
    parser.add_argument("--axis", action="append", choices=AXES, help="vary only this; may be repeated")
    parser.add_argument("--property", action="append", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--state", type=Path, metavar="FILE", help="go on where this file says, and note there how far")
    parser.add_argument("--seconds", type=float, metavar="S", help="stop after the block in which these are over")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: the profile's, 2)")
    parser.add_argument("--keep", type=Path, default=REGRESSIONS, metavar="DIR", help="where failures are written")
    parser.set_defaults(run=search)


def search(asked: argparse.Namespace) -> int:
    """Replay, then look for more; the exit code."""
    from parity.cli import AGREE, DISAGREE
    from parity.keras_side import load
    from parity.properties import PROPERTIES
    from parity.strategies import AXES
    from tinynn._checks import unknown_name

    for name in asked.property or ():
        if name not in PROPERTIES:
            raise SetupError(str(unknown_name("property", name, PROPERTIES)))
    profile = PROFILES[asked.profile]
    seed = profile.seed if asked.seed is None else asked.seed
    total = profile.examples if asked.examples is None else asked.examples
    properties = list(dict.fromkeys(asked.property or PROPERTIES))
    state = State.read(asked.state, seed, list(dict.fromkeys(asked.axis or AXES)))
    progress = Progress()
    progress.start("loading TensorFlow")
    load("cpu")
    again = _replay(asked.keep, properties, progress)
    begin = progress.seconds
    known = len(state.failures)
    before = state.seconds
    with contextlib.suppress(KeyboardInterrupt):  # the blocks that are done count
        for block in _blocks(state, total, properties, asked.jobs or profile.jobs):
            state.add(block)
            state.seconds = round(before + progress.seconds - begin, 1)
            state.write(asked.state)
            for found in block["failures"]:
                progress.clear()
                _report(found, keep(found, asked.keep))
            progress.start(f"[{state.examples}/{total}] examples, {len(state.failures)} failures")
            if asked.seconds is not None and progress.seconds > asked.seconds:
                break
    progress.clear()
    for line in lines(state, total, again):
        print(line, flush=True)
    print(f"in {clock(progress.seconds)}; with --seed {seed} the same examples come again", flush=True)
    return DISAGREE if again or len(state.failures) > known else AGREE


def _blocks(state: State, total: int, properties: Sequence[str], jobs: int) -> Iterator[dict[str, Any]]:
    """Blocks in order until there are as many examples as asked for."""
    missing = max(0, total - state.examples)
    sizes = [BLOCK] * (missing // BLOCK) + ([missing % BLOCK] if missing % BLOCK else [])
    tasks = [(state.seed, state.blocks + i, state.axes, size, properties) for i, size in enumerate(sizes)]
    if jobs <= 1:
        yield from (run_block(*task) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    with concurrent.futures.ProcessPoolExecutor(jobs, context, initializer=_start_worker) as pool:
        yield from pool.map(run_block, *zip(*tasks)) if tasks else ()


def _start_worker() -> None:
    from parity import environment

    environment.pin()


def _replay(folder: Path, properties: Iterable[str], progress: Progress) -> list[str]:
    """Past failures that fail again."""
    failed = []
    wanted = set(properties)
    for name, property, example in regressions(folder):
        progress.start(f"replaying {name}")
        if property in wanted:
            verdict, text = judge(property, example)
            if verdict == "failed":
                progress.clear()
                print(f"{name} fails again: {text}", flush=True)
                failed.append(name)
    return failed


def _report(found: dict[str, Any], path: Path) -> None:
    example = Example.from_json(json.dumps(found["example"]))
    print(f"FAIL  {found['text']}\nkept in {path}; to see it without parity:\n\n{example.script()}\n", flush=True)


def lines(state: State, total: int, again: Sequence[str]) -> list[str]:
    """The summary: a line per property, then the whole."""
    failed = Counter(found["property"] for found in state.failures)
    width = max(map(len, state.done), default=0)
    table = []
    for name in {**state.done, **state.skipped}:
        counts = (
            f"{state.done.get(name, 0):7,} ran  {failed[name]:4} failed  {state.skipped.get(name, 0):7,} do not apply"
        )
        table.append(f"{name:{width}}  {counts}")
    refused = sum(state.refused.values())
    said = [f"of these, Keras refused {refused}: {why}" for why, refused in state.refused.items()] if refused else []
    whole = f"{state.examples:,} of {total:,} examples, {len(state.failures)} disagreements"
    return [*table, *said, f"{whole}, {len(again)} past ones again" if again else whole]
