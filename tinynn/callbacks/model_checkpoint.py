"""The model in a file, after each epoch or some batches, or whenever it is better than before."""

from __future__ import annotations

import os
import warnings
from typing import Any, ClassVar

import numpy as np

from tinynn.callbacks.callback import NUMBER_OR_NONE, Logs
from tinynn.callbacks.monitor_callback import MonitorCallback
from tinynn.callbacks.on_error import checked, failed
from tinynn.utils.progbar import print_msg

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, while it is being trained.

        best = tinynn.callbacks.ModelCheckpoint("best.keras", monitor="val_loss", save_best_only=True)
        model.fit(x, y, validation_split=0.2, epochs=20, callbacks=[best])
        model = tinynn.models.load_model("best.keras")

    A file is written under another name first and then renamed: what was saved before stays whole until it is replaced. To go
    on with a training that was killed, exactly as it would have gone on, use `BackupAndRestore`.

    Args:
        filepath: ends in ".keras" or ".h5", or in ".weights.h5" with `save_weights_only`. What stands in braces is filled in:
            epoch and batch, from 1, and the logs: "{epoch:02d}-{val_loss:.2f}.keras". Folders are made if need be.
        monitor: the metric to look at with `save_best_only`.
        verbose: 1 to print a line on each decision.
        save_best_only: save only if the metric is better than at all saves before.
        save_weights_only: `model.save_weights` instead of `model.save`.
        mode: "min", "max", or "auto" to ask the metric.
        save_freq: "epoch", or a number of batches; then the logs are those of the running epoch up to there, and each batch
            returns to Python, which costs speed.
        initial_value_threshold: the metric must be better than this to be saved at all.
        on_error: what to do when the file cannot be written (a full disk, a folder that may not be written to): "raise"; or
            "warn" and go on training. The file before it stays as it is.

    Raises:
        ValueError: an argument that is none of these.
        KeyError: when it comes to saving, a name in braces that is not in the logs.
        OSError: the file cannot be written, with on_error="raise".
    """

    remembered: ClassVar = {"best": NUMBER_OR_NONE, "_batches": (int,)}

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
        on_error: str = "raise",
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.on_error = checked("ModelCheckpoint", on_error)
        self._check()
        self._epoch = 0
        self._batches = 0
        if save_freq != "epoch":  # a hook of this object alone: without it whole epochs run in compiled code
            vars(self)["on_train_batch_end"] = self._batch_ends

    def _check(self) -> None:
        if self.save_freq != "epoch" and not isinstance(self.save_freq, int):
            raise ValueError(
                f"Unrecognized save_freq: {self.save_freq}. Expected save_freq are 'epoch' or integer values"
            )
        if self.save_freq != "epoch" and self.save_freq < 1:
            raise ValueError(
                f"ModelCheckpoint expects save_freq to be a number of batches above 0; got {self.save_freq!r}."
            )
        if self.save_weights_only and not self.filepath.endswith(".weights.h5"):
            raise ValueError(
                "When using `save_weights_only=True` in `ModelCheckpoint`, the filepath provided must end in `.weights.h5` "
                f"(Keras weights format). Received: filepath={self.filepath}"
            )
        if not self.save_weights_only and not self.filepath.endswith((".keras", ".h5")):
            raise ValueError(
                f"The filepath provided must end in `.keras` (Keras model format). Received: filepath={self.filepath}"
            )

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()
        if self.save_freq == "epoch":
            self._save_if_wanted(epoch, None, logs or {})

    def _batch_ends(self, batch: int, logs: Logs = None) -> None:
        self._batches += 1
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save_if_wanted(self._epoch, batch, logs or {})

    def _save_if_wanted(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        path = self._path(epoch, batch, logs)
        best = self.best
        if not self._is_wanted(epoch, logs, path):
            return
        try:
            self._save(path)
        except OSError as error:
            self.best = best  # nothing of this worth was saved
            failed(self.on_error, f"ModelCheckpoint could not save after epoch {epoch + 1}", error)
            return
        self._tell(epoch, f"finished saving model to {path}")

    def _save(self, path: str) -> None:
        if os.path.isdir(path):
            raise IsADirectoryError(
                "Please specify a non-directory filepath for ModelCheckpoint. "
                f"Filepath used is an existing directory: {path}"
            )
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        """The path with the braces filled in.

        Raises:
            KeyError: with something that is not in the logs.
        """
        named = {} if batch is None or "batch" in logs else {"batch": batch + 1}
        try:
            return self.filepath.format(epoch=epoch + 1, **named, **logs)
        except KeyError as missing:
            raise KeyError(f'Failed to format this callback filepath: "{self.filepath}". Reason: {missing}') from None

    def _is_wanted(self, epoch: int, logs: dict[str, Any], path: str) -> bool:
        """Whether to save; with `save_best_only` the metric's value becomes the best if it is."""
        if not self.save_best_only:
            self._tell(epoch, f"saving model to {path}")
            return True
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(f"Can save best model only with {self.monitor} available.", stacklevel=4)
            return True
        if np.ndim(current) > 0:
            warnings.warn(
                f"Can save best model only when `monitor` is a scalar value. Received: {current}. "
                "Falling back to `save_best_only=False`.",
                stacklevel=4,
            )
            return True
        if self.monitor_op is None:  # saving after batches, before the first epoch has ended
            self._set_monitor_op()
        before = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._tell(epoch, f"{self.monitor} did not improve from {before}")
            return False
        self._tell(epoch, f"{self.monitor} improved from {before} to {current:.5f}, saving model to {path}")
        self.best = current
        return True

    def _tell(self, epoch: int, what: str) -> None:
        if self.verbose > 0:
            print_msg(f"\nEpoch {epoch + 1}: {what}")
