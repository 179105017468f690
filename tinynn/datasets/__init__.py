"""Data to train on: Keras's loaders of images, tables that come with scikit-learn, and points made on the spot.

`mnist`, `fashion_mnist`, `digits` and `breast_cancer` are modules with a `load_data()` that returns
`(x_train, y_train), (x_test, y_test)`, and `class_names`. The others are functions that return `x, y`.
"""

from tinynn.datasets import breast_cancer, digits, fashion_mnist, mnist
from tinynn.datasets.generators import circles, gaussians, medical_trial, moons, regression_surface, spirals, xor

__all__ = [
    "breast_cancer",
    "circles",
    "digits",
    "fashion_mnist",
    "gaussians",
    "medical_trial",
    "mnist",
    "moons",
    "regression_surface",
    "spirals",
    "xor",
]
