"""The base of all optimizers: the learning rate, the count of steps, and slots in flat vectors."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tinynn import config
from tinynn._checks import did_you_mean
from tinynn._naming import unique_name
from tinynn._typing import Array, DType
from tinynn.buffer import flat_view, pack
from tinynn.engine.recorded import value_of
from tinynn.variable import Variable

NOT_YET = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}
"""Keras's options that tinynn does not have yet, with their defaults, which are what it does."""


class Optimizer:
    """Changes variables by their gradients. Subclasses name their slots and write `step`, over flat vectors.

    A slot is an array beside each variable (a velocity, a running mean). All slots of a kind stand in one flat vector
    in the variables' order, and where the variables do too (`tinynn.buffer.pack`), a step is one loop over everything.

    Args:
        learning_rate: a number; read and assigned later as `optimizer.learning_rate`.
        name: "adam", "adam_1", ... by default.

    Raises:
        ValueError: a learning rate that is no number, or an argument it does not have.
    """

    slot_names: Sequence[str] = ()
    """Of the slots now in use, in Keras's order."""

    slots_made_together: Sequence[str] = ()
    """Slots that stand side by side for each variable in `variables`, as Keras has them; others come kind by kind."""

    def __init__(self, learning_rate: Any, name: str | None = None, **kwargs: Any) -> None:
        self._refuse(kwargs)
        self.name = name or unique_name(type(self).__name__)
        if isinstance(learning_rate, bool) or not isinstance(learning_rate, (int, float, np.number, np.ndarray)):
            raise ValueError(
                f"{type(self).__name__} expects learning_rate to be a number, such as 0.001; got {learning_rate!r}."
            )
        self._iterations = Variable(np.array(0, np.int64), trainable=False, name="iteration")
        self._learning_rate = Variable(
            float(learning_rate), dtype=config.floatx(), trainable=False, name="learning_rate"
        )
        for variable in (self._iterations, self._learning_rate):
            variable._path = f"{self.name}/{variable.name}"
        self.built = False
        self._trainable_variables: list[Variable] = []
        self._slots: dict[str, list[Variable]] = {}

    def _refuse(self, kwargs: dict[str, Any]) -> None:
        for argument, value in kwargs.items():
            if argument == "decay":
                warnings.warn("Argument `decay` is no longer supported and will be ignored.", stacklevel=4)
                continue
            if argument in NOT_YET:
                if value != NOT_YET[argument]:
                    raise ValueError(f"{type(self).__name__}: {argument} is not there yet in this version of tinynn.")
                continue
            if argument == "lr":
                raise ValueError(f"{type(self).__name__} has no argument lr any more; it is called learning_rate.")
            code = type(self).__init__.__code__
            own = code.co_varnames[1 : code.co_argcount]
            hint = did_you_mean(argument, [*own, *NOT_YET])
            raise ValueError(f"Argument(s) not recognized: {kwargs}.{hint}")

    def step_sizes(self, t: Array, dtype: DType) -> Array:
        """What `step` is given for a learning rate at steps t (n,) = 1, 2, ...: the rate itself unless a rule corrects it."""
        return np.full(len(t), self._learning_rate.value, dtype)

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: float) -> None:
        """Change params (n,) in place by grads (n,), with slots (n,) of the names in `slot_names`."""
        raise NotImplementedError(f"Optimizer {type(self).__name__} does not have a `step()` method implemented.")

    @property
    def iterations(self) -> Variable:
        """How many steps were taken."""
        return self._iterations

    @property
    def learning_rate(self) -> Variable:
        """The learning rate; assign a number to change it."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._learning_rate.assign(np.asarray(value_of(value), self._learning_rate.dtype))

    @property
    def variables(self) -> list[Variable]:
        """The iteration count, the learning rate, and the slots in Keras's order."""
        together = [slots for name, slots in self._slots.items() if name in self.slots_made_together]
        apart = [slots for name, slots in self._slots.items() if name not in self.slots_made_together]
        slots = [slot for of_one in zip(*together) for slot in of_one] + [slot for kind in apart for slot in kind]
        return [self._iterations, self._learning_rate, *slots]

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots for these variables; `apply` does it by itself."""
        if self.built:
            return
        self._trainable_variables = list(variables)
        self._slots = {
            name: [self._slot(variable, name) for variable in self._trainable_variables] for name in self.slot_names
        }
        for slot in self._slots.values():
            pack(slot)
        self.built = True

    def _slot(self, variable: Variable, name: str) -> Variable:
        full_name = f"{variable.path.replace('/', '_')}_{name}"
        slot = Variable(np.zeros_like(variable.value), trainable=False, name=full_name)
        slot._path = f"{self.name}/{full_name}"
        return slot

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """One step from pairs (gradient, variable); see `apply`."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """One step. Variables whose gradient is None stay as they are.

        Raises:
            ValueError: no gradient at all, or variables that the optimizer was not built for.
        """
        if len(grads) == 0:
            return
        if trainable_variables is not None:
            self.build(trainable_variables)
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        self._check_known(variables, len(grads))
        pairs = [(value_of(gradient), variable) for gradient, variable in zip(grads, variables) if gradient is not None]
        if not pairs:
            raise ValueError("No gradients provided for any variable: the loss does not depend on them.")
        missing = [variable.path for gradient, variable in zip(grads, variables) if gradient is None]
        if missing:
            warnings.warn(
                f"Gradients do not exist for variables {missing} when minimizing the loss. They stay as they are.",
                stacklevel=2,
            )
        self._apply_pairs(pairs)
        self._iterations.value += 1
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))

    def _check_known(self, variables: Sequence[Variable], n_grads: int) -> None:
        known = {id(variable) for variable in self._trainable_variables}
        for variable in variables:
            if id(variable) not in known:
                raise ValueError(
                    f"Unknown variable: {variable.path}, of shape {variable.shape}. This optimizer was built for other "
                    "variables; make a new optimizer for these (or call `optimizer.build(variables)` with the full list of "
                    "variables before the first step)."
                )
        if n_grads != len(variables):
            raise ValueError(f"The optimizer expects one gradient per variable, {len(variables)}; got {n_grads}.")

    def _apply_pairs(self, pairs: Sequence[tuple[Array, Variable]]) -> None:
        """One loop over the flat vectors when the variables tile one, else the same loop variable by variable."""
        next_step = np.array([int(self._iterations.value) + 1])
        variables = [variable for _, variable in pairs]
        params = flat_view(variables)
        all_here = len(variables) == len(self._trainable_variables) and all(
            map(_same, variables, self._trainable_variables)
        )
        slots = {name: flat_view(slot) for name, slot in self._slots.items()}
        if params is not None and all_here and all(flat is not None for flat in slots.values()):
            grads = np.concatenate([np.ravel(gradient) for gradient, _ in pairs]).astype(params.dtype, copy=False)
            rate = float(self.step_sizes(next_step, params.dtype)[0])
            self.step(params, grads, {name: flat for name, flat in slots.items() if flat is not None}, rate)
            return
        place = {id(variable): i for i, variable in enumerate(self._trainable_variables)}
        for gradient, variable in pairs:
            own = {name: slot[place[id(variable)]].value.reshape(-1) for name, slot in self._slots.items()}
            flat_gradient = np.ravel(gradient).astype(variable.value.dtype, copy=False)
            rate = float(self.step_sizes(next_step, variable.value.dtype)[0])
            self.step(variable.value.reshape(-1), flat_gradient, own, rate)

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        return {"name": self.name, "learning_rate": float(self._learning_rate.value), **NOT_YET}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An optimizer from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _same(one: Any, other: Any) -> bool:
    return one is other


def unit_interval(name: str, value: Any) -> float:
    """A number in [0, 1].

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number in [0, 1]; got {value!r}.")
    return float(value)
