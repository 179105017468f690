"""Helpers, as `keras.utils`."""

from tinynn._custom_objects import (
    CustomObjectScope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from tinynn._serialization import deserialize_keras_object, serialize_keras_object
from tinynn.backend import clear_session, is_keras_tensor, standardize_dtype
from tinynn.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from tinynn.utils.data_adapter_utils import pack_x_y_sample_weight, unpack_x_y_sample_weight
from tinynn.utils.model_visualization import model_to_dot, plot_model
from tinynn.utils.numerical_utils import normalize, to_categorical
from tinynn.utils.progbar import Progbar
from tinynn.utils.py_dataset import PyDataset
from tinynn.utils.rng import get_random_seed, set_random_seed

custom_object_scope = CustomObjectScope
Sequence = PyDataset  # the name before Keras 3

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_random_seed",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "plot_model",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
