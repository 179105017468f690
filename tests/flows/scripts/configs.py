"""Configurations: get, serialize, deserialize, from_config, clone_model, to_json, own registered classes."""

import json

import keras
import numpy as np

keras.utils.set_random_seed(2)


@keras.saving.register_keras_serializable(package="mine", name="Doubled")
class Doubled(keras.layers.Layer):
    def __init__(self, times=2.0, **kwargs):
        super().__init__(**kwargs)
        self.times = times

    def call(self, inputs):
        return self.times * inputs

    def get_config(self):
        return {**super().get_config(), "times": self.times}


@keras.saving.register_keras_serializable()
def cube(x):
    return x * x * x


model = keras.Sequential(
    [
        keras.Input((4,)),
        keras.layers.Dense(3, activation="relu", kernel_regularizer="l2", name="first"),
        Doubled(3.0),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(2, activation=cube, kernel_initializer=keras.initializers.HeNormal(seed=1)),
        keras.layers.Activation("softmax"),
    ],
    name="small",
)
config = model.get_config()
print(json.dumps(config, sort_keys=True, default=str))
copy = keras.Sequential.from_config(config)
print(copy.name, [layer.name for layer in copy.layers], copy.count_params(), copy.built)
copy.set_weights(model.get_weights())
X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
print(np.array_equal(copy.predict(X, verbose=0), model.predict(X, verbose=0)))

cloned = keras.models.clone_model(model)
print(cloned.name, [layer.name for layer in cloned.layers], cloned is model)
text = model.to_json()
described = json.loads(text)
print(sorted(described), described["class_name"], described["registered_name"])
back = keras.models.model_from_json(text)
print([type(layer).__name__ for layer in back.layers], back.layers[1].times, back.layers[3].activation.__name__)

for thing in (
    keras.layers.Dense(2, name="d"),
    keras.losses.Huber(),
    keras.metrics.Recall(name="r"),
    keras.optimizers.SGD(0.1, momentum=0.9, name="s"),
    keras.initializers.Zeros(),
    keras.regularizers.L2(0.1),
    keras.constraints.NonNeg(),
    keras.optimizers.schedules.CosineDecay(0.1, 10),
):
    described = keras.saving.serialize_keras_object(thing)
    again = keras.saving.deserialize_keras_object(described)
    print(described["module"], described["class_name"], described["registered_name"], type(again).__name__)
for value in (
    1,
    2.5,
    "text",
    None,
    True,
    [1, 2],
    {"a": [1.0]},
    (1, (2, 3)),
    np.array([1.0, 2.0], "float32"),
    np.float32(2),
):
    described = keras.saving.serialize_keras_object(value)
    print(described, keras.saving.deserialize_keras_object(described))
print(keras.saving.get_registered_name(Doubled), keras.saving.get_registered_object("mine>Doubled") is Doubled)
print(sorted(keras.saving.get_custom_objects()))


class Unregistered(Doubled):
    pass


described = keras.layers.serialize(Unregistered(name="u"))
print(described["class_name"], described["registered_name"])
with keras.saving.custom_object_scope({"Unregistered": Unregistered}):
    print(type(keras.layers.deserialize(described)).__name__)
print(type(keras.layers.deserialize(described, custom_objects={"Unregistered": Unregistered})).__name__)
print(keras.activations.get("relu").__name__, keras.activations.serialize(keras.activations.tanh))
print(keras.version() >= "0", isinstance(keras.__version__, str))
RESULT = {name: made.get_weights()[0] for name, made in (("cloned", cloned), ("back", back), ("model", model))}
