"""LaTeX is compiled where there is a LaTeX: no error, and nothing that stands out beyond the margin."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import explain, layers, optimizers
from tinynn.explain.page import Shown

X, LABELS = np.random.default_rng(0).normal(size=(3, 2)), np.array([0, 1, 1])
HOT = np.eye(2)[LABELS]
LOSSES: dict[str, tuple[str | None, Any]] = {
    "mse": (None, HOT),
    "mae": (None, HOT),
    "huber": (None, HOT),
    "hinge": (None, 2 * HOT - 1),
    "poisson": ("softplus", HOT),
    "binary_crossentropy": ("sigmoid", HOT),
    "categorical_crossentropy": ("softmax", HOT),
    "sparse_categorical_crossentropy": ("softmax", LABELS),
}
OPTIMIZERS = ["SGD", "RMSprop", "Adam", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion", "Lamb", "Ftrl", "Adafactor"]


def network(loss: str, head: str | None, optimizer: str, *between: Any) -> Any:
    tinynn.backend.clear_session()
    tinynn.utils.set_random_seed(3)
    parts = [layers.Dense(3, activation="tanh"), *between, layers.Dense(2, activation=head)]
    model = tinynn.Sequential([tinynn.Input((2,)), *parts])
    model.compile(getattr(optimizers, optimizer)(), loss, jit_compile=False)
    return model


def handouts() -> dict[str, Shown]:
    """A derivation for each family of losses and of optimizers, and why for each loss; one with every long formula."""
    found: dict[str, Shown] = {}
    for loss, (head, y) in LOSSES.items():
        model = network(loss, head, "SGD")
        found[f"derivation, {loss}"] = explain.derivation(model)
        found[f"why, {loss}"] = explain.trace(model, X, y).why("dense/kernel", 0, 1)
    for optimizer in [*OPTIMIZERS, "AdamW", "ScheduleFreeAdamW"]:
        found[f"derivation, {optimizer}"] = explain.derivation(network("mse", None, optimizer))
    long = [layers.BatchNormalization(), layers.Activation("mish"), layers.LayerNormalization(), layers.Softmax()]
    model = network("mse", "hard_silu", "Adam", *long)
    found["derivation, long"] = explain.derivation(model)
    trace = explain.trace(model, X, HOT)
    found |= {"trace": trace, "why, long": trace.why("dense/kernel", 0, 1), "paths": trace.paths("dense/kernel", 0, 1)}
    found["step"] = explain.step(model, X, HOT, optimizers=OPTIMIZERS)
    return found


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed (TeX Live: texlive-latex-base)")
def test_handouts_compile_and_keep_within_the_margins(tmp_path: Path) -> None:
    """All in one document, as a handout is made of parts: the start of LaTeX takes longer than a page."""
    tinynn.config.set_floatx("float64")
    made = handouts()
    whole = next(iter(made.values())).to_latex(standalone=True)
    preamble = whole[: whole.index("\\begin{document}")]
    pages = "".join(f"\\typeout{{== {name}}}\n{shown.to_latex()}\\clearpage\n" for name, shown in made.items())
    source = f"{preamble}\\begin{{document}}\n{pages}\\end{{document}}\n"
    (tmp_path / "handouts.tex").write_text(source, encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "handouts.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = (tmp_path / "handouts.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    said = {name: re.findall(r"Overfull \\hbox.*|LaTeX Warning: .*", part) for name, part in re.findall(
        r"^== (.+?)\n(.*?)(?=^== |\Z)", log, flags=re.M | re.S)}  # fmt: skip
    assert list(said) == list(made)
    assert {name: lines for name, lines in said.items() if lines} == {}
