"""The figures of the pages about kernels: each is drawn by calling the functions that the kernel is behind."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import tinynn
from tinynn import activations, layers, losses, ops, optimizers, plotting

ACTIVATIONS: dict[str, Any] = {
    "bounded_relu": {
        "relu6": activations.relu6,
        "max_value=4, threshold=1": lambda x: activations.relu(x, 0.1, 4.0, 1.0),
    },
    "gelu": {
        "gelu": lambda x: activations.gelu(x, approximate=False),
        "relu": activations.relu,
    },
    "gelu_tanh": {"gelu, by tanh": lambda x: activations.gelu(x, approximate=True)},
    "leaky_relu": {"leaky_relu": activations.leaky_relu, "relu": activations.relu},
    "prelu": {"slope 0.25": lambda x: ops.maximum(x, 0.0) + 0.25 * ops.minimum(x, 0.0)},
    **{
        name: {name: getattr(activations, name)}
        for name in (
            *(
                "celu",
                "elu",
                "exponential",
                "hard_shrink",
                "hard_sigmoid",
                "hard_silu",
                "hard_tanh",
                "linear",
                "log_sigmoid",
            ),
            *(
                "mish",
                "relu",
                "selu",
                "sigmoid",
                "silu",
                "soft_shrink",
                "softplus",
                "softsign",
                "sparse_plus",
            ),
            *("sparse_sigmoid", "squareplus", "tanh", "tanh_shrink"),
        )
    },
    "threshold": {"threshold 1, else 0": lambda x: activations.threshold(x, 1.0, 0.0)},
}

ROWS = {
    "softmax": activations.softmax,
    "log_softmax": activations.log_softmax,
    "sparsemax": activations.sparsemax,
}

PROBABILITY, LOGIT, ERROR, SIGNED = (0.02, 0.98), (-6.0, 6.0), (-3.0, 3.0), (-2.0, 2.0)


def _against_one(loss: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """A loss of two classes of which y_pred is the second one's probability."""

    def of(y_true: Any, y_pred: Any) -> Any:
        rows = ops.concatenate([1 - y_pred, y_pred], axis=1)
        return loss(np.concatenate([1 - y_true, y_true], axis=1), rows, **options)

    return of


def _logit_against_zero(y_true: Any, y_pred: Any) -> Any:
    rows = ops.concatenate([ops.zeros_like(y_pred), y_pred], axis=1)
    return losses.categorical_crossentropy(
        np.concatenate([1 - y_true, y_true], axis=1), rows, from_logits=True
    )


def _angle(y_true: Any, y_pred: Any) -> Any:
    return losses.cosine_similarity(
        np.concatenate([np.ones_like(y_true), 0 * y_true], axis=1),
        ops.concatenate([ops.cos(y_pred), ops.sin(y_pred)], axis=1),
    )


LOSSES: dict[
    str, tuple[Callable[..., Any], tuple[float, float], tuple[float, ...], str]
] = {
    "binary_crossentropy": (losses.binary_crossentropy, PROBABILITY, (0, 1), "y_pred"),
    "binary_focal_crossentropy": (
        losses.binary_focal_crossentropy,
        PROBABILITY,
        (0, 1),
        "y_pred",
    ),
    "categorical_crossentropy": (
        _against_one(losses.categorical_crossentropy),
        PROBABILITY,
        (0, 1),
        "p of the second class",
    ),
    "categorical_focal_crossentropy": (
        *(
            _against_one(losses.categorical_focal_crossentropy),
            PROBABILITY,
            (0, 1),
            "p of the second class",
        ),
    ),
    "categorical_hinge": (
        _against_one(losses.categorical_hinge),
        SIGNED,
        (0, 1),
        "y_pred of the second class",
    ),
    "cosine_similarity": (_angle, (-np.pi, np.pi), (1,), "angle between y_pred and y_true"),
    "dice": (functools.partial(losses.dice, axis=-1), (0.0, 1.0), (0, 1), "y_pred"),
    "generalized_crossentropy": (
        *(
            lambda y, p: losses.categorical_generalized_cross_entropy(
                y[:, 0].astype("int64"), ops.concatenate([1 - p, p], axis=1), q=0.5
            ),
            PROBABILITY,
            (0, 1),
            "p of the second class",
        ),
    ),
    "hinge": (losses.hinge, SIGNED, (-1, 1), "y_pred"),
    "huber": (losses.huber, ERROR, (0,), "y_pred"),
    "kl_divergence": (losses.kl_divergence, PROBABILITY, (0.3, 1), "y_pred"),
    "log_cosh": (losses.log_cosh, ERROR, (0,), "y_pred"),
    "mean_absolute_error": (losses.mean_absolute_error, ERROR, (0,), "y_pred"),
    "mean_absolute_percentage_error": (
        losses.mean_absolute_percentage_error,
        (0.0, 4.0),
        (1, 2),
        "y_pred",
    ),
    "mean_squared_error": (losses.mean_squared_error, ERROR, (0,), "y_pred"),
    "mean_squared_logarithmic_error": (
        losses.mean_squared_logarithmic_error,
        (0.0, 6.0),
        (1, 3),
        "y_pred",
    ),
    "poisson": (losses.poisson, (0.1, 6.0), (1, 3), "y_pred"),
    "sigmoid_crossentropy": (
        functools.partial(losses.binary_crossentropy, from_logits=True),
        LOGIT,
        (0, 1),
        "logit",
    ),
    "sigmoid_focal_crossentropy": (
        *(
            functools.partial(losses.binary_focal_crossentropy, from_logits=True),
            LOGIT,
            (0, 1),
            "logit",
        ),
    ),
    "softmax_crossentropy": (
        _logit_against_zero,
        LOGIT,
        (0, 1),
        "logit of the second class, the first being 0",
    ),
    "squared_hinge": (losses.squared_hinge, SIGNED, (-1, 1), "y_pred"),
    "tversky": (functools.partial(losses.tversky, axis=-1), (0.0, 1.0), (0, 1), "y_pred"),
}

OPTIMIZERS = {
    "adadelta": optimizers.Adadelta(40.0),
    "adafactor": optimizers.Adafactor(0.2),
    "adagrad": optimizers.Adagrad(0.8),
    "adam": optimizers.Adam(0.25),
    "adamax": optimizers.Adamax(0.25),
    "ftrl": optimizers.Ftrl(0.8),
    "lamb": optimizers.Lamb(0.1),
    "lion": optimizers.Lion(0.1),
    "nadam": optimizers.Nadam(0.25),
    "rmsprop": optimizers.RMSprop(0.1),
    "schedule_free_adamw": optimizers.ScheduleFreeAdamW(0.25),
    "sgd": optimizers.SGD(0.05),
}

NORMALIZATIONS = {
    "batch_normalization": layers.BatchNormalization,
    "layer_normalization": layers.LayerNormalization,
    "rms_normalization": layers.RMSNormalization,
    "unit_normalization": layers.UnitNormalization,
}


def write(name: str, folder: Path, newer_than: Path) -> str | None:
    """Draw the figure of a kernel into NAME.svg unless a newer one is there; the file's name, None if there is no figure."""
    draw = drawing(name)
    if draw is None:
        return None
    path = folder / f"{name}.svg"
    if not path.exists() or path.stat().st_mtime < max(
        newer_than.stat().st_mtime, Path(__file__).stat().st_mtime
    ):
        with plt.rc_context({"svg.hashsalt": "tinynn", "font.size": 9.5}):
            draw()
            plt.gcf().savefig(path, metadata={"Date": None})
            plt.close("all")
    return path.name


def drawing(name: str) -> Callable[[], Any] | None:
    """What draws the figure of a kernel."""
    if name in ACTIVATIONS:
        return lambda: _activation(ACTIVATIONS[name])
    if name in ROWS:
        return lambda: _row(ROWS[name])
    if name in LOSSES:
        return lambda: _loss(*LOSSES[name])
    if name in OPTIMIZERS:
        return lambda: _paths(name)
    if name in NORMALIZATIONS:
        return lambda: _normalization(NORMALIZATIONS[name])
    return {"dense": _dense, "l1_l2": _penalties, "dropout": _dropout}.get(name)


def _named(function: Callable[..., Any], label: str) -> Callable[..., Any]:
    def of(x: Any) -> Any:
        return function(x)

    of.__name__ = label
    return of


def _activation(functions: dict[str, Callable[..., Any]]) -> None:
    plotting.activation([_named(function, label) for label, function in functions.items()])


def _curves(
    x: Any, curves: dict[str, Callable[[Any], Any]], xlabel: str, titles: tuple[str, str]
) -> None:
    """Functions of (n, 1) to (n,), and their derivatives by the tape."""
    axes = plt.subplots(1, 2, figsize=(8.4, 3.2), layout="constrained")[1]
    for i, (label, function) in enumerate(curves.items()):
        variable = tinynn.Variable(x.reshape(-1, 1), dtype="float64")
        with tinynn.GradientTape() as tape:
            values = function(variable)
        slopes = np.asarray(tape.gradient(values, variable)).ravel()
        for panel, y in zip(axes, (np.asarray(values).ravel(), slopes)):
            panel.plot(x, y, label=label, **plotting._axes.style(i, len(x)))
    for panel, title in zip(axes, titles):
        panel.axhline(0, color="#808080", linewidth=0.6)
        panel.set(xlabel=xlabel, title=title)
        panel.grid(alpha=0.3)
        panel.legend()


def _loss(
    loss: Callable[..., Any],
    span: tuple[float, float],
    labels: tuple[float, ...],
    xlabel: str,
) -> None:
    x = np.linspace(*span, 601)

    def beside(label: float) -> Callable[..., Any]:
        return lambda y_pred: loss(np.full((len(x), 1), float(label)), y_pred)

    curves = {f"y_true = {label:g}": beside(label) for label in labels}
    _curves(x, curves, xlabel, ("loss", "its derivative"))


def _row(function: Callable[..., Any]) -> None:
    """Of (x, 0, -1): the three outputs as x moves."""
    x = np.linspace(-4, 4, 601)

    def output(k: int) -> Callable[[Any], Any]:
        return lambda first: function(
            ops.concatenate(
                [first, ops.zeros_like(first), ops.zeros_like(first) - 1], axis=1
            )
        )[:, k]

    curves = {f"output {k} of (x, 0, -1)": output(k) for k in range(3)}
    _curves(x, curves, "x", ("outputs", "their derivatives by x"))


def _paths(name: str) -> None:
    plotting.optimizer_paths(
        lambda a, b: a**2 + 10 * b**2,
        {type(OPTIMIZERS[name]).__name__: OPTIMIZERS[name]},
        (-4.0, 1.5),
        bounds=(-5, 2, -2, 2),
    )
    plt.gca().set_title("50 steps down a² + 10 b²")


def _normalization(layer: Any) -> None:
    x = (
        np.random.RandomState(0)
        .normal([0.0, 2.0, -1.0, 4.0], [0.5, 2.0, 1.0, 0.3], (6, 4))
        .astype("float32")
    )
    axes = plt.subplots(1, 2, figsize=(8.4, 2.8), layout="constrained")[1]
    for panel, table, title in zip(
        axes, (x, np.asarray(layer()(x, training=True))), ("inputs", "outputs")
    ):
        _table(panel, table, title)


def _table(panel: Any, table: Any, title: str) -> None:
    limit = float(np.abs(table).max())
    panel.imshow(table, cmap="cividis", vmin=-limit, vmax=limit, aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        panel.text(
            column,
            row,
            f"{value:.2g}",
            ha="center",
            va="center",
            color="black" if value > 0.1 * limit else "white",
        )
    panel.set(title=title, xticks=[], yticks=[])


def _dense() -> None:
    rng = np.random.RandomState(0)
    x, kernel = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    axes = plt.subplots(1, 3, figsize=(8.4, 2.6), layout="constrained")[1]
    for panel, table, title in zip(
        axes,
        (x, kernel, x @ kernel),
        ("x (batch, fan_in)", "kernel (fan_in, units)", "x @ kernel (batch, units)"),
    ):
        _table(panel, table, title)


def _penalties() -> None:
    curves = {"L1: |w|": ops.abs, "L2: w²": ops.square}
    _curves(
        np.linspace(-2, 2, 601), curves, "w", ("penalty, with factor 1", "its derivative")
    )


def _dropout() -> None:
    axes = plt.subplots(1, 3, figsize=(8.4, 2.6), layout="constrained")[1]
    for panel, rate in zip(axes, (0.1, 0.5, 0.8)):
        tinynn.utils.set_random_seed(0)
        out = np.asarray(layers.Dropout(rate)(np.ones((12, 24), "float32"), training=True))
        panel.imshow(out, cmap="gray", vmin=0, vmax=5)
        panel.set(title=f"rate {rate:g}: 0 or {out.max():.3g}", xticks=[], yticks=[])
