"""What two implementations of Keras most often differ in, by the rung on which it shows: the likeliest cause, not a proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LAYERS = {
    "Dense": "inputs @ kernel + bias, then the activation",
    "BatchNormalization": "epsilon 1e-3 within the root; the batch's variance divides by n; moving <- moving momentum + batch "
    "(1 - momentum), momentum 0.99",
    "LayerNormalization": "epsilon 1e-3 within the root; the variance divides by n",
    "Dropout": "the mask follows from [seed, counter]; what is kept is divided by 1 - rate",
    "GaussianDropout": "noise 1 + N(0, rate / (1 - rate)) from [seed, counter]",
    "GaussianNoise": "noise from [seed, counter], when training alone",
    "AlphaDropout": "the mask follows from [seed, counter]; the affine map afterwards keeps mean and variance",
    "PReLU": "the derivative at exactly 0",
    "LeakyReLU": "negative_slope is 0.3 here and 0.2 as a function, and passes through float32",
    "ELU": "e^x - 1 is taken without expm1",
    "Rescaling": "Python's factors pass through float32",
}

_ACTIVATIONS = {
    "relu": "relu'(0) = 0",
    "softmax": "the maximum is subtracted first; along the last axis",
    "gelu": "the exact form, by erf; 1 / sqrt 2 passes through float32",
    "leaky_relu": "the slope, 0.2, passes through float32",
    "elu": "e^x - 1 is taken without expm1",
    "celu": "the derivative at exactly 0 is 2",
}

_OPTIMIZERS = {
    "SGD": "m <- momentum m - lr g; Nesterov adds momentum m - lr g",
    "RMSprop": "epsilon stands within the root: g / sqrt(v + epsilon)",
    "Adam": "powers of beta are taken in the variables' own precision; epsilon 1e-7 is added after the root",
    "AdamW": "weights shrink before the step, the bias too unless it is excluded; otherwise as Adam",
    "Adamax": "the maximum is of beta_2 u and |g|; no correction of u",
    "Nadam": "the running product of momenta mu_t = beta_1 (1 - 0.5 * 0.96^t)",
    "Adagrad": "the accumulator starts at 0.1; epsilon stands within the root",
    "Adadelta": "learning_rate is 0.001 here; epsilon stands within both roots",
    "Ftrl": "beta is added to the root; l2 is doubled",
    "Lion": "the sign of a mean that is not the one kept",
}

_ROUNDS = (
    " It shows in float32 alone, so look at where float64 slips in or an intermediate is rounded, not at the formula."
)


def likeliest(rung: str, layer: Any, name: str, compiled: Mapping[str, Any], only_float32: bool) -> str:
    """One sentence on what to look at first.

    Args:
        rung: its name in `ladder.RUNGS`.
        layer: the layer of the entry, None where there is none.
        name: of the array.
        compiled: the arguments of `compile`.
        only_float32: float64 agreed.
    """
    text = _BY_RUNG[rung](layer, name, compiled)
    return text + (_ROUNDS if only_float32 else "")


def _start(layer: Any, name: str, compiled: Mapping[str, Any]) -> str:
    return "Layers in another order, a bias that one side does not have, or weights that were not copied."


def _forward(layer: Any, name: str, compiled: Mapping[str, Any]) -> str:
    kind = type(layer).__name__
    known = _LAYERS.get(kind)
    if layer is None:
        return "Each layer agrees by itself: their order, or the Input's dtype (float64 is cast to floatx)."
    activation = _activation_of(layer)
    of_activation = f"{activation}: {_ACTIVATIONS[activation]}" if activation in _ACTIVATIONS else None
    told = "; ".join(part for part in (known, of_activation) if part)
    return f"The forward pass of {kind}{f' ({activation})' if activation else ''}" + (f": {told}." if told else ".")


def _loss(layer: Any, name: str, compiled: Mapping[str, Any]) -> str:
    if "plain array" in name:
        return (
            "Probabilities as plain arrays are clipped to [1e-7, 1 - 1e-7]; the sparse cross-entropy renormalises after it, "
            "the categorical before."
        )
    if "crossentropy" in str(getattr(compiled.get("loss"), "name", compiled.get("loss"))):
        return (
            "After a softmax or sigmoid activation TensorFlow's cross-entropy goes back to the logits, so that nothing is "
            "clipped; then the mean over the batch, whose divisor sample weights leave alone."
        )
    return (
        'The mean over the batch, whose divisor sample weights leave alone unless reduction is "mean_with_sample_weight"; '
        "labels (n,) beside outputs (n, 1); penalties of regularizers, which join the loss."
    )


def _gradient(layer: Any, name: str, compiled: Mapping[str, Any]) -> str:
    if "of the loss" in name:
        return (
            "Each layer's own derivative agrees, so it is the loss's: p - y after a softmax, for soft labels too; zero outside "
            "of the clip; the mean's divisor; penalties of regularizers."
        )
    kind, activation = type(layer).__name__, _activation_of(layer)
    what = "the inputs" if "of the inputs" in name else name.rpartition("/")[2]
    parts = {"kernel": "x.T @ d_out", "bias": "the sum of d_out over the batch", "the inputs": "d_out @ kernel.T"}
    told = f": {parts[what]}" if kind == "Dense" and what in parts else ""
    first = f"; first of all the derivative of {activation}" if activation else ""
    kink = f" ({_ACTIVATIONS[activation]})" if activation in ("relu", "celu") else ""
    return f"The backward pass of {kind} for {what}{told}{first}{kink}."


def _optimizer(layer: Any, name: str, compiled: Mapping[str, Any]) -> str:
    found = compiled.get("optimizer")
    kind = type(found).__name__
    told = [_OPTIMIZERS[kind]] if kind in _OPTIMIZERS else []
    told += [
        f"{option} = {getattr(found, option)}, in Keras's order: clip, decay, rule, average, constraint"
        for option in ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay", "use_ema")
        if getattr(found, option, None)
    ]
    if "step 2" in name:
        told.append("step 1 agrees: what is counted or kept from step to step, or a schedule")
    return f"The rule of {kind}" + (f": {'; '.join(told)}." if told else ".")


def _steps(layer: Any, name: str, compiled: Mapping[str, Any]) -> str:
    if name.startswith("loss of step 1"):
        return "Forward, loss and gradient agree through the tape, so it is the engine that trains (see the note): its loss."
    return (
        "Forward, gradient and optimizer agree through the tape, so it is the engine that trains (see the note), or what lasts "
        "from step to step: moving averages of layers, counters of random streams, slots."
    )


def _evaluate(layer: Any, name: str, compiled: Mapping[str, Any]) -> str:
    if name == "predict":
        return "The engine that predicts, batch by batch, the last one short; training must be off."
    if name == "evaluate: loss":
        return "The mean over batches is weighted by their sizes, so that a short last batch weighs less."
    return "Accuracy is strictly above 0.5, argmax takes the first of equal maxima; metrics add up over batches, in float32."


def _fit(layer: Any, name: str, compiled: Mapping[str, Any]) -> str:
    if name.startswith("initial"):
        return (
            "Glorot's limit is sqrt(6 / (fan_in + fan_out)); a truncated normal divides its deviation by 0.87962566; every "
            "layer draws its seed when it is made, in order. Another Keras than 3.15.1 may draw otherwise."
        )
    if "loss of the epochs" in name:
        return (
            "The epoch's loss is the mean of the batches' losses before each update, weighted by batch size; then the order of "
            "batches under the seed, and the masks of dropout."
        )
    return "The order of the batches under the seed, masks of dropout, or two batches swapped."


_BY_RUNG = {
    "start": _start,
    "forward": _forward,
    "loss": _loss,
    "gradient": _gradient,
    "optimizer": _optimizer,
    "steps": _steps,
    "evaluate": _evaluate,
    "fit": _fit,
}


def _activation_of(layer: Any) -> str:
    activation = getattr(layer, "activation", None)
    name = str(getattr(activation, "__name__", "")) if activation is not None else ""
    return "" if name == "linear" else name
