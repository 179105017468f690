"""The derivation of backpropagation for a model: every equation from the input to the changed weight, with its shapes.

`_Deriving` walks the layers and writes down formulas; `Derivation` shows them, and computes with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tinynn import activations, layers, losses, regularizers
from tinynn._typing import Array
from tinynn.engine.recorded import value_of
from tinynn.explain.formulas import (
    FUNCTIONS,
    Apply,
    Derivative,
    Equation,
    Formula,
    Number,
    Root,
    Series,
    Symbol,
    digits,
    entrywise,
    evaluated,
    name_of,
    of_arrays,
    product,
    symbols_of,
)
from tinynn.explain.page import Page, Shown
from tinynn.explain.slopes import DEFINITIONS, activation_of
from tinynn.explain.text import formula as as_text
from tinynn.explain.update_rules import Rule, rule_of
from tinynn.models.model import Model

__all__ = ["Derivation", "Derived", "Section", "derivation"]

Left: TypeAlias = Symbol | Derivative
"""What an equation gives a value to."""

LONG = 48
"""Characters; a slope longer than that gets a line of its own."""
ONE = Number(1.0)
BATCH, L, X, Y = Symbol("B"), Symbol("L"), Symbol("X"), Symbol("Y")


class Derived(NamedTuple):
    """One equation.

    equation: the left side names the value, as does the second of three.
    shape: of the value, such as "(B, 3)".
    words: what it is, or why.
    """

    equation: Equation
    shape: str
    words: str = ""

    @property
    def names(self) -> tuple[Left, ...]:
        """What the value is called."""
        return self.equation.sides[:-1]  # type: ignore[return-value]


@dataclass
class Section:
    """Equations under a heading."""

    title: str
    words: str = ""
    equations: list[Derived] = field(default_factory=list)


class Derivation(Shown):
    """The equations of one model, in the order in which they are computed.

    Attributes:
        sections: `Section`s: notation, forward, loss, backward by layer, update.
        symbols: {path of a variable: its symbol}.
        gradients: {path of a variable: the symbol of its gradient}.

    `print` writes it as text, a notebook typesets it with MathML; `to_markdown()`, `to_latex()` and `to_html()` give sources.
    """

    def __init__(self, model: Any, sections: list[Section], symbols: dict[str, Symbol], inputs: dict[str, Any]) -> None:
        self.title = f"Backpropagation through {model.name}"
        self.sections = sections
        self.symbols = symbols
        self.gradients = {path: Derivative(L, symbol) for path, symbol in symbols.items()}
        self._inputs = inputs

    def page(self) -> Page:
        """The sections one after another."""
        page = Page()
        page.heading(self.title, level=1)
        for section in self.sections:
            page.heading(section.title)
            page.say(section.words)
            if section.equations:
                page.show_noted(*((line.equation, _note(line)) for line in section.equations))
        return page

    def to_dict(self) -> dict[str, Any]:
        """The equations as text, with their shapes and words."""
        return {
            "title": self.title,
            "sections": [
                {
                    "title": section.title,
                    "words": section.words,
                    "equations": [
                        {"equation": as_text(line.equation), "shape": line.shape, "words": line.words}
                        for line in section.equations
                    ],
                }
                for section in self.sections
            ],
        }

    def evaluate(
        self,
        x: Any,
        y: Any,
        values: Mapping[str, Any] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> dict[str, Any]:
        """Compute with the equations as they stand here, in float64, weights being what they are now.

        Args:
            x: (batch, ...).
            y: targets, as for `fit`.
            values: of letters by name ("W1", "M2"), in place of the model's: masks of dropout have to be given.
            functions: of entries by name, in place of or besides the known ones; `name + "'"` for a derivative.

        Returns:
            {name: value} of every equation but the update's ("Z1", "Δ2", "L", "dL/dW1"), and the gradient of each variable by
            its path.

        Raises:
            ValueError: inputs or targets of another shape; a value or a function that is needed is not known.
        """
        x, y = np.asarray(value_of(x)), np.asarray(value_of(y))
        width = self._inputs["inputs"]
        if not x.ndim or not x.size or x.size != len(x) * width:
            raise ValueError(f"evaluate expects x of shape (batch, ...) with {width} numbers a sample; got {x.shape}.")
        outputs, sparse = self._inputs["outputs"], self._inputs["sparse"]
        if not y.ndim or y.size != len(x) * (1 if sparse else outputs):
            expected = "(batch,), the number of each sample's class" if sparse else f"(batch, {outputs})"
            raise ValueError(f"evaluate expects y of shape {expected}, for a batch of {len(x)}; got {y.shape}.")
        if sparse and y.size and not 0 <= y.min() <= y.max() < outputs:
            raise ValueError(f"evaluate expects classes from 0 to {outputs - 1}; got {y.min()} to {y.max()}.")
        known: dict[str, Any] = {"B": len(x), "X": x.reshape(len(x), -1)}
        known["Y"] = _targets(y, outputs, sparse)
        for symbol, variable in self._inputs["variables"]:
            known[name_of(symbol)] = np.asarray(variable.value, np.float64)
        for name in ("X", "Y"):
            known[name] = known[name].astype(np.float64) if known[name].dtype.kind in "fiub" else known[name]
        known.update(values or {})
        table = {**FUNCTIONS, **(functions or {})}
        for section in self.sections:
            for line in section.equations:
                if line.equation.sign == "=":
                    value = self._value(line, known, table)
                    known |= dict.fromkeys(map(name_of, line.names), value)
        for path, gradient in self.gradients.items():
            known[path] = np.asarray(known[name_of(gradient)]).reshape(self._inputs["shapes"][path])
        return known

    def _value(self, line: Derived, known: Mapping[str, Any], table: Mapping[str, Callable[..., Any]]) -> Any:
        try:
            return evaluated(line.equation.sides[-1], known, table)
        except KeyError as error:
            raise ValueError(
                f"No value for {error.args[0]} in {as_text(line.equation)}: give it in values={{...}}, or in "
                "functions={...} if it is a function."
            ) from None


def derivation(model: Any) -> Derivation:
    """The full derivation of backpropagation for a model: forward equations, loss, deltas, gradients and the update.

    Args:
        model: a compiled and built Sequential model of Dense, activation, dropout, normalization (batch, layer) and Flatten
            layers. Functions and losses without a formula here are named, and their derivatives with them.

    Returns:
        A `Derivation`: print it, show it in a notebook, or take `.to_markdown()`, `.to_latex()`, `.to_html()`;
        `.evaluate(x, y)` computes with its equations.

    Raises:
        TypeError: what is not a model.
        ValueError: a model that is not compiled, not built or not Sequential, or a layer or penalty that cannot be derived yet.

        >>> from tinynn import layers
        >>> model = tinynn.Sequential([tinynn.Input((2,)), layers.Dense(3, "tanh"), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> derivation = explain.derivation(model)
    """
    if not isinstance(model, Model):
        raise TypeError(f"derivation expects a tinynn.Sequential; got {model!r} of type {type(model).__name__}.")
    if not model.compiled or getattr(model, "_compile_loss", None) is None:
        raise ValueError(
            'derivation expects a model with a loss and an optimizer: call model.compile("sgd", loss="mse") first.'
        )
    if not hasattr(model, "_stack"):
        raise ValueError(
            f"derivation follows the layers of a Sequential model one after another; {type(model).__name__} is none. "
            "explain.trace and its why explain any model."
        )
    if not model.built:
        raise ValueError("derivation expects a model that is built: begin it with an Input, or call model.build.")
    return _Deriving(model).derive()


# The walk --------------------------------------------------------------------------------------------------------------


class _Deriving:
    """Goes forward through the layers, noting for each how to come back; then goes back."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.forward = Section("Forward", "Each row of an array is a sample; a bias is added to every row.")
        self.backward = Section(
            "Backward",
            "From the loss to the input, by the chain rule. Every gradient has the shape of what it belongs to.",
        )
        self.way_back: list[Callable[[Left, bool], Left]] = []
        self.symbols: dict[str, Symbol] = {}
        self.trained: dict[str, Any] = {}
        self.known: list[tuple[Symbol, Any]] = []  # all variables, trained or not
        self.penalties: list[tuple[Symbol, float, float]] = []
        self.now = X
        self.fan_in = self.width = int(np.prod([n or 1 for n in model.input_shape[1:]]))
        self.number = 0
        self.logits: Symbol | None = None  # what the activation before was applied to
        self.last_function = ""

    def derive(self) -> Derivation:
        notation = Section(
            "Notation",
            f"X (B, {self.width}) holds a batch of B samples, one in each row, Y the targets. The number at a letter is that "
            "of its layer. ⊙ multiplies entry by entry, two letters beside each other are a matrix product. A sum over b is "
            "over the samples, one over k over columns. L is the loss; Δ is short for its derivative by Z.",
        )
        for layer in self._layers(self.model):
            self._through(layer)
        loss, upstream, skip = self._loss()
        self._back(upstream, skip)
        sections = [notation, self.forward, loss, self.backward, *self._updates()]
        inputs = {
            "inputs": self.fan_in,
            "outputs": self.width,
            "sparse": self.sparse,
            "variables": self.known,
            "shapes": {path: variable.shape for path, variable in self.trained.items()},
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
        self.forward.equations.append(Derived(Equation((left, right)), shape, words))
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
        elif isinstance(layer, layers.Softmax):
            self._activation("softmax", layer)
        elif isinstance(layer, layers.ReLU | layers.LeakyReLU | layers.ELU):
            self._activation(layer.name, layer)
        else:
            raise ValueError(
                f"derivation has no equations for {type(layer).__name__} yet; it knows Dense, activations, Dropout, "
                "BatchNormalization, LayerNormalization and Flatten."
            )

    def _symbol(self, variable: Any, letter: str) -> Symbol:
        """The symbol of a variable, which is noted as one to be trained or not."""
        symbol = Symbol(letter, self.number)
        self.known.append((symbol, variable))
        if any(variable is v for v in self.model.trainable_variables):
            path = _path(variable)
            self.symbols[path], self.trained[path] = symbol, variable
            if variable.regularizer is not None:
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
        bias = self._symbol(layer.bias, "bias") if layer.bias is not None else None
        self.width = int(layer.units)
        z = Symbol("Z", n)
        product = before @ kernel
        words = f"{layer.name}: W ({fan_in}, {layer.units})" + (f", bias ({layer.units},)" if bias else "")
        self.now = self._note(z, product + bias if bias else product, words)

        def back(delta: Left, more: bool) -> Left:
            words = "each input times its delta, summed over the samples"
            self._gradient(kernel, before.T @ delta, f"({fan_in}, {layer.units})", words)
            if bias is not None:
                self._gradient(bias, Series("b", delta), f"(1, {layer.units})", "it is added to every row")
            return self._pass_down(before, delta @ kernel.T, fan_in, "passed down") if more else delta

        self.way_back.append(back)
        self.logits, self.last_function = None, ""
        if layer.activity_regularizer is not None:
            raise ValueError(f'derivation does not know activity regularizers; "{layer.name}" has one.')
        name = _name(layer.activation)
        if name != "linear":
            self._activation(name, layer)

    def _pass_down(self, to: Symbol, formula: Formula, width: int, words: str) -> Left:
        """Note dL/d(to), (B, width); by Z it is called Δ."""
        gradient = Derivative(L, to)
        names: tuple[Left, ...] = (Symbol("Δ", to.layer), gradient) if to.letter == "Z" else (gradient,)
        self.backward.equations.append(Derived(Equation((*names, formula)), f"(B, {width})", words))
        return names[0]

    def _gradient(self, symbol: Symbol, formula: Formula, shape: str, words: str) -> None:
        """dL/d(variable), with its penalty; nothing for what is not trained."""
        if symbol not in self.symbols.values():
            return
        for penalized, l1, l2 in self.penalties:
            if penalized == symbol:
                formula = formula + l1 * Apply("sign", symbol) if l1 else formula
                formula = formula + 2 * l2 * symbol if l2 else formula
                words += "; and what its penalty adds"
        self.backward.equations.append(Derived(Equation((Derivative(L, symbol), formula)), shape, words))

    def _activation(self, name: str, layer: Any) -> None:
        z, n = self.now, self.number
        a = Symbol("A", n)
        if name in ("sparsemax", "glu"):
            raise ValueError(f"derivation has no equations for {name} yet.")
        known = activation_of(layer, name, z, a)
        width = self.width
        value = of_arrays(known.value) if known else Apply(name, z)
        if name == "log_softmax":
            value = z - Apply("log", Series("k", Apply("exp", z)))
        self.now = self._note(a, value, DEFINITIONS.get(name, ""))
        self.logits, self.last_function = z, name
        slope = of_arrays(known.slope) if known else Apply(name, z, prime=True)

        def back(d: Left, more: bool) -> Left:
            if name == "softmax":
                words = "softmax moves all entries of a row"
                return self._pass_down(z, entrywise(a, d - Series("k", entrywise(d, a))), width, words)
            if name == "log_softmax":
                words = "the sum over the row moves all of its entries"
                return self._pass_down(z, d - entrywise(Apply("exp", a), Series("k", d)), width, words)
            factor = slope
            if len(as_text(slope)) > LONG:
                factor = Symbol("F", n)
                words = f"the slope of {name} at each entry"
                self.backward.equations.append(Derived(Equation((factor, slope)), f"(B, {width})", words))
            return self._pass_down(z, entrywise(d, factor), width, f"through {name}")

        self.way_back.append(back)

    def _dropout(self, layer: Any) -> None:
        before, n, width = self.now, self.number, self.width
        mask, out = Symbol("M", n), Symbol("A", n)
        kept = 1 - float(layer.rate)
        words = f"{layer.name}: M holds a 1 with probability {kept:g}, else a 0"
        self.now = self._note(out, entrywise(before, mask) / kept, words)
        self.logits, self.last_function = None, ""

        def back(d: Left, more: bool) -> Left:
            if not more:
                return d
            return self._pass_down(before, entrywise(d, mask) / kept, width, "the same mask on the way back")

        self.way_back.append(back)

    def _normalization(self, layer: Any, over: str) -> None:
        before, n, width = self.now, self.number, self.width
        mean, root, y, out = (Symbol(letter, n) for letter in ("μ", "s", "N", "A"))
        centred = before - mean
        count: Formula = BATCH if over == "b" else Number(width)
        each = f"(1, {width})" if over == "b" else "(B, 1)"
        share = ONE / count
        spread = Root(share * Series(over, centred**2) + float(layer.epsilon))
        what = "each feature over the batch" if over == "b" else "each sample over its features"
        self.forward.equations += [
            Derived(Equation((mean, share * Series(over, before))), each, f"{layer.name}: the mean of {what}"),
            Derived(Equation((root, ONE / spread)), each, "one over the standard deviation"),
        ]
        self._note(y, entrywise(centred, root), "mean 0, variance 1")
        gamma = self._symbol(layer.gamma, "γ") if layer.gamma is not None else None
        beta = self._symbol(layer.beta, "β") if layer.beta is not None else None
        scaled = entrywise(y, gamma) if gamma is not None else y
        self.now = self._note(out, scaled + beta if beta is not None else scaled)
        self.logits, self.last_function = None, ""

        def back(d: Left, more: bool) -> Left:
            if gamma is not None:
                self._gradient(gamma, Series("b", entrywise(d, y)), f"(1, {width})", "γ multiplies every row")
            if beta is not None:
                self._gradient(beta, Series("b", d), f"(1, {width})", "β is added to every row")
            if not more:
                return d
            d_y = self._pass_down(y, entrywise(d, gamma) if gamma is not None else d, width, "through the scale")
            by_mean = share * Series(over, d_y)
            by_variance = share * entrywise(y, Series(over, entrywise(d_y, y)))
            by_all = entrywise(root, d_y - by_mean - by_variance)
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
        width = float(self.width)
        samples: Formula = ONE if summed else BATCH
        entries = samples if width == 1 else Number(width) if summed else width * BATCH
        section = Section("Loss", f"{loss.name}; L is a number.")
        out, target = self.now, Y
        if settings.get("label_smoothing") and function in (
            losses.categorical_crossentropy,
            losses.binary_crossentropy,
        ):
            s = float(settings["label_smoothing"])
            n = self.width if function is losses.categorical_crossentropy else 2
            target = Symbol("T")
            smoothed = Equation((target, (1 - s) * Y + s / n))
            section.equations.append(Derived(smoothed, f"(B, {self.width})", "smoothed labels"))
        from_logits = bool(settings.get("from_logits"))
        softmax_like = function in (losses.categorical_crossentropy, losses.sparse_categorical_crossentropy)
        if (softmax_like or function is losses.binary_crossentropy) and settings.get("ignore_class") is None:
            kind = "softmax" if softmax_like else "sigmoid"
            if from_logits:
                p = Symbol("P")
                turned = Equation((p, Apply(kind, out)))
                words = f"the outputs are logits; {DEFINITIONS[kind]}"
                section.equations.append(Derived(turned, f"(B, {self.width})", words))
                return self._crossentropy(section, p, out, target, softmax_like, samples, entries)
            if self.last_function == kind and self.logits is not None:
                return self._crossentropy(section, out, self.logits, target, softmax_like, samples, entries)
        if function is losses.mean_squared_error:
            self._total(section, product(_share(entries), Series("b,k", (out - Y) ** 2)))
            return section, (out, _share(entries, 2.0) * (out - Y), "the square's slope"), False
        if function is losses.mean_absolute_error:
            self._total(section, product(_share(entries), Series("b,k", Apply("abs", out - Y))))
            slope = product(_share(entries), Apply("sign", out - Y))
            return section, (out, slope, "a slope of 1 above the target and -1 below"), False
        # Any other: named, not written out.
        each = Apply("ℓ", out)
        self._total(section, product(_share(samples), Series("b", each)), f"ℓ: {loss.name} of each row, given Y")
        slope = product(_share(samples), Apply("ℓ", out, prime=True))
        return section, (out, slope, f"the derivative of {loss.name}"), False

    def _crossentropy(
        self,
        section: Section,
        p: Symbol,
        logits: Symbol,
        target: Symbol,
        softmax: bool,
        samples: Formula,
        entries: Formula,
    ) -> tuple[Section, tuple[Symbol, Formula, str], bool]:
        if softmax:
            section.words += " Y is one-hot: a 1 in the column of the sample's class." if self.sparse else ""
            each, share = entrywise(target, Apply("log", p)), _share(samples)
        else:
            each = entrywise(target, Apply("log", p)) + entrywise(1 - target, Apply("log", 1 - p))
            share = _share(entries)
        self._total(section, -product(share, Series("b,k", each)))
        words = (
            f"{'softmax' if softmax else 'sigmoid'} and cross-entropy together: what is predicted minus what is true"
        )
        return section, (logits, product(share, p - target), words), self.now == p

    def _total(self, section: Section, data: Formula, words: str = "") -> None:
        for symbol, l1, l2 in self.penalties:
            data = data + l1 * Series("b,k", Apply("abs", symbol)) if l1 else data
            data = data + l2 * Series("b,k", symbol**2) if l2 else data
        if self.penalties:
            words += (", " if words else "") + "with the penalties on weights, over all of their entries"
        section.equations.append(Derived(Equation((L, data)), "()", words))

    # Backward ----------------------------------------------------------------------------------------------------------

    def _back(self, upstream: tuple[Symbol, Formula, str], skip: bool) -> None:
        symbol, formula, words = upstream
        d: Left = self._pass_down(symbol, formula, self.width, words)
        ways = self.way_back[:-1] if skip else self.way_back
        for place in reversed(range(len(ways))):
            d = ways[place](d, place > 0)

    # Update ------------------------------------------------------------------------------------------------------------

    def _updates(self) -> list[Section]:
        """What the optimizer does, once for all variables that it treats alike."""
        optimizer = self.model.optimizer
        alike: list[tuple[Rule | None, list[Symbol]]] = []
        for path, symbol in self.symbols.items():
            rule = rule_of(optimizer, self.trained[path])
            same = next((symbols for other, symbols in alike if other == rule), None)
            if same is None:
                alike.append((rule, [symbol]))
            else:
                same.append(symbol)
        return [self._update(rule, symbols) for rule, symbols in alike]

    def _update(self, rule: Rule | None, symbols: list[Symbol]) -> Section:
        optimizer = self.model.optimizer
        section = Section("Update", f"{type(optimizer).__name__}, for each of {', '.join(map(name_of, symbols))}. ")
        if rule is None:
            section.words += "An optimizer of your own: its equations are not known here."
            return section
        rate = optimizer.learning_rate
        numbers = {"η": digits(float(value_of(rate)))} if not callable(rate) else {}
        numbers |= {letter: digits(value) for letter, value in rule.constants.items()}
        used = {symbol.letter for line in rule.lines for symbol in symbols_of(line.formula)}
        shown = ", ".join(f"{letter} = {number}" for letter, number in numbers.items() if letter in used)
        section.words += "It is called p here, and g is dL/dp; η is the learning rate"
        section.words += ", t = 1, 2, ... counts the steps." if "t" in used else "."
        section.words += f" Here {shown}." if shown else ""
        kept = list(dict.fromkeys(rule.slots.values()))
        if kept:
            begins = ", ".join(f"{letter} = {as_text(rule.starts.get(letter, Number(0.0)))}" for letter in kept)
            section.words += f" It keeps {' and '.join(kept)} from step to step; at first {begins}."
        if optimizer.around_the_rule:
            section.words += f" Around the rule it uses {', '.join(optimizer.around_the_rule)}."
        section.equations = _shaped(rule)
        return section


def _shaped(rule: Rule) -> list[Derived]:
    """The lines of a rule: what depends on numbers alone is one, all else has the shape of p."""
    numbers = {"η", "t", *rule.constants}
    found = []
    for line in rule.lines:
        if all(symbol.letter in numbers for symbol in symbols_of(line.formula)):
            numbers.add(line.letter)
        shape = "()" if line.letter in numbers else "as p"
        found.append(Derived(Equation((Symbol(line.letter), line.formula), "←"), shape, line.words))
    return found


# Small things ----------------------------------------------------------------------------------------------------------


def _name(activation: Any) -> str:
    described = activations.serialize(activation)
    if isinstance(described, str):
        return described
    return str(getattr(activation, "__name__", "f"))


def _path(variable: Any) -> str:
    return "/".join(variable.path.split("/")[-2:])


def _share(count: Formula, times: float = 1.0) -> Formula:
    """times / count."""
    return Number(times) if count == ONE else times / count


def _targets(y: Array, width: int, sparse: bool) -> Array:
    if sparse:
        return np.asarray(np.eye(width)[y.reshape(-1).astype(int)])
    return y.reshape(len(y), -1)


def _note(line: Derived) -> str:
    shape = {"()": "a number", "as p": "the shape of p"}.get(line.shape, line.shape)
    return f"{shape}; {line.words}" if line.words else shape
