"""The chain rule, on one page: how a gradient travels from a loss back to every number it came from.

Each operation of `tinynn.ops` is a function that returns two things: its output, and a closure `backward` that turns
dL/d(output) into dL/d(each input). While a tape is open, every operation that touches a watched value leaves a
`Record`: which operation made which output from which inputs, and its `backward`. That is all the forward pass does.

    x = tinynn.Variable([1.0, 2.0])
    with tinynn.GradientTape() as tape:          # records, in order:
        y = ops.square(x)                        #   square: x -> y
        loss = ops.sum(y)                        #   sum:    y -> loss
    tape.gradient(loss, x)                       # [2.0, 4.0]

`gradient` then walks the records backwards. It starts with dL/dL = 1; for each record whose output the loss depends on,
it calls `backward` and adds what comes out to the inputs' running sums. Adding is the multivariate chain rule: where one
value feeds several operations, dL/dx is the sum over the routes. When the walk ends, every sum is complete, because
an operation always comes after the operations that made its inputs.

Nothing else is differentiated anywhere in tinynn: a Dense layer, a loss and a user's own `train_step` all come here.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import Recorded, snapshot_of, value_of

Backward = Callable[[Array], Any]
"""dL/d(output) -> dL/d(input) for each positional input in order: one array, or a tuple of arrays and Nones."""


class Record(NamedTuple):
    """One operation as it happened: `output = name(*inputs, **settings)`."""

    name: str
    inputs: tuple[Tensor, ...]
    output: Recorded
    backward: Backward
    settings: Mapping[str, Any] = MappingProxyType({})


class GradientTape:
    """Records operations while open and differentiates what it recorded, as `tf.GradientTape`.

    Trainable variables are watched by themselves; watch anything else by name. Operations on the handle that `watch`
    returns are recorded too (`x = tape.watch(x)`, then `x * x`); on the plain array only those of `tinynn.ops` are.

    Args:
        persistent: keep the records after `gradient`, so that it can be called again.
        watch_accessed_variables: watch trainable variables without being asked.

    Differs from TensorFlow: derivatives of derivatives are not recorded (backward passes are plain NumPy).
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self.persistent = persistent
        self.watch_accessed_variables = watch_accessed_variables
        self.records: list[Record] = []
        self._known: dict[int, Tensor] = {}  # id -> the value itself, kept so that no other value gets its id
        self._used = False

    def __enter__(self) -> GradientTape:
        _open_tapes().append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _open_tapes().remove(self)

    def watch(self, tensor: Tensor) -> Any:
        """Follow the gradient to this value (or each value of a list, tuple or dict).

        Returns:
            A handle on the value whose operators (`+`, `*`, `@`, ...) are recorded as well; the value itself is watched too.
        """
        if isinstance(tensor, dict):
            return {key: self.watch(value) for key, value in tensor.items()}
        if isinstance(tensor, (list, tuple)):
            return type(tensor)([self.watch(value) for value in tensor])
        self._known[id(tensor)] = tensor
        if not isinstance(tensor, np.ndarray):
            return tensor
        handle = Recorded(tensor)
        self._known[id(handle)] = handle
        self.records.append(Record("watch", (tensor,), handle, lambda d_out: d_out))
        return handle

    def knows(self, tensor: Tensor) -> bool:
        """Whether a value is watched or was computed from one that is."""
        return id(tensor) in self._known or (
            self.watch_accessed_variables and getattr(tensor, "trainable", False) is True
        )

    def record(self, record: Record) -> None:
        """Note that an operation happened."""
        self.records.append(record)
        self._known[id(record.output)] = record.output

    def gradient(
        self,
        target: Tensor,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: str = "none",
    ) -> Any:
        """dL/d(source) for each source, L being the sum of the target's entries.

        Args:
            target: what to differentiate: a recorded value, or a list of them (their sum).
            sources: one value or a list, tuple or dict of them: variables, watched arrays or recorded intermediates.
            output_gradients: dL/d(target), shaped like the target; ones by default.
            unconnected_gradients: what to give for a source that the target does not depend on: "none" or "zero".

        Returns:
            Gradients in the structure of `sources`.

        Raises:
            ValueError: the target is a plain array that nothing was recorded for.
            RuntimeError: a second call on a tape that is not persistent.
        """
        if self._used and not self.persistent:
            raise RuntimeError("gradient was already called on this tape; open it with GradientTape(persistent=True).")
        if unconnected_gradients not in ("none", "zero"):
            raise ValueError(f'unconnected_gradients must be "none" or "zero"; got {unconnected_gradients!r}.')
        d = self._walk_back(target, output_gradients)
        self._used = True
        if not self.persistent:
            self.records, self._known = [], {}

        def look_up(source: Tensor) -> Any:
            found = d.get(id(source))
            if found is None:
                return np.zeros_like(value_of(source)) if unconnected_gradients == "zero" else None
            return np.array(found)  # the caller's own: backward passes share arrays

        return _map(look_up, sources)

    def _walk_back(self, target: Tensor, output_gradients: Any) -> dict[int, Array]:
        """The backward pass: dL/d(value) for every value the target depends on, by id."""
        d: dict[int, Array] = {}
        targets = target if isinstance(target, (list, tuple)) else [target]
        upstream = (
            output_gradients if isinstance(output_gradients, (list, tuple)) else [output_gradients] * len(targets)
        )
        for value, d_value in zip(targets, upstream, strict=True):
            self._check_target(value)
            ones = np.ones_like(value_of(value))
            _add(
                d, value, ones if d_value is None else np.broadcast_to(value_of(d_value), ones.shape).astype(ones.dtype)
            )
        for record in reversed(self.records):
            d_out = d.get(id(record.output))
            if d_out is None:
                continue  # the target does not depend on this operation
            d_inputs = record.backward(d_out)
            for source, d_source in zip(record.inputs, d_inputs if isinstance(d_inputs, tuple) else (d_inputs,)):
                if d_source is not None:
                    _add(d, source, d_source)
        return d

    def _check_target(self, value: Tensor) -> None:
        if not self.knows(value):
            raise ValueError(
                "The target was not recorded on this tape: no watched value led to it. Compute it inside the `with` block "
                "from variables or from `x = tape.watch(x)`, with tinynn.ops or Python's operators; NumPy functions on "
                "`.numpy()` values leave the tape."
            )


def differentiable(forward: Callable[..., tuple[Array, Backward]]) -> Callable[..., Any]:
    """Make an operation that tapes can record from a function that returns `(output, backward)`.

    Positional arguments may be arrays, recorded values or variables and are what is differentiated; keyword arguments
    are settings. `forward` sees plain values. Without an open tape the output is a plain array. This is also the way
    to an own operation with its own derivative (as `tf.custom_gradient`):

        @tinynn.custom_gradient
        def cube(x):
            def backward(d_out):
                return d_out * 3 * x**2
            return x**3, backward
    """

    @functools.wraps(forward)
    def operation(*inputs: Tensor, **settings: Any) -> Any:
        listening = [tape for tape in _open_tapes() if any(map(tape.knows, inputs))]
        if not listening:
            output, _ = forward(*[value_of(x) for x in inputs], **settings)
            return output
        output, backward = forward(*[snapshot_of(x) for x in inputs], **settings)
        recorded = Recorded(output)
        for tape in listening:
            tape.record(Record(forward.__name__.lstrip("_"), inputs, recorded, backward, settings))
        return recorded

    return operation


def any_tape_open() -> bool:
    """Whether operations in this thread may be recorded."""
    return bool(_open_tapes())


def is_followed(tensor: Tensor) -> bool:
    """Whether a tape of this thread is open that leads gradients to this value."""
    return any(tape.knows(tensor) for tape in _open_tapes())


@contextlib.contextmanager
def without_tapes() -> Iterator[None]:
    """Nothing that happens within is recorded."""
    tapes = _open_tapes()
    before = tapes[:]
    tapes.clear()
    try:
        yield
    finally:
        tapes[:] = before


_local = threading.local()


def _open_tapes() -> list[GradientTape]:
    """The tapes that are open in this thread."""
    tapes: list[GradientTape] | None = getattr(_local, "tapes", None)
    if tapes is None:
        tapes = _local.tapes = []
    return tapes


def _add(d: dict[int, Array], value: Tensor, d_value: Array) -> None:
    """Add one route's share to the running sum of dL/d(value). Never in place: backward passes may share arrays."""
    known = d.get(id(value))
    d[id(value)] = d_value if known is None else known + d_value


def _map(function: Callable[[Tensor], Any], structure: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _map(function, value) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_map(function, value) for value in structure]
    return function(structure)


def stop_gradient(tensor: Tensor) -> Any:
    """The plain value: what is computed from it does not lead back to where it came from."""
    if isinstance(tensor, Iterable) and not hasattr(tensor, "shape"):
        return [stop_gradient(value) for value in tensor]
    return value_of(tensor)
