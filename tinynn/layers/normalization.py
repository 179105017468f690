"""BatchNormalization and its kin, where Keras 2 had them: `from keras.layers.normalization import ...`."""

from tinynn._deprecated import moved

__getattr__ = moved("tinynn.layers.normalization", "tinynn.layers")
