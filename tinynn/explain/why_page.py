"""An explanation as a page: each link in words, in symbols, with the numbers of one entry in, and as a table of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn._typing import Tensor
from tinynn.explain.formulas import (
    Apply,
    Derivative,
    Equation,
    Formula,
    Negative,
    Number,
    Product,
    Series,
    Sum,
    Symbol,
    digits,
    product,
    total,
)
from tinynn.explain.page import Cell, Inline, Page
from tinynn.explain.slopes import activation_of, loss_slope
from tinynn.explain.why_mixed import NORMALIZATIONS, mixed, what_normalization_does

if TYPE_CHECKING:
    from tinynn.explain.tracing import Call
    from tinynn.explain.why import Explanation, Opened, Step, Terms

TERMS = 6
"""Terms of a sum that are written out with their numbers; the others are added up."""
ACROSS = 4
"""Terms of a sum that get a column each in a table."""
L = Symbol("L")


def why_page(explanation: Explanation) -> Page:
    """All links."""
    return _Writer(explanation).page


class _Writer:
    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self.trace = explanation.trace
        self.page = Page()
        self.calls: dict[int, Call] = {}
        for call in self.trace.calls:
            for tensor in (call.z, call.a):
                if tensor is not None:
                    self.calls.setdefault(id(tensor), call)
        self._head()
        for number, step in enumerate(explanation.steps, 1):
            self._step(number, step)
        self._foot()

    # Head and foot -----------------------------------------------------------------------------------------------------

    def _head(self) -> None:
        e = self.explanation
        index = ",".join(map(str, e.index))
        self.page.heading(f"Why dL/d {e.name}[{index}] is {digits(e.gradient, 6)}", level=1)
        layers = "; ".join(
            f"{call.number} is {call.label} ({', '.join(filter(None, (type(call.layer).__name__, call.activation)))})"
            for call in self.trace.calls
        )
        self.page.say(
            f"{e.name}[{index}] is {digits(e.value, 6)}. If it grows by a little, the loss L changes by "
            f"{digits(e.gradient, 6)} times that. Here is where this number comes from, one link of the chain rule after "
            "the other."
        )
        self.page.say(
            "The number at a letter is that of its layer: ",
            f"{layers}. ",
            "x comes in, W is a kernel, z = x W + bias, a = f(z) goes out; ",
            Equation((Symbol("δ"), Derivative(L, Symbol("z")))),
            ". Indices count from 0, the first of x, z, a and δ is the sample b.",
        )

    def _foot(self) -> None:
        e = self.explanation
        self.page.heading("Does it add up?")
        first = e.steps[0].entries[0]
        count = sum(len(terms.places) for terms in first.terms)
        count += (first.by_loss is not None) + (first.by_penalty is not None)
        terms = "1 term" if count == 1 else f"{count} terms"
        self.page.say(
            f"{'Yes' if e.adds_up else 'No'}: link 1 has {terms}, with the sum {e.total:.9g}; the trace has {e.gradient:.9g}. "
            f"They differ by {e.error:.1e}; rounding allows {e.bound:.1e}. " + self._others()
        )
        contributions = e.sample_contributions
        if contributions is not None and len(contributions) > 1:
            order = np.argsort(-np.abs(contributions), kind="stable")[:10]
            order = np.sort(order) if len(contributions) <= 10 else order
            note = "" if len(contributions) <= 10 else f"The 10 samples that add most, of {len(contributions)}."
            rows: list[tuple[Cell, ...]] = [(int(b), float(contributions[b])) for b in order]
            if first.by_penalty is not None:
                rows.append(("penalty", first.by_penalty))
            rows.append(("all", e.total))
            self.page.table(["sample", "adds"], rows, caption=("What each sample adds",), note=note)

    def _others(self) -> str:
        entries = [entry for step in self.explanation.steps[1:] for entry in step.entries]
        if not entries:
            return "It is the last link."
        wrong = sum(entry.error > entry.bound for entry in entries)
        if wrong:
            return f"Of the {len(entries)} numbers opened in the other links {wrong} do not."
        return f"So do the {len(entries)} numbers opened in the other links."

    # Links -------------------------------------------------------------------------------------------------------------

    def _step(self, number: int, step: Step) -> None:
        single = number == 1
        left = self._gradient(step.tensor, step.entries[0].index if single else self._letters(step.tensor))
        self.page.heading(f"{number}. ", left)
        routes = step.entries[0].terms
        for place, terms in enumerate(routes):
            self._link(step, terms, place, left, single)
        if step.entries[0].by_loss is not None:
            self._loss(step, left)
        penalties = [entry.by_penalty for entry in step.entries if entry.by_penalty is not None]
        if penalties:
            self.page.say(
                "A penalty of the loss depends on it as well and adds ",
                Number(penalties[0]),
                ".",
            )
        if len(routes) + (step.entries[0].by_loss is not None) > 1:
            self.page.say("The routes above are added: ", left, " is ", Number(step.entries[0].gradient), ".")
        if step.left_out:
            self.page.say(
                f"Of the {len(step.entries) + step.left_out} entries that the link before needs, the {len(step.entries)} that "
                "carry most are opened."
            )

    def _link(self, step: Step, terms: Terms, place: int, left: Formula, single: bool) -> None:
        kind = terms.link.local.kind
        output = terms.link.record.output
        call = self.calls.get(id(output))
        if kind.startswith("dense"):
            self._dense(step, place, left, single, kind.removeprefix("dense "), call)
        elif kind == "entry by entry" and call is not None and self._is_activation(step, call):
            self._activation(step, place, call, single)
        elif kind == "one to one":
            self.page.say(
                f"{self._what(terms)} puts each number into another place, where it is ",
                self._symbol(output),
                ": the derivative is the same number.",
            )
            self._table(step, place, ["there it is"])
        elif terms.link.place and terms.link.record.name in NORMALIZATIONS and output.value.ndim == 2:
            self._scale_or_shift(step, terms, place, left)
        elif not (self._mixed(step, terms, place) if terms.link.place == 0 else False):
            self._generic(step, terms, place, left, single)

    def _is_activation(self, step: Step, call: Call) -> bool:
        source = call.x if call.z is None else call.z
        return source is step.tensor and bool(call.activation or not call.given)

    def _dense(self, step: Step, place: int, left: Formula, single: bool, which: str, call: Call | None) -> None:
        entry = self._largest(step)
        record = entry.terms[place].link.record
        inputs = [self._symbol(tensor) for tensor in record.inputs]
        x, kernel = inputs[0], inputs[1]
        out = self._symbol(record.output)
        n = out.layer
        name = f"unit k of {call.label}" if call is not None else "unit k"
        z = Equation(
            (
                at(out, "b", "k"),
                total(Series("i", Product((at(x, "b", "i"), at(kernel, "i", "k")))), Symbol("bias", n, ("k",))),
            )
        )
        if which == "kernel":
            where: tuple[Any, ...] = entry.index if single else ("i", "k")
            i, k = where
            self.page.say(
                "A weight lets one input of its layer into one unit, in every sample. In ", at(out, "b", k), " it stands "
                "beside ", at(x, "b", i), ", so that is how much it moves it:",
            )  # fmt: skip
            self.page.show(z, Equation((Derivative(at(out, "b", k), at(kernel, i, k)), at(x, "b", i))))
            self.page.say("It does so in all samples, so the loss feels the sum:")
            self._sum(
                entry, place, left, Series("b", Product((at(x, "b", i), self._gradient(record.output, ("b", k)))))
            )
            self._samples(entry, place, at(x, "b", i), self._gradient(record.output, ("b", k)))
        elif which == "bias":
            (k,) = entry.index if single else ("k",)
            self.page.say(
                "The bias is added to its unit in every sample, so it moves it by as much as it moves itself:"
            )
            self.page.show(z, Equation((Derivative(at(out, "b", k), Symbol("bias", n, (k,))), Number(1.0))))
            self._sum(entry, place, left, Series("b", self._gradient(record.output, ("b", k))))
            self._samples(entry, place, None, self._gradient(record.output, ("b", k)))
        else:
            source = self._symbol(step.tensor)
            b, j = entry.index if single and len(entry.index) == 2 else ("b", "j")
            self.page.say(
                at(source, b, j), f" goes into every {name}, multiplied by a weight of its own. That weight is how much it "
                "moves it:",
            )  # fmt: skip
            self.page.show(z, Equation((Derivative(at(out, b, "k"), at(source, b, j)), at(kernel, j, "k"))))
            self.page.say("The loss feels all units, so the chain rule adds over them:")
            symbolic = Series("k", Product((at(kernel, j, "k"), self._gradient(record.output, (b, "k")))))
            shown = left if single else self._gradient(step.tensor, ("b", "j"))
            self.page.show(Equation((shown, symbolic)))
            self._worked(step, entry, place)
            self._across(step, place, lambda k: Product((at(kernel, "j", k), self._gradient(record.output, ("b", k)))))

    def _activation(self, step: Step, place: int, call: Call, single: bool) -> None:
        z, a = self._symbol(step.tensor), self._symbol(call.a)
        f = call.activation or call.label
        letters = self._letters(step.tensor)
        known = activation_of(call.layer, call.activation, Symbol("z"), Symbol("a"))
        as_slope = Apply(f, at(z, *letters), prime=True)
        self.page.say(
            at(z, *letters), " reaches the loss through ", Equation((at(a, *letters), Apply(f, at(z, *letters)))), " alone:",
        )  # fmt: skip
        left = self._gradient(step.tensor, letters)
        equation = Equation((left, Product((self._gradient(call.a, letters), as_slope))))
        if known is None:
            self.page.show(equation)
        else:
            self.page.show(equation, Equation((Apply(f, Symbol("z"), prime=True), known.slope)))
        self._worked(step, self._largest(step), place)
        upstream = [float(entry.terms[place].upstream.sum()) for entry in step.entries]
        factors = [float(entry.terms[place].factors.sum()) for entry in step.entries]
        values = self.trace.value_of(step.tensor), self.trace.value_of(call.a)
        rows = [
            (_index(e.index), float(values[0][e.index]), float(values[1][e.index]), factor, d, e.gradient)
            for e, factor, d in zip(step.entries, factors, upstream)
        ]
        heads: list[Inline] = [f"[{','.join(letters)}]", z, a, Apply(f, Symbol("z"), prime=True)]
        heads += [Derivative(L, a), self._bare(step.tensor)]
        self.page.table(heads, rows)

    def _mixed(self, step: Step, terms: Terms, place: int) -> bool:
        """Whether there is a short form; if so, write it."""
        record, tensor = terms.link.record, step.tensor
        d_out = self.trace.gradient_of(record.output)
        assert d_out is not None  # it is on the way to the loss
        found = mixed(
            record,
            self.trace.value_of,
            d_out,
            self._symbol(tensor),
            lambda index: self._gradient(tensor, index),
            self._symbol(record.output),
            self._what(terms),
        )
        if found is None:
            return False
        sums = [(float(found.columns[-1][e.index]), float(e.terms[place].values.sum())) for e in step.entries]
        scale = max(float(np.abs(e.terms[place].values).sum()) for e in step.entries)
        if any(abs(ours - theirs) > 1e-3 * scale for ours, theirs in sums):
            return False
        self.page.say(found.before)
        if found.forward:
            self.page.show(*found.forward)
        self.page.say(found.after)
        self.page.show(*found.backward)
        largest = self._largest(step)
        self.page.say("With the numbers:" if len(step.entries) == 1 else "With the numbers of one of them:")
        result = Number(float(largest.terms[place].values.sum()))
        self.page.show(Equation((self._gradient(tensor, largest.index), found.numbers(largest.index), result)))
        rows: list[tuple[Cell, ...]] = [
            (_index(e.index), *(float(column[e.index]) for column in found.columns)) for e in step.entries
        ]
        self.page.table([f"[{','.join(self._letters(tensor))}]", *found.heads, self._bare(tensor)], rows)
        return True

    def _scale_or_shift(self, step: Step, terms: Terms, place: int, left: Formula) -> None:
        """γ or β of a normalization."""
        record = terms.link.record
        source, out = self._symbol(record.inputs[0]), self._symbol(record.output)
        words, normed, forward = what_normalization_does(record, source, out, self._what(terms))
        self.page.say(words)
        self.page.show(*forward)
        entry = step.entries[0]
        (j,) = entry.index
        upstream = self._gradient(record.output, ("b", j))
        if terms.link.place == 1:
            factor = at(normed, "b", j)
            self.page.say(
                "γ stands beside n in every sample, so n is how much it moves the output, and the loss feels the sum:"
            )
            self._sum(entry, place, left, Series("b", factor * upstream))
            self._samples(entry, place, factor, upstream)
        else:
            self.page.say("β is added in every sample, so it moves the output by as much as it moves itself:")
            self._sum(entry, place, left, Series("b", upstream))
            self._samples(entry, place, None, upstream)

    def _generic(self, step: Step, terms: Terms, place: int, left: Formula, single: bool) -> None:
        out = self._symbol(terms.link.record.output)
        kind = terms.link.local.kind
        how = {
            "entry by entry": "each entry by a factor of its own",
            "row by row": "all entries of its sample at once",
            "along the batch": "the same feature in all samples at once",
        }.get(kind, "what it leads to")
        letters = self._letters(step.tensor)
        entry_letters = step.entries[0].index if single else letters
        source, target = at(self._symbol(step.tensor), *entry_letters), at(out, "m")
        self.page.say(f"{self._what(terms)} moves {how}. The tape's own backward pass gives the factors:")
        right = Product((Derivative(target, source), self._gradient(terms.link.record.output, ("m",))))
        self.page.show(Equation((left, right if kind == "entry by entry" else Series("m", right))))
        self._worked(step, self._largest(step), place)
        self._table(step, place, ["its factor" if kind == "entry by entry" else "terms"])

    def _what(self, terms: Terms) -> str:
        record = terms.link.record
        position = self.explanation._routes.order[id(record.output)]
        for call in self.trace.calls:
            if call.begin <= position < call.end:
                return f"{call.label} ({type(call.layer).__name__})"
        return f'The operation "{record.name}"'

    def _loss(self, step: Step, left: Formula) -> None:
        terms, records = self.trace.loss_terms, self.explanation._routes
        tensor = step.tensor
        value = self.trace.value_of(tensor)
        width = value.shape[-1] if value.ndim > 1 else 1
        consumers = [
            r
            for r, _ in self.trace.consumers.get(id(tensor), ())
            if records.order[id(r.output)] >= self.trace.end_of_model
        ]
        known = loss_slope(consumers[0].name, width) if len(consumers) == 1 and value.ndim == 2 else None
        y = None if not consumers else self.trace.value_of(consumers[0].inputs[0])
        columns = None
        if known is not None and y is not None and terms.factors is not None:
            columns = known.columns(y, value)
            expected = known.number(columns[-1]) * terms.factors[:, None]
            by_loss = records.by_loss(tensor)
            scale = float(np.abs(expected).max(initial=0.0)) + 1e-30
            if by_loss is None or np.abs(expected - by_loss).max(initial=0.0) > 1e-4 * scale:
                columns = None
        b = self._letters(tensor)[0]
        own_loss, counts = Symbol("ℓ", None, (b,)), Symbol("c", None, (b,))
        self.page.say(
            f"Here the loss ({self.trace.loss_name}) begins. It is a sum over samples of each one's loss ℓ[b] times what it "
            "counts, c[b]"
            + (" (its weight, over the number of samples for a mean):" if terms.factors is not None else ":")
        )
        whole = Equation((L, Series("b", Product((counts, own_loss)))))
        if columns is None or known is None:
            if terms.factors is not None:
                letters = self._letters(tensor)
                self.page.show(
                    whole,
                    Equation(
                        (
                            self._gradient(tensor, letters),
                            Product((counts, Derivative(own_loss, at(self._symbol(tensor), *letters)))),
                        )
                    ),
                )
            self.page.say("The tape's own backward pass of the loss gives the slope:")
            heads: list[Inline] = [f"[{','.join(self._letters(tensor))}]", self._symbol(tensor), self._bare(tensor)]
            rows = [(_index(e.index), float(value[e.index]), float(e.by_loss or 0.0)) for e in step.entries]
            self.page.table(heads, rows)
            return
        assert terms.factors is not None  # else there would be no columns
        self.page.show(whole, Equation((own_loss, known.loss)))
        self.page.say(known.because)
        self.page.show(Equation((self._gradient(tensor, ("b", "k")), product(counts, known.slope))))
        lines: list[tuple[Cell, ...]] = []
        for entry in step.entries:
            numbers = [float(column[entry.index]) for column in columns]
            lines.append(
                (_index(entry.index), *numbers, float(terms.factors[entry.index[0]]), float(entry.by_loss or 0.0))
            )
        self.page.table(["[b,k]", *(_bare_symbol(head) for head in known.heads), "c", self._bare(tensor)], lines)

    # Pieces ------------------------------------------------------------------------------------------------------------

    def _symbol(self, tensor: Tensor) -> Symbol:
        return self.explanation._symbol(tensor)

    def _gradient(self, tensor: Tensor, index: tuple[Any, ...]) -> Formula:
        symbol = self._symbol(tensor)
        if symbol.letter == "z":
            return Symbol("δ", symbol.layer, index)
        return Derivative(L, at(symbol, *index))

    def _bare(self, tensor: Tensor) -> Formula:
        return self._gradient(tensor, ())

    def _letters(self, tensor: Tensor) -> tuple[str, ...]:
        dimensions = self.trace.value_of(tensor).ndim
        if id(tensor) in {id(variable) for variable, _ in self.trace._variables}:
            return {0: (), 1: ("k",), 2: ("i", "k")}.get(dimensions, tuple("ijklmn"[:dimensions]))
        return {0: (), 1: ("b",), 2: ("b", "j")}.get(dimensions, ("b", *"ijklmn"[: dimensions - 1]))

    def _largest(self, step: Step) -> Opened:
        return max(step.entries, key=lambda entry: abs(entry.gradient))

    def _sum(self, entry: Opened, place: int, left: Formula, symbolic: Formula) -> None:
        """left = symbols = numbers = their sum."""
        self.page.show(Equation((left, symbolic, *self._numbers(entry, place))))

    def _numbers(self, entry: Opened, place: int) -> tuple[Formula, ...]:
        terms = entry.terms[place]
        values = terms.values
        order = np.sort(np.argsort(-np.abs(values), kind="stable")[:TERMS])
        parts: list[Formula] = [
            Product((Number(float(terms.factors[i])), Number(float(terms.upstream[i]))))
            if terms.factors[i] != 1
            else Number(float(terms.upstream[i]))
            for i in order
        ]
        if len(values) > len(order):
            parts.append(Number(float(values.sum() - values[order].sum())))
        result = Number(float(values.sum()))
        if not parts:
            return (Number(0.0),)
        return (total(*parts), result) if len(parts) > 1 or parts[0] != result else (result,)

    def _worked(self, step: Step, entry: Opened, place: int) -> None:
        """The numbers of one entry."""
        left = self._gradient(step.tensor, entry.index)
        count = len(entry.terms[place].values)
        lead = "With the numbers" if len(step.entries) == 1 else "With the numbers of one of them"
        more = f" (the {TERMS} largest of {count} terms, then the sum of the others)" if count > TERMS else ""
        self.page.say(f"{lead}{more}:")
        self.page.show(Equation((left, *self._numbers(entry, place))))

    def _samples(self, entry: Opened, place: int, factor: Formula | None, upstream: Formula) -> None:
        """One row for each term of a sum over samples."""
        terms = entry.terms[place]
        values = terms.values
        shape = terms.link.record.output.shape
        order = np.argsort(-np.abs(values), kind="stable")[:10]
        order = np.sort(order) if len(values) <= 10 else order
        note = (
            ""
            if len(values) <= 10
            else f"The 10 largest of {len(values)} terms; the others add {digits(float(values.sum() - values[order].sum()))}."
        )
        rows: list[tuple[Cell, ...]] = []
        for i in order:
            b = int(np.unravel_index(int(terms.places[i]), shape)[0])
            middle = () if factor is None else (float(terms.factors[i]),)
            rows.append((b, *middle, float(terms.upstream[i]), float(values[i])))
        heads: list[Inline] = ["b", *(() if factor is None else (factor,)), upstream, "adds"]
        self.page.table(heads, rows, note=note)

    def _across(self, step: Step, place: int, head: Any) -> None:
        """A row for each entry, a column for each term where there are few."""
        counts = {len(entry.terms[place].values) for entry in step.entries}
        units = step.entries[0].terms[place].link.record.output.shape[-1]
        if len(step.entries) == 1:
            return
        if counts == {units} and units <= ACROSS:
            rows: list[tuple[Cell, ...]] = [
                (_index(e.index), *map(float, e.terms[place].values), float(e.terms[place].values.sum()))
                for e in step.entries
            ]
            self.page.table(["[b,j]", *(head(k) for k in range(units)), self._bare(step.tensor)], rows)
        else:
            self._table(step, place, ["terms"])

    def _table(self, step: Step, place: int, heads: list[Inline]) -> None:
        rows: list[tuple[Cell, ...]] = []
        for entry in step.entries:
            terms = entry.terms[place]
            middle: Cell = len(terms.values)
            if heads == ["its factor"]:
                middle = float(terms.factors.sum())
            elif heads == ["there it is"]:
                index = np.unravel_index(int(terms.places[0]), terms.link.record.output.shape)
                middle = _index(tuple(int(i) for i in index))
            rows.append((_index(entry.index), middle, float(terms.values.sum())))
        self.page.table([f"[{','.join(self._letters(step.tensor))}]", *heads, self._bare(step.tensor)], rows)


def at(symbol: Symbol, *index: Any) -> Symbol:
    """A symbol with an index."""
    return Symbol(symbol.letter, symbol.layer, tuple(index))


def _bare_symbol(formula: Formula) -> Formula:
    """A symbol without its index; other formulas of symbols likewise."""
    match formula:
        case Symbol(letter, layer, _):
            return Symbol(letter, layer)
        case Sum(terms):
            return Sum(tuple(_bare_symbol(term) for term in terms))
        case Negative(term):
            return Negative(_bare_symbol(term))
    return formula


def _index(index: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, index))}]"
