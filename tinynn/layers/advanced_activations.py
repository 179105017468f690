"""Layers of activations, where Keras 2 had them: `from keras.layers.advanced_activations import ...`."""

from tinynn._deprecated import moved

__getattr__ = moved("tinynn.layers.advanced_activations", "tinynn.layers")
