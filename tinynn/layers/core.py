"""The core layers, where Keras 2 had them: `from keras.layers.core import ...`."""

from tinynn._deprecated import moved

__getattr__ = moved("tinynn.layers.core", "tinynn.layers")
