"""Do two engines learn the same? Asked after an epoch from the same weights over the same batches, before anything is timed.

The standard is tinynn's reference engine in float64. An engine in float32 that is right differs from it by rounding alone,
which training amplifies. By how much is measured: the drift is the distance of the reference engine in float32, one way to
round among many. Others sum in other orders and take other approximations of exp: ALLOWED drifts are theirs.

Adam has one more way to be right. Keras takes beta^t in float32, which makes its first step 6.7e-6 short; scikit-learn and
PyTorch take it in float64. What that does is measured too, by a run with a learning rate so much larger: where gradients are
almost zero, Adam makes much of little. (On the wide network scikit-learn is 1.8e-3 away after ten steps, and so is that run.)

Distances are relative to how far the weights have come in the epoch, so that a wrong learning rate cannot hide behind the size
of the initial weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ALLOWED = 10
"""How many drifts an engine may be away."""

EPSILON = float(np.finfo(np.float32).eps)

SHORT = 6.7e-6
"""By how much Keras's first Adam step is short, relatively: 1 - 0.999 in float32 is off by 1.3e-5, and its root is taken."""


@dataclass(frozen=True)
class Epoch:
    """What an engine had after an epoch: the mean loss it reported, the weights, what it makes of a few rows by each of its
    ways to predict, and the loss that it then evaluates (None: it has no such function)."""

    loss: float
    weights: Sequence[Array]
    outputs: dict[str, Array] = field(default_factory=dict)
    evaluated: float | None = None

    @property
    def ways(self) -> tuple[str, ...]:
        """What of it can be timed besides training."""
        return (*self.outputs, *(("evaluate",) if self.evaluated is not None else ()))


@dataclass(frozen=True)
class Standard:
    """What the others are measured by: where the epoch began, how it ends in float64, what rounding does to it, and what a
    learning rate larger by SHORT does (None without Adam)."""

    start: Sequence[Array]
    exact: Epoch
    rounded: Epoch
    steps: int
    lengthened: Epoch | None = None

    @property
    def travelled(self) -> float:
        """How far the weights have come."""
        return _distance(self.exact.weights, self.start)

    @property
    def drift(self) -> float:
        """The reference engine's own distance in float32."""
        return _distance(self.rounded.weights, self.exact.weights) / self.travelled

    @property
    def weights_allowed(self) -> float:
        """For `Verdict.weights`. Never below what an epoch of rounding the weights themselves may amount to."""
        size = float(np.sqrt(sum((w.astype(np.float64) ** 2).sum() for w in self.start)))
        powers = _distance(self.lengthened.weights, self.exact.weights) / self.travelled if self.lengthened else 0.0
        return ALLOWED * max(self.drift, EPSILON * size / self.travelled) + 2 * powers

    @property
    def outputs_allowed(self) -> float:
        """For `Verdict.outputs`, an absolute difference of probabilities."""
        powers = _widest(self.lengthened, self.exact) if self.lengthened else 0.0
        return ALLOWED * max(_widest(self.rounded, self.exact), EPSILON) + 2 * powers

    @property
    def loss_allowed(self) -> float:
        """For `Verdict.loss` and `Verdict.evaluated`: the mean is a float32 sum over the steps, each of which may lose half a
        unit in the last place; and weights that differ have other losses."""
        return self.steps * EPSILON / 2 + self.weights_allowed


@dataclass(frozen=True)
class Verdict:
    """How far an engine is from the standard (weights and loss relatively), and what is allowed."""

    weights: float
    weights_allowed: float
    loss: float
    loss_allowed: float
    outputs: float
    outputs_allowed: float
    evaluated: float = 0.0

    @property
    def learns(self) -> bool:
        """Whether weights and loss are within their bounds; not a number is not."""
        return self.weights <= self.weights_allowed and self.loss <= self.loss_allowed

    @property
    def predicts(self) -> bool:
        """Whether the outputs are, and the loss that it evaluates."""
        return self.outputs <= self.outputs_allowed and self.evaluated <= self.loss_allowed

    def told(self) -> str:
        """In one line."""
        return (
            f"weights {self.weights:.1e} of the way travelled (allowed {self.weights_allowed:.1e}), "
            f"loss {self.loss:.1e} (allowed {self.loss_allowed:.1e}), "
            f"outputs {self.outputs:.1e} (allowed {self.outputs_allowed:.1e}), "
            f"evaluated {self.evaluated:.1e} (allowed {self.loss_allowed:.1e})"
        )


def check(standard: Standard, found: Epoch) -> Verdict:
    """The verdict on an engine's epoch.

    Raises:
        ValueError: its weights have other shapes.
    """
    shapes, expected = [w.shape for w in found.weights], [w.shape for w in standard.exact.weights]
    if shapes != expected:
        raise ValueError(f"the engine's weights have the shapes {shapes}; expected {expected}.")
    return Verdict(
        weights=_distance(found.weights, standard.exact.weights) / standard.travelled,
        weights_allowed=standard.weights_allowed,
        loss=_relative(found.loss, standard.exact.loss),
        loss_allowed=standard.loss_allowed,
        outputs=_widest(found, standard.exact),
        outputs_allowed=standard.outputs_allowed,
        evaluated=_relative(found.evaluated, standard.exact.evaluated),
    )


def _relative(found: float | None, exact: float | None) -> float:
    return abs(found - exact) / abs(exact) if found is not None and exact is not None else 0.0


def _distance(a: Sequence[Array], b: Sequence[Array]) -> float:
    return float(np.sqrt(sum(((p.astype(np.float64) - q) ** 2).sum() for p, q in zip(a, b, strict=True))))


def _widest(found: Epoch, exact: Epoch) -> float:
    """The largest difference of a probability from what `predict` gives exactly, over all ways to predict."""
    differences = [abs(p - exact.outputs["predict"]).max() for p in found.outputs.values()]
    return float(np.max(differences)) if differences else 0.0
