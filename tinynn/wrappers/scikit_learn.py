"""Models from builder functions as scikit-learn estimators: the wrappers that Keras 2 had, which books still use.

    def build(n_hidden=1, n_neurons=30, learning_rate=3e-3): ...     returns a compiled model

    search = RandomizedSearchCV(KerasRegressor(build), {"n_hidden": [0, 1, 2], "n_neurons": range(1, 100)})
    search.fit(X, y, epochs=100, validation_data=(X_valid, y_valid), callbacks=[EarlyStopping(patience=10)])
    search.best_estimator_.model.evaluate(X_test, y_test)

Arguments in `sk_params` go where they are known: to the builder, to `fit`, `predict` or `evaluate`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from tinynn._checks import did_you_mean
from tinynn._typing import Array
from tinynn.models import Sequential
from tinynn.models.data import as_array

__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor"]

_METHODS = ("fit", "predict", "evaluate")


class BaseWrapper(BaseEstimator):
    """What `KerasClassifier` and `KerasRegressor` have in common.

    Args:
        build_fn: a function that returns a compiled model, or an object with such a `__call__`; None for a subclass with a
            `__call__` of its own.
        **sk_params: arguments of build_fn and of the model's `fit`, `predict` and `evaluate`, each passed on to those
            that know it.

    Attributes:
        model: the model of the last fit.

    Raises:
        ValueError: by `fit` and `set_params`, an argument that none of them has.

    Keras took this class out in version 2.12; SciKeras and Keras 3's `SKLearnClassifier` took its place. Parameters come
    back from `get_params` as they were given, uncopied, so that arrays and NumPy's numbers can be searched over.
    """

    def __init__(self, build_fn: Any = None, **sk_params: Any) -> None:
        self.build_fn = build_fn
        self.sk_params = sk_params

    def _builder(self) -> Callable[..., Any]:
        found = type(self).__call__ if self.build_fn is None and callable(self) else self.build_fn
        if not callable(found):
            raise TypeError(f"build_fn is a function that returns a compiled model; got {self.build_fn!r}.")
        return found

    def _signature(self) -> inspect.Signature:
        return inspect.signature(self._builder())

    def check_params(self, params: dict[str, Any]) -> None:
        """See that each parameter is known to the builder or to a method of the model.

        Raises:
            ValueError: one that is not.
        """
        builder = self._signature().parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in builder.values()):
            return
        known = {name for name in builder if name not in ("self", "X", "y")}
        for method in _METHODS:
            known |= _arguments(getattr(Sequential, method))
        for name in params:
            if name not in known:
                raise ValueError(f"{name} is not a legal parameter.{did_you_mean(name, known)}")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor, as they were given."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Self:
        """Change some of them.

        Raises:
            ValueError: one that neither the builder nor the model knows.
        """
        if "build_fn" in params:
            self.build_fn = params.pop("build_fn")
        self.check_params(params)
        self.sk_params.update(params)
        return self

    def filter_sk_params(self, fn: Callable[..., Any], override: dict[str, Any] | None = None) -> dict[str, Any]:
        """Those of `sk_params` that a function takes, and then `override`.

        Args:
            fn: the function.
            override: arguments that take precedence.
        """
        return {name: value for name, value in self.sk_params.items() if name in _arguments(fn)} | (override or {})

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build a model and train it.

        Args:
            x: (samples, ...).
            y: (samples,) or (samples, outputs).
            **kwargs: of the model's `fit`; they take precedence over `sk_params`.

        Returns:
            The `History`, as Keras's wrapper did, not the estimator.
        """
        self.check_params(self.sk_params)
        builder = self._builder()
        arguments = self._of_builder(builder)
        self.model = builder(self, **arguments) if self.build_fn is None else builder(**arguments)
        y = as_array("y", y)
        if _wants_one_hot(self.model.loss) and y.ndim != 2:
            y = np.eye(int(y.max()) + 1)[y.astype(np.int64)]
        self.history = self.model.fit(as_array("x", x), y, **self.filter_sk_params(Sequential.fit, kwargs))
        return self.history

    def _of_builder(self, builder: Callable[..., Any]) -> dict[str, Any]:
        parameters = inspect.signature(builder).parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            elsewhere = {name for method in _METHODS for name in _arguments(getattr(Sequential, method))}
            return {name: value for name, value in self.sk_params.items() if name not in elsewhere - set(parameters)}
        return self.filter_sk_params(builder)

    def _predicted(self, x: Any, kwargs: dict[str, Any]) -> Array:
        if not hasattr(self, "model"):
            raise AttributeError(f"This {type(self).__name__} has no model yet: call fit first.")
        kwargs = {"verbose": 0, **self.filter_sk_params(Sequential.predict, kwargs)}
        return np.asarray(self.model.predict(as_array("x", x), **kwargs))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model")

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        named = [f"build_fn={getattr(self.build_fn, '__name__', self.build_fn)}"]
        named += [f"{name}={value!r}" for name, value in self.sk_params.items()]
        return f"{type(self).__name__}({', '.join(named)})"


class KerasClassifier(ClassifierMixin, BaseWrapper):
    """A builder function as a classifier. Its model ends in a unit per class, or in one sigmoid unit for two.

    Args:
        build_fn, **sk_params: as of `BaseWrapper`: the builder, and arguments for it and the model's methods.

    Attributes:
        classes_, n_classes_: the classes, sorted, and how many they are. The network sees their numbers, 0, 1, ...
        model: the model of the last fit.
    """

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build a model and train it on the numbers of the classes, or on y as it is if that is a table of several columns.

        Raises:
            ValueError: y of three axes or more.
        """
        y = np.asarray(y)
        if y.ndim > 2 or y.ndim == 0:
            raise ValueError(f"Invalid shape for y: {y.shape}")
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        else:
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y)
            if isinstance(kwargs.get("validation_data"), (tuple, list)):
                kwargs["validation_data"] = self._numbered(kwargs["validation_data"])
        self.n_classes_ = len(self.classes_)
        return super().fit(x, y, **kwargs)

    def _numbered(self, validation_data: Any) -> Any:
        x, y, *weights = validation_data
        return (x, np.searchsorted(self.classes_, np.asarray(y)), *weights)

    def predict(self, x: Any, **kwargs: Any) -> Array:
        """The class of each sample: of one output by > 0.5, of several the largest.

        Args:
            x: (samples, ...).
            **kwargs: of the model's `predict`.
        """
        outputs = self._predicted(x, kwargs)
        places = outputs.argmax(axis=-1) if outputs.shape[-1] > 1 else (outputs[:, 0] > 0.5).astype(np.int64)
        found: Array = self.classes_[places]
        return found

    def predict_proba(self, x: Any, **kwargs: Any) -> Array:
        """The probabilities, (samples, classes); of one output p they are 1 - p and p.

        Args:
            x: (samples, ...).
            **kwargs: of the model's `predict`.
        """
        outputs = self._predicted(x, kwargs)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The accuracy that the model's `evaluate` finds.

        Args:
            x, y: the data.
            **kwargs: of the model's `evaluate`.

        Raises:
            ValueError: the model was compiled without accuracy.
        """
        y = np.asarray(y)
        if not (y.ndim == 2 and y.shape[1] > 1):
            y = np.searchsorted(self.classes_, y)
        if _wants_one_hot(self.model.loss) and y.ndim != 2:
            y = np.eye(len(self.classes_))[y]
        kwargs = {"verbose": 0, **self.filter_sk_params(Sequential.evaluate, kwargs), "return_dict": True}
        found = self.model.evaluate(as_array("x", x), y, **kwargs)
        for name, value in found.items():
            if name in ("accuracy", "acc"):
                return float(value)
        raise ValueError(
            "The model is not configured to compute accuracy. You should pass `metrics=['accuracy']` to the "
            "`model.compile()` method."
        )


class KerasRegressor(RegressorMixin, BaseWrapper):
    """A builder function as a regressor.

    Args:
        build_fn, **sk_params: as of `BaseWrapper`: the builder, and arguments for it and the model's methods.

    Attributes:
        model: the model of the last fit.
    """

    def predict(self, x: Any, **kwargs: Any) -> Array:
        """The model's outputs, without an axis of length 1.

        Args:
            x: (samples, ...).
            **kwargs: of the model's `predict`.
        """
        outputs = self._predicted(x, kwargs)
        return outputs[:, 0] if outputs.ndim == 2 and outputs.shape[1] == 1 else outputs

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Minus the loss, so that larger is better.

        Args:
            x, y: the data.
            **kwargs: of the model's `evaluate`.
        """
        kwargs = {"verbose": 0, **self.filter_sk_params(Sequential.evaluate, kwargs), "return_dict": True}
        return -float(self.model.evaluate(as_array("x", x), as_array("y", y), **kwargs)["loss"])


def _arguments(function: Callable[..., Any]) -> set[str]:
    """The names a function knows, without `self` and the data, which are given in their places."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)} - {"self", "x", "y"}


def _wants_one_hot(loss: Any) -> bool:
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", getattr(loss, "name", ""))
    return name == "categorical_crossentropy"
