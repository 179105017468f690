"""What a result is worth depends on: versions, machine, threads, device. Said at the head of every report."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

import tinynn
from parity import environment
from parity.keras_side import PROVEN_AGAINST, KerasSide


def facts(side: KerasSide, seed: int, quick: bool) -> dict[str, Any]:
    """The facts, by name; plain values that JSON can hold."""
    return {
        "tinynn": tinynn.__version__,
        "keras": side.keras.__version__,
        "tensorflow": side.tensorflow.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cpus": os.cpu_count(),
        "threads": environment.threads(),
        "device": side.device.short,
        "device_why": side.device.why,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0",
        "tf32": bool(side.tensorflow.config.experimental.tensor_float_32_execution_enabled()),
        "xla": False,
        "seed": seed,
        "quick": quick,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The facts in a few lines of at most 100 characters."""
    names = {"onednn": "oneDNN", "tf32": "TF32", "xla": "XLA"}
    switches = ", ".join(f"{title} {'on' if found[key] else 'off'}" for key, title in names.items())
    told = [
        f"tinynn {found['tinynn']} and Keras {found['keras']} on TensorFlow {found['tensorflow']}, seed {found['seed']}",
        f"Python {found['python']}, NumPy {found['numpy']}; {found['system']}, {found['cpus']} CPUs; "
        f"threads: {found['threads']}",
        found["processor"],
        f"Keras on {found['device']} ({found['device_why']}); {switches}; in float64 and float32",
    ]
    if found["keras"] != PROVEN_AGAINST:
        told.append(f"Note: tinynn reproduces Keras {PROVEN_AGAINST}; other versions may draw other random numbers.")
    return [line for line in told if line]


def processor() -> str:
    """The processor's name, '' where it cannot be told."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
