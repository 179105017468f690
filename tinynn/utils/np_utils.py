"""to_categorical and normalize, where Keras 2 had them: `from keras.utils.np_utils import ...`."""

from tinynn._deprecated import moved

__getattr__ = moved("tinynn.utils.np_utils", "tinynn.utils")
