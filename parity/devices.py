"""Where Keras runs: one of the devices that TensorFlow lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from parity.errors import SetupError

CHOICES = ("auto", "cpu", "gpu")


class Device(NamedTuple):
    """A logical device of TensorFlow: its name ("/device:CPU:1"), its kind ("CPU"), and how it came to be chosen."""

    name: str
    kind: str
    why: str

    @property
    def short(self) -> str:
        """'CPU:1'."""
        return self.name.rpartition("device:")[2]


def choose(wish: str, logical_devices: Sequence[Any]) -> Device:
    """The first device of the wished kind; "auto" takes a GPU if there is one.

    Args:
        wish: "auto", "cpu" or "gpu".
        logical_devices: what `tf.config.list_logical_devices()` gives: each with `.name` and `.device_type`.

    Raises:
        SetupError: "gpu" on a machine without one.
    """
    if wish not in CHOICES:
        raise SetupError(f"--device expects one of {', '.join(CHOICES)}; got {wish!r}.")
    first: dict[str, str] = {}
    for device in logical_devices:
        first.setdefault(device.device_type, device.name)
    if wish == "gpu" and "GPU" not in first:
        raise SetupError(
            f"--device gpu: TensorFlow finds no GPU here, only {', '.join(d.name for d in logical_devices)}. "
            "Run with --device cpu, or see that the driver and CUDA are installed: pip install 'tensorflow[and-cuda]'."
        )
    if wish != "cpu" and "GPU" in first:
        return Device(first["GPU"], "GPU", "asked for" if wish == "gpu" else "the first GPU found")
    return Device(first["CPU"], "CPU", "asked for" if wish == "cpu" else "no GPU was found")
