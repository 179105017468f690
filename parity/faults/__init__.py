"""Deliberate faults: what the parity suite is itself tested with (`python -m parity mutate`).

Each is a change that somebody could make to tinynn without noticing: one exact replacement in one file. The runner
(`parity/mutate.py`) makes it in a copy of the package held in memory, never in the working tree, and asks the properties
about small examples; a fault that none of them sees is a hole in the suite. A test keeps the replacements alive: every
`old` stands exactly once in its file.

`TRAPS` are the ways in which a NumPy engine goes astray beside Keras on TensorFlow, all that this project knows of. Every
trap has a fault here, or a line in `NOT_OBSERVABLE` that says why no fault of tinynn's can show it.
"""

from __future__ import annotations

from parity.faults import layers, losses, optimizers, training, twins
from parity.faults.examples import EXAMPLES as EXAMPLES
from parity.faults.fault import Fault as Fault

TRAPS = {
    "logits": "after a softmax or sigmoid, cross-entropy goes back to the logits",
    "clip": "plain probabilities are clipped to [1e-7, 1 - 1e-7], and outside the clip the gradient is zero",
    "renormalise": "sparse cross-entropy renormalises after the clip, categorical before it",
    "adam": "Adam: powers in the variable's dtype, the correction, where epsilon stands",
    "epsilon": "where epsilon stands in RMSprop, Adagrad and their kin",
    "momentum": "SGD: m = momentum m - lr g, and Nesterov's form",
    "optimizers": "the other rules, each with a form of its own",
    "strict": "binary accuracy is strictly > 0.5, argmax takes the first maximum",
    "kinks": "relu'(0) = 0 and the other choices at kinks",
    "float32-totals": "metric totals are float32, so that counts above 2^24 are inexact",
    "batch-loss": "History's loss: the mean of the batches' losses before their updates, weighted by batch size",
    "weights": "sample weights leave the divisor alone; class weights",
    "casts": "float64 inputs are cast to floatx; labels (n,) and (n, 1) are made to match",
    "initial": "Glorot's bound; a truncated normal's standard deviation is divided by 0.8796; which seed each layer gets",
    "order": "fit's shuffle under a seed, batches in their order",
    "gradient": "a gradient that is off by a little, or misses a path",
    "decay": "weight decay: bias included, plain learning rate, before the step",
    "clipping": "clipnorm per variable, global_clipnorm over all, clipvalue on both sides",
    "average": "the moving average of the weights: how it starts, when it is taken and put back",
    "accumulation": "gradient accumulation: the mean gradient, and what counts calls and what counts steps",
    "schedules": "learning rates of step t - 1, in float32",
    "dropout": "dropout's scale, its masks and its counters",
    "penalties": "regularizers and constraints",
    "normalization": "batch and layer normalization: variances by n, epsilon within the root, running means",
    "smoothing": "label smoothing's share",
    "losses": "the other losses",
    "activations": "the activations",
    "stability": "overflow and cancellation: the row maximum, log1p",
    "metrics": "metrics over batches: by samples, weighted or not, thresholds",
    "epsilon-setting": "epsilon() is a mutable global",
    "structure": "parameters counted, weights in order, evaluation without training's behaviour",
    "jit": "jit_compile='auto' is on with a GPU",
    "tf32": "TF32 is the default on Ampere and newer GPUs",
    "onednn": "oneDNN reorders sums",
    "threads": "thread counts change the order of sums",
}

NOT_OBSERVABLE = {
    "float32-totals": "A sum of fewer than 2^24 samples is the same in float32 and float64 but for rounding, which every "
    "tolerance has to allow; an example of 16 million samples is none that a search could try. `tests/metrics` holds it.",
    "jit": "A switch of TensorFlow's: `parity.keras_side` turns it off for every comparison.",
    "tf32": "A switch of TensorFlow's, and there is no GPU here: `parity.keras_side` turns it off.",
    "onednn": "A switch of TensorFlow's: `parity.environment` turns it off before the import.",
    "threads": "A setting of TensorFlow's, BLAS's and tinynn's: `parity.environment` pins all three to one.",
}
"""Traps without a fault, and why."""

FAULTS: tuple[Fault, ...] = (
    *optimizers.FAULTS,
    *losses.FAULTS,
    *layers.FAULTS,
    *training.FAULTS,
    *twins.FAULTS,
)
