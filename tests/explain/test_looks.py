"""What is seen: text within 80 columns, HTML that parses and is all in one piece, LaTeX with all braces closed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tests.explain.networks import everything, two_three_two
from tinynn import explain
from tinynn.explain import formulas as f
from tinynn.explain import html, latex, text
from tinynn.explain.page import Page, Shown, column


def shown() -> Iterator[Shown]:
    """One of everything that can be looked at."""
    for make in (two_three_two, everything):
        model, x, y = make()
        found = explain.trace(model, x, y, np.arange(1.0, len(x) + 1))
        yield found
        for name in ("dense/kernel", "x", "dense/bias", "dense_1/z", "dense/a"):
            yield found.why(name, *(0,) * found[name].value.ndim)
        yield found.paths("dense/kernel", 0, 1)
        yield explain.step(model, x, y, optimizers=["sgd", "adam", "rmsprop", "lamb", "ftrl", "adafactor", "nadam"])
        yield explain.diagnose(model, 300 * x, y)
    tinynn.config.set_floatx("float32")
    wide = tinynn.Sequential(
        [tinynn.Input((40,)), tinynn.layers.Dense(50, activation="softplus"), tinynn.layers.Dense(30)]
    )
    wide.compile("adam", "mse", jit_compile=False)
    yield explain.derivation(wide)
    rng = np.random.default_rng(0)
    found = explain.trace(wide, 1e5 * rng.normal(size=(30, 40)), rng.normal(size=(30, 30)))
    name = found.layers[0]
    yield from (found, found.why(f"{name}/kernel", 3, 4), found.why("x", 2, 3), found.paths("x", 2, 3, count=9))


EVERYTHING = list(shown())
tinynn.config.set_floatx("float32")
ARITY = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2}


@pytest.mark.parametrize("number", range(len(EVERYTHING)))
def test_text_fits_80_columns(number: int) -> None:
    printed = str(EVERYTHING[number])
    assert max(map(len, printed.split("\n"))) <= 80
    assert "None" not in printed
    assert "\n\n\n" not in printed


@pytest.mark.parametrize("number", range(len(EVERYTHING)))
def test_html_is_well_formed_and_stands_alone(number: int) -> None:
    root = ElementTree.fromstring(EVERYTHING[number]._repr_html_())
    for element in root.iter():
        assert len(element) == ARITY.get(element.tag, len(element)), ElementTree.tostring(element)
        assert element.tag not in ("script", "link", "img", "iframe")
    for table in root.iter("table"):
        widths = {len(row) for row in table.iter("tr")}
        assert len(widths) == 1
    boxes = [element for element in root.iter("div") if element.get("class") == "scroll"]
    assert len(boxes) == len(list(root.iter("table")))
    page = EVERYTHING[number].to_html()
    assert page.startswith("<!DOCTYPE html>")
    assert "http" not in page
    assert "color-scheme:light dark" in page
    ElementTree.fromstring(page)


@pytest.mark.parametrize("number", range(len(EVERYTHING)))
def test_latex_is_balanced_and_pure_ascii(number: int) -> None:
    source = EVERYTHING[number].to_latex(standalone=True)
    depth = 0
    for character in re.sub(r"\\[{}\\]", "", source):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert re.findall(r"\\begin\{(\w+\*?)\}", source) != []
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", source):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    assert source.isascii(), sorted({c for c in source if not c.isascii()})
    assert EVERYTHING[number].to_latex() in source


@pytest.mark.parametrize("number", range(len(EVERYTHING)))
def test_dictionaries_are_plain(number: int) -> None:
    json.dumps(EVERYTHING[number].to_dict())  # type: ignore[attr-defined]


def test_why_reads_as_a_derivation() -> None:
    model, x, y = two_three_two()
    printed = str(explain.trace(model, x, y).why("dense/kernel", 0, 1))
    for line in (
        "dL/dW1[0,1] = sum_b x[b,0] · δ1[b,1]",
        "z1[b,k] = sum_i x[b,i] · W1[i,k] + bias1[k]",
        "dz1[b,1]/dW1[0,1] = x[b,0]",
        "δ1[b,j] = dL/da1[b,j] · tanh'(z1[b,j])",
        "tanh'(z) = 1 - a^2",
        "dL/da1[b,j] = sum_k W2[j,k] · δ2[b,k]",
        "L = sum_b c[b] · ℓ[b]",
        "ℓ[b] = -log(p[b,label])",
        "δ2[b,k] = c[b] · (p[b,k] - y[b,k])",
    ):
        assert line in printed
    worked = re.search(r"sum_b x\[b,0\] · δ1\[b,1\]\n +=(.*) · (.*) \+ (.*) · (.*)\n += (.*)\n", printed)
    assert worked is not None
    a, b, c, d, total = (float(part.strip(" ()")) for part in worked.groups())
    assert a * b + c * d == pytest.approx(total, rel=1e-3)  # numbers of five digits


@pytest.mark.parametrize(
    ("loss", "y", "line"),
    [
        ("mse", [[1.0, 0.0]], "2 · (ŷ[b,k] - y[b,k]) · 0.5"),
        ("mae", [[1.0, 0.0]], "sign(ŷ[b,k] - y[b,k]) · 0.5"),
        ("huber", [[1.0, 0.0]], "The tape's own backward pass of the loss gives the slope"),
    ],
)
def test_losses_begin_with_their_own_slope(loss: str, y: Any, line: str) -> None:
    tinynn.config.set_floatx("float64")
    tinynn.backend.clear_session()
    model = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(2)])
    model.compile("sgd", loss, jit_compile=False)
    why = explain.trace(model, np.ones((1, 3)), np.array(y)).why("dense/kernel", 0, 1)
    assert why.adds_up
    assert line in " ".join(str(why).split())


def test_binary_crossentropy_begins_with_p_minus_y() -> None:
    tinynn.config.set_floatx("float64")
    model = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(1, activation="sigmoid", name="out")])
    model.compile("sgd", "binary_crossentropy", jit_compile=False)
    why = explain.trace(model, np.ones((2, 3)), np.array([0, 1])).why("out/kernel", 0, 0)
    assert "c[b] · (p[b,k] - y[b,k])" in str(why)


def test_tables_cut_where_they_are_too_wide_keep_their_labels() -> None:
    page = Page()
    page.table(["row", *(f"column {i}" for i in range(20))], [["first", *range(20)], ["second", *range(20)]])
    printed = text.written(page)
    assert max(map(len, printed.split("\n"))) <= 80
    assert printed.count("first") == printed.count("second") >= 3
    assert all(f"column {i}" in printed for i in range(20))


def test_columns_have_the_digits_of_their_largest_number() -> None:
    assert column([1.0, 2.0, 0.0]) == ["1", "2", "0"]
    assert column([0.5, -12.25, float("nan")]) == ["0.500", "-12.250", "nan"]
    assert column([0.5, 1e-9]) == ["0.50000", "1e-09"]
    assert column([3, "words", None]) == ["3", None, None]


letters = st.builds(
    f.Symbol, st.sampled_from("WxzaδLℓ"), st.none() | st.integers(1, 9), st.tuples() | st.tuples(st.sampled_from("bk"))
)
trees = st.recursive(
    letters | st.builds(f.Number, st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(
        st.builds(f.Negative, inner),
        st.builds(f.Product, st.tuples(inner, inner), st.sampled_from(["·", "⊙", ""])),
        st.builds(f.Sum, st.tuples(inner, inner)),
        st.builds(f.Fraction, inner, inner),
        st.builds(f.Power, inner, inner),
        st.builds(f.Root, inner),
        st.builds(f.Transposed, inner),
        st.builds(f.Where, inner, inner, inner, st.just(0.0), st.sampled_from([None, 1.0])),
        st.builds(f.Derivative, inner, inner),
        st.builds(f.Series, st.just("b"), inner),
        st.builds(f.Apply, st.sampled_from(["tanh", "relu"]), inner, st.booleans()),
        st.builds(f.Equation, st.tuples(inner, inner, inner)),
    ),
    max_leaves=8,
)


@given(trees)
def test_any_formula_can_be_written_in_all_three_ways(tree: Any) -> None:
    assert text.formula(tree)
    root = ElementTree.fromstring(html.math(tree))
    assert all(len(element) == ARITY.get(element.tag, len(element)) for element in root.iter())
    if not isinstance(tree, f.Equation):
        assert "".join(html.breakable(tree)) == html.mathml(tree)
    source = latex.formula(tree)
    assert source.count("{") == source.count("}")
    assert source.count("\\left(") == source.count("\\right)")


def test_brackets_keep_the_meaning() -> None:
    a, b, c = (f.Symbol(letter) for letter in "abc")
    for formula, written in (
        ((a - b) * c, "(a - b) · c"),
        (a - (b - c), "a - (b - c)"),
        (a - b - c, "a - b - c"),
        ((a * b) / (b + c), "(a · b) / (b + c)"),
        (f.Number(-2.0) ** 2, "(-2)^2"),
        (f.Sum((a, f.Number(-2.0))), "a - 2"),
        (2 * (a - b) ** 2, "2 · (a - b)^2"),
        (-(a + b), "-(a + b)"),
        ((a - b) @ c.T, "(a - b) c^T"),
        ((a @ b).T, "(a b)^T"),
        (f.entrywise(a, b @ c), "a ⊙ (b c)"),
        (f.entrywise(a, b) @ c, "(a ⊙ b) c"),
        (f.Series("b", a + b), "sum_b (a + b)"),
        (f.Series("b", a) + b, "sum_b a + b"),
        (2 * f.Series("b", a), "2 · sum_b a"),
        (-(2 * f.Series("b", a)), "-2 · sum_b a"),
        (f.Product((2 * f.Series("b", a), b)), "(2 · sum_b a) · b"),
        (f.entrywise(a, f.Series("b", c)), "a ⊙ (sum_b c)"),
        (f.entrywise(a, f.Where(b, c, f.Number(0.0))), "a ⊙ (c where b > 0, else 0)"),
        (f.Where(b, c, a, -1.0, 1.0), "c where -1 < b < 1, else a"),
        (f.Apply("abs", a - b), "|a - b|"),
    ):
        assert text.formula(formula) == written
    assert latex.formula(f.Number(1e-7)) == "10^{-7}"
    assert latex.formula(f.Number(-1e-7)) == "-10^{-7}"
    assert latex.formula(f.Number(-2e-7)) == r"-2 \cdot 10^{-7}"
    values = {"a": 2.0, "b": 3.0, "c": 5.0}
    assert f.evaluated(a - (b - c), values) == 4.0
    assert f.evaluated(f.Where(a, b, c, 2.0), values) == 5.0  # 2 is not above 2


def test_explain_is_imported_when_asked_for() -> None:
    code = (
        "import sys, tinynn; assert 'tinynn.explain' not in sys.modules; tinynn.explain.trace; "
        "print('tinynn.explain' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
