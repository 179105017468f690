"""Helpers, as `keras.utils`."""

from tinynn.backend import clear_session
from tinynn.utils.numerical_utils import to_categorical
from tinynn.utils.progbar import Progbar
from tinynn.utils.rng import get_random_seed, set_random_seed

__all__ = ["Progbar", "clear_session", "get_random_seed", "set_random_seed", "to_categorical"]
