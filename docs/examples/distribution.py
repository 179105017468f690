"""A model trained in tinynn goes on in TensorFlow's distribution, and is compared with the run on one device.

    python docs/examples/distribution.py              # MirroredStrategy on two logical CPUs
    python docs/examples/distribution.py workers      # MultiWorkerMirroredStrategy, two processes on this machine

docs/scaling.md shows what it prints.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np

import tinynn

ROWS, BATCH, EPOCHS = 512, 32, 3


def trained_in_tinynn() -> tuple[Any, Any, Any]:
    """A classifier after one epoch, with Adam's slots and count; and its data."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 8)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype("int32")
    tinynn.utils.set_random_seed(1)
    layers = [tinynn.layers.Dense(32, "tanh"), tinynn.layers.Dense(2, "softmax")]
    model = tinynn.Sequential([tinynn.Input((8,)), *layers])
    model.compile(
        tinynn.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x, y, batch_size=BATCH, verbose=0)
    return model, x, y


def mirrored() -> None:
    """`fit` under MirroredStrategy: each batch is split between two devices, the gradients are summed."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    ours, x, y = trained_in_tinynn()
    tf.random.set_seed(1)
    alone = tinynn.to_keras(ours)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        together = tinynn.to_keras(ours)
    one, two = (
        m.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0).history["loss"]
        for m in (alone, together)
    )
    report(
        f"{strategy.num_replicas_in_sync} devices",
        one,
        two,
        alone.get_weights(),
        together.get_weights(),
    )


def worker() -> None:
    """One of the processes of MultiWorkerMirroredStrategy, which finds the others by TF_CONFIG.

    With a loop of its own: the `fit` of Keras 3 does not run under this strategy.
    """
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    ours, x, y = trained_in_tinynn()
    with strategy.scope():
        model = tinynn.to_keras(ours)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)
    batches = strategy.experimental_distribute_dataset(data)

    @tf.function
    def step(batch: Any) -> Any:
        def on_this_worker(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                losses = tf.keras.losses.sparse_categorical_crossentropy(
                    y, model(x, training=True)
                )
                loss = tf.reduce_sum(losses) / BATCH
            variables = model.trainable_variables
            model.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
            return loss

        return strategy.reduce("SUM", strategy.run(on_this_worker, args=batch), axis=None)

    history = [
        float(np.mean([step(batch).numpy() for batch in batches])) for _ in range(EPOCHS)
    ]
    if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 0:
        alone = tinynn.to_keras(ours).fit(
            x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0
        )
        weights = [np.asarray(weight) for weight in model.get_weights()]
        report(
            "2 workers", alone.history["loss"], history, alone.model.get_weights(), weights
        )


def workers() -> None:
    """Two workers on this machine."""
    places = [f"localhost:{port}" for port in _free_ports(2)]
    running = []
    for index in range(2):
        task = {"cluster": {"worker": places}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "TF_CONFIG": json.dumps(task)}
        running.append(
            subprocess.Popen([sys.executable, __file__, "worker"], env=environment)
        )
    codes = [process.wait(timeout=240) for process in running]
    if any(codes):
        raise SystemExit("a worker failed")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def report(
    where: str, one: list[float], two: list[float], weights: list[Any], others: list[Any]
) -> None:
    """The losses of both runs, and how far apart their weights are at the end."""
    print(f"epoch  1 device   {where}")
    for epoch, (a, b) in enumerate(zip(one, two), 1):
        print(f"{epoch:5}  {a:.6f}   {b:.6f}")
    apart = max(float(np.abs(a - b).max()) for a, b in zip(weights, others))
    print(f"largest difference of a weight: {apart:.1e}")


if __name__ == "__main__":
    {"mirrored": mirrored, "workers": workers, "worker": worker}[
        (sys.argv[1:] or ["mirrored"])[0]
    ]()
