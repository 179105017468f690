"""tinynn beside Keras: models taken over with all that they hold, and Keras models trained by tinynn's compiled engine.

libraries.py shows both libraries alike and is the only place that imports Keras; blueprint.py reads a model, maker.py builds
one from what was read, state.py copies its numbers. conversion.py and acceleration.py are what users call.
"""

from tinynn.interop.acceleration import accelerate, restore
from tinynn.interop.blueprint import CannotConvert
from tinynn.interop.conversion import from_keras, to_keras

__all__ = ["CannotConvert", "accelerate", "from_keras", "restore", "to_keras"]
