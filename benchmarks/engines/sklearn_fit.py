"""scikit-learn's MLPClassifier: whole epochs in one `fit`, where its recipe can be ours."""

from __future__ import annotations

import warnings
from typing import Any

from benchmarks.engines.engine import Engine
from benchmarks.errors import NotExpressible
from benchmarks.workloads import Array


class Sklearn(Engine):
    """`fit` with warm_start: weights are kept, Adam's means start anew with every call."""

    ways = ("predict",)

    def import_library(self) -> dict[str, Any]:
        import sklearn.neural_network

        self.sklearn = sklearn
        return {}

    def prepare(self, weights: list[Array], dtype: str) -> None:
        workload = self.workload
        if workload.sizes[-1] == 2:
            raise NotExpressible("for two classes it has one logistic output instead of a softmax of two")
        self.x_ordered = self.x[self.order]
        labels = self.y.argmax(axis=1) if self.y.ndim == 2 else self.y
        self.labels_ordered = labels[self.order]
        self.model = self.sklearn.neural_network.MLPClassifier(
            hidden_layer_sizes=workload.sizes[1:-1],
            activation=workload.activation,
            solver=workload.optimizer,
            alpha=0.0,
            batch_size=workload.batch,
            learning_rate_init=workload.learning_rate,
            max_iter=1,
            shuffle=False,
            tol=0.0,
            n_iter_no_change=10**9,
            momentum=0.0,
            nesterovs_momentum=False,
            epsilon=1e-7,
            warm_start=True,
        )
        warnings.simplefilter("ignore")  # "did not converge" after every call
        self.fit(1)  # which makes the arrays
        for own, weight in zip(self._arrays(), weights, strict=True):
            own[...] = weight

    def fit(self, epochs: int) -> float:
        self.model.max_iter = epochs
        self.model.fit(self.x_ordered, self.labels_ordered)
        return float(self.model.loss_curve_[-1])

    def weights(self) -> list[Array]:
        return self._arrays()

    def _arrays(self) -> list[Array]:
        return [array for pair in zip(self.model.coefs_, self.model.intercepts_) for array in pair]

    def predict(self, x: Array) -> Array:
        outputs: Array = self.model.predict_proba(x)
        return outputs

    def note(self) -> str:
        return "data in order beforehand, accuracy not tracked, Adam starts anew with every call"
