"""Event files for TensorBoard."""

from __future__ import annotations

import importlib
import os
import time
from typing import Any, ClassVar

import numpy as np

from tinynn.callbacks.callback import Callback, Logs

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Writes what TensorBoard shows (`tensorboard --logdir logs`): losses, metrics, learning rate, histograms of weights.

    Training goes to `log_dir/train`, validation to `log_dir/validation`, under Keras's names: `epoch_loss` against
    epochs, `batch_loss` against batches, `evaluation_loss_vs_iterations` against steps of the optimizer. The files are
    written by the package tensorboardX, which needs no TensorFlow.

    Args:
        log_dir: the directory, of which no other run should make use.
        histogram_freq: write histograms of the weights every so many epochs; 0 for never.
        write_steps_per_second: how fast it went, too.
        update_freq: "epoch"; or "batch", or a number of batches, for values of batches besides. Then each batch returns
            to Python, which costs speed.
        write_graph, write_images, embeddings_freq, embeddings_metadata: accepted and ignored; `utils.plot_model` draws a
            model.
        profile_batch: 0; there is nothing to profile.

    Raises:
        ImportError: tensorboardX is not installed.
        ValueError: profiling is asked for, or an update_freq that is none.
    """

    remembered: ClassVar = {"_batches": (int,)}

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        if profile_batch:
            raise ValueError(
                f"TensorBoard: profiling is not available in tinynn. Received: profile_batch={profile_batch} (must be 0)"
            )
        update_freq = 1 if update_freq == "batch" else update_freq
        if update_freq != "epoch" and (not hasattr(update_freq, "__index__") or int(update_freq) < 1):
            raise ValueError(
                f'TensorBoard expects update_freq to be "epoch", "batch" or a number of batches; got {update_freq!r}.'
            )
        try:
            self._library = importlib.import_module("tensorboardX")
        except ImportError:
            raise ImportError(
                "The TensorBoard callback writes its files with tensorboardX. You must install it: `pip install tensorboardX`."
            ) from None
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._writers: dict[str, Any] = {}
        self._batches = 0
        self._batch_began = self._epoch_began = 0.0
        self._steps_before = 0
        if update_freq != "epoch":  # hooks of this object alone: without them whole epochs run in compiled code
            vars(self)["on_train_batch_begin"] = self._batch_begins
            vars(self)["on_train_batch_end"] = self._batch_ends

    def set_model(self, model: Any) -> None:
        self._model = model
        self._close()

    def on_train_begin(self, logs: Logs = None) -> None:
        self._batches = 0

    def on_train_end(self, logs: Logs = None) -> None:
        self._close()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch_began, self._steps_before = time.time(), self._iterations() or 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        if hasattr(self.model.optimizer, "learning_rate"):
            train["learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))
        if self.write_steps_per_second:
            seconds = max(time.time() - self._epoch_began, 1e-9)
            train["steps_per_second"] = ((self._iterations() or 0) - self._steps_before) / seconds
        validation = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        for where, values in (("train", train), ("validation", validation)):
            self._write(where, {f"epoch_{name}": value for name, value in values.items()}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for variable in self.model.weights:
                self._writer("train").add_histogram(f"{variable.path}/histogram", variable.numpy(), epoch)

    def on_test_end(self, logs: Logs = None) -> None:
        step = self._iterations()
        if step is not None:
            values = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
            self._write("validation", values, step)

    def _batch_begins(self, batch: int, logs: Logs = None) -> None:
        self._batches += 1
        self._batch_began = time.time()

    def _batch_ends(self, batch: int, logs: Logs = None) -> None:
        if self._batches % self.update_freq:
            return
        values = {f"batch_{name}": value for name, value in (logs or {}).items()}
        if self.write_steps_per_second:
            values["batch_steps_per_second"] = 1.0 / max(time.time() - self._batch_began, 1e-9)
        self._write("train", values, self._batches)

    def _iterations(self) -> int | None:
        """The optimizer's steps so far; None without one."""
        iterations = getattr(self.model.optimizer, "iterations", None)
        return None if iterations is None else int(iterations)

    def _writer(self, where: str) -> Any:
        """The writer of a directory, made when there is something to write."""
        if where not in self._writers:
            self._writers[where] = self._library.SummaryWriter(os.path.join(self.log_dir, where))
        return self._writers[where]

    def _write(self, where: str, values: dict[str, Any], step: int) -> None:
        for name, value in values.items():
            if np.ndim(value) == 0:
                self._writer(where).add_scalar(name, float(value), step)
        if values:
            self._writer(where).flush()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}
