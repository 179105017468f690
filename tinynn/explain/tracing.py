"""`trace`: one forward and backward pass of a model, read from the engine's own tape.

Nothing is computed a second time: the model is called and its loss taken by the function that training uses
(`tinynn.engine.reference.predict_and_measure`), and every gradient is what that pass's tape gives. This module only finds
out which of the tape's values is what, and keeps them under names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynn import activations
from tinynn._checks import unknown_name
from tinynn._typing import Array, Tensor
from tinynn.engine import reference
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import GradientTape, Record
from tinynn.explain.formulas import Symbol
from tinynn.explain.page import Page, Shown
from tinynn.explain.untouched import untouched
from tinynn.layers.dense import Dense
from tinynn.layers.layer import Layer, observing

if TYPE_CHECKING:
    from tinynn.explain.paths import Paths
    from tinynn.explain.why import Explanation

LETTERS = {"kernel": "W", "gamma": "γ", "beta": "β"}


@dataclass(frozen=True)
class Quantity:
    """One array of the pass, with the derivative of the loss by it.

    Args:
        name: "dense_1/z".
        role: "x", "z", "a", "kernel", "bias", "mask", ...
        layer: the name of its layer, "" for the model's own: "x", "y", "loss".
        value: a copy, of the model's dtype.
        gradient: dL/d(value), of the same shape; None where the loss does not depend on it by way of it.
        note: what should be said about it.
        symbol: how formulas call it.
        tensor: the tape's own object for it.
    """

    name: str
    role: str
    layer: str
    value: Array
    gradient: Array | None
    note: str
    symbol: Symbol
    tensor: Tensor = field(repr=False, compare=False)


@dataclass
class Call:
    """One call of a layer, with the tape's values in it."""

    number: int
    label: str
    layer: Layer
    x: Any
    a: Any
    begin: int
    end: int
    z: Any = None
    given: dict[str, Array] = field(default_factory=dict)

    @property
    def activation(self) -> str:
        """The name of the function between z and a, "" for none."""
        function = getattr(self.layer, "activation", None)
        if function in (None, activations.linear):
            return ""
        return str(getattr(function, "__name__", None) or getattr(function, "name", type(function).__name__))


def trace(model: Any, x: Any, y: Any = None, sample_weight: Any = None, training: bool = True) -> Trace:
    """One forward and backward pass, every quantity kept and named.

    The pass is the engine's own (`jit_compile=False`, through the tape), so its gradients are those that training uses, bit
    for bit. The model is left as it was: weights, optimizer, metrics, moving statistics, random streams. Dropout masks are
    those that the next call of `train_on_batch` draws.

    Args:
        model: built and compiled: a `Sequential` or a `Model` of your own.
        x: one batch, (batch, ...).
        y: its targets.
        sample_weight: (batch,), factors of the samples' losses.
        training: whether layers such as Dropout and BatchNormalization do what they do in training.

    Returns:
        A `Trace`: print it, look quantities up by name, ask it `why`.

    Raises:
        ValueError: not compiled, not built, no samples, data with NaN or infinity, or that do not fit the model.

    The gradient is that of the loss itself; an optimizer's `loss_scale_factor` is left out. An own `train_step` is not
    looked at; an own `compute_loss` is.

        t = tinynn.explain.trace(model, x, y)
        t["dense_1/z"].value, t["dense/kernel"].gradient[3, 1]
    """
    batch = _batch(model, x, y, sample_weight)
    observer = _Observer(model)
    with untouched(model), GradientTape(persistent=True) as tape:
        tape.watch(batch.x)
        observer.tape = tape
        with observing(observer):
            try:
                y_pred, loss = reference.predict_and_measure(model, batch, training)
            except ValueError as error:
                raise _about_targets(model, batch, error) from error
        variables = [(variable, np.array(variable.value)) for variable in model.variables]
    return Trace(model, batch, y_pred, loss, tape, observer.calls, observer.end, variables)


def _batch(model: Any, x: Any, y: Any, sample_weight: Any) -> Any:
    """The batch as the engine sees it, when all is well."""
    if not hasattr(model, "_require_compiled"):
        raise TypeError(
            f"explain expects a model, a tinynn.Sequential or tinynn.Model; got {model!r} of type {type(model).__name__}."
        )
    model._require_compiled("explain")
    if not model.built or any(not layer.built for layer in model._layers_within()):
        raise ValueError(
            f'The model "{model.name}" is not built yet, so it has no weights to explain. Put an Input in front, as in '
            "Sequential([Input((3,)), Dense(2)]), or call it once on a batch: model(x)."
        )
    data = model._one_batch(x, y, sample_weight)
    model._require_targets(data)
    for name in ("x", "y", "sample_weight"):
        array = getattr(data, name)
        if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise ValueError(
                f"{name}[{', '.join(map(str, place))}] is {array[place]}; every derivative that it reaches would be no number. "
                "Leave such samples out, or replace the value."
            )
    return data.batch(0)


def _about_targets(model: Any, batch: Any, error: ValueError) -> ValueError:
    """The error itself, or a clearer one where arrays of targets and outputs could not be set against each other."""
    shape = getattr(model, "output_shape", None)
    if "broadcast" not in str(error) or batch.y is None or not isinstance(shape, tuple):
        return error
    outputs = (len(batch.x), *shape[1:])
    return ValueError(
        f"y has shape {batch.y.shape}, but the model's outputs for this batch have {outputs}, and the loss sets them against "
        "each other. Give targets of that shape, or the last layer as many units as there are targets."
    )


class _Observer:
    """Notes which layers were called, on what, and which of the tape's records each call made."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.tape: GradientTape
        self.calls: list[Call] = []
        self.end = 0
        self._open: list[list[bool]] = []

    def __call__(self, layer: Layer, inputs: Any, call: Any) -> Any:
        contains = [False]
        for other in self._open:
            other[0] = True
        hidden = bool(self._open) and self._open[-1] is _SEALED
        self._open.append(_SEALED if isinstance(layer, Dense) or hidden else contains)
        begin = len(self.tape.records)
        try:
            outputs = call()
        finally:
            self._open.pop()
        end = len(self.tape.records)
        if layer is self.model:
            self.end = end
        single = not isinstance(inputs, (list, tuple, dict)) and not isinstance(outputs, (list, tuple, dict))
        if (isinstance(layer, Dense) or not contains[0]) and not hidden and single:
            found = Call(len(self.calls) + 1, self._label(layer), layer, inputs, outputs, begin, end)
            _look_into(found, self.tape.records[begin:])
            self.calls.append(found)
        return outputs

    def _label(self, layer: Layer) -> str:
        """The layer's path within the model; a second call of one gets "#2"."""
        label = below(self.model, layer._path)
        count = 1 + sum(call.layer is layer for call in self.calls)
        return label if count == 1 else f"{label}#{count}"


_SEALED: list[bool] = [True]


def below(model: Any, path: str) -> str:
    """A path without the model's own name in front: "sequential/dense/kernel" is "dense/kernel"."""
    return path.removeprefix(f"{model._path}/")


def _look_into(call: Call, records: list[Record]) -> None:
    """Find z, a mask and statistics among the records of a call."""
    for place, record in enumerate(records):
        if record.name == "dense" and isinstance(call.layer, Dense):
            after = records[place + 1] if place + 1 < len(records) else None
            reshaped = after is not None and after.name == "reshape" and after.inputs[0] is record.output
            call.z = after.output if reshaped and len(call.x.shape) != 2 and after is not None else record.output
        elif record.name == "times_mask":
            factor = np.where(record.settings["kept"], record.settings["scale"], 0)
            call.given["mask"] = np.broadcast_to(factor, record.output.shape).astype(record.output.dtype)
        elif record.name in ("by_batch", "by_moving_statistics"):
            call.given |= {name: np.array(record.settings[name]) for name in ("mean", "variance")}


class Trace(Shown):
    """What `trace` found. Prints as tables; small models in full, large ones by shape, norm and extremes.

    trace[name] is a `Quantity`; `names` lists them. `trace.why(name, *index)` opens the chain rule for one entry.

    Args:
        model, batch: what ran on what.
        y_pred, loss: its outputs and their loss, as the tape knows them.
        tape: the record of the pass.
        calls: of the layers, in order.
        end_of_model: how many records the model made; those after are the loss's.
        variables: the trained weights and their values.
    """

    def __init__(
        self,
        model: Any,
        batch: Any,
        y_pred: Any,
        loss: Any,
        tape: GradientTape,
        calls: list[Call],
        end_of_model: int,
        variables: list[tuple[Any, Array]],
    ) -> None:
        self.model_name = str(model.name)
        self.batch = batch
        self.batch_size = len(batch.x)
        self.calls = calls
        self.records = tape.records
        self.end_of_model = end_of_model
        self._tape = tape
        self._loss = loss
        self._y_pred = y_pred
        self._variables = variables
        self._before = {id(variable): value for variable, value in variables}
        self._gradients = self._all_gradients(variables)
        self.consumers: dict[int, list[tuple[Record, int]]] = {}
        self.producers: dict[int, Record] = {}
        for record in self.records:
            self.producers[id(record.output)] = record
            for place, source in enumerate(record.inputs):
                self.consumers.setdefault(id(source), []).append((record, place))
        self.loss_name = _name_of_loss(model)
        self.loss = float(np.sum(value_of(loss)))
        self._quantities: dict[str, Quantity] = {}
        self._symbols: dict[int, Symbol] = {}
        self._collect(model)
        from tinynn.explain.loss_terms import loss_terms

        self.loss_terms = loss_terms(self)

    def _all_gradients(self, variables: list[tuple[Any, Array]]) -> dict[int, Array]:
        """dL/d(value) for all values of the tape, by id."""
        tensors: dict[int, Tensor] = {id(variable): variable for variable, _ in variables}
        for record in self.records:
            for tensor in (*record.inputs, record.output):
                if hasattr(value_of(tensor), "dtype"):
                    tensors[id(tensor)] = tensor
        found = self._tape.gradient(self._loss, list(tensors.values()))
        return {key: gradient for key, gradient in zip(tensors, found) if gradient is not None}

    # Names -------------------------------------------------------------------------------------------------------------

    def _collect(self, model: Any) -> None:
        self._add("x", "x", "", self.batch.x, Symbol("x"))
        for call in self.calls:
            self._collect_call(model, call)
        for variable, value in self._variables:  # of layers that call others, and of models
            name = below(model, variable.path)
            if value.dtype.kind == "f" and not any(q.tensor is variable for q in self._quantities.values()):
                owner = name.rpartition("/")[0]
                self._add(name, variable.name, owner, variable, Symbol(variable.name), value)
        if self.batch.y is not None:
            self._add("y", "y", "", self.batch.y, Symbol("y"))
        if self.batch.sample_weight is not None:
            self._add("sample_weight", "sample_weight", "", self.batch.sample_weight, Symbol("w"))
        self._add("loss", "loss", "", self._loss, Symbol("L"))

    def _collect_call(self, model: Any, call: Call) -> None:
        number = call.number
        self._add(f"{call.label}/x", "x", call.label, call.x, Symbol("x", number))
        for variable in call.layer.variables:
            if value_of(variable).dtype.kind == "f" and not call.label.endswith(f"#{_count(call.label)}"):
                name = below(model, variable.path)
                role = name.removeprefix(f"{call.label}/")
                symbol = Symbol(LETTERS.get(role, role), number)
                note = "" if variable.trainable else "not trained"
                self._add(name, role, call.label, variable, symbol, self._before[id(variable)], note)
        for role, array in call.given.items():
            self._add(f"{call.label}/{role}", role, call.label, array, Symbol(role, number))
        if call.z is not None:
            self._add(f"{call.label}/z", "z", call.label, call.z, Symbol("z", number))
        self._add(f"{call.label}/a", "a", call.label, call.a, Symbol("a", number))

    def _add(
        self, name: str, role: str, layer: str, tensor: Tensor, symbol: Symbol, value: Any = None, note: str = ""
    ) -> None:
        gradient = self._gradients.get(id(tensor))
        array = np.array(value_of(tensor) if value is None else value)
        symbol = self._symbols.setdefault(id(tensor), symbol)
        if role in ("x", "a", "z") and gradient is None and not note:
            note = self._why_no_gradient(tensor)
        self._quantities[name] = Quantity(name, role, layer, array, gradient, note, symbol, tensor)

    def _why_no_gradient(self, tensor: Tensor) -> str:
        if tensor is self._y_pred and len(self.records) > self.end_of_model:
            return "the loss is computed from z at once, past a"
        return "the loss does not depend on it" if id(tensor) in self._symbols else ""

    # Looking up --------------------------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The names of all quantities, in the order of the forward pass."""
        return list(self._quantities)

    @property
    def layers(self) -> list[str]:
        """The layers in the order of their calls."""
        return [call.label for call in self.calls]

    def __getitem__(self, name: str) -> Quantity:
        """A quantity by its name.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in self._quantities:
            raise unknown_name("quantity", str(name), self._quantities)
        return self._quantities[name]

    def __contains__(self, name: object) -> bool:
        return name in self._quantities

    def __iter__(self) -> Iterator[str]:
        return iter(self._quantities)

    def __len__(self) -> int:
        return len(self._quantities)

    def gradient_of(self, tensor: Tensor) -> Array | None:
        """dL/d(value) of one of the tape's values."""
        return self._gradients.get(id(tensor))

    def symbol_of(self, tensor: Tensor) -> Symbol | None:
        """How formulas call one of the tape's values; None for what has no name."""
        return self._symbols.get(id(tensor))

    def value_of(self, tensor: Tensor) -> Array:
        """One of the tape's values, variables as they were during the pass."""
        found = self._before.get(id(tensor))
        return np.asarray(value_of(tensor)) if found is None else found

    def slopes(self, target: Tensor, source: Tensor) -> Array | None:
        """d(sum of target)/d(source), for values of the tape."""
        found: Array | None = self._tape.gradient(target, source)
        return found

    @property
    def gradients(self) -> dict[str, Array]:
        """dL/d(weight) for each weight that is trained, by name: what the optimizer is given."""
        trained = {id(variable) for variable, _ in self._variables if variable.trainable}
        return {
            name: quantity.gradient
            for name, quantity in self._quantities.items()
            if id(quantity.tensor) in trained and quantity.gradient is not None
        }

    @property
    def sample_losses(self) -> Array | None:
        """(batch,): each sample's share of the loss. With the penalties they add up to it.

        None where an own loss is no sum over samples.
        """
        return self.loss_terms.shares

    @property
    def penalties(self) -> dict[str, float]:
        """What regularizers and `add_loss` add to the loss, by what they are about."""
        return self.loss_terms.penalties

    # What can be asked -------------------------------------------------------------------------------------------------

    def why(self, name: str, *index: int) -> Explanation:
        """The chain rule for one number: why dL/d(name[index]) is what it is, opened link by link down to the loss.

        In symbols, then with the numbers in; for a weight with what each sample adds to it. It adds up to the entry within
        rounding, and says so.

        Args:
            name: a weight ("dense_1/kernel"), an activation ("dense/a", "dense/z"), or an input ("x", "dense/x").
            *index: where in it, as for NumPy: why("dense_1/kernel", 3, 1).

        Raises:
            ValueError: an unknown name, or a value that the loss does not depend on.
            IndexError: an index that is not there.
        """
        from tinynn.explain.why import explain

        return explain(self, name, index)

    def paths(self, name: str, *index: int, count: int = 5) -> Paths:
        """The routes from one number to the loss that carry most of its gradient, exactly, largest first.

        Args:
            name, *index: the number, as for `why`.
            count: how many; large networks have more than can be listed.

        Raises:
            ValueError, IndexError: as `why`.
        """
        from tinynn.explain.paths import paths

        return paths(self, name, index, count)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers: {"loss", "sample_losses", "penalties", "quantities": {name: ...}}."""
        shares = self.sample_losses
        return {
            "model": self.model_name,
            "loss": self.loss,
            "sample_losses": None if shares is None else shares.tolist(),
            "penalties": self.penalties,
            "quantities": {
                name: {
                    "layer": quantity.layer,
                    "role": quantity.role,
                    "value": quantity.value.tolist(),
                    "gradient": None if quantity.gradient is None else quantity.gradient.tolist(),
                    "note": quantity.note,
                }
                for name, quantity in self._quantities.items()
            },
        }

    def page(self) -> Page:
        """The tables."""
        from tinynn.explain.trace_page import trace_page

        return trace_page(self)


def _count(label: str) -> int:
    """2 for "dense#2", else 0."""
    _, mark, count = label.rpartition("#")
    return int(count) if mark and count.isdigit() else 0


def _name_of_loss(model: Any) -> str:
    loss = model._compile_loss
    if loss is None:
        return "penalties alone"
    found = loss.loss if loss.loss is not None else loss.identifier
    return str(getattr(found, "name", None) or getattr(found, "__name__", found))
