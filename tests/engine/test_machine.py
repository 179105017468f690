"""Machine code on disk: reused, mended, shared by processes, done without. One real compilation, in the first fixture.

Other tests are given the code that is already there and put it where a compilation would.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinynn import optimizers
from tinynn.engine import machine, twins

pytestmark = pytest.mark.slow

ROOT = Path(machine.__file__).parents[2]

TRAIN = """
import json, sys, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import numpy as np
    import tinynn
    tinynn.utils.set_random_seed(1)
    stack = [tinynn.Input((3,)), tinynn.layers.Dense(4, "tanh"), tinynn.layers.Dropout(0.5), tinynn.layers.Dense(2, "softmax")]
    model = tinynn.Sequential(stack)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.linspace(-1, 1, 18, dtype=np.float32).reshape(6, 3)
    history = model.fit(x, [0, 1] * 3, batch_size=4, epochs=2, verbose=0)
    for _ in range(3):
        model.train_on_batch(x, np.array([0, 1] * 3))
    told = [str(w.message) for w in caught if w.category is RuntimeWarning]
weights, loss = [w.tolist() for w in model.get_weights()], history.history["loss"]
told = {"engine": model.engine, "weights": weights, "loss": loss, "numba": "numba" in sys.modules, "told": told}
print(json.dumps(told))
"""

FAKE = """
import sys, time
from pathlib import Path
from tinynn.engine import machine
def compile_apart(real, units):
    time.sleep(1)
    found = {file.name.split("-float")[0]: file.read_bytes() for file in Path(sys.argv[1]).iterdir()}
    return {unit: found[unit.name] for unit in units}
machine._compile_apart = compile_apart
"""
"""In place of numba: a second's wait, then code that is already there."""


def start(script: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TINYNN_", "NUMBA_"))}
    paths = os.pathsep.join([*environment.pop("first", "").split(), str(ROOT)])
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, env={**kept, "PYTHONPATH": paths, **environment}, **pipes)


def result(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    """What a process printed, and what it said on the side."""
    out, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return json.loads(out.splitlines()[-1]), said


def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    return max(float(np.abs(np.subtract(a, b)).max()) for a, b in zip(one["weights"], other["weights"]))


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """A process that finds no code and compiles: its cache folder, what it printed and said."""
    folder = tmp_path_factory.mktemp("cache")
    return folder, *result(start(TRAIN, TINYNN_CACHE=str(folder)))


@pytest.fixture(scope="module")
def kept(first_run: Any) -> Path:
    """The file with the loop's code for float32."""
    (file,) = first_run[0].glob("loop.run-*")
    return file  # type: ignore[no-any-return]


def parts(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def prepare() -> int:
    """As a new process does; the address."""
    machine._ready.clear()
    machine._failed.clear()
    machine.prepare(np.dtype(np.float32), [machine.LOOP])
    return machine.address(np.dtype(np.float32), machine.LOOP)


# One compilation --------------------------------------------------------------------------------------------------------


def test_the_first_process_compiles_says_so_and_leaves_a_file_for_each_part(first_run: Any, kept: Path) -> None:
    _, told, said = first_run
    assert told["engine"].startswith("compiled: ")
    assert not told["numba"], "numba was loaded into the process that trains"
    first, second = said.splitlines()
    assert first.startswith(
        "tinynn: compiling 12 parts for float32"
    )  # the loop, tanh, softmax, loss, Adam, data, dropout
    assert second.startswith("tinynn: compiled in ")
    files = parts(kept.parent)
    assert len(files) == 12
    for content in files.values():
        machine._parsed(content)


def test_the_next_process_reads_the_file_and_is_silent(first_run: Any, kept: Path) -> None:
    before = kept.stat().st_mtime_ns
    told, said = result(start(TRAIN, TINYNN_CACHE=str(kept.parent)))
    assert said == ""
    assert not told["numba"]
    assert told["weights"] == first_run[1]["weights"]
    assert kept.stat().st_mtime_ns == before


# Files that are not whole -----------------------------------------------------------------------------------------------


@pytest.fixture
def compilations(kept: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """An own empty cache; compilations are noted, and give the code that is already there."""
    made: list[Any] = []

    def compile_apart(real: Any, units: Any) -> Any:
        made.append(units)
        return {machine.LOOP: kept.read_bytes()}

    monkeypatch.setattr(machine, "_compile_apart", compile_apart)
    monkeypatch.setattr(machine, "_ready", {})
    monkeypatch.setattr(machine, "_failed", {})
    monkeypatch.setenv("TINYNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    return made


@pytest.mark.parametrize("damage", ["empty", "truncated", "one bit", "text", "another version", "no symbol"])
def test_a_damaged_file_is_compiled_again(damage: str, kept: Path, compilations: list[Any], tmp_path: Path) -> None:
    whole = kept.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    damaged = {
        "empty": b"",
        "truncated": whole[: len(whole) // 2],
        "one bit": bytes(flipped),
        "text": b"hello\n" * 100,
        "another version": b"tinynn machine code 0" + whole[whole.index(b"\n") :],
        "no symbol": whole[:30],
    }[damage]
    place = tmp_path / "cache" / kept.name
    place.parent.mkdir()
    place.write_bytes(damaged)
    assert prepare() > 0
    assert len(compilations) == 1
    assert place.read_bytes() == whole
    prepare()
    assert len(compilations) == 1, "compiled although the file is whole now"


def test_an_older_version_of_the_code_is_dropped_and_the_other_precision_stays(
    kept: Path, compilations: list[Any], tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    for name in ("loop.run-float32-0123.bin", "loop.run-float64-0123.bin"):
        (folder / name).write_bytes(b"old")
    prepare()
    assert sorted(file.name for file in folder.iterdir()) == sorted([kept.name, "loop.run-float64-0123.bin"])


# Where it is kept -------------------------------------------------------------------------------------------------------


def test_a_package_folder_that_cannot_be_written_leaves_the_users_cache(
    kept: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "package" / "engine"
    package.mkdir(parents=True)
    (package / "__pycache__").write_text("a file where the folder would be: not even root can write in there")
    monkeypatch.setattr(machine, "__file__", str(package / "machine.py"))
    monkeypatch.delenv("TINYNN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert machine._read(kept.name) is None
    machine._keep(kept.name, kept.read_bytes())
    assert [file.name for file in (tmp_path / "home" / "tinynn").iterdir()] == [kept.name]
    assert machine._read(kept.name) == machine._parsed(kept.read_bytes())


def test_where_nothing_can_be_written_code_is_used_all_the_same(
    kept: Path, compilations: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TINYNN_CACHE", str(tmp_path / "file"))
    assert prepare() > 0


def test_the_order_of_the_cache_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TINYNN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    beside, home, _ = machine.cache_folders()
    assert beside == Path(machine.__file__).parent / "__pycache__"
    assert home == tmp_path / "tinynn"
    monkeypatch.setenv("TINYNN_CACHE", str(tmp_path / "chosen"))
    assert machine.cache_folders() == [tmp_path / "chosen"]


def test_the_files_name_changes_with_the_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import llvmlite.binding as llvm

    def digests() -> list[str]:
        return [machine._digest(llvm, unit) for unit in (machine.LOOP, twins.RULES[optimizers.Adam].unit)]

    before = digests()
    assert digests() == before
    package = Path(machine.__file__).parents[1]
    shutil.copytree(package, tmp_path / "tinynn", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "tinynn" / "engine" / "machine.py"))
    assert digests() == before

    def changed(source: str) -> list[bool]:
        path = tmp_path / "tinynn" / source
        whole = path.read_bytes()
        path.write_bytes(whole + b"\n")
        found = [new != old for new, old in zip(digests(), before)]
        path.write_bytes(whole)
        return found

    assert changed("_compiled.py") == changed("engine/units.py") == changed("kernels/elementary.py") == [True, True]
    assert changed("engine/loop.py") == changed("kernels/dense.py") == changed("engine/codes.py") == [True, False]
    assert changed("kernels/adam.py") == [False, True]
    assert changed("layers/dense.py") == changed("kernels/relu.py") == [False, False]


def test_two_processes_that_compile_at_once_both_work_and_leave_one_whole_file(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    processes = [start(FAKE + TRAIN, str(kept.parent), TINYNN_CACHE=str(folder)) for _ in range(2)]
    told = [result(process) for process in processes]
    assert all(one["engine"].startswith("compiled: ") for one, _ in told)
    assert all("parts for float32" in said for _, said in told), "the second started after the first had ended"
    assert told[0][0]["weights"] == told[1][0]["weights"]
    assert parts(folder) == parts(kept.parent)


# Without ----------------------------------------------------------------------------------------------------------------


def test_without_numba_the_reference_takes_over_with_one_warning(first_run: Any, tmp_path: Path) -> None:
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "numba.py").write_text("raise ImportError('no numba on this machine')\n")
    told, _ = result(start(TRAIN, first=str(stub), TINYNN_CACHE=str(tmp_path / "empty")))
    assert told["engine"].startswith("reference: ")
    assert "no numba on this machine" in told["engine"]
    assert len(told["told"]) == 1
    assert "The compiled engine cannot run here" in told["told"][0]
    assert apart(told, first_run[1]) <= 1e-5  # seven Adam steps of 0.001 in float32


def test_without_numba_it_is_tried_once(tmp_path: Path) -> None:
    """A failed attempt costs a process; it is not made anew for every batch."""
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "numba.py").write_text("raise ImportError('no numba on this machine')\n")
    _, said = result(start(TRAIN, first=str(stub), TINYNN_CACHE=str(tmp_path / "empty")))
    assert said.count("parts for float32") == 1


def test_kept_code_needs_no_numba(first_run: Any, kept: Path, tmp_path: Path) -> None:
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "numba.py").write_text("raise ImportError('no numba on this machine')\n")
    told, said = result(start(TRAIN, first=str(stub), TINYNN_CACHE=str(kept.parent)))
    assert said == ""
    assert told["engine"].startswith("compiled: ")
    assert told["weights"] == first_run[1]["weights"]


def test_numba_disable_jit_runs_the_loop_as_plain_python(first_run: Any, tmp_path: Path) -> None:
    """To step through it and for coverage: the same loop, the same numbers but for the polynomials' ulps."""
    told, said = result(start(TRAIN, TINYNN_CACHE=str(tmp_path / "empty"), NUMBA_DISABLE_JIT="1"))
    assert said == ""
    assert told["engine"].startswith("compiled: ")
    assert not told["numba"]
    assert not (tmp_path / "empty").exists()
    assert apart(told, first_run[1]) <= 1e-5
    assert np.allclose(told["loss"], first_run[1]["loss"], rtol=1e-5)
