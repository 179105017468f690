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
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
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
_lock = threading.Lock()
_ready: dict[str, Callable[[Sequence[Array], int], None]] = {}
_kept_alive: list[Any] = []


def dtype_of(argument: str, real: DType) -> DType:
    """The dtype of an argument of `run`, for parameters of dtype `real`."""
    if argument in REAL:
        return real
    return np.dtype(np.float64 if argument in FLOAT64 else np.uint8 if argument in OCTETS else np.int64)


def code_for(real: DType) -> Callable[[Sequence[Array], int], None]:
    """The compiled `run` for parameters of this dtype: a function of the arrays, in the order of ARGUMENTS, and the member.

    Raises:
        NotAvailable: numba or a BLAS cannot be had; the message says why.
    """
    found = _ready.get(real.name)
    if found is None:
        with _lock:
            found = _ready.get(real.name) or _ready.setdefault(real.name, _prepare(real))
    return found


def _prepare(real: DType) -> Callable[[Sequence[Array], int], None]:
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


def _plain_python(arrays: Sequence[Array], member: int) -> None:
    """NUMBA_DISABLE_JIT=1: the same loop as plain Python, slow and easy to step through."""
    from tinynn.engine.loop import run

    tables = [array.reshape(-1, COLUMNS[name]) if name in COLUMNS else array for name, array in zip(ARGUMENTS, arrays)]
    run(*tables, member)


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
            magic, check, symbol, code = (folder / name).read_bytes().split(b"\n", 3)
            if magic == _MAGIC and hashlib.sha256(code).hexdigest().encode() == check:
                return symbol.decode(), code
    return None


def _keep(name: str, symbol: str, code: bytes) -> None:
    """Write the file where that is possible, under another name first, and drop older versions of it."""
    content = b"\n".join([_MAGIC, hashlib.sha256(code).hexdigest().encode(), symbol.encode(), code])
    for folder in cache_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                file.write(content)
            os.replace(file.name, folder / name)
        except OSError:
            continue
        for old in folder.glob(name.rsplit("-", 1)[0] + "-*.bin"):
            if old.name != name:
                with contextlib.suppress(OSError):
                    old.unlink()
        return


# Compiling -------------------------------------------------------------------------------------------------------------


def _compile_and_keep(real: DType, name: str) -> tuple[str, bytes]:
    print(
        f"tinynn: compiling its {real.name} kernels for this machine, once; about ten seconds ...",
        file=sys.stderr,
        flush=True,
    )
    start = time.perf_counter()
    symbol, code = _compile(real)
    _keep(name, symbol, code)
    print(f"tinynn: compiled in {time.perf_counter() - start:.1f} s.", file=sys.stderr, flush=True)
    return symbol, code


def _compile(real: DType) -> tuple[str, bytes]:
    """(symbol, object code) of a function of one argument: the address of a block of words, two for each array.

    Word 2 i is the address of array i, word 2 i + 1 its size; the last word is the member.
    """
    from tinynn import _compiled

    _compiled.load()
    import numba
    from numba import types
    from numba.extending import intrinsic

    from tinynn.engine.loop import run

    @intrinsic  # type: ignore[untyped-decorator]
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
    options = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True, "no_cpython_wrapper": True}
    entry = numba.njit(**options)(names["entry"])
    entry.compile((types.CPointer(types.int64),))
    made = entry.overloads[entry.signatures[0]]
    code = made.library.codegen._tm.emit_object(made.library._final_module)
    return made.fndesc.llvm_func_name, code


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


def _call_by_address(address: int) -> Callable[[Sequence[Array], int], None]:
    """numba's calling convention: (where to put the result, where to put an error, the argument) -> status."""
    function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(address)

    def call(arrays: Sequence[Array], member: int) -> None:
        words = np.empty(2 * len(ARGUMENTS) + 1, np.int64)
        for i, array in enumerate(arrays):
            words[2 * i], words[2 * i + 1] = array.ctypes.data, array.size
        words[-1] = member
        space = np.zeros(2, np.int64)
        status = function(space.ctypes.data, space.ctypes.data + 8, words.ctypes.data)
        if status != 0:
            raise RuntimeError(f"the compiled loop ended with status {status}; please report this with the model")

    return call
