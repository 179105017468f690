"""The base of all optimizers: the learning rate, the count of steps, slots in flat vectors, and what a step does around a rule.

A step, in this order, which is Keras's:

    undo the scaling of the loss; add up gradients until there are enough; clip them; shrink the weights;
    the rule itself; the moving average of the weights, and the weights overwritten by it; constraints; count the step.

The mathematics of each stands in `tinynn/kernels/`.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict

import numpy as np

from tinynn import config, initializers
from tinynn._checks import did_you_mean
from tinynn._naming import unique_name
from tinynn._typing import Array, DType, Shape
from tinynn.buffer import flat_view, pack
from tinynn.engine.recorded import value_of
from tinynn.kernels import clip, gradient_accumulation, moving_average, weight_decay
from tinynn.optimizers import schedules
from tinynn.optimizers.schedules import LearningRateSchedule
from tinynn.variable import Variable


class CommonOptions(TypedDict, total=False):
    """Arguments that every optimizer takes; `Optimizer` says what they mean."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class Options(CommonOptions, total=False):
    """With weight decay, which AdamW has among its own arguments."""

    weight_decay: float | None


class Optimizer:
    """Changes variables by their gradients.

    Subclasses name their slots and write `step`, over flat vectors; or, as in Keras, `build` and `update_step`, variable by
    variable. A slot is an array beside each variable (a velocity, a running mean). All slots of a kind stand in one flat
    vector in the variables' order, and where the variables do too (`tinynn.buffer.pack`), a step is one loop over everything.

    Args:
        learning_rate: a number, a `LearningRateSchedule`, or a function without arguments that is asked at every step.
        weight_decay: before each step every weight shrinks by this times the learning rate, relatively; see
            `exclude_from_weight_decay`.
        clipnorm: the norm of each variable's gradient is this at most.
        clipvalue: the size of each entry of the gradient is this at most.
        global_clipnorm: the norm of all gradients together is this at most. Only one of the three.
        use_ema: keep a moving average of the weights, average <- ema_momentum average + (1 - ema_momentum) weights; `fit`
            puts it in the place of the weights when it is done, an own loop by `finalize_variable_values`.
        ema_momentum: in [0, 1].
        ema_overwrite_frequency: the average takes the place of the weights every so many steps too.
        loss_scale_factor: the loss is multiplied by this before it is differentiated, the gradients divided by it.
        gradient_accumulation_steps: step once in so many calls, with their mean gradient. Schedules count calls, corrections
            such as Adam's and `ema_overwrite_frequency` count steps.
        name: "adam", "adam_1", ... by default.

    Raises:
        ValueError: a learning rate that is none, options that exclude each other, or an argument it does not have.
    """

    slot_names: Sequence[str] = ()
    """Of the slots now in use, in Keras's order."""

    slots_made_together: Sequence[str] = ()
    """Slots that stand side by side for each variable in `variables`, as Keras has them; others come kind by kind."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """`help()` and `inspect.signature` show every argument where `__init__` passes `*args, **options` on."""
        super().__init_subclass__(**kwargs)
        own = inspect.signature(cls.__init__).parameters
        if "options" in own:
            common = inspect.signature(Optimizer.__init__).parameters.values()
            named = [p for p in list(own.values())[1:] if p.kind is p.POSITIONAL_OR_KEYWORD]
            added = [p for p in common if p.name in Options.__annotations__.keys() - own.keys()]
            cls.__signature__ = inspect.Signature([*named, *added])  # type: ignore[attr-defined]

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        learning_rate = self._old_spellings(learning_rate, kwargs)
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        if sum(bound is not None for bound in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
                f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
            )
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        if use_ema:
            _check_ema(ema_momentum, ema_overwrite_frequency)
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        if gradient_accumulation_steps and not gradient_accumulation_steps >= 2:
            raise ValueError(
                "`gradient_accumulation_steps` must be an integer >= 2. Received: "
                f"gradient_accumulation_steps={gradient_accumulation_steps}"
            )
        self.name = name or unique_name(type(self).__name__)
        self._iterations = Variable(np.array(0, np.int64), trainable=False, name="iteration")
        self._iterations._path = f"{self.name}/iteration"
        self._learning_rate = self._rate(learning_rate)
        self.built = False
        self._trainable_variables: list[Variable] = []
        self._places: dict[int, int] = {}
        self._slots: dict[str, list[Variable]] = {}
        self._model_variables_moving_average: list[Variable] = []
        self._accumulated_gradients: list[Variable] = []
        self._added: list[Variable] = []
        self._excluded: list[Variable] = []
        self._excluded_names: re.Pattern[str] | None = None

    def _old_spellings(self, learning_rate: Any, kwargs: dict[str, Any]) -> Any:
        """The learning rate; `lr` and `decay` of Keras 2 are answered, anything else refused."""
        where = type(self).__name__
        if "lr" in kwargs:
            learning_rate = kwargs.pop("lr")
            warnings.warn(
                f"{where}: lr is called learning_rate now; write learning_rate={learning_rate!r}.", stacklevel=4
            )
        decay = kwargs.pop("decay", None)
        if decay is not None:
            warnings.warn(
                "Argument `decay` is no longer supported and will be ignored. A learning rate that falls: "
                f"learning_rate=optimizers.schedules.InverseTimeDecay({learning_rate!r}, 1, {decay!r}).",
                stacklevel=4,
            )
        for argument in kwargs:
            hint = did_you_mean(argument, [*inspect.signature(type(self)).parameters, *Options.__annotations__])
            raise ValueError(f"Argument(s) not recognized: {kwargs}.{hint}")
        return learning_rate

    def _rate(self, learning_rate: Any) -> Any:
        """The learning rate as it is kept: a Variable in floatx for a number, else the schedule or the function itself."""
        if isinstance(learning_rate, LearningRateSchedule):
            return learning_rate
        if isinstance(learning_rate, (int, float, np.number, np.ndarray)) and not isinstance(learning_rate, bool):
            rate = Variable(float(learning_rate), dtype=config.floatx(), trainable=False, name="learning_rate")
            rate._path = f"{self.name}/learning_rate"
            return rate
        if callable(learning_rate) and not isinstance(learning_rate, type):
            return learning_rate
        raise ValueError(
            f"{type(self).__name__} expects learning_rate to be a number, such as 0.001, a LearningRateSchedule, or a "
            f"function without arguments; got {learning_rate!r}."
        )

    # What rules write --------------------------------------------------------------------------------------------------

    def step_sizes(self, t: Array, dtype: DType) -> Array:
        """What `step` is given for a learning rate at steps t (n,) = 1, 2, ...: the rate itself unless a rule corrects it.

        Returns:
            (n,), or (n, k) where a rule needs k numbers a step. All known before the steps are taken, so that a compiled
            loop asks for many at once; `took_steps` tells the optimizer afterwards.
        """
        return self.learning_rates(t, dtype)

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """Change params (n,) in place by grads (n,), with slots (n,) of the names in `slot_names`.

        learning_rate is the step's entry of `step_sizes`: a float, or an array (k,).
        """
        raise NotImplementedError(f"Optimizer {type(self).__name__} does not have a `step()` method implemented.")

    def step_on(
        self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any, variables: Sequence[Variable]
    ) -> None:
        """As `step`; written instead by rules that look at whole variables, which stand in params one after another."""
        self.step(params, grads, slots, learning_rate)

    def took_steps(self, t: Array) -> None:
        """Called after steps t (n,) = iterations + 1, ...: for rules that keep more than slots. `iterations` is still old."""

    def update_step(self, gradient: Array, variable: Variable, learning_rate: Any) -> None:
        """Keras's way to write a rule, instead of `step`: change one variable and its slots by `self.assign` and kin."""
        raise NotImplementedError(
            f"Optimizer {type(self).__name__} does not have an `update_step()` method implemented."
        )

    def initial_slot(self, name: str, variable: Variable) -> Variable:
        """The slot of this name beside a variable; zeros of its shape unless a rule says otherwise."""
        return self._slot(variable, name, np.zeros_like(variable.value))

    # Learning rate and iterations --------------------------------------------------------------------------------------

    def learning_rates(self, t: Array, dtype: DType) -> Array:
        """The plain learning rates of steps t (n,) = 1, 2, ..., without a rule's corrections: (n,) of the dtype.

        A schedule is asked for all steps in one call, a schedule or a function of the user's for one after the other.
        """
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return np.full(len(t), rate.value, dtype)
        if isinstance(rate, LearningRateSchedule):
            return np.asarray(schedules.at_steps(rate, t - 1), dtype)
        return np.array([float(value_of(rate())) for _ in t], dtype)

    def updates(self, t: Array) -> Array:
        """Which update step t = 1, 2, ... belongs to: t itself unless gradients are accumulated."""
        n = self.gradient_accumulation_steps
        return (t - 1) // n + 1 if n else t

    @property
    def iterations(self) -> Any:
        """How many steps were taken; a number, not the Variable, where several make an update."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate: the Variable, or what the schedule or the function says now. Assign to change it.

        Raises:
            TypeError: a number is assigned where there is a schedule or a function.
        """
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        return rate if isinstance(rate, Variable) else rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(value, LearningRateSchedule) or (callable(value) and not isinstance(value, Variable)):
            self._learning_rate = self._rate(value)
            return
        if not isinstance(self._learning_rate, Variable):
            kind = "LearningRateSchedule" if isinstance(self._learning_rate, LearningRateSchedule) else "function"
            raise TypeError(
                f"This optimizer was created with a `{kind}` object as its `learning_rate` constructor argument, hence its "
                "learning rate is not settable. If you need the learning rate to be settable, you should instantiate the "
                "optimizer with a float `learning_rate` argument."
            )
        self._learning_rate.assign(np.asarray(value_of(value), self._learning_rate.dtype))

    # Variables ---------------------------------------------------------------------------------------------------------

    @property
    def variables(self) -> list[Variable]:
        """The iteration count, the learning rate if it is a number, then averages, sums of gradients and slots."""
        rate = [self._learning_rate] if isinstance(self._learning_rate, Variable) else []
        return [self._iterations, *rate, *self._added]

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots for these variables; `apply` does it by itself."""
        if self.built:
            return
        self._trainable_variables = list(variables)
        self._places = {id(variable): i for i, variable in enumerate(self._trainable_variables)}
        if self.use_ema:
            self._model_variables_moving_average = self._make_slots(["average"], self._zeros)["average"]
        if self.gradient_accumulation_steps:
            name = "gradient_accumulator"
            self._accumulated_gradients = self._make_slots([name], self._zeros)[name]
        together = [name for name in self.slot_names if name in self.slots_made_together]
        made = self._make_slots(together, self.initial_slot)
        for name in self.slot_names:
            if name not in together:
                made |= self._make_slots([name], self.initial_slot)
        self._slots = {name: made[name] for name in self.slot_names}
        self.built = True

    def _make_slots(self, names: Sequence[str], make: Callable[[str, Variable], Variable]) -> dict[str, list[Variable]]:
        """Slots of these names, side by side for each variable; each kind in a flat vector."""
        kinds: dict[str, list[Variable]] = {name: [] for name in names}
        for variable in self._trainable_variables:
            for name in names:
                slot = make(name, variable)
                kinds[name].append(slot)
                if slot.value.size:  # an empty one stands for a slot that this variable does without
                    self._added.append(slot)
        for slots in kinds.values():
            pack(slots)
        return kinds

    def _zeros(self, name: str, variable: Variable) -> Variable:
        return self._slot(variable, name, np.zeros_like(variable.value))

    def _slot(self, variable: Variable, name: str, value: Array) -> Variable:
        return self._own(f"{variable.path.replace('/', '_')}_{name}", value)

    def _own(self, name: str, value: Array) -> Variable:
        slot = Variable(value, trainable=False, name=name)
        slot._path = f"{self.name}/{name}"
        return slot

    def add_variable(
        self, shape: Shape, initializer: Any = "zeros", dtype: Any = None, name: str | None = None
    ) -> Variable:
        """A variable of the optimizer's own, for rules written with `build` and `update_step`; listed in `variables`."""
        value = initializers.get(initializer)(tuple(shape), dtype=dtype or config.floatx())
        variable = self._own(name or unique_name("variable"), np.asarray(value_of(value)))
        self._added.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A variable of the shape and dtype of another, named after it: a slot."""
        full_name = f"{reference_variable.path.replace('/', '_')}_{name or 'var'}"
        return self.add_variable(reference_variable.shape, initializer, reference_variable.dtype, full_name)

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """A slot beside each variable: a list for one name, a tuple of lists for several.

        Raises:
            ValueError: not as many initializers as names.
        """
        names = [name] if isinstance(name, str) else list(name)
        makers = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(makers) != len(names):
            raise ValueError(
                f"One initializer per name, {len(names)}; got {len(makers)}: {initializer!r} for {name!r}."
            )
        kinds: tuple[list[Variable], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for slots, one, maker in zip(kinds, names, makers):
                slots.append(self.add_variable_from_reference(variable, one, maker))
        return kinds[0] if isinstance(name, str) else kinds

    def _get_variable_index(self, variable: Variable) -> int:
        return self._places[id(variable)]

    def assign(self, variable: Variable, value: Any) -> None:
        """variable <- value, for `update_step`."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """variable <- variable + value, for `update_step`."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """variable <- variable - value, for `update_step`."""
        variable.assign_sub(value)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign all of `variables`, in their order.

        Raises:
            ValueError: the optimizer is not built, or shapes differ.
        """
        if not self.built:
            raise ValueError(
                "You are calling `set_weights()` on an optimizer that has not yet been built. Please call "
                "`optimizer.build(trainable_variables)` to create the optimizer weights before calling `set_weights()`."
            )
        for variable, weight in zip(self.variables, weights):
            if variable.shape != np.shape(value_of(weight)):
                raise ValueError(
                    f"Optimizer variable {variable.path} has shape {variable.shape} not compatible with provided weight "
                    f"shape {np.shape(value_of(weight))}."
                )
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Write all of `variables` into a mapping, under "0", "1", ..."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote; skipped with a warning where the numbers of variables differ."""
        if len(store.keys()) != len(self.variables):
            warnings.warn(
                f"Skipping variable loading for optimizer '{self.name}', because it has {len(self.variables)} variables "
                f"whereas the saved optimizer has {len(store.keys())} variables. ",
                stacklevel=2,
            )
            return
        for i, variable in enumerate(self.variables):
            variable.assign(store[str(i)])

    # A step ------------------------------------------------------------------------------------------------------------

    def scale_loss(self, loss: Any) -> Any:
        """The loss to differentiate: times `loss_scale_factor` if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

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
        if trainable_variables is None:
            if not self.built:
                raise ValueError(
                    "When passing `grads` without `variables`, the optimizer must already be built on a list of variables. "
                    "Call `optimizer.build(trainable_variables)` first, or `apply(grads, trainable_variables)`."
                )
            variables = self._trainable_variables
        else:
            variables = list(trainable_variables)
            if not self.built:
                self.build(variables)
                self.built = True
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
        self._apply_pairs([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        self._iterations.value += 1

    def _check_known(self, variables: Sequence[Variable], n_grads: int) -> None:
        for variable in variables:
            if id(variable) not in self._places:
                raise ValueError(
                    f"Unknown variable: {variable.path}, of shape {variable.shape}. This optimizer was built for other "
                    "variables; make a new optimizer for these (or call `optimizer.build(variables)` with the full list of "
                    "variables before the first step)."
                )
        if n_grads != len(variables):
            raise ValueError(f"The optimizer expects one gradient per variable, {len(variables)}; got {n_grads}.")

    def _apply_pairs(self, gradients: Sequence[Array], variables: Sequence[Variable]) -> None:
        """All gradients in one new vector, which the kernels change in place; then the weights, a flat vector per dtype."""
        dtypes = dict.fromkeys(variable.value.dtype for variable in variables)
        grads = np.concatenate([np.ravel(gradient) for gradient in gradients])
        grads = grads.astype(np.result_type(*dtypes), copy=False)
        if self.loss_scale_factor is not None:
            grads /= self.loss_scale_factor
        if self._enough(grads, variables):
            self._clip(grads, variables)
            t = np.array([int(self._iterations.value) + 1])
            for dtype in dtypes:
                chosen = np.repeat([v.value.dtype == dtype for v in variables], [v.value.size for v in variables])
                own = grads if len(dtypes) == 1 else grads[chosen].astype(dtype, copy=False)
                self._change([v for v in variables if v.value.dtype == dtype], own, t)
            self.took_steps(t)
        if self.use_ema:
            self._average()
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))

    def _enough(self, grads: Array, variables: Sequence[Variable]) -> bool:
        """Whether a step is due: else these gradients are added to the sums. When it is, they become the mean of all."""
        every = self.gradient_accumulation_steps
        if not every:
            return True
        due = (int(self._iterations.value) + 1) % every == 0
        with _Vectors() as vectors:
            sums = vectors.of([self._accumulated_gradients[self._places[id(variable)]] for variable in variables])
            if due:
                gradient_accumulation.finish(sums, grads, every)
            else:
                gradient_accumulation.add(sums, grads)
        if due:  # those of variables without a gradient this time as well
            for accumulator in self._accumulated_gradients:
                accumulator.value[...] = 0
        return due

    def _clip(self, grads: Array, variables: Sequence[Variable]) -> None:
        if self.clipnorm and self.clipnorm > 0:
            clip.by_norm(grads, starts_of(variables), self.clipnorm)
        elif self.global_clipnorm and self.global_clipnorm > 0:
            clip.by_global_norm(grads, starts_of(variables), self.global_clipnorm)
        elif self.clipvalue and self.clipvalue > 0:
            clip.by_value(grads, self.clipvalue)

    def _change(self, variables: list[Variable], grads: Array, t: Array) -> None:
        """Shrink these variables, all of one dtype, and let the rule step on them."""
        with _Vectors() as vectors:
            params = vectors.of(variables)
            decays = self.weight_decays(variables)
            if decays.any():
                rate = float(self.learning_rates(t, params.dtype)[0])
                weight_decay.shrink(params, starts_of(variables), decays, rate)
            if type(self).update_step is Optimizer.update_step:
                places = [self._places[id(variable)] for variable in variables]
                slots = {
                    name: vectors.of([kind[i] for i in places], params.dtype) for name, kind in self._slots.items()
                }
                rate = self.step_sizes(t, params.dtype)[0]
                self.step_on(params, grads, slots, float(rate) if rate.ndim == 0 else rate, variables)
        if type(self).update_step is not Optimizer.update_step:
            for variable, start in zip(variables, starts_of(variables)):
                gradient = grads[start : start + variable.value.size].reshape(variable.shape)
                self.update_step(gradient, variable, self.learning_rates(t, variable.value.dtype)[0])

    # Weight decay ------------------------------------------------------------------------------------------------------

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Which variables do not shrink.

        Args:
            var_list: these.
            var_names: those in whose path one of these regular expressions is found: ["bias"].
        """
        self._excluded = list(var_list or ())
        self._excluded_names = re.compile("|".join(var_names)) if var_names else None

    def weight_decays(self, variables: Sequence[Variable]) -> Array:
        """(variables,) float64: how much each shrinks; 0 for those that do not."""
        return np.array([self._decay_of(variable) if self._shrinks(variable) else 0.0 for variable in variables])

    def _decay_of(self, variable: Variable) -> float:
        return self.weight_decay or 0.0

    def _shrinks(self, variable: Variable) -> bool:
        if any(variable is other for other in self._excluded):
            return False
        return self._excluded_names is None or self._excluded_names.search(variable.path) is None

    # Moving average ----------------------------------------------------------------------------------------------------

    def _average(self) -> None:
        """Take all weights into the average; overwrite them by it if it is time."""
        iterations = int(value_of(self.iterations))
        averages = self._model_variables_moving_average
        momentum = self.ema_momentum if iterations else 0.0
        dtypes = dict.fromkeys(variable.value.dtype for variable in self._trainable_variables)
        for dtype in dtypes:
            with _Vectors() as vectors:
                params = vectors.of([v for v in self._trainable_variables if v.value.dtype == dtype])
                moving_average.update(vectors.of([v for v in averages if v.value.dtype == dtype]), params, momentum)
        if self.ema_overwrite_frequency and (iterations + 1) % self.ema_overwrite_frequency == 0:
            self._overwrite(self._trainable_variables)

    def _overwrite(self, variables: Sequence[Variable]) -> None:
        for variable, average in zip(variables, self._model_variables_moving_average):
            variable.assign(average)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """After the last step: with `use_ema`, the averages take the place of the weights. `fit` does it by itself.

        Raises:
            ValueError: not the variables that the optimizer was built for.
        """
        if not self.use_ema:
            return
        if len(var_list) != len(self._model_variables_moving_average):
            raise ValueError(
                f"finalize_variable_values expects the {len(self._model_variables_moving_average)} variables that the "
                f"optimizer keeps averages of; got {len(var_list)}. Was the optimizer used on this model?"
            )
        self._overwrite(var_list)

    # As a description --------------------------------------------------------------------------------------------------

    @property
    def around_the_rule(self) -> list[str]:
        """What this optimizer does besides its rule: the options in use, for engines that know the rule alone."""
        found = [
            name for name in Options.__annotations__ if name not in ("name", "ema_momentum", "ema_overwrite_frequency")
        ]
        found = [name for name in found if getattr(self, name)]
        if not isinstance(self._learning_rate, (Variable, LearningRateSchedule)):
            found.append("a function as learning_rate")
        if any(variable.constraint is not None for variable in self._trainable_variables):
            found.append("a constraint")
        return found

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        rate = self._learning_rate
        return {
            "name": self.name,
            "learning_rate": float(rate.value) if isinstance(rate, Variable) else schedules.serialize(rate),
            **{name: getattr(self, name) for name in Options.__annotations__ if name != "name"},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """An optimizer from what `get_config` gave."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)

    # Copies and pickles ------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Everything but where variables stand in memory, which is another place in a copy."""
        return {**vars(self), "_places": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._places = {id(variable): i for i, variable in enumerate(self._trainable_variables)}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class _Vectors:
    """Variables as flat vectors for the kernels: views where they tile one, else copies, written back at the end."""

    def __init__(self) -> None:
        self._copies: list[tuple[Array, list[Variable]]] = []

    def of(self, variables: Sequence[Variable], dtype: DType | None = None) -> Array:
        """The flat vector of these variables; of those of this dtype alone, if one is named."""
        chosen = [variable for variable in variables if dtype is None or variable.value.dtype == dtype]
        flat = flat_view(chosen)
        if flat is None:
            flat = np.concatenate([variable.value.reshape(-1) for variable in chosen] or [np.empty(0, dtype)])
            self._copies.append((flat, chosen))
        return flat

    def __enter__(self) -> _Vectors:
        return self

    def __exit__(self, *_: object) -> None:
        for flat, variables in self._copies:
            for variable, start in zip(variables, starts_of(variables)):
                variable.value[...] = flat[start : start + variable.value.size].reshape(variable.shape)


def starts_of(variables: Sequence[Variable]) -> Array:
    """(variables + 1,) int64: where each begins in the flat vector of all of them, and the vector's length."""
    return np.cumsum([0, *(variable.value.size for variable in variables)], dtype=np.int64)


def _check_ema(momentum: Any, frequency: Any) -> None:
    if not 0 <= momentum <= 1:
        raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={momentum}")
    if frequency and (not hasattr(frequency, "__index__") or frequency < 1):
        raise ValueError(
            f"`ema_overwrite_frequency` must be an integer >= 1 or None. Received: ema_overwrite_frequency={frequency}"
        )


def unit_interval(name: str, value: Any) -> float:
    """A number in [0, 1].

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number in [0, 1]; got {value!r}.")
    return float(value)
