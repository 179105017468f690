"""`to_keras` and `from_keras`: the same model in the other library, ready to train on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinynn.interop.blueprint import doing, read
from tinynn.interop.libraries import TINYNN, Library, keras_library
from tinynn.interop.maker import build
from tinynn.interop.state import left_as_it_was
from tinynn.models import Model


def to_keras(model: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The same model in Keras: for TensorFlow's distribution, for serving, for whatever is made for Keras.

    Layers, loss, metrics and optimizer are made again from their configurations, with the names that they have. Weights and
    the state beside them (BatchNormalization's means, Normalization's statistics), the counters of random streams, the
    optimizer's slots and its count of steps are copied. Training goes on over there with the numbers that it would have had
    here; the models share nothing, and neither library's seeds or counters of names are touched.

    Keras computes in its own float type: for a float64 model say `keras.config.set_floatx("float64")` before training, too.

        import tinynn

        model = tinynn.Sequential([tinynn.Input((4,)), tinynn.layers.Dense(2)])
        model.compile("adam", "mse")
        model.fit(x, y)
        tinynn.to_keras(model).fit(x, y)  # in TensorFlow, from where tinynn stopped

    Args:
        model: a `tinynn.Sequential`, built or not, compiled or not.
        custom_objects: {name: Keras's class or function} for layers, losses, metrics ... of your own. A Lambda goes by the
            name of the layer.

    Returns:
        A `keras.Sequential`.

    Raises:
        CannotConvert: a part has no counterpart in Keras; it is named. A ValueError.
        TypeError: no tinynn model.
        ImportError: Keras is not installed.
    """
    keras = keras_library("tinynn.to_keras")
    if not isinstance(model, Model):
        hint = " It is a Keras model already." if isinstance(model, keras.module.Model) else ""
        raise TypeError(f"to_keras expects a tinynn model; got {model!r} of type {type(model).__name__}.{hint}")
    return _converted(model, TINYNN, keras, keras, custom_objects)


def from_keras(model: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The same model in tinynn: the way back of `to_keras`, with all that is said there.

    To go on working with the Keras model, and only have it trained by tinynn, see `accelerate`.

        import keras
        import tinynn

        model = tinynn.from_keras(keras.models.load_model("model.keras"))
        model.evaluate(x, y)

    Args:
        model: a `keras.Sequential`, or a functional model that is a chain of layers; built or not, compiled or not.
        custom_objects: {name: tinynn's class or function}, as for `to_keras`.

    Returns:
        A `tinynn.Sequential`.

    Raises:
        CannotConvert: a part has no counterpart in tinynn; it is named. A ValueError.
        TypeError: no Keras model.
        ImportError: Keras is not installed.
    """
    keras = keras_library("tinynn.from_keras")
    if not isinstance(model, keras.module.Model):
        hint = " It is a tinynn model already." if isinstance(model, Model) else ""
        raise TypeError(f"from_keras expects a Keras model; got {model!r} of type {type(model).__name__}.{hint}")
    return _converted(model, keras, TINYNN, keras, custom_objects)


def _converted(model: Any, home: Library, other: Library, keras: Library, custom: Mapping[str, Any] | None) -> Any:
    with doing(f"take model {model.name!r} to {other.name}"), left_as_it_was(keras.module):
        return build(read(model, home), other, dtype=None, custom_objects=custom or {}, with_state=True)
