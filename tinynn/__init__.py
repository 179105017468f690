"""tinynn: a neural-network engine in NumPy that speaks the Keras 3 API. `import tinynn as keras`, and go on."""

from tinynn import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    initializers,
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
from tinynn.layers import Input, InputSpec, Layer
from tinynn.losses import Loss
from tinynn.metrics import Metric
from tinynn.models import Model, Sequential
from tinynn.optimizers import Optimizer
from tinynn.regularizers import Regularizer
from tinynn.variable import Variable

__version__ = "0.1.0"


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
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "custom_gradient",
    "datasets",
    "initializers",
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
    "utils",
    "version",
]
