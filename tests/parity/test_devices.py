"""Which device Keras gets, and that it really runs there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parity.devices import Device, choose
from parity.errors import SetupError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def devices(*names: str) -> list[SimpleNamespace]:
    """Stand-ins for what tf.config.list_logical_devices() gives."""
    return [SimpleNamespace(name=f"/device:{name}", device_type=name.partition(":")[0]) for name in names]


WITHOUT, WITH = devices("CPU:0"), devices("CPU:0", "GPU:0", "GPU:1")


@pytest.mark.parametrize(
    ("wish", "listed", "expected"),
    [
        ("auto", WITHOUT, Device("/device:CPU:0", "CPU", "no GPU was found")),
        ("auto", WITH, Device("/device:GPU:0", "GPU", "the first GPU found")),
        ("cpu", WITHOUT, Device("/device:CPU:0", "CPU", "asked for")),
        ("cpu", WITH, Device("/device:CPU:0", "CPU", "asked for")),
        ("gpu", WITH, Device("/device:GPU:0", "GPU", "asked for")),
    ],
)
def test_the_device_follows_wish_and_list(wish: str, listed: list[Any], expected: Device) -> None:
    assert choose(wish, listed) == expected
    assert expected.short in ("CPU:0", "GPU:0")


def test_a_gpu_that_is_not_there_is_an_error_that_says_what_is() -> None:
    with pytest.raises(SetupError, match=r"TensorFlow finds no GPU here, only /device:CPU:0\. Run with --device cpu"):
        choose("gpu", WITHOUT)
    with pytest.raises(SetupError, match="expects one of auto, cpu, gpu; got 'tpu'"):
        choose("tpu", WITH)


PLACEMENT = """
from parity import environment
environment.pin()
with environment.quiet_stderr():
    import tensorflow as tf
    from tensorflow.python.eager import context
    import keras
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    names = [device.name for device in tf.config.list_logical_devices()]
assert names == ["/device:CPU:0", "/device:CPU:1"], names

from parity.devices import Device
from parity.keras_side import engine_on
from parity.models import RECIPES
from parity.train import Setting, train

def run_on(name):
    engine = engine_on(Device(name, "CPU", "asked for"), tf, keras)
    seen = {}
    def check(model):
        engine.check(model)
        seen["variables"] = {v.value.device[-5:] for v in model.variables + model.optimizer.variables}
    context.enable_run_metadata()
    from dataclasses import replace
    run = train(replace(engine, check=check), RECIPES["four-layers"].shortened(), Setting("float32", 0), lambda text: None)
    graphs = context.export_run_metadata().partition_graphs
    context.disable_run_metadata()
    nodes = [node for graph in graphs for node in graph.node]
    seen["ops"] = {node.device[-5:] for node in nodes if node.op in ("MatMul", "Relu", "AssignSubVariableOp")}
    return run, seen

first, on_first = run_on("/device:CPU:0")
second, on_second = run_on("/device:CPU:1")
assert on_first == {"variables": {"CPU:0"}, "ops": {"CPU:0"}}, on_first
assert on_second == {"variables": {"CPU:1"}, "ops": {"CPU:1"}}, on_second
assert (first.weights == second.weights).all()

elsewhere = engine_on(Device("/device:CPU:0", "CPU", "asked for"), tf, keras)
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
try:
    engine_on(Device("/device:CPU:1", "CPU", "asked for"), tf, keras).check(model)
except RuntimeError as error:
    print(error)
"""


@pytest.mark.keras
def test_variables_and_operations_run_on_the_device_that_was_chosen(keras: Any) -> None:
    """Two logical CPUs stand in for a CPU and a GPU; they must be set up before TensorFlow is, so in another process."""
    done = subprocess.run(
        [sys.executable, "-c", PLACEMENT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert "lies on" in done.stdout
    assert "CPU:0; expected /device:CPU:1." in done.stdout
    assert done.stderr == ""
