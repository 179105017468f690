"""Models, as `keras.models`."""

from tinynn.models.cloning import clone_model, model_from_json
from tinynn.models.model import Model
from tinynn.models.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "model_from_json"]
