"""tinynn: a neural-network engine in NumPy that speaks the Keras 3 API. `import tinynn as keras`, and go on."""

import importlib
from typing import TYPE_CHECKING, Any

from tinynn import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    explain,
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

if TYPE_CHECKING:
    from tinynn import explain

__version__ = "0.1.0"

_ON_DEMAND = ("explain",)
"""Modules that are imported when they are first asked for."""


def __getattr__(name: str) -> Any:
    if name in _ON_DEMAND:
        return importlib.import_module(f"tinynn.{name}")
    raise AttributeError(f"module 'tinynn' has no attribute {name!r}")


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
    "explain",
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
