"""Pictures of data, models and training, by matplotlib: `pip install 'tinynn-engine[plot]'`.

Each function draws on the Axes it is given as `ax`, or on a new figure, and returns them; none shows a window
(`matplotlib.pyplot.show()` does). What is told apart by colour is also told apart by line, marker or shade.
"""

from tinynn.plotting.classification import confusion_matrix, decision_regions
from tinynn.plotting.functions import activation
from tinynn.plotting.pictures import images
from tinynn.plotting.training import gradient_norms, history, optimizer_paths
from tinynn.plotting.weights import first_layer, gradients, weights

__all__ = [
    "activation",
    "confusion_matrix",
    "decision_regions",
    "first_layer",
    "gradient_norms",
    "gradients",
    "history",
    "images",
    "optimizer_paths",
    "weights",
]
