"""Models that you build and compile yourself, as scikit-learn estimators: Keras 3's wrappers."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from tinynn._typing import Array
from tinynn.models import Model, clone_model

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


class SKLBase(BaseEstimator):
    """What the three wrappers have in common.

    Args:
        model: a compiled model, of which each fit trains a new copy with new weights; or a function that makes one, called
            as model(X=X, y=y, **model_kwargs) with the data as the network will see them.
        warm_start: go on with the model of the last fit; a model that was given as such is trained itself.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of the model's `fit`; those given to `fit` itself take precedence.

    Attributes:
        model_: the fitted model.
        history_: what the model's `fit` returned, a `History`.
    """

    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def set_fit_request(self, **requests: Any) -> Self:
        """Which arguments of `fit` a pipeline or search passes on, where scikit-learn's metadata routing is enabled.

        Args:
            **requests: name=True, False, None or an alias: sample_weight=True.

        Raises:
            RuntimeError: it is not enabled.
        """
        if not sklearn.get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "This method is only available when metadata routing is enabled: "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        found = self._get_metadata_request()
        for name, alias in requests.items():
            found.fit.add_request(param=name, alias=alias)
        self._metadata_request = found
        return self

    @property
    def epoch_(self) -> int:
        """How many epochs the last fit trained for."""
        return len(self.history_.epoch) if hasattr(self, "history_") else 0

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:
        """Make the model and train it.

        Args:
            X: (samples, ...).
            y: (samples,) or (samples, outputs).
            **kwargs: of the model's `fit`, such as epochs, callbacks, validation_data. Of validation_data the targets are
                turned into what the network sees, as y is.

        Raises:
            RuntimeError: a model that is not compiled, or has no loss.
            ValueError: data that do not fit.
        """
        X, y = validate_data(self, X, y, allow_nd=True, multi_output=True, y_numeric=False)
        y = self._process_target(y, reset=True)
        settings = {**(self.fit_kwargs or {}), **kwargs}
        if "validation_data" in settings:
            settings["validation_data"] = self._processed(settings["validation_data"])
        model = self._get_model(X, y)
        self.history_ = model.fit(X, y, **settings)
        self.model_ = model
        return self

    def _processed(self, validation_data: Any) -> Any:
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) < 2:
            return validation_data
        x, y, *weights = validation_data
        return (x, self._process_target(np.asarray(y)), *weights)

    def _get_model(self, X: Array, y: Array) -> Any:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            model = self.model if self.warm_start else clone_model(self.model)
        elif callable(self.model):
            model = self.model(X=X, y=y, **(self.model_kwargs or {}))
        else:
            raise TypeError(f"model is a compiled model, or a function that makes one; got {self.model!r}.")
        if not getattr(model, "compiled", False) or not model.loss or not model.optimizer:
            raise RuntimeError(
                "Given model needs to be compiled, and have a loss and an optimizer: model.compile(optimizer, loss)."
            )
        return model

    def predict(self, X: Any) -> Array:
        """The model's outputs as y was: classes, or numbers in y's shape.

        Args:
            X: (samples, ...).
        """
        return self._reverse_process_target(self._raw_outputs(X))

    def _raw_outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, allow_nd=True)
        return np.asarray(self.model_.predict(X, verbose=(self.fit_kwargs or {}).get("verbose", 0)))

    def _process_target(self, y: Array, reset: bool = False) -> Array:
        """The targets as a table, (samples, outputs)."""
        type_of_target(y, raise_unknown=True)
        if reset:
            self._target_axes = y.ndim
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def _reverse_process_target(self, outputs: Array) -> Array:
        return outputs[:, 0] if self._target_axes == 1 and outputs.ndim == 2 and outputs.shape[1] == 1 else outputs

    def __sklearn_clone__(self) -> Self:
        """An unfitted copy. A function is shared, a model copied, weights and all."""
        parameters = self.get_params(deep=False)
        if not callable(self.model) or isinstance(self.model, Model):
            parameters["model"] = copy.deepcopy(self.model)
        return type(self)(**{name: _copied(value) for name, value in parameters.items()})

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags


def _copied(value: Any) -> Any:
    """Dicts of arguments are copied one level deep, so that no clone changes another's."""
    return dict(value) if type(value) is dict else value


class SKLearnClassifier(ClassifierMixin, SKLBase):
    """A compiled model as a classifier. The network sees one-hot rows, also for two classes: its last layer has as many units
    as there are classes, its loss is "categorical_crossentropy" or kin.

        from sklearn.datasets import make_classification
        import tinynn as keras
        from tinynn.wrappers import SKLearnClassifier

        def network(X, y, units=16):
            model = keras.Sequential([
                keras.layers.Input(X.shape[1:]),
                keras.layers.Dense(units, activation="relu"),
                keras.layers.Dense(y.shape[1], activation="softmax"),
            ])
            model.compile("adam", "categorical_crossentropy")
            return model

        X, y = make_classification(n_samples=200, random_state=0)
        SKLearnClassifier(network, model_kwargs={"units": 8}, fit_kwargs={"epochs": 5, "verbose": 0}).fit(X, y).score(X, y)

    Args:
        model, warm_start, model_kwargs, fit_kwargs: a compiled model or a function that makes one; whether to go on with
            the model of the last fit; further arguments of the function, and of the model's `fit`.

    Attributes:
        model_, history_: the fitted model, and what its `fit` returned.
        classes_: (classes,), sorted.

    Unlike Keras's, a clone keeps `fit_kwargs`, `fit` does not write into them, `warm_start` is heeded, and there is
    `predict_proba`; see docs/differences.md.
    """

    def predict_proba(self, X: Any) -> Array:
        """The outputs, which are probabilities if the model ends in a softmax: (samples, classes)."""
        return self._raw_outputs(X)

    def decision_function(self, X: Any) -> Array:
        """The outputs: (samples, classes); for two classes that of the second one, (samples,), as scikit-learn has it."""
        outputs = self._raw_outputs(X)
        return outputs[:, 1] if outputs.shape[1] == 2 else outputs

    def _process_target(self, y: Array, reset: bool = False) -> Array:
        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ValueError(f"Only binary and multiclass target types are supported. Target type: {kind}")
        self._target_axes = y.ndim if reset else self._target_axes
        y = y.reshape(-1)
        if reset:
            self.classes_ = np.unique(y)
            if len(self.classes_) == 1:
                raise ValueError(
                    f"Classifier can't train when only one class is present; y has {self.classes_.tolist()[0]!r} alone."
                )
        places = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = np.asarray(self.classes_[places] != y)
        if unknown.any():
            raise ValueError(
                f"Found the unknown class {y[unknown.argmax()]!r}; y had the classes {self.classes_.tolist()}."
            )
        one_hot: Array = np.eye(len(self.classes_))[places]
        return one_hot

    def _reverse_process_target(self, outputs: Array) -> Array:
        if outputs.ndim != 2 or outputs.shape[1] != len(self.classes_):
            raise ValueError(
                f"The model's last layer has to have a unit for each of the {len(self.classes_)} classes; its outputs are of "
                f"shape {outputs.shape}."
            )
        found: Array = self.classes_[outputs.argmax(axis=1)]
        return found if self._target_axes == 1 else found[:, None]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, SKLBase):
    """A compiled model as a regressor. The network sees y as a table, (samples, outputs).

    Args:
        model, warm_start, model_kwargs, fit_kwargs: as of `SKLearnClassifier`.

    Attributes:
        model_, history_: the fitted model, and what its `fit` returned.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, SKLBase):
    """A compiled model as a step that turns X into the model's outputs, such as an encoder.

    Args:
        model, warm_start, model_kwargs, fit_kwargs: as of `SKLearnClassifier`.

    Attributes:
        model_, history_: the fitted model, and what its `fit` returned.
    """

    def transform(self, X: Any) -> Array:
        """The model's outputs, (samples, ...).

        Args:
            X: (samples, ...).
        """
        return self._raw_outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
