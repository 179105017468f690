"""Layers, as `keras.layers`."""

from tinynn.layers.activation import Activation
from tinynn.layers.activity_regularization import ActivityRegularization
from tinynn.layers.alpha_dropout import AlphaDropout
from tinynn.layers.batch_normalization import BatchNormalization
from tinynn.layers.dense import Dense
from tinynn.layers.dropout import Dropout
from tinynn.layers.elu import ELU
from tinynn.layers.flatten import Flatten
from tinynn.layers.gaussian_dropout import GaussianDropout
from tinynn.layers.gaussian_noise import GaussianNoise
from tinynn.layers.group_normalization import GroupNormalization
from tinynn.layers.identity import Identity
from tinynn.layers.input_layer import Input, InputLayer
from tinynn.layers.input_spec import InputSpec
from tinynn.layers.lambda_layer import Lambda
from tinynn.layers.layer import Layer
from tinynn.layers.layer_normalization import LayerNormalization
from tinynn.layers.leaky_relu import LeakyReLU
from tinynn.layers.normalization import Normalization
from tinynn.layers.permute import Permute
from tinynn.layers.prelu import PReLU
from tinynn.layers.registry import deserialize, serialize
from tinynn.layers.relu import ReLU
from tinynn.layers.repeat_vector import RepeatVector
from tinynn.layers.rescaling import Rescaling
from tinynn.layers.reshape import Reshape
from tinynn.layers.rms_normalization import RMSNormalization
from tinynn.layers.softmax import Softmax
from tinynn.layers.unit_normalization import UnitNormalization

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "UnitNormalization",
    "deserialize",
    "serialize",
]
