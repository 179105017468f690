"""Compiled twins: how they are marked, and how they become machine code (kept on disk by `tinynn.engine.machine`).

`@compiled` only marks a function; numba is not even imported then. `load()` imports it and puts the compiled function in
the place of each marked one, in every module that knows it by name. Where numba cannot be had, or with NUMBA_DISABLE_JIT=1,
the marked functions are what they look like: plain Python, slow and right.

The primitives below are what twins are written with besides loops. Here they are in plain Python; `load` replaces them by
the few machine instructions of `tinynn.engine.intrinsics`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from tinynn._typing import Array

F = TypeVar("F", bound=Callable[..., Any])

_marked: list[Callable[..., Any]] = []


def compiled(function: F) -> F:
    """Mark a function of arrays and numbers as one to compile."""
    _marked.append(function)
    return function


# Primitives ------------------------------------------------------------------------------------------------------------


def view(flat: Array, offset: int, rows: int, columns: int) -> Array:
    """flat[offset : offset + rows columns] as a (rows, columns) array: no copy, and compiled no count of references."""
    return flat[offset : offset + rows * columns].reshape(rows, columns)


def line(flat: Array, offset: int, size: int) -> Array:
    """flat[offset : offset + size]: no copy, and compiled no count of references."""
    return flat[offset : offset + size]


def flatten(array: Array) -> Array:
    """A contiguous array as one line."""
    return array.reshape(-1)


def put(frame: Array, place: int, array: Array) -> None:
    """Note in a frame where a (rows, columns) array stands, and its shape; see `tinynn.engine.units`."""
    frame[3 * place : 3 * place + 3] = array.__array_interface__["data"][0], array.shape[0], array.shape[1]


def put_line(frame: Array, place: int, array: Array) -> None:
    """The same for an array of one axis."""
    frame[3 * place : 3 * place + 3] = array.__array_interface__["data"][0], array.size, 1


def put_word(frame: Array, place: int, word: int) -> None:
    """Note a whole number in a frame."""
    frame[3 * place] = word


def call_at(address: int, frame: Array) -> None:
    """Call the unit that stands at an address with the arguments in a frame."""
    from tinynn.engine.units import call_plain

    call_plain(int(address), frame)


def gemm(transpose_a: bool, transpose_b: bool, alpha: Any, a: Array, b: Array, beta: Any, c: Array) -> None:
    """c = alpha op(a) op(b) + beta c, where op transposes or not; rows may be spaced wider than they are long. BLAS's gemm."""
    product = alpha * ((a.T if transpose_a else a) @ (b.T if transpose_b else b))
    c[...] = product if beta == 0 else product + beta * c


def exp(x: Any) -> Any:
    """e^x of one number; compiled for float32 a polynomial that LLVM turns into vector code (`tinynn.kernels.elementary`)."""
    return np.exp(x)


def log(x: Any) -> Any:
    """ln x of one number; compiled for float32 a polynomial."""
    return np.log(x)


def tanh(x: Any) -> Any:
    """tanh x of one number; compiled for float32 a polynomial."""
    return np.tanh(x)


def bits(x: Any) -> Any:
    """The bits of a float32 as an int32, or of an int32 as a float32."""
    return np.int32(np.float32(x).view(np.int32)) if isinstance(x, np.float32) else np.int32(x).view(np.float32)


def flush_denormals(control: int) -> int:
    """Let numbers below the smallest normal one count as zero (-1), or put back what an earlier call returned.

    Adam's means of units that no longer learn shrink into that range, where every operation takes a hundred times as long.
    TensorFlow and XLA run in the same mode. Plain Python, and processors other than x86, leave everything as it is.
    """
    return control


def arrive(counter: Array) -> int:
    """Add 1 to counter[0] so that other threads see it; the value before."""
    before = int(counter[0])
    counter[0] += 1
    return before


def look(counter: Array) -> int:
    """counter[0] as other threads have left it."""
    return int(counter[0])


def give_way() -> None:
    """Let another thread have the core."""
    os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)


PRIMITIVES = (
    *(view, line, flatten, put, put_line, put_word, call_at),
    *(gemm, exp, log, tanh, bits, flush_denormals, arrive, look, give_way),
)

OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
"""numpy: 1/0 is inf, as in NumPy. nogil: a team of threads runs the loop. No fastmath: sums keep their order."""

# Loading ---------------------------------------------------------------------------------------------------------------

_state: dict[str, Any] = {"loaded": False, "why_not": None}


class NotAvailable(Exception):
    """numba cannot be used here; the message says why."""


def load(callable_from_python: bool = True) -> None:
    """Compile on demand from now on: every marked function and primitive is replaced wherever a module names it.

    Args:
        callable_from_python: without it twins can be called by compiled code alone, and compile faster.

    Raises:
        NotAvailable: numba or a BLAS cannot be had.
    """
    if _state["loaded"]:
        return
    if _state["why_not"]:
        raise NotAvailable(_state["why_not"])
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        _state["loaded"] = True
        return
    try:
        replacements = _compile_all(callable_from_python)
    except (ImportError, OSError, AttributeError) as error:
        _state["why_not"] = f"numba cannot be used here ({error})"
        raise NotAvailable(_state["why_not"]) from None
    for name, module in list(sys.modules.items()):
        if name.startswith("tinynn.") and module is not None and name != __name__:
            for attribute, value in list(vars(module).items()):
                if callable(value) and id(value) in replacements:
                    setattr(module, attribute, replacements[id(value)])
    for primitive in PRIMITIVES:
        globals()[primitive.__name__] = replacements[id(primitive)]
    _state["loaded"] = True


def is_loaded() -> bool:
    """Whether twins are machine code now."""
    return bool(_state["loaded"])


def _compile_all(callable_from_python: bool) -> dict[int, Any]:
    """id of each marked function and primitive -> what takes its place."""
    import numba

    import tinynn.engine.loop  # noqa: F401  so that its twins have been marked
    from tinynn.engine import intrinsics

    replacements = {id(primitive): getattr(intrinsics, primitive.__name__) for primitive in PRIMITIVES}
    for function in _marked:
        replacements[id(function)] = numba.njit(**OPTIONS, no_cpython_wrapper=not callable_from_python)(function)
    return replacements
