"""The matrix product of the BLAS that is already loaded: NumPy's own copy of OpenBLAS, else SciPy's interface to its BLAS."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np


class Blas(NamedTuple):
    """Addresses of Fortran's sgemm and dgemm, and how to set the number of threads (None where it cannot be set)."""

    sgemm: int
    dgemm: int
    get_threads: Any
    set_threads: Any


_found: list[Blas] = []


def find() -> Blas:
    """The BLAS to call. Sizes may be passed as int64: a 32-bit interface reads their lower half (little-endian).

    Raises:
        ImportError: there is neither.
    """
    if not _found:
        _found.append(_of_numpy() or _of_scipy())
    return _found[0]


def _of_numpy() -> Blas | None:
    """The OpenBLAS in NumPy's wheels: the library is in memory anyway, and importing scipy.linalg takes as long as numba."""
    folder = os.path.dirname(np.__file__)
    for path in glob.glob(os.path.join(folder, os.pardir, "numpy.libs", "libscipy_openblas64_*")):
        library = ctypes.CDLL(path)
        return Blas(
            _address(library.scipy_sgemm_64_),
            _address(library.scipy_dgemm_64_),
            library.scipy_openblas_get_num_threads64_,
            library.scipy_openblas_set_num_threads64_,
        )
    return None


def _of_scipy() -> Blas:
    from scipy.linalg import cython_blas

    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    capsules = [cython_blas.__pyx_capi__[routine] for routine in ("sgemm", "dgemm")]
    sgemm, dgemm = (pointer(capsule, name(capsule)) for capsule in capsules)
    return Blas(sgemm, dgemm, None, None)


def _address(function: Any) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


_lock = threading.Lock()
_users = {"now": 0, "threads": 1}


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """BLAS on one thread for the while: the engine's own team shares the work. Put back when the last user is done."""
    blas = find()
    if blas.set_threads is None:
        yield
        return
    with _lock:
        if not _users["now"]:
            _users["threads"] = blas.get_threads()
            blas.set_threads(1)
        _users["now"] += 1
    try:
        yield
    finally:
        with _lock:
            _users["now"] -= 1
            if not _users["now"]:
                blas.set_threads(_users["threads"])
