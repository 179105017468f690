"""Keras on TensorFlow, set up so that its numbers can be compared: the only place that imports them."""

from __future__ import annotations

import importlib
import warnings
from typing import Any, NamedTuple

from parity import environment
from parity.devices import Device, choose
from parity.engines import Engine
from parity.errors import SetupError

PROVEN_AGAINST = "3.15.1"
"""The Keras whose streams tinynn reproduces; see `pyproject.toml`."""

MEND = "pip install 'tinynn-engine[keras]', or let `make parity` install it."


class KerasSide(NamedTuple):
    """The engine, where it runs, and the modules themselves."""

    engine: Engine
    device: Device
    tensorflow: Any
    keras: Any


def load(wish: str) -> KerasSide:
    """Import TensorFlow and Keras in silence, choose the device, and switch off what changes numbers.

    Raises:
        SetupError: they are not installed, or there is no such device.
    """
    with environment.quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensorflow = _import("tensorflow", "TensorFlow")
        keras = _import("keras", "Keras")
        devices = tensorflow.config.list_logical_devices()
    if keras.backend.backend() != "tensorflow":
        raise SetupError(
            f'Keras was imported with the backend "{keras.backend.backend()}"; set KERAS_BACKEND=tensorflow.'
        )
    device = choose(wish, devices)
    _switch_off_what_changes_numbers(tensorflow, device)
    return KerasSide(engine_on(device, tensorflow, keras), device, tensorflow, keras)


def engine_on(device: Device, tensorflow: Any, keras: Any) -> Engine:
    """Keras on this device, XLA off."""

    def check(model: Any) -> None:
        for variable in model.variables:
            place = variable.value.device
            if not place.endswith(device.short):
                raise RuntimeError(f"{variable.path} lies on {place}; expected {device.name}.")

    return Engine("Keras", keras, {"jit_compile": False}, lambda: tensorflow.device(device.name), check)


def _switch_off_what_changes_numbers(tensorflow: Any, device: Device) -> None:
    """TF32 rounds products to 10 bits and XLA fuses; both are for speed. Atomic adds make a GPU's sums vary."""
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    tensorflow.config.optimizer.set_jit(False)
    if device.kind == "GPU":
        tensorflow.config.experimental.enable_op_determinism()


def _import(module: str, title: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] == module:
            raise SetupError(
                f"parity compares with Keras on TensorFlow, and {title} is not installed: {MEND}"
            ) from None
        raise SetupError(f"{title} is installed but cannot be imported: {error}. Try again with {MEND}") from error
    except ImportError as error:
        raise SetupError(f"{title} is installed but cannot be imported: {error}. Try again with {MEND}") from error
