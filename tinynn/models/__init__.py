"""Models, as `keras.models`."""

from tinynn.models.cloning import clone_model, model_from_json
from tinynn.models.model import Model
from tinynn.models.sequential import Sequential
from tinynn.saving.load import load_model
from tinynn.saving.save import save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
