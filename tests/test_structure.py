"""The house keeps its shape: imports run downwards, `__all__` is true, and importing tinynn loads NumPy alone."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterable
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
    [
        "_typing",
        "_allowance",
        "_checks",
        "_naming",
        "_deprecated",
        "_custom_objects",
        "_registry",
        "_compiled",
        "config",
    ],
    ["engine.recorded", "engine.codes", "variable", "buffer"],
    [*(f"random.{part}" for part in ("philox", "streams", "shuffles", "seed_generator", "global_seed")), "kernels"],
    ["engine.units", "engine.measures", "engine.maps", "engine.around", "engine.blas"],
    ["engine.tape", "engine.reference", "engine.machine", "engine.intrinsics", "engine.loop"],
    ["ops", "random"],  # the public functions of tinynn.random are operations, and dropout is recorded
    [
        *("activations", "initializers", "regularizers", "constraints", "layers", "losses", "metrics", "optimizers"),
        *("callbacks", "utils", "backend", "_serialization"),
    ],
    ["datasets"],
    ["engine.layer_twins", "engine.twins", "engine.plan", "engine.rule", "engine.compiled", "engine.__main__"],
    ["models", "saving"],
    ["explain", "interop"],
    ["plotting"],
    ["wrappers"],
    ["cli", "__main__"],
]
MAY_IMPORT = {"tinynn.wrappers": {"sklearn"}}  # what a package is about
OUTSIDE = {"parity", "benchmarks", "tests", "tensorflow", "keras", "sklearn", "matplotlib"}
NEVER = {"parity", "benchmarks", "tests", "tensorflow", "keras", "jax", "torch"}  # not even within a function


def layer_of(module: str) -> int | None:
    for number, names in enumerate(LAYERS):
        for name in names:
            if module == f"tinynn.{name}" or module.startswith(f"tinynn.{name}."):
                return number
    return None


def imports_of(module: str) -> set[str]:
    """What a module imports at its top level, but for TYPE_CHECKING."""
    return _imports(tree_of(module).body)


def tree_of(module: str) -> ast.Module:
    path = PACKAGE.parent / (module.replace(".", "/") + ".py")
    path = path if path.exists() else PACKAGE.parent / module.replace(".", "/") / "__init__.py"
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
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
        allowed = next((names for package, names in MAY_IMPORT.items() if module.startswith(package)), set())
        assert imported.split(".")[0] not in OUTSIDE - allowed, f"{module} imports {imported}"
        below = layer_of(imported)
        if own is not None and below is not None:
            assert below <= own, f"{module} (layer {own}) imports {imported} (layer {below})"


@pytest.mark.parametrize("module", ["tinynn", *MODULES])
def test_the_other_engines_are_imported_nowhere(module: str) -> None:
    for imported in _imports(ast.walk(tree_of(module))):
        assert imported.split(".")[0] not in NEVER, f"{module} imports {imported}"


def test_the_layers_are_true_to_what_they_name() -> None:
    """No entry of LAYERS is about a module that is not there any more."""
    for names in LAYERS:
        for name in names:
            assert any(module == f"tinynn.{name}" for module in [*MODULES, "tinynn.engine.intrinsics"]), name


@pytest.mark.parametrize("module", ["tinynn", *MODULES])
def test_all_names_are_there_and_sorted(module: str) -> None:
    loaded = importlib.import_module(module)
    names = getattr(loaded, "__all__", [])
    assert [name for name in names if not hasattr(loaded, name)] == []
    assert list(names) == sorted(set(names), key=lambda name: (not name.isupper(), not name[0].isupper(), name))


NOT_OFFERED = {"tinynn.ops": {"getitem"}, "tinynn.losses": {"LossFunctionWrapper"}}


@pytest.mark.parametrize("module", ["tinynn", *MODULES])
def test_packages_offer_all_that_they_gather(module: str) -> None:
    """A public class or function of tinynn that a package's `__init__` imports or writes is in its `__all__`."""
    loaded = importlib.import_module(module)
    offered = getattr(loaded, "__all__", None)
    if offered is None or not hasattr(loaded, "__path__"):
        return
    gathered = {
        name
        for name, value in vars(loaded).items()
        if callable(value) and not name.startswith("_") and str(getattr(value, "__module__", "")).startswith("tinynn")
    }
    inner = ("tinynn._checks", "tinynn._custom_objects", "tinynn._naming")
    helpers = {name for name in gathered if vars(loaded)[name].__module__ in inner}
    assert gathered - set(offered) - helpers - NOT_OFFERED.get(module, set()) == set()


def test_star_import_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from tinynn import *", names)
    assert set(tinynn.__all__) <= set(names)


def test_late_modules_are_found_by_editors_and_loaded_on_use() -> None:
    """Each has a line for type checkers, is offered by `dir`, is a module of that name, and is not loaded before its use."""
    lines = (PACKAGE / "__init__.py").read_text(encoding="utf-8").splitlines()
    seen = [line.split()[-1] for line in lines if line.startswith("    from tinynn import") and " as " in line]
    assert sorted(seen) == sorted(tinynn._LATE)
    assert set(tinynn._LATE) <= set(dir(tinynn))
    for name in tinynn._LATE:
        assert getattr(tinynn, name).__name__ == f"tinynn.{name}"
    code = f"import sys, tinynn; print([m for m in {sorted(tinynn._LATE)} if f'tinynn.{{m}}' in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="has no attribute 'wrapers'"):
        tinynn.wrapers  # noqa: B018


def test_importing_tinynn_loads_numpy_alone() -> None:
    code = (
        "import sys, tinynn; "
        "heavy = 'numba llvmlite scipy h5py sklearn matplotlib tensorflow pandas typer rich'.split(); "
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
