"""`parity.twin`: a model made again in the other library goes on to the same numbers, and the first one is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinynn

pytestmark = pytest.mark.keras

X = np.random.default_rng(0).normal(size=(10, 4))


@pytest.fixture
def both(keras: Any) -> dict[str, Any]:
    return {"tinynn": tinynn, "keras": keras}


def twin(model: Any, **settings: Any) -> Any:
    import parity

    return parity.twin(model, **settings)


def trained(k: Any, layers: list[Any], seed: int = 1, **compiled: Any) -> Any:
    """A model that has seen two batches: weights, slots and counters are no longer what they were."""
    model = k.Sequential([k.Input((4,)), *layers])
    model.compile(**compiled, run_eagerly=True)
    y = targets(model, seed)
    model.train_on_batch(X[:4], y[:4])
    model.train_on_batch(X[4:], y[4:])
    return model


def targets(model: Any, seed: int = 1) -> Any:
    return (np.random.default_rng(seed).random((len(X), model.output_shape[-1])) > 0.5).astype("float64")


def classifier(k: Any) -> Any:
    L = k.layers
    layers = [L.Dense(5, "relu"), L.BatchNormalization(), L.Dropout(0.3), L.Dense(3, "softmax")]
    return trained(k, layers, optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])


def regularized(k: Any) -> Any:
    L = k.layers
    dense = L.Dense(
        5, k.activations.tanh, kernel_regularizer=k.regularizers.L1L2(0.01, 0.02), kernel_constraint="max_norm"
    )
    rate = k.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    optimizer = k.optimizers.SGD(rate, momentum=0.9, nesterov=True, clipnorm=1.0)
    inner = k.Sequential([k.Input((5,)), L.Dense(3), L.LeakyReLU()])
    return trained(
        k, [dense, inner, L.GaussianNoise(0.1), L.Dense(2)], optimizer=optimizer, loss=k.losses.Huber(delta=0.3)
    )


def weighted(k: Any) -> Any:
    L = k.layers
    metrics = [k.metrics.AUC(num_thresholds=20), k.metrics.Precision(thresholds=0.4)]
    layers = [L.Reshape((2, 2)), L.Flatten(), L.PReLU(), L.LayerNormalization(), L.Dense(1, "sigmoid")]
    optimizer = k.optimizers.AdamW(0.01, weight_decay=0.1, use_ema=True)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    loss = k.losses.BinaryCrossentropy(label_smoothing=0.1)
    return trained(k, layers, optimizer=optimizer, loss=loss, metrics=metrics, weighted_metrics=["mse"])


@pytest.mark.parametrize("home", ["tinynn", "keras"])
@pytest.mark.parametrize("make", [classifier, regularized, weighted])
def test_a_twin_goes_on_to_the_same_numbers(make: Any, home: str, both: dict[str, Any]) -> None:
    """Two further steps with the state that was copied: slots, masks, schedule and exclusions play their part in them."""
    model = make(both[home])
    other = twin(model)
    assert isinstance(other, both["keras" if home == "tinynn" else "tinynn"].Model)
    assert [layer.name for layer in other.layers] == [layer.name for layer in model.layers]
    y = targets(model)
    for batch in (slice(0, 6), slice(6, 10)):
        ours = model.train_on_batch(X[batch], y[batch], return_dict=True)
        theirs = other.train_on_batch(X[batch], y[batch], return_dict=True)
        assert set(ours) == set(theirs)
        # 100 ulp of float32: a few sums of at most ten terms a layer, twice
        np.testing.assert_allclose(float(ours["loss"]), float(theirs["loss"]), rtol=1e-5)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(a).max())
    assert int(other.optimizer.iterations.numpy()) == 4
    again = twin(other)
    for a, b in zip(other.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert type(again) is type(model)


def test_nothing_is_shared_and_the_model_is_left_alone(both: dict[str, Any]) -> None:
    for k in both.values():
        model = classifier(k)
        before = [w.copy() for w in model.get_weights()], [v.numpy().copy() for v in model.optimizer.variables]
        random_before = np.random.get_state()[1].copy()
        other = twin(model)
        np.testing.assert_array_equal(np.random.get_state()[1], random_before)
        other.train_on_batch(X, targets(model))
        for a, b in zip(before[0], model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        for a, b in zip(before[1], model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(a, b.numpy())


def test_a_functional_chain_has_a_twin_and_a_branch_has_none(keras: Any) -> None:
    x = keras.Input((4,))
    hidden = keras.layers.Dense(3, "relu", name="hidden")(x)
    chain = keras.Model(x, keras.layers.Dense(2, name="last")(hidden))
    x32 = X.astype("float32")
    np.testing.assert_allclose(twin(chain)(x32), chain(x32).numpy(), rtol=1e-5, atol=1e-6)
    branch = keras.Model(x, keras.layers.Add(name="sum")([hidden, keras.layers.Dense(3)(x)]))
    with pytest.raises(
        ValueError, match=r"because layer '\w+' \(Dense\) of model .*does not follow the layer before it"
    ):
        twin(branch)


def test_parts_of_your_own_need_custom_objects(keras: Any) -> None:
    class Scale(tinynn.layers.Layer):
        def __init__(self, factor: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x * self.factor

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "factor": self.factor}

    class KerasScale(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, factor: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x * self.factor

    def bent(x: Any) -> Any:
        return tinynn.ops.maximum(x, 0.5 * x)

    def gap(y_true: Any, y_pred: Any) -> Any:
        return tinynn.ops.mean(tinynn.ops.abs(y_true - y_pred), axis=-1)

    L = tinynn.layers
    model = tinynn.Sequential(
        [tinynn.Input((4,)), Scale(2.0, name="twice"), L.Dense(3, bent), L.Lambda(lambda x: x + 1, name="plus")]
    )
    model.compile("sgd", gap)
    theirs = {
        "Scale": KerasScale,
        "bent": lambda x: keras.ops.maximum(x, 0.5 * x),
        "plus": lambda x: x + 1,
        "gap": lambda y_true, y_pred: keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1),
    }
    other = twin(model, custom_objects=theirs)
    y = targets(model)
    np.testing.assert_allclose(model.predict(X, verbose=0), other.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.evaluate(X, y, verbose=0), other.evaluate(X, y, verbose=0), rtol=1e-5)
    messages = {
        "Scale": r"because layer 'twice' \(Scale\) is a class of your own. Pass custom_objects={'Scale': the same class",
        "bent": r"because the activation of layer 'dense\w*' \(Dense\) is your own bent. Pass custom_objects={'bent'",
        "plus": r"because layer 'plus' \(Lambda\) holds a function of tinynn's tensors. Pass custom_objects={'plus'",
        "gap": r"because loss 'gap' is your own. Pass custom_objects={'gap'",
    }
    for missing, message in messages.items():
        with pytest.raises(ValueError, match=f"cannot make a twin, {message}"):
            twin(model, custom_objects={name: value for name, value in theirs.items() if name != missing})


def test_what_is_no_model_or_has_no_counterpart_is_said(keras: Any) -> None:
    with pytest.raises(
        TypeError, match=r"A model is a tinynn.Sequential or a keras.Sequential; got .*Call the function"
    ):
        twin(classifier)
    image = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3, name="conv")])
    with pytest.raises(ValueError, match=r"because layer 'conv' \(Conv2D\) has no counterpart in tinynn"):
        twin(image)
    half = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, dtype="float16", name="half")])
    with pytest.raises(ValueError, match=r"because layer 'half' \(Dense\) computes in float16"):
        twin(half)
