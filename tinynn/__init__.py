"""tinynn: a neural-network engine in NumPy that speaks the Keras 3 API. `import tinynn as keras`, and go on."""

from tinynn import (
    activations,
    backend,
    callbacks,
    config,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    utils,
)
from tinynn.engine.tape import GradientTape
from tinynn.engine.tape import differentiable as custom_gradient
from tinynn.initializers import Initializer
from tinynn.layers import Input, Layer
from tinynn.losses import Loss
from tinynn.metrics import Metric
from tinynn.models import Model, Sequential
from tinynn.optimizers import Optimizer
from tinynn.variable import Variable

__version__ = "0.1.0"

__all__ = [
    "GradientTape",
    "Initializer",
    "Input",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Sequential",
    "Variable",
    "activations",
    "backend",
    "callbacks",
    "config",
    "custom_gradient",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "random",
    "utils",
]
