"""`print_summary` writes what Keras's summary writes, at any width, to a terminal, a pipe, a notebook or a function."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import re
import shutil
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinynn.utils.summary_utils import print_summary

VARIABLES = (
    "COLUMNS",
    "LINES",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "FORCE_COLOR",
    "TTY_COMPATIBLE",
    "JUPYTER_COLUMNS",
    "JUPYTER_LINES",
    "DATABRICKS_RUNTIME_VERSION",
)
ESCAPE_CODE = re.compile("\x1b\\[[0-9;]*m")


# ---- models with nothing but what a summary asks for -------------------------------------------------------------------


class Variable:
    def __init__(self, *shape: int, dtype: str = "float32") -> None:
        self.shape, self.dtype = shape, dtype


class Layer:
    """A layer of the interface that `print_summary` is promised; without `output_shape` if that is not known."""

    def __init__(
        self, name: str, shape: tuple[int | None, ...] | None = None, weights: tuple[Variable, ...] = ()
    ) -> None:
        self.name = name
        self.built = shape is not None
        self.trainable = True
        self.weights = list(weights)
        if shape is not None:
            self.output_shape = shape

    def count_params(self) -> int:
        return sum(int(np.prod(weight.shape)) for weight in self.weights)


class Dense(Layer): ...


class Dropout(Layer): ...


class BatchNormalization(Layer): ...


class Model:
    def __init__(self, *layers: Layer, name: str = "sequential", optimizer: Any = None) -> None:
        self.name, self.layers, self.optimizer = name, list(layers), optimizer
        self.built = all(layer.built for layer in layers)
        self.trainable_variables = [weight for layer in layers if layer.trainable for weight in layer.weights]
        self.non_trainable_variables = [weight for layer in layers if not layer.trainable for weight in layer.weights]

    @property
    def variables(self) -> list[Variable]:
        return self.trainable_variables + self.non_trainable_variables


def digits_model() -> Model:
    normalization = BatchNormalization("batch_normalization", (None, 300), (Variable(300),) * 4)
    last = Dense("dense_1", (None, 10), (Variable(300, 10), Variable(10)))
    last.trainable = False
    model = Model(
        Dense("dense", (None, 300), (Variable(784, 300), Variable(300))),
        Dropout("dropout", (None, 300)),
        normalization,
        last,
    )
    model.trainable_variables = [Variable(784, 300), Variable(300), Variable(300), Variable(300)]
    model.non_trainable_variables = [Variable(300), Variable(300), Variable(300, 10), Variable(10)]
    slots = [Variable(*variable.shape) for variable in model.trainable_variables * 2]
    model.optimizer = types.SimpleNamespace(
        built=True, variables=[Variable(dtype="int64"), Variable(), *slots] if slots else []
    )
    return model


# ---- where it is printed -----------------------------------------------------------------------------------------------


class Stdout(io.StringIO):
    def __init__(self, terminal: bool, encoding: str | None) -> None:
        super().__init__()
        self._terminal, self._encoding = terminal, encoding

    @property
    def encoding(self) -> Any:
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """The environment with nothing said of terminals but what is given here."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    with mock.patch.dict(os.environ, kept | variables, clear=True):
        yield


def printed(
    summary: Callable[[], Any], terminal: bool = False, encoding: str | None = "utf-8", **variables: str
) -> str:
    """What a summary writes to stdout, and the kind of error it ends with, if any."""
    stdout = Stdout(terminal, encoding)
    with environment(**variables), contextlib.redirect_stdout(stdout):
        try:
            summary()
        except (ValueError, IndexError):
            return f"{stdout.getvalue()}an error"
    return stdout.getvalue()


def forget_styles() -> None:
    """rich keeps each style in the colours of the first screen it was used on. Every test starts with new ones."""
    from rich.default_styles import DEFAULT_STYLES
    from rich.style import Style

    for name in ("parse", "normalize", "_add"):
        getattr(Style, name).cache_clear()
    for style in DEFAULT_STYLES.values():
        style._ansi = None


# ---- recorded from Keras 3.15.1 ----------------------------------------------------------------------------------------

AT_80 = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ dense (Dense)                   │ (None, 300)            │       235,500 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dropout (Dropout)               │ (None, 300)            │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ batch_normalization             │ (None, 300)            │         1,200 │
│ (BatchNormalization)            │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 10)             │         3,010 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 711,912 (2.72 MB)
 Trainable params: 236,100 (922.27 KB)
 Non-trainable params: 3,610 (14.10 KB)
 Optimizer params: 472,202 (1.80 MB)
"""

AT_46_WITH_TRAINABLE = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━┳━━━━┓
┃                ┃ Output     ┃ Pa… ┃    ┃
┃ Layer (type)   ┃ Shape      ┃   # ┃ T… ┃
┡━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━╇━━━━┩
│ dense (Dense)  │ (None,     │ 23… │ Y  │
│                │ 300)       │     │    │
├────────────────┼────────────┼─────┼────┤
│ dropout        │ (None,     │   0 │ -  │
│ (Dropout)      │ 300)       │     │    │
├────────────────┼────────────┼─────┼────┤
│ batch_normali… │ (None,     │ 1,… │ Y  │
│ (BatchNormali… │ 300)       │     │    │
├────────────────┼────────────┼─────┼────┤
│ dense_1        │ (None, 10) │ 3,… │ N  │
│ (Dense)        │            │     │    │
└────────────────┴────────────┴─────┴────┘
 Total params: 711,912 (2.72 MB)
 Trainable params: 236,100 (922.27 KB)
 Non-trainable params: 3,610 (14.10 KB)
 Optimizer params: 472,202 (1.80 MB)
"""

UNBUILT = """\
Model: "sequential"
+--------------------------------------------------------------------------+
| Layer (type)                    | Output Shape           |       Param # |
|---------------------------------+------------------------+---------------|
| dense (Dense)                   | ?                      |   0 (unbuilt) |
+--------------------------------------------------------------------------+
 Total params: 0 (0.00 B)
 Trainable params: 0 (0.00 B)
 Non-trainable params: 0 (0.00 B)
"""

IN_COLOR = (
    '\x1b[1mModel: "small"\x1b[0m\n'
    "┏━━━━━━━━━━━━━┳━━━━━━━━━━┳━━━━━┳━━━┓\n"
    "┃\x1b[1m \x1b[0m\x1b[1mLayer      \x1b[0m\x1b[1m \x1b[0m┃\x1b[1m \x1b[0m\x1b[1mOutput  \x1b[0m\x1b[1m \x1b[0m┃"
    "\x1b[1m \x1b[0m\x1b[1mPa…\x1b[0m\x1b[1m \x1b[0m┃\x1b[1m   \x1b[0m┃\n"
    "┃\x1b[1m \x1b[0m\x1b[1m(type)     \x1b[0m\x1b[1m \x1b[0m┃\x1b[1m \x1b[0m\x1b[1mShape   \x1b[0m\x1b[1m \x1b[0m┃"
    "\x1b[1m \x1b[0m\x1b[1m  #\x1b[0m\x1b[1m \x1b[0m┃\x1b[1m \x1b[0m\x1b[1m…\x1b[0m\x1b[1m \x1b[0m┃\n"
    "┡━━━━━━━━━━━━━╇━━━━━━━━━━╇━━━━━╇━━━┩\n"
    "│ dense       │ (\x1b[38;5;45mNone\x1b[0m,   │  \x1b[38;5;34m15\x1b[0m │ \x1b[1;38;5;34mY\x1b[0m │\n"
    "│ (\x1b[38;5;33mDense\x1b[0m)     │ \x1b[38;5;34m3\x1b[0m)       │     │   │\n"
    "└─────────────┴──────────┴─────┴───┘\n"
    "\x1b[1m Total params: \x1b[0m\x1b[38;5;34m15\x1b[0m (60.00 B)\n"
    "\x1b[1m Trainable params: \x1b[0m\x1b[38;5;34m15\x1b[0m (60.00 B)\n"
    "\x1b[1m Non-trainable params: \x1b[0m\x1b[38;5;34m0\x1b[0m (0.00 B)\n"
)


def small_model() -> Model:
    return Model(Dense("dense", (None, 3), (Variable(4, 3), Variable(3))), name="small")


def test_summary_at_the_usual_width() -> None:
    assert printed(lambda: print_summary(digits_model()), COLUMNS="80") == AT_80


def test_narrow_summary_wraps_and_shortens_and_tells_what_is_trainable() -> None:
    assert printed(lambda: print_summary(digits_model(), show_trainable=True), COLUMNS="46") == AT_46_WITH_TRAINABLE


def test_unbuilt_model_where_borders_cannot_be_encoded() -> None:
    assert printed(lambda: print_summary(Model(Dense("dense"))), encoding="ascii", COLUMNS="80") == UNBUILT


def test_summary_on_a_terminal() -> None:
    def summary() -> None:
        print_summary(small_model(), show_trainable=True)

    assert printed(summary, terminal=True, TERM="xterm-256color", COLUMNS="40") == IN_COLOR
    assert printed(summary, terminal=False, TERM="xterm-256color", COLUMNS="40") == ESCAPE_CODE.sub("", IN_COLOR)
    assert printed(summary, terminal=True, TERM="dumb", COLUMNS="40", LINES="9") == ESCAPE_CODE.sub("", IN_COLOR)


def test_print_fn_is_called_once_with_plain_text() -> None:
    said: list[str] = []
    stdout = printed(lambda: print_summary(digits_model(), print_fn=said.append), terminal=True, COLUMNS="80")
    assert (stdout, said) == ("", [AT_80])


# ---- what is ours ------------------------------------------------------------------------------------------------------


def test_seeds_of_generators_and_metrics_are_no_weights() -> None:
    model = small_model()
    model.trainable_weights = model.trainable_variables  # type: ignore[attr-defined]
    model.non_trainable_weights = []  # type: ignore[attr-defined]
    model.non_trainable_variables = [Variable(2, dtype="uint32")]
    assert " Non-trainable params: 0 (0.00 B)\n" in printed(lambda: print_summary(model))


@pytest.mark.parametrize(
    ("dtype", "size"), [("float64", "8.00 KB"), ("float16", "2.00 KB"), ("bfloat16", "2.00 KB"), ("bool", "128.00 B")]
)
def test_sizes_by_dtype(dtype: str, size: str) -> None:
    model = Model(Dense("dense", (None, 1), (Variable(1024, dtype=dtype),)))
    assert f" Total params: 1,024 ({size})\n" in printed(lambda: print_summary(model))


def test_a_shared_weight_counts_twice_and_takes_its_memory_once() -> None:  # as in Keras
    shared = Variable(1024)
    model = Model(Dense("dense", (None, 1), (shared,)), Dense("dense_1", (None, 1), (shared,)))
    assert " Total params: 2,048 (4.00 KB)\n" in printed(lambda: print_summary(model))


def test_too_narrow_a_screen_is_an_error() -> None:
    with pytest.raises(ValueError, match="Insufficient console width to print summary"):
        print_summary(small_model(), line_length=10)


def test_layer_range_must_name_layers() -> None:
    with pytest.raises(ValueError, match=r"length 2, of strings. Received: \['dense'\]"):
        print_summary(small_model(), layer_range=["dense"])
    with pytest.raises(ValueError, match=r"does not match the layer names in the model: dense\."):
        print_summary(small_model(), layer_range=["dense", "dens$"])


# ---- live against Keras ------------------------------------------------------------------------------------------------


def mirror(model: Any) -> Any:
    """A model of stubs that says of itself what a Keras model says."""

    def mirrored(layer: Any) -> Any:
        stub = type(type(layer).__name__, (), {})()
        stub.name, stub.built, stub.trainable, stub.weights = layer.name, layer.built, layer.trainable, layer.weights
        stub.count_params = layer.count_params
        if layer._inbound_nodes:
            stub.output_shape = tuple(layer.output.shape)
        if hasattr(layer, "layers"):
            stub.layers = [mirrored(inner) for inner in layer.layers]
        return stub

    return types.SimpleNamespace(
        name=model.name,
        layers=[mirrored(layer) for layer in model.layers],
        trainable_variables=model.trainable_weights,
        non_trainable_variables=model.non_trainable_weights,
        optimizer=model.optimizer if model.compiled else None,
        built=model.built,
    )


names = st.sampled_from(
    ["dense", "a", "層の名前です", "with [brackets]", "[b]", "e\u0301te\u0301", "two words", "q" * 120, "-"]
) | st.text("abc_ é層ー[](), 12", min_size=1, max_size=60)
layer_kinds = st.sampled_from(["Dense", "Dropout", "Flatten", "Activation", "BatchNormalization", "ReLU"])
screens = st.fixed_dictionaries(
    {"terminal": st.booleans(), "encoding": st.sampled_from(["utf-8", "UTF-8", "utf-8", "ascii", "latin-1", None])},
    optional={
        "COLUMNS": st.sampled_from([0, 1, 15, 20, 21, 22, 25, 28, 33, 40, 60, 79, 80, 92, 200]).map(str) | st.just("x"),
        "LINES": st.just("30"),
        "TERM": st.sampled_from(["xterm", "xterm-256color", "xterm-kitty", "dumb", "unknown", "screen-16color"]),
        "COLORTERM": st.sampled_from(["truecolor", "24bit", "yes"]),
        "NO_COLOR": st.sampled_from(["", "1"]),
        "FORCE_COLOR": st.sampled_from(["", "1"]),
        "TTY_COMPATIBLE": st.sampled_from(["", "0", "1"]),
    },
)
arguments_of_summary = st.fixed_dictionaries(
    {},
    optional={
        "line_length": st.sampled_from([0, 12, 14, 15, 20, 33, 88, 130]),
        "positions": st.sampled_from([[0.3, 0.6, 1.0], [0.2, 0.4, 0.6], [30, 60, 90], [0.3, 0.6, 1, 1.5], [0.9, 0.5]]),
        "show_trainable": st.booleans(),
    },
)


@st.composite
def recipes(draw: Any) -> dict[str, Any]:
    """What a model is to be made of."""
    layers = draw(st.lists(st.tuples(layer_kinds, names, st.integers(1, 12345), st.booleans()), max_size=4))
    recipe = st.fixed_dictionaries(
        {"name": names, "built": st.booleans(), "optimizer": st.sampled_from(["no", "", "built"])}
    )
    return {"layers": {name: layer for *layer, name in [(k, u, t, n) for k, n, u, t in layers]}, **draw(recipe)}


def keras_model(keras: Any, recipe: dict[str, Any]) -> Any:
    layers = []
    for name, (kind, units, trainable) in recipe["layers"].items():
        argument = {"Dense": (units,), "Dropout": (0.5,), "Activation": ("relu",)}.get(kind, ())
        layers.append(getattr(keras.layers, kind)(*argument, name=name, trainable=trainable))
    model = keras.Sequential(layers, name=recipe["name"])
    if layers and recipe["built"]:
        model.build((None, 3))
    if recipe["optimizer"] != "no":
        model.compile("adam", "mse")
        if model.built and recipe["optimizer"] == "built":
            model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.keras
@settings(max_examples=100)
@given(recipes(), screens, arguments_of_summary)
def test_summary_writes_what_keras_writes(
    keras: Any, recipe: dict[str, Any], screen: dict[str, Any], arguments: dict[str, Any]
) -> None:
    model = keras_model(keras, recipe)
    stub = mirror(model)
    forget_styles()
    expected = printed(lambda: model.summary(**arguments), **screen)
    assert printed(lambda: print_summary(stub, **arguments), **screen) == expected

    theirs: list[str] = []
    ours: list[str] = []
    printed(lambda: model.summary(print_fn=theirs.append, **arguments), **screen)
    printed(lambda: print_summary(stub, print_fn=ours.append, **arguments), **screen)
    assert ours == theirs


@pytest.mark.keras
@pytest.mark.parametrize("show_trainable", [False, True])
def test_every_width_gives_what_keras_gives(keras: Any, show_trainable: bool) -> None:
    layers = [
        keras.layers.Dense(12345, name="two words and 層の名前です are wrapped"),
        keras.layers.BatchNormalization(name="層の名前です" * 5 + " tail", trainable=False),
        keras.layers.Dropout(0.5, name="d" * 50),
    ]
    model = keras.Sequential(layers, name="名前" * 30 + " and e\u0301" * 8)
    model.build((None, 3))
    stub = mirror(model)
    forget_styles()
    for columns in [*range(16, 60), *range(60, 130, 7)]:
        for positions in (None, [30, 60, 90], [0.21, 0.5, 0.8]):
            screen = {"terminal": True, "TERM": "xterm-256color", "COLUMNS": str(columns)}
            arguments: dict[str, Any] = {"show_trainable": show_trainable, "positions": positions}
            expected = printed(lambda arguments=arguments: model.summary(**arguments), **screen)
            assert printed(lambda arguments=arguments: print_summary(stub, **arguments), **screen) == expected


@pytest.mark.keras
@pytest.mark.parametrize("term", ["", "xterm", "xterm-256color", "xterm-kitty", "screen-16color", "dumb", "Unknown"])
def test_every_terminal_is_shown_what_keras_shows_it(keras: Any, term: str) -> None:
    layers = [keras.layers.Dense(2, name="dense", trainable=False), keras.layers.ReLU(name="re_lu")]
    model = keras.Sequential([keras.Input((3,)), *layers], name="a model whose name is long " * 4)
    stub = mirror(model)
    for variables in (
        {},
        {"COLUMNS": "40"},
        {"COLUMNS": "100"},
        {"COLUMNS": "100", "LINES": "30"},
        {"COLORTERM": "Truecolor"},
        {"COLORTERM": "yes"},
        {"NO_COLOR": "1"},
    ):
        for terminal in (False, True):
            forget_styles()
            screen: dict[str, Any] = {"terminal": terminal, "TERM": term, **variables}
            expected = printed(lambda: model.summary(show_trainable=True), **screen)
            assert printed(lambda: print_summary(stub, show_trainable=True), **screen) == expected


@pytest.mark.keras
def test_layers_within_layers_and_ranges_of_layers(keras: Any) -> None:
    block = keras.Sequential(
        [keras.layers.Dense(4, name="inner"), keras.layers.Dropout(0.1, name="drop")], name="block"
    )
    outer = keras.Sequential([keras.layers.Dense(8, name="first"), block, keras.layers.Dense(1, name="last")], name="m")
    nest = keras.Sequential([outer, keras.layers.Dense(2, name="end")], name="nest")
    nest.build((None, 5))
    ranges: list[Any] = [None, ("m", "m"), ("end", "m"), ("e.*", ".*"), ["x", "y"], ["m"], "m"]
    for layer_range in ranges:
        for columns in ("30", "80"):
            kwargs: dict[str, Any] = {"expand_nested": True, "layer_range": layer_range}
            expected = printed(lambda kwargs=kwargs: nest.summary(**kwargs), COLUMNS=columns)
            assert printed(lambda kwargs=kwargs: print_summary(mirror(nest), **kwargs), COLUMNS=columns) == expected
    assert "│       └ inner (Dense)" in printed(lambda: print_summary(mirror(nest), expand_nested=True))


@pytest.mark.keras
def test_after_training_the_optimizer_counts(keras: Any) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    assert "Optimizer" not in printed(lambda: print_summary(mirror(model)))
    model.fit(np.ones((4, 3), "float32"), np.ones((4, 2), "float32"), verbose=0)
    expected = printed(model.summary)
    assert printed(lambda: print_summary(mirror(model))) == expected
    assert " Optimizer params: 18 (" in expected


@pytest.mark.keras
@pytest.mark.parametrize("columns", [None, "20", "70"])
@pytest.mark.parametrize("no_color", ["", "1"])
def test_notebooks_are_shown_what_keras_shows_them(keras: Any, columns: str | None, no_color: str) -> None:
    class ZMQInteractiveShell: ...

    shown: list[dict[str, str]] = []

    def display(thing: Any, raw: bool = False) -> None:
        shown.append(thing if raw else thing._repr_mimebundle_([], []))

    ipython = types.ModuleType("IPython")
    ipython.display = types.ModuleType("IPython.display")  # type: ignore[attr-defined]
    ipython.display.display = display  # type: ignore[attr-defined]
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="a&b<c>")], name="x" * 200)
    stub = mirror(model)
    variables = {"NO_COLOR": no_color} | ({"JUPYTER_COLUMNS": columns} if columns else {})
    modules = {"IPython": ipython, "IPython.display": ipython.display}
    forget_styles()
    said: list[str] = []
    with (
        mock.patch.dict(sys.modules, modules),
        mock.patch.object(builtins, "get_ipython", ZMQInteractiveShell, create=True),
    ):
        assert printed(lambda: model.summary(show_trainable=True), **variables) == ""
        theirs, shown = shown, []
        assert printed(lambda: print_summary(stub, show_trainable=True), **variables) == ""
        ours, shown = shown, []  # with print_fn, rich shows an empty output besides, which nobody needs
        for summary in (model.summary, lambda print_fn: print_summary(stub, print_fn=print_fn)):
            printed(lambda summary=summary: summary(print_fn=said.append), **variables)
    assert ours == theirs
    assert len(ours) == 5
    assert said[0] == said[1]


def test_ipython_in_a_terminal_is_no_notebook() -> None:
    class TerminalInteractiveShell: ...

    with mock.patch.object(builtins, "get_ipython", TerminalInteractiveShell, create=True):
        assert printed(lambda: print_summary(digits_model()), COLUMNS="80") == AT_80


def test_width_follows_the_terminal_where_nothing_is_said() -> None:
    size = os.terminal_size((50, 20))
    with mock.patch.object(shutil, "get_terminal_size", return_value=size):
        lines = printed(lambda: print_summary(digits_model())).splitlines()
    assert len(lines[1]) == 46
