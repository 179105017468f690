"""The mathematics of your own network, with its numbers: from the same code that trains it.

    t = tinynn.explain.trace(model, x, y)       # one forward and backward pass, every quantity kept and named
    print(t)                                    # as tables; HTML in a notebook; t.to_latex(); t.to_dict()
    t["dense_1/z"].value, t["dense/kernel"].gradient[3, 1]
    print(t.why("dense_1/kernel", 3, 1))        # the chain rule for that one number, opened down to the loss
    print(t.paths("dense_1/kernel", 3, 1))      # the routes that carry most of it
    print(tinynn.explain.step(model, x, y, weight=("dense/kernel", 3, 1), optimizers=["sgd", "adam"]))
    tinynn.explain.per_sample_gradients(model, x, y)["dense/kernel"]    # (batch, fan_in, units)
    print(tinynn.explain.diagnose(model, x, y)) # dead units, saturation, vanishing and exploding gradients, and why

Signatures:

    trace(model, x, y=None, sample_weight=None, training=True) -> Trace
    Trace[name] -> Quantity(.name, .value, .gradient, .layer, .role);  Trace.loss, .sample_losses, .names, .layers
    Trace.why(name, *index) -> Explanation;  Trace.paths(name, *index, count=5) -> Paths
    step(model, x, y=None, sample_weight=None, weight=None, optimizers=None) -> Step
    per_sample_gradients(model, x, y=None, sample_weight=None, training=True) -> PerSampleGradients (a mapping by name)
    diagnose(model, x, y=None, sample_weight=None) -> Diagnosis;  DiagnosticsCallback(x, y, frequency=1)
    check_gradients(model, x, y, ...), check(forward, backward, ...); exercise(name), exercises(); derivation(model)

Everything that is returned prints as text of at most 80 columns, has `_repr_html_`, `to_html()`, `to_latex()`, `to_markdown()`
and `to_dict()`.
"""

from tinynn.explain.checks import check, check_gradients
from tinynn.explain.derivations import derivation
from tinynn.explain.diagnostics import Diagnosis, DiagnosticsCallback, Finding, LayerNorms, diagnose
from tinynn.explain.paths import Path, Paths, Stop
from tinynn.explain.per_sample import PerSampleGradients, per_sample_gradients
from tinynn.explain.stepping import OptimizerStep, Step, step
from tinynn.explain.tracing import Quantity, Trace, trace
from tinynn.explain.why import Explanation
from tinynn.explain.workbook import exercise, exercises

__all__ = [
    "Diagnosis",
    "DiagnosticsCallback",
    "Explanation",
    "Finding",
    "LayerNorms",
    "OptimizerStep",
    "Path",
    "Paths",
    "PerSampleGradients",
    "Quantity",
    "Step",
    "Stop",
    "Trace",
    "check",
    "check_gradients",
    "derivation",
    "diagnose",
    "exercise",
    "exercises",
    "per_sample_gradients",
    "step",
    "trace",
]
