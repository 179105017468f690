"""CSVLogger writes the bytes that Keras's writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.callbacks.runs import fit
from tinynn.callbacks import CallbackList, CSVLogger

EPOCHS = [{"loss": 0.5, "acc": 0.1}, {"loss": 1 / 3, "acc": 1e-12, "val_loss": 2.0, "val_acc": 0.0}]


def test_a_row_an_epoch(tmp_path: Path) -> None:
    fit(CallbackList, [CSVLogger(tmp_path / "log.csv")], EPOCHS)
    assert (tmp_path / "log.csv").read_bytes() == (
        b"epoch,acc,loss,val_acc,val_loss\r\n0,0.1,0.5,NA,NA\r\n1,1e-12,0.3333333333333333,0.0,2.0\r\n"
    )


def test_a_row_is_on_disk_as_soon_as_it_is_written(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": 1.0})
    assert (tmp_path / "log.csv").read_bytes() == b"epoch,loss,val_loss\r\n0,1.0,NA\r\n"
    logger.on_train_end()
    assert logger.csv_file is not None
    assert logger.csv_file.closed


@pytest.mark.keras
@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("before", [None, "", "epoch,loss\n7,0.1\n"])
def test_files_are_those_of_keras(keras: Any, tmp_path: Path, append: bool, separator: str, before: str | None) -> None:
    odd = {
        "loss": np.float32(0.1),
        "array": np.array([1.5, 2]),
        "scalar": np.array(3),
        "list": [1, "a,b"],
        "text": "a;b,c",
        "none": None,
    }

    def run(kind: Any, name: str) -> bytes:
        path = tmp_path / name
        if before is not None:
            path.write_text(before)
        logger = kind(str(path), separator=separator, append=append)
        for runs in ([EPOCHS[0], EPOCHS[1]], [EPOCHS[1], EPOCHS[0], odd], [{}]):  # one logger, three trainings
            logger.on_train_begin()
            for epoch, logs in enumerate(runs):
                logger.on_epoch_end(epoch, dict(logs))
            logger.on_train_end()
        logger.on_train_begin()
        logger.on_epoch_end(0, odd)
        logger.on_train_end()
        return path.read_bytes()

    assert run(CSVLogger, "ours.csv") == run(keras.callbacks.CSVLogger, "theirs.csv")
