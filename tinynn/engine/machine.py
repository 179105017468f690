"""Machine code for the loop: compiled by numba once, kept on disk, linked by llvmlite in milliseconds ever after.

numba's own cache would make every process import numba and unpickle (about a second). Here the object code of `run` is kept
in a file of ours; a later process needs llvmlite alone, NumPy's BLAS, and a few milliseconds. The file's name holds a digest
of everything that the code was made from, and it is written under another name first and then renamed, so that two processes
compiling at once each find a whole file.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinynn._compiled import NotAvailable
from tinynn._typing import Array, DType
from tinynn.engine import blas

ARGUMENTS = (
    *("plan", "job", "settings", "dropouts", "rates_of_dropout", "metrics", "thresholds"),
    *("params", "frozen", "grads", "slot_0", "slot_1", "slot_2", "learning_rates", "totals", "work", "labels", "order"),
    *("x", "y", "sample_weight", "outputs", "sync"),
)
"""The arrays that `tinynn.engine.loop.run` takes, in order; a last argument is the member's number."""

REAL = frozenset(
    ["params", "frozen", "grads", "slot_0", "slot_1", "slot_2", "learning_rates", "totals", "work", "outputs"]
)
FLOAT64 = frozenset(["settings", "rates_of_dropout", "thresholds"])
OCTETS = frozenset(["x", "y", "sample_weight"])
COLUMNS = {"plan": 14, "dropouts": 2, "metrics": 2, "totals": 2}
"""The second axis of those that are tables."""

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
_ready: dict[str, Callable[[Block], None]] = {}
_failed: dict[str, str] = {}
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
    found = _ready.get(real.name)
    if found is None:
        with _lock:
            if real.name in _failed:
                raise NotAvailable(_failed[real.name])
            try:
                found = _ready.get(real.name) or _ready.setdefault(real.name, _prepare(real))
            except NotAvailable as reason:
                _failed[real.name] = str(reason)  # not to be tried again at every call
                raise
    return found


def _prepare(real: DType) -> Callable[[Block], None]:
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return _plain_python
    try:
        import llvmlite.binding as llvm

        name = f"run-{real.name}-{_digest(llvm)}.bin"
        code = _read(name)
        if code is None:
            code = _compile_and_keep(real, name)
        return _call_by_address(_link(llvm, code))
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        raise NotAvailable(f"{type(error).__name__}: {error}") from error


def _plain_python(block: Block) -> None:
    """NUMBA_DISABLE_JIT=1: the same loop as plain Python, slow and easy to step through."""
    from tinynn.engine.loop import run

    arguments: list[Any] = [
        block[name].reshape(-1, COLUMNS[name]) if name in COLUMNS else block[name] for name in ARGUMENTS
    ]
    arguments.append(int(block.words[-1]))
    run(*arguments)


# Keeping ---------------------------------------------------------------------------------------------------------------


def _digest(llvm: Any) -> str:
    """Of all sources that go into the code, the versions that made it, and the processor it is for."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for source in sorted([*package.glob("kernels/*.py"), *package.glob("engine/*.py"), package / "_compiled.py"]):
        digest.update(source.name.encode() + source.read_bytes())
    with contextlib.suppress(ImportError):
        from importlib.metadata import version

        digest.update(version("numba").encode())
    host = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()} {platform.platform()} {sys.version}"
    digest.update(host.encode())
    return digest.hexdigest()[:20]


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


def _compile_and_keep(real: DType, name: str) -> tuple[str, bytes]:
    """Compile in a process of its own, which ends with all that numba has loaded, and keep the code.

    Raises:
        NotAvailable: numba cannot be imported or cannot compile; with what it said last.
    """
    print(
        f"tinynn: compiling for {real.name}, once for this machine: some ten seconds ...", file=sys.stderr, flush=True
    )
    start = time.perf_counter()
    command = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tinynn.engine import machine; machine.build(*sys.argv[2:])"
    )
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "code"
        arguments = [sys.executable, "-c", command, str(Path(__file__).parents[2]), real.name, str(made)]
        done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode or not made.exists():
            said = done.stderr.strip().splitlines() or ["no message"]
            raise NotAvailable(f"compiling failed: {said[-1]}")
        content = made.read_bytes()
    _keep(name, content)
    print(f"tinynn: compiled in {time.perf_counter() - start:.1f} s.", file=sys.stderr, flush=True)
    return _parsed(content)


def build(real: str, path: str) -> None:
    """Compile for "float32" or "float64" and write the file; for the process that `_compile_and_keep` starts."""
    symbol, code = _compile(np.dtype(real))
    check = hashlib.sha256(code).hexdigest().encode()
    Path(path).write_bytes(b"\n".join([_MAGIC, check, symbol.encode(), code]))


def _compile(real: DType) -> tuple[str, bytes]:
    """(symbol, object code) of a function of one argument: the address of a block of words, two for each array.

    Word 2 i is the address of array i, word 2 i + 1 its size; the last word is the member.
    """
    from tinynn import _compiled

    _compiled.load(callable_from_python=False)
    import numba
    from numba import types
    from numba.extending import intrinsic

    from tinynn.engine.loop import run

    @intrinsic
    def array_at(context: Any, block: Any, index: Any, like: Any) -> Any:
        def codegen(ctx: Any, builder: Any, sig: Any, args: Any) -> Any:
            word = builder.load(builder.gep(args[0], [args[1]]))
            return builder.inttoptr(word, ctx.get_value_type(sig.return_type))

        return types.CPointer(like.dtype)(block, types.int64, like), codegen

    lines = ["def entry(b):"]
    for i, argument in enumerate(ARGUMENTS):
        columns = COLUMNS.get(argument)
        shape = f"(b[{2 * i + 1}] // {columns}, {columns})" if columns else f"(b[{2 * i + 1}],)"
        lines.append(f"    {argument} = carray(array_at(b, {2 * i}, like_{argument}), {shape})")
    lines.append(f"    run({', '.join(ARGUMENTS)}, b[{2 * len(ARGUMENTS)}])")
    names: dict[str, Any] = {f"like_{argument}": np.empty(0, dtype_of(argument, real)) for argument in ARGUMENTS}
    names.update(carray=numba.carray, array_at=array_at, run=run)
    exec("\n".join(lines), names)
    entry = numba.njit(**_compiled.OPTIONS, no_cpython_wrapper=True)(names["entry"])
    _without_code_for_each_twin(numba)
    entry.compile((types.CPointer(types.int64),))
    made = entry.overloads[entry.signatures[0]]
    symbol = made.fndesc.llvm_func_name
    return symbol, _optimised(made.library._final_module, symbol)


def _without_code_for_each_twin(numba: Any) -> None:
    """Keep numba from optimising every twin by itself, and again wherever it is linked, and from making it executable.

    This reaches into numba, in a process that does nothing else; where a later numba has no such place, compiling only
    takes longer.
    """
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


def _optimised(module: Any, symbol: str) -> bytes:
    """Object code for this processor of a module in which everything is linked: optimised once, as a whole."""
    import llvmlite.binding as llvm

    host = {"cpu": llvm.get_host_cpu_name(), "features": llvm.get_host_cpu_features().flatten()}
    machine = llvm.Target.from_default_triple().create_target_machine(**host, opt=3, codemodel="jitdefault", jit=True)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = True
    builder = llvm.create_pass_builder(machine, options)
    for function in module.functions:
        if not function.is_declaration and function.name != symbol:
            function.linkage = "internal"  # so that what has been inlined can go
    passes = builder.getModulePassManager()
    passes.add_refprune_pass()
    passes.run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


# Linking ---------------------------------------------------------------------------------------------------------------


def _link(llvm: Any, kept: tuple[str, bytes]) -> int:
    """The address of the function in object code, with the names it refers to bound to what is in memory."""
    symbol, code = kept
    for initialize in (llvm.initialize_native_target, llvm.initialize_native_asmprinter):
        initialize()
    found = blas.find()
    process = ctypes.CDLL(None)
    for name, address in (
        ("tinynn_sgemm", found.sgemm),
        ("tinynn_dgemm", found.dgemm),
        ("tinynn_yield", _address(process.sched_yield)),
        ("NRT_MemInfo_call_dtor", _address(process.abort)),  # never called: no array in there owns its memory
    ):
        llvm.add_symbol(name, address)
    machine = llvm.Target.from_default_triple().create_target_machine(codemodel="jitdefault", jit=True)
    linker = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    linker.add_object_file(llvm.ObjectFileRef.from_data(code))
    linker.finalize_object()
    _kept_alive.append(linker)
    return int(linker.get_function_address(symbol))


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
