"""Dense networks as scikit-learn estimators: what `MLPClassifier` and `MLPRegressor` have in common."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from tinynn import config, initializers, layers, losses, optimizers, regularizers
from tinynn._typing import Array
from tinynn.callbacks import EarlyStopping
from tinynn.models import Sequential


class MLP(BaseEstimator):
    """A stack of dense layers that learns by `fit` and is described by its constructor's arguments alone.

    Subclasses say what goes out of the network and what it is compared with: `_read_targets`, `_encode`, `_output_layer`.
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | int = (100,),
        activation: Any = "relu",
        *,
        dropout: float | Sequence[float] = 0.0,
        batch_norm: bool | Sequence[bool] = False,
        l2: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        optimizer: Any = "adam",
        learning_rate: Any = 0.001,
        loss: Any = "auto",
        metrics: Any = None,
        batch_size: int | str = "auto",
        epochs: int = 200,
        validation_split: float = 0.0,
        early_stopping: bool = False,
        patience: int = 10,
        min_delta: float = 1e-4,
        callbacks: Any = None,
        shuffle: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: Any = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.l2 = l2
        self.kernel_initializer = kernel_initializer
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.loss = loss
        self.metrics = metrics
        self.batch_size = batch_size
        self.epochs = epochs
        self.validation_split = validation_split
        self.early_stopping = early_stopping
        self.patience = patience
        self.min_delta = min_delta
        self.callbacks = callbacks
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    # What the two do in their own ways ---------------------------------------------------------------------------------

    def _read_targets(self, y: Any, reset: bool) -> Array:
        """Check y as it came and, if reset, learn of it what predictions need; what `_encode` takes."""
        raise NotImplementedError

    def _encode(self, y: Array) -> Array:
        """The targets as the loss wants them."""
        raise NotImplementedError

    def _outputs(self) -> tuple[int, str]:
        """How many outputs there are, and their activation."""
        raise NotImplementedError

    def _default_loss(self) -> str:
        """What loss="auto" means."""
        raise NotImplementedError

    def _weights_of(self, y: Array, sample_weight: Any) -> Any:
        """The weight of each sample, or None for the same for all."""
        return sample_weight

    def _strata(self, y: Array) -> Array | None:
        """The classes whose shares a validation split should keep."""
        return None

    # Fitting -----------------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new network, or with `warm_start` go on with the one there is.

        Args:
            X: (samples, features): arrays, data frames, lists of numbers.
            y: (samples,) or (samples, outputs).
            sample_weight: (samples,), by which the samples' losses count: k is as good as the sample k times, 0 as none.

        Raises:
            ValueError: data that do not fit, or a parameter without sense.
        """
        warm = self.warm_start and hasattr(self, "model_")
        X, y, sample_weight = self._checked(X, y, sample_weight, reset=not warm)
        with config.floatx_within(self._precision):
            if not warm:
                self._random = check_random_state(self.random_state)
                self.model_ = self._network(X.shape[1])
                self.history_: dict[str, list[float]] = {}
            self._train(X, y, sample_weight, self.epochs)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        """One epoch over these data, from where training stands."""
        first = not hasattr(self, "model_")
        X, y, sample_weight = self._checked(X, y, sample_weight, reset=first)
        with config.floatx_within(self._precision):
            if first:
                self._random = check_random_state(self.random_state)
                self.model_ = self._network(X.shape[1])
                self.history_ = {}
            self._learn(X, self._encode(y), _mean_one(self._weights_of(y, sample_weight)), 1, None, [])
        return self

    def _checked(self, X: Any, y: Any, sample_weight: Any, reset: bool) -> tuple[Array, Array, Array | None]:
        """The data as arrays, X in the precision to compute in: its own if that is a float's, else float64."""
        self._check_parameters()
        X, y = validate_data(
            self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=False, reset=reset
        )
        y = self._read_targets(y, reset)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            if not sample_weight.any():
                raise ValueError("sample_weight is zero for all samples: there is nothing to learn from.")
        if reset:
            self._precision = X.dtype.name
        return X.astype(self._precision, copy=False), y, sample_weight

    def _check_parameters(self) -> None:
        sizes = self._sizes()
        if not all(isinstance(n, (int, np.integer)) and n > 0 for n in sizes):
            raise ValueError(
                "hidden_layer_sizes must be the numbers of units of the hidden layers, such as (100, 50); got "
                f"{self.hidden_layer_sizes!r}."
            )
        batch_size = self.batch_size
        if batch_size != "auto" and not (isinstance(batch_size, (int, np.integer)) and batch_size > 0):
            raise ValueError(f'batch_size must be "auto" or a positive integer; got {batch_size!r}.')
        if not isinstance(self.epochs, (int, np.integer)) or self.epochs < 1:
            raise ValueError(f"epochs must be a positive integer; got {self.epochs!r}.")
        if not 0 <= self.validation_split < 1:
            raise ValueError(f"validation_split must be in [0, 1); got {self.validation_split!r}.")

    def _sizes(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        return list(sizes) if isinstance(sizes, (Sequence, np.ndarray)) else [sizes]

    # The network -------------------------------------------------------------------------------------------------------

    def _network(self, features: int) -> Sequential:
        """The layers, with seeds drawn from `random_state`, compiled."""
        sizes = self._sizes()
        per_layer = (
            _for_each("activation", self.activation, sizes),
            _for_each("dropout", self.dropout, sizes),
            _for_each("batch_norm", self.batch_norm, sizes),
        )
        model = Sequential([layers.Input((features,))])
        for units, activation, rate, normed in zip(sizes, *per_layer):
            model.add(self._dense(int(units), None if normed else activation))
            if normed:
                model.add(layers.BatchNormalization())
                model.add(layers.Activation(activation))
            if rate:
                model.add(layers.Dropout(float(rate), seed=self._seed()))
        units, activation = self._outputs()
        model.add(self._dense(units, activation))
        model.compile(self._new_optimizer(), self._new_loss(), weighted_metrics=copy.deepcopy(self.metrics))
        return model

    def _dense(self, units: int, activation: Any) -> layers.Dense:
        penalty = regularizers.L2(float(self.l2)) if self.l2 else None
        return layers.Dense(units, activation, kernel_initializer=self._seeded(), kernel_regularizer=penalty)

    def _seeded(self) -> Any:
        """The initializer, with a seed drawn from `random_state` unless it has one of its own."""
        found = initializers.get(self.kernel_initializer)
        settings = found.get_config() if isinstance(found, initializers.Initializer) else {}
        if isinstance(self.kernel_initializer, str) and "seed" in settings:
            return type(found).from_config({**settings, "seed": self._seed()})
        return found

    def _seed(self) -> int:
        return int(self._random.randint(2**31 - 1))

    def _new_optimizer(self) -> Any:
        """An optimizer of its own for each fit, with `learning_rate` if there is one."""
        found = optimizers.get(self.optimizer)
        settings = found.get_config()
        settings.pop("name")
        if self.learning_rate is not None:
            rate = self.learning_rate
            settings["learning_rate"] = float(rate) if isinstance(rate, (int, float, np.number)) else rate
        return type(found).from_config(settings)

    def _the_loss(self) -> Any:
        return self._default_loss() if isinstance(self.loss, str) and self.loss == "auto" else self.loss

    def _new_loss(self) -> Any:
        loss = copy.deepcopy(self._the_loss())
        if isinstance(loss, losses.Loss):
            loss.dtype = self._precision
        return loss

    # Training ----------------------------------------------------------------------------------------------------------

    def _train(self, X: Array, y: Array, sample_weight: Array | None, epochs: int) -> None:
        weights = self._weights_of(y, sample_weight)
        validation = None
        if self.validation_split:
            X, y, weights, validation = self._split(X, y, weights)
        watchers = copy.deepcopy(list(self.callbacks or []))
        if self.early_stopping:
            watchers.append(
                EarlyStopping(
                    monitor="val_loss" if validation else "loss",
                    patience=self.patience,
                    min_delta=self.min_delta,
                    restore_best_weights=True,
                    mode="min",
                )
            )
        self._learn(X, self._encode(y), _mean_one(weights), int(epochs), validation, watchers)

    def _split(self, X: Array, y: Array, weights: Array | None) -> tuple[Array, Array, Array | None, Any]:
        """Some of the samples, drawn by `random_state`, for validation; classes keep their shares where they can."""
        strata = self._strata(y)
        rows = np.arange(len(X))
        held = max(1, int(len(X) * self.validation_split))
        if strata is not None:
            counts = np.unique(strata, return_counts=True)[1]
            strata = strata if counts.min() > 1 and min(held, len(X) - held) >= len(counts) else None
        try:
            kept, aside = train_test_split(rows, test_size=held, stratify=strata, random_state=self._seed())
        except ValueError:
            raise ValueError(
                f"validation_split={self.validation_split} leaves no samples to train on, of {len(X)}; give more data, or a "
                "smaller share."
            ) from None
        judged: tuple[Any, ...] = (X[aside], self._encode(y[aside]))
        if weights is not None:
            judged = (*judged, _mean_one(weights[aside]))
            weights = weights[kept]
        return X[kept], y[kept], weights, judged

    def _learn(
        self, X: Array, y: Array, weights: Array | None, epochs: int, validation: Any, callbacks: list[Any]
    ) -> None:
        size = min(200, len(X)) if self.batch_size == "auto" else min(int(self.batch_size), len(X))
        history = self.model_.fit(
            X,
            y,
            sample_weight=weights,
            batch_size=size,
            epochs=epochs,
            validation_data=validation,
            callbacks=callbacks,
            shuffle=self._random.permutation if self.shuffle else False,
            verbose=int(self.verbose) if isinstance(self.verbose, (bool, np.bool)) else self.verbose,
        )
        for name, values in history.history.items():
            self.history_.setdefault(name, []).extend(values)
        self.loss_curve_ = self.history_["loss"]
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = len(self.loss_curve_)

    def _raw_outputs(self, X: Any) -> Array:
        """What the network gives, (samples, outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        with config.floatx_within(self._precision):
            return self.model_.predict(X.astype(self._precision, copy=False), batch_size=_ROWS, verbose=0)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")


_ROWS = 1024
"""Samples that are predicted at once."""


def _for_each(name: str, value: Any, sizes: list[int]) -> list[Any]:
    """One value per hidden layer.

    Raises:
        ValueError: a list of another length.
    """
    if isinstance(value, (list, tuple, np.ndarray)):
        if len(value) != len(sizes):
            raise ValueError(
                f"{name} is one value for all hidden layers or a list with one for each of the {len(sizes)}; got {value!r}."
            )
        return list(value)
    return [value] * len(sizes)


def _mean_one(weights: Array | None) -> Array | None:
    """Weights whose mean is 1: a loss is then the weighted mean over the samples, however large the weights are."""
    if weights is None:
        return None
    total = weights.sum()
    return weights * (len(weights) / total) if total > 0 else weights


def name_of_loss(loss: Any) -> str:
    """The name of a loss's function or class, in small letters: "sparse_categorical_crossentropy", "huber"."""
    if isinstance(loss, str) and loss.lower() in ("crossentropy", "ce"):  # chosen by the shapes, in `compile`
        return "crossentropy"
    found = losses.get(loss)
    return str(getattr(found, "__name__", type(found).__name__)).lower()


def is_from_logits(loss: Any) -> bool:
    """Whether the loss takes what comes before a sigmoid or softmax."""
    return isinstance(loss, losses.Loss) and bool(loss.get_config().get("from_logits", False))
