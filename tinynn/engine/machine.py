"""Machine code for the loop and its units: compiled by numba once, kept on disk, linked by llvmlite ever after.

numba's own cache would make every process import numba and unpickle (about a second). Here the object code of each unit is
kept in a file of ours; a later process needs llvmlite alone, NumPy's BLAS, and a few milliseconds. A unit is compiled when a
model first needs it. A file's name holds a digest of everything that the code was made from, and it is written under another
name first and then renamed, so that two processes compiling at once each find whole files.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinynn._compiled import NotAvailable
from tinynn._typing import Array, DType
from tinynn.engine import blas
from tinynn.engine import codes as c
from tinynn.engine.units import SETTINGS, Unit, arguments_of, plain_address

ARGUMENTS = (
    *("plan", "job", "settings", "ops", "metrics", "extras", "params", "frozen", "grads"),
    *("slot_0", "slot_1", "slot_2", "slot_3", "learning_rates", "totals", "work", "labels", "frames", "order"),
    *("x", "y", "sample_weight", "outputs", "sync"),
)
"""The arrays that `tinynn.engine.loop.run` takes, in order; a last argument is the member's number."""

REAL = frozenset(
    ["params", "frozen", "grads", "slot_0", "slot_1", "slot_2", "slot_3", "learning_rates", "totals", "work", "outputs"]
)
FLOAT64 = frozenset(["settings"])
OCTETS = frozenset(["x", "y", "sample_weight"])
COLUMNS = {
    "plan": c.LAYER_FIELDS,
    "ops": c.OP_FIELDS,
    "metrics": c.METRIC_FIELDS,
    "extras": c.EXTRA_FIELDS,
    "totals": 2,
}
"""The second axis of those that are tables."""

LOOP = Unit("tinynn.engine.loop", "run")

_MAGIC = b"tinynn machine code 1"


class Block:
    """The arguments of `run`: the arrays, and their addresses and sizes as the words that compiled code reads."""

    def __init__(self, arrays: Mapping[str, Array], member: int = 0) -> None:
        self.arrays: dict[str, Array] = {}
        self.words = np.empty(2 * len(ARGUMENTS) + 1, np.int64)
        self.words[-1] = member
        for name in ARGUMENTS:
            self[name] = arrays[name]
        self.address = address_of(self.words)

    def __setitem__(self, name: str, array: Array) -> None:
        if self.arrays.get(name) is array:
            return
        self.arrays[name] = array
        place = _PLACE[name]
        self.words[place], self.words[place + 1] = address_of(array), array.size

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def for_member(self, member: int) -> Block:
        """The same arguments for another thread of the team."""
        return Block(self.arrays, member)


def address_of(array: Array) -> int:
    """Where an array's first entry stands in memory."""
    return array.__array_interface__["data"][0]  # type: ignore[no-any-return]


_PLACE = {name: 2 * i for i, name in enumerate(ARGUMENTS)}
_lock = threading.Lock()
_ready: dict[tuple[str, Unit], int] = {}  # by the dtype's character
_failed: dict[tuple[str, Unit], str] = {}
_callers: dict[int, Callable[[Block], None]] = {}
_kept_alive: list[Any] = []


def dtype_of(argument: str, real: DType) -> DType:
    """The dtype of an argument of `run`, for parameters of dtype `real`."""
    if argument in REAL:
        return real
    return np.dtype(np.float64 if argument in FLOAT64 else np.uint8 if argument in OCTETS else np.int64)


def code_for(real: DType) -> Callable[[Block], None]:
    """The compiled `run` for parameters of this dtype: a function of a `Block` of arguments.

    Raises:
        NotAvailable: numba or a BLAS cannot be had; the message says why.
    """
    if _without_compiler():
        return _plain_python
    found = address(real, LOOP)
    return _callers.get(found) or _callers.setdefault(found, _call_by_address(found))


def address(real: DType, unit: Unit) -> int:
    """Where the unit's machine code for parameters of this dtype stands; compiled now if need be.

    Raises:
        NotAvailable: as `code_for`.
    """
    found = _ready.get((real.char, unit))
    if found is None:
        prepare(real, [unit])
        found = _ready[real.char, unit]
    return found


def prepare(real: DType, units: Collection[Unit]) -> None:
    """Have machine code for all these units, compiled together where it is not on disk.

    Raises:
        NotAvailable: as `code_for`.
    """
    if all((real.char, unit) in _ready for unit in units):
        return
    with _lock:
        missing = [unit for unit in dict.fromkeys(units) if (real.char, unit) not in _ready]
        for unit in missing:
            if (real.char, unit) in _failed:
                raise NotAvailable(_failed[real.char, unit])
        if not missing:
            return
        if _without_compiler():
            _ready.update({(real.char, u): 0 if u == LOOP else plain_address(u, real) for u in missing})
            return
        try:
            import llvmlite.binding as llvm

            names = {unit: f"{unit.name}-{real.name}-{_digest(llvm, unit)}.bin" for unit in missing}
            codes = {unit: code for unit, name in names.items() if (code := _read(name)) is not None}
            to_compile = {unit: name for unit, name in names.items() if unit not in codes}
            if to_compile:
                codes.update(_compile_and_keep(real, to_compile))
            for unit, found in zip(codes, _link(llvm, list(codes.values())), strict=True):
                _ready[real.char, unit] = found
        except (ImportError, OSError, AttributeError, RuntimeError, NotAvailable) as error:
            why = str(error) if isinstance(error, NotAvailable) else f"{type(error).__name__}: {error}"
            _failed.update({(real.char, unit): why for unit in missing})  # not to be tried again at every call
            raise NotAvailable(why) from error


def _without_compiler() -> bool:
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def _plain_python(block: Block) -> None:
    """NUMBA_DISABLE_JIT=1: the same loop as plain Python, slow and easy to step through."""
    from tinynn.engine.loop import run

    arguments: list[Any] = [block[name].reshape((-1, COLUMNS[name]) if name in COLUMNS else -1) for name in ARGUMENTS]
    arguments.append(int(block.words[-1]))
    run(*arguments)


# Keeping ---------------------------------------------------------------------------------------------------------------


def _digest(llvm: Any, unit: Unit) -> str:
    """Of all sources that go into the unit's code, the versions that made it, and the processor it is for."""
    digest = hashlib.sha256()
    for source in sorted(_sources(unit.module, set())):
        digest.update(source.name.encode() + source.read_bytes())
    digest.update(_host(llvm))
    return digest.hexdigest()[:20]


_COMMON = ("_compiled", "engine.intrinsics", "engine.machine", "engine.units", "kernels.elementary")


def _sources(module: str, seen: set[Path]) -> set[Path]:
    """The module's file and those of the kernels and parts of the engine that it imports."""
    package = Path(__file__).parent.parent
    if not seen:
        seen.update(package / f"{name.replace('.', '/')}.py" for name in _COMMON)
    path = package / f"{module.removeprefix('tinynn.').replace('.', '/')}.py"
    if path not in seen:
        seen.add(path)
        found = re.findall(
            r"^from (tinynn\.(?:engine|kernels)[\w.]*) import (?:\(([^)]*)\)|(.*))", path.read_text(), re.M
        )
        for start, several, one in found:
            names = re.findall(r"(\w+)(?: as \w+)?", several or one)
            for name in [start, *(f"{start}.{name}" for name in names)]:
                if (package / f"{name.removeprefix('tinynn.').replace('.', '/')}.py").exists():
                    _sources(name, seen)
    return seen


@functools.cache
def _host(llvm: Any) -> bytes:
    """numba's version, the processor and the system."""
    numba = ""
    with contextlib.suppress(ImportError):
        from importlib.metadata import version

        numba = version("numba")
    features = llvm.get_host_cpu_features().flatten()
    return f"{numba} {llvm.get_host_cpu_name()} {features} {platform.platform()} {sys.version}".encode()


def cache_folders() -> list[Path]:
    """Where code may be kept: beside the package, in the user's cache folder when that is read-only, or temporarily."""
    chosen = os.environ.get("TINYNN_CACHE")
    if chosen:
        return [Path(chosen)]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    beside = Path(__file__).parent / "__pycache__"
    return [
        beside,
        home / "tinynn",
        Path(tempfile.gettempdir()) / f"tinynn-{os.getuid() if hasattr(os, 'getuid') else 0}",
    ]


def _read(name: str) -> tuple[str, bytes] | None:
    """(symbol, object code) from the first folder that has a whole file of this name."""
    for folder in cache_folders():
        with contextlib.suppress(OSError, ValueError):
            if _is_ours(folder):
                return _parsed((folder / name).read_bytes())
    return None


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can have put code there: the owner is this user or root, and others may not write."""
    if not hasattr(os, "getuid"):
        return True
    status = folder.stat()
    return status.st_uid in (0, os.getuid()) and not status.st_mode & 0o002


def _parsed(content: bytes) -> tuple[str, bytes]:
    """(symbol, object code); ValueError for a file that is not whole."""
    magic, check, symbol, code = content.split(b"\n", 3)
    if magic != _MAGIC or hashlib.sha256(code).hexdigest().encode() != check:
        raise ValueError("not a whole file of tinynn's machine code")
    return symbol.decode(), code


def _keep(name: str, content: bytes) -> None:
    """Write the file where that is possible, under another name first, and drop older versions of it."""
    for folder in cache_folders():
        temporary = folder / f"{name}.{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o755)
            temporary.write_bytes(content)
            os.replace(temporary, folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            continue
        for old in folder.glob(name.rsplit("-", 1)[0] + "-*.bin"):
            if old.name != name:
                with contextlib.suppress(OSError):
                    old.unlink()
        return


# Compiling -------------------------------------------------------------------------------------------------------------


def _compile_and_keep(real: DType, names: Mapping[Unit, str]) -> dict[Unit, tuple[str, bytes]]:
    """Compile in processes of their own, which end with all that numba has loaded, and keep the code.

    Raises:
        NotAvailable: numba cannot be imported or cannot compile; with what it said last.
    """
    told = f"{len(names)} parts" if len(names) > 1 else next(iter(names)).name
    print(f"tinynn: compiling {told} for {real.name}, once for this machine ...", file=sys.stderr, flush=True)
    start = time.perf_counter()
    contents = _compile_apart(real, list(names))
    for unit, name in names.items():
        _keep(name, contents[unit])
    print(f"tinynn: compiled in {time.perf_counter() - start:.1f} s.", file=sys.stderr, flush=True)
    return {unit: _parsed(content) for unit, content in contents.items()}


def _compile_apart(real: DType, units: list[Unit]) -> dict[Unit, bytes]:
    """The files of units, compiled in two processes at once: the loop takes as long as some thirty ops."""
    command = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tinynn.engine import machine; machine.build(*sys.argv[2:])"
    )
    others = [unit for unit in units if unit != LOOP]
    half = max(0, (len(others) - 30) // 2) if LOOP in units else len(others) // 2 if len(others) > 8 else 0
    groups = [group for group in ([*([LOOP] if LOOP in units else []), *others[:half]], others[half:]) if group]
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for group in groups:
            spelt = [":".join(unit) for unit in group]
            arguments = [sys.executable, "-c", command, str(Path(__file__).parents[2]), folder, real.name, *spelt]
            pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
            running.append(subprocess.Popen(arguments, **pipes, stderr=subprocess.PIPE, text=True))
        said = [process.communicate()[1] for process in running]
        for process, text in zip(running, said):
            if process.returncode:
                raise NotAvailable(f"compiling failed: {(text.strip().splitlines() or ['no message'])[-1]}")
        return {unit: (Path(folder) / unit.name).read_bytes() for unit in units}


def build(folder: str, real: str, *units: str) -> None:
    """Compile for "float32" or "float64", a file for each unit; for the processes that `_compile_apart` starts."""
    from tinynn import _compiled

    wanted = [Unit(*spelt.split(":")) for spelt in units]
    for unit in wanted:
        assert callable(unit.twin)  # imported, so that loading finds it
    _compiled.load(callable_from_python=False)
    _without_code_for_each_twin()
    for unit in wanted:
        symbol, code = _compile(np.dtype(real), unit)
        check = hashlib.sha256(code).hexdigest().encode()
        (Path(folder) / unit.name).write_bytes(b"\n".join([_MAGIC, check, symbol.encode(), code]))


def _compile(real: DType, unit: Unit) -> tuple[str, bytes]:
    """(symbol, object code) of a function of one argument: the address of the loop's `Block` or of a unit's frame."""
    import numba
    from numba import types
    from numba.extending import intrinsic

    from tinynn import _compiled

    @intrinsic
    def array_at(context: Any, block: Any, index: Any, like: Any) -> Any:
        def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
            word = builder.load(builder.gep(args[0], [args[1]]))
            return builder.inttoptr(word, ctx.get_value_type(sig.return_type))

        return types.CPointer(like.dtype)(block, types.int64, like), codegen

    lines, names = _entry_of_loop(real) if unit == LOOP else _entry_of_unit(real, unit)
    names.update(carray=numba.carray, array_at=array_at, twin=unit.twin)
    exec("\n".join(["def entry(f):", *(f"    {line}" for line in lines)]), names)
    entry = numba.njit(**_compiled.OPTIONS, no_cpython_wrapper=True)(names["entry"])
    entry.compile((types.CPointer(types.int64),))
    made = entry.overloads[entry.signatures[0]]
    symbol = re.sub(r"\W", "_", f"tinynn_{unit.name}_{real.name}")
    return symbol, _optimised(made.library._final_module, made.fndesc.llvm_func_name, symbol)


def _entry_of_loop(real: DType) -> tuple[list[str], dict[str, Any]]:
    """Source of a function of a block f: word 2 i is the address of array i, word 2 i + 1 its size, the last the member."""
    lines = []
    for i, argument in enumerate(ARGUMENTS):
        columns = COLUMNS.get(argument)
        shape = f"(f[{2 * i + 1}] // {columns}, {columns})" if columns else f"(f[{2 * i + 1}],)"
        lines.append(f"{argument} = carray(array_at(f, {2 * i}, like_{argument}), {shape})")
    lines.append(f"twin({', '.join(ARGUMENTS)}, f[{2 * len(ARGUMENTS)}])")
    return lines, {f"like_{argument}": np.empty(0, dtype_of(argument, real)) for argument in ARGUMENTS}


def _entry_of_unit(real: DType, unit: Unit) -> tuple[list[str], dict[str, Any]]:
    """Source of a function of a frame f: word 3 p is the address of the array at place p, the next two are its shape."""
    lines, given = [f"settings = carray(array_at(f, {3 * SETTINGS}, like_float64), (64,))"], []
    likes = {f"like_{name}": np.empty(0, name) for name in ("float64", "float32", "uint8", "int32", "int64")}
    for argument in arguments_of(unit):
        at = 3 * argument.place
        like = f"like_{real.name if argument.dtype == 'real' else argument.dtype}"
        if argument.form == "setting":
            form = {"float": "{}", "int": "int({})", "bool": "{} != 0"}[argument.dtype]
            given.append(form.format(f"settings[{argument.place}]"))
        elif argument.form == "word":
            given.append(f"f[{at}]")
        elif argument.form == "rate":
            given.append(f"carray(array_at(f, {at}, {like}), (1,))[0]")
        else:
            shape = f"(f[{at + 1}] * f[{at + 2}],)" if argument.form == "line" else f"(f[{at + 1}], f[{at + 2}])"
            given.append(f"at_{argument.place}")  # one variable for one place: the compiler sees what is the same array
            made = f"{given[-1]} = carray(array_at(f, {at}, {like}), {shape})"
            lines += [] if made in lines else [made]
    return [*lines, f"twin({', '.join(given)})"], likes


def _without_code_for_each_twin() -> None:
    """Keep numba from optimising every twin by itself, and again wherever it is linked, and from making it executable.

    This reaches into numba, in a process that does nothing else; where a later numba has no such place, compiling only
    takes longer.
    """
    import numba

    numba.njit(lambda: 0)()  # numba's own runtime, which does have to be executable
    numba.config.OPT = type(numba.config.OPT)(0)
    codegen = sys.modules.get("numba.core.codegen")
    library, unit = getattr(codegen, "JITCodeLibrary", None), getattr(codegen, "JITCPUCodegen", None)
    if library and unit and hasattr(library, "_finalize_final_module") and hasattr(unit, "set_env"):

        def only_link(self: Any) -> None:
            self._finalize_dynamic_globals()
            self._finalized = True

        library._finalize_final_module = only_link
        library.get_pointer_to_function = lambda self, name: self._ensure_finalized() or 0
        unit.set_env = lambda self, name, environment: None


def _optimised(module: Any, entry: str, symbol: str) -> bytes:
    """Object code for this processor of a module in which everything is linked: optimised once, as a whole.

    Its entry is given the name `symbol`, which no other unit has.
    """
    import llvmlite.binding as llvm

    host = {"cpu": llvm.get_host_cpu_name(), "features": llvm.get_host_cpu_features().flatten()}
    machine = llvm.Target.from_default_triple().create_target_machine(**host, opt=3, codemodel="jitdefault", jit=True)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = True
    builder = llvm.create_pass_builder(machine, options)
    for function in module.functions:
        if function.name == entry:
            function.name = symbol
        elif not function.is_declaration:
            function.linkage = "internal"  # so that what has been inlined can go
    passes = builder.getModulePassManager()
    passes.add_refprune_pass()
    passes.run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


# Linking ---------------------------------------------------------------------------------------------------------------


def _link(llvm: Any, kept: list[tuple[str, bytes]]) -> list[int]:
    """The addresses of the functions in object codes, with the names they refer to bound to what is in memory."""
    for initialize in (llvm.initialize_native_target, llvm.initialize_native_asmprinter):
        initialize()
    found = blas.find()
    process = ctypes.CDLL(None)
    for name, place in (
        ("tinynn_sgemm", found.sgemm),
        ("tinynn_dgemm", found.dgemm),
        ("tinynn_yield", _address(process.sched_yield)),
        ("NRT_MemInfo_call_dtor", _address(process.abort)),  # never called: no array in there owns its memory
    ):
        llvm.add_symbol(name, place)
    machine = llvm.Target.from_default_triple().create_target_machine(codemodel="jitdefault", jit=True)
    linker = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for _, code in kept:
        linker.add_object_file(llvm.ObjectFileRef.from_data(code))
    linker.finalize_object()
    _kept_alive.append(linker)
    return [int(linker.get_function_address(symbol)) for symbol, _ in kept]


def _address(function: Any) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def _call_by_address(address: int) -> Callable[[Block], None]:
    """numba's calling convention: (where to put the result, where to put an error, the argument) -> status."""
    function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(address)

    space = np.zeros(2, np.int64)  # for a result and an error, neither of which there is
    result, error = address_of(space), address_of(space) + 8

    def call(block: Block, keep: Array = space) -> None:
        status = function(result, error, block.address)
        if status != 0:
            raise RuntimeError(f"the compiled loop ended with status {status}; please report this with the model")

    return call
