"""tinynn: a neural-network engine in NumPy that speaks the Keras 3 API. `import tinynn as keras`, and go on."""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from tinynn import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    initializers,
    interop,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    plotting,
    random,
    regularizers,
    saving,
    utils,
)
from tinynn.engine.tape import GradientTape
from tinynn.engine.tape import differentiable as custom_gradient
from tinynn.initializers import Initializer
from tinynn.interop import accelerate, from_keras, to_keras
from tinynn.layers import Input, InputSpec, Layer
from tinynn.losses import Loss
from tinynn.metrics import Metric
from tinynn.models import Model, Sequential
from tinynn.optimizers import Optimizer
from tinynn.regularizers import Regularizer
from tinynn.variable import Variable

if TYPE_CHECKING:  # for editors and type checkers: these are imported when they are first used
    from tinynn import explain as explain
    from tinynn import wrappers as wrappers

__version__ = "0.1.0"

_LATE = frozenset(["explain", "wrappers"])
"""Modules of packages that `import tinynn` does not load. Not in `__all__`: a star import would load them."""


def __getattr__(name: str) -> ModuleType:
    if name in _LATE:
        return importlib.import_module(f"tinynn.{name}")
    raise AttributeError(f"module 'tinynn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})


def version() -> str:
    """The version of tinynn. Keras's names and numbers are those of 3.15."""
    return __version__


__all__ = [
    "GradientTape",
    "Initializer",
    "Input",
    "InputSpec",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Variable",
    "accelerate",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "custom_gradient",
    "datasets",
    "from_keras",
    "initializers",
    "interop",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "plotting",
    "random",
    "regularizers",
    "saving",
    "to_keras",
    "utils",
    "version",
]
