"""Progbar and others, where Keras 2 had them: `from keras.utils.generic_utils import ...`."""

from tinynn._deprecated import moved

__getattr__ = moved("tinynn.utils.generic_utils", "tinynn.utils")
