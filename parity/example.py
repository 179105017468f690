"""A model, its data and its training as plain, printable data, from which either library builds the same thing.

A thing with arguments (a layer, a loss, an optimizer, a regularizer ...) is a dict: its class under "class", its arguments
under their own names: {"class": "Dense", "units": 3, "kernel_regularizer": {"class": "L2", "l2": 0.01}}.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Spec = dict[str, Any]

INPUTS = ("normal", "integers", "zeros", "repeated", "huge", "tiny", "mixed")
TARGETS = ("real", "positive", "counts", "signs", "bits", "one_hot", "probabilities", "classes")
WEIGHTS = ("own", "normal", "integers", "zeros", "large")
SAMPLE_WEIGHTS = ("none", "uniform", "zeros")


@dataclass(frozen=True)
class Example:
    """One model and how it is trained; everything random in it comes from `seed`.

    Args:
        layers: the stack, the head last.
        loss, optimizer: what to compile.
        metrics: names or specifications.
        features: width of the input.
        samples, batch_size, epochs: the data and how it is cut.
        inputs: what x looks like: one of `INPUTS`.
        targets: what y looks like: one of `TARGETS`.
        weights: initial trainable weights: the layers' "own" initializers, or one of `WEIGHTS`.
        sample_weight: one of `SAMPLE_WEIGHTS`.
        class_weight: weights of the classes 0, 1, ...; None for none. Only `fit` takes it.
        dtype: "float32" or "float64", where a property does not say which.
        seed: of data and weights.
    """

    layers: tuple[Spec, ...] = ({"class": "Dense", "units": 1},)
    loss: Spec = field(default_factory=lambda: {"class": "MeanSquaredError"})
    optimizer: Spec = field(default_factory=lambda: {"class": "SGD", "learning_rate": 0.1})
    metrics: tuple[Any, ...] = ()
    features: int = 1
    samples: int = 1
    batch_size: int = 1
    epochs: int = 1
    inputs: str = "normal"
    targets: str = "real"
    weights: str = "own"
    sample_weight: str = "none"
    class_weight: tuple[float, ...] | None = None
    dtype: str = "float64"
    seed: int = 0

    # What it is ---------------------------------------------------------------------------------------------------------

    @property
    def outputs(self) -> int:
        """The width of the last layer."""
        width = self.features
        for layer in self.layers:
            width = layer.get("units", width)
        return int(width)

    @property
    def steps(self) -> int:
        """Batches of the whole training."""
        return math.ceil(self.samples / self.batch_size) * self.epochs

    @property
    def draws(self) -> bool:
        """Whether a layer draws random numbers while training."""
        return any(layer["class"] in RANDOM_LAYERS for layer in self.layers)

    def data(self, dtype: str | None = None) -> tuple[Array, Array, Array | None]:
        """x (samples, features), y, and sample weights (samples,) or None, the same in every library."""
        dtype = dtype or self.dtype
        rng = np.random.default_rng(self.seed)
        # Rounded to float32 first: a float64 run of the same example then starts from the very numbers of the float32 run.
        x = make_inputs(rng, self.inputs, self.samples, self.features).astype("float32").astype(dtype)
        y = make_targets(rng, self.targets, self.samples, self.outputs)
        y = y if y.dtype.kind == "i" else y.astype("float32").astype(dtype)
        weights = make_sample_weights(rng, self.sample_weight, self.samples)
        return x, y, None if weights is None else weights.astype("float32").astype(dtype)

    def initial_weights(self, own: list[Array]) -> list[Array]:
        """Values for the trainable variables, whose own initial values are given."""
        if self.weights == "own":
            return own
        rng = np.random.default_rng(self.seed + 1)
        return [make_weights(rng, self.weights, value.shape).astype("float32").astype(value.dtype) for value in own]

    # Building -----------------------------------------------------------------------------------------------------------

    def build(self, library: Any, dtype: str | None = None, **compile_arguments: Any) -> Any:
        """The compiled model in a library, its float type and seed being set (`engines.fresh_session` does both)."""
        if dtype is not None and library.config.floatx() != dtype:
            raise ValueError(f"build expects a session in {dtype}; {library.__name__} is in {library.config.floatx()}.")
        layers = [made(library.layers, spec, library) for spec in self.layers]
        model = library.Sequential([library.Input((self.features,)), *layers])
        model.compile(
            optimizer=made(library.optimizers, self.optimizer, library),
            loss=made(library.losses, self.loss, library),
            metrics=[
                metric if isinstance(metric, str) else made(library.metrics, metric, library) for metric in self.metrics
            ],
            **compile_arguments,
        )
        if self.weights != "own":
            variables = model.trainable_variables
            for variable, value in zip(variables, self.initial_weights([np.array(v) for v in variables]), strict=True):
                variable.assign(value)
        return model

    # As text ------------------------------------------------------------------------------------------------------------

    def changes(self) -> dict[str, Any]:
        """The fields that are not those of the simplest example."""
        plain = Example()
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != getattr(plain, f.name)}

    def __repr__(self) -> str:
        return f"Example({', '.join(f'{name}={value!r}' for name, value in self.changes().items())})"

    def to_json(self) -> str:
        """One line; also what tells examples apart."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Example:
        """The way back."""
        found = json.loads(text)
        for name in ("layers", "metrics", "class_weight"):
            found[name] = None if found[name] is None else tuple(found[name])
        return cls(**found)

    def script(self) -> str:
        """A program that runs the example in Keras and in tinynn and prints the first difference; it needs neither parity
        nor Hypothesis."""
        from parity.script import script

        return script(self)

    def but(self, **changes: Any) -> Example:
        """Another one."""
        return replace(self, **changes)


RANDOM_LAYERS = ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise")

_MODULES = {
    "regularizer": "regularizers",
    "constraint": "constraints",
    "initializer": "initializers",
    "learning_rate": "optimizers.schedules",
}
"""The end of an argument's name -> where the classes of its values are."""


def made(module: Any, spec: Spec, library: Any) -> Any:
    """What a specification says, from a library's module."""
    arguments = {name: value for name, value in spec.items() if name != "class"}
    for name, value in arguments.items():
        if isinstance(value, dict):
            place = library
            for part in next(path for end, path in _MODULES.items() if name.endswith(end)).split("."):
                place = getattr(place, part)
            arguments[name] = made(place, value, library)
    return getattr(module, spec["class"])(**arguments)


# Numbers -----------------------------------------------------------------------------------------------------------------


def make_inputs(rng: np.random.Generator, kind: str, samples: int, features: int) -> Array:
    """x (samples, features). Integers lie on kinks and make ties; "huge" saturates every activation without overflow in
    float32; "tiny" holds numbers that are not normal in float32; "mixed" has a row of each."""
    normal = rng.normal(size=(samples, features))
    kinds = {
        "normal": normal,
        "integers": np.round(2 * normal),
        "zeros": np.zeros_like(normal),
        "repeated": np.broadcast_to(normal[:1], normal.shape),
        "huge": 1e3 * normal,
        "tiny": 1e-39 * normal,
    }
    if kind != "mixed":
        return np.array(kinds[kind])
    rows = list(kinds.values())
    return np.array([rows[i % len(rows)][i] for i in range(samples)])


def make_targets(rng: np.random.Generator, kind: str, samples: int, outputs: int) -> Array:
    """y (samples, outputs), or (samples,) class numbers."""
    classes = rng.integers(0, outputs, samples)
    normal = rng.normal(size=(samples, outputs))
    if kind == "classes":
        return classes.astype(np.int32)
    if kind == "one_hot":
        return np.eye(outputs)[classes]
    if kind == "probabilities":
        raw = np.exp(normal)
        return np.asarray(raw / raw.sum(axis=1, keepdims=True))
    kinds: dict[str, Array] = {
        "real": normal,
        "positive": np.abs(normal),
        "counts": np.floor(3 * np.abs(normal)),
        "signs": np.where(normal > 0, 1.0, -1.0),
        "bits": np.where(normal > 0, 1.0, 0.0),
    }
    return kinds[kind]


def make_sample_weights(rng: np.random.Generator, kind: str, samples: int) -> Array | None:
    """(samples,) or None; "zeros" silences about half of the samples."""
    uniform = rng.uniform(0.25, 2.0, samples)
    if kind == "none":
        return None
    return uniform if kind == "uniform" else np.where(uniform > 1, uniform, 0.0)


def make_weights(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> Array:
    """One array of initial weights. "integers" makes exact sums, so exact ties and kinks; "large" saturates."""
    normal = rng.normal(size=shape)
    kinds: dict[str, Array] = {
        "normal": 0.5 * normal,
        "integers": np.round(normal),
        "zeros": np.zeros(shape),
        "large": 10 * normal,
    }
    return kinds[kind]
