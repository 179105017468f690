"""Models to and from files, and descriptions of objects, as `keras.saving`."""

from tinynn._custom_objects import (
    CustomObjectScope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from tinynn._serialization import deserialize_keras_object, serialize_keras_object
from tinynn.saving.limits import Limits
from tinynn.saving.load import load_model, load_weights
from tinynn.saving.save import save_model, save_weights

custom_object_scope = CustomObjectScope

__all__ = [
    "CustomObjectScope",
    "Limits",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
