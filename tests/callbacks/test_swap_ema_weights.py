"""SwapEMAWeights: what evaluations see, what training goes on with, and what is left in the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinynn
from tests.models.twins import floatx_put_back, set_floatx

X = np.random.default_rng(0).normal(size=(8, 2))
Y = X.sum(axis=1)


def run(k: Any, swap_on_epoch: bool) -> list[Any]:
    """Losses, what a callback after it sees at the end of each epoch, weights and averages after training."""
    set_floatx(k, "float64")
    k.backend.clear_session()
    k.utils.set_random_seed(1)
    model = k.Sequential([k.Input((2,)), k.layers.Dense(1)])
    optimizer = k.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.7)
    model.compile(optimizer, "mse", run_eagerly=True)
    seen: list[Any] = []
    look = k.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()[0]))
    callbacks = [k.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch), look]
    history = model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=callbacks, validation_data=(X, Y)).history
    averages = [variable.numpy() for variable in optimizer.variables if "average" in variable.path]
    return [history["loss"], history["val_loss"], *seen, *model.get_weights(), *averages]


@pytest.mark.keras
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_losses_weights_and_averages_are_keras_s(keras: Any, swap_on_epoch: bool) -> None:
    with floatx_put_back(tinynn, keras):
        for found, expected in zip(run(tinynn, swap_on_epoch), run(keras, swap_on_epoch), strict=True):
            assert np.allclose(found, expected, rtol=1e-12, atol=1e-13)  # Keras swaps by sums, which round


def test_evaluations_see_the_averages_and_training_does_not() -> None:
    with floatx_put_back(tinynn):
        swapped = run(tinynn, swap_on_epoch=False)
        set_floatx(tinynn, "float64")
        tinynn.backend.clear_session()
        tinynn.utils.set_random_seed(1)
        model = tinynn.Sequential([tinynn.Input((2,)), tinynn.layers.Dense(1)])
        model.compile(tinynn.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.7), "mse", run_eagerly=True)
        plain = model.fit(X, Y, batch_size=4, epochs=3, verbose=0, validation_data=(X, Y)).history
        assert plain["loss"] == swapped[0]
        assert plain["val_loss"] != swapped[1]
        assert model.evaluate(X, Y, verbose=0) == pytest.approx(swapped[1][-1], rel=1e-12)


def test_an_optimizer_without_averages_is_named() -> None:
    model = tinynn.Sequential([tinynn.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"`use_ema=True` is set on the optimizer\. Received: use_ema=False"):
        model.fit(X, Y, verbose=0, callbacks=[tinynn.callbacks.SwapEMAWeights(swap_on_epoch=True)])


def test_averages_stay_after_predict_as_in_keras() -> None:
    model = tinynn.Sequential([tinynn.Input((2,)), tinynn.layers.Dense(1)])
    model.compile(tinynn.optimizers.SGD(0.05, use_ema=True), "mse")
    model.train_on_batch(X, Y)
    average = model.optimizer._model_variables_moving_average[0]
    average.assign(average.numpy() + 1)
    wanted = average.numpy().copy()
    model.predict(X, verbose=0, callbacks=[tinynn.callbacks.SwapEMAWeights()])
    assert np.array_equal(model.get_weights()[0], wanted)
