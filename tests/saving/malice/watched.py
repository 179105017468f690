"""Loads the files of the corpus in one process that is watched: what they open, run, import, how long they take, what memory.

`python -m tests.saving.malice.watched FOLDER` prints a line of JSON for each case. Python's own hooks (`sys.addaudithook`) see
what Python does; where the system has inotify, it sees what the C libraries open in the folder of traps as well.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import tinynn
from tests.saving.malice import corpus

MEMORY = 400 << 20
"""How many bytes a case may take beyond what the process has when it begins: files of these models have some kilobytes."""

_SUSPICIOUS = (
    *("import", "exec", "compile", "subprocess.Popen", "pickle.find_class", "marshal.loads", "code.__new__", "ctypes."),
    *("os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "os.kill", "os.remove", "os.rename", "os.rmdir"),
    *(
        "os.mkdir",
        "os.link",
        "os.symlink",
        "os.chmod",
        "os.putenv",
        "shutil.",
        "socket.",
        "urllib.",
        "http.",
        "ftplib.",
    ),
    *("tempfile.", "open", "sys.addaudithook", "object.__setattr__", "builtins.input", "webbrowser."),
)


class Watch:
    """What happens while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.allowed: set[str] = set()
        self.seen: list[str] = []
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or not event.startswith(_SUSPICIOUS):
            return
        if event == "import" and arguments[0] in sys.modules:
            return
        if event == "open" and str(arguments[0]) in self.allowed:
            return
        if event == "object.__setattr__" or (event == "compile" and arguments[1] in ("<unknown>", "<string>")):
            return
        self.on = False
        self.seen.append(f"{event} {str(arguments)[:200]}")
        self.on = True


class Traps:
    """Tells which files in a folder were opened by anyone in this process, or any other."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._file = libc.inotify_init1(os.O_NONBLOCK) if hasattr(libc, "inotify_init1") else -1
        self.works = self._file >= 0 and libc.inotify_add_watch(self._file, os.fsencode(folder), 0x20) >= 0  # IN_OPEN

    def close(self) -> None:
        """No more."""
        if self._file >= 0:
            os.close(self._file)

    def opened(self) -> list[str]:
        """Since the last call."""
        try:
            events = os.read(self._file, 1 << 16)
        except (BlockingIOError, OSError):
            return []
        found, place = [], 0
        while place < len(events):
            _, _, _, length = struct.unpack_from("iIII", events, place)
            found.append(events[place + 16 : place + 16 + length].rstrip(b"\0").decode())
            place += 16 + length
        return found


def load(how: str, what: Path | str, model: Any) -> None:
    """As a user would."""
    if how == "model":
        tinynn.models.load_model(what, safe_mode=False)
    elif how == "weights":
        model.load_weights(what)
    elif how == "json":
        tinynn.models.model_from_json(what)
    else:
        keeper = tinynn.callbacks.BackupAndRestore(what, save_freq=False, delete_checkpoint=False)
        x, y = np.ones((4, 3), np.float32), np.array([0, 1, 0, 1])
        model.fit(x, y, verbose=0, callbacks=[keeper])


def peak() -> int:
    """The most memory that the process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def forget_peak() -> None:
    """Linux: what was freed does not count any more."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def now() -> int:
    """The memory that the process has, in bytes; since `forget_peak` the most it had."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return peak()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def main(folder: Path) -> None:
    """All cases."""
    model = corpus.good_model()
    for name in ("warm.keras", "warm.h5"):  # what is imported late is imported now
        tinynn.models.load_model(corpus.saved(folder, name))
    for name in ("warm.weights.h5", "warm.npz", "warm.safetensors"):
        model.load_weights(corpus.saved(folder, name))
    (folder / "warm").mkdir()
    load("backup", corpus.backup(folder / "warm"), corpus.good_model())
    values = [variable.numpy() for variable in model.variables]
    watch = Watch()
    print(json.dumps(self_check(watch, folder)), flush=True)
    for case in (*corpus.GOOD, *corpus.CASES):
        place = folder / case.name
        (place / "trap").mkdir(parents=True)
        (place / "trap" / "secret").write_text("{}")
        what = case.make(place)
        for variable, value in zip(model.variables, values):
            variable.assign(value)
        traps = Traps(place / "trap")
        watch.allowed = {str(what)} if isinstance(what, Path) else set()
        kind = case.load
        if isinstance(what, Path) and case.load != "backup":
            kind = what.name[what.name.index(".") :]
        if case.load == "backup":
            watch.allowed = {str(Path(what) / name) for name in ("latest.npz", "previous.npz")}
        watch.seen = []
        before_files = sorted(path for path in place.rglob("*"))
        traps.opened()
        found = run(case, what, model, watch) | {"name": case.name, "format": kind, "opened": traps.opened()}
        found["new"] = before_files != sorted(path for path in place.rglob("*"))
        traps.close()
        print(json.dumps(found), flush=True)


def self_check(watch: Watch, folder: Path) -> dict[str, Any]:
    """What is heard of a file that is opened, a module that is imported, and a process: the others rely on it."""
    (folder / "check").mkdir()
    (folder / "check" / "secret").write_text("x")
    traps = Traps(folder / "check")
    watch.on = True
    open(folder / "check" / "secret").close()
    import wave  # noqa: F401

    os.system("true")
    watch.on = False
    found = {"name": "the watch", "seen": watch.seen, "opened": traps.opened(), "sees_c": traps.works}
    traps.close()
    return found


def run(case: corpus.Case, what: Path | str, model: Any, watch: Watch) -> dict[str, Any]:
    """One case: the error, its words, the seconds, the bytes, what was heard."""
    weights = [weight.copy() for weight in model.get_weights()]
    forget_peak()
    before = now()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + 2 * MEMORY, limits[1]))
    error, says, where = [""], "", ""
    began = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            watch.on = True
            load(case.load, what, model)
    except BaseException as raised:
        watch.on = False
        error, says = [kind.__name__ for kind in type(raised).__mro__], str(raised)
        where = traceback.format_exc(limit=-3)
    finally:
        watch.on = False
        resource.setrlimit(resource.RLIMIT_AS, limits)
    seconds = time.process_time() - began
    changed = not all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights()))
    return {
        "error": error,
        "says": says[:2000],
        "where": where[-1500:],
        "seconds": seconds,
        "bytes": now() - before,
        "seen": watch.seen[:5],
        "changed": changed,
    }


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
