"""What is wrong with a network that does not learn: dead units, saturation, gradients that vanish or explode, and why.

`diagnose` looks at one batch, `DiagnosticsCallback` at one batch again and again while a model trains.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinynn._checks import positive_integer
from tinynn._typing import Array
from tinynn.callbacks.callback import Callback, Logs
from tinynn.explain.page import Cell, Page, Shown
from tinynn.explain.tracing import Call, Trace, trace

VANISHING, EXPLODING = 1e-3, 1e3
"""How the root mean square of dL/dz changes on the way back through all layers before it counts as gone, or as too large."""
STEEP = {"sigmoid": 0.25, "tanh": 1.0, "softsign": 1.0, "hard_sigmoid": 1 / 6, "hard_tanh": 1.0}
"""The largest slope of the functions that saturate;"""
FLAT = 0.05
"""below this share of it an entry counts as saturated,"""
MOST_FLAT = 0.5
"""and a layer when more than this share of its entries are."""
HALF_DEAD = 0.25
"""The share of units of a layer that may be dead without a word."""
LARGE_INPUT = 30.0
"""Inputs beyond this make saturation and large gradients likely."""
LARGE_GRADIENT = 100.0
"""A gradient so many times as long as the weights it is for."""


_LEGEND = "dead: units that no sample gets a gradient through. flat: the share of saturated entries."


class Finding(NamedTuple):
    """Something that is wrong.

    kind: "dead", "saturated", "vanishing", "exploding", "not finite", "alike", "inputs" or "no gradient".
    where: the layer or the quantity. reason: what was seen, with numbers. advice: what to try.
    """

    kind: str
    where: str
    reason: str
    advice: str


class LayerNorms(NamedTuple):
    """What one layer's numbers look like. Root mean squares; None for what it does not have.

    output: of a. delta: of dL/dz (of dL/da without a z). weights, gradient: of its trained weights and their gradients.
    dead: units whose slope is 0 for every sample. flat: the share of entries that are saturated.
    """

    layer: str
    output: float
    delta: float | None
    weights: float | None
    gradient: float | None
    dead: int | None
    flat: float | None


class Diagnosis(Shown):
    """What `diagnose` found: `layers`, a `LayerNorms` each, and `findings`, empty where all is well."""

    def __init__(self, found: Trace) -> None:
        self.batch_size = found.batch_size
        self.loss = found.loss
        self.layers = [_norms(found, call) for call in found.calls]
        self.findings = _findings(found, self.layers)

    def __bool__(self) -> bool:
        """Whether there is anything to be said."""
        return bool(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Both lists as plain dictionaries."""
        return {
            "loss": self.loss,
            "layers": [layer._asdict() for layer in self.layers],
            "findings": [finding._asdict() for finding in self.findings],
        }

    def page(self) -> Page:
        """A table of the layers, then what was found."""
        page = Page()
        page.heading("How the network is doing", level=1)
        page.say(f"One batch of {self.batch_size}, loss {self.loss:.6g}. Root mean squares, layer by layer:")
        heads = ["layer", "a", "dL/dz", "weights", "gradient", "dead", "flat"]
        rows = [tuple(_short(cell) for cell in layer) for layer in self.layers]
        page.table(
            heads,
            rows,
            note="dead: units that no sample gets a gradient through. flat: the share of saturated entries.",
        )
        _tell(page, self.findings)
        return page


def diagnose(model: Any, x: Any, y: Any = None, sample_weight: Any = None) -> Diagnosis:
    """Look for what keeps a network from learning, on one batch: what is wrong, why, and what to try.

    Looked for: values that are not finite, and where the first of them is; units of relu and kin whose slope is 0 for every
    sample; sigmoid and tanh where they are flat; dL/dz that shrinks or grows a thousandfold on its way back; gradients a
    hundred times as long as the weights; units that are all alike; weights without a gradient; inputs that are too large.

    Args:
        model, x, y, sample_weight: as for `trace`; better some hundred samples than a few.

    Raises:
        ValueError: as `trace`.

        print(tinynn.explain.diagnose(model, x[:256], y[:256]))
    """
    return Diagnosis(trace(model, x, y, sample_weight))


class DiagnosticsCallback(Shown, Callback):
    """Diagnoses a batch after every so many epochs of `fit`: norms by layer over training, and what went wrong when.

    epochs: when it looked, from 1. gradients, weights, deltas: {"dense": [one root mean square a look]}. findings:
    {epoch: [Finding]}. Print it after training.

    Args:
        x, y, sample_weight: the batch, the same at every look.
        frequency: look after every so many epochs.

    Raises:
        ValueError: a frequency that is no positive integer.

        watch = tinynn.explain.DiagnosticsCallback(x[:256], y[:256])
        model.fit(x, y, epochs=5, callbacks=[watch])
        print(watch)
    """

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None, frequency: int = 1) -> None:
        super().__init__()
        self._data = x, y, sample_weight
        self.frequency = positive_integer("DiagnosticsCallback", "frequency", frequency)
        self.epochs: list[int] = []
        self.gradients: dict[str, list[float]] = {}
        self.weights: dict[str, list[float]] = {}
        self.deltas: dict[str, list[float]] = {}
        self.findings: dict[int, list[Finding]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Look."""
        if (epoch + 1) % self.frequency:
            return
        seen = diagnose(self.model, *self._data)
        self.epochs.append(epoch + 1)
        for layer in seen.layers:
            for table, value in (
                (self.gradients, layer.gradient),
                (self.weights, layer.weights),
                (self.deltas, layer.delta),
            ):
                if value is not None:
                    table.setdefault(layer.layer, []).append(value)
        if seen.findings:
            self.findings[epoch + 1] = seen.findings

    def to_dict(self) -> dict[str, Any]:
        """Everything it keeps, plain."""
        findings = {str(epoch): [finding._asdict() for finding in found] for epoch, found in self.findings.items()}
        kept = {"gradients": self.gradients, "weights": self.weights, "deltas": self.deltas}
        return {"epochs": self.epochs, **kept, "findings": findings}

    def page(self) -> Page:
        """Norms of the gradients over the epochs, and findings by when they were first made."""
        page = Page()
        page.heading("How the network did while it trained", level=1)
        if not self.epochs:
            page.say("No epoch has ended yet.")
            return page
        page.say("Root mean squares of each layer's gradient and weights, by epoch.")
        shown = sorted({round(i * (len(self.epochs) - 1) / 11) for i in range(12)})
        for what, table in (("Gradients", self.gradients), ("Weights", self.weights)):
            rows = [(self.epochs[i], *(_short(series[i]) for series in table.values())) for i in shown]
            page.table(["epoch", *table], rows, caption=(what,))
        first: dict[tuple[str, str], tuple[int, Finding]] = {}
        for epoch, found in self.findings.items():
            for finding in found:
                first.setdefault((finding.kind, finding.where), (epoch, finding))
        _tell(page, [f._replace(reason=f"From epoch {epoch} on: {f.reason}") for epoch, f in first.values()])
        return page


def _tell(page: Page, findings: list[Finding]) -> None:
    if not findings:
        page.say("Nothing to complain of.")
    for finding in findings:
        page.heading(f"{finding.kind}: {finding.where}", level=3)
        page.say(f"{finding.reason} {finding.advice}")


def _short(cell: Any) -> Cell:
    return float(f"{cell:.3g}") if isinstance(cell, float) else cell


def _rms(*arrays: Array | None) -> float | None:
    kept = [array.astype(np.float64).reshape(-1) for array in arrays if array is not None and array.size]
    return float(np.sqrt(np.mean(np.square(np.concatenate(kept))))) if kept else None


def _norms(found: Trace, call: Call) -> LayerNorms:
    slopes = _slopes(found, call)
    trained = [name for name in found.gradients if found[name].layer == call.label]
    z = found.gradient_of(call.a if call.z is None else call.z)
    dead, flat = None, None
    if slopes is not None:
        if call.activation in STEEP:
            flat = float(np.mean(np.abs(slopes) < FLAT * STEEP[call.activation]))
        dead = int(np.sum(~np.any(slopes.reshape(-1, slopes.shape[-1]) != 0, axis=0)))
    return LayerNorms(
        layer=call.label,
        output=_rms(found.value_of(call.a)) or 0.0,
        delta=_rms(z),
        weights=_rms(*(found[name].value for name in trained)),
        gradient=_rms(*(found[name].gradient for name in trained)),
        dead=dead,
        flat=flat,
    )


def _slopes(found: Trace, call: Call) -> Array | None:
    """f'(z) for every entry, where the layer's function works entry by entry; None else."""
    source = call.x if call.z is None else call.z
    if call.a is source:
        return None
    for record, place in found.consumers.get(id(source), ()):
        if record.output is call.a and found.value_of(source).shape == record.output.shape:
            ones = np.ones_like(record.output.value)
            back = record.backward(ones)
            slopes = np.asarray(back[place] if isinstance(back, tuple) else back)
            probe = np.random.default_rng(0).standard_normal(ones.shape).astype(ones.dtype)
            again = record.backward(probe)
            mixed = np.asarray(again[place] if isinstance(again, tuple) else again)
            return slopes if np.allclose(mixed, slopes * probe, rtol=1e-3, atol=1e-6) else None
    return None


def _findings(found: Trace, layers: list[LayerNorms]) -> list[Finding]:
    not_finite = _not_finite(found)
    if not_finite is not None:
        return [not_finite]
    findings = [*_inputs(found)]
    for call, norms in zip(found.calls, layers):
        findings += [*_dead(found, call, norms), *_saturated(call, norms), *_alike(found, call), *_long(norms)]
    return [*findings, *_along_the_way(layers), *_unreached(found)]


def _not_finite(found: Trace) -> Finding | None:
    for name in found.names:
        value = found[name].value
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
            return Finding(
                "not finite",
                name,
                f"{name}[{', '.join(map(str, place))}] is {value[place]}: the first value forward that is no number.",
                "If weights grew without bounds, begin again with a smaller learning rate or clipnorm=1.0.",
            )
    return None


def _inputs(found: Trace) -> list[Finding]:
    x = found["x"].value
    largest = float(np.abs(x.astype(np.float64)).max(initial=0.0))
    if largest <= LARGE_INPUT:
        return []
    mend = "x / 255" if largest <= 255 and x.min() >= 0 else "(x - x.mean(axis=0)) / x.std(axis=0)"
    return [
        Finding(
            "inputs",
            "x",
            f"Inputs reach {largest:.4g}; initial weights are made for inputs about 1.",
            f"Scale them first: {mend}, or a Normalization layer.",
        )
    ]


def _dead(found: Trace, call: Call, norms: LayerNorms) -> list[Finding]:
    if not norms.dead or call.a.shape[-1] == 0 or norms.dead < max(1, HALF_DEAD * call.a.shape[-1]):
        return []
    return [
        Finding(
            "dead",
            call.label,
            f"{norms.dead} of {call.a.shape[-1]} units have slope 0 for every one of the {found.batch_size} samples, so no "
            "gradient gets through them and their weights stand still.",
            "A smaller learning rate, he_normal initial weights, or leaky_relu, which always has a slope.",
        )
    ]


def _saturated(call: Call, norms: LayerNorms) -> list[Finding]:
    if norms.flat is None or norms.flat <= MOST_FLAT:
        return []
    return [
        Finding(
            "saturated",
            call.label,
            f"{100 * norms.flat:.0f} % of the outputs of {call.activation} are where it is flat: its slope there is below "
            f"{FLAT * STEEP[call.activation]:.3g}, at most {STEEP[call.activation]:.3g} elsewhere.",
            "Smaller initial weights, scaled inputs, BatchNormalization before it, or relu.",
        )
    ]


def _alike(found: Trace, call: Call) -> list[Finding]:
    name = f"{call.label}/kernel"
    if name not in found.gradients or found[name].value.ndim != 2 or found[name].value.shape[1] < 2:
        return []
    kernel, gradient = found[name].value, found.gradients[name]
    if np.any(kernel != kernel[:, :1]) or np.any(gradient != gradient[:, :1]):
        return []
    return [
        Finding(
            "alike",
            call.label,
            f"All {kernel.shape[1]} units have the same weights and the same gradients, so they stay the same for ever.",
            "Random initial weights, such as glorot_uniform.",
        )
    ]


def _long(norms: LayerNorms) -> list[Finding]:
    if not norms.gradient or not norms.weights or norms.gradient < LARGE_GRADIENT * norms.weights:
        return []
    return [
        Finding(
            "exploding",
            norms.layer,
            f"The gradient (rms {norms.gradient:.3g}) is {norms.gradient / norms.weights:.3g} times as large as the weights "
            f"(rms {norms.weights:.3g}).",
            "A smaller learning rate, clipnorm=1.0 in the optimizer, or scaled targets.",
        )
    ]


def _along_the_way(layers: list[LayerNorms]) -> list[Finding]:
    """dL/dz of the first layer with weights beside that of the last."""
    deltas = [(layer.layer, layer.delta) for layer in layers if layer.delta is not None and layer.weights is not None]
    if len(deltas) < 2 or not deltas[-1][1]:
        return []
    (first, early), (last, late) = deltas[0], deltas[-1]
    assert early is not None  # both were kept for having one
    assert late is not None
    ratio, between = early / late, len(deltas) - 1
    way = f"From {last} back to {first} dL/dz goes from {late:.3g} to {early:.3g}"
    each = f", by a factor of {ratio:.2g}: {ratio ** (1 / between):.2g} for each of {between} layers (slopes times weights)."
    each = each if ratio else "."
    if ratio < VANISHING:
        advice = "relu in place of sigmoid or tanh, he_normal initial weights, BatchNormalization, or fewer layers."
        return [Finding("vanishing", first, way + each, advice)]
    if ratio > EXPLODING:
        return [
            Finding("exploding", first, way + each, "Smaller initial weights, BatchNormalization, or clipnorm=1.0.")
        ]
    return []


def _unreached(found: Trace) -> list[Finding]:
    missing = [
        quantity.name
        for quantity in map(found.__getitem__, found.names)
        if getattr(quantity.tensor, "trainable", False) is True and quantity.gradient is None
    ]
    return [
        Finding("no gradient", name, "The loss does not depend on it, so it is never trained.", "Is its layer used?")
        for name in missing
    ]
