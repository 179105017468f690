"""Layers, as `keras.layers`."""

from tinynn.layers.activation import Activation
from tinynn.layers.dense import Dense
from tinynn.layers.dropout import Dropout
from tinynn.layers.elu import ELU
from tinynn.layers.flatten import Flatten
from tinynn.layers.input_layer import Input, InputLayer
from tinynn.layers.layer import Layer
from tinynn.layers.leaky_relu import LeakyReLU
from tinynn.layers.prelu import PReLU
from tinynn.layers.relu import ReLU
from tinynn.layers.softmax import Softmax

__all__ = [
    "ELU",
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "PReLU",
    "ReLU",
    "Softmax",
]
