"""scikit-learn's own checks of what an estimator has to keep to: all of them, without one expected failure."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install tinynn-engine[sklearn]")

from sklearn.utils.estimator_checks import parametrize_with_checks

from tinynn.wrappers import MLPClassifier, MLPRegressor


@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_mlp_keeps_to_the_conventions(estimator: Any, check: Any) -> None:
    check(estimator)
