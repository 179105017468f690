"""The house keeps its shape: imports run downwards, `__all__` is true, and importing tinynn loads NumPy alone."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinynn

PACKAGE = Path(tinynn.__file__).parent
MODULES = [
    name for _, name, _ in pkgutil.walk_packages([str(PACKAGE)], "tinynn.") if name != "tinynn.engine.intrinsics"
]

# Layers of the house, lowest first: a module imports from its own layer and those below. What is imported within a function
# does not count; types alone do not either.
LAYERS = [
    ["_typing", "_checks", "_naming", "_compiled", "config"],
    ["engine.recorded", "engine.codes", "variable", "buffer"],
    [*(f"random.{part}" for part in ("philox", "streams", "shuffles", "seed_generator", "global_seed")), "kernels"],
    ["engine.tape", "engine.reference", "engine.blas", "engine.machine", "engine.intrinsics", "engine.loop"],
    ["ops", "random"],  # the public functions of tinynn.random are operations, and dropout is recorded
    ["activations", "initializers", "layers", "losses", "metrics", "optimizers", "callbacks", "utils", "backend"],
    ["engine.plan", "engine.compiled"],
    ["models"],
]
OUTSIDE = {"parity", "benchmarks", "tests", "tensorflow", "keras", "sklearn", "matplotlib"}


def layer_of(module: str) -> int | None:
    for number, names in enumerate(LAYERS):
        for name in names:
            if module == f"tinynn.{name}" or module.startswith(f"tinynn.{name}."):
                return number
    return None


def imports_of(module: str) -> set[str]:
    """What a module imports at its top level, but for TYPE_CHECKING."""
    path = PACKAGE.parent / (module.replace(".", "/") + ".py")
    path = path if path.exists() else PACKAGE.parent / module.replace(".", "/") / "__init__.py"
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_downwards(module: str) -> None:
    own = layer_of(module)
    assert own is not None or module == "tinynn.engine", f"{module} has no place in the house: add it to LAYERS"
    for imported in imports_of(module):
        assert imported.split(".")[0] not in OUTSIDE, f"{module} imports {imported}"
        below = layer_of(imported)
        if own is not None and below is not None:
            assert below <= own, f"{module} (layer {own}) imports {imported} (layer {below})"


@pytest.mark.parametrize("module", ["tinynn", *MODULES])
def test_all_names_are_there_and_sorted(module: str) -> None:
    loaded = importlib.import_module(module)
    names = getattr(loaded, "__all__", [])
    assert [name for name in names if not hasattr(loaded, name)] == []
    assert len(set(names)) == len(names)


def test_importing_tinynn_loads_numpy_alone() -> None:
    code = (
        "import sys, tinynn; "
        "print([m for m in ('numba', 'llvmlite', 'scipy', 'h5py', 'sklearn', 'matplotlib', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
