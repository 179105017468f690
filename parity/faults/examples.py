"""The small examples that faults are tried on, by name. Each shows one thing; all are a few numbers in size."""

from __future__ import annotations

from typing import Any

from parity.example import Example, Spec


def dense(units: int, activation: str | None = None, **arguments: Any) -> Spec:
    """A Dense layer's description."""
    return {"class": "Dense", "units": units, **({"activation": activation} if activation else {}), **arguments}


def rule(name: str, **arguments: Any) -> Spec:
    """An optimizer's description."""
    return {"class": name, "learning_rate": 0.1, **arguments}


PLAIN = Example(layers=(dense(3, "tanh"), dense(2)), features=3, samples=5, batch_size=2, seed=1)
"""Three batches of a regression, the last one short."""

CLASSES = PLAIN.but(
    layers=(dense(3, "relu"), dense(3, "softmax")),
    loss={"class": "SparseCategoricalCrossentropy"},
    targets="classes",
    metrics=("accuracy",),
)
ONE_HOT = CLASSES.but(loss={"class": "CategoricalCrossentropy"}, targets="one_hot")
BINARY = PLAIN.but(
    layers=(dense(3, "relu"), dense(2, "sigmoid")),
    loss={"class": "BinaryCrossentropy"},
    targets="bits",
    metrics=("binary_accuracy",),
)


def trained_by(name: str, **arguments: Any) -> Example:
    """PLAIN with another optimizer."""
    return PLAIN.but(optimizer=rule(name, **arguments))


def hidden(activation: str, inputs: str = "normal", weights: str = "normal") -> Example:
    """PLAIN with another activation."""
    return PLAIN.but(layers=(dense(3, activation), dense(2)), inputs=inputs, weights=weights)


def judged_by(loss: str, head: str | None = None, targets: str = "real", units: int = 2, **arguments: Any) -> Example:
    """PLAIN with another loss and head."""
    return PLAIN.but(
        layers=(dense(3, "tanh"), dense(units, head)),
        loss={"class": loss, **arguments},
        targets=targets,
        weights="normal",
    )


def with_layer(*layers: Spec, **changes: Any) -> Example:
    """PLAIN with layers between its two."""
    return PLAIN.but(layers=(dense(3, "tanh"), *layers, dense(2)), weights="normal", **changes)


def scheduled(name: str, **arguments: Any) -> Example:
    """PLAIN for six steps of a learning rate that changes."""
    schedule = {"class": name, **arguments}
    if name != "PiecewiseConstantDecay":
        schedule["initial_learning_rate"] = 0.1
    return trained_by("SGD", learning_rate=schedule).but(epochs=2)


FALLING: Spec = {"class": "ExponentialDecay", "initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5}
PENALTIES: dict[str, Any] = {
    "kernel_regularizer": {"class": "L2", "l2": 0.1},
    "bias_regularizer": {"class": "L1L2", "l1": 0.1, "l2": 0.3},
}
BATCH_NORMALIZATION: Spec = {"class": "BatchNormalization", "momentum": 0.7, "epsilon": 0.1}
LAYER_NORMALIZATION: Spec = {"class": "LayerNormalization", "epsilon": 0.1}


def constrained(name: str, **arguments: Any) -> Example:
    """PLAIN with a constraint on the first kernel."""
    kernel = dense(3, "tanh", kernel_constraint={"class": name, **arguments})
    return PLAIN.but(layers=(kernel, dense(2)), weights="normal")


def initialized(name: str, **arguments: Any) -> Example:
    """PLAIN from another initializer."""
    first = dense(4, "tanh", kernel_initializer={"class": name, **arguments})
    return PLAIN.but(layers=(first, dense(2)), dtype="float32")


EXAMPLES: dict[str, Example] = {
    # Optimizers
    "sgd": PLAIN,
    "sgd-decay": trained_by("SGD", learning_rate=0.5, weight_decay=0.7).but(weights="normal"),
    "momentum": trained_by("SGD", momentum=0.9),
    "momentum-schedule": trained_by("SGD", momentum=0.9).but(
        optimizer=rule("SGD", momentum=0.9) | {"learning_rate": FALLING}
    ),
    "nesterov": trained_by("SGD", momentum=0.9, nesterov=True),
    "adam": trained_by("Adam"),
    "adam-epsilon": trained_by("Adam", epsilon=1e-3),
    "amsgrad": trained_by("Adam", amsgrad=True, beta_2=0.5),
    "adamw": trained_by("AdamW", weight_decay=0.1).but(weights="normal"),
    "rmsprop": trained_by("RMSprop", epsilon=1e-3),
    "rmsprop-centered": trained_by("RMSprop", epsilon=1e-3, centered=True, momentum=0.9),
    "rmsprop-schedule": trained_by("RMSprop", momentum=0.9).but(
        optimizer={"class": "RMSprop", "momentum": 0.9, "learning_rate": FALLING}
    ),
    "adagrad": trained_by("Adagrad", epsilon=1e-3),
    "adadelta": trained_by("Adadelta", epsilon=1e-3),
    "adamax": trained_by("Adamax", epsilon=1e-3),
    "nadam": trained_by("Nadam"),
    "ftrl": trained_by(
        "Ftrl",
        l1_regularization_strength=0.01,
        l2_regularization_strength=0.1,
        l2_shrinkage_regularization_strength=0.1,
        beta=0.5,
    ),
    "lion": trained_by("Lion", beta_1=0.5, beta_2=0.9),
    "lamb": trained_by("Lamb"),
    "adafactor": trained_by("Adafactor", clip_threshold=0.5),
    "adafactor-fast": trained_by("Adafactor", learning_rate=1.0).but(epochs=2),
    "muon": trained_by("Muon"),
    "schedule-free": trained_by("ScheduleFreeAdamW", warmup_steps=2),
    "clipnorm": trained_by("SGD", clipnorm=0.3).but(weights="normal", epochs=2),
    "global-clipnorm": trained_by("SGD", global_clipnorm=0.3).but(weights="normal"),
    "clipvalue": trained_by("SGD", clipvalue=0.05).but(weights="normal"),
    "ema": trained_by("SGD", use_ema=True, ema_momentum=0.9),
    "ema-overwrite": trained_by("SGD", use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=2),
    "ema-constraint": constrained("MaxNorm", max_value=0.5).but(optimizer=rule("SGD", use_ema=True, ema_momentum=0.5)),
    "accumulation": trained_by("SGD", gradient_accumulation_steps=2),
    "accumulation-adam": trained_by("Adam", gradient_accumulation_steps=2).but(epochs=2),
    "loss-scale": trained_by("SGD", loss_scale_factor=8.0),
    "exponential": scheduled("ExponentialDecay", decay_steps=2, decay_rate=0.5),
    "staircase": scheduled("ExponentialDecay", decay_steps=2, decay_rate=0.5, staircase=True),
    "inverse": scheduled("InverseTimeDecay", decay_steps=1, decay_rate=0.5),
    "piecewise": scheduled("PiecewiseConstantDecay", boundaries=[1, 3], values=[0.1, 0.05, 0.01]),
    "polynomial": scheduled("PolynomialDecay", decay_steps=3, power=2.0, cycle=True),
    "cosine": scheduled("CosineDecay", decay_steps=3, warmup_target=0.2, warmup_steps=2),
    "restarts": scheduled("CosineDecayRestarts", first_decay_steps=2),
    # Cross-entropies
    "softmax-saturated": CLASSES.but(inputs="huge"),
    "sigmoid-saturated": BINARY.but(inputs="huge"),
    "sigmoid-sure": PLAIN.but(
        layers=(dense(1, "sigmoid"),),
        loss={"class": "BinaryCrossentropy"},
        targets="bits",
        features=1,
        samples=1,
        batch_size=1,
        inputs="huge",
        weights="normal",
        seed=5,
    ),
    "onehot-saturated": ONE_HOT.but(inputs="huge"),
    "onehot": ONE_HOT,
    "bits-as-onehot": ONE_HOT.but(targets="bits"),
    "plain-binary": BINARY.but(layers=(dense(3, "relu"), dense(2, "hard_sigmoid")), inputs="huge"),
    "plain-binary-high": BINARY.but(layers=(dense(3, "relu"), dense(2, "hard_sigmoid")), inputs="huge"),
    "plain-binary-soft": BINARY.but(layers=(dense(2, "softplus"),), weights="large"),
    "plain-onehot-linear": ONE_HOT.but(layers=(dense(3),), weights="normal"),
    "plain-onehot": ONE_HOT.but(layers=(dense(3, "hard_sigmoid"),), weights="large"),
    "plain-sparse": CLASSES.but(layers=(dense(3, "hard_sigmoid"),), weights="large"),
    "smoothing": ONE_HOT.but(loss={"class": "CategoricalCrossentropy", "label_smoothing": 0.2}),
    "smoothing-binary": BINARY.but(loss={"class": "BinaryCrossentropy", "label_smoothing": 0.2}),
    "epsilon-set": BINARY.but(layers=(dense(3, "relu"), dense(2, "hard_sigmoid")), inputs="huge", metrics=()),
    # Weights and reductions
    "weighted": judged_by("MeanSquaredError").but(sample_weight="uniform"),
    "weighted-mean": judged_by("MeanSquaredError", reduction="mean_with_sample_weight").but(sample_weight="uniform"),
    "weighted-mse-metric": judged_by("MeanSquaredError").but(sample_weight="uniform", metrics=("mae",)),
    "sum": judged_by("MeanSquaredError", reduction="sum"),
    "class-weights": CLASSES.but(class_weight=(1.0, 2.0, 0.5)),
    "class-weights-onehot": ONE_HOT.but(class_weight=(1.0, 2.0, 0.5)),
    "class-weights-some": CLASSES.but(class_weight=(3.0, 2.0)),
    # Other losses
    "absolute-ties": judged_by("MeanAbsoluteError", None, "counts").but(weights="zeros"),
    "percentage": judged_by("MeanAbsolutePercentageError"),
    "logarithmic": judged_by("MeanSquaredLogarithmicError", "softplus", "positive"),
    "logarithmic-negative": judged_by("MeanSquaredLogarithmicError", None, "positive"),
    "huber": judged_by("Huber", delta=0.3),
    "log-cosh": judged_by("LogCosh"),
    "log-cosh-huge": judged_by("LogCosh").but(inputs="huge", layers=(dense(2),)),
    "poisson": judged_by("Poisson", "exponential", "counts"),
    "poisson-relu": judged_by("Poisson", "relu", "counts"),
    "kl": judged_by("KLDivergence", "softmax", "probabilities", 3),
    "kl-onehot": judged_by("KLDivergence", "softmax", "one_hot", 3),
    "cosine-similarity": judged_by("CosineSimilarity"),
    "hinge": judged_by("Hinge", None, "bits"),
    "hinge-kink": judged_by("Hinge", None, "signs").but(layers=(dense(2, "exponential"),), weights="zeros"),
    "squared-hinge": judged_by("SquaredHinge", None, "signs"),
    "categorical-hinge": judged_by("CategoricalHinge", None, "one_hot", 3),
    "categorical-hinge-ties": judged_by("CategoricalHinge", None, "one_hot", 3).but(weights="zeros"),
    "tversky": judged_by("Tversky", "sigmoid", "bits", alpha=0.3, beta=0.9),
    # Activations
    "relu": hidden("relu"),
    "relu-kink": hidden("relu", "zeros", "own"),
    "leaky-relu": hidden("leaky_relu"),
    "leaky-kink": hidden("leaky_relu", "zeros", "own"),
    "elu": PLAIN.but(layers=(dense(3), {"class": "ELU", "alpha": 0.5}, dense(2)), weights="normal"),
    "selu": hidden("selu"),
    "gelu": hidden("gelu"),
    "silu": hidden("silu"),
    "sigmoid": hidden("sigmoid"),
    "sigmoid-huge": hidden("sigmoid", "huge"),
    "softmax-huge": hidden("softmax", "huge"),
    "softmax-hidden": hidden("softmax"),
    "log-softmax-huge": hidden("log_softmax", "huge"),
    "softplus-low": PLAIN.but(
        layers=(dense(1, "softplus"),), features=1, samples=1, batch_size=1, inputs="huge", seed=5, weights="normal"
    ),
    "softplus-huge": hidden("softplus", "huge"),
    "softsign": hidden("softsign"),
    "hard-sigmoid": hidden("hard_sigmoid", "normal", "large"),
    "mish": hidden("mish"),
    "exponential-activation": hidden("exponential"),
    "biased": PLAIN.but(weights="normal"),
    # Normalization and noise
    "batch-normalization": with_layer(BATCH_NORMALIZATION),
    "batch-normalization-frozen": with_layer(BATCH_NORMALIZATION | {"trainable": False}),
    "batch-normalization-deep": with_layer(BATCH_NORMALIZATION),
    "layer-normalization": with_layer(LAYER_NORMALIZATION),
    "layer-normalization-deep": with_layer(LAYER_NORMALIZATION),
    "dropout": with_layer({"class": "Dropout", "rate": 0.4}, samples=8, batch_size=3),
    "noise": with_layer({"class": "GaussianNoise", "stddev": 0.5}),
    "gaussian-dropout": with_layer({"class": "GaussianDropout", "rate": 0.3}),
    # Penalties and constraints
    "penalties": PLAIN.but(layers=(dense(3, "tanh", **PENALTIES), dense(2)), weights="normal"),
    "penalties-kink": PLAIN.but(layers=(dense(3, "tanh", **PENALTIES), dense(2)), weights="zeros"),
    "activity": PLAIN.but(layers=(dense(3, "tanh", activity_regularizer={"class": "L2", "l2": 0.1}), dense(2))),
    "max-norm": constrained("MaxNorm", max_value=0.5),
    "min-max-norm": constrained("MinMaxNorm", min_value=0.2, max_value=0.5, rate=0.5),
    "unit-norm": constrained("UnitNorm"),
    "non-negative": constrained("NonNeg"),
    # Training
    "short-batch": PLAIN.but(metrics=("mae",)),
    "two-epochs": PLAIN.but(metrics=("mae",), epochs=2),
    "shuffled": PLAIN.but(seed=2, epochs=2, samples=7),
    "float64-data": PLAIN.but(dtype="float32"),
    "labels-row": judged_by("MeanSquaredError", units=1),
    "glorot-uniform": PLAIN.but(dtype="float32"),
    "glorot-normal": initialized("GlorotNormal"),
    "lecun-normal": initialized("LecunNormal"),
    "orthogonal": initialized("Orthogonal"),
    "random-normal": initialized("RandomNormal", stddev=0.5),
    # Metrics
    "zero-sigmoid": BINARY.but(weights="zeros"),
    "zero-softmax": CLASSES.but(weights="zeros"),
    "zero-top-k": CLASSES.but(
        weights="zeros", metrics=({"class": "SparseTopKCategoricalAccuracy", "k": 2},), dtype="float32"
    ),
    "zero-onehot": ONE_HOT.but(weights="zeros"),
    "zero-counts": BINARY.but(weights="zeros", metrics=({"class": "Precision"}, {"class": "Recall"})),
    "auc": BINARY.but(metrics=({"class": "AUC", "num_thresholds": 20},), weights="normal", samples=9, batch_size=4),
    "auc-coarse": BINARY.but(
        metrics=({"class": "AUC", "num_thresholds": 3},), weights="normal", samples=9, batch_size=4
    ),
    "f-score": ONE_HOT.but(metrics=({"class": "F1Score"},), weights="normal"),
    "r2": PLAIN.but(metrics=({"class": "R2Score"}, {"class": "CosineSimilarity"}), samples=7),
    "rmse": PLAIN.but(metrics=({"class": "RootMeanSquaredError"},)),
    # The compiled engine
    "twin": PLAIN,
    "twin-biased": PLAIN.but(weights="normal"),
    "twin-wide": PLAIN.but(layers=(dense(6, "tanh"), dense(2))),
    "twin-short": PLAIN.but(metrics=("mae",), seed=3, samples=8, batch_size=3),
    "twin-weighted": judged_by("MeanSquaredError").but(sample_weight="uniform", metrics=("mae",), seed=3),
    "twin-shuffled": PLAIN.but(seed=2, samples=7),
    "twin-schedule": scheduled("ExponentialDecay", decay_steps=2, decay_rate=0.5),
    "twin-momentum": trained_by("SGD", momentum=0.9, learning_rate=FALLING),
    "twin-nesterov": trained_by("SGD", momentum=0.9, nesterov=True),
    "twin-rmsprop": trained_by("RMSprop", epsilon=1e-3, centered=True, momentum=0.9),
    "twin-adam": trained_by("Adam", epsilon=1e-3),
    "twin-amsgrad": trained_by("Adam", amsgrad=True, beta_2=0.5),
    "twin-dropout": with_layer({"class": "Dropout", "rate": 0.4}, samples=8, batch_size=3, epochs=2),
    "twin-epochs": trained_by("Adam", epsilon=1e-3).but(metrics=("mae",), epochs=3, seed=3),
    "twin-classes": CLASSES,
    "twin-onehot": ONE_HOT,
    "twin-binary": BINARY,
    "twin-absolute": judged_by("MeanAbsoluteError"),
    "twin-smoothing": ONE_HOT.but(loss={"class": "CategoricalCrossentropy", "label_smoothing": 0.2}),
    "twin-saturated": CLASSES.but(inputs="huge"),
    "twin-plain-binary": BINARY.but(layers=(dense(3, "tanh"), dense(2, "relu")), weights="large"),
    "twin-plain-onehot": ONE_HOT.but(layers=(dense(3, "tanh"), dense(3, "relu")), weights="normal"),
    "twin-plain-sparse": CLASSES.but(layers=(dense(3, "tanh"), dense(3, "relu")), weights="large"),
    "twin-sigmoid-hidden": hidden("sigmoid"),
    "twin-sigmoid-mse": PLAIN.but(layers=(dense(3, "tanh"), dense(2, "sigmoid"))),
    "twin-softmax-hidden": hidden("softmax", "huge"),
    "twin-softmax-hidden-plain": hidden("softmax"),
}
