"""Which layers have twins that stand in the place of an affine map: normalizations, noise, PReLU, fixed scales, shapes.

A part of the one list in `tinynn/engine/twins.py`; the units themselves are in `tinynn/engine/maps.py` and `tinynn/kernels/`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinynn import activations, config, layers, ops, regularizers
from tinynn._typing import Array
from tinynn.engine.recorded import value_of
from tinynn.engine.units import Unit, takes


class Map(NamedTuple):
    """Units for a layer in training and otherwise, and for the way back: None for out = x. Its inputs are seen as a table.

    columns: of that table. units: how wide a sample comes out, if not as it came in: then columns is 0, and the units see whole
    samples. variables, constants: arrays by the names of the units' parameters; d_name is a variable's gradient.
    space: other arrays, with a number for each "column", "row" or "entry". generator: of those that draw.
    """

    training: Unit | None
    otherwise: Unit | None
    backward: Unit | None
    columns: int
    settings: Mapping[str, float] = {}
    variables: Mapping[str, Any] = {}
    constants: Mapping[str, Array] = {}
    space: Mapping[str, str] = {}
    generator: Any = None
    units: int = 0

    @property
    def keeps_output(self) -> bool:
        """Whether the way back asks for what came out, so that it must not be written over."""
        return self.backward is not None and takes(self.backward, "out")

    def is_as(self, other: Map | None) -> bool:
        """Whether the same is computed, whatever the numbers in variables and constants."""
        return other is not None and self[:5] == other[:5] and self.generator is other.generator


def map_of(layer: Any) -> Map | None:
    """The units of a layer that maps a table to one of the same shape; None if it has none, or has odd options."""
    made = _MAPS.get(type(layer))
    return made(layer) if made is not None and layer.dtype == config.floatx() else None


def _of_maps(function: str) -> Unit:
    return Unit("tinynn.engine.maps", function)


def _both_ways(kernel: str) -> tuple[Unit, Unit, Unit]:
    """The same in training and otherwise, and the way back."""
    forward, backward = (Unit(f"tinynn.kernels.{kernel}", f"{way}_compiled") for way in ("forward", "backward"))
    return forward, forward, backward


def _columns(layer: Any, axis: Any) -> int:
    """How many features there are along axes, if those are the last ones and no others; else 0."""
    ndim = len(layer.input_shape)
    axes = sorted(i % ndim for i in (axis if isinstance(axis, (list, tuple)) else [axis]))
    in_order = axes and axes == list(range(axes[0], ndim)) and axes[0] > 0
    return math.prod(layer.input_shape[axes[0] :]) if in_order else 0


def _learned(layer: Any, columns: int, **defaults: float) -> tuple[dict[str, Any], dict[str, Array]]:
    """The layer's variables of these names; constants in the place of those that it does without."""
    variables = {name: getattr(layer, name) for name in defaults if getattr(layer, name) is not None}
    absent = {name: value for name, value in defaults.items() if name not in variables}
    return variables, {name: np.full(columns, value, config.floatx()) for name, value in absent.items()}


# Normalizations --------------------------------------------------------------------------------------------------------


def _batch_normalization(layer: Any) -> Map | None:
    columns = _columns(layer, layer.axis)
    if not columns or layer.axis % len(layer.input_shape) != len(layer.input_shape) - 1:
        return None
    training, otherwise = (_of_maps(f"batch_normalization_{when}") for when in ("training", "otherwise"))
    way_back = Unit("tinynn.kernels.batch_normalization", "backward_compiled")
    if not layer.trainable:
        training, way_back = otherwise, _of_maps("batch_normalization_frozen_backward")
    variables, constants = _learned(layer, columns, gamma=1.0, beta=0.0)
    variables |= {name: getattr(layer, name) for name in ("moving_mean", "moving_variance")}
    settings = {"epsilon": layer.epsilon, "momentum": layer.momentum}
    space = dict.fromkeys(("mean", "variance", "inverse"), "column")
    return Map(training, otherwise, way_back, columns, settings, variables, constants, space)


def _layer_normalization(layer: Any) -> Map | None:
    columns = _columns(layer, layer.axis)
    if not columns:
        return None
    space = dict.fromkeys(("mean", "inverse"), "row")
    learned = _learned(layer, columns, gamma=1.0, beta=0.0)
    return Map(*_both_ways("layer_normalization"), columns, {"epsilon": layer.epsilon}, *learned, space)


def _group_normalization(layer: Any) -> Map | None:
    if len(layer.input_shape) != 2:
        return None
    columns, groups = layer.input_shape[1], layer.groups
    forward, backward = (_of_maps(f"group_normalization_{way}") for way in ("forward", "backward"))
    variables, constants = _learned(layer, columns, gamma=1.0, beta=0.0)
    constants |= {
        name: np.full(columns // groups, value, config.floatx()) for name, value in (("ones", 1), ("zeros", 0))
    }
    space = dict.fromkeys(("mean", "inverse"), "entry")
    settings = {"groups": groups, "epsilon": layer.epsilon}
    return Map(forward, forward, backward, columns, settings, variables, constants, space)


def _rms_normalization(layer: Any) -> Map | None:
    columns = _columns(layer, layer.axis)
    units, settings = _both_ways("rms_normalization"), {"epsilon": layer.epsilon}
    return Map(*units, columns, settings, {"scale": layer.scale}, {}, {"inverse": "row"}) if columns else None


def _unit_normalization(layer: Any) -> Map | None:
    columns = _columns(layer, layer.axis)
    units = _both_ways("unit_normalization")
    return Map(*units, columns, {"epsilon": 1e-12}, space={"inverse": "row"}) if columns else None


# A slope, or a scale and an offset -------------------------------------------------------------------------------------


def _prelu(layer: Any) -> Map | None:
    shape, sample = layer.alpha.shape, layer.input_shape[1:]
    shared = next((i for i, n in enumerate(shape) if n != 1), len(shape))
    if shape[shared:] != tuple(sample[shared:]):
        return None
    return Map(*_both_ways("prelu"), layer.alpha.size, variables={"alpha": layer.alpha})


def _for_each_entry(values: Any, layer: Any) -> Array | None:
    """Values that broadcast to a sample, for each entry of it; None where they would make it larger."""
    sample = layer.input_shape[1:]
    found = np.asarray(value_of(ops.cast(ops.convert_to_tensor(values), layer.dtype)))
    try:
        return np.array(np.broadcast_to(found, (1, *sample)).reshape(-1))
    except ValueError:
        return None


def _scaled(layer: Any) -> Map | None:
    scale, offset = _for_each_entry(layer.scale, layer), _for_each_entry(layer.offset, layer)
    if scale is None or offset is None:
        return None
    forward, backward = _of_maps("scaled"), _of_maps("scaled_backward")
    return Map(forward, forward, backward, scale.size, constants={"scale": scale, "offset": offset})


def _normalization(layer: Any) -> Map | None:
    layer.finalize_state()
    level, variance = _for_each_entry(layer.mean, layer), _for_each_entry(layer.variance, layer)
    if level is None or variance is None:
        return None
    deviation = np.maximum(np.sqrt(variance), variance.dtype.type(config.epsilon()))
    if layer.invert:
        forward, backward = _of_maps("scaled"), _of_maps("scaled_backward")
        return Map(forward, forward, backward, level.size, constants={"scale": deviation, "offset": level})
    forward, backward = _of_maps("standardized"), _of_maps("standardized_backward")
    return Map(forward, forward, backward, level.size, constants={"level": level, "deviation": deviation})


def activity_map_of(layer: Any) -> Map | None:
    """The units of a penalty on what a layer puts out, which follow those of the layer itself; None if it has none."""
    penalty, columns = layer.activity_regularizer, math.prod(layer.output_shape[1:])
    if type(penalty) not in (regularizers.L1, regularizers.L2, regularizers.L1L2) or layer.dtype != config.floatx():
        return None
    forward, backward = _of_maps("activity_penalty"), _of_maps("activity_penalty_backward")
    settings = {name: float(np.float32(getattr(penalty, name, 0.0))) for name in ("l1", "l2")}
    return Map(forward, forward, backward, columns, settings, constants={"share": np.zeros(1, config.floatx())})


# Noise: out = x but in training ----------------------------------------------------------------------------------------


def _gaussian_noise(layer: Any) -> Map | None:
    return _drawing(layer, "gaussian_noise_training", None, "noise", stddev=layer.stddev)


def _gaussian_dropout(layer: Any) -> Map | None:
    if layer.rate >= 1:
        return None
    deviation = math.sqrt(layer.rate / (1.0 - layer.rate))
    backward = _of_maps("gaussian_dropout_backward")
    return _drawing(layer, "gaussian_dropout_training", backward, "noise", stddev=deviation)


def _alpha_dropout(layer: Any) -> Map | None:
    if layer.rate >= 1 or layer.noise_shape is not None:
        return None
    backward = Unit("tinynn.kernels.alpha_dropout", "backward_compiled")
    return _drawing(layer, "alpha_dropout_training", backward, "kept", rate=layer.rate)


# Entries in other places, and other widths -----------------------------------------------------------------------------


def _permute(layer: Any) -> Map | None:
    width = math.prod(layer.input_shape[1:])
    places = np.arange(width).reshape(layer.input_shape[1:])
    starts = places.transpose([axis - 1 for axis in layer.dims]).reshape(-1)
    forward, backward = _of_maps("permuted"), _of_maps("permuted_backward")
    return Map(forward, forward, backward, width, constants={"starts": starts}, space={"turned": "column"})


def _repeat_vector(layer: Any) -> Map | None:
    if layer.n == 1:
        return Map(None, None, None, 0)
    forward, backward = _of_maps("repeated"), _of_maps("repeated_backward")
    return Map(forward, forward, backward, 0, units=layer.n * layer.input_shape[1])


def gate_of(layer: Any) -> Map | None:
    """The units of the activation glu, which follow those of the layer itself; None if it has another, or more axes."""
    shape = layer.output_shape if type(layer) is layers.Dense else layer.input_shape
    if layer.activation is not activations.glu or len(shape) != 2 or layer.dtype != config.floatx():
        return None
    width = layer.units if type(layer) is layers.Dense else shape[1] or 0
    forward, backward = _of_maps("gated"), _of_maps("gated_backward")
    return Map(forward, forward, backward, 0, units=width // 2)


def _drawing(layer: Any, training: str, backward: Unit | None, drawn: str, **settings: float) -> Map:
    columns = math.prod(layer.input_shape[1:])
    if not any(settings.values()):
        return Map(None, None, None, columns)
    generator = layer.seed_generator
    return Map(_of_maps(training), None, backward, columns, settings, space={drawn: "entry"}, generator=generator)


_MAPS: dict[type, Callable[[Any], Map | None]] = {
    layers.BatchNormalization: _batch_normalization,
    layers.LayerNormalization: _layer_normalization,
    layers.GroupNormalization: _group_normalization,
    layers.RMSNormalization: _rms_normalization,
    layers.UnitNormalization: _unit_normalization,
    layers.PReLU: _prelu,
    layers.Rescaling: _scaled,
    layers.Normalization: _normalization,
    layers.GaussianNoise: _gaussian_noise,
    layers.GaussianDropout: _gaussian_dropout,
    layers.AlphaDropout: _alpha_dropout,
    layers.Permute: _permute,
    layers.RepeatVector: _repeat_vector,
}


def all_units() -> list[Unit]:
    """Every unit of this part of the list."""
    both_ways = ("layer_normalization", "rms_normalization", "unit_normalization", "prelu")
    functions = (
        *("batch_normalization_training", "batch_normalization_otherwise", "batch_normalization_frozen_backward"),
        *("group_normalization_forward", "group_normalization_backward"),
        *("scaled", "scaled_backward", "standardized", "standardized_backward"),
        *("activity_penalty", "activity_penalty_backward"),
        *(
            "gaussian_noise_training",
            "gaussian_dropout_training",
            "gaussian_dropout_backward",
            "alpha_dropout_training",
        ),
        *(name + way for name in ("permuted", "repeated", "gated") for way in ("", "_backward")),
    )
    return [
        *(unit for kernel in both_ways for unit in _both_ways(kernel)),
        *(_of_maps(function) for function in functions),
        *(Unit(f"tinynn.kernels.{kernel}", "backward_compiled") for kernel in ("batch_normalization", "alpha_dropout")),
    ]
