"""`keras.utils.set_random_seed`."""

from tinynn.random.global_seed import get_random_seed, set_random_seed

__all__ = ["get_random_seed", "set_random_seed"]
