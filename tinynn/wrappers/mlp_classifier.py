"""A dense network as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from tinynn import ops
from tinynn._typing import Array
from tinynn.wrappers._mlp import MLP, is_from_logits, name_of_loss

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, MLP):
    """A dense network for classes, which are numbers, words or anything that can be sorted; or for several labels at once.

    Hidden layers, then one sigmoid output for two classes, a softmax for more, a sigmoid each for labels (y of zeros and
    ones, (samples, labels)). Trains on the compiled engine, in the precision of X: float32 if X is, else float64.

        from sklearn.datasets import load_breast_cancer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from tinynn.wrappers import MLPClassifier

        X, y = load_breast_cancer(return_X_y=True)
        model = make_pipeline(StandardScaler(), MLPClassifier((16,), dropout=0.2, epochs=50, random_state=0))
        model.fit(X, y).predict_proba(X[:3])

    Args:
        hidden_layer_sizes: units of each hidden layer; () for none.
        activation: of the hidden layers: one for all, or a list.
        dropout: the share of each hidden layer's outputs that training leaves out: one for all, or a list.
        batch_norm: whether a BatchNormalization stands before the activation: one for all, or a list.
        l2: l2 times the sum of the squared kernels joins the loss.
        kernel_initializer: a name or an `Initializer`; names are given seeds drawn from random_state.
        optimizer: a name or an `Optimizer`, of which each fit takes a new one with the same settings.
        learning_rate: a number or a `LearningRateSchedule`; None for the optimizer's own.
        loss: a name, a `Loss` or a function of (y_true, y_pred). "auto" is the cross-entropy that fits. Losses on class
            numbers (sparse ...) are given these, others the zeros and ones of the outputs; categorical ones make a softmax
            of two classes too; those with from_logits=True are given the outputs before the activation.
        metrics: a list, as of `compile`, for `history_`.
        batch_size: samples in a step; "auto" is 200, or all if there are fewer.
        epochs: how often training goes over the data.
        validation_split: the share of the samples that is held back and evaluated on after each epoch; drawn at random, each
            class in its share. (Keras's `validation_split` is the end of the data.)
        early_stopping: stop once the loss (on the samples held back, if there are) has not fallen by `min_delta` in
            `patience` epochs, and go back to the best epoch's weights.
        patience, min_delta: see early_stopping.
        class_weight: {class: weight}, or "balanced" for weights inverse to how often classes occur.
        callbacks: a list of `tinynn.callbacks`; each fit takes copies.
        shuffle: whether samples come in a new order in each epoch.
        warm_start: whether `fit` goes on with the network there is.
        random_state: an integer, a RandomState, or None for NumPy's global generator (that of
            `tinynn.utils.set_random_seed`). Nothing global is changed.
        verbose: as of `fit`: 0, 1 or 2.

    Attributes:
        classes_: (classes,), sorted; for labels their numbers.
        model_: the `Sequential` within, with all its methods.
        history_: {name: a number per epoch} of loss and metrics, with validation as "val_...".
        loss_curve_, loss_, n_iter_: the loss of each epoch and of the last, and how many epochs there were.
        n_features_in_, feature_names_in_: of the data.

    Raises:
        ValueError: by `fit`, for parameters without sense, a single class, and data that are no finite numbers.

    scikit-learn's own `MLPClassifier` has one activation for all layers and no dropout. A sample weight of k means
    the same as the sample k times: the loss is divided by the sum of weights, while `Sequential.fit` divides by their number.
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
        class_weight: Any = None,
        callbacks: Any = None,
        shuffle: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: Any = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            dropout=dropout,
            batch_norm=batch_norm,
            l2=l2,
            kernel_initializer=kernel_initializer,
            optimizer=optimizer,
            learning_rate=learning_rate,
            loss=loss,
            metrics=metrics,
            batch_size=batch_size,
            epochs=epochs,
            validation_split=validation_split,
            early_stopping=early_stopping,
            patience=patience,
            min_delta=min_delta,
            callbacks=callbacks,
            shuffle=shuffle,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One epoch over these data, from where training stands.

        Args:
            X, y, sample_weight: as of `fit`.
            classes: all classes there will be; for the first call.

        Raises:
            ValueError: the first call without classes, or a class that is not among them.
        """
        if not hasattr(self, "model_"):
            if classes is None:
                raise ValueError("The first call of partial_fit needs classes=, all classes there will be.")
            self._promised: Array | None = np.unique(classes)
        try:
            return self._partial_fit(X, y, sample_weight)
        finally:
            self._promised = None

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (samples, classes), rows summing to 1; of each label, (samples, labels).

        Args:
            X: (samples, features).
        """
        outputs = self._raw_outputs(X)
        if is_from_logits(self._the_loss()):
            outputs = np.asarray(ops.sigmoid(outputs) if self._by_sigmoid() else ops.softmax(outputs))
        if self._labels_ or outputs.shape[1] > 1:
            return outputs
        return np.hstack([1 - outputs, outputs])

    def predict(self, X: Any) -> Array:
        """The likeliest class of each sample, (samples,); of labels, those with a probability above 1/2.

        Args:
            X: (samples, features).
        """
        probabilities = self.predict_proba(X)
        if self._labels_:
            return (probabilities > 0.5).astype(np.int64)
        found: Array = self.classes_[probabilities.argmax(axis=1)]
        return found

    # Targets -----------------------------------------------------------------------------------------------------------

    def _read_targets(self, y: Any, reset: bool) -> Array:
        """The number of each sample's class, (samples,); labels as they are, (samples, labels)."""
        check_classification_targets(y)
        kind = type_of_target(y)
        labels = kind == "multilabel-indicator"
        if kind == "multiclass-multioutput":
            raise ValueError(f"{type(self).__name__} takes one class per sample, or labels of zeros and ones.")
        y = (y.toarray() if hasattr(y, "toarray") else np.asarray(y)) if labels else column_or_1d(y, warn=True)
        if reset:
            self._labels_ = labels
            promised = getattr(self, "_promised", None)
            self.classes_ = np.arange(y.shape[1]) if labels else np.unique(y) if promised is None else promised
            if len(self.classes_) < 2 and not labels:
                raise ValueError(
                    f"{type(self).__name__} needs samples of at least 2 classes; y has 1 class, {self.classes_.tolist()[0]!r}."
                )
        if labels != self._labels_ or (labels and y.shape[1] != len(self.classes_)):
            raise ValueError(
                f"y is of another kind than what was learned: {len(self.classes_)} "
                f"{'labels' if self._labels_ else 'classes'}; got y of shape {y.shape}."
            )
        if labels:
            return np.asarray(y)
        places: Array = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = np.asarray(self.classes_[places] != y)
        if unknown.any():
            raise ValueError(
                f"y has the class {y[unknown.argmax()]!r}, which is not among those learned first, {self.classes_.tolist()}. "
                "partial_fit takes all of them as classes= at first; fit without warm_start begins anew."
            )
        return places

    def _encode(self, y: Array) -> Array:
        if self._labels_:
            return y.astype(self._precision)
        if self._by_sigmoid():
            return y.astype(self._precision)[:, None]
        if "sparse" in name_of_loss(self._the_loss()):
            return y
        return np.eye(len(self.classes_), dtype=self._precision)[y]

    def _by_sigmoid(self) -> bool:
        """Whether outputs are probabilities each by itself; two classes are one output."""
        return bool(self._labels_) or (len(self.classes_) == 2 and "categorical" not in name_of_loss(self._the_loss()))

    def _outputs(self) -> tuple[int, str]:
        sigmoid = self._by_sigmoid()
        units = len(self.classes_) if self._labels_ or not sigmoid else 1
        linear = is_from_logits(self._the_loss())
        return units, "linear" if linear else "sigmoid" if sigmoid else "softmax"

    def _default_loss(self) -> str:
        return "binary_crossentropy" if self._labels_ or len(self.classes_) == 2 else "sparse_categorical_crossentropy"

    def _weights_of(self, y: Array, sample_weight: Any) -> Any:
        if self.class_weight is None or self._labels_:
            return sample_weight
        of_class = compute_sample_weight(self.class_weight, self.classes_[y])
        return of_class if sample_weight is None else of_class * sample_weight

    def _strata(self, y: Array) -> Array | None:
        return None if self._labels_ else y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
