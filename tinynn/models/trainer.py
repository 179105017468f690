"""compile, fit, evaluate, predict: the Keras training interface over an engine that runs the batches."""

from __future__ import annotations

import functools
import inspect
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tinynn import callbacks as callbacks_module
from tinynn import config, losses, metrics, ops, optimizers
from tinynn._checks import no_extra_arguments, positive_integer
from tinynn._compiled import NotAvailable
from tinynn._typing import Array, Tensor
from tinynn.engine import reference
from tinynn.engine.compiled import CompiledEngine
from tinynn.engine.plan import NoTwin
from tinynn.engine.recorded import value_of
from tinynn.layers.layer import Layer
from tinynn.models.compile_utils import CompileLoss, CompileMetrics, deserialized, serialized
from tinynn.models.data import ArrayBatches, as_array, sample_weights_of, split_validation, unpack
from tinynn.models.epochs import ArrayEpochs, Epochs, StreamEpochs, executions
from tinynn.models.old_methods import OldMethods
from tinynn.models.progress import Progress, Validation
from tinynn.models.streams import is_stream, stream_of


class Trainer(OldMethods, Layer):
    """What a model can do once it is compiled; `Model` and `Sequential` build on it.

    For own training logic override `train_step(data)`, `test_step(data)`, `predict_step(data)`, `compute_loss` or
    `compute_metrics`, as in Keras.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.compiled = False
        self.optimizer: Any = None
        self.loss: Any = None
        self.stop_training = False
        self.stop_evaluating = False
        self.stop_predicting = False
        self.history: Any = None
        self.run_eagerly = False
        self.steps_per_execution = 1
        self.jit_compile: Any = "auto"
        self.train_function: Any = None
        self.test_function: Any = None
        self.predict_function: Any = None
        self._compile_loss: CompileLoss | None = None
        self._compile_metrics: CompileMetrics | None = None
        self._loss_tracker: metrics.Mean | None = None
        self._compiled_engine: Any = None
        self._compile_config: dict[str, Any] = {}

    # compile -----------------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        **kwargs: Any,
    ) -> None:
        """Choose optimizer, loss and metrics.

        Args:
            optimizer: a name or an `Optimizer`.
            loss: a name, a `Loss` or a function `(y_true, y_pred) -> one value per sample`.
            loss_weights: a factor for the loss.
            metrics: a list of names, `Metric`s or functions; "accuracy" is chosen by the shapes of labels and outputs.
            weighted_metrics: likewise, with sample weights applied.
            run_eagerly: step through Python: the reference engine.
            jit_compile: which engine: "auto", True (the compiled one or an error), False (the reference).
            steps_per_execution: callbacks for batches, and the progress bar, hear of so many steps at a time: the first one's
                number before, the last one's after them. The numbers stay the same, but `steps_per_epoch` is rounded up.
            auto_scale_loss: accepted for Keras's sake.

        Raises:
            ValueError: an unknown name, or a `steps_per_execution` that is no positive integer.
            TypeError: an argument that compile does not have.
        """
        no_extra_arguments("compile", kwargs, _arguments(Trainer.compile))
        if run_eagerly and jit_compile is True:
            jit_compile = False
            warnings.warn(
                "If `run_eagerly` is True, then `jit_compile` cannot also be True. Disabling `jit_compile`.",
                stacklevel=2,
            )
        self.optimizer = optimizers.get(optimizer)
        if loss is not None:  # else the one of an earlier compile stays, and so do its metrics: as in Keras
            self._compile_loss = CompileLoss(loss, loss_weights)
            self.loss = loss
        if metrics is not None or weighted_metrics is not None:
            self._compile_metrics = CompileMetrics(metrics, weighted_metrics) if metrics or weighted_metrics else None
        self.steps_per_execution = positive_integer("compile", "steps_per_execution", steps_per_execution)
        self.run_eagerly = bool(run_eagerly)
        self.jit_compile = jit_compile
        self.stop_training = False
        self._loss_tracker = _mean("loss")
        self._compile_config = {
            "optimizer": self.optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        self.compiled = True

    # Copies and pickles ------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Layers, weights, optimizer with its slots, loss, metrics and history; not the engine, which is made again.

        A pickle runs code when it is read: for files that others may write there is `model.save`.
        """
        made_again = ("_compiled_engine", "train_function", "test_function", "predict_function")
        return {**vars(self), **dict.fromkeys(made_again)}

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was given, as plain dicts, lists, names and numbers; {} before it was called.

        Unlike in Keras, jit_compile stays "auto" where it was: which engine runs is decided by each run.
        """
        return {name: serialized(value) for name, value in self._compile_config.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile with what `get_compile_config` gave; the optimizer's variables are made too if the model is built.

        Raises:
            ValueError: a name that nobody knows, as that of an own function or class: call `compile` with it instead.
        """
        if type(self).compile is not Trainer.compile:
            warnings.warn(
                "`compile()` was not called as part of model loading because the model's `compile()` method is custom. All "
                "subclassed Models that have `compile()` overridden should also override `get_compile_config()` and "
                "`compile_from_config(config)`. Alternatively, you can call `compile()` manually after loading.",
                stacklevel=2,
            )
            return
        self.compile(**{name: deserialized(name, value) for name, value in config.items()})
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def _require_compiled(self, method: str) -> None:
        if not self.compiled:
            raise ValueError(
                f"You must call `compile()` before using `{method}()`: "
                'model.compile(optimizer="adam", loss="sparse_categorical_crossentropy"), for example.'
            )

    # Hooks for own loops over batches -----------------------------------------------------------------------------------

    def make_train_function(self, force: bool = False) -> None:
        """Set `train_function`: called with an iterator, it trains on the next batch and returns the logs.

        `fit` goes by it where a subclass overrides this method, else straight to `train_step`.
        """
        if self.train_function is None or force:
            self.train_function = lambda iterator: self.train_step(next(iterator))

    def make_test_function(self, force: bool = False) -> None:
        """Set `test_function`, for `evaluate`, as `make_train_function` does for `fit`."""
        if self.test_function is None or force:
            self.test_function = lambda iterator: self.test_step(next(iterator))

    def make_predict_function(self, force: bool = False) -> None:
        """Set `predict_function`, for `predict`: called with a list of one batch, it returns the outputs."""
        if self.predict_function is None or force:
            self.predict_function = lambda batches: self.predict_step(batches[0])

    def step_on(self, kind: str, data: Any) -> Any:
        """One step of a "train", "test" or "predict" run, through the function that a subclass makes, if it does."""
        make = f"make_{kind}_function"
        if not self._overrides(make):
            return getattr(self, f"{kind}_step")(data)
        getattr(self, make)()
        outputs = getattr(self, f"{kind}_function")([data] if kind == "predict" else iter([data]))
        return np.asarray(value_of(outputs)) if kind == "predict" else outputs

    # One step ----------------------------------------------------------------------------------------------------------

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of training on a batch (x, y, sample_weight); the logs."""
        return reference.train_step(self, unpack(data))

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate one batch (x, y, sample_weight); the logs."""
        return reference.test_step(self, unpack(data))

    def predict_step(self, data: Any) -> Array:
        """The outputs for one batch."""
        x = unpack(data).x
        return np.asarray(value_of(self(x, training=False) if self.hears_training else self(x)))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of a batch: that of compile, and the `losses` of the layers (regularizers, `add_loss`), in training and
        in evaluation alike.

        Raises:
            ValueError: no loss was given to compile and no layer has one, or no targets.
        """
        found = []
        if self._compile_loss is not None:
            if y is None:
                raise ValueError(_NO_TARGETS)
            found.append(self._compile_loss(y, y_pred, sample_weight))
        for loss in self.losses:
            is_float = value_of(loss).dtype.kind == "f"
            found.append(ops.sum(loss if is_float else ops.cast(loss, config.floatx())))
        if not found:
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")
        return found[0] if len(found) == 1 else ops.sum(ops.stack(found))

    def loss_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        """`compute_loss`, also where it was overridden without its argument `training`, which came late to Keras."""
        if _takes_training(type(self).compute_loss):
            return self.compute_loss(x, y, y_pred, sample_weight, training=training)
        return self.compute_loss(x, y, y_pred, sample_weight)

    def track_loss(self, loss: Tensor, batch_size: int) -> None:
        """Note a batch's loss: the epoch's is the mean over samples, so a short last batch weighs less."""
        if self._loss_tracker is not None:
            self._loss_tracker.update_state(value_of(loss), sample_weight=batch_size)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Take a batch into account and return all results so far."""
        if self._compile_metrics is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    @property
    def metrics(self) -> list[Any]:
        """The loss's mean, the metrics of compile as one, and the metrics kept as attributes of the model or its layers."""
        found: list[Any] = [metric for metric in (self._loss_tracker, self._compile_metrics) if metric is not None]
        for owner in (self, *self._layers_within()):
            if owner._places_of_metrics and (owner is self or not isinstance(owner, Trainer)):
                found += owner._own_metrics()
        return list({id(metric): metric for metric in found}.values())

    @property
    def metrics_names(self) -> list[str]:
        """Their names."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Back to zero."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, float]:
        """All results by name, as Python numbers, sorted by name as Keras prints them."""
        return _results_of(self.metrics)

    # fit ---------------------------------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        **kwargs: Any,
    ) -> Any:
        """Train for some epochs.

        Args:
            x: (samples, ...), an array, data frame or list; or batches `(x, y)` or `(x, y, sample_weight)` from a
                generator, a `utils.PyDataset`, a `tf.data.Dataset`, a torch `DataLoader` or any iterable.
            y: targets for the loss, (samples, ...); none where x brings its own.
            batch_size: samples per step, 32 by default, or what `steps_per_epoch` makes of it. Batches that come as such
                keep their size.
            epochs: up to which epoch to train, counted from `initial_epoch`.
            verbose: 0 silent, 1 or "auto" a progress bar, 2 a line per epoch.
            callbacks: a list of `Callback`s.
            validation_split: the share of samples, from the end, to evaluate on after each epoch; arrays only.
            validation_data: (x, y), (x, y, sample_weight), or batches like those of x; takes the place of a split.
            shuffle: True, False, or "batch" (within each batch). Batches that come as such keep their order, but for
                those of a PyDataset. Beyond Keras, a function of the number of samples that gives the order of each epoch,
                such as `numpy.random.default_rng(0).permutation`: a seed for this run alone.
            class_weight: {class number: weight}.
            sample_weight: (samples,): factors of the samples' losses.
            initial_epoch: where to start counting epochs.
            steps_per_epoch: batches in an epoch; the next one goes on where it ends. By default all that there are.
            validation_steps: batches to evaluate on; by default all that there are.
            validation_batch_size: as `batch_size`, which it is by default.
            validation_freq: evaluate every so many epochs, or after those listed.

        Returns:
            A `History`: `.history` has a list per metric.

        Raises:
            ValueError: not compiled, or data that does not fit.
            TypeError: an argument that fit does not have.
        """
        no_extra_arguments("fit", kwargs, _arguments(Trainer.fit))
        self._require_compiled("fit")
        epochs = _limited("epochs", operator.index(epochs), config.max_epochs())
        if class_weight is not None and sample_weight is not None and not is_stream(x):
            raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
        if validation_split and validation_data is None:
            if is_stream(x):
                raise ValueError(
                    "Argument `validation_split` is only supported for tensors or NumPy arrays. Found incompatible type in the "
                    f"input: [{type(x)}]. Pass validation_data instead."
                )
            (x, y, sample_weight), validation_data = split_validation(x, y, sample_weight, validation_split)
        run = self._epochs(x, y, sample_weight, batch_size, steps_per_epoch, shuffle, class_weight, training=True)
        run.reset()
        validation = self._validation(validation_data, validation_batch_size or batch_size, validation_steps)
        monitors = self._monitors(callbacks, verbose, run, epochs, add_history=True)
        self.stop_training = False
        progress = Progress(self, run, validation, monitors, initial_epoch)
        monitors.set_progress(progress)
        warned = False
        try:
            monitors.on_train_begin()
            over = progress.began()
            while progress.epoch < epochs and not over:
                for logs in self._run_epochs(progress, epochs - progress.epoch):
                    if validation and _is_due(progress.epoch, validation_freq):
                        found = self._run_evaluation(validation.data(), monitors)
                        logs.update({f"val_{name}": value for name, value in found.items()})
                    warned = warned or self._warn_of_nan(logs, progress.epoch, run, validation.epochs)
                    epoch = progress.epoch
                    progress.ended_epoch(logs)
                    monitors.on_epoch_end(epoch, logs)
                over = self.stop_training
            if epochs > 0 and getattr(self.optimizer, "built", False):
                self.optimizer.finalize_variable_values(self.trainable_variables)
        finally:
            run.close()
            validation.close()
            monitors.set_progress(None)
        monitors.on_train_end(progress.logs)
        return self.history

    def _epochs(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: Any = None,
        steps: Any = None,
        shuffle: Any = False,
        class_weight: Any = None,
        training: bool = False,
        predicting: bool = False,
    ) -> Epochs:
        """Data of whatever kind as epochs, with an engine that runs them; arrays are checked at once, batches as they come."""
        where = "predict" if predicting else "fit" if training else "evaluate"
        steps = positive_integer(where, "steps_per_epoch" if training else "steps", steps) if steps else None
        steps = _limited("steps_per_epoch", steps, config.max_steps_per_epoch())
        if is_stream(x):
            stream = stream_of(x, y, sample_weight, class_weight, shuffle)
            return StreamEpochs(stream, _EngineForBatches(self, training, predicting), steps, self.steps_per_execution)
        if class_weight is not None:
            sample_weight = sample_weights_of(y, class_weight)
        if not batch_size and steps:
            batch_size = math.ceil(len(as_array("x", x)) / steps)
        data = ArrayBatches(x, y, sample_weight, batch_size, shuffle)
        self._prepare(data, one_size=predicting or len(data) % data.batch_size == 0)
        if predicting:
            return ArrayEpochs(data, self._choose_engine(), steps, self.steps_per_execution)
        self._require_targets(data)
        return ArrayEpochs(data, self._choose_engine(data, training), steps, self.steps_per_execution)

    def _validation(self, validation_data: Any, batch_size: Any, steps: Any) -> Validation:
        """The validation data; arrays are checked at once, streams are begun when they are wanted first."""
        if validation_data is None:
            return Validation(None)
        if is_stream(validation_data):
            return Validation(functools.partial(self._epochs, validation_data, steps=steps))
        x, y, sample_weight = unpack(validation_data)
        validation = Validation(functools.partial(self._epochs, x, y, sample_weight, batch_size, steps))
        validation.data()
        return validation

    def _run_epochs(self, progress: Progress, most: int) -> Iterator[dict[str, Any]]:
        """The logs of the epoch that comes next; or of up to `most`, run at one go where nothing is done between them."""
        several = None
        if progress.is_quiet and not self._overrides("metrics", "reset_metrics", "get_metrics_result"):
            several = progress.run.several(most)
        if several is None:
            yield self._run_epoch(progress)
            return
        self.reset_metrics()
        metrics = self.metrics
        for _ in several:
            yield _results_of(metrics)

    def _run_epoch(self, progress: Progress) -> dict[str, Any]:
        """The epoch that comes next, or the rest of it where a training was resumed in its middle."""
        monitors, done = progress.monitors, progress.step
        logs: dict[str, Any] | None = progress.logs if done else {}
        self.reset_metrics()
        monitors.on_epoch_begin(progress.epoch)
        progress.began_epoch()
        if self.stop_training and done:
            return self._final_logs(logs)
        wanted = monitors.wants_train_batches
        stretches = progress.run.epoch(wanted, monitors.wants_every_train_batch, done)
        for first, last, parts in executions(stretches, self.steps_per_execution):
            monitors.on_train_batch_begin(first)
            for part in parts:
                logs = part.engine.train(part.data, part.order, part.begin, part.end)
                taken = part.last_step
            if wanted:
                logs = self.get_metrics_result() if logs is None else logs
                progress.took_steps(taken, logs)
                monitors.on_train_batch_end(last, logs)
            if self.stop_training:
                break
        return self._final_logs(logs)

    def _final_logs(self, logs: dict[str, Any] | None) -> dict[str, Any]:
        """The metrics as they stand; what an own step returned besides, if it returned something else."""
        results = self.get_metrics_result()
        if logs is None or set(logs) == set(results):
            return results
        flat: dict[str, Any] = {}
        for name in sorted(logs):
            flat.update(logs[name] if isinstance(logs[name], dict) else {name: logs[name]})
        return {name: _python(value) for name, value in flat.items()}

    def _run_evaluation(self, run: Epochs, monitors: Any) -> dict[str, Any]:
        run.reset()
        self.stop_evaluating = False
        monitors.on_test_begin()
        self.reset_metrics()
        logs: dict[str, Any] | None = {}
        wanted = monitors.wants_test_batches
        stretches = run.epoch(wanted, monitors.wants_every_test_batch)
        for first, last, parts in executions(stretches, self.steps_per_execution):
            monitors.on_test_batch_begin(first)
            for part in parts:
                logs = part.engine.test(part.data, part.begin, part.end)
            if wanted:
                monitors.on_test_batch_end(last, self.get_metrics_result() if logs is None else logs)
            if self.stop_evaluating:
                break
        results = self._final_logs(logs)
        monitors.on_test_end(results)
        return results

    # evaluate and predict ----------------------------------------------------------------------------------------------

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Loss and metrics on data, weights unchanged.

        Args:
            x, y, batch_size, verbose, sample_weight, callbacks: as in `fit`.
            steps: how many batches to take; by default all that there are.
            return_dict: a dict by name, instead of a list (or a number, when there is the loss alone).

        Raises:
            ValueError: not compiled, data that does not fit, or an argument that evaluate does not have.
        """
        no_extra_arguments("evaluate", kwargs, _arguments(Trainer.evaluate), error=ValueError)
        self._require_compiled("evaluate")
        run = self._epochs(x, y, sample_weight, batch_size, steps)
        monitors = self._monitors(callbacks, verbose, run)
        try:
            logs = self._run_evaluation(run, monitors)
        finally:
            run.close()
        self._warn_of_nan(logs, None, run)
        return logs if return_dict else self._in_order(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        **kwargs: Any,
    ) -> Array:
        """The outputs for all samples, (samples, ...).

        Args:
            x, batch_size, verbose, callbacks: as in `fit`; targets and weights in batches are ignored.
            steps: how many batches to take; by default all that there are.

        Raises:
            ValueError: data that does not fit.
        """
        no_extra_arguments("predict", kwargs, _arguments(Trainer.predict))
        run = self._epochs(x, batch_size=batch_size, steps=steps, predicting=True)
        monitors = self._monitors(callbacks, verbose, run)
        self.stop_predicting = False
        monitors.on_predict_begin()
        outputs: list[Array] = []
        try:
            stretches = run.epoch(monitors.wants_predict_batches, monitors.wants_every_predict_batch)
            for first, last, parts in executions(stretches, self.steps_per_execution):
                monitors.on_predict_batch_begin(first)
                found = [array for part in parts for array in part.engine.predict(part.data, part.begin, part.end)]
                outputs.extend(found)
                monitors.on_predict_batch_end(last, {"outputs": found[0] if len(found) == 1 else np.concatenate(found)})
                if self.stop_predicting:
                    break
        finally:
            run.close()
        monitors.on_predict_end()
        return np.concatenate(outputs)

    def _monitors(self, callbacks: Any, verbose: Any, run: Epochs, epochs: int = 1, add_history: bool = False) -> Any:
        if isinstance(callbacks, callbacks_module.CallbackList):
            return callbacks
        return callbacks_module.CallbackList(
            callbacks,
            add_history=add_history,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=epochs,
            steps=run.num_steps,
        )

    # On one batch ------------------------------------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step of training on exactly this batch.

        Returns:
            The loss (a number), or [loss, *metrics], or a dict of them.

        Raises:
            ValueError: not compiled, both kinds of weights, or data that does not fit.
        """
        self._require_compiled("train_on_batch")
        if class_weight is not None:
            if sample_weight is not None:
                raise ValueError(
                    "Arguments `sample_weight` and `class_weight` cannot be specified at the same time. "
                    f"Received: sample_weight={sample_weight}, class_weight={class_weight}"
                )
            sample_weight = sample_weights_of(y, class_weight)
        data = self._one_batch(x, y, sample_weight)
        self.reset_metrics()
        logs = self._final_logs(self._choose_engine(data, training=True).train(data, None, 0, 1))
        return logs if return_dict else self._in_order(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics on exactly this batch; returns as `train_on_batch`."""
        self._require_compiled("test_on_batch")
        data = self._one_batch(x, y, sample_weight)
        self.reset_metrics()
        logs = self._final_logs(self._choose_engine(data).test(data, 0, 1))
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Array:
        """The outputs for exactly this batch."""
        data = self._one_batch(x)
        outputs: Array = self._choose_engine().predict(data, 0, 1)[0]
        return outputs

    def _one_batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> ArrayBatches:
        data = ArrayBatches(x, y, sample_weight, batch_size=max(1, len(as_array("x", x))))
        self._prepare(data, one_size=True)
        return data

    def _in_order(self, logs: dict[str, Any]) -> Any:
        """The loss first, then the metrics as compile had them, then what goes by another name; a lone value by itself.

        As in Keras, a second metric of a name gives the first's value there, and its own at the end.
        """
        names = (
            ["loss", *(metric.name for metric in self._compile_metrics.metrics)] if self._compile_metrics else ["loss"]
        )
        values = [logs[name] for name in names if name in logs]
        values += [logs[name] for name in sorted(logs) if name not in names]
        return values[0] if len(values) == 1 else values

    # Before and after --------------------------------------------------------------------------------------------------

    def _prepare(self, data: ArrayBatches, one_size: bool = False) -> None:
        """Build for the data if need be, and check what can be checked before anything changes.

        Keras's `summary` shows the batch size where a model was built on a batch, or on batches of `one_size`.
        """
        if not self.built:
            batch = min(data.batch_size, len(data)) if one_size or self.run_eagerly else None
            self.build((batch, *data.x.shape[1:]))
        self._check_inputs(data.x)
        if data.y is not None and self._compile_loss is not None:
            self._check_targets(data.y)

    def _require_targets(self, data: ArrayBatches) -> None:
        """The loss of compile cannot do without targets; own steps and losses may."""
        own = self._overrides("train_step", "test_step", "compute_loss")
        if data.y is None and self._compile_loss is not None and not own:
            raise ValueError(_NO_TARGETS)

    def _overrides(self, *names: str) -> bool:
        """Whether the model's class has one of these of its own."""
        return any(getattr(type(self), name) is not getattr(Trainer, name) for name in names)

    def _check_inputs(self, x: Array) -> None:
        """Models that know their input shape say here what does not fit."""

    def _check_targets(self, y: Array) -> None:
        """Class numbers out of range are found before training, not in the middle of an epoch."""
        try:
            output_shape = self.output_shape
        except AttributeError:
            return
        classes = output_shape[-1]
        stand_in = np.empty((1, *[n or 1 for n in output_shape[1:]]))
        loss = self._compile_loss.resolve(y[:1], stand_in) if self._compile_loss else None
        function = getattr(loss, "fn", None)
        if function is not losses.sparse_categorical_crossentropy or classes is None or not y.size:
            return
        low, high = y.min(), y.max()
        if low < 0 or high > classes - 1 or np.isnan(low):
            wrong = low if low < 0 or np.isnan(low) else high
            count = "1 unit" if classes == 1 else f"{classes} units"
            enlarge = f", or give the last layer {int(high) + 1} units" if high > classes - 1 else ""
            raise ValueError(
                f"sparse_categorical_crossentropy expects labels in 0..{classes - 1}, because the last layer has {count}; got "
                f"a label {wrong}. Number the classes from 0{enlarge}."
            )
        one_hot = y.ndim == len(output_shape) and y.shape[-1] == classes and classes > 1
        if one_hot:
            raise ValueError(
                f"sparse_categorical_crossentropy expects class numbers of shape (samples,); got shape {y.shape}. One-hot "
                "labels go with categorical_crossentropy."
            )

    def _warn_of_nan(self, logs: dict[str, Any], epoch: int | None, *runs: Epochs | None) -> bool:
        """Whether the loss is NaN; it is said with the place in the data that it comes from, if there is one."""
        wrong = [name for name in ("loss", "val_loss") if np.isnan(logs.get(name, 0.0))]
        if not wrong:
            return False
        when = "" if epoch is None else f" at epoch {epoch + 1}"
        cause = "The data has no NaN or infinity; a smaller learning rate may help."
        if any(isinstance(run, StreamEpochs) for run in runs):
            cause = "Look for NaN or infinity in the batches; a smaller learning rate may help."
        for run in runs:
            found = _first_not_finite(run.data) if isinstance(run, ArrayEpochs) else None
            if found:
                cause = f"The data holds a value that is not finite: {found}."
        warnings.warn(f"{wrong[0]} is nan{when}. {cause}", RuntimeWarning, stacklevel=3)
        return True

    @property
    def engine(self) -> str:
        """Which engine runs this model, and why: "compiled: ..." or "reference: ..."."""
        chosen = self._choose_engine()
        return f"{chosen.name}: {chosen.why}"

    def _choose_engine(self, data: ArrayBatches | None = None, training: bool = False) -> Any:
        """The compiled engine where everything has a compiled twin, else the reference; `compile` can ask for either.

        Raises:
            ValueError: jit_compile=True for a model that has a part without a twin.
        """
        if self.run_eagerly or self.jit_compile is False:
            asked = "run_eagerly=True" if self.run_eagerly else "jit_compile=False"
            return reference.ReferenceEngine(self, f"asked for with {asked}")
        for kind in ("train", "test", "predict"):
            if self._overrides(f"make_{kind}_function"):
                return reference.ReferenceEngine(self, f"own make_{kind}_function")
        try:
            return self._choose_compiled(data, training)
        except NoTwin as part:
            if self.jit_compile is True:
                raise ValueError(
                    f'jit_compile=True, but there is no compiled twin for: {part}. "auto" falls back.'
                ) from None
            return reference.ReferenceEngine(self, f"no compiled twin for: {part}")
        except NotAvailable as reason:
            if self.jit_compile is True:
                raise ValueError(f"jit_compile=True, but the compiled engine cannot run here: {reason}.") from None
            _warn_once(f"The compiled engine cannot run here ({reason}); the reference engine in NumPy takes over.")
            return reference.ReferenceEngine(self, str(reason))

    def _choose_compiled(self, data: ArrayBatches | None, training: bool) -> Any:
        engine = self._compiled_engine
        if engine is None or not engine.is_current():
            engine = CompiledEngine(self)
        if data is None:
            engine.prepare()
        else:
            engine.check(data, training)
        self._compiled_engine = engine  # only now: `model(x)` calls it, and it may have no machine code before
        return engine


_NO_TARGETS = "The loss needs targets y; got None. Pass fit(x, y) or evaluate(x, y)."
_warned: set[str] = set()


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, RuntimeWarning, stacklevel=5)


class _EngineForBatches:
    """The engine for a stream's batches: chosen at the first, kept as long as it can run what comes."""

    def __init__(self, model: Trainer, training: bool, predicting: bool) -> None:
        self._model, self._training, self._predicting = model, training, predicting
        self._engine: Any = None

    def __call__(self, data: ArrayBatches) -> Any:
        model = self._model
        model._prepare(data, one_size=self._predicting)
        if self._predicting:
            self._engine = self._engine or model._choose_engine()
        elif self._engine is None:
            model._require_targets(data)
            self._engine = model._choose_engine(data, self._training)
        elif self._engine.name == "compiled":
            return model._choose_engine(data, self._training)  # a batch of another kind may need the other engine
        return self._engine


def _limited(name: str, value: Any, limit: int | None) -> Any:
    """`config.set_max_epochs` and `set_max_steps_per_epoch` shorten runs that are to be tried out."""
    if limit and (not value or limit < value):
        warnings.warn(f"Limiting {name} to {limit}", stacklevel=3)
        return limit
    return value


def _is_due(epoch: int, validation_freq: Any) -> bool:
    if isinstance(validation_freq, (int, np.integer)) and validation_freq > 0:
        return bool((epoch + 1) % validation_freq == 0)
    if isinstance(validation_freq, (list, tuple, set)):
        return epoch + 1 in validation_freq
    raise ValueError(
        "Expected `validation_freq` to be a list of epochs, counted from 1, or an int above 0. "
        f"Received: validation_freq={validation_freq} of the type {type(validation_freq)}."
    )


def _first_not_finite(data: ArrayBatches) -> str | None:
    for name in ("x", "y", "sample_weight"):
        array = getattr(data, name)
        if array is None or array.dtype.kind != "f":
            continue
        for start in range(0, len(array), 65536):
            part = np.isfinite(array[start : start + 65536])
            if not part.all():
                place = tuple(int(i) for i in np.argwhere(~part)[0])
                place = (place[0] + start, *place[1:])
                return f"{name}[{', '.join(map(str, place))}] is {array[place]}"
    return None


def _arguments(method: Callable[..., Any]) -> list[str]:
    code = method.__code__
    return list(code.co_varnames[1 : code.co_argcount])


@functools.cache
def _takes_training(compute_loss: Callable[..., Any]) -> bool:
    """Whether a `compute_loss` has the argument `training`, or takes any."""
    parameters = inspect.signature(compute_loss).parameters
    return "training" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _results_of(found: Iterable[Any]) -> dict[str, Any]:
    """The results of these metrics by name."""
    results: dict[str, Any] = {}
    for metric in found:
        result = metric.result()
        results.update(result if isinstance(result, dict) else {metric.name: result})
    return dict(_flat(results))


def _flat(results: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Results sorted by name, as Python numbers; those of a metric with several, a dict, in its place."""
    for name in sorted(results):
        if isinstance(results[name], dict):
            yield from _flat(results[name])
        else:
            yield name, _python(results[name])


def _python(value: Any) -> Any:
    value = value_of(value)
    return float(value) if np.ndim(value) == 0 else np.asarray(value)


def _mean(name: str) -> metrics.Mean:
    return metrics.Mean(name=name)
