"""Stop when the loss is no longer a number."""

from __future__ import annotations

import math

from tinynn.callbacks.callback import Callback, Logs
from tinynn.utils.progbar import print_msg

__all__ = ["TerminateOnNaN"]


class TerminateOnNaN(Callback):
    """Ends the training after the first batch whose loss is nan or infinite.

    Args:
        raise_error: raise instead, so that no callback gets to clean up (and overwrite a good backup, say).

    Raises:
        RuntimeError: with `raise_error`, on such a loss.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating training immediately."
            )
        print_msg(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
