"""`parity.check`: agreement is found, an error put into the engine is found on its rung, and nothing is left behind."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynn
from parity import cli, ladder
from parity.ladder import apart, clue, one_compared
from tinynn.engine import reference
from tinynn.kernels import adam, dense, mean_squared_error, tanh
from tinynn.models.data import ArrayBatches
from tinynn.models.trainer import Trainer
from tinynn.random import streams

ROOT = Path(__file__).parents[2]
RUNGS = ["start", "forward", "loss", "gradient", "optimizer", "steps", "evaluate", "fit"]
SMALL: dict[str, Any] = {"batch_size": 8, "steps": 2, "epochs": 1}

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(20, 3))
Y = np.stack([X[:, 0] * X[:, 1], X[:, 2]], axis=1)


def model_of(k: Any, eager: bool = True, optimizer: str = "adam") -> Any:
    L = k.layers
    hidden = L.Dense(4, "tanh", kernel_regularizer="l2", name="hidden")
    layers = [k.Input((3,)), hidden, L.Dropout(0.3, name="drop"), L.Dense(2, name="last")]
    model = k.Sequential(layers, name="model")
    model.compile(optimizer, "mse", metrics=["mae"], run_eagerly=eager)
    return model


def check(model: Any, x: Any = X, y: Any = Y, **settings: Any) -> Any:
    import parity

    return parity.check(model, x, y, **{**SMALL, **settings})


# What is compared, without Keras ---------------------------------------------------------------------------------------


def test_apart_knows_nan_and_infinity() -> None:
    a = np.array([1.0, np.nan, np.inf, np.inf, np.nan, 2.0])
    b = np.array([1.0, np.nan, np.inf, -np.inf, 0.0, 2.5])
    np.testing.assert_array_equal(apart(a, b), [0, 0, 0, np.inf, np.inf, 0.5])


def test_one_compared_names_the_entry_and_counts() -> None:
    theirs = np.arange(6.0).reshape(2, 3)
    ours = theirs.copy()
    ours[1, 2] += 0.5
    found = one_compared(("dense", "dense/kernel"), ours, theirs, 0.25)
    assert (found.ok, found.place, found.ours, found.theirs) == (False, "dense/kernel[1, 2]", 5.5, 5.0)
    assert (found.beyond, found.size, found.relative(found.apart)) == (1, 6, 0.1)
    assert one_compared(("", "loss"), ours, theirs, 0.5).ok
    other_shape = one_compared(("", "loss"), ours, theirs.T, 100.0)
    assert not other_shape.ok
    assert other_shape.clue == "shape (2, 3) in tinynn, (3, 2) in Keras"
    assert one_compared(("", "x"), None, theirs, 1.0).clue == "only Keras has it"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a * 1.001, "every entry is 1.001 times Keras's"),
        (lambda a: a + 0.25, "every entry is 0.25 more than Keras's"),
        (lambda a: a[::-1], "the same numbers in another order"),
        (lambda a: a * 0, "tinynn has zeros where Keras has none"),
        (lambda a: a + np.arange(5.0) ** 2, ""),
    ],
)
def test_the_clue_says_what_two_arrays_have_to_do_with_each_other(change: Any, words: str) -> None:
    theirs = np.array([1.0, -2.0, 3.5, 0.0, 7.0])
    assert clue(change(theirs), theirs) == words


# Agreement -------------------------------------------------------------------------------------------------------------


def everything_global(keras: Any) -> list[Any]:
    """What a user could notice: seeds, next names, float types, fuzz factors, switches."""
    import tensorflow as tf
    from keras.src.backend.common import global_state
    from tensorflow.python.eager import context

    from tinynn import _naming
    from tinynn.random import global_seed

    return [
        random.getstate(),
        np.random.get_state()[1].tolist(),
        *(k.config.floatx() for k in (keras, tinynn)),
        *(k.config.epsilon() for k in (keras, tinynn)),
        keras.config.dtype_policy().name,
        keras.utils.get_random_seed() if hasattr(keras.utils, "get_random_seed") else None,
        dict(global_state.get_global_attribute("object_name_uids") or {}),
        dict(_naming._counts),
        global_seed.get_random_seed(),
        global_seed.shuffle_seed(),
        context.context()._seed,
        context.context()._rng.getstate(),
        tf.config.experimental.tensor_float_32_execution_enabled(),
    ]


def held_by(model: Any) -> list[Any]:
    numbers = [*model.weights, *model.optimizer.variables, model.layers[1].seed_generator.state]
    return [np.asarray(variable.numpy()).tolist() for variable in numbers]


@pytest.mark.slow
@pytest.mark.keras
@pytest.mark.parametrize("home", ["tinynn", "keras"])
def test_engines_agree_and_nothing_is_left_behind(keras: Any, home: str, tmp_path: Path) -> None:
    k = {"tinynn": tinynn, "keras": keras}[home]
    for either in (tinynn, keras):
        either.utils.set_random_seed(7)
    model = model_of(k)
    model.train_on_batch(X[:5], Y[:5])
    before, mine = everything_global(keras), held_by(model)
    report = check(model)
    assert report.agree, str(report)
    assert everything_global(keras) == before
    assert held_by(model) == mine

    assert [rung.name for rung in report.rungs] == RUNGS
    for rung in report.rungs:
        assert rung.verdict == "PASS"
        assert set(rung.found) == ({"float32"} if rung.name == "fit" else {"float64", "float32"})
        assert all(one.ok for found in rung.found.values() for one in found)
    # What is compared is there: each layer, each parameter by itself and through the loss, each slot.
    names = {rung.name: {one.name for one in rung.found["float32"]} for rung in report.rungs}
    assert {f"{layer} output{told}" for layer in ("hidden", "drop", "last") for told in ("", " in training")} < names[
        "forward"
    ]
    arrays = [f"{layer}/{name}" for layer in ("hidden", "last") for name in ("kernel", "bias")]
    assert {f"gradient of {name}" for name in arrays} | {f"gradient of the loss by {name}" for name in arrays} < names[
        "gradient"
    ]
    assert {f"optimizer's hidden_kernel_{slot} after step 2" for slot in ("momentum", "velocity")} < names["optimizer"]
    assert {"predict", "evaluate: loss", "evaluate: mae"} == names["evaluate"]

    printed = str(report)
    assert max(map(len, printed.splitlines())) <= 80
    assert "The engines agree on this model: 8 of 8 rungs hold" in printed
    told = json.loads(report.to_json(tmp_path / "report.json"))
    assert told == json.loads((tmp_path / "report.json").read_text())
    assert told["agree"] is True
    assert told["explanation"] is None
    assert len(told["rungs"]) == 8
    page = report.to_html(tmp_path / "report.html")
    assert not re.search(r"https?://|\bsrc=|\bhref=|url\(|@import|\$\w", page)
    assert page.count("<table") == page.count("</table>") == 9
    assert report._repr_html_() in page or "8 of 8 rungs hold" in report._repr_html_()


# Errors put in on purpose, one or more for each rung -------------------------------------------------------------------


def scaled(module: Any, name: str, output: str, factor: float = 1.001) -> Any:
    """A kernel with one of its outputs scaled."""

    def put_in(monkeypatch: pytest.MonkeyPatch) -> None:
        whole = getattr(module, name)

        def wrong(*args: Any, **kwargs: Any) -> Any:
            whole(*args, **kwargs)
            array = signature(whole).bind(*args, **kwargs).arguments[output]
            array[...] *= factor

        monkeypatch.setattr(module, name, wrong)

    return put_in


def weights_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tinynn.Sequential.set_weights
    monkeypatch.setattr(tinynn.Sequential, "set_weights", lambda self, w: whole(self, [w[0] * 1.001, *w[1:]]))


def other_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = streams.keep_mask
    monkeypatch.setattr(streams, "keep_mask", lambda *args: ~whole(*args))


def moved_epsilon(monkeypatch: pytest.MonkeyPatch) -> None:
    build = tinynn.optimizers.Optimizer.build

    def moved(self: Any, variables: Any) -> None:
        self.epsilon = 2e-7
        build(self, variables)

    monkeypatch.setattr(tinynn.optimizers.Optimizer, "build", moved)


def wrong_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tape is right; the engine that trains scales its loss."""
    whole = reference.GradientTape.gradient

    class Tape(reference.GradientTape):  # type: ignore[name-defined, misc]
        def gradient(self, target: Any, sources: Any, **settings: Any) -> Any:
            first, *rest = whole(self, target, sources, **settings)
            return [first * 1.001, *rest]

    monkeypatch.setattr(reference, "GradientTape", Tape)


def unweighted_last_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Trainer.track_loss
    monkeypatch.setattr(Trainer, "track_loss", lambda self, loss, n: whole(self, loss, 1))


def swapped_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    order = ArrayBatches.order

    def swapped(self: ArrayBatches) -> Any:
        found = order(self)
        if found is not None:
            found = found.copy()
            found[:8], found[8:16] = found[8:16].copy(), found[:8].copy()
        return found

    monkeypatch.setattr(ArrayBatches, "order", swapped)


@pytest.mark.keras
@pytest.mark.parametrize(
    ("put_in", "rung", "layer", "entry", "trap"),
    [
        (weights_not_copied, "start", "hidden", r"hidden/kernel\[", "weights that were not copied"),
        (scaled(tanh, "forward", "out"), "forward", "hidden", r"hidden output\[", r"forward pass of Dense \(tanh\)"),
        (scaled(mean_squared_error, "forward", "losses"), "loss", "", "loss", "mean over the batch"),
        (scaled(tanh, "backward", "d_x"), "gradient", "hidden", "gradient of hidden/kernel", "derivative of tanh"),
        (
            scaled(dense, "backward", "d_bias"),
            "gradient",
            "last",
            "gradient of last/bias",
            "sum of d_out over the batch",
        ),
        (other_mask, "forward", "drop", r"drop output in training\[", r"mask follows from \[seed, counter\]"),
        (
            scaled(mean_squared_error, "backward", "d_pred"),
            "gradient",
            "last",
            "gradient of the loss by last/bias",
            "own derivative agrees, so it is the loss's",
        ),
        (moved_epsilon, "optimizer", "hidden", "hidden/kernel.* after step 1", "epsilon 1e-7 is added after the root"),
        (scaled(adam, "step", "v"), "optimizer", "hidden", "hidden_kernel_velocity after step 1", "rule of Adam"),
        (wrong_engine, "steps", "hidden", "hidden_kernel_momentum after step 1", "it is the engine that trains"),
        (unweighted_last_batch, "evaluate", "", "evaluate: loss", "weighted by their sizes"),
        (swapped_batches, "fit", "", "loss of the epochs", "order of batches under the seed"),
    ],
)
def test_an_error_is_found_on_its_rung_with_its_layer(
    keras: Any, put_in: Any, rung: str, layer: str, entry: str, trap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in(monkeypatch)
    monkeypatch.setattr(ladder, "DTYPES", ("float64",))  # where it is seen first; float32 below costs as much again
    report = check(model_of(tinynn), steps=1)
    why = report.explanation
    assert not report.agree
    assert why is not None
    assert (why.rung, why.layer) == (rung, layer), str(report)
    assert re.search(entry, why.entry), why.entry
    assert re.search(trap, why.trap), why.trap
    assert why.apart > why.allowed
    at = RUNGS.index(rung)
    assert [one.verdict for one in report.rungs] == ["PASS"] * at + ["FAIL"] + ["NOT RUN"] * (7 - at)
    printed = " ".join(str(report).split())
    assert f"first disagreement: rung {at + 1}," in printed
    assert f"tinynn: {why.ours:.{9 if why.dtype == 'float32' else 17}g}" in printed
    assert 'class="wrong"' in report.to_html()


@pytest.mark.keras
def test_an_error_in_float32_alone_is_said_to_be_one_of_rounding(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tanh.forward

    def rough(x: Any, out: Any) -> None:
        whole(x, out)
        if out.dtype == np.float32:
            out[...] = out.astype(np.float16)

    monkeypatch.setattr(tanh, "forward", rough)
    report = check(model_of(tinynn))
    why = report.explanation
    assert why is not None
    assert (why.rung, why.dtype, why.layer) == ("forward", "float32", "hidden")
    assert "It shows in float32 alone" in why.trap


@pytest.mark.keras
def test_an_engine_that_raises_is_a_disagreement(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(dense, "backward", refuse)
    report = check(model_of(tinynn))
    assert not report.agree
    assert report.explanation is not None
    assert report.explanation.error == "in float64: ZeroDivisionError: on purpose"
    assert "what happened: in float64: ZeroDivisionError: on purpose" in str(report)


@pytest.mark.keras
def test_wrong_arguments_are_said(keras: Any) -> None:
    plain = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"is not compiled: model.compile\(optimizer, loss\)"):
        check(plain)
    with pytest.raises(ValueError, match=r"same number of rows, at least 1; got {'x': 20, 'y': 19}"):
        check(model_of(tinynn), X, Y[:19])
    with pytest.raises(ValueError, match=r"rows must be a positive integer or None for all; got 0"):
        check(model_of(tinynn), rows=0)
    with pytest.raises(TypeError, match=r"A model is a tinynn\.Sequential or a keras\.Sequential"):
        check(X)


# The command line ------------------------------------------------------------------------------------------------------

SCRIPT = """
import numpy as np
import tinynn as keras

def build():
    x = np.linspace(-1, 1, 12)[:, None]
    model = keras.Sequential([keras.layers.Dense(3, "relu"), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    return model, x, x**2

def nothing():
    return 1
"""


@pytest.mark.keras
def test_the_command_checks_what_a_function_builds(
    keras: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is not built yet: it starts from what the seed gives."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    script = tmp_path / "own.py"
    script.write_text(SCRIPT)
    options = ["--rows", "10", "--batch-size", "4", "--steps", "1", "--epochs", "1"]
    written = ["--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]
    assert cli.main(["check", f"{script}:build", *options, *written]) == 0
    printed = capsys.readouterr().out
    assert "10 rows, batches of 4" in printed
    assert "8 of 8 rungs hold" in printed
    assert json.loads((tmp_path / "r.json").read_text())["agree"] is True
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")

    for target, message in [
        (f"{script}:buidl", 'has no function buidl. Did you mean "build"?'),
        (f"{script}:nothing", "must return (model, x, y), or (model, x, y, custom_objects); got int."),
        (str(script), "expected FILE.py:FUNCTION, such as model.py:build"),
        (f"{tmp_path}/other.py:build", "there is no file"),
    ]:
        assert cli.main(["check", target]) == 2
        assert message in capsys.readouterr().err
    assert cli.main(["check", f"{script}:build", "--html", str(tmp_path / "no" / "r.html")]) == 2
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.keras
def test_a_gpu_that_is_not_there_ends_with_code_2(
    keras: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow

    if tensorflow.config.list_logical_devices("GPU"):
        pytest.skip("there is a GPU here")
    (tmp_path / "own.py").write_text(SCRIPT)
    assert cli.main(["check", f"{tmp_path / 'own.py'}:build", "--device", "gpu"]) == 2
    printed = capsys.readouterr()
    assert "--device gpu: TensorFlow finds no GPU here" in printed.err
    assert printed.out == ""


TWO_DEVICES = """
from parity import environment
environment.pin()
with environment.quiet_stderr():
    import tensorflow as tf
    import keras
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    assert [device.name for device in tf.config.list_logical_devices()] == ["/device:CPU:0", "/device:CPU:1"]

import numpy as np
import tinynn
from parity import checking, ladder
from parity.devices import Device
from parity.keras_side import KerasSide, engine_on

# The second CPU plays the GPU: what is placed there, and what is asked of TF32, is real; nothing it says is about a GPU.
device = Device("/device:CPU:1", "GPU", "a CPU that stands in for one")
side = KerasSide(engine_on(device, tf, keras), device, tf, keras)
places, tf32 = set(), []
whole = ladder.Pair.compare
def compare(self, rung, run):
    whole(self, rung, run)
    side.engine.check(self.keras)
    places.update(v.value.device[-5:] for v in [*self.keras.variables, *self.keras.optimizer.variables])
    tf32.append((rung.name, tf.config.experimental.tensor_float_32_execution_enabled()))
ladder.Pair.compare = compare

model = tinynn.Sequential([tinynn.Input((2,)), tinynn.layers.Dense(3, "relu"), tinynn.layers.Dense(1)])
model.compile("adam", "mse", run_eagerly=True)
x = np.random.default_rng(0).normal(size=(12, 2))
tf.config.experimental.enable_tensor_float_32_execution(False)
report = checking.check_on(side, model, x, x[:, :1], batch_size=5, steps=1, epochs=1)
print(report)
assert report.agree
assert places == {"CPU:1"}, places
gated = [on for _, on in tf32[: 2 * 6]]
assert gated == [False] * 12, tf32
assert [name for name, on in tf32[12:]] == ["forward", "loss", "gradient", "optimizer", "steps"], tf32
assert all(on for _, on in tf32[12:])
assert [rung.verdict for rung in report.tf32] == ["REPORTED"] * 5
assert not tf.config.experimental.tensor_float_32_execution_enabled()
"""


@pytest.mark.slow
@pytest.mark.keras
def test_on_another_device_everything_lies_there_and_tf32_is_reported(keras: Any) -> None:
    """Two logical CPUs stand in for a CPU and a GPU; they must be set up before TensorFlow is, so in another process."""
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "With TF32 on, which rounds products to 10 bits: reported, not judged" in done.stdout
    assert "Keras on CPU:1 (a CPU that stands in for one)" in done.stdout


def test_rungs_are_those_of_the_guide() -> None:
    assert list(ladder.RUNGS) == RUNGS
