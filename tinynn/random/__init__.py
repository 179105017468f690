"""Random numbers that are Keras's: `keras.random` for users, and the streams that fit, Dropout and initializers draw
from.

philox.py is the generator, streams.py the distributions, shuffles.py the order of samples in fit.
"""

from tinynn.random.functions import (
    beta,
    binomial,
    categorical,
    dropout,
    gamma,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from tinynn.random.global_seed import draw_seed
from tinynn.random.seed_generator import SeedGenerator
from tinynn.random.shuffles import batch_shuffle, fit_permutation

__all__ = [
    "SeedGenerator",
    "batch_shuffle",
    "beta",
    "binomial",
    "categorical",
    "draw_seed",
    "dropout",
    "fit_permutation",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]
