"""Cross-entropy of a softmax, from its logits: the loss of classification with one class per sample.

With p = softmax(logits) the loss of a sample is -sum_k y_true[k] log p[k]: how surprised the model is by the label.
Taken from the logits, log p is exact even where p has rounded to zero.
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp, flatten, log
from tinynn._typing import Array


def forward(y_true: Array, logits: Array, probs: Array, losses: Array) -> None:
    """losses[b] = sum_k y_true[b,k] (log sum_j e^logits[b,j] - logits[b,k]);  probs = softmax(logits), for backward.

    y_true, logits, probs (batch, classes); losses (batch,). The row maximum is subtracted first: no overflow.
    """
    shifted = logits - logits.real.max(axis=1, keepdims=True)  # .real: the complex-step oracle passes complex logits
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    probs[:] = e / total
    losses[:] = (y_true * (np.log(total) - shifted)).sum(axis=1)


def backward(d_losses: Array, y_true: Array, probs: Array, d_logits: Array) -> None:
    """d log p_k / d logit_j = [j = k] - p_j, hence for rows of y_true that sum to 1:

    d loss / d logit_j = sum_k y_true_k (p_j - [j = k]) = p_j - y_true_j

    For other rows the true derivative has p_j sum_k y_true_k in front; TensorFlow leaves that factor out and so do we.
    """
    d_logits[:] = (probs - y_true) * d_losses[:, None]


def sparse_forward(labels: Array, logits: Array, probs: Array, losses: Array) -> None:
    """The same with y_true given as class numbers: labels (batch,), integers in [0, classes), pick one term of the sum."""
    shifted = logits - logits.real.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    probs[:] = e / total
    losses[:] = np.log(total[:, 0]) - shifted[np.arange(len(labels)), labels]


def sparse_backward(d_losses: Array, labels: Array, probs: Array, d_logits: Array) -> None:
    """p_j - [j = label]: the same difference, its 1 subtracted at the label alone."""
    d_logits[:] = probs
    d_logits[np.arange(len(labels)), labels] -= 1
    d_logits *= d_losses[:, None]


@compiled
def forward_compiled(y_true: Array, logits: Array, probs: Array, losses: Array) -> None:
    classes = logits.shape[1]
    _exponentials(logits, probs, losses)
    for b in range(logits.shape[0]):
        top = losses[b]
        total, loss = probs.dtype.type(0), probs.dtype.type(0)
        for k in range(classes):
            total += probs[b, k]
        log_total = log(total)
        for k in range(classes):
            loss += y_true[b, k] * (log_total - (logits[b, k] - top))
        for k in range(classes):
            probs[b, k] /= total
        losses[b] = loss


@compiled
def backward_compiled(d_losses: Array, y_true: Array, probs: Array, d_logits: Array) -> None:
    for b in range(probs.shape[0]):
        for k in range(probs.shape[1]):
            d_logits[b, k] = (probs[b, k] - y_true[b, k]) * d_losses[b]


@compiled
def sparse_forward_compiled(labels: Array, logits: Array, probs: Array, losses: Array) -> None:
    classes = logits.shape[1]
    _exponentials(logits, probs, losses)
    for b in range(logits.shape[0]):
        total = probs.dtype.type(0)
        for k in range(classes):
            total += probs[b, k]
        for k in range(classes):
            probs[b, k] /= total
        losses[b] = log(total) - (logits[b, labels[b]] - losses[b])


@compiled
def sparse_backward_compiled(d_losses: Array, labels: Array, probs: Array, d_logits: Array) -> None:
    one = probs.dtype.type(1)
    for b in range(probs.shape[0]):
        for k in range(probs.shape[1]):
            d_logits[b, k] = probs[b, k] * d_losses[b]
        d_logits[b, labels[b]] = (probs[b, labels[b]] - one) * d_losses[b]


@compiled
def _exponentials(logits: Array, probs: Array, tops: Array) -> None:
    """probs[b, k] = e^(logits[b, k] - tops[b]) with the row's maximum, which is kept for the caller."""
    if logits.shape[1] == 2:  # half the time: no vector code comes about along so short rows
        for b in range(logits.shape[0]):
            tops[b] = logits[b, 0] if logits[b, 0] > logits[b, 1] or logits[b, 0] != logits[b, 0] else logits[b, 1]
        for k in range(2):
            for b in range(logits.shape[0]):
                probs[b, k] = logits[b, k] - tops[b]
        _exp_of_all(probs)
        return
    for b in range(logits.shape[0]):
        top = logits[b, 0]
        for k in range(1, logits.shape[1]):
            top = logits[b, k] if logits[b, k] > top else top
        tops[b] = top
        for k in range(logits.shape[1]):
            probs[b, k] = logits[b, k] - top
    _exp_of_all(probs)


@compiled
def _exp_of_all(probs: Array) -> None:
    """In one line, so that exp becomes vector code even for two classes."""
    entries = flatten(probs)
    for i in range(entries.size):
        entries[i] = exp(entries[i])
