"""tinynn for scikit-learn: estimators of their own, and Keras's wrappers of models. As `keras.wrappers`."""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "tinynn.wrappers needs scikit-learn: pip install tinynn-engine[sklearn] (or scikit-learn itself, 1.6 or newer)."
    ) from error

from tinynn.wrappers import scikit_learn
from tinynn.wrappers.mlp_classifier import MLPClassifier
from tinynn.wrappers.mlp_regressor import MLPRegressor
from tinynn.wrappers.sklearn_wrapper import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "SKLearnClassifier",
    "SKLearnRegressor",
    "SKLearnTransformer",
    "scikit_learn",
]
