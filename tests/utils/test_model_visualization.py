"""Pictures of models, and their tables in notebooks."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import tinynn
from tinynn.utils import model_to_dot, plot_model


def model() -> Any:
    inner = tinynn.Sequential(
        [tinynn.layers.Dense(3, "relu", name="a"), tinynn.layers.Dense(2, name="b")], name="inner"
    )
    made = tinynn.Sequential([tinynn.Input((4,)), inner, tinynn.layers.Dense(1, "sigmoid", name="<c>")], name="outer")
    made.layers[1].trainable = False
    return made


def labels(graph: Any) -> list[str]:
    """The words in the boxes of a graph."""
    return [re.sub(r"<[^<>]*>|[<>]", " ", node.get_label()) for node in graph.get_nodes() if node.get_label()]


def test_a_picture_needs_a_built_model_and_known_arguments() -> None:
    for draw in (plot_model, model_to_dot):
        with pytest.raises(ValueError, match="not yet been built"):
            draw(tinynn.Sequential([tinynn.layers.Dense(1)]))
        with pytest.raises(ValueError, match="layer_range"):
            draw(model(), layer_range=["a", "b"])
        with pytest.raises(ValueError, match="show_shape"):
            draw(model(), show_shape=True)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("pydot", "pydot_ng", "pydotplus"):
        monkeypatch.setitem(sys.modules, name, None)
    for draw in (plot_model, model_to_dot):
        with pytest.raises(ImportError, match=rf"install pydot \(`pip install pydot`\) for `?{draw.__name__}"):
            draw(model())
    monkeypatch.setitem(sys.modules, "IPython.core.magics.namespace", sys)  # a notebook gets it printed
    assert plot_model(model()) is None
    assert "You must install pydot" in capsys.readouterr().out


def test_boxes_and_arrows() -> None:
    pytest.importorskip("pydot", reason="pydot is not installed: pip install pydot")
    graph = model_to_dot(model(), show_layer_names=False)
    assert [words.split() for words in labels(graph)] == [["Sequential"], ["Dense"]]
    assert len(graph.get_edges()) == 1

    everything = dict.fromkeys(("show_shapes", "show_dtype", "show_layer_activations", "show_trainable"), True)
    graph = model_to_dot(model(), expand_nested=True, rankdir="LR", **everything)
    (inner,) = graph.get_subgraphs()
    first, second = labels(inner)
    for words in ("a", "Activation:", "relu", "Input shape:", "(None, 4)", "Output shape:", "(None, 3)", "float32"):
        assert words in first
    assert "Trainable" in first
    assert "linear" in second
    assert "Non-trainable" in labels(graph)[0]
    (arrow,) = graph.get_edges()
    assert arrow.get_source() == inner.get_nodes()[1].get_name(), "from the last layer within"


@pytest.mark.parametrize(("file", "start"), [("m.png", b"\x89PNG"), ("m.svg", b"<?xml"), ("m", b"\x89PNG")])
def test_a_picture_in_a_file(tmp_path: Path, file: str, start: bytes) -> None:
    pydot = pytest.importorskip("pydot", reason="pydot is not installed: pip install pydot")
    try:
        pydot.Dot().create()
    except OSError:
        pytest.skip("graphviz is not installed: the program dot")
    plot_model(model(), tmp_path / file, show_shapes=True, dpi=50)
    assert (tmp_path / file).read_bytes().startswith(start)


def test_graphviz_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pydot = pytest.importorskip("pydot", reason="pydot is not installed: pip install pydot")

    def no_dot(*arguments: Any, **settings: Any) -> None:
        raise FileNotFoundError("dot")

    monkeypatch.setattr(pydot.Dot, "create", no_dot)
    with pytest.raises(ImportError, match="install graphviz"):
        plot_model(model())


class Table(HTMLParser):
    """Rows of cells, and whether every element that begins also ends."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def test_a_notebook_shows_a_table() -> None:
    table = Table(model()._repr_html_())
    assert table.open == []
    assert table.rows == [
        ["Layer (type)", "Output shape", "Parameters"],
        ["inner (Sequential)", "(None, 2)", "23"],
        ["<c> (Dense)", "(None, 1)", "3"],
        ["26 parameters, 23 of them trained"],
    ]
    unbuilt = Table(tinynn.Sequential([tinynn.layers.Dense(1, name="d")])._repr_html_())
    assert unbuilt.rows[1:] == [["d (Dense)", "?", "?"], ["not built yet: shapes are not known"]]
