"""What onnxruntime makes of an exported model is what `predict` gives."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import activations, layers
from tinynn.saving.onnx_export import ACTIVATIONS, LAYERS
from tinynn.saving.table import LAYER_NAMES

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install tinynn-engine[dev]")
X = np.random.RandomState(1).normal(size=(5, 6)).astype("float32") * 2


def run(model: Any, path: Path, x: Any = X) -> Any:
    model.export(path, format="onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = (
        1  # more of them wait for each other on a busy machine
    )
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"inputs": x})[0]


def close(found: Any, expected: Any) -> None:
    """Each engine rounds each of a few operations: 32 units in the last place of the largest number."""
    bound = 32 * np.finfo(np.float32).eps * max(1, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def test_all_activations_that_need_no_argument_are_there() -> None:
    functions = {n: f for n, f in vars(activations).items() if n in activations.__all__ and inspect.isfunction(f)}
    assert {functions[name] for name in ACTIVATIONS} == {
        function for name, function in functions.items() if name not in ("get", "serialize", "deserialize", "threshold")
    }


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_activations(name: str, tmp_path: Path) -> None:
    model = tinynn.Sequential([tinynn.Input((6,)), layers.Dense(6, activation=name)])
    close(run(model, tmp_path / "a.onnx"), model.predict(X, verbose=0))


def test_layers(tmp_path: Path) -> None:
    normalization = layers.Normalization()
    normalization.adapt(X)
    inverse = layers.Normalization(mean=[0.5] * 6, variance=[2.0] * 6, invert=True)
    stack = [
        *(normalization, layers.Dense(6), layers.BatchNormalization(), layers.LayerNormalization(), layers.PReLU()),
        *(
            layers.ReLU(2.0, 0.1, 0.3),
            layers.Dense(6),
            layers.LeakyReLU(),
            layers.ELU(0.5),
            inverse,
            layers.Rescaling(2, 1),
        ),
        *(layers.Reshape((2, 3)), layers.LayerNormalization(axis=[1, 2]), layers.Permute((2, 1)), layers.Flatten()),
        *(layers.RMSNormalization(), layers.UnitNormalization(), layers.Dropout(0.5), layers.GaussianNoise(1.0)),
        *(layers.GaussianDropout(0.5), layers.AlphaDropout(0.5), layers.ActivityRegularization(1.0), layers.Identity()),
        *(layers.Activation("tanh"), tinynn.Sequential([layers.Dense(4)]), layers.RepeatVector(3), layers.Softmax()),
    ]
    model = tinynn.Sequential([tinynn.Input((6,)), *stack])
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((5, 3, 4), "float32"), verbose=0)  # moving averages and the like are not what they were
    assert {type(layer).__name__ for layer in stack} | {"InputLayer"} >= set(LAYERS)
    close(run(model, tmp_path / "a.onnx"), model.predict(X, verbose=0))
    assert set(LAYER_NAMES) - set(LAYERS) == {"GroupNormalization", "InputLayer"}


def test_what_cannot_be_said_is_told(tmp_path: Path) -> None:
    cases: list[tuple[Any, str]] = [
        (layers.Dense(2, activation=lambda x: x, name="odd"), 'Layer "odd" .* function of your own'),
        (layers.Lambda(lambda x: x, name="odd"), 'Layer "odd" .* no translation'),
        (layers.GroupNormalization(2, name="odd"), 'Layer "odd" .* no translation'),
    ]
    for layer, message in cases:
        with pytest.raises(ValueError, match=message):
            tinynn.Sequential([tinynn.Input((6,)), layer]).export(tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="is built"):
        tinynn.Sequential([layers.Dense(2)]).export(tmp_path / "a.onnx")
    with pytest.raises(ValueError, match='format="onnx"'):
        tinynn.Sequential([tinynn.Input((6,)), layers.Dense(2)]).export(tmp_path / "a", format="tf_saved_model")
    assert list(tmp_path.iterdir()) == []
