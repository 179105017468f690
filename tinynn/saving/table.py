"""The classes that a file may name: a closed table. What is not in it, and was not handed over, is not made."""

from __future__ import annotations

import functools
from typing import Any

from tinynn import constraints, initializers, layers, losses, metrics, models, optimizers, regularizers
from tinynn.losses.loss import LossFunctionWrapper
from tinynn.optimizers import schedules

LAYER_NAMES = (
    *(
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "BatchNormalization",
        "Dense",
        "Dropout",
        "ELU",
        "Flatten",
    ),
    *("GaussianDropout", "GaussianNoise", "GroupNormalization", "Identity", "InputLayer", "LayerNormalization"),
    *("LeakyReLU", "Normalization", "PReLU", "Permute", "RMSNormalization", "ReLU", "RepeatVector", "Rescaling"),
    *("Reshape", "Softmax", "UnitNormalization"),
)
"""All layers but Lambda, which is a function, and no function comes from a file."""


@functools.cache
def known_classes() -> dict[str, dict[str, type]]:
    """{Keras's module: {name: class}}."""
    return {
        "keras.layers": {name: vars(layers)[name] for name in LAYER_NAMES},
        "keras": {"Sequential": models.Sequential},
        "keras.losses": _classes(losses),
        "keras.src.losses.losses": {"LossFunctionWrapper": LossFunctionWrapper},
        "keras.metrics": _classes(metrics),
        "keras.optimizers": _classes(optimizers),
        "keras.optimizers.schedules": _classes(schedules),
        "keras.initializers": _classes(initializers),
        "keras.regularizers": _classes(regularizers),
        "keras.constraints": _classes(constraints),
    }


def classes_called(name: str) -> list[type]:
    """All of this name: losses and metrics share some, and older files do not say which is meant."""
    return [classes[name] for classes in known_classes().values() if name in classes]


_BASES = frozenset(
    [
        "Constraint",
        "Initializer",
        "LearningRateSchedule",
        "Loss",
        "Metric",
        "Optimizer",
        "RandomInitializer",
        "Regularizer",
    ]
)


def _classes(module: Any) -> dict[str, type]:
    """A module's public classes but for their bases."""
    found = {name: vars(module)[name] for name in module.__all__ if name not in _BASES}
    return {name: value for name, value in found.items() if isinstance(value, type)}
