"""Training that survives its process: what stands on the disk is enough to go on as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import warnings
from typing import Any, ClassVar

from tinynn.callbacks.callback import Callback, Logs
from tinynn.callbacks.on_error import checked, failed

__all__ = ["BackupAndRestore"]


class BackupAndRestore(Callback):
    """Writes down where a training stands, so that the same `fit`, started again, goes on from there.

        backup = tinynn.callbacks.BackupAndRestore("backup")
        model.fit(x, y, epochs=100, callbacks=[backup])         # killed after epoch 41? Start the program again.

    The end is bit for bit that of a training which never stopped: besides weights and optimizer, as in Keras, a backup holds
    the random streams, the place in the data, the metrics of the running epoch, the History, and what the other callbacks
    remember (`Callback.get_state`). Backups are written when all callbacks are done with the epoch or the batch, into
    the file "latest.npz" of `backup_dir`: under another name first, then renamed, so that a whole one is there at any time.

    A resumed training must be started as the first one was: the same model, data, arguments of compile and fit. Generators are
    made anew and asked again for the batches that were seen. See docs/checkpoints.md.

    Args:
        backup_dir: a folder for this callback of this training alone; it is made if need be.
        save_freq: "epoch", or a number of batches (each of which then returns to Python, which costs speed), or False to
            read a backup and write none.
        double_checkpoint: keep the last backup but one, too, in "previous.npz"; it is read if the last one cannot be.
        delete_checkpoint: delete the backups when the training has come to its end.
        on_error: what to do when a backup cannot be written (a full disk, a folder that may not be written to) or read (a
            damaged file): "raise"; or "warn" and go on training, without this backup. The one before it stays as it is.

    Raises:
        ValueError: an argument that is none of these; or, when the training begins, a backup of another training.
        OSError: a backup cannot be written or read, with on_error="raise".
    """

    remembered: ClassVar = {"_batches": (int,)}

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        on_error: str = "raise",
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(
                "Invalid value for argument `save_freq`. "
                f"Received: save_freq={save_freq}. Expected either 'epoch' or an integer value."
            )
        if save_freq != "epoch" and save_freq is not False and save_freq < 1:
            raise ValueError(
                f"BackupAndRestore expects save_freq to be a number of batches above 0; got {save_freq!r}."
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self.on_error = checked("BackupAndRestore", on_error)
        self.progress: Any = None  # of the `fit` that runs: the list of callbacks is told, and tells
        self._batches = 0
        self._due = False
        if isinstance(save_freq, int) and save_freq:  # a hook of this object alone: else epochs run in compiled code
            vars(self)["on_train_batch_end"] = self._batch_ends

    def on_train_begin(self, logs: Logs = None) -> None:
        self._batches, self._due = 0, False
        if self.progress is None:
            raise ValueError(
                "BackupAndRestore works within `model.fit`. In a loop of your own, save what it needs to go on: the model with "
                "`model.save`, and how far it is."
            )
        self._remove_unfinished()
        state = self._read()
        if state is not None:
            self.progress.resume_from(state)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._due = self.save_freq == "epoch"

    def on_train_end(self, logs: Logs = None) -> None:
        if self.delete_checkpoint:
            for name in _NAMES:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path(name))
            with contextlib.suppress(OSError):  # other files are in it, or it was never made
                os.rmdir(self.backup_dir)

    def _batch_ends(self, batch: int, logs: Logs = None) -> None:
        self._batches += 1
        if self._batches >= self.save_freq:
            self._batches, self._due = 0, True

    def save_if_due(self) -> None:
        """Write a backup if it is time; called when all callbacks are done with an epoch or a batch.

        Raises:
            OSError: it cannot be written, with on_error="raise".
        """
        if not self._due:
            return
        self._due = False
        from tinynn.saving.backup import write_backup

        progress = self.progress
        try:
            os.makedirs(self.backup_dir, exist_ok=True)
            if not self.double_checkpoint:
                write_backup(self._path("latest.npz"), progress.get_state())
                return
            write_backup(self._path("next.npz"), progress.get_state())
            with contextlib.suppress(FileNotFoundError):
                os.replace(self._path("latest.npz"), self._path("previous.npz"))
            os.replace(self._path("next.npz"), self._path("latest.npz"))
        except OSError as error:
            where = f"epoch {progress.epoch + (progress.step > 0)}" + (
                f", step {progress.step}" if progress.step else ""
            )
            failed(self.on_error, f"BackupAndRestore could not write a backup after {where}", error)

    # Reading -----------------------------------------------------------------------------------------------------------

    def _read(self) -> Any:
        """The state in the last backup that can be read; None if there is none."""
        from tinynn.saving.backup import read_backup

        problem: OSError | None = None
        for name in ("latest.npz", "previous.npz"):
            try:
                state = read_backup(self._path(name), self.progress.check_state)
            except FileNotFoundError:
                continue
            except OSError as error:
                problem = problem or error
                continue
            if problem is not None:
                warnings.warn(
                    f"BackupAndRestore: {problem} Going on from the one before it.", RuntimeWarning, stacklevel=2
                )
            return state
        if problem is not None:
            failed(
                self.on_error,
                f'BackupAndRestore cannot go on. To train from the start, delete "{self.backup_dir}"',
                problem,
            )
            self._put_aside()
        return None

    def _put_aside(self) -> None:
        """A file that could not be read may be somebody's: it gets another name before a backup takes its place."""
        path = self._path("latest.npz")
        with contextlib.suppress(OSError):
            os.replace(path, f"{path}.unreadable")

    def _remove_unfinished(self) -> None:
        """What a process that was killed while it wrote has left."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self.backup_dir):
                if name.endswith(".tmp") and name.startswith(tuple(f".{own}." for own in _NAMES)):
                    os.unlink(self._path(name))

    def _path(self, name: str) -> str:
        return os.path.join(self.backup_dir, name)


_NAMES = ("latest.npz", "previous.npz", "next.npz")
