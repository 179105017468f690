"""Noise and its kin, where Keras 2 had them: `from keras.layers.noise import ...`."""

from tinynn._deprecated import moved

__getattr__ = moved("tinynn.layers.noise", "tinynn.layers")
