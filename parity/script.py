"""An example as a program of its own: NumPy, TensorFlow, Keras and tinynn, and nothing of parity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from parity.example import Array, Example, Spec

_MODULES = {
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
    "initializer": "keras.initializers",
    "learning_rate": "keras.optimizers.schedules",
}


def script(example: Example) -> str:
    """See `Example.script`."""
    x, y, weights = example.data()
    lines = ",\n        ".join(call("keras.layers", spec) for spec in example.layers)
    named = ", ".join(repr(m) if isinstance(m, str) else call("keras.metrics", m) for m in example.metrics)
    return _PROGRAM.format(
        about="\n".join(f"# {name}: {value!r}" for name, value in example.changes().items()),
        dtype=example.dtype,
        x=literal(x),
        y=literal(y),
        sample_weight="None" if weights is None else literal(weights),
        class_weight=None if example.class_weight is None else dict(enumerate(example.class_weight)),
        features=example.features,
        layers=lines,
        optimizer=call("keras.optimizers", example.optimizer),
        loss=call("keras.losses", example.loss),
        metrics=named,
        weights=_WEIGHTS[example.weights].format(seed=example.seed + 1),
        seed=example.seed,
        batch_size=example.batch_size,
        epochs=example.epochs,
        shuffle=example.seed % 2 == 0,
    )


def call(module: str, spec: Spec) -> str:
    """'keras.layers.Dense(units=3, kernel_regularizer=keras.regularizers.L2(l2=0.1))'."""
    arguments = ", ".join(f"{name}={_argument(name, value)}" for name, value in spec.items() if name != "class")
    return f"{module}.{spec['class']}({arguments})"


def literal(array: Array) -> str:
    """Every digit of an array, in lines."""
    text = np.array2string(array, separator=", ", threshold=10**9, floatmode="unique", max_line_width=110)
    return f"np.array({text}, {str(array.dtype)!r})"


def _argument(name: str, value: Any) -> str:
    if not isinstance(value, dict):
        return repr(value)
    return call(next(module for end, module in _MODULES.items() if name.endswith(end)), value)


_MOVE = """    rng = np.random.default_rng({{seed}})
    for v in model.trainable_variables:
        normal = rng.normal(size=v.shape)
        v.assign(({value}).astype("float32").astype(dtype))
"""

_WEIGHTS = {
    "own": "",
    "normal": _MOVE.format(value="0.5 * normal"),
    "integers": _MOVE.format(value="np.round(normal)"),
    "zeros": _MOVE.format(value="0 * normal"),
    "large": _MOVE.format(value="10 * normal"),
}

_PROGRAM = '''"""The same steps in Keras and in tinynn; prints the first difference beyond rounding."""
{about}
import os

os.environ.update(KERAS_BACKEND="tensorflow", TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3")
import keras
import numpy as np
import tensorflow as tf

import tinynn

dtype = {dtype!r}
x = {x}
y = {y}
sample_weight = {sample_weight}
class_weight = {class_weight}


def made(keras):
    keras.config.set_floatx(dtype)
    keras.backend.clear_session()
    keras.utils.set_random_seed({seed})
    model = keras.Sequential([
        keras.Input(({features},)),
        {layers},
    ])
    model.compile(
        {optimizer},
        {loss},
        metrics=[{metrics}],
        run_eagerly=True,
    )
{weights}    return model


def steps(library, tape_of):
    """(name, value) of everything, step by step."""
    model = made(library)
    if library is tinynn:
        model.set_weights(start)
    yield "outputs", model(x, training=False)
    for step in range({epochs} * -(-len(x) // {batch_size})):
        begin = step * {batch_size} % ({batch_size} * -(-len(x) // {batch_size}))
        rows = slice(begin, begin + {batch_size})
        with tape_of() as tape:
            x_in = x[rows] if library is tinynn else tf.constant(x[rows])
            x_in = tape.watch(x_in) if library is tinynn else (tape.watch(x_in), x_in)[1]
            outputs = model(x_in, training=True)
            loss = model.compute_loss(x_in, y[rows], outputs, None if sample_weight is None else sample_weight[rows])
            scaled = model.optimizer.scale_loss(loss)
        variables = model.trainable_variables
        sources = [v if library is tinynn else v.value for v in variables]
        gradients = tape.gradient(scaled, [*sources, x_in])
        yield f"step {{step + 1}} loss", loss
        yield f"step {{step + 1}} outputs", outputs
        for name, gradient in zip([*(v.path for v in variables), "input"], gradients):
            yield f"step {{step + 1}} gradient of {{name}}", gradient
        if variables:
            model.optimizer.apply_gradients(zip(gradients[:-1], variables))
        for v in [*model.variables, *model.optimizer.variables]:
            yield f"step {{step + 1}} new {{v.path}}", v


def fitted(library):
    """(name, value) of a whole fit from the seed alone."""
    model = made(library)
    weighted = dict(sample_weight=sample_weight, batch_size={batch_size}, verbose=0)
    yield "evaluated at the start", model.evaluate(x, y, **weighted)
    history = model.fit(x, y, epochs={epochs}, shuffle={shuffle}, class_weight=class_weight, **weighted).history
    yield from history.items()
    yield from ((v.path, v) for v in [*model.variables, *model.optimizer.variables])
    yield "predicted", model.predict(x, batch_size={batch_size}, verbose=0)


def compare(theirs, ours):
    allowed = 1e-9 if dtype == "float64" else 1e-4
    for (name, b), (_, a) in zip(theirs, ours):
        a, b = (np.zeros(1) if v is None else np.array(v.numpy() if hasattr(v, "numpy") else v) for v in (a, b))
        if a.shape != b.shape or not np.allclose(a, b, rtol=0, atol=allowed * np.abs(b).max(initial=0), equal_nan=True):
            print(f"{{name}} differs:\\nKeras {{b}}\\ntinynn {{a}}")
            return True
    return False


start = made(keras).get_weights()
if not compare(steps(keras, tf.GradientTape), steps(tinynn, tinynn.GradientTape)):
    if not compare(fitted(keras), fitted(tinynn)):
        print("no difference beyond rounding")
'''
