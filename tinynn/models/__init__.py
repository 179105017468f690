"""Models, as `keras.models`."""

from tinynn.models.model import Model
from tinynn.models.sequential import Sequential

__all__ = ["Model", "Sequential"]
