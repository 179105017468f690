"""The optimizer for the compiled loop: its rule as a unit, what a step does around it, and the numbers of steps to come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinynn import optimizers
from tinynn._typing import Array, DType
from tinynn.buffer import pack
from tinynn.engine import codes as c
from tinynn.engine import machine, twins
from tinynn.engine.plan import NoTwin, Plan, offsets_of, words_of
from tinynn.engine.units import Unit, settings_of
from tinynn.kernels import muon
from tinynn.optimizers.adafactor import shapes_of
from tinynn.optimizers.optimizer import starts_of


class Rule:
    """The optimizer as a unit, its slots as flat vectors, and the numbers of every step to come."""

    def __init__(self, optimizer: Any, plan: Plan) -> None:
        whole = twins.WHOLE_RULES.get(type(optimizer))
        rule = twins.Rule(twins.NO_RULE) if whole else twins.RULES.get(type(optimizer))
        if rule is None:
            raise NoTwin(f"optimizer {getattr(optimizer, 'name', optimizer)!r}")
        optimizer.build(plan.variables)
        beside = [option for option in optimizer.around_the_rule if option not in _BESIDE]
        if beside:
            raise NoTwin(f"optimizer {optimizer.name!r} with {beside[0]}")
        known = optimizer._trainable_variables
        if len(known) != len(plan.variables) or any(one is not other for one, other in zip(known, plan.variables)):
            raise NoTwin("the optimizer was built for other variables")
        self.optimizer, self.real, self.unit, names = optimizer, plan.real, rule.unit, rule.slots
        self.fused = False  # with the product that gives the gradient
        if type(optimizer) is optimizers.SGD:
            if optimizer.momentum and "momentum" not in optimizer._slots:
                raise NoTwin("momentum that was 0 when the optimizer was built")
            moving = twins.NESTEROV if optimizer.nesterov else twins.MOMENTUM
            self.unit = moving if optimizer.momentum else rule.unit
            self.fused = not optimizer.momentum
        for option, slots in (
            ("use_ema", optimizer._model_variables_moving_average),
            ("gradient_accumulation_steps", optimizer._accumulated_gradients),
        ):
            if getattr(optimizer, option) and not slots:
                raise NoTwin(f"{option} that was not there when the optimizer was built")
        flats = {name: pack(slots)[0] for name, slots in optimizer._slots.items()}
        slots = [flats.get(name, np.empty(0, plan.real)) for name in names]
        self.slots = [*slots, *[np.empty(0, plan.real)] * (4 - len(slots))]
        self.rates: int = self._rates(optimizer._iterations.value[None] + 1, plan.real).shape[1]
        self.due = -1  # which number of a step says that it makes an update
        self._options = dict(vars(optimizer))
        self._rows: list[list[int]] = []
        self._extra_units: list[Unit] = []
        self._settings: list[float] = []  # of the extras
        self._numbers: list[Callable[[Array], Any]] = []  # further numbers of steps t, after the plain rate
        self._kept_alive: list[Array] = []
        self._before_the_rule(plan)
        if whole is not None:
            self._of_whole_variables(whole, plan)
        self._after_the_step(plan)
        self.extras = np.array(self._rows, np.int64).reshape(-1, c.EXTRA_FIELDS)
        self.settings = np.array(self._settings)

    def is_current(self, optimizer: Any) -> bool:
        """Whether this is the optimizer, with the options that it had. Variables change in place, and are no options."""
        return self.optimizer is optimizer and self._options == vars(optimizer)

    def _before_the_rule(self, plan: Plan) -> None:
        """Gradient accumulation, clipping, weight decay: they see all parameters."""
        optimizer, size = self.optimizer, plan.params.size
        starts = np.array([*offsets_of(plan.variables).values(), size], np.int64)
        decays = np.asarray(optimizer.weight_decays(plan.variables), np.float64)
        if optimizer.gradient_accumulation_steps:
            self.due = self._number(lambda t: t % optimizer.gradient_accumulation_steps == 0)
            sums = pack(optimizer._accumulated_gradients)[0]
            batches = {"batches": optimizer.gradient_accumulation_steps}
            self._add(twins.ACCUMULATE, c.ON_GRADIENTS, (0, size), [sums], batches, self.due)
        for option, unit in twins.CLIPS.items():
            if getattr(optimizer, option):
                arrays = [] if option == "clipvalue" else [starts]
                settings = dict.fromkeys(("clipnorm", "clipvalue"), getattr(optimizer, option))
                self._add(unit, c.BEFORE_RULE, (0, size), arrays, settings)
                break
        if decays.any():
            self._add(twins.WEIGHT_DECAY, c.BEFORE_RULE, (0, size), [starts, decays], {}, self.rates)

    def _of_whole_variables(self, rule: twins.Rule, plan: Plan) -> None:
        """The rule itself, where it sees variable by variable."""
        kinds = [self.optimizer._slots[name] for name in rule.slots]
        slots = [[slot for slot in kind if slot.value.dtype == plan.real] for kind in kinds]
        arrays = [pack(kind)[0] if kind else np.empty(0, plan.real) for kind in slots]
        places = [starts_of(plan.variables)]
        if type(self.optimizer) is optimizers.Adafactor:
            places = [shapes_of(plan.variables).reshape(-1)]
        if type(self.optimizer) is optimizers.Muon:
            shapes = self.optimizer.shapes_of(plan.variables)
            places = [shapes.reshape(-1), np.empty(muon.room_for(shapes), plan.real)]
        self._add(rule.unit, c.BEFORE_RULE, (0, plan.params.size), [*arrays, *places], vars(self.optimizer))

    def _after_the_step(self, plan: Plan) -> None:
        """The moving average of all parameters; then constraints, each of a variable."""
        optimizer, size = self.optimizer, plan.params.size
        if optimizer.use_ema:
            averages = [pack(optimizer._model_variables_moving_average)[0]]
            kept = self._number(lambda t: np.where(self._iterations(t) > 0, optimizer.ema_momentum, 0.0))
            self._add(twins.AVERAGE, c.AFTER_STEP, (0, size), averages, {}, kept)
            if optimizer.ema_overwrite_frequency:
                every = optimizer.ema_overwrite_frequency
                due = self._number(lambda t: (self._iterations(t) + 1) % every == 0)
                self._add(twins.OVERWRITE, c.AFTER_STEP, (0, size), averages, {}, due)
        for variable, first in zip(plan.variables, offsets_of(plan.variables).values()):
            if variable.constraint is not None:
                found = twins.constraint_of(variable.constraint, variable.shape)
                if found is None:
                    raise NoTwin(f"constraint of {variable.path}")
                own = plan.params[first : first + variable.value.size]
                arrays = [own.reshape(found.shape), np.empty(found.lengths, plan.real)] if found.lengths else []
                self._add(found.unit, c.AFTER_STEP, (first, own.size), arrays, found.settings)

    def _add(
        self,
        unit: Unit,
        when: int,
        part: tuple[int, int],
        arrays: list[Array],
        settings: Mapping[str, float],
        number: int = 0,
    ) -> None:
        """A row for a unit that sees a part (first, size) of the parameters, arrays of its own and a number of each step."""
        at = len(self._settings)
        self._settings += settings_of(unit, settings)
        self._rows.append([0, at, when, *part, number, *words_of(arrays, c.EXTRA_FIELDS - c.EXTRA_SLOTS)])
        self._extra_units.append(unit)
        self._kept_alive += arrays

    def _number(self, of_steps: Callable[[Array], Any]) -> int:
        """One more number for each step; which one it is. The plain rate stands before all of these."""
        self._numbers.append(of_steps)
        return self.rates + len(self._numbers)

    def _iterations(self, t: Array) -> Array:
        """The count of updates before steps t, as `Optimizer.iterations` gives it."""
        return np.asarray((t - 1) // (self.optimizer.gradient_accumulation_steps or 1))

    @property
    def units(self) -> list[Unit]:
        """What the loop calls to step."""
        return [self.unit, *self._extra_units]

    def write(self, settings: Array) -> None:
        """The optimizer's numbers as they are now."""
        numbers = settings_of(self.unit, vars(self.optimizer))
        settings[c.RULE_SETTING : c.RULE_SETTING + len(numbers)] = numbers

    def bind(self) -> int:
        """The address of the rule's unit; those of the others go into the table."""
        self.extras[:, c.EXTRA_UNIT] = [machine.address(self.real, unit) for unit in self._extra_units]
        return machine.address(self.real, self.unit)

    def learning_rates(self, steps: int, real: DType) -> Array:
        """(steps, numbers): rates with the rule's corrections, the plain rate, then others that extras take."""
        first = int(self.optimizer._iterations.value) + 1
        t = np.arange(first, first + steps)
        numbers = np.zeros((steps, self.rates + 1 + len(self._numbers)), real)
        if self.due < 0:
            numbers[:, : self.rates] = self._rates(t, real)
        elif (due := self._due(t)).any():
            numbers[due, : self.rates] = self._rates(t[due], real)
        numbers[:, self.rates] = self.optimizer.learning_rates(t, real)
        for i, of_steps in enumerate(self._numbers, self.rates + 1):
            numbers[:, i] = of_steps(t)
        return numbers

    def took_steps(self, steps: int) -> None:
        """Tell the optimizer."""
        first = int(self.optimizer._iterations.value) + 1
        t = np.arange(first, first + steps)
        if self.due >= 0:
            t = t[self._due(t)]
        if t.size:
            self.optimizer.took_steps(t)
        self.optimizer._iterations.value += steps

    def _due(self, t: Array) -> Array:
        """Which of the steps t make an update."""
        return np.asarray(t % (self.optimizer.gradient_accumulation_steps or 1) == 0)

    def _rates(self, t: Array, real: DType) -> Array:
        return np.asarray(self.optimizer.step_sizes(t, real), real).reshape(len(t), -1)


_BESIDE = (
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "weight_decay",
    "use_ema",
    "gradient_accumulation_steps",
    "a constraint",
)
"""What optimizers do around their rule that has twins; the rest sends the model to the reference engine."""
