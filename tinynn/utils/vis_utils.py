"""plot_model and model_to_dot, where Keras 2 had them: `from keras.utils.vis_utils import ...`."""

from tinynn._deprecated import moved

__getattr__ = moved("tinynn.utils.vis_utils", "tinynn.utils")
