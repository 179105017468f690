"""Hypothesis strategies for examples, one per axis, and their product. Each shrinks to the simplest value of its axis.

Numbers come from short lists of round values rather than from all floats: what differs between two engines is the formula,
not the third digit of a rate, and a shrunk example is to be read by people. The arrays' digits come from a seed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from parity.example import INPUTS, SAMPLE_WEIGHTS, WEIGHTS, Example, Spec
from tinynn._checks import unknown_name

AXES = ("layers", "loss", "optimizer", "metrics", "batches", "inputs", "weights", "sample_weight", "dtype", "seed")
"""What `examples` varies.

Left out: glu inside Dense, whose width Keras's next layer gets wrong (docs/parity_keras_bugs.md); OrthogonalRegularizer, which
Keras refuses for float64; the AUC of several labels, which has to be told how many there are.
"""

ACTIVATIONS = (
    *("linear", "relu", "tanh", "sigmoid", "softplus", "softsign", "elu", "selu", "gelu", "silu", "mish", "relu6"),
    *("leaky_relu", "hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "celu"),
    *("squareplus", "log_sigmoid", "sparse_plus", "sparse_sigmoid", "exponential"),
    *("softmax", "log_softmax", "sparsemax"),
)

INITIALIZERS: tuple[Spec, ...] = (
    {"class": "GlorotUniform"},
    {"class": "GlorotNormal"},
    {"class": "HeUniform"},
    {"class": "HeNormal"},
    {"class": "LecunUniform"},
    {"class": "LecunNormal"},
    {"class": "RandomNormal", "stddev": 0.5},
    {"class": "RandomUniform", "minval": -1.0, "maxval": 1.0},
    {"class": "TruncatedNormal", "stddev": 0.5},
    {"class": "VarianceScaling", "scale": 2.0, "mode": "fan_avg", "distribution": "untruncated_normal"},
    {"class": "Ones"},
    {"class": "Zeros"},
    {"class": "Constant", "value": 0.3},
    {"class": "Identity", "gain": 0.5},
    {"class": "Orthogonal", "gain": 1.5},
)

REGULARIZERS: tuple[Spec, ...] = (
    {"class": "L2", "l2": 0.1},
    {"class": "L1", "l1": 0.1},
    {"class": "L1L2", "l1": 0.01, "l2": 0.2},
)

CONSTRAINTS: tuple[Spec, ...] = (
    {"class": "NonNeg"},
    {"class": "MaxNorm", "max_value": 0.5},
    {"class": "UnitNorm"},
    {"class": "MinMaxNorm", "min_value": 0.2, "max_value": 0.8, "rate": 0.5},
)


def some(**arguments: Any) -> st.SearchStrategy[Spec]:
    """Any of these arguments, or none of them."""
    return st.fixed_dictionaries({}, optional=arguments)


def spec(name: str, **arguments: Any) -> st.SearchStrategy[Spec]:
    """A class with any of these arguments."""
    return some(**arguments).map(lambda chosen: {"class": name, **chosen})


def with_required(name: str, required: dict[str, Any], **arguments: Any) -> st.SearchStrategy[Spec]:
    """A class with all of the required arguments and any of the others."""
    return st.tuples(st.fixed_dictionaries(required), some(**arguments)).map(
        lambda both: {"class": name, **both[0], **both[1]}
    )


widths = st.one_of(st.integers(1, 5), st.sampled_from((8, 16, 17, 31, 64)))
"""Mostly small; a few about the sizes at which kernels change their way of summing."""

flags = st.booleans()

# Layers ------------------------------------------------------------------------------------------------------------------


def dense(
    units: Any = widths, activations: Iterable[str] = ACTIVATIONS, plain: bool = False
) -> st.SearchStrategy[Spec]:
    """Dense; `plain` without penalties and constraints."""
    extras: dict[str, Any] = {
        "activation": st.sampled_from(tuple(activations)),
        "use_bias": st.just(False),
        "kernel_initializer": st.sampled_from(INITIALIZERS),
        "bias_initializer": st.sampled_from(({"class": "Ones"}, {"class": "RandomNormal", "stddev": 0.5})),
    }
    if not plain:
        extras |= {
            "kernel_regularizer": st.sampled_from(REGULARIZERS),
            "bias_regularizer": st.sampled_from(REGULARIZERS),
            "activity_regularizer": st.sampled_from(REGULARIZERS),
            "kernel_constraint": st.sampled_from(CONSTRAINTS),
            "bias_constraint": st.sampled_from(({"class": "NonNeg"},)),
        }
    return with_required("Dense", {"units": units}, **extras)


activation_layers = st.one_of(
    st.sampled_from(ACTIVATIONS).map(lambda name: {"class": "Activation", "activation": name}),
    spec(
        "ReLU",
        max_value=st.sampled_from((0.5, 1.0, 6.0)),
        negative_slope=st.sampled_from((0.1, 0.5)),
        threshold=st.sampled_from((0.5, 1.0)),
    ),
    spec("LeakyReLU", negative_slope=st.sampled_from((0.0, 0.1, 1.0))),
    spec("ELU", alpha=st.sampled_from((0.5, 2.0))),
    spec("PReLU", alpha_initializer=st.sampled_from(({"class": "Ones"}, {"class": "Constant", "value": 0.25}))),
    spec("Softmax"),
)

random_layers = st.one_of(
    with_required("Dropout", {"rate": st.sampled_from((0.5, 0.1, 0.9, 0.0))}),
    with_required("GaussianDropout", {"rate": st.sampled_from((0.5, 0.1))}),
    with_required("GaussianNoise", {"stddev": st.sampled_from((1.0, 0.1))}),
    with_required("AlphaDropout", {"rate": st.sampled_from((0.5, 0.1))}),
)

_affine = {
    "center": st.just(False),
    "scale": st.just(False),
    "epsilon": st.sampled_from((0.1, 1e-5)),
    "gamma_regularizer": st.sampled_from(REGULARIZERS),
    "beta_constraint": st.sampled_from(({"class": "NonNeg"},)),
}

normalization_layers = st.one_of(
    spec("BatchNormalization", momentum=st.sampled_from((0.5, 0.0, 0.9)), **_affine),
    spec("LayerNormalization", **_affine),
    spec("RMSNormalization", epsilon=st.sampled_from((0.1, 1e-5))),
    spec("UnitNormalization"),
    with_required("GroupNormalization", {"groups": st.sampled_from((1, -1))}, **_affine),
)

other_layers = st.one_of(
    with_required("Rescaling", {"scale": st.sampled_from((2.0, 0.1))}, offset=st.sampled_from((1.0, -0.3))),
    spec("ActivityRegularization", l1=st.just(0.1), l2=st.just(0.1)),
    with_required(
        "Normalization", {"axis": st.none(), "mean": st.just(0.5), "variance": st.just(2.0)}, invert=st.just(True)
    ),
    spec("Identity"),
    spec("Flatten"),
)

hidden_layers = st.one_of(dense(), activation_layers, random_layers, normalization_layers, other_layers)

_turned = st.sampled_from(((), ({"class": "Permute", "dims": (2, 1)},)))
_of_tables = st.one_of(
    dense(),
    activation_layers,
    random_layers,
    normalization_layers,
    other_layers.filter(lambda layer: layer["class"] != "Flatten"),
)
tables = st.tuples(
    st.one_of(
        with_required("RepeatVector", {"n": st.integers(1, 3)}), st.just({"class": "Reshape", "target_shape": (-1, 1)})
    ),
    _turned,
    st.lists(_of_tables, max_size=2).map(tuple),
    _turned,
).map(lambda parts: (parts[0], *parts[1], *parts[2], *parts[3], {"class": "Flatten"}))
"""Layers of which each sample is a table of its own, and the way back."""

stacks = st.lists(st.one_of(*[hidden_layers.map(lambda layer: (layer,))] * 4, tables), max_size=5).map(
    lambda parts: [layer for part in parts for layer in part]
)
"""What comes before the head."""

# Losses, with the heads and targets that belong to them ------------------------------------------------------------------

_reduction: dict[str, Any] = {"reduction": st.sampled_from(("sum", "mean", "mean_with_sample_weight"))}
_smoothing: dict[str, Any] = {"label_smoothing": st.sampled_from((0.1, 0.5))}
_balancing: dict[str, Any] = {"apply_class_balancing": st.just(True)}
_gamma: dict[str, Any] = {"gamma": st.sampled_from((0.5, 1.0, 3.0)), "alpha": st.sampled_from((0.1, 0.75))}
_logits: dict[str, Any] = {"from_logits": st.just(True)}
_ignoring: dict[str, Any] = {"ignore_class": st.sampled_from((0, -1))}

_REAL = ("linear", "tanh", "relu", "sigmoid")
_BINARY = ("sigmoid", "linear", "hard_sigmoid", "softmax")
_CLASSES = ("softmax", "linear", "sparsemax", "sigmoid")


def _loss(
    name: str, heads: Iterable[str], targets: Iterable[str], units: Any = None, weights: bool = True, **arguments: Any
) -> Any:
    """(loss, head, targets, whether samples have weights of their own)."""
    return st.tuples(
        spec(name, **arguments),
        dense(st.integers(1, 5) if units is None else units, heads, plain=True),
        st.sampled_from(tuple(targets)),
        st.just(weights),
    )


_several = st.integers(2, 5)

losses = st.one_of(
    _loss("MeanSquaredError", _REAL, ("real",), **_reduction),
    _loss("SparseCategoricalCrossentropy", _CLASSES, ("classes",), _several, **_logits, **_ignoring, **_reduction),
    _loss(
        "CategoricalCrossentropy",
        _CLASSES,
        ("one_hot", "probabilities"),
        _several,
        **_logits,
        **_smoothing,
        **_reduction,
    ),
    _loss("BinaryCrossentropy", _BINARY, ("bits", "probabilities"), **_logits, **_smoothing, **_reduction),
    _loss("MeanAbsoluteError", _REAL, ("real",), **_reduction),
    _loss("MeanAbsolutePercentageError", _REAL, ("real", "counts"), **_reduction),
    _loss("MeanSquaredLogarithmicError", ("relu", "softplus", "linear"), ("positive", "counts"), **_reduction),
    _loss("Huber", _REAL, ("real",), delta=st.sampled_from((0.1, 2.0)), **_reduction),
    _loss("LogCosh", _REAL, ("real",), **_reduction),
    _loss("Poisson", ("softplus", "exponential", "relu"), ("counts",), **_reduction),
    _loss("KLDivergence", ("softmax", "sigmoid"), ("probabilities", "one_hot"), _several, **_reduction),
    _loss("CosineSimilarity", _REAL, ("real",), _several, **_reduction),
    _loss("Hinge", ("linear", "tanh"), ("signs", "bits", "real"), **_reduction),
    _loss("SquaredHinge", ("linear", "tanh"), ("signs", "bits", "real"), **_reduction),
    _loss("CategoricalHinge", ("linear", "softmax"), ("one_hot",), _several, **_reduction),
    _loss(
        "BinaryFocalCrossentropy",
        _BINARY,
        ("bits",),
        **_balancing,
        **_gamma,
        **_logits,
        **_smoothing,
    ),
    _loss("CategoricalFocalCrossentropy", _CLASSES, ("one_hot",), _several, **_gamma, **_logits, **_smoothing),
    _loss("CategoricalGeneralizedCrossEntropy", ("softmax",), ("classes",), _several, q=st.sampled_from((0.1, 0.9))),
    _loss("Dice", ("sigmoid", "softmax"), ("bits",), weights=False),
    _loss("Tversky", ("sigmoid", "softmax"), ("bits",), weights=False, alpha=st.just(0.3), beta=st.just(0.9)),
    _loss("Circle", ("linear",), ("classes",), _several, weights=False, gamma=st.just(2.0), margin=st.just(0.2)),
)

# Metrics -----------------------------------------------------------------------------------------------------------------

_METRICS: dict[str, tuple[Any, ...]] = {
    "real": (
        "mse",
        "mae",
        {"class": "RootMeanSquaredError"},
        {"class": "R2Score"},
        {"class": "CosineSimilarity"},
        "mape",
        "msle",
        {"class": "MeanSquaredError"},
        {"class": "LogCoshError"},
        {"class": "Poisson"},
        {"class": "PearsonCorrelation"},
        {"class": "ConcordanceCorrelation"},
    ),
    "bits": (
        "binary_accuracy",
        {"class": "Precision"},
        {"class": "Recall"},
        {"class": "AUC", "num_thresholds": 20},
        {"class": "TruePositives"},
        {"class": "FalseNegatives", "thresholds": 0.25},
        {"class": "FalsePositives", "thresholds": 0.75},
        {"class": "TrueNegatives"},
        {"class": "Precision", "thresholds": [0.25, 0.5, 0.75]},
        {"class": "Recall", "top_k": 1},
        {"class": "PrecisionAtRecall", "recall": 0.5, "num_thresholds": 20},
        {"class": "RecallAtPrecision", "precision": 0.5, "num_thresholds": 20},
        {"class": "SensitivityAtSpecificity", "specificity": 0.5, "num_thresholds": 20},
        {"class": "SpecificityAtSensitivity", "sensitivity": 0.5, "num_thresholds": 20},
        {"class": "AUC", "curve": "PR", "num_thresholds": 20},
        {"class": "BinaryCrossentropy"},
        {"class": "BinaryIoU"},
    ),
    "one_hot": (
        "accuracy",
        "categorical_crossentropy",
        {"class": "TopKCategoricalAccuracy", "k": 2},
        {"class": "F1Score"},
        {"class": "FBetaScore", "beta": 2.0, "average": "macro"},
        {"class": "CategoricalHinge"},
        {"class": "CategoricalCrossentropy", "label_smoothing": 0.1},
        {"class": "OneHotMeanIoU", "num_classes": 5},
    ),
    "classes": (
        "accuracy",
        {"class": "SparseTopKCategoricalAccuracy", "k": 2},
        {"class": "SparseCategoricalCrossentropy"},
    ),
}
_METRICS |= {"positive": _METRICS["real"], "counts": _METRICS["real"], "probabilities": ("mse", "kl_divergence")}
_METRICS |= {"signs": ("mse", {"class": "Hinge"}, {"class": "SquaredHinge"})}


def metrics_for(targets: str) -> st.SearchStrategy[tuple[Any, ...]]:
    """Up to three metrics that go with these targets, each once."""
    return st.lists(st.sampled_from(_METRICS[targets]), max_size=3, unique_by=repr).map(tuple)


# Optimizers --------------------------------------------------------------------------------------------------------------

schedules: st.SearchStrategy[Spec] = st.sampled_from(
    (
        {"class": "ExponentialDecay", "initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5},
        {
            "class": "ExponentialDecay",
            "initial_learning_rate": 0.1,
            "decay_steps": 2,
            "decay_rate": 0.5,
            "staircase": True,
        },
        {"class": "InverseTimeDecay", "initial_learning_rate": 0.1, "decay_steps": 1, "decay_rate": 0.5},
        {"class": "PiecewiseConstantDecay", "boundaries": [1, 3], "values": [0.1, 0.05, 0.01]},
        {"class": "PolynomialDecay", "initial_learning_rate": 0.1, "decay_steps": 3, "power": 2.0, "cycle": True},
        {
            "class": "CosineDecay",
            "initial_learning_rate": 0.01,
            "decay_steps": 3,
            "warmup_target": 0.1,
            "warmup_steps": 2,
        },
        {"class": "CosineDecayRestarts", "initial_learning_rate": 0.1, "first_decay_steps": 2},
    )
)

rates = st.one_of(st.sampled_from((0.1, 0.01, 1e-4)), schedules)

_clipping = st.sampled_from(({}, {"clipnorm": 0.5}, {"clipvalue": 0.1}, {"global_clipnorm": 0.5}))
_averaging = st.sampled_from(
    ({}, {"use_ema": True, "ema_momentum": 0.5}, {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 2})
)
_around = st.tuples(
    _clipping,
    _averaging,
    some(
        weight_decay=st.sampled_from((0.1, 0.004)),
        gradient_accumulation_steps=st.sampled_from((2, 3)),
        loss_scale_factor=st.just(8.0),
    ),
).map(lambda parts: {**parts[0], **parts[1], **parts[2]})

_betas = {"beta_1": st.sampled_from((0.5, 0.99)), "beta_2": st.sampled_from((0.9, 0.5))}
_epsilon = {"epsilon": st.sampled_from((1e-3, 1e-8))}
_momentum = st.sampled_from((0.9, 0.5))

rules = st.one_of(
    spec("SGD"),
    with_required("SGD", {"momentum": _momentum}, nesterov=st.just(True)),
    spec("Adam", amsgrad=st.just(True), **_betas, **_epsilon),
    spec("RMSprop", rho=st.just(0.5), momentum=_momentum, centered=st.just(True), **_epsilon),
    spec("AdamW", amsgrad=st.just(True), **_betas, **_epsilon),
    spec("Adagrad", initial_accumulator_value=st.just(0.0), **_epsilon),
    spec("Adadelta", rho=st.just(0.5), **_epsilon),
    spec("Adamax", **_betas, **_epsilon),
    spec("Nadam", **_betas, **_epsilon),
    spec(
        "Ftrl",
        learning_rate_power=st.just(-0.8),
        l1_regularization_strength=st.just(0.1),
        l2_regularization_strength=st.just(0.1),
        l2_shrinkage_regularization_strength=st.just(0.1),
        beta=st.just(0.5),
    ),
    spec("Lion", **_betas),
    spec("Lamb", **_betas, **_epsilon),
    spec("Adafactor", clip_threshold=st.just(0.5), beta_2_decay=st.just(-0.5)),
    spec(
        "Muon",
        momentum=st.just(0.5),
        nesterov=st.just(False),
        ns_steps=st.just(1),
        rms_rate=st.just(1.0),
        adam_weight_decay=st.just(0.1),
    ),
    spec("ScheduleFreeAdamW", warmup_steps=st.just(2), **_betas, **_epsilon),
)

optimizers = st.tuples(rules, rates, _around).map(lambda parts: {**parts[0], "learning_rate": parts[1], **parts[2]})

# Data --------------------------------------------------------------------------------------------------------------------

MOST_STEPS = 4
"""Of a training: an eager step of Keras takes 50 ms. Momentum, accumulation and schedules have shown themselves by then."""


@st.composite
def batches(draw: Any) -> dict[str, int]:
    """Samples, batch size and epochs: batches of 1, of all, of more than there are, and with a short last one."""
    samples = draw(st.integers(1, 9))
    smallest = -(-samples // MOST_STEPS)
    batch_size = draw(
        st.one_of(st.integers(smallest, samples), st.sampled_from((samples, samples + 1))).filter(
            lambda size: -(-samples // size) <= MOST_STEPS
        )
    )
    epochs = draw(st.integers(1, max(1, MOST_STEPS // -(-samples // batch_size))))
    return {"samples": samples, "batch_size": batch_size, "epochs": epochs}


# All together ------------------------------------------------------------------------------------------------------------


def examples(axes: Iterable[str] = AXES) -> st.SearchStrategy[Example]:
    """Examples that vary along these axes and are plain along the others.

    Raises:
        ValueError: an unknown axis.
    """
    varied = frozenset(axes)
    for unknown in varied - set(AXES):
        raise unknown_name("axis", unknown, AXES)
    return _examples(varied)


@st.composite
def _examples(draw: Any, varied: frozenset[str]) -> Example:

    def along(axis: str, strategy: Any, otherwise: Any) -> Any:
        return draw(strategy) if axis in varied else otherwise

    plain_loss = ({"class": "MeanSquaredError"}, {"class": "Dense", "units": 2}, "real", True)
    loss, head, targets, may_weigh = along("loss", losses, plain_loss)
    stack = along("layers", stacks, [{"class": "Dense", "units": 3, "activation": "tanh"}])
    features = along("layers", widths, 2)
    optimizer = along("optimizer", optimizers, {"class": "SGD", "learning_rate": 0.1})
    cut = along("batches", batches(), {"samples": 4, "batch_size": 2, "epochs": 1})
    class_weights = along("sample_weight", st.sampled_from((None, (1.0, 2.0, 0.5, 3.0, 0.0))), None)
    sample_weight = along("sample_weight", st.sampled_from(SAMPLE_WEIGHTS), "none") if may_weigh else "none"
    example = Example(
        layers=(*stack, head),
        loss=loss,
        optimizer=optimizer,
        features=features,
        inputs=along("inputs", st.sampled_from(INPUTS), "normal"),
        targets=targets,
        weights=along("weights", st.sampled_from(WEIGHTS), "own"),
        sample_weight=sample_weight,
        metrics=along("metrics", metrics_for(targets), ()),
        dtype=along("dtype", st.sampled_from(("float64", "float32")), "float64"),
        seed=along("seed", st.integers(0, 999), 0),
        **cut,
    )
    if example.dtype == "float64":  # TensorFlow's top-k takes float32 alone
        example = example.but(metrics=tuple(m for m in example.metrics if "TopK" not in repr(m)))
    if class_weights and sample_weight == "none" and targets in ("classes", "one_hot") and may_weigh:
        example = example.but(class_weight=class_weights[: example.outputs])
    return example
