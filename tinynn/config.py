"""Settings shared by everything: the float type and the fuzz factor. As `keras.config`."""

from __future__ import annotations

__all__ = ["epsilon", "floatx", "set_epsilon", "set_floatx"]

_floatx = "float32"
_epsilon = 1e-7


def floatx() -> str:
    """The float type of new weights and of data on its way into a model: "float32" or "float64"."""
    return _floatx


def set_floatx(value: str) -> None:
    """Choose the float type for everything created from now on.

    float16 and bfloat16, which Keras offers, are refused: NumPy computes them by way of float32, many times slower.

    Raises:
        ValueError: for anything but "float32" or "float64".
    """
    global _floatx
    if value not in ("float32", "float64"):
        raise ValueError(f'set_floatx expects "float32" or "float64"; got {value!r}.')
    _floatx = str(value)


def epsilon() -> float:
    """The fuzz factor, 1e-7 unless changed: cross-entropy clips probabilities to [epsilon, 1 - epsilon]."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Change the fuzz factor."""
    global _epsilon
    _epsilon = float(value)
