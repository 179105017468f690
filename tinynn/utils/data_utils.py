"""Sequence and others, where Keras 2 had them: `from keras.utils.data_utils import ...`."""

from tinynn._deprecated import moved

__getattr__ = moved("tinynn.utils.data_utils", "tinynn.utils")
