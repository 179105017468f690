"""Pairs of targets and predictions in all the shapes that losses and metrics meet."""

from __future__ import annotations

from typing import Any

import numpy as np

numbers = np.random.default_rng(0)
PROBS = numbers.dirichlet(np.ones(3), 4)
LABELS = np.array([0, 2, 1, 0])
ONE_HOT = np.eye(3)[LABELS]
ONE_PROB = numbers.random((4, 1))
YES_NO = np.array([0, 1, 1, 0])
PROBS_3D = numbers.dirichlet(np.ones(3), (4, 2))
LABELS_2D = np.array([[0, 1], [2, 2], [1, 0], [0, 0]])

PAIRS: dict[str, tuple[Any, Any]] = {
    "one-hot": (ONE_HOT, PROBS),
    "one-hot integers": (ONE_HOT.astype(np.int64), PROBS),
    "one-hot truth values": (ONE_HOT.astype(bool), PROBS),
    "soft labels": (PROBS[::-1], PROBS),
    "float32 beside float64": (ONE_HOT, PROBS.astype(np.float32)),
    "class numbers": (LABELS, PROBS),
    "class numbers, small": (LABELS.astype(np.int8), PROBS.astype(np.float32)),
    "class numbers as floats": (LABELS.astype(np.float64), PROBS),
    "column of class numbers": (LABELS[:, None], PROBS),
    "zeros and ones beside a column": (YES_NO, ONE_PROB),
    "columns": (YES_NO[:, None], ONE_PROB),
    "vectors": (YES_NO, ONE_PROB[:, 0]),
    "column beside a vector": (YES_NO[:, None].astype(np.float64), ONE_PROB[:, 0]),
    "three axes, one-hot": (np.eye(3)[LABELS_2D], PROBS_3D),
    "three axes, class numbers": (LABELS_2D, PROBS_3D),
    "three axes, column of class numbers": (LABELS_2D[..., None], PROBS_3D),
    "three axes, truth values": (PROBS_3D[..., 0] > 0.3, PROBS_3D[..., :1]),
    "lists": (ONE_HOT.tolist(), PROBS.tolist()),
    "certain, right and wrong": (ONE_HOT, np.array([[0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [1, 0, 0]], float)),
    "ties": (LABELS, np.full((4, 3), 1 / 3)),
    "on the threshold": (YES_NO[:, None], np.full((4, 1), 0.5)),
    "NaN": (ONE_HOT, np.where(PROBS > 0.5, np.nan, PROBS)),
    "outside 0 to 1": (PROBS * 4 - 1, PROBS[::-1] * 6 - 2),
}


# Pairs that are tried with weights of all shapes; the others with one per sample alone.
WEIGHTED = ("one-hot", "class numbers", "zeros and ones beside a column", "columns", "three axes, class numbers")


def weights_for(kind: str) -> dict[str, Any]:
    """Sample weights for a pair."""
    y_true, y_pred = PAIRS[kind]
    n = len(y_true)
    plain = {"none": None, "one per sample": np.arange(1.0, n + 1)}
    if kind not in WEIGHTED:
        return plain
    return {
        **plain,
        "integers": np.arange(n),
        "list": list(range(1, n + 1)),
        "column": np.arange(1.0, n + 1)[:, None],
        "zeros": np.zeros(n),
        "one for all": 2.0,
        "one per entry": np.full(np.shape(y_pred), 2.0),
        "one per sample and step": np.arange(2.0 * n).reshape(n, 2),
    }
