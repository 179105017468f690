"""The derivation of backpropagation for a model: every equation from the input to the changed weight, with its shapes.

`_Deriving` walks the layers and writes down formulas (`expressions.py`); `Derivation` shows them, and computes with them.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinynn import activations, layers, losses, optimizers, regularizers
from tinynn._typing import Array
from tinynn.engine.recorded import value_of
from tinynn.explain.expressions import (
    FUNCTIONS,
    Apply,
    Formula,
    Number,
    Over,
    Power,
    Root,
    Symbol,
    Where,
    as_latex,
    as_mathml,
    as_text,
    evaluate,
    times,
)

__all__ = ["Derivation", "Equation", "Section", "derivation"]

ONE, TWO = Number(1), Number(2)
BATCH = Symbol("B")


@dataclass(frozen=True)
class Equation:
    """left = right.

    Attributes:
        left, right: formulas; `left` names the value.
        shape: of the value, such as "(B, 3)".
        words: what it is, or why.
        also: another name for the same, shown between the two.
        arrow: "=" or "←".
    """

    left: Symbol
    right: Formula
    shape: str
    words: str = ""
    also: Symbol | None = None
    arrow: str = "="

    def written(self, write: Callable[[Formula], str], arrow: str) -> str:
        """In the style of `write`."""
        return f" {arrow} ".join(write(part) for part in (self.left, self.also, self.right) if part is not None)


@dataclass
class Section:
    """Equations under a heading."""

    title: str
    words: str = ""
    equations: list[Equation] = field(default_factory=list)


class Derivation:
    """The equations of one model, in the order in which they are computed.

    Attributes:
        sections: `Section`s: notation, forward, loss, backward by layer, update.
        gradients: {path of a variable: the symbol of its gradient}.
        symbols: {path of a variable: its symbol}.

    `print` writes it in Unicode, a notebook typesets it with MathML, `to_markdown()` and `to_latex()` give the source.
    """

    def __init__(self, model: Any, sections: list[Section], symbols: dict[str, Symbol], inputs: dict[str, Any]) -> None:
        self.title = f"Backpropagation through {model.name}"
        self.sections = sections
        self.symbols = symbols
        self.gradients = {path: Symbol(s.letter, s.layer, of_loss=True) for path, s in symbols.items()}
        self._model = model
        self._inputs = inputs

    def __repr__(self) -> str:
        lines = [self.title, "=" * len(self.title)]
        for section in self.sections:
            lines += ["", section.title, "-" * len(section.title)]
            lines += [section.words] if section.words else []
            rows = [(e.written(as_text, e.arrow), e.shape, e.words) for e in section.equations]
            wide = min(72, max((len(row[0]) for row in rows), default=0))
            for formula, shape, words in rows:
                lines.append(f"  {formula:<{wide}}   {_shape_in_words(shape):<10} {words}".rstrip())
        return "\n".join(lines)

    def to_markdown(self) -> str:
        """Markdown with mathematics between dollars, as GitHub, Jupyter and MyST read it."""
        parts = [f"# {self.title}"]
        for section in self.sections:
            parts.append(f"## {section.title}")
            if section.words:
                parts.append(section.words)
            for e in section.equations:
                parts.append(f"$$\n{_latex_of(e)}\n$$")
                parts.append(f"${_shape_in_latex(e.shape)}$" + (f": {e.words}" if e.words else ""))
        return "\n\n".join(parts) + "\n"

    def to_latex(self, standalone: bool = True) -> str:
        """LaTeX: a document of its own, or a part to be put into one that loads amsmath."""
        parts = []
        for section in self.sections:
            parts.append(rf"\section*{{{_escaped(section.title)}}}")
            if section.words:
                parts.append(_escaped(section.words))
            if section.equations:
                rows = []
                for e in section.equations:
                    note = rf"\text{{{_escaped(e.words)}}}\ " if e.words else ""
                    rows.append(_latex_of(e, align=True) + rf" && {note}{_shape_in_latex(e.shape)}")
                parts.append("\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}")
        body = "\n\n".join(parts)
        if not standalone:
            return body + "\n"
        return (
            "\\documentclass{article}\n\\usepackage{amsmath,amssymb}\n\\usepackage[a4paper,landscape,margin=2cm]{geometry}\n"
            f"\\begin{{document}}\n\\title{{{_escaped(self.title)}}}\\date{{}}\\maketitle\n\n{body}\n\n\\end{{document}}\n"
        )

    def to_html(self) -> str:
        """A page of its own, typeset by the browser (MathML); nothing is loaded from elsewhere."""
        style = (
            "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
            "color:#222;background:#fff}"
        )
        head = "<meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'>"
        title = html.escape(self.title)
        return (
            f"<!doctype html><html lang='en'><head>{head}<title>{title}</title><style>{style}</style></head>"
            f"<body>{self._repr_html_()}</body></html>\n"
        )

    def _repr_html_(self) -> str:
        parts = [f"<h2>{html.escape(self.title)}</h2>"]
        cell = "padding:.35rem 1.2rem .35rem 0;text-align:left;vertical-align:middle"
        for section in self.sections:
            parts.append(f"<h3>{html.escape(section.title)}</h3>")
            if section.words:
                parts.append(f"<p>{html.escape(section.words)}</p>")
            rows = ""
            for e in section.equations:
                formula = e.written(as_mathml, f"<mo>{e.arrow}</mo>")
                rows += (
                    f"<tr><td style='{cell}'><math displaystyle='true'><mrow>{formula}</mrow></math></td>"
                    f"<td style='{cell};white-space:nowrap'>{html.escape(_shape_in_words(e.shape))}</td>"
                    f"<td style='{cell};color:#555'>{html.escape(e.words)}</td></tr>"
                )
            if rows:
                parts.append(
                    f"<div style='overflow-x:auto'><table style='border-collapse:collapse'>{rows}</table></div>"
                )
        return f"<div class='tinynn-derivation'>{''.join(parts)}</div>"

    def evaluate(
        self,
        x: Any,
        y: Any,
        values: Mapping[str, Any] | None = None,
        functions: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> dict[str, Any]:
        """Compute with the equations as they stand here, in float64, weights being what they are now.

        Args:
            x: (batch, ...).
            y: targets, as for `fit`.
            values: of symbols by key ("W1", "M2"), in place of the model's: masks of dropout have to be given.
            functions: of entries by name, in place of or besides the known ones; `name + "'"` for a derivative.

        Returns:
            {key: value} of every equation but the update's ("Z1", "Δ2", "L", "∂L/∂W1"), and the gradient of each variable by
            its path.

        Raises:
            ValueError: a value or a function that is needed is not known.
        """
        x, y = np.asarray(value_of(x)), np.asarray(value_of(y))
        known: dict[str, Any] = {"B": len(x), "X": x.reshape(len(x), -1)}
        known["Y"] = _targets(y, self._inputs["outputs"], self._inputs["sparse"])
        for path, variable in self._inputs["variables"].items():
            known[self.symbols[path].key] = np.asarray(variable.value, np.float64)
        for path, variable in self._inputs["frozen"].items():
            known[self._inputs["frozen_symbols"][path].key] = np.asarray(variable.value, np.float64)
        for name in ("X", "Y"):
            known[name] = known[name].astype(np.float64) if known[name].dtype.kind in "fiub" else known[name]
        known.update(values or {})
        table = {**FUNCTIONS, **(functions or {})}
        for section in self.sections:
            for e in section.equations:
                if e.arrow != "=":
                    continue
                try:
                    known[e.left.key] = evaluate(e.right, known, table)
                except KeyError as error:
                    raise ValueError(
                        f"No value for {error.args[0]} in {e.written(as_text, '=')}: give it in values={{...}}, or in "
                        "functions={...} if it is a function."
                    ) from None
                if e.also is not None:
                    known[e.also.key] = known[e.left.key]
        for path, symbol in self.gradients.items():
            shape = self._inputs["variables"][path].shape
            known[path] = np.asarray(known[symbol.key]).reshape(shape)
        return known


def derivation(model: Any) -> Derivation:
    """The full derivation of backpropagation for a model: forward equations, loss, deltas, gradients and the update.

    Args:
        model: a compiled and built Sequential model of Dense, activation, dropout, normalization (batch, layer) and Flatten
            layers. Functions and losses without a formula here are named, and their derivatives with them.

    Returns:
        A `Derivation`: print it, show it in a notebook, or take `.to_markdown()`, `.to_latex()`, `.to_html()`;
        `.evaluate(x, y)` computes with its equations.

    Raises:
        ValueError: a model that is not compiled or not built, or a layer or penalty that cannot be derived yet.

        >>> from tinynn import layers
        >>> model = tinynn.Sequential([tinynn.Input((2,)), layers.Dense(3, "tanh"), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> derivation = explain.derivation(model)
    """
    if not getattr(model, "compiled", False) or getattr(model, "_compile_loss", None) is None:
        raise ValueError(
            'derivation expects a model with a loss and an optimizer: call model.compile("sgd", loss="mse") first.'
        )
    if not model.built or not hasattr(model, "_stack"):
        raise ValueError(
            "derivation expects a Sequential model that is built: begin it with an Input, or call model.build."
        )
    return _Deriving(model).derive()


# The walk --------------------------------------------------------------------------------------------------------------


class _Deriving:
    """Goes forward through the layers, noting for each how to come back; then goes back."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.forward = Section("Forward", "Each row of an array is a sample; b is added to every row.")
        self.backward = Section(
            "Backward",
            "From the loss to the input, by the chain rule. Every gradient has the shape of what it belongs to.",
        )
        self.way_back: list[Callable[[Symbol, bool], Symbol]] = []
        self.symbols: dict[str, Symbol] = {}
        self.frozen: dict[str, Symbol] = {}
        self.penalties: list[tuple[Symbol, float, float]] = []
        self.now: Symbol = Symbol("X")
        self.width = int(np.prod([n or 1 for n in model.input_shape[1:]]))
        self.number = 0
        self.logits: Symbol | None = None  # what the activation before was applied to
        self.last_function = ""

    def derive(self) -> Derivation:
        notation = Section(
            "Notation",
            f"X (B, {self.width}) holds a batch of B samples, one in each row, Y the targets. A number in brackets is that of "
            "the layer. ⊙ multiplies entry by entry, two letters beside each other are a matrix product, Σ_b is a sum over the "
            "samples and Σ_k one over columns. L is the loss; Δ is short for its derivative by Z.",
        )
        for layer in self._layers(self.model):
            self._through(layer)
        loss, upstream, skip = self._loss()
        self._back(upstream, skip)
        sections = [notation, self.forward, loss, self.backward, self._update()]
        variables = {_path(v): v for v in self.model.trainable_variables}
        inputs = {
            "outputs": self.width,
            "sparse": self.sparse,
            "variables": {path: variables[path] for path in self.symbols},
            "frozen": {path: v for v in self.model.variables if (path := _path(v)) in self.frozen},
            "frozen_symbols": self.frozen,
        }
        return Derivation(self.model, sections, self.symbols, inputs)

    def _layers(self, model: Any) -> list[Any]:
        """The layers in order; those of a Sequential within in its place."""
        found = []
        for layer in model.layers:
            found += self._layers(layer) if hasattr(layer, "_stack") else [layer]
        return found

    # Forward -----------------------------------------------------------------------------------------------------------

    def _note(
        self, left: Symbol, right: Formula, words: str = "", width: int | None = None, batch: bool = True
    ) -> Symbol:
        shape = f"(B, {width or self.width})" if batch else f"(1, {width or self.width})"
        self.forward.equations.append(Equation(left, right, shape, words))
        return left

    def _through(self, layer: Any) -> None:
        if isinstance(layer, (layers.Flatten, layers.Identity, layers.InputLayer)):
            return
        if isinstance(layer, layers.GaussianNoise | layers.GaussianDropout | layers.AlphaDropout):
            raise ValueError(f"derivation has no equations for {type(layer).__name__} yet; leave it out of the model.")
        self.number += 1
        if isinstance(layer, layers.Dense):
            self._dense(layer)
        elif isinstance(layer, layers.BatchNormalization):
            self._normalization(layer, "b")
        elif isinstance(layer, layers.LayerNormalization):
            self._normalization(layer, "k")
        elif isinstance(layer, layers.Dropout):
            self._dropout(layer)
        elif isinstance(layer, layers.Activation):
            self._activation(_name(layer.activation), layer)
        elif type(layer) in _ACTIVATION_LAYERS:
            self._activation(_ACTIVATION_LAYERS[type(layer)], layer)
        else:
            raise ValueError(
                f"derivation has no equations for {type(layer).__name__} yet; it knows Dense, activations, Dropout, "
                "BatchNormalization, LayerNormalization and Flatten."
            )

    def _symbol(self, variable: Any, letter: str) -> Symbol:
        """The symbol of a variable, which is noted as one to be trained or not."""
        symbol = Symbol(letter, self.number)
        trained = any(variable is v for v in self.model.trainable_variables)
        (self.symbols if trained else self.frozen)[_path(variable)] = symbol
        if trained and variable.regularizer is not None:
            self._penalty(variable, symbol)
        return symbol

    def _penalty(self, variable: Any, symbol: Symbol) -> None:
        penalty = variable.regularizer
        if not isinstance(penalty, (regularizers.L1, regularizers.L2, regularizers.L1L2)):
            raise ValueError(f"derivation knows the penalties L1 and L2; {_path(variable)} has {penalty!r}.")
        self.penalties.append((symbol, float(getattr(penalty, "l1", 0.0)), float(getattr(penalty, "l2", 0.0))))

    def _dense(self, layer: Any) -> None:
        before, n = self.now, self.number
        fan_in = int(layer.kernel.shape[0])
        if fan_in != self.width:
            raise ValueError(
                f'Dense "{layer.name}" is applied along the last of several axes; put a Flatten before it.'
            )
        kernel = self._symbol(layer.kernel, "W")
        bias = self._symbol(layer.bias, "b") if layer.bias is not None else None
        self.width = int(layer.units)
        z = Symbol("Z", n)
        product = before @ kernel
        words = f"{layer.name}: W ({fan_in}, {layer.units})" + (f", b ({layer.units},)" if bias else "")
        self.now = self._note(z, product + bias if bias else product, words)

        def back(delta: Symbol, more: bool) -> Symbol:
            words = "each input times its delta, summed over the samples"
            self._gradient(kernel, before.T @ delta, f"({fan_in}, {layer.units})", words)
            if bias is not None:
                self._gradient(bias, Over(delta, "b"), f"(1, {layer.units})", "b is added to every row")
            return self._pass_down(before, delta @ kernel.T, fan_in, "passed down") if more else delta

        self.way_back.append(back)
        self.logits, self.last_function = None, ""
        if layer.activity_regularizer is not None:
            raise ValueError(f'derivation does not know activity regularizers; "{layer.name}" has one.')
        name = _name(layer.activation)
        if name != "linear":
            self._activation(name, layer)

    def _pass_down(self, to: Symbol, formula: Formula, width: int, words: str) -> Symbol:
        """Note dL/d(to), (B, width); by Z it is called Δ."""
        left, also = Symbol(to.letter, to.layer, True), None
        if to.letter == "Z":
            left, also = Symbol("Δ", to.layer), left
        self.backward.equations.append(Equation(left, formula, f"(B, {width})", words, also))
        return left

    def _gradient(self, symbol: Symbol, formula: Formula, shape: str, words: str) -> None:
        """dL/d(variable), with its penalty; nothing for what is not trained."""
        if symbol not in self.symbols.values():
            return
        for penalized, l1, l2 in self.penalties:
            if penalized == symbol:
                formula = formula + times(Number(l1), Apply("sign", symbol)) if l1 else formula
                formula = formula + times(Number(2 * l2), symbol) if l2 else formula
        self.backward.equations.append(Equation(Symbol(symbol.letter, symbol.layer, True), formula, shape, words))

    def _activation(self, name: str, layer: Any) -> None:
        z, n = self.now, self.number
        a = Symbol("A", n)
        value, slope = _activation_formulas(name, z, a, layer)
        width = self.width
        self.now = self._note(a, value, _DEFINITIONS.get(name, ""))
        self.logits, self.last_function = z, name

        def back(d: Symbol, more: bool) -> Symbol:
            if name == "softmax":
                words = "softmax moves all entries of a row"
                return self._pass_down(z, a * (d - Over(d * a, "k")), width, words)
            return self._pass_down(z, d * slope, width, f"through {name}")

        self.way_back.append(back)

    def _dropout(self, layer: Any) -> None:
        before, n, width = self.now, self.number, self.width
        mask, out = Symbol("M", n), Symbol("A", n)
        kept = 1 - float(layer.rate)
        self.now = self._note(
            out, before * mask / Number(kept), f"{layer.name}: M holds a 1 with probability {kept:g}, else a 0"
        )
        self.logits, self.last_function = None, ""

        def back(d: Symbol, more: bool) -> Symbol:
            if not more:
                return d
            return self._pass_down(before, d * mask / Number(kept), width, "the same mask on the way back")

        self.way_back.append(back)

    def _normalization(self, layer: Any, over: str) -> None:
        before, n, width = self.now, self.number, self.width
        mean, root, y, out = (Symbol(letter, n) for letter in ("μ", "s", "N", "A"))
        count: Formula = BATCH if over == "b" else Number(width)
        each = f"(1, {width})" if over == "b" else "(B, 1)"
        share = ONE / count
        what = "each feature over the batch" if over == "b" else "each sample over its features"
        centred = before - mean
        self.forward.equations += [
            Equation(mean, times(share, Over(before, over)), each, f"{layer.name}: the mean of {what}"),
            Equation(
                root,
                ONE / Root(times(share, Over(Power(centred, TWO), over)) + Number(float(layer.epsilon))),
                each,
                "one over the standard deviation",
            ),
        ]
        self._note(y, centred * root, "mean 0, variance 1")
        gamma = self._symbol(layer.gamma, "γ") if layer.gamma is not None else None
        beta = self._symbol(layer.beta, "β") if layer.beta is not None else None
        scaled: Formula = y * gamma if gamma is not None else y
        self.now = self._note(out, scaled + beta if beta is not None else scaled)
        self.logits, self.last_function = None, ""

        def back(d: Symbol, more: bool) -> Symbol:
            if gamma is not None:
                self._gradient(gamma, Over(d * y, "b"), f"(1, {width})", "γ multiplies every row")
            if beta is not None:
                self._gradient(beta, Over(d, "b"), f"(1, {width})", "β is added to every row")
            if not more:
                return d
            d_y = Symbol("N", n, True)
            self.backward.equations.append(Equation(d_y, d * gamma if gamma is not None else d, f"(B, {width})"))
            by_all = root * (d_y - times(share, Over(d_y, over)) - y * times(share, Over(d_y * y, over)))
            return self._pass_down(before, by_all, width, "by itself, by the mean and by the variance")

        self.way_back.append(back)

    # Loss --------------------------------------------------------------------------------------------------------------

    def _loss(self) -> tuple[Section, tuple[Symbol, Formula, str], bool]:
        """The section, dL/d(output) as (symbol, formula, words), and whether it skips the activation."""
        compiled = self.model._compile_loss
        if compiled.weight is not None:
            raise ValueError("derivation does not know loss_weights; leave them out of compile.")
        outputs = np.ones((1, self.width))
        loss = compiled.resolve(np.ones((1, self.width)), outputs)
        settings = getattr(loss, "_settings", {})
        function = getattr(loss, "fn", None)
        self.sparse = function is losses.sparse_categorical_crossentropy
        if loss.reduction not in ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum"):
            raise ValueError(
                f"derivation needs a loss that is one number; the reduction of this one is {loss.reduction!r}."
            )
        summed = loss.reduction == "sum"
        width = Number(self.width)
        per_sample: Formula = ONE if summed else ONE / BATCH
        per_entry: Formula = ONE / width if summed else ONE / times(width, BATCH) if self.width > 1 else per_sample
        section = Section("Loss", f"{loss.name}; L is a number.")
        out, y = self.now, Symbol("Y")
        target: Symbol = y
        if settings.get("label_smoothing") and function in (
            losses.categorical_crossentropy,
            losses.binary_crossentropy,
        ):
            s = float(settings["label_smoothing"])
            n = self.width if function is losses.categorical_crossentropy else 2
            target = Symbol("T")
            section.equations.append(
                Equation(target, times(Number(1 - s), y) + Number(s / n), f"(B, {self.width})", "smoothed labels")
            )
        from_logits = bool(settings.get("from_logits"))
        softmax_like = function in (losses.categorical_crossentropy, losses.sparse_categorical_crossentropy)
        if (softmax_like or function is losses.binary_crossentropy) and settings.get("ignore_class") is None:
            kind = "softmax" if softmax_like else "sigmoid"
            if from_logits:
                p = Symbol("P")
                section.equations.append(
                    Equation(
                        p, _activation_formulas(kind, out, p, None)[0], f"(B, {self.width})", "the outputs are logits"
                    )
                )
                return self._crossentropy(section, p, out, target, softmax_like, per_sample, per_entry)
            if self.last_function == kind and self.logits is not None:
                return self._crossentropy(section, out, self.logits, target, softmax_like, per_sample, per_entry)
        if function is losses.mean_squared_error:
            self._total(section, times(per_entry, Over(Power(out - y, TWO), "b,k")))
            factor = TWO if per_entry == ONE else TWO / per_entry.below  # type: ignore[attr-defined]
            return section, (out, times(factor, out - y), "the square's slope"), False
        if function is losses.mean_absolute_error:
            self._total(section, times(per_entry, Over(Apply("abs", out - y), "b,k")))
            return section, (out, times(per_entry, Apply("sign", out - y)), "a slope of 1 on either side"), False
        # Any other: named, not written out.
        self._total(section, times(per_sample, Over(Apply("ℓ", out), "b")), f"ℓ: {loss.name} of each row, given Y")
        return section, (out, times(per_sample, Apply("ℓ", out, slope=True)), f"the derivative of {loss.name}"), False

    def _crossentropy(
        self,
        section: Section,
        p: Symbol,
        logits: Symbol,
        target: Symbol,
        softmax: bool,
        per_sample: Formula,
        per_entry: Formula,
    ) -> tuple[Section, tuple[Symbol, Formula, str], bool]:
        if softmax:
            section.words += " Y is one-hot: a 1 in the column of the sample's class." if self.sparse else ""
            self._total(section, -times(per_sample, Over(target * Apply("log", p), "b,k")))
            words, share = "softmax and cross-entropy together: what is predicted minus what is true", per_sample
        else:
            yes = target * Apply("log", p)
            no = (ONE - target) * Apply("log", ONE - p)
            self._total(section, -times(per_entry, Over(yes + no, "b,k")))
            words, share = "sigmoid and cross-entropy together: what is predicted minus what is true", per_entry
        skip = self.now is p or self.now == p
        return section, (logits, times(share, p - target) if share != ONE else p - target, words), skip

    def _total(self, section: Section, data: Formula, words: str = "") -> None:
        for symbol, l1, l2 in self.penalties:
            data = data + times(Number(l1), Over(Apply("abs", symbol), "b,k")) if l1 else data
            data = data + times(Number(l2), Over(Power(symbol, TWO), "b,k")) if l2 else data
        if self.penalties:
            words += (", " if words else "") + "with the penalties on weights, over all of their entries"
        section.equations.append(Equation(Symbol("L"), data, "()", words))

    # Backward ----------------------------------------------------------------------------------------------------------

    def _back(self, upstream: tuple[Symbol, Formula, str], skip: bool) -> None:
        symbol, formula, words = upstream
        d = self._pass_down(symbol, formula, self.width, words)
        ways = self.way_back[:-1] if skip else self.way_back
        for place in reversed(range(len(ways))):
            d = ways[place](d, place > 0)

    # Update ------------------------------------------------------------------------------------------------------------

    def _update(self) -> Section:
        optimizer = self.model.optimizer
        name = type(optimizer).__name__
        section = Section(
            "Update",
            f"{name}. For each of {', '.join(as_text(s) for s in self.symbols.values())}, called θ, with g = ∂L/∂θ:",
        )
        section.equations = [
            Equation(left, right, "()" if left.letter == "α" else "as θ", words, arrow="←")
            for left, right, words in update_rule(optimizer)
        ]
        if not section.equations:
            section.words = f"{name} changes the weights as its docstring says; its equations are not written out here."
        extras = {
            "clipnorm": "the gradient of each variable is first shortened to that length",
            "clipvalue": "each entry of the gradients is first brought into its limits",
            "global_clipnorm": "all gradients together are first shortened to that length",
            "weight_decay": "θ is first multiplied by 1 - η times the weight decay",
        }
        for option, what in extras.items():
            if getattr(optimizer, option, None):
                section.words += f" {option}={getattr(optimizer, option):g}: {what}."
        return section


def update_rule(optimizer: Any) -> list[tuple[Symbol, Formula, str]]:
    """What an optimizer does with one weight θ and its gradient g: (what changes, to what, in words), in order.

    Symbols: η the learning rate; v, m, s slots that start at zero; t the number of the step, from 1. [] for rules unknown here.
    """
    theta, g, m, v, s, t = (Symbol(letter) for letter in ("θ", "g", "m", "v", "s", "t"))
    rate = optimizer.learning_rate
    eta: Formula = Number(float(value_of(rate))) if not callable(rate) else Symbol("η")

    def scaled(factor: float, formula: Formula) -> Formula:
        return times(Number(factor), formula)

    if type(optimizer) is optimizers.SGD:
        if not optimizer.momentum:
            return [(theta, theta - times(eta, g), "against the gradient")]
        kept = float(optimizer.momentum)
        velocity = (v, scaled(kept, v) - times(eta, g), "velocity")
        if optimizer.nesterov:
            return [velocity, (theta, theta + scaled(kept, v) - times(eta, g), "from where v is about to lead")]
        return [velocity, (theta, theta + v, "")]
    if type(optimizer) is optimizers.RMSprop and not optimizer.centered and not optimizer.momentum:
        rho = float(optimizer.rho)
        return [
            (s, scaled(rho, s) + scaled(round(1 - rho, 12), Power(g, TWO)), "running mean of g²"),
            (theta, theta - times(eta, g / Root(s + Number(float(optimizer.epsilon)))), ""),
        ]
    if type(optimizer) is optimizers.Adagrad:
        return [
            (s, s + Power(g, TWO), f"sum of g², from {float(optimizer.initial_accumulator_value):g} on"),
            (theta, theta - times(eta, g / Root(s + Number(float(optimizer.epsilon)))), ""),
        ]
    if type(optimizer) in (optimizers.Adam, optimizers.AdamW) and not optimizer.amsgrad:
        b1, b2 = float(optimizer.beta_1), float(optimizer.beta_2)
        a = Symbol("α")
        return [
            (m, scaled(b1, m) + scaled(round(1 - b1, 12), g), "running mean of g"),
            (v, scaled(b2, v) + scaled(round(1 - b2, 12), Power(g, TWO)), "running mean of g²"),
            (
                a,
                times(eta, Root(ONE - Power(Number(b2), t)) / (ONE - Power(Number(b1), t))),
                "in step t = 1, 2, …: m and v start at zero",
            ),
            (theta, theta - times(a, m / (Root(v) + Number(float(optimizer.epsilon)))), ""),
        ]
    return []


# Activations -----------------------------------------------------------------------------------------------------------

_ACTIVATION_LAYERS: dict[type, str] = {
    layers.ReLU: "relu",
    layers.LeakyReLU: "leaky_relu",
    layers.ELU: "elu",
    layers.Softmax: "softmax",
}

_DEFINITIONS = {
    "relu": "relu(z) = z where z > 0, else 0",
    "sigmoid": "σ(z) = 1 / (1 + e⁻ᶻ)",
    "softmax": "row by row: e to the entry, divided by the sum of these over the row",
    "gelu": "Φ and φ: distribution and density of a standard normal number",
    "silu": "σ(z) = 1 / (1 + e⁻ᶻ)",
    "softplus": "log(1 + e to the z)",
}


def _activation_formulas(name: str, z: Symbol, a: Symbol, layer: Any) -> tuple[Formula, Formula]:
    """f(z), and f'(z) written with z or with a = f(z)."""
    sigma = Apply("σ", z)
    positive, rest = Where(z, ">"), Where(z, "≤")
    if (
        name == "relu"
        and isinstance(layer, layers.ReLU)
        and (layer.max_value or layer.negative_slope or layer.threshold)
    ):
        name = "relu with options"
    slope = 0.2
    if isinstance(layer, layers.LeakyReLU):
        slope = float(layer.negative_slope)
    table: dict[str, tuple[Formula, Formula]] = {
        "linear": (z, ONE),
        "relu": (Apply("relu", z), positive),
        "sigmoid": (sigma, a * (ONE - a)),
        "tanh": (Apply("tanh", z), ONE - Power(a, TWO)),
        "softmax": (Apply("softmax", z), ONE),  # its slope is a matrix, written out where it is used
        "exponential": (Apply("exp", z), a),
        "softplus": (Apply("log", ONE + Apply("exp", z)), sigma),
        "softsign": (z / (ONE + Apply("abs", z)), ONE / Power(ONE + Apply("abs", z), TWO)),
        "silu": (z * sigma, sigma * (ONE + z * (ONE - sigma))),
        "gelu": (z * Apply("Φ", z), Apply("Φ", z) + z * Apply("φ", z)),
        "leaky_relu": (positive * z + times(Number(slope), rest * z), positive + times(Number(slope), rest)),
        "elu": (positive * z + rest * (Apply("exp", z) - ONE), positive + rest * Apply("exp", z)),
    }
    if name == "elu" and isinstance(layer, layers.ELU) and float(layer.alpha) != 1.0:
        name = "elu with alpha"
    return table.get(name, (Apply(name, z), Apply(name, z, slope=True)))


def _name(activation: Any) -> str:
    described = activations.serialize(activation)
    if isinstance(described, str):
        return described
    return str(getattr(activation, "__name__", "f"))


# Small things ----------------------------------------------------------------------------------------------------------


def _path(variable: Any) -> str:
    return "/".join(variable.path.split("/")[-2:])


def _targets(y: Array, width: int, sparse: bool) -> Array:
    if sparse:
        return np.asarray(np.eye(width)[y.reshape(-1).astype(int)])
    return y.reshape(len(y), -1)


def _latex_of(equation: Equation, align: bool = False) -> str:
    arrow = r"\leftarrow" if equation.arrow == "←" else "="
    parts = [as_latex(part) for part in (equation.left, equation.also, equation.right) if part is not None]
    first = f" {'&' if align else ''}{arrow} "
    return parts[0] + first + f" {arrow} ".join(parts[1:])


def _shape_in_words(shape: str) -> str:
    return "a number" if shape == "()" else shape


def _shape_in_latex(shape: str) -> str:
    return (
        shape.replace(", ", r" \times ").replace("as θ", r"\text{shape of } \theta")
        if shape != "()"
        else r"\text{a number}"
    )


def _escaped(text: str) -> str:
    table = {
        "_": r"\_",
        "&": r"\&",
        "%": r"\%",
        "#": r"\#",
        "⊙": r"$\odot$",
        "Σ": r"$\Sigma$",
        "Δ": r"$\Delta$",
        "θ": r"$\theta$",
    }
    table |= {
        "σ": r"$\sigma$",
        "φ": r"$\varphi$",
        "Φ": r"$\Phi$",
        "γ": r"$\gamma$",
        "β": r"$\beta$",
        "∂": r"$\partial$",
    }
    table |= {"²": r"$^2$", "η": r"$\eta$", "ℓ": r"$\ell$", "…": r"\dots", "e⁻ᶻ": r"$e^{-z}$"}
    for letter, code in table.items():
        text = text.replace(letter, code)
    return text
