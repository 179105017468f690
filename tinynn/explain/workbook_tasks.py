"""The exercises: statements, solutions and the mistakes that people make in them. `workbook.py` marks the answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._typing import Array
from tinynn.explain.workbook import Exercise, Mistake


def _normal(seed: int, *shapes: tuple[int, ...]) -> list[Array]:
    random = np.random.RandomState(seed)
    return [random.normal(size=shape) for shape in shapes]


def _softmax(logits: Array) -> Array:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, e, 1) / (1 + e))


# Dense -----------------------------------------------------------------------------------------------------------------


def _dense_trials() -> list[dict[str, Any]]:
    sizes = [(3, 3, 3), (4, 3, 2), (1, 2, 5), (5, 1, 1)]
    return [
        dict(zip(("x", "kernel", "bias"), _normal(n, (batch, fan_in), (fan_in, units), (units,))))
        for n, (batch, fan_in, units) in enumerate(sizes)
    ]


DENSE = Exercise(
    name="dense",
    title="A dense layer, forward",
    signature="dense(x, kernel, bias)",
    statement="""\
out[b, u] = sum_i x[b, i] kernel[i, u] + bias[u]

x       (batch, fan_in)    a sample in each row
kernel  (fan_in, units)
bias    (units,)""",
    outputs=("out",),
    shapes=("(batch, units)",),
    solution=lambda x, kernel, bias: x @ kernel + bias,
    trials=_dense_trials,
    mistakes=(
        Mistake("the bias is missing.", lambda x, kernel, bias: x @ kernel),
        Mistake(
            "kernel is (fan_in, units), so that x @ kernel fits as it is; it is not to be transposed.",
            lambda x, kernel, bias: x @ kernel.T + bias,
        ),
        Mistake("the bias is added; here it is subtracted.", lambda x, kernel, bias: x @ kernel - bias),
        Mistake(
            "* multiplies entry by entry; the product of matrices is @.", lambda x, kernel, bias: x * kernel + bias
        ),
    ),
)


def _dense_backward_trials() -> list[dict[str, Any]]:
    sizes = [(3, 3, 3), (4, 3, 2), (1, 2, 5), (5, 1, 1)]
    return [
        dict(zip(("d_out", "x", "kernel"), _normal(n, (batch, units), (batch, fan_in), (fan_in, units))))
        for n, (batch, fan_in, units) in enumerate(sizes)
    ]


DENSE_BACKWARD = Exercise(
    name="dense_backward",
    title="A dense layer, backward",
    signature="dense_backward(d_out, x, kernel)",
    statement="""\
out = x @ kernel + bias went forward; now d_out = dL/dout comes back. By the chain rule

d_x[b, i]      = dL/dx[b, i]      = sum_u d_out[b, u] dout[b, u]/dx[b, i]
d_kernel[i, u] = dL/dkernel[i, u] = sum_b d_out[b, u] dout[b, u]/dkernel[i, u]
d_bias[u]      = dL/dbias[u]      = sum_b d_out[b, u] dout[b, u]/dbias[u]

d_out   (batch, units)
x       (batch, fan_in)
kernel  (fan_in, units)""",
    outputs=("d_x", "d_kernel", "d_bias"),
    shapes=("(batch, fan_in), that of x", "(fan_in, units), that of kernel", "(units,), that of bias"),
    solution=lambda d_out, x, kernel: (d_out @ kernel.T, x.T @ d_out, d_out.sum(axis=0)),
    trials=_dense_backward_trials,
    mistakes=(
        Mistake(
            "d_out is (batch, units) and kernel (fan_in, units): a transpose of kernel is missing.",
            lambda d_out, x, kernel: (d_out @ kernel, x.T @ d_out, d_out.sum(axis=0)),
        ),
        Mistake(
            "x is (batch, fan_in) and d_out (batch, units): a transpose of x is missing, so that the sum runs over the batch.",
            lambda d_out, x, kernel: (d_out @ kernel.T, x @ d_out, d_out.sum(axis=0)),
        ),
        Mistake(
            "the gradient of the kernel is transposed: it has the kernel's shape, (fan_in, units).",
            lambda d_out, x, kernel: (d_out @ kernel.T, d_out.T @ x, d_out.sum(axis=0)),
        ),
        Mistake(
            "the bias is added to every row, so its gradient is summed over the batch, axis 0; yours is over the units.",
            lambda d_out, x, kernel: (d_out @ kernel.T, x.T @ d_out, d_out.sum(axis=1)),
        ),
        Mistake(
            "the bias is added to every row, so its gradient is summed over the batch; yours is not summed.",
            lambda d_out, x, kernel: (d_out @ kernel.T, x.T @ d_out, d_out),
        ),
        Mistake(
            "a sum over the batch, not a mean: the division by the batch size is in the loss, and so in d_out already.",
            lambda d_out, x, kernel: (d_out @ kernel.T, x.T @ d_out / len(x), d_out.mean(axis=0)),
        ),
    ),
)

# Activations -----------------------------------------------------------------------------------------------------------


def _activation_trials() -> list[dict[str, Any]]:
    return [{"x": 2 * x} for x in _normal(1, (3, 4), (5,), (2, 3, 2))]


def _activation_backward_trials() -> list[dict[str, Any]]:
    return [
        {"d_out": d, "x": 2 * x} for d, x in zip(_normal(2, (3, 4), (5,), (2, 3)), _normal(3, (3, 4), (5,), (2, 3)))
    ]


def _entry(
    name: str, title: str, formula: str, solution: Any, mistakes: tuple[Mistake, ...], extreme: Any = ()
) -> Exercise:
    def trials() -> list[dict[str, Any]]:
        return [*_activation_trials(), *({"x": np.array(values)} for values in extreme)]

    return Exercise(
        name,
        title,
        f"{name}(x)",
        f"{formula}\n\nfor each entry of x, of any shape.",
        ("out",),
        ("that of x",),
        solution,
        trials,
        mistakes,
    )


def _slope(name: str, title: str, statement: str, solution: Any, mistakes: tuple[Mistake, ...]) -> Exercise:
    return Exercise(
        name,
        title,
        f"{name}(d_out, x)",
        statement,
        ("d_x",),
        ("that of x",),
        solution,
        _activation_backward_trials,
        mistakes,
    )


RELU = _entry(
    "relu",
    "The rectified linear unit",
    "out = x where x > 0, else 0",
    lambda x: np.maximum(x, 0),
    (
        Mistake("that is |x|: what is negative becomes 0, not positive.", lambda x: np.abs(x)),
        Mistake("that is the derivative, a step; relu itself keeps x where it is positive.", lambda x: (x > 0) * 1.0),
        Mistake("the wrong side is cut off: positive entries pass.", lambda x: np.minimum(x, 0)),
    ),
)

RELU_BACKWARD = _slope(
    "relu_backward",
    "The rectified linear unit, backward",
    """\
out = x where x > 0, else 0. With d_out = dL/dout,

d_x = d_out dout/dx

entry by entry; x and d_out have the same shape.""",
    lambda d_out, x: d_out * (x > 0),
    (
        Mistake(
            "d_out is missing: the chain rule multiplies by what comes from above.", lambda d_out, x: (x > 0) * 1.0
        ),
        Mistake("relu was applied to d_out; what decides is the sign of x.", lambda d_out, x: np.maximum(d_out, 0)),
        Mistake(
            "that multiplies by relu(x); its slope is 1 where x > 0, not x.", lambda d_out, x: d_out * np.maximum(x, 0)
        ),
        Mistake("the gradient passes where x is positive, not where it is negative.", lambda d_out, x: d_out * (x < 0)),
        Mistake("d_out passes everywhere; where x is negative the output does not move.", lambda d_out, x: d_out * 1.0),
    ),
)

SIGMOID = _entry(
    "sigmoid",
    "The sigmoid, for every x",
    "out = 1 / (1 + e^-x), also for x = 1000 and x = -1000",
    _sigmoid,
    (
        Mistake("the sign of x: e^-x, so that large x give 1.", lambda x: 1 / (1 + np.exp(x))),
        Mistake("that is tanh, between -1 and 1.", lambda x: np.tanh(x)),
        Mistake(
            "e^x overflows for large x, and inf / inf is nan. Use a form whose exponential is small: 1 / (1 + e^-x).",
            lambda x: np.exp(x) / (1 + np.exp(x)),
        ),
    ),
    extreme=([1000.0, -1000.0, 0.0],),
)

SIGMOID_BACKWARD = _slope(
    "sigmoid_backward",
    "The sigmoid, backward",
    """\
s = 1 / (1 + e^-x). With d_out = dL/ds,

d_x = d_out ds/dx

entry by entry. (Write ds/dx with s itself.)""",
    lambda d_out, x: d_out * _sigmoid(x) * (1 - _sigmoid(x)),
    (
        Mistake(
            "s (1 - s) with s = sigmoid(x); yours has x in the place of s.",
            lambda d_out, x: d_out * x * (1 - x),
        ),
        Mistake(
            "d_out is missing: the chain rule multiplies by what comes from above.",
            lambda d_out, x: _sigmoid(x) * (1 - _sigmoid(x)),
        ),
        Mistake("the factor 1 - s is missing.", lambda d_out, x: d_out * _sigmoid(x)),
        Mistake("the factor s is missing.", lambda d_out, x: d_out * (1 - _sigmoid(x))),
        Mistake(
            "1 - s^2 is the slope of tanh; the sigmoid's is s (1 - s).", lambda d_out, x: d_out * (1 - _sigmoid(x) ** 2)
        ),
        Mistake("the sign: the sigmoid rises everywhere.", lambda d_out, x: -d_out * _sigmoid(x) * (1 - _sigmoid(x))),
    ),
)

TANH_BACKWARD = _slope(
    "tanh_backward",
    "The hyperbolic tangent, backward",
    """\
t = tanh(x). With d_out = dL/dt,

d_x = d_out dt/dx

entry by entry. (Write dt/dx with t itself.)""",
    lambda d_out, x: d_out * (1 - np.tanh(x) ** 2),
    (
        Mistake("1 - t^2 with t = tanh(x); yours has x in the place of t.", lambda d_out, x: d_out * (1 - x**2)),
        Mistake(
            "d_out is missing: the chain rule multiplies by what comes from above.",
            lambda d_out, x: 1 - np.tanh(x) ** 2,
        ),
        Mistake("the square is missing: 1 - t^2.", lambda d_out, x: d_out * (1 - np.tanh(x))),
        Mistake(
            "t (1 - t) is the slope of the sigmoid; that of tanh is 1 - t^2.",
            lambda d_out, x: d_out * np.tanh(x) * (1 - np.tanh(x)),
        ),
    ),
)

# Softmax and losses ----------------------------------------------------------------------------------------------------


def _logits_trials() -> list[dict[str, Any]]:
    return [{"logits": 2 * z} for z in _normal(4, (3, 3), (4, 2), (1, 5))] + [
        {"logits": np.array([[1000.0, 999.0, 0.0], [-1000.0, -1001.0, -999.0]])}
    ]


SOFTMAX = Exercise(
    name="softmax",
    title="Softmax, for every row",
    signature="softmax(logits)",
    statement="""\
p[b, k] = e^logits[b, k] / sum_j e^logits[b, j]

logits (batch, classes), also with entries of 1000: a number subtracted from a whole row leaves p as it is.""",
    outputs=("p",),
    shapes=("(batch, classes), rows that sum to 1",),
    solution=_softmax,
    trials=_logits_trials,
    mistakes=(
        Mistake(
            "e^1000 overflows, and inf / inf is nan: subtract the row's largest logit first.",
            lambda logits: np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
        ),
        Mistake(
            "each row is to sum to 1; yours are divided by the sum of a column: axis=1, with keepdims=True.",
            lambda logits: (
                np.exp(logits - logits.max(axis=1, keepdims=True))
                / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=0)
            ),
        ),
        Mistake(
            "each row is to sum to 1; yours is divided by the sum of all entries: axis=1, with keepdims=True.",
            lambda logits: np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum(),
        ),
        Mistake(
            "the whole array's largest logit is subtracted: in a row whose own logits are far below it everything becomes 0, "
            "and 0 / 0 is nan. Subtract the largest of each row.",
            lambda logits: np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum(axis=1, keepdims=True),
        ),
        Mistake(
            "the sums need keepdims=True: as they are, they are divided along the wrong axis.",
            lambda logits: (
                np.exp(logits - logits.max(axis=1, keepdims=True))
                / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)
            ),
        ),
    ),
)


def _crossentropy_trials() -> list[dict[str, Any]]:
    trials = []
    for n, (batch, classes) in enumerate([(3, 3), (4, 3), (1, 5), (6, 2)]):
        random = np.random.RandomState(10 + n)
        labels = np.eye(classes)[random.randint(classes, size=batch)]
        trials.append({"y_true": labels, "logits": 2 * random.normal(size=(batch, classes))})
    return trials


SOFTMAX_CROSSENTROPY = Exercise(
    name="softmax_crossentropy",
    title="Cross-entropy of a softmax",
    signature="softmax_crossentropy(y_true, logits)",
    statement="""\
L = -1/batch sum_b sum_k y_true[b, k] log p[b, k],     p = softmax(logits), row by row

y_true  (batch, classes)   one-hot: a single 1 in each row
logits  (batch, classes)   of any size: log p = logits - max - log sum_k e^(logits - max)""",
    outputs=("L",),
    shapes=("(), a number",),
    solution=lambda y_true, logits: -(y_true * _log_softmax(logits)).sum() / len(logits),
    trials=lambda: [
        *_crossentropy_trials(),
        {"y_true": np.eye(3)[[0, 1]], "logits": np.array([[-1000.0, 0.0, 3.0], [1000.0, 990.0, 0.0]])},
    ],
    mistakes=(
        Mistake(
            "the mean over the batch is forgotten: divide by the number of rows.",
            lambda y_true, logits: -(y_true * _log_softmax(logits)).sum(),
        ),
        Mistake(
            "the mean is over the samples, not over all entries: divide by the number of rows alone.",
            lambda y_true, logits: -(y_true * _log_softmax(logits)).mean(),
        ),
        Mistake(
            "the sign: log p is negative and the loss is positive.",
            lambda y_true, logits: (y_true * _log_softmax(logits)).sum() / len(logits),
        ),
        Mistake(
            "p becomes 0 for a very unlikely class, and log 0 is -inf: compute log p from the logits, without p.",
            lambda y_true, logits: -(y_true * np.log(_softmax(logits))).sum() / len(logits),
        ),
        Mistake(
            "p becomes 0 for a very unlikely class, and log 0 is -inf: compute log p from the logits, without p.",
            lambda y_true, logits: -np.log((y_true * _softmax(logits)).sum(axis=1)).mean(),
        ),
        Mistake(
            "the logarithm is of the softmax of the logits, not of the logits themselves.",
            lambda y_true, logits: -(y_true * np.log(logits)).sum() / len(logits),
        ),
    ),
)


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


SOFTMAX_CROSSENTROPY_BACKWARD = Exercise(
    name="softmax_crossentropy_backward",
    title="Cross-entropy of a softmax, backward",
    signature="softmax_crossentropy_backward(y_true, logits)",
    statement="""\
L = -1/batch sum_b sum_k y_true[b, k] log p[b, k],     p = softmax(logits), row by row

d_logits[b, k] = dL/dlogits[b, k]

y_true  (batch, classes)   one-hot: a single 1 in each row
logits  (batch, classes)""",
    outputs=("d_logits",),
    shapes=("(batch, classes), that of logits",),
    solution=lambda y_true, logits: (_softmax(logits) - y_true) / len(logits),
    trials=_crossentropy_trials,
    mistakes=(
        Mistake(
            "L is a mean over the batch, so its gradient is divided by the number of rows.",
            lambda y_true, logits: _softmax(logits) - y_true,
        ),
        Mistake(
            "the mean is over the samples: divide by the number of rows, not by that of all entries.",
            lambda y_true, logits: (_softmax(logits) - y_true) / logits.size,
        ),
        Mistake(
            "the sign: raising the logit of the right class lowers the loss.",
            lambda y_true, logits: (y_true - _softmax(logits)) / len(logits),
        ),
        Mistake(
            "that is the derivative by p, -y/p; the softmax is still to be gone through, and every logit moves every p.",
            lambda y_true, logits: -y_true / _softmax(logits) / len(logits),
        ),
        Mistake(
            "every logit moves every p, since they sum to 1: the terms with k different from j are missing.",
            lambda y_true, logits: -y_true * (1 - _softmax(logits)) / len(logits),
        ),
        Mistake(
            "the difference is between p = softmax(logits) and y_true, not between the logits and y_true.",
            lambda y_true, logits: (logits - y_true) / len(logits),
        ),
    ),
)


def _regression_trials() -> list[dict[str, Any]]:
    return [
        dict(zip(("y_true", "y_pred"), _normal(20 + n, shape, shape)))
        for n, shape in enumerate([(3, 3), (4, 2), (1, 5), (6, 1)])
    ]


MSE = Exercise(
    name="mse",
    title="Mean squared error",
    signature="mse(y_true, y_pred)",
    statement="""\
L = the mean of (y_pred - y_true)^2 over all entries

y_true, y_pred  (batch, outputs)""",
    outputs=("L",),
    shapes=("(), a number",),
    solution=lambda y_true, y_pred: np.mean((y_pred - y_true) ** 2),
    trials=_regression_trials,
    mistakes=(
        Mistake(
            "a mean, not a sum: divide by the number of entries.", lambda y_true, y_pred: np.sum((y_pred - y_true) ** 2)
        ),
        Mistake(
            "divided by the rows alone; the mean is over all entries.",
            lambda y_true, y_pred: np.sum((y_pred - y_true) ** 2) / len(y_true),
        ),
        Mistake(
            "half of it: the 1/2 that some books put in front is not asked for.",
            lambda y_true, y_pred: np.mean((y_pred - y_true) ** 2) / 2,
        ),
        Mistake(
            "the square is taken of each difference, before the mean.",
            lambda y_true, y_pred: np.mean(y_pred - y_true) ** 2,
        ),
        Mistake(
            "that is the root of it: no root is asked for.",
            lambda y_true, y_pred: np.sqrt(np.mean((y_pred - y_true) ** 2)),
        ),
        Mistake(
            "that is the mean absolute error; the differences are to be squared.",
            lambda y_true, y_pred: np.mean(np.abs(y_pred - y_true)),
        ),
    ),
)

MSE_BACKWARD = Exercise(
    name="mse_backward",
    title="Mean squared error, backward",
    signature="mse_backward(y_true, y_pred)",
    statement="""\
L = the mean of (y_pred - y_true)^2 over all entries

d_pred[b, k] = dL/dy_pred[b, k]

y_true, y_pred  (batch, outputs)""",
    outputs=("d_pred",),
    shapes=("(batch, outputs), that of y_pred",),
    solution=lambda y_true, y_pred: 2 * (y_pred - y_true) / y_pred.size,
    trials=_regression_trials,
    mistakes=(
        Mistake(
            "the mean is forgotten: divide by the number of entries.", lambda y_true, y_pred: 2 * (y_pred - y_true)
        ),
        Mistake(
            "divided by the rows alone; the mean is over all entries.",
            lambda y_true, y_pred: 2 * (y_pred - y_true) / len(y_pred),
        ),
        Mistake(
            "the factor 2 of the square's derivative is missing.",
            lambda y_true, y_pred: (y_pred - y_true) / y_pred.size,
        ),
        Mistake("both the factor 2 and the mean are missing.", lambda y_true, y_pred: y_pred - y_true),
        Mistake(
            "the factor 2 is missing, and the mean is over all entries, not over the rows.",
            lambda y_true, y_pred: (y_pred - y_true) / len(y_pred),
        ),
        Mistake(
            "the sign: a prediction that is too large is to get a positive gradient.",
            lambda y_true, y_pred: 2 * (y_true - y_pred) / y_pred.size,
        ),
    ),
)

BINARY_CROSSENTROPY_BACKWARD = Exercise(
    name="sigmoid_crossentropy_backward",
    title="Binary cross-entropy of a sigmoid, backward",
    signature="sigmoid_crossentropy_backward(y_true, logits)",
    statement="""\
L = the mean over all entries of -(y log s + (1 - y) log(1 - s)),     s = sigmoid(logits), y = y_true

d_logits = dL/dlogits

y_true  (batch, outputs)   zeros and ones
logits  (batch, outputs)""",
    outputs=("d_logits",),
    shapes=("(batch, outputs), that of logits",),
    solution=lambda y_true, logits: (_sigmoid(logits) - y_true) / logits.size,
    trials=lambda: [
        {"y_true": (y > 0) * 1.0, "logits": 2 * z}
        for y, z in (_normal(30 + n, shape, shape) for n, shape in enumerate([(3, 3), (4, 2), (5, 1)]))
    ],
    mistakes=(
        Mistake(
            "the mean is forgotten: divide by the number of entries.", lambda y_true, logits: _sigmoid(logits) - y_true
        ),
        Mistake(
            "divided by the rows alone; the mean is over all entries.",
            lambda y_true, logits: (_sigmoid(logits) - y_true) / len(logits),
        ),
        Mistake(
            "the sign: where y is 1, raising the logit lowers the loss.",
            lambda y_true, logits: (y_true - _sigmoid(logits)) / logits.size,
        ),
        Mistake(
            "s (1 - s) is one factor too many: it cancels against the derivative of the logarithms.",
            lambda y_true, logits: (
                (_sigmoid(logits) - y_true) * _sigmoid(logits) * (1 - _sigmoid(logits)) / logits.size
            ),
        ),
        Mistake(
            "the difference is between sigmoid(logits) and y_true, not between the logits and y_true.",
            lambda y_true, logits: (logits - y_true) / logits.size,
        ),
    ),
)

# Optimizers ------------------------------------------------------------------------------------------------------------


def _step_trials(*slots: str, **settings: Any) -> list[dict[str, Any]]:
    trials = []
    for n, t in enumerate((1, 2, 10)):
        p, g, *rest = _normal(40 + n, *[(4,)] * (2 + len(slots)))
        state = {slot: (np.abs(r) if slot in ("v", "s") else r) * (0 if t == 1 else 1) for slot, r in zip(slots, rest)}
        trial = {"p": p, "g": g, **state, **settings}
        trials.append({**trial, "t": t} if "epsilon" in settings and "m" in slots else trial)
    return trials


SGD = Exercise(
    name="sgd_step",
    title="A step of gradient descent",
    signature="sgd_step(p, g, learning_rate)",
    statement="""\
p moves against its gradient g, by learning_rate times g. Return the new p and leave the old one as it is.

p, g  of the same shape""",
    outputs=("p",),
    shapes=("that of p",),
    solution=lambda p, g, learning_rate: p - learning_rate * g,
    trials=lambda: _step_trials(learning_rate=0.1),
    mistakes=(
        Mistake(
            "the sign: along the gradient the loss rises; go against it.",
            lambda p, g, learning_rate: p + learning_rate * g,
        ),
        Mistake("the learning rate is missing.", lambda p, g, learning_rate: p - g),
        Mistake("that is the change alone; return the new p.", lambda p, g, learning_rate: -learning_rate * g),
    ),
)

MOMENTUM = Exercise(
    name="momentum_step",
    title="A step with momentum",
    signature="momentum_step(p, g, v, learning_rate, momentum)",
    statement="""\
v <- momentum v - learning_rate g          the velocity, zeros before the first step
p <- p + v

Return the new p and the new v and leave the old ones as they are. (The form of Keras.)

p, g, v  of the same shape""",
    outputs=("p", "v"),
    shapes=("that of p", "that of p"),
    solution=lambda p, g, v, learning_rate, momentum: (
        p + momentum * v - learning_rate * g,
        momentum * v - learning_rate * g,
    ),
    trials=lambda: _step_trials("v", learning_rate=0.1, momentum=0.9),
    mistakes=(
        Mistake(
            "p moves with the old velocity: v is to be renewed first.",
            lambda p, g, v, learning_rate, momentum: (p + v, momentum * v - learning_rate * g),
        ),
        Mistake(
            "the sign: here v already points downhill (- learning_rate g), so p moves with it: p + v.",
            lambda p, g, v, learning_rate, momentum: (
                p - (momentum * v - learning_rate * g),
                momentum * v + learning_rate * g,
            ),
        ),
        Mistake(
            "that is Nesterov's step; plain momentum adds v itself.",
            lambda p, g, v, learning_rate, momentum: (
                p + momentum * (momentum * v - learning_rate * g) - learning_rate * g,
                momentum * v - learning_rate * g,
            ),
        ),
        Mistake(
            "that is the form of PyTorch, v <- momentum v + g with the learning rate outside; here it is inside of v.",
            lambda p, g, v, learning_rate, momentum: (p - learning_rate * (momentum * v + g), momentum * v + g),
        ),
        Mistake(
            "1 - momentum is no part of it: g counts in full.",
            lambda p, g, v, learning_rate, momentum: (
                p + momentum * v - (1 - momentum) * learning_rate * g,
                momentum * v - (1 - momentum) * learning_rate * g,
            ),
        ),
    ),
)

RMSPROP = Exercise(
    name="rmsprop_step",
    title="A step of RMSprop",
    signature="rmsprop_step(p, g, s, learning_rate, rho, epsilon)",
    statement="""\
s <- rho s + (1 - rho) g^2                            the running mean of g^2, zeros before the first step
p <- p - learning_rate g / sqrt(s + epsilon)

Return the new p and the new s and leave the old ones as they are. (The form of Keras: epsilon under the root.)

p, g, s  of the same shape""",
    outputs=("p", "s"),
    shapes=("that of p", "that of p"),
    solution=lambda p, g, s, learning_rate, rho, epsilon: (
        p - learning_rate * g / np.sqrt(rho * s + (1 - rho) * g**2 + epsilon),
        rho * s + (1 - rho) * g**2,
    ),
    trials=lambda: _step_trials("s", learning_rate=0.1, rho=0.9, epsilon=1e-3),
    mistakes=(
        Mistake(
            "epsilon is placed wrongly: here it stands under the root, sqrt(s + epsilon).",
            lambda p, g, s, learning_rate, rho, epsilon: (
                p - learning_rate * g / (np.sqrt(rho * s + (1 - rho) * g**2) + epsilon),
                rho * s + (1 - rho) * g**2,
            ),
        ),
        Mistake(
            "the square is missing: s is the mean of g^2.",
            lambda p, g, s, learning_rate, rho, epsilon: (
                p - learning_rate * g / np.sqrt(rho * s + (1 - rho) * g + epsilon),
                rho * s + (1 - rho) * g,
            ),
        ),
        Mistake(
            "p is divided by the old s: s is to be renewed first.",
            lambda p, g, s, learning_rate, rho, epsilon: (
                p - learning_rate * g / np.sqrt(s + epsilon),
                rho * s + (1 - rho) * g**2,
            ),
        ),
        Mistake(
            "the root is missing.",
            lambda p, g, s, learning_rate, rho, epsilon: (
                p - learning_rate * g / (rho * s + (1 - rho) * g**2 + epsilon),
                rho * s + (1 - rho) * g**2,
            ),
        ),
        Mistake(
            "rho and 1 - rho are exchanged: rho is the share that is kept.",
            lambda p, g, s, learning_rate, rho, epsilon: (
                p - learning_rate * g / np.sqrt((1 - rho) * s + rho * g**2 + epsilon),
                (1 - rho) * s + rho * g**2,
            ),
        ),
        Mistake(
            "the sign: go against the gradient.",
            lambda p, g, s, learning_rate, rho, epsilon: (
                p + learning_rate * g / np.sqrt(rho * s + (1 - rho) * g**2 + epsilon),
                rho * s + (1 - rho) * g**2,
            ),
        ),
    ),
)


def _adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    t: int,
    *,
    correct: bool = True,
    epsilon_at: str = "after",
    square: bool = True,
    sign: float = 1.0,
    root: bool = True,
    late: int = 0,
) -> tuple[Array, Array, Array]:
    """Adam, and what is made of it."""
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * (g**2 if square else g)
    n = t - late
    left_1, left_2 = (1 - beta_1**n, 1 - beta_2**n) if correct else (1.0, 1.0)
    if epsilon_at == "hat":
        change = (m / left_1) / (np.sqrt(v / left_2) + epsilon)
    elif epsilon_at == "inside":
        change = m / left_1 * np.sqrt(left_2) / np.sqrt(v + epsilon)
    else:
        change = m / left_1 * np.sqrt(left_2) / ((np.sqrt(v) if root else v) + epsilon)
    return p - sign * learning_rate * change, m, v


def _adam_mistake(hint: str, **how: Any) -> Mistake:
    return Mistake(hint, lambda *arguments: _adam(*arguments, **how))


ADAM = Exercise(
    name="adam_step",
    title="A step of Adam",
    signature="adam_step(p, g, m, v, learning_rate, beta_1, beta_2, epsilon, t)",
    statement="""\
m <- beta_1 m + (1 - beta_1) g                  the running mean of g
v <- beta_2 v + (1 - beta_2) g^2                the running mean of g^2; both zeros before the first step, t = 1
a  = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t)
p <- p - a m / (sqrt(v) + epsilon)

Return the new p, m and v and leave the old ones as they are. (The form of Keras.)

p, g, m, v  of the same shape; t = 1, 2, 3, ...""",
    outputs=("p", "m", "v"),
    shapes=("that of p", "that of p", "that of p"),
    solution=_adam,
    trials=lambda: _step_trials("m", "v", learning_rate=0.1, beta_1=0.9, beta_2=0.99, epsilon=1e-3),
    mistakes=(
        _adam_mistake(
            "the corrections for the start at zero are missing: 1 - beta_1^t and 1 - beta_2^t.", correct=False
        ),
        _adam_mistake(
            "epsilon is placed wrongly: it is added to sqrt(v) before the correction of v; yours is the other form of the "
            "paper, that of PyTorch.",
            epsilon_at="hat",
        ),
        _adam_mistake("epsilon is placed wrongly: it is added to the root of v, not to v.", epsilon_at="inside"),
        _adam_mistake("the square is missing: v is the mean of g^2.", square=False),
        _adam_mistake("the sign: go against the gradient.", sign=-1.0),
        _adam_mistake("the root of v is missing.", root=False),
        _adam_mistake("t counts from 1 in the first step; yours is one behind.", late=1),
        Mistake(
            "p moves by the old m and v: they are to be renewed first.",
            lambda p, g, m, v, learning_rate, beta_1, beta_2, epsilon, t: (
                p - learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon),
                beta_1 * m + (1 - beta_1) * g,
                beta_2 * v + (1 - beta_2) * g**2,
            ),
        ),
    ),
)

# Normalization ---------------------------------------------------------------------------------------------------------


def _batch_normalization_backward(
    d_out: Array,
    x: Array,
    gamma: Array,
    epsilon: float,
    *,
    level: bool = True,
    along: bool = True,
    axis: int = 0,
    n_minus_1: bool = False,
    inside: bool = True,
) -> tuple[Array, Array, Array]:
    n = len(x)
    variance = x.var(axis=0) * (n / (n - 1) if n_minus_1 else 1)
    s = 1 / np.sqrt(variance + epsilon) if inside else 1 / (np.sqrt(variance) + epsilon)
    y = (x - x.mean(axis=0)) * s
    g = d_out * gamma
    d_x = (
        g
        - (g.mean(axis=axis, keepdims=True) if level else 0)
        - (y * (g * y).mean(axis=axis, keepdims=True) if along else 0)
    )
    return d_x * s, (d_out * y).sum(axis=0), d_out.sum(axis=0)


def _batch_normalization_trials() -> list[dict[str, Any]]:
    trials = []
    for n, (batch, features) in enumerate([(4, 4), (5, 3), (3, 1)]):
        d_out, x, gamma = _normal(60 + n, (batch, features), (batch, features), (features,))
        trials.append({"d_out": d_out, "x": 2 * x + 1, "gamma": gamma, "epsilon": 1e-3})
    return trials


BATCH_NORMALIZATION_BACKWARD = Exercise(
    name="batch_normalization_backward",
    title="Batch normalization, backward",
    signature="batch_normalization_backward(d_out, x, gamma, epsilon)",
    statement="""\
For each feature, with m and v the mean and the variance (divided by batch) over the batch:

y   = (x - m) / sqrt(v + epsilon)
out = gamma y + beta

Each x[b] moves m and v, and by them every row of its feature. With d_out = dL/dout give dL/dx, dL/dgamma and dL/dbeta.

d_out, x  (batch, features)
gamma     (features,)""",
    outputs=("d_x", "d_gamma", "d_beta"),
    shapes=("(batch, features), that of x", "(features,)", "(features,)"),
    solution=_batch_normalization_backward,
    trials=_batch_normalization_trials,
    mistakes=(
        Mistake(
            "m and v move with x too: yours treats them as constants.",
            lambda *a: _batch_normalization_backward(*a, level=False, along=False),
        ),
        Mistake(
            "the way by the variance is missing: v moves with x.",
            lambda *a: _batch_normalization_backward(*a, along=False),
        ),
        Mistake(
            "the way by the mean is missing: m moves with x.", lambda *a: _batch_normalization_backward(*a, level=False)
        ),
        Mistake(
            "the means of the backward pass are over the batch, axis 0; yours are over the features.",
            lambda *a: _batch_normalization_backward(*a, axis=1),
        ),
        Mistake(
            "the variance is divided by the batch size, not by one less.",
            lambda *a: _batch_normalization_backward(*a, n_minus_1=True),
        ),
        Mistake(
            "epsilon is placed wrongly: it stands under the root.",
            lambda *a: _batch_normalization_backward(*a, inside=False),
        ),
        Mistake(
            "gamma is missing: dL/dy is gamma d_out.",
            lambda d_out, x, gamma, epsilon: _batch_normalization_backward(d_out, x, np.ones_like(gamma), epsilon),
        ),
        Mistake(
            "gamma multiplies y, not x: its gradient is the sum of d_out y.",
            lambda d_out, x, gamma, epsilon: (None, (d_out * x).sum(axis=0), None),
        ),
        Mistake(
            "gamma and beta serve every row, so their gradients are summed over the batch; these are means.",
            lambda d_out, x, gamma, epsilon: (
                None,
                _batch_normalization_backward(d_out, x, gamma, epsilon)[1] / len(x),
                d_out.mean(axis=0),
            ),
        ),
    ),
)

TASKS: tuple[Exercise, ...] = (
    DENSE,
    RELU,
    SIGMOID,
    SOFTMAX,
    MSE,
    SOFTMAX_CROSSENTROPY,
    RELU_BACKWARD,
    SIGMOID_BACKWARD,
    TANH_BACKWARD,
    MSE_BACKWARD,
    SOFTMAX_CROSSENTROPY_BACKWARD,
    BINARY_CROSSENTROPY_BACKWARD,
    DENSE_BACKWARD,
    SGD,
    MOMENTUM,
    RMSPROP,
    ADAM,
    BATCH_NORMALIZATION_BACKWARD,
)
