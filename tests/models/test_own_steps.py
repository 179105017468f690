"""Models with steps, losses and metrics of their own, written as Keras's guides show, do in tinynn what they do in Keras."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynn
from tests.models.test_streams import assert_same
from tests.models.twins import floatx_put_back, set_floatx

X = np.arange(10.0)[:, None] / 4
Y = np.ones((10, 1))
WEIGHTS = np.linspace(0, 1, 10)


def tape_of(library: Any) -> Any:
    """tinynn's own tape takes the place of TensorFlow's."""
    if library is tinynn:
        return tinynn.GradientTape
    import tensorflow

    return tensorflow.GradientTape


def own_train_step(k: Any) -> Any:
    class Own(k.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = k.layers.Dense(1, kernel_initializer="ones")
            self.loss_tracker = k.metrics.Mean(name="loss")
            self.mae_metric = k.metrics.MeanAbsoluteError(name="mae")

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def train_step(self, data: Any) -> Any:
            x, y = data
            with tape_of(k)() as tape:
                y_pred = self(x, training=True)
                loss = k.losses.mean_squared_error(y, y_pred)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(gradients, self.trainable_variables)
            self.loss_tracker.update_state(loss)
            self.mae_metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

        def test_step(self, data: Any) -> Any:
            x, y = data
            self.mae_metric.update_state(y, self(x, training=False))
            return {"mae": self.mae_metric.result()}

        @property
        def metrics(self) -> Any:
            return [self.loss_tracker, self.mae_metric]

    return Own()


def stack(k: Any, base: Any) -> Any:
    return base([k.Input((1,)), k.layers.Dense(1, kernel_initializer="ones")])


def own_loss(k: Any) -> Any:
    class Own(k.Sequential):  # type: ignore[misc]
        def compute_loss(
            self, x: Any, y: Any, y_pred: Any, sample_weight: Any
        ) -> Any:  # without `training`, as before 3.3
            return k.ops.mean((y - y_pred) ** 2) + 1.0

    return stack(k, Own)


def own_metric(k: Any) -> Any:
    class Own(k.Sequential):  # type: ignore[misc]
        def __init__(self, layers: Any) -> None:
            super().__init__(layers)
            self.extra = k.metrics.Mean(name="extra")

        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            results = super().compute_metrics(x, y, y_pred, sample_weight)
            self.extra.update_state(k.ops.mean(y_pred))
            results["extra"] = self.extra.result()
            return results

    return stack(k, Own)


def metrics_one_by_one(k: Any) -> Any:
    class Own(k.Sequential):  # type: ignore[misc]
        def train_step(self, data: Any) -> Any:
            x, y = data
            with tape_of(k)() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    return stack(k, Own)


def own_predict_step(k: Any) -> Any:
    class Own(k.Sequential):  # type: ignore[misc]
        def predict_step(self, data: Any) -> Any:
            return self(data) * 2.0

    return stack(k, Own)


def weighted(k: Any) -> Any:
    class Own(k.Sequential):  # type: ignore[misc]
        def train_step(self, data: Any) -> Any:
            x, y, sample_weight = k.utils.unpack_x_y_sample_weight(data)
            assert sample_weight is not None
            return super().train_step((x, y, sample_weight))

    return stack(k, Own)


MODELS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "train_step": (own_train_step, {}),
    "compute_loss": (own_loss, {}),
    "compute_metrics": (own_metric, {}),
    "train_step over self.metrics": (metrics_one_by_one, {}),
    "predict_step": (own_predict_step, {}),
    "train_step with weights": (weighted, {"sample_weight": WEIGHTS}),
}


def run(k: Any, name: str) -> dict[str, Any]:
    make, settings = MODELS[name]
    set_floatx(k, "float64")
    k.backend.clear_session()
    k.utils.set_random_seed(1)
    model = make(k)
    given = {} if name == "train_step" else {"loss": "mse", "metrics": ["mae"]}
    model.compile(optimizer=k.optimizers.SGD(0.01), run_eagerly=True, **given)
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = model.fit(X, Y, epochs=2, verbose=2, batch_size=4, **settings)
        evaluated = model.evaluate(X, Y, verbose=2, return_dict=True)
    return {
        "history": history.history,
        "evaluated": evaluated,
        "predicted": model.predict(X, verbose=0).tolist(),
        "weights": [weight.tolist() for weight in model.get_weights()],
        "metrics": [metric.name for metric in model.metrics],
        "metrics_names": model.metrics_names,
        "printed": re.sub(r"\d+(s|ms|us)\b", "_", stdout.getvalue()),
    }


@pytest.mark.keras
@pytest.mark.parametrize("name", MODELS)
def test_own_parts_do_what_they_do_in_keras(keras: Any, name: str) -> None:
    with floatx_put_back(keras, tinynn):
        expected, found = run(keras, name), run(tinynn, name)
    if name == "train_step over self.metrics":  # names are sorted once more on their way into History: same values
        expected["history"] = {metric: expected["history"][metric] for metric in found["history"]}
        expected["printed"] = found["printed"]
    assert_same(found, expected)


def test_a_model_that_makes_its_train_function_is_trained_by_it() -> None:
    steps: list[float] = []

    class Own(tinynn.Sequential):
        def make_train_function(self, force: bool = False) -> None:
            def two_steps(iterator: Any) -> Any:
                data = next(iterator)
                steps.append(len(data[0]))
                self.train_step(data)
                return self.train_step(data)

            self.train_function = two_steps

    model = stack(tinynn, Own)
    model.compile("sgd", "mse")
    assert model.engine == "reference: own make_train_function"
    model.fit(X, Y, batch_size=4, verbose=0)
    assert steps == [4, 4, 2]
    assert int(model.optimizer.iterations) == 6


def test_the_functions_of_a_model_can_be_called() -> None:
    model = stack(tinynn, tinynn.Sequential)
    model.compile("sgd", "mse")
    for make in (model.make_train_function, model.make_test_function, model.make_predict_function):
        make()
    before = model.test_function(iter([(X, Y)]))["loss"]
    model.train_function(iter([(X, Y)]))
    model.reset_metrics()
    assert model.test_function(iter([(X, Y)]))["loss"] < before
    assert np.array_equal(model.predict_function([X]), model.predict_step(X))


def compiled(k: Any, **settings: Any) -> Any:
    k.backend.clear_session()
    model = k.Sequential([k.Input((1,)), k.layers.Dense(1)])
    model.compile(**settings)
    return model


def settings_of(k: Any) -> list[dict[str, Any]]:
    return [
        {},
        {"optimizer": "adam", "loss": "mse", "metrics": ["mae"]},
        {
            "optimizer": k.optimizers.SGD(0.1, momentum=0.5),
            "loss": k.losses.MeanSquaredError(reduction="sum"),
            "loss_weights": [0.5],
            "metrics": [k.metrics.MeanAbsoluteError(name="off"), "acc"],
            "weighted_metrics": ["mse"],
            "run_eagerly": True,
        },
    ]


@pytest.mark.keras
def test_compile_configuration_is_that_of_keras_and_compiles_again(keras: Any) -> None:
    assert tinynn.Sequential([tinynn.layers.Dense(1)]).get_compile_config() == {}
    for ours, theirs in zip(settings_of(tinynn), settings_of(keras), strict=True):
        config = compiled(tinynn, **ours).get_compile_config()
        expected = compiled(keras, **theirs).get_compile_config()
        assert list(config) == list(expected)
        assert {**config, "jit_compile": None, "optimizer": None} == {
            **expected,
            "jit_compile": None,
            "optimizer": None,
        }
        assert config["optimizer"]["class_name"] == expected["optimizer"]["class_name"]
        again = tinynn.Sequential([tinynn.Input((1,)), tinynn.layers.Dense(1)])
        again.compile_from_config(config)
        assert again.get_compile_config() == config
        assert again.optimizer.built


def test_a_configuration_with_an_own_part_says_what_to_do() -> None:
    class Own(tinynn.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return y_pred

    config = compiled(tinynn, loss=Own()).get_compile_config()
    with pytest.raises(ValueError, match=r'Unknown loss "Own".* Call compile with your own\.'):
        compiled(tinynn).compile_from_config(config)

    class OwnCompile(tinynn.Sequential):
        def compile(self, **settings: Any) -> None:
            super().compile(**settings)

    with pytest.warns(UserWarning, match="custom"):
        OwnCompile([tinynn.layers.Dense(1)]).compile_from_config(config)


def test_what_compile_is_not_given_stays_from_before() -> None:
    """As in Keras: a second compile without a loss or metrics keeps them."""
    model = compiled(tinynn, loss="mse", metrics=["mae"])
    model.compile("sgd")
    assert model.loss == "mse"
    assert list(model.fit(X, Y, verbose=0).history) == ["loss", "mae"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"loss": "mse", "loss_weights": "half"}, "Expected `loss_weights` argument to be a float"),
        ({"loss": "mse", "loss_weights": ["accuracy"]}, r"metrics=\['accuracy'\]"),
        ({"metrics": [None]}, "Expected metric, received `None`"),
        ({"metrics": "mae"}, r"list, tuple, or dict.*metrics=\['mae'\]"),
        ({"weighted_metrics": "mae"}, r"list, tuple, or dict.*weighted_metrics=\['mae'\]"),
    ],
)
def test_errors_of_compile(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        compiled(tinynn, **settings)


def test_eager_and_compiled_at_once_is_eager() -> None:
    with pytest.warns(UserWarning, match="cannot also be True"):
        model = compiled(tinynn, loss="mse", run_eagerly=True, jit_compile=True)
    assert model.engine.startswith("reference")
