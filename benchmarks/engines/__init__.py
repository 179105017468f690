"""The engines, by name: which class runs them, with which options, in which environment, and what must be installed."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field
from typing import Any

from benchmarks.engines.engine import Engine


@dataclass(frozen=True)
class Entry:
    """How an engine is made.

    Args:
        title: as printed.
        where: "module:class" within this package.
        needs: the modules that must be installed; what to install is said in `mend`.
        options: given to the class.
        environment: variables of its process.
        quick: seconds that it has in all with --quick; 0: it takes no part unless it is asked for.
        device: "cpu" or "gpu".
    """

    title: str
    where: str
    needs: tuple[str, ...]
    mend: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    quick: float = 0
    device: str = "cpu"

    def missing(self) -> str:
        """Why it cannot run here; '' if it can."""
        absent = [module for module in self.needs if importlib.util.find_spec(module) is None]
        return f"{' and '.join(absent)} not installed: {self.mend}" if absent else ""

    def make(self) -> Engine:
        """The engine, nothing of its library imported yet."""
        module, name = self.where.split(":")
        engine: Engine = getattr(importlib.import_module(f"benchmarks.engines.{module}"), name)(**self.options)
        return engine


_KERAS = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
_KERAS_MEND, _JAX_MEND = "pip install 'tinynn-engine[keras]'", "pip install jax"
_KERAS_NEEDS = ("tensorflow", "keras")
_JAX = {"JAX_PLATFORMS": "cpu"}

ENGINES = {
    "tinynn": Entry("tinynn, compiled", "keras_api:Tinynn", ("numba",), "pip install numba", {"jit": True}, quick=26),
    "tinynn-reference": Entry("tinynn, reference", "keras_api:Tinynn", (), options={"jit": False}, quick=18),
    "keras": Entry("Keras", "keras_api:Keras", _KERAS_NEEDS, _KERAS_MEND, environment=_KERAS, quick=36),
    "keras-xla": Entry("Keras, XLA", "keras_api:Keras", _KERAS_NEEDS, _KERAS_MEND, {"jit": True}, _KERAS),
    "keras-accelerated": Entry(
        "Keras, accelerated by tinynn",
        "keras_api:Accelerated",
        (*_KERAS_NEEDS, "numba"),
        _KERAS_MEND,
        environment=_KERAS,
    ),
    "keras-gpu": Entry(
        "Keras, GPU", "keras_api:Keras", _KERAS_NEEDS, _KERAS_MEND, {"device": "GPU"}, _KERAS, device="gpu"
    ),
    "keras-gpu-xla": Entry(
        "Keras, GPU, XLA",
        "keras_api:Keras",
        _KERAS_NEEDS,
        _KERAS_MEND,
        {"device": "GPU", "jit": True},
        _KERAS,
        device="gpu",
    ),
    "torch": Entry("PyTorch", "torch_loop:Torch", ("torch",), "pip install torch"),
    "jax-step": Entry("JAX, per step", "jax_loop:JaxStep", ("jax",), _JAX_MEND, environment=_JAX),
    "jax-scan": Entry("JAX, scanned epoch", "jax_loop:JaxScan", ("jax",), _JAX_MEND, environment=_JAX, quick=16),
    "sklearn": Entry("scikit-learn", "sklearn_fit:Sklearn", ("sklearn",), "pip install 'tinynn-engine[sklearn]'"),
    "floor": Entry("the floor", "floor:Floor", ("numba",), "pip install numba", quick=4),
}
