"""ReLU, LeakyReLU, PReLU, ELU, Softmax, Activation: values, configurations, errors and training as in Keras."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynn
from tests.models.twins import floatx_put_back, set_floatx
from tinynn import GradientTape, layers

X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
CUBE = np.random.default_rng(1).normal(0, 3, (3, 2, 4)).astype(np.float32)
MASK = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 0], [1, 1, 1]])

CALLS: dict[str, Callable[[Any], Any]] = {
    "ReLU": lambda k: k.layers.ReLU()(CUBE),
    "ReLU with all": lambda k: k.layers.ReLU(max_value=2, negative_slope=0.25, threshold=0.5)(CUBE),
    "ReLU, six": lambda k: k.layers.ReLU(6.0)(CUBE),
    "ReLU of integers": lambda k: k.layers.ReLU()(np.array([[-2, 3]])),
    "LeakyReLU": lambda k: k.layers.LeakyReLU()(CUBE),
    "LeakyReLU, slope": lambda k: k.layers.LeakyReLU(0.1)(CUBE),
    "ELU": lambda k: k.layers.ELU()(CUBE),
    "ELU, alpha": lambda k: k.layers.ELU(0.5)(CUBE),
    "PReLU": lambda k: k.layers.PReLU("he_normal")(CUBE),
    "PReLU, shared": lambda k: k.layers.PReLU("he_normal", shared_axes=[1])(CUBE),
    "PReLU, shared from the end": lambda k: k.layers.PReLU("he_normal", shared_axes=-1)(CUBE),
    "PReLU of rows": lambda k: k.layers.PReLU("ones")(X),
    "Softmax": lambda k: k.layers.Softmax()(CUBE),
    "Softmax, axis": lambda k: k.layers.Softmax(axis=1)(CUBE),
    "Softmax, one axis in a list": lambda k: k.layers.Softmax(axis=[1])(CUBE),
    "Softmax, axes": lambda k: k.layers.Softmax(axis=(1, 2))(CUBE),
    "Softmax, mask": lambda k: k.layers.Softmax()(X, mask=MASK.astype(bool)),
    "Softmax, mask of integers": lambda k: k.layers.Softmax()(X, mask=MASK),
    "Softmax, mask of floats": lambda k: k.layers.Softmax()(X, mask=0.4 + 0.2 * MASK),
    "Softmax, one mask for all": lambda k: k.layers.Softmax()(X, mask=np.array([True, False, True])),
    "Softmax, mask over axes": lambda k: k.layers.Softmax(axis=(0, 1))(X, mask=MASK.astype(bool)),
    **{
        f"Activation {name}": lambda k, name=name: k.layers.Activation(name)(CUBE)
        for name in ("mish", "swish", "glu", "gelu", "exponential", "log_softmax", "hard_sigmoid")
    },
}


@pytest.mark.keras
@pytest.mark.parametrize("call", CALLS)
def test_layers_give_keras_s_values_from_the_seed(keras: Any, call: str) -> None:
    found = []
    with floatx_put_back(keras):
        set_floatx(keras, "float32")
        for k in (tinynn, keras):
            k.backend.clear_session()
            k.utils.set_random_seed(3)
            found.append(np.asarray(CALLS[call](k)))
    ours, theirs = found
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    # A function good to 4 ulp on either side, sums of at most 8 terms; log_softmax and gelu have terms up to 10.
    assert np.allclose(ours, theirs, rtol=16 * np.finfo(np.float32).eps, atol=10 * np.finfo(np.float32).eps)


MADE: list[tuple[str, dict[str, Any]]] = [
    ("ReLU", {}),
    ("ReLU", {"max_value": 3, "negative_slope": 0.1, "threshold": 1.0, "name": "mine"}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.1, "dtype": "float64"}),
    ("PReLU", {}),
    ("PReLU", {"alpha_initializer": "ones", "shared_axes": [1], "trainable": False}),
    ("PReLU", {"shared_axes": (1, 2)}),
    ("PReLU", {"shared_axes": 1}),
    ("PReLU", {"alpha_regularizer": "l2", "alpha_constraint": "non_neg"}),
    ("ELU", {}),
    ("ELU", {"alpha": 2.0, "name": "e"}),
    ("Softmax", {}),
    ("Softmax", {"axis": (1, 2)}),
    ("Softmax", {"axis": [1]}),
    ("Activation", {"activation": "swish"}),
    ("Activation", {"activation": "leaky_relu"}),
]


@pytest.mark.keras
@pytest.mark.parametrize(("name", "arguments"), MADE)
def test_configs_are_keras_s_and_make_the_layer_again(keras: Any, name: str, arguments: dict[str, Any]) -> None:
    seen = []
    with floatx_put_back(keras):
        set_floatx(keras, "float32")
        for k in (tinynn, keras):
            k.backend.clear_session()
            layer = getattr(k.layers, name)(**arguments)
            seen.append((layer.get_config(), layer.built, repr(layer)))
    assert seen[0] == seen[1]
    kind = getattr(layers, name)
    assert kind.from_config(seen[0][0]).get_config() == seen[0][0]


ERRORS: list[tuple[str, Callable[[Any], Any]]] = [
    ("a negative top", lambda k: k.layers.ReLU(max_value=-1)),
    ("a negative slope", lambda k: k.layers.ReLU(negative_slope=-1)),
    ("no slope", lambda k: k.layers.ReLU(negative_slope=None)),
    ("a negative threshold", lambda k: k.layers.ReLU(threshold=-1)),
    ("no threshold", lambda k: k.layers.ReLU(threshold=None)),
    ("a negative leak", lambda k: k.layers.LeakyReLU(-0.1)),
    ("no leak", lambda k: k.layers.LeakyReLU(None)),
    ("a mask of more axes", lambda k: k.layers.Softmax()(X, mask=np.ones((1, 4, 3), bool))),
    ("a mask of other lengths", lambda k: k.layers.Softmax()(X, mask=np.ones((4, 2), bool))),
]


@pytest.mark.keras
@pytest.mark.parametrize(("what", "call"), ERRORS)
def test_errors_are_keras_s(keras: Any, what: str, call: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError) as theirs:
        call(keras)
    with pytest.raises(ValueError) as ours:
        call(tinynn)
    assert str(ours.value) in str(theirs.value)  # Keras wraps those from within `call` in more words


def test_errors_of_our_own_say_how_to_mend() -> None:
    with pytest.raises(ValueError, match='Did you mean "max_value"'):
        layers.ReLU(max_vale=3)
    with pytest.raises(ValueError, match="ELU expects alpha to be a number; got None"):
        layers.ELU(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expects shared_axes between 1 and 2 for inputs of shape .*; got 5"):
        layers.PReLU(shared_axes=[5]).build((None, 4, 3))
    with pytest.raises(ValueError, match="expects axes of known length, or shared ones"):
        layers.PReLU().build((None, None, 3))
    layer = layers.PReLU(shared_axes=[1])
    layer.build((None, None, 3))
    assert layer.alpha.shape == (1, 3)
    assert layer(CUBE[:, :, :3]).shape == (3, 2, 3)
    with pytest.raises(ValueError, match=r"expects inputs of shape \(batch, 1, 3\), .*; got \(3, 2, 4\)"):
        layer(CUBE)
    with pytest.warns(UserWarning, match="Argument `alpha` is deprecated. Use `negative_slope` instead."):
        assert layers.LeakyReLU(alpha=0.1).negative_slope == 0.1


@pytest.mark.parametrize("shared", [None, [1], [2], [1, 2]])
def test_gradient_of_prelu_sums_over_what_is_shared(shared: Any) -> None:
    """dL/dalpha = sum of d_out min(x, 0) over the batch and the shared axes."""
    tinynn.config.set_floatx("float64")
    layer = layers.PReLU("ones", shared_axes=shared)
    x, d_out = CUBE.astype(float), np.random.default_rng(2).normal(size=CUBE.shape)
    with GradientTape() as tape:
        watched = tape.watch(x)
        out = layer(watched)
    d_x, d_alpha = tape.gradient(out, [watched, layer.alpha], output_gradients=d_out)
    expected = (d_out * np.minimum(x, 0)).sum(axis=(0, *(shared or [])), keepdims=True)[0]
    assert np.allclose(d_alpha, expected, rtol=0, atol=24 * 2.3e-16 * np.abs(d_out * x).max())
    assert np.array_equal(d_x, d_out)  # slopes of 1


@pytest.mark.keras
@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_a_stack_of_them_trains_and_prints_as_in_keras(keras: Any, floatx: str) -> None:
    def run(k: Any) -> tuple[str, Any, Any]:
        set_floatx(k, floatx)
        k.backend.clear_session()
        k.utils.set_random_seed(3)
        model = k.Sequential(
            [
                k.Input((4,)),
                k.layers.Dense(5),
                k.layers.ReLU(negative_slope=0.1, max_value=3, threshold=0.05),
                k.layers.Dense(5),
                k.layers.LeakyReLU(),
                k.layers.Dense(5, activation="gelu"),
                k.layers.PReLU("he_normal", alpha_regularizer="l2", alpha_constraint="non_neg"),
                k.layers.Dense(5, activation="mish"),
                k.layers.ELU(0.7),
                k.layers.Dense(3),
                k.layers.Softmax(),
            ]
        )
        text = io.StringIO()
        model.summary(print_fn=lambda line, **_: text.write(line + "\n"))
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=k is not tinynn)
        numbers = np.random.default_rng(0)
        x, y = numbers.normal(0, 2, (24, 4)), numbers.integers(0, 3, 24)
        losses = model.fit(x, y, batch_size=8, epochs=2, verbose=0).history["loss"]
        return text.getvalue(), losses, model.get_weights()

    with floatx_put_back(tinynn, keras):
        ours, theirs = run(tinynn), run(keras)
    assert ours[0] == theirs[0]
    eps = np.finfo(floatx).eps
    # Six steps of eleven layers; each layer a sum of five products and a function good to 4 ulp.
    assert np.allclose(ours[1], theirs[1], rtol=64 * eps, atol=0)
    for found, expected in zip(ours[2], theirs[2], strict=True):
        assert np.allclose(found, expected, rtol=0, atol=256 * eps)


def test_dense_with_glu_is_half_as_wide() -> None:
    """Keras takes it for as wide as its units, so that the next layer does not fit."""
    model = tinynn.Sequential([tinynn.Input((3,)), layers.Dense(8, "glu"), layers.Dense(2)])
    assert model.layers[1].kernel.shape == (4, 2)
    assert model(X).shape == (4, 2)
