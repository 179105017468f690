"""Layers, as `keras.layers`."""

from tinynn.layers.activation import Activation
from tinynn.layers.dense import Dense
from tinynn.layers.dropout import Dropout
from tinynn.layers.flatten import Flatten
from tinynn.layers.input_layer import Input, InputLayer
from tinynn.layers.layer import Layer

__all__ = ["Activation", "Dense", "Dropout", "Flatten", "Input", "InputLayer", "Layer"]
