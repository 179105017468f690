"""Where a formula subtracts what cancels, its rounding is put into moved runs: the formula's own exact zeros hide it.

The normalization of a single number is x s + (beta - x s): zero in one engine, the rounding of x s in another that takes the
mean in another order, and s is 1 / sqrt(epsilon) there. A saturated tanh has the slope 1 - y^2, which is nothing but rounding
when y has come to 1; softmax and sparsemax take a mean off the gradient, which leaves rounding where all its entries are
equal; the cosine of vectors that are parallel has no gradient but that of terms as large as 1 / |y|. tinynn moved by a few ulp
does not show this where its own terms cancel exactly, so the few ulp of these terms are added to what it computes: forward to
what normalizations and squashing functions give, backward to what all of these hand down, and to the gradient of a
normalization's gamma, which is the sum of d x s less that of d mean s. Zeros stay zeros.

What a layer adds by chance is not in the start either: moving an input of zeros does not move zeros plus noise, so its own few
ulp are added to that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parity.example import Array, Example

NORMALIZATIONS = (
    *("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization"),
    "UnitNormalization",
)
ADDING = ("GaussianNoise", "AlphaDropout")
"""Layers whose outputs are more than a multiple of their inputs."""
SUBTRACTING = ("tanh", "sigmoid", "softmax", "log_softmax", "sparsemax")
"""Activations whose gradient is a difference of what comes from above, times something of at most 1, and as much again."""
REMEMBERED = ("sigmoid", "softmax")
"""Activations from whose logits these losses are taken, when they are the last: nothing cancels there."""
OF_LOGITS = ("BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy")


def install(library: Any, model: Any, example: Example, way: np.random.Generator, few: float) -> None:
    """Have a tinynn model add, wherever terms cancel, up to `few` of their size (relatively)."""
    probe = _Probe(library, way, few)
    for layer in model.layers:
        name = type(layer).__name__
        if name in NORMALIZATIONS:
            probe.around(layer, "call", _sizes_in(layer))
            if getattr(layer, "gamma", None) is not None:
                probe.beside(layer)
        if name in ADDING:
            probe.around(layer, "call", _outputs)
        activation = getattr(getattr(layer, "activation", None), "__name__", "")
        remembered = layer is model.layers[-1] and activation in REMEMBERED and example.loss["class"] in OF_LOGITS
        if activation in SUBTRACTING and not remembered:
            probe.around(layer, "activation", _slopes)
        if name == "Softmax":
            probe.around(layer, "call", _slopes)
    if example.loss["class"] == "CosineSimilarity":
        probe.behind(model.layers[-1], 1.0 if example.loss.get("reduction") == "sum" else 1 / example.batch_size)


class _Probe:
    def __init__(self, library: Any, way: np.random.Generator, few: float) -> None:
        self._library, self._way, self._few = library, way, few

    def around(self, owner: Any, name: str, sizes: Callable[..., tuple[Array, Array]]) -> None:
        """Replace owner.name, a function of one array; `sizes` gives those of its terms: forward, and backward by d_out."""
        inner = getattr(owner, name)

        def outer(x: Any, *args: Any, **kwargs: Any) -> Any:
            seen: dict[str, Array] = {}
            outputs = inner(self._below(x, seen), *args, **kwargs)
            terms, gain = sizes(_plain(x), _plain(outputs), **kwargs)
            return self._above(outputs, terms, gain, seen)

        setattr(owner, name, outer)

    def _below(self, x: Any, seen: dict[str, Array]) -> Any:
        @self._library.ops.custom_gradient  # type: ignore[untyped-decorator]
        def below(x: Array) -> Any:
            return x, lambda d: d + self._noise(seen["backward"], d)

        return below(x)

    def _above(self, outputs: Any, terms: Array, gain: Array, seen: dict[str, Array]) -> Any:
        @self._library.ops.custom_gradient  # type: ignore[untyped-decorator]
        def above(y: Array) -> Any:
            def backward(d: Array) -> Array:
                seen["backward"] = np.abs(d).max(initial=0.0) * gain
                return d

            return y + self._noise(terms, y), backward

        return above(outputs)

    def beside(self, layer: Any) -> None:
        """The gradient of a normalization's gamma: the sum of d x s less that of d mean s."""
        inner = layer.call

        def outer(x: Any, **kwargs: Any) -> Any:
            terms = np.abs(_plain(x)) * _scale(layer, _plain(x), bool(kwargs.get("training")))

            @self._library.ops.custom_gradient  # type: ignore[untyped-decorator]
            def above(y: Array, gamma: Array) -> Any:
                def backward(d: Array) -> tuple[Array, Array]:
                    return d, self._noise(np.abs(d * terms).reshape(-1, *gamma.shape).sum(0), gamma)

                return y, backward

            return above(inner(x, **kwargs), layer.gamma)

        layer.call = outer

    def behind(self, layer: Any, share: float) -> None:
        """The cosine's gradient by its vector y is a difference of vectors that are a sample's share of 1 / |y| long."""
        inner = layer.call

        @self._library.ops.custom_gradient  # type: ignore[untyped-decorator]
        def above(y: Array) -> Any:
            length = np.sqrt(np.maximum(np.square(y.astype(np.float64)).sum(-1, keepdims=True), 1e-14))
            return y, lambda d: d + self._noise(np.broadcast_to(share / length, y.shape), d)

        layer.call = lambda *args, **kwargs: above(inner(*args, **kwargs))

    def _noise(self, sizes: Array, like: Array) -> Array:
        if sizes.shape != like.shape:  # a layer that changes the shape: the largest for all
            sizes = np.full(like.shape, sizes.max(initial=0.0))
        noise = self._way.uniform(-1, 1, like.shape) * self._few * sizes
        return np.where(np.isfinite(noise), noise, 0).astype(like.dtype)


def _plain(tensor: Any) -> Array:
    return np.asarray(getattr(tensor, "value", tensor), np.float64)


def _sizes_in(layer: Any) -> Callable[..., tuple[Array, Array]]:
    """Of the terms of a normalization: |x s gamma| forward, gamma s times the largest |d_out| backward."""

    def sizes(x: Array, outputs: Array, **kwargs: Any) -> tuple[Array, Array]:
        scale = _scale(layer, x, bool(kwargs.get("training")))
        gamma = getattr(layer, "gamma", None)
        gain = np.broadcast_to(scale, x.shape) * (1.0 if gamma is None else np.abs(_plain(gamma)))
        return np.abs(x) * gain, gain

    return sizes


def _scale(layer: Any, x: Array, training: bool) -> Array:
    """s, by which a normalization multiplies."""
    name, epsilon = type(layer).__name__, float(getattr(layer, "epsilon", 1e-12))
    if name == "UnitNormalization":
        return 1 / np.sqrt(np.maximum(np.square(x).sum(-1, keepdims=True), epsilon))
    if name == "RMSNormalization":
        return 1 / np.sqrt(np.square(x).mean(-1, keepdims=True) + epsilon)
    if name == "BatchNormalization":
        axes = tuple(range(x.ndim - 1))
        return 1 / np.sqrt((x.var(axes) if training else _plain(layer.moving_variance)) + epsilon)
    groups = 1 if name == "LayerNormalization" else x.shape[-1] if layer.groups == -1 else layer.groups
    parts = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
    spread = parts.var(axis=(1, 3), keepdims=True) if name != "LayerNormalization" else parts.var(axis=3, keepdims=True)
    return np.broadcast_to(1 / np.sqrt(spread + epsilon), parts.shape).reshape(x.shape)


def _outputs(x: Array, outputs: Array, **kwargs: Any) -> tuple[Array, Array]:
    """As large as what is given; backward nothing cancels."""
    return np.abs(outputs), np.zeros_like(outputs)


def _slopes(x: Array, outputs: Array, **kwargs: Any) -> tuple[Array, Array]:
    """The slope of a squashing function is a difference of numbers as large as 1, or takes a mean of the upstream gradient,
    as large as that itself, off it: for softmax p (d - sum(p d)), for sparsemax d - mean(d)."""
    return np.abs(outputs), np.ones_like(outputs)  # forward the function itself is good to some ulp
