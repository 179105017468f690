"""`accelerate`: a Keras model whose `fit`, `evaluate` and `predict` run on tinynn's compiled engine.

A tinynn model, the stand-in, has the Keras model's layers, loss, metrics and optimizer. Before a run it is given the Keras
model's numbers, afterwards the Keras model is given the stand-in's, so that between runs the Keras model is all there is.
Callbacks are Keras's own, called by relay.py; whoever of them looks at the model sees it as it is at that moment.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import tinynn
from tinynn import config
from tinynn._compiled import NotAvailable
from tinynn._typing import Array
from tinynn.engine.plan import NoTwin
from tinynn.interop.blueprint import CannotConvert, doing, read
from tinynn.interop.libraries import TINYNN, Library, array_of, generators_of, keras_library, layers_within
from tinynn.interop.maker import build
from tinynn.interop.relay import EVERYTHING, NOTHING, Relay
from tinynn.interop.state import left_as_it_was, tensorflow_context
from tinynn.models import Sequential
from tinynn.models.data import ArrayBatches
from tinynn.random import global_seed
from tinynn.variable import Variable

METHODS = ("fit", "evaluate", "predict")
"""What is replaced."""


def accelerate(model: Any) -> Any:
    """Let a compiled Keras model of dense layers be trained by tinynn: the same numbers, in a fraction of the time.

    From now on `fit`, `evaluate` and `predict` of this model run on tinynn's compiled engine. Everything else is Keras's, and
    finds the model as if Keras had trained it: weights, optimizer slots and iterations, the counters of random streams, the
    state of metrics, `history`, what is printed. Data of every kind that `fit` takes, class and sample weights, validation and
    callbacks work as before; callbacks see the Keras model, may stop it, change its learning rate or weights, and save it.
    The seed of `keras.utils.set_random_seed` gives the batches and dropout masks that it gives in Keras, and Keras's random
    state is left as Keras would have left it. A later `compile` counts too.

        import keras
        import tinynn

        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        tinynn.accelerate(model)  # the one line
        model.fit(x, y, epochs=30)

    Different from Keras: `run_eagerly` and `jit_compile` mean nothing while tinynn runs. Callbacks of your own cost some
    milliseconds for each hook they have, because the model is brought up to date for them; Keras's own are known to look at
    less.

    Args:
        model: a `keras.Sequential`, or a functional model that is a chain of layers, compiled, on the TensorFlow backend.

    Returns:
        The same model. `tinynn.interop.restore(model)` makes it Keras's own again.

    Raises:
        CannotConvert: a part has no counterpart in tinynn or no twin in its compiled engine; it is named. A ValueError. What
            can only be known with the data (a model that is not built, targets of another form) is told by `fit`.
        ValueError: not compiled.
        TypeError: no Keras model.
        ImportError: Keras is not installed.
    """
    keras = keras_library("tinynn.accelerate")
    if not isinstance(model, keras.module.Model):
        hint = " A tinynn model has the compiled engine by itself." if isinstance(model, tinynn.Model) else ""
        raise TypeError(f"accelerate expects a Keras model; got {model!r} of type {type(model).__name__}.{hint}")
    if not model.compiled:
        raise ValueError(
            f"accelerate expects a compiled model, and {model.name!r} is not: model.compile(optimizer, loss)."
        )
    session = Session(model, keras)
    with doing(f"accelerate model {model.name!r}"):
        session.renew()
        session.check_engine()
    for method in METHODS:
        vars(model)[method] = _replacing(getattr(type(model), method), session)
    return model


def restore(model: Any) -> Any:
    """Undo `accelerate`: Keras runs its model itself again, from where it is. The same model is returned."""
    for method in METHODS:
        vars(model).pop(method, None)
    return model


def _replacing(method: Callable[..., Any], session: Session) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        return session.run(method.__name__, *args, **kwargs)

    return run


def _check_model(model: Any, keras: Library) -> None:
    """What is not seen in its layers.

    Raises:
        CannotConvert: something of it that tinynn does not follow.
    """
    backend = keras.module.backend.backend()
    if backend != "tensorflow":
        raise CannotConvert("Keras's backend", f'is "{backend}", and the batches and masks followed are TensorFlow\'s.')
    for part in layers_within(model):
        if isinstance(part, keras.module.Model) and not keras.owns(type(part)):
            raise CannotConvert(f"model {part.name!r}", f"is of a class of your own, {type(part).__name__}.")
    if model._distribute_strategy is not None:
        raise CannotConvert(f"model {model.name!r}", "was made under a tf.distribute strategy.")
    own = [metric.name for metric in model.metrics if metric not in (model._loss_tracker, model._compile_metrics)]
    if own:
        raise CannotConvert(f"metric {own[0]!r}", "was not given to compile.")


class Session:
    """A Keras model and its stand-in.

    Args:
        model: the Keras model.
        keras: its library.
    """

    def __init__(self, model: Any, keras: Library) -> None:
        self.model, self.keras = model, keras
        self.stand_in: Any = None
        self._made_for: tuple[list[Any], tuple[Any, ...]] = [], ()
        self._fixed: list[_Pair] = []
        self._is_running = False

    # The stand-in ------------------------------------------------------------------------------------------------------

    def renew(self) -> None:
        """Make the stand-in, if the Keras model is not what it was when the last one was made.

        Raises:
            CannotConvert: a part has no counterpart.
        """
        things, facts = self._made_of()
        same = len(things) == len(self._made_for[0]) and all(map(_is, things, self._made_for[0]))
        if same and facts == self._made_for[1]:
            return
        _check_model(self.model, self.keras)
        with left_as_it_was(self.keras.module):
            self.stand_in = self._make(with_state=True)
        self.stand_in.session = self
        self._made_for = things, facts
        self._bind()

    def _make(self, with_state: bool) -> Any:
        return build(read(self.model, self.keras), TINYNN, None, {}, with_state, sequential=StandIn)

    def _made_of(self) -> tuple[list[Any], tuple[Any, ...]]:
        """Objects and facts that the stand-in was made from: with others it has to be made anew."""
        model = self.model
        layers = layers_within(model)
        things = [model.optimizer, getattr(model.optimizer, "_learning_rate", None), model._compile_loss]
        things += [model._compile_metrics, *layers]
        return things, (model.built, self.keras.module.config.floatx(), *(layer.trainable for layer in layers))

    def _bind(self) -> None:
        """Pair the variables of the two models, as far as they are there."""
        if self.model.built and self.stand_in.built:
            streams = zip(generators_of(self.model), generators_of(self.stand_in), strict=True)
            self._fixed = [*zip(self.model.weights, self.stand_in.weights, strict=True)]
            self._fixed += [(theirs.state, ours.state) for theirs, ours in streams]

    def check_engine(self) -> None:
        """See whether the compiled engine can run it, as far as that can be known without data.

        Raises:
            CannotConvert: it cannot.
        """
        if not self.model.built:
            return
        errors = []
        likely = "sparse" in str(self.model.loss).lower()
        for sparse in (likely, not likely):
            try:
                self._try_engine(sparse)
                return
            except CannotConvert as error:
                errors.append(error)
        raise errors[0]

    def _try_engine(self, sparse: bool) -> None:
        """Choose an engine for class numbers, or for targets like the outputs; on a trial, as metrics keep to what they saw."""
        with left_as_it_was(self.keras.module), self._settings():
            trial = self._make(with_state=False)
            x, y = (_one_row(shape) for shape in (trial.input_shape, trial.output_shape))
            y = np.zeros(1, np.int32) if sparse else y
            trial._choose_engine(ArrayBatches(x, y, None, 1, False), training=True)

    # A run -------------------------------------------------------------------------------------------------------------

    def run(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """`fit`, `evaluate` or `predict` on the stand-in.

        Raises:
            CannotConvert: the model was changed into one that cannot be accelerated, or these data make it so.
        """
        hint = "; tinynn.interop.restore(model) lets Keras do it"
        with doing(f"run {method} of model {self.model.name!r} on tinynn{hint}"), self._settings():
            within = self._is_running  # a callback of a fit evaluates or predicts
            if not within:
                self.renew()
            self.pull(EVERYTHING)
            try:
                self._is_running = True
                result = getattr(self.stand_in, method)(*args, **kwargs)
            finally:
                self._is_running = within
                self.push(NOTHING if method == "predict" else EVERYTHING)
        return self.model.history if method == "fit" else result

    @contextlib.contextmanager
    def _settings(self) -> Iterator[None]:
        """tinynn's settings are Keras's for a while, and the seed of fit's shuffle is TensorFlow's."""
        theirs, seed = self.keras.module.config, getattr(tensorflow_context(self.keras.module), "_seed", None)
        before = config.floatx(), config.epsilon(), config.max_epochs(), config.max_steps_per_epoch()
        shuffle_seed = global_seed._shuffle_seed
        _set(theirs.floatx(), theirs.epsilon(), theirs.max_epochs(), theirs.max_steps_per_epoch())
        global_seed._shuffle_seed = seed
        try:
            yield
        finally:
            _set(*before)
            global_seed._shuffle_seed = shuffle_seed

    def pull(self, what: int) -> None:
        """Give the stand-in the Keras model's numbers."""
        if what == EVERYTHING:
            _copy_to_ours(self._fixed)
        if what:
            _copy_to_ours(self._optimizer(what))

    def push(self, what: int) -> None:
        """Give the Keras model the stand-in's numbers."""
        if what == EVERYTHING:
            _copy_to_theirs(self._fixed)
            _copy_to_theirs(self._metrics())
        if what:
            _copy_to_theirs(self._optimizer(what))

    def _optimizer(self, what: int) -> list[_Pair]:
        """The optimizers' variables: with slots if everything is asked for, else iterations and learning rate alone."""
        theirs, ours = self.model.optimizer, self.stand_in.optimizer
        if theirs is None:
            return []
        built = theirs.built or ours.built
        for optimizer, model in ((theirs, self.model), (ours, self.stand_in)) if built else ():
            if not optimizer.built:
                optimizer.build(model.trainable_variables)
        if what == EVERYTHING and built:
            return [*zip(theirs.variables, ours.variables, strict=True)]
        both = (theirs.iterations, ours.iterations), (theirs._learning_rate, ours._learning_rate)
        return [pair for pair in both if isinstance(pair[1], Variable)]  # and no schedule

    def _metrics(self) -> list[_Pair]:
        """The variables of the metrics that both have made by now."""
        theirs = [self.model._loss_tracker, *getattr(self.model._compile_metrics, "metrics", [])]
        ours = [self.stand_in._loss_tracker, *getattr(self.stand_in._compile_metrics, "metrics", [])]
        pairs = [pair for both in zip(theirs, ours) for pair in zip(both[0].variables, both[1].variables)]
        return [pair for pair in pairs if tuple(pair[0].shape) == pair[1].shape]

    def prepare(self, data: ArrayBatches) -> None:
        """Have the Keras model build, for these data, what it builds when it first sees data."""
        model, stand_in = self.model, self.stand_in
        if not model.built:
            model.build(stand_in.input_shape)
            self._made_for = self._made_of()
            self._bind()
            self.pull(EVERYTHING)
        if data.y is None:
            return
        outputs = _one_row(stand_in.output_shape)
        for part in (model._compile_loss, model._compile_metrics):
            if part is not None and not part.built:
                part.build(data.y[:1], outputs)


_Pair = tuple[Any, Any]
"""A variable of Keras's, and the stand-in's."""


def _copy_to_ours(pairs: Sequence[_Pair]) -> None:
    for theirs, ours in pairs:
        ours.value[...] = theirs.numpy()


def _copy_to_theirs(pairs: Sequence[_Pair]) -> None:
    """Past `Variable.assign`, which takes four times as long; with copies, for TensorFlow may keep what it is given."""
    for theirs, ours in pairs:
        theirs.value.assign(array_of(ours).astype(theirs.dtype, copy=False), read_value=False)


def _set(floatx: str, epsilon: float, max_epochs: int | None, max_steps_per_epoch: int | None) -> None:
    config.set_floatx(floatx)
    config.set_epsilon(epsilon)
    config.set_max_epochs(max_epochs)
    config.set_max_steps_per_epoch(max_steps_per_epoch)


def _one_row(shape: Sequence[int | None]) -> Array:
    return np.zeros((1, *(n or 1 for n in shape[1:])), config.floatx())


def _is(one: Any, other: Any) -> bool:
    return one is other


def _of_the_keras_model(name: str) -> Any:
    """An attribute that callbacks set on the Keras model."""

    def get(self: StandIn) -> Any:
        return getattr(self.session.model, name) if self.session is not None else False

    def put(self: StandIn, value: Any) -> None:
        if self.session is not None:
            setattr(self.session.model, name, value)

    return property(get, put)


class StandIn(Sequential):
    """The tinynn model that does a Keras model's work."""

    session: Any = None

    stop_training = _of_the_keras_model("stop_training")
    stop_evaluating = _of_the_keras_model("stop_evaluating")
    stop_predicting = _of_the_keras_model("stop_predicting")

    def _prepare(self, data: ArrayBatches, one_size: bool = False) -> None:
        super()._prepare(data, one_size)
        self.session.prepare(data)

    def _monitors(self, callbacks: Any, verbose: Any, run: Any, epochs: int = 1, add_history: bool = False) -> Relay:
        return Relay(self.session, callbacks, verbose, run.num_steps, epochs, add_history)

    def _choose_engine(self, data: ArrayBatches | None = None, training: bool = False) -> Any:
        try:
            return self._choose_compiled(data, training)
        except NoTwin as part:
            raise CannotConvert("tinynn's compiled engine", f"has no twin for: {part}.") from None
        except NotAvailable as reason:
            raise CannotConvert("tinynn's compiled engine", f"cannot run here: {reason}.") from None

    def _warn_of_nan(self, *_: Any) -> bool:
        """Keras says nothing."""
        return False
