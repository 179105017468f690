"""Good files with faults in them, thousands: each has to give a model or an ordinary error. `python -m tests.saving.fuzz`

Faults are made in bytes (bits flipped, parts cut out, doubled, put elsewhere, numbers replaced) and in what the bytes mean
(descriptions, arrays, members of archives, with checksums that are right again). Files are loaded in a process of its own,
which is ended when it takes too long. What fails is kept, and can be made again: an example depends on its seed and number.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from tests.saving.malice import corpus
from tests.saving.malice.watched import forget_peak, load, now

ORDINARY = (ValueError, TypeError, OSError)
"""What a file that makes no sense may be answered with; KeyError, IndexError and the like say that somebody did not look."""
MOST_BYTES = 200 << 20
MOST_SECONDS = 2.0
PATIENCE = 30.0
"""Seconds of the clock after which a process that does not go on is ended."""

INTERESTING: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3,
        4,
        255,
        2**31 - 1,
        2**31,
        2**63,
        -(2**63),
        10**7,
        10**30,
        0.5,
        -0.0,
        1e308,
        1e-320,
    ),
    *(
        "",
        "x",
        "relu",
        "softmax",
        "Dense",
        "keras.layers",
        "Lambda",
        "../x",
        "\x00",
        "float64",
        "bfloat16",
        "é",
        "a" * 1000,
    ),
    *([], [None], [1, 2], [[1]], {}, {"class_name": "Dense", "config": {}}, {"class_name": "__numpy__", "config": {}}),
]


# Faults in bytes -----------------------------------------------------------------------------------------------------------


def in_bytes(content: bytes, rng: random.Random) -> bytes:
    """A few faults anywhere."""
    octets = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        n = len(octets)
        at = rng.randrange(n + 1) if rng.random() < 0.7 else min(n, rng.randrange(600))  # headers stand in front
        length = rng.choice((1, 2, 4, 8, 16, 100, 1000))
        kind = rng.randrange(8)
        if kind == 0 and at < n:
            octets[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < n:
            octets[at] = rng.randrange(256)
        elif kind == 2:
            del octets[at : at + length]
        elif kind == 3:
            octets[at:at] = rng.randbytes(length)
        elif kind == 4:
            octets[at:at] = octets[at : at + length]
        elif kind == 5:
            number = rng.choice((0, 1, 2**8 - 1, 2**16 - 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1))
            width = rng.choice((1, 2, 4, 8))
            octets[at : at + width] = (number & (2 ** (8 * width) - 1)).to_bytes(width, rng.choice(("little", "big")))
        elif kind == 6:
            other = rng.randrange(n + 1)
            octets[at : at + length] = octets[other : other + length]
        elif rng.random() < 0.2:
            del octets[at:]
    return bytes(octets)


# Faults in what is meant ---------------------------------------------------------------------------------------------------


def in_nest(nest: Any, rng: random.Random) -> Any:
    """A few faults in dicts and lists."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = list(_places(nest))
        if not places:
            return rng.choice(INTERESTING)
        holder, key = rng.choice(places)
        kind = rng.randrange(7)
        if kind <= 2:
            holder[key] = rng.choice(INTERESTING)
        elif kind == 3:
            del holder[key]
        elif kind == 4:
            other, name = rng.choice(places)
            holder[key] = json.loads(json.dumps(other[name])) if name in _keys(other) else None
        elif kind == 5 and isinstance(holder, list):
            holder.extend(json.loads(json.dumps(holder)) * rng.choice((1, 3)))
        elif kind == 6 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
            holder[key] = rng.choice((-holder[key], holder[key] + 1, holder[key] * 10**6, float(holder[key])))
        else:
            holder[key] = [holder[key]]
    return nest


def _keys(holder: Any) -> Any:
    return holder if isinstance(holder, dict) else range(len(holder))


def _places(nest: Any) -> Any:
    pairs = nest.items() if isinstance(nest, dict) else enumerate(nest) if isinstance(nest, list) else ()
    for key, value in pairs:
        yield nest, key
        yield from _places(value)


def in_text(text: str, rng: random.Random) -> str:
    """A description with faults: in what it means, or as text."""
    if rng.random() < 0.8:
        return json.dumps(in_nest(json.loads(text), rng))
    return in_bytes(text.encode(), rng).decode("utf-8", "replace")


def in_description(content: bytes, rng: random.Random) -> bytes:
    """A description in a file of its own."""
    return in_text(content.decode(), rng).encode("utf-8", "replace")


def in_safetensors(content: bytes, rng: random.Random) -> bytes:
    """A .safetensors whose header has faults, and its right length."""
    end = 8 + int.from_bytes(content[:8], "little")
    text = in_text(content[8:end].decode(), rng).encode("utf-8", "replace")
    return len(text).to_bytes(8, "little") + text + content[end:]


def in_archive(content: bytes, rng: random.Random) -> bytes:
    """A zip with faults in its members; their checksums are right."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    texts = [i for i, (name, _) in enumerate(members) if name.endswith(".json")]
    at = rng.choice(texts) if texts and rng.random() < 0.5 else rng.randrange(len(members))
    name, inner = members[at]
    kind = rng.randrange(12)
    if kind == 0:
        del members[at]
    elif kind == 1:
        members[at] = (rng.choice(["", "x", "../x", "0.npy", "config.json", name + "/"]), inner)
    elif kind == 2:
        rng.shuffle(members)
    elif kind == 3:
        members.append((f"{len(members) - 1}.npy", rng.choice(members)[1]))
    elif name.endswith(".json"):
        members[at] = (name, in_text(inner.decode(), rng).encode())
    elif name.endswith(".h5"):
        members[at] = (name, in_hdf5(inner, rng) if rng.random() < 0.5 else in_bytes(inner, rng))
    else:
        members[at] = (name, in_bytes(inner, rng))
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if rng.random() < 0.1 else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, inner in members:
            archive.writestr(name, inner)
    return buffer.getvalue()


def in_hdf5(content: bytes, rng: random.Random) -> bytes:
    """An HDF5 file with faults in its tree."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        for _ in range(rng.choice((1, 1, 2, 4))):
            names: list[str] = []
            file.visit(names.append)
            name = rng.choice(names)
            thing = file[name]
            kind = rng.randrange(8)
            if kind == 0:
                del file[name]
            elif kind == 1:
                target = rng.choice(["x", "0", "1", "vars", "..", "a" * 500, "é"])
                if target not in thing.parent:
                    file.move(name, f"{thing.parent.name}/{target}")
            elif kind == 2:
                thing.attrs[rng.choice(["name", "weight_names", "layer_names", "model_config", "x"])] = rng.choice(
                    ["x", 5, [1.5], np.zeros(3), b"\xff", ["a", "b"], "../x"]
                )
            elif kind == 3 and thing.attrs:
                del thing.attrs[rng.choice(list(thing.attrs))]
            elif kind == 4 and "model_config" in file.attrs:
                file.attrs["model_config"] = in_text(file.attrs["model_config"], rng)
            elif kind == 5 and "training_config" in file.attrs:
                file.attrs["training_config"] = in_text(file.attrs["training_config"], rng)
            elif isinstance(thing, h5py.Dataset):
                parent, last = thing.parent, thing.name.rsplit("/", 1)[1]
                shape = rng.choice([(), (0,), (1,), (3, 4), (4, 3), (4,), (1, 3, 4), (1000,), (2, 0)])
                dtype = rng.choice(["f2", "f4", "f8", "i1", "i8", "u2", "?", ">f4", "c8", "S3"])
                del file[name]
                parent.create_dataset(
                    last, shape, dtype, chunks=rng.choice([None, True]) if shape and 0 not in shape else None
                )
            else:
                thing.create_dataset(f"more{rng.randrange(10)}", data=rng.choice([1.0, [1, 2], np.full(4, np.nan)]))
            if not file.keys():
                break
    return buffer.getvalue()


# Examples ------------------------------------------------------------------------------------------------------------------

Fault = Callable[[bytes, random.Random], bytes]


class Kind(NamedTuple):
    """A format: how its files end, how they are loaded, what may be wrong with them."""

    ending: str
    load: str
    faults: tuple[Fault, ...]

    def good(self) -> bytes:
        """The content to start from."""
        if self.load == "backup":
            return corpus.backup_content()
        if self.load == "json":
            with zipfile.ZipFile(io.BytesIO(corpus.content_of(".keras"))) as archive:
                return archive.read("config.json")
        return corpus.content_of(self.ending)


KINDS = (
    Kind(".keras", "model", (in_bytes, in_archive, in_archive)),
    Kind(".h5", "model", (in_bytes, in_hdf5, in_hdf5)),
    Kind(".weights.h5", "weights", (in_bytes, in_hdf5)),
    Kind(".json", "json", (in_description,)),
    Kind(".npz", "backup", (in_bytes, in_archive, in_archive)),
    Kind(".npz", "weights", (in_bytes, in_archive)),
    Kind(".safetensors", "weights", (in_bytes, in_safetensors)),
)


def example(seed: int, number: int) -> tuple[Kind, bytes]:
    """The format, and what is in the file."""
    rng = random.Random(f"{seed}:{number}")
    kind = KINDS[number % len(KINDS)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind, rng.choice(kind.faults)(kind.good(), rng)
    except (LookupError, OSError, RuntimeError, TypeError, ValueError):  # no file can have this fault
        return kind, in_bytes(kind.good(), rng)


def problem(kind: Kind, content: bytes, folder: Path, model: Any) -> tuple[str, str]:
    """What came of an example, and what is wrong with that, if something is."""
    path = folder / ("latest.npz" if kind.load == "backup" else f"example{kind.ending}")
    path.write_bytes(content)
    what: Any = {"json": content.decode("utf-8", "replace"), "backup": folder}.get(kind.load, path)
    forget_peak()
    before, began = now(), time.process_time()
    came, wrong = "loaded", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load(kind.load, what, model)
    except ORDINARY as error:
        came = type(error).__name__
        if type(error) in (OSError, ValueError, TypeError) and len(str(error)) < 10:
            wrong = f"an error without a reason: {error!r}"
    except BaseException as error:
        came, wrong = type(error).__name__, "".join(traceback.format_exception(error)[-4:])
    seconds, grown = time.process_time() - began, now() - before
    if seconds > MOST_SECONDS:
        wrong += f" It took {seconds:.1f} s."
    if grown > MOST_BYTES:
        wrong += f" It took {grown >> 20} MiB."
    return came, wrong


def work(seed: int, start: int, stop: int) -> None:
    """The process that loads: a line of JSON before each example, and one after it."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    model = corpus.good_model()
    for kind in KINDS:  # what is imported late is imported before memory is measured
        with tempfile.TemporaryDirectory() as folder:
            found = problem(kind, kind.good(), Path(folder), model)
            assert found == ("loaded", ""), (kind, found)
    space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (space + (2 << 30), limits[1]))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(start, stop):
            kind, content = example(seed, number)
            print(json.dumps([number]), flush=True)
            came, wrong = problem(kind, content, Path(folder), model)
            print(json.dumps([number, f"{kind.load} {kind.ending} {came}", wrong]), flush=True)
            for name in ("latest.npz", "previous.npz"):
                (Path(folder) / name).unlink(missing_ok=True)


def fuzz(seed: int, start: int, stop: int, keep: Path | None, tell: Callable[[str], Any]) -> dict[int, str]:
    """Load the examples start .. stop - 1; what is wrong, by number.

    Args:
        seed: of the faults.
        start, stop: which of them.
        keep: a folder for the files that failed.
        tell: is handed lines about the progress.
    """
    wrong: dict[int, str] = {}
    counts: Counter[str] = Counter()
    began = time.monotonic()
    while start < stop:
        command = [sys.executable, "-m", "tests.saving.fuzz", "--work", str(seed), str(start), str(stop)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stderr is not None
        while True:
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
            line = process.stdout.readline() if ready else ""
            if not line:
                break
            found = json.loads(line)
            start = found[0]
            if len(found) == 3:
                counts[found[1]] += 1
                if found[2]:
                    wrong[start] = found[2]
                    tell(f"example {start}: {found[2]}")
                start += 1
                if start % 1000 == 0:
                    tell(f"{start} of {stop} in {time.monotonic() - began:.0f} s, {len(wrong)} failed")
        process.send_signal(signal.SIGKILL)
        errors = process.communicate()[1]
        if start < stop:
            wrong[start] = f"the process hung, or ended with status {process.returncode}: {errors[-2000:]}"
            tell(f"example {start}: {wrong[start]}")
            start += 1
    for number in wrong if keep is not None else ():
        assert keep is not None
        keep.mkdir(parents=True, exist_ok=True)
        kind, content = example(seed, number)
        (keep / f"seed{seed}_{number}{kind.ending}").write_bytes(content)
    tell(", ".join(f"{name}: {count}" for name, count in sorted(counts.items())))
    return wrong


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=20_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the number of the first, to go on, or to see one again")
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--keep", type=Path, default=Path("report/fuzz"), help="where to put files that failed")
    parser.add_argument("--work", nargs=3, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(*arguments.work)
        return
    stop = arguments.first + arguments.examples
    wrong = fuzz(arguments.seed, arguments.first, stop, arguments.keep, lambda line: print(line, flush=True))
    print(f"{arguments.examples} examples, {len(wrong)} failed" + (f"; they are in {arguments.keep}" if wrong else ""))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
