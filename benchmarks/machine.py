"""What a time is worth depends on: processor, memory, versions, threads, matrix library, load. Kept with every result."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = (
    "tinynn-engine",
    "numpy",
    "numba",
    "llvmlite",
    "scipy",
    "tensorflow",
    "keras",
    "torch",
    "jax",
    "scikit-learn",
)

VARIABLES = (
    "TINYNN_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "XLA_FLAGS",
    "TF_XLA_FLAGS",
)


def facts() -> dict[str, Any]:
    """The facts by name, plain values."""
    return {
        "processor": processor(),
        "cpus": cpus(),
        "memory_gib": _memory(),
        "gpus": gpus(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": _versions(),
        "blas": _blas(),
        "threads": {name: os.environ[name] for name in VARIABLES if name in os.environ} or f"all {cpus()}",
        "dtype": "float32",
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def default_name(found: dict[str, Any]) -> str:
    """What a machine is called unless --machine says otherwise: its processor and cores, nothing that names its owner."""
    return ", ".join([found["processor"] or "unknown processor", f"{found['cpus']} CPUs", *found["gpus"]])


def cpus() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The processor's name without its marks, '' where it cannot be told."""
    name = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2] for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    for mark in ("(R)", "(TM)", "(tm)", "CPU", "Processor"):
        name = name.replace(mark, " ")
    return " ".join(name.split())


def gpus() -> list[str]:
    """What NVIDIA's driver calls them; none without the driver."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        done = subprocess.run(
            [tool, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [name.strip() for name in done.stdout.splitlines() if name.strip()]


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if "tinynn-engine" not in found:
        import tinynn

        found["tinynn-engine"] = tinynn.__version__
    return found


def _blas() -> str:
    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[index, call-overload]
        return f"{blas['name']} {blas['version']}"
    except (KeyError, TypeError):
        return "unknown"
