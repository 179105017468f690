"""What to do at the turning points of a training. As `keras.callbacks`."""

from tinynn.callbacks.backup_and_restore import BackupAndRestore
from tinynn.callbacks.callback import Callback
from tinynn.callbacks.callback_list import CallbackList
from tinynn.callbacks.csv_logger import CSVLogger
from tinynn.callbacks.early_stopping import EarlyStopping
from tinynn.callbacks.history import History
from tinynn.callbacks.lambda_callback import LambdaCallback
from tinynn.callbacks.learning_rate_scheduler import LearningRateScheduler
from tinynn.callbacks.model_checkpoint import ModelCheckpoint
from tinynn.callbacks.progbar_logger import ProgbarLogger
from tinynn.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from tinynn.callbacks.swap_ema_weights import SwapEMAWeights
from tinynn.callbacks.tensorboard import TensorBoard
from tinynn.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
