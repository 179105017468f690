"""A model as a picture (pydot and graphviz) and as a table for notebooks."""

from __future__ import annotations

import html
import importlib
import itertools
import os
import sys
from typing import Any

from tinynn.utils.progbar import print_msg

__all__ = ["html_summary", "model_to_dot", "plot_model"]

_NO_PYDOT = "You must install pydot (`pip install pydot`) for `{}` to work."
_NO_GRAPHVIZ = (
    "You must install graphviz (see instructions at https://graphviz.gitlab.io/download/) for `plot_model` to work: the "
    "program `dot` draws the picture."
)
_NOT_BUILT = (
    "This model has not yet been built. Build the model first by calling `build()` or by calling the model on a batch "
    "of data."
)


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """A model as a graph in the language of graphviz: a box for each layer, an arrow from each to the next.

    Args:
        model: a built model. One with a `call` of its own is a single box.
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: what the boxes say.
        rankdir: "TB" from top to bottom, "LR" from left to right.
        expand_nested: draw the layers of models within the model.
        dpi: dots per inch.
        subgraph: a `pydot.Cluster`, to go into another graph.
        splines: how arrows run: "ortho", "curved", "polyline", "spline", "line".

    Returns:
        A `pydot.Dot`, or a `pydot.Cluster` for a subgraph.

    Raises:
        ValueError: a model that is not built, or an unknown argument.
        ImportError: pydot is not installed.
    """
    if not model.built:
        raise ValueError(_NOT_BUILT)
    _no_more(kwargs)
    pydot = _pydot()
    if pydot is None:
        raise ImportError(_NO_PYDOT.format("model_to_dot"))
    if subgraph:
        graph = pydot.Cluster(style="dashed", graph_name=model.name)
        graph.set("label", model.name)
        graph.set("labeljust", "l")
    else:
        graph = pydot.Dot()
        for name, value in (("rankdir", rankdir), ("concentrate", True), ("dpi", dpi), ("splines", splines)):
            graph.set(name, value)
        graph.set_node_defaults(shape="record")
    show: dict[str, Any] = {
        "show_shapes": show_shapes,
        "show_dtype": show_dtype,
        "show_layer_names": show_layer_names,
        "show_layer_activations": show_layer_activations,
        "show_trainable": show_trainable,
    }
    layers = _layers_of(model) or [model]
    for layer in layers:
        if expand_nested and _layers_of(layer):
            graph.add_subgraph(model_to_dot(layer, **show, rankdir=rankdir, expand_nested=True, subgraph=True))
            continue
        node = pydot.Node(str(id(layer)), label=_label(layer, **show))
        for name, value in (("fontname", "Helvetica"), ("border", "0"), ("margin", "0")):
            node.set(name, value)
        graph.add_node(node)
    for source, destination in itertools.pairwise(layers):
        ends = (_end(source, -1), _end(destination, 0)) if expand_nested else (source, destination)
        edge = pydot.Edge(*(str(id(end)) for end in ends))
        edge.set("penwidth", "2")
        graph.add_edge(edge)
    return graph


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draw a model into a file: PNG, SVG, PDF or whatever graphviz writes, by the file's ending.

    Args:
        model: a built model.
        to_file: the path of the picture; PNG without an ending.
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, show_layer_activations, show_trainable,
            splines: as in `model_to_dot`.

    Returns:
        The picture for a notebook, if IPython is installed, else None.

    Raises:
        ValueError: a model that is not built, or an unknown argument.
        ImportError: pydot or graphviz is not installed. In a notebook that is printed instead, as in Keras.
    """
    if not model.built:
        raise ValueError(_NOT_BUILT)
    _no_more(kwargs)
    pydot = _pydot()
    missing = _NO_PYDOT.format("plot_model") if pydot is None else None if _graphviz_works(pydot) else _NO_GRAPHVIZ
    if missing:
        if "IPython.core.magics.namespace" in sys.modules:
            print_msg(missing)
            return None
        raise ImportError(missing)
    graph = model_to_dot(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=rankdir,
        expand_nested=expand_nested,
        dpi=dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
    )
    path = os.fspath(to_file)
    extension = os.path.splitext(path)[1][1:] or "png"
    graph.write(path, format=extension)
    if extension != "pdf":
        try:
            display = importlib.import_module("IPython.display")
        except ImportError:
            return None
        return display.SVG(filename=path) if extension == "svg" else display.Image(filename=path)
    return None


def html_summary(model: Any) -> str:
    """The layers, output shapes and parameter counts of `summary()` as an HTML table; what notebooks show for a model."""
    title = f"{type(model).__name__} “{model.name}”"
    rows = "".join(
        f"<tr><td>{html.escape(layer.name)} ({html.escape(type(layer).__name__)})</td>"
        f"<td>{html.escape(_shape(layer, 'output_shape'))}</td>"
        f"<td style='text-align:right'>{_count(layer)}</td></tr>"
        for layer in model.layers
    )
    heads = "".join(f"<th>{head}</th>" for head in ("Layer (type)", "Output shape", "Parameters"))
    trained = sum(variable.size for variable in model.trainable_weights)
    total = sum(variable.size for variable in model.weights)
    foot = (
        f"{total:,} parameters, {trained:,} of them trained" if model.built else "not built yet: shapes are not known"
    )
    return (
        f"<table><caption>{html.escape(title)}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>"
        f"<tfoot><tr><td colspan='3'>{foot}</td></tr></tfoot></table>"
    )


def _pydot() -> Any:
    """pydot or one of its forks; None without any."""
    for name in ("pydot", "pydot_ng", "pydotplus"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _graphviz_works(pydot: Any) -> bool:
    """Whether `dot` can be run at all."""
    try:
        pydot.Dot.create(pydot.Dot())
    except OSError:
        return False
    return True


def _no_more(kwargs: dict[str, Any]) -> None:
    if kwargs.pop("layer_range", None) is not None:
        raise ValueError("Argument `layer_range` is no longer supported.")
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}")


def _layers_of(layer: Any) -> list[Any]:
    """The layers of a stack that can be drawn one after another; none for a layer or a model with an own `call`."""
    return list(layer.layers) if hasattr(layer, "_stack") else []


def _end(layer: Any, place: int) -> Any:
    """The first (0) or last (-1) layer that is no stack itself."""
    while _layers_of(layer):
        layer = _layers_of(layer)[place]
    return layer


def _label(
    layer: Any,
    show_shapes: bool,
    show_dtype: bool,
    show_layer_names: bool,
    show_layer_activations: bool,
    show_trainable: bool,
) -> str:
    """A table in graphviz's HTML: the class in white on black, below it what is asked for."""
    kind = type(layer).__name__
    title = f"<b>{html.escape(layer.name)}</b> ({kind})" if show_layer_names else f"<b>{kind}</b>"
    cells = []
    if show_shapes:
        if kind != "InputLayer":
            cells.append(("white", "black", f"Input shape: <b>{_shape(layer, 'input_shape')}</b>"))
        cells.append(("white", "black", f"Output shape: <b>{_shape(layer, 'output_shape')}</b>"))
    if show_dtype:
        cells.append(("white", "black", f"Output dtype: <b>{layer.dtype}</b>"))
    if show_trainable and layer.weights:
        colour, word = ("forestgreen", "Trainable") if layer.trainable else ("firebrick", "Non-trainable")
        cells.append((colour, "white", f"<b>{word}</b>"))
    across = max(1, len(cells))
    rows = [_cell("black", "white", title, across, 16)]
    activation = getattr(layer, "activation", None)
    if show_layer_activations and activation is not None:
        name = getattr(activation, "name", None) or getattr(activation, "__name__", None) or str(activation)
        rows.append(_cell("white", "black", f"Activation: <b>{html.escape(name)}</b>", across))
    if cells:
        rows.append("".join(_cell(*cell) for cell in cells))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<<table border="0" cellborder="1" bgcolor="black" cellpadding="10">{body}</table>>'


def _cell(background: str, colour: str, text: str, across: int = 1, size: int = 14) -> str:
    return (
        f'<td bgcolor="{background}" colspan="{across}"><font point-size="{size}" color="{colour}">{text}</font></td>'
    )


def _shape(layer: Any, name: str) -> str:
    try:
        return str(getattr(layer, name))
    except (AttributeError, ValueError):
        return "?"


def _count(layer: Any) -> str:
    return f"{sum(variable.size for variable in layer.weights):,}" if layer.built else "?"
