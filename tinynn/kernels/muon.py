"""Muon (Jordan 2024; with the scale of Liu et al. 2025): steps on matrices whose singular values are all about one."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, gemm, line, view
from tinynn._typing import Array, DType
from tinynn.kernels import adam

TINY = 1e-7
"""Added to a matrix's norm."""


def effective_rates(
    t: Array,
    learning_rate: float | Array,
    adam_lr_ratio: float,
    beta_1: float,
    beta_2: float,
    rms_rate: float,
    dtype: DType,
) -> Array:
    """learning_rate, Adam's rate, rms_rate of steps t = 1, 2, 3, ...;  t (n,), learning_rate a number or (n,) -> (n, 3)

    Adam's rate is `tinynn.kernels.adam.effective_rate` of learning_rate adam_lr_ratio. rms_rate < 0: steps are not scaled.
    """
    rate = np.broadcast_to(np.asarray(learning_rate, dtype), t.shape)
    of_adam = adam.effective_rate(t, rate * dtype.type(adam_lr_ratio), beta_1, beta_2, dtype)
    return np.stack([rate, of_adam, np.full(t.shape, rms_rate, dtype)], axis=1)


def direction(x: Array, ns_steps: int, a: float, b: float, c: float) -> Array:
    """x (rows, columns) with other singular values: the iteration of Newton and Schulz, in odd polynomials of degree 5.

    x <- x / (|x| + 1e-7), so that no singular value is above 1;  then ns_steps times, with A = x x.T:
    x <- a x + (b A + c A A) x

    With x = U S V.T this is U p(S) V.T: U and V stay, and each singular value s becomes p(s) = a s + b s^3 + c s^5. With
    a, b, c = 3.4445, -4.775, 2.0315 five rounds bring what is above 0.002 to between 0.7 and 1.2, so that x is about U V.T.
    A matrix with more rows than columns is turned for it, for A to be small.
    """
    stands = x.shape[0] > x.shape[1]
    x = x.T if stands else x
    x = x / (np.sqrt(np.sum(x * x)) + x.dtype.type(TINY))
    for _ in range(ns_steps):
        square = x @ x.T
        x = a * x + (b * square + (c * square) @ square) @ x
    return x.T if stands else x


def step(
    params: Array,
    grads: Array,
    m: Array,
    v: Array,
    shapes: Array,
    room: Array,
    rates: Array,
    momentum: float,
    nesterov: bool,
    ns_steps: int,
    muon_a: float,
    muon_b: float,
    muon_c: float,
    adam_beta_1: float,
    adam_beta_2: float,
    epsilon: float,
) -> None:
    """One step over the whole flat vector, in place. params, grads, m (n_params,); rates (3,) is `effective_rates`.

    Of each matrix:

    m <- momentum m + g
    d  = g + momentum m, or m itself without nesterov
    p <- p - rates[0] direction(d) sqrt(max(rows, columns)) rates[2]       with rates[2] < 0 without the last two factors

    Everything else takes the step of `tinynn.kernels.adam`, with rates[1]. shapes (variables, 4): where each begins, its rows
    and columns, where its v begins; rows 0, all entries as columns, and a v for Adam's alone. room: for the twin; this
    leaves it alone.
    """
    rate, of_adam, scale = (float(number) for number in rates)
    for start, rows, columns, place in shapes.tolist():
        size = max(rows, 1) * columns
        p, g, mean = params[start : start + size], grads[start : start + size], m[start : start + size]
        if not rows:
            adam.step(
                p, g, mean, v[place : place + size], np.empty(0, p.dtype), of_adam, adam_beta_1, adam_beta_2, epsilon
            )
            continue
        mean += g + mean * (momentum - 1)
        towards = g + momentum * mean if nesterov else mean
        update = rate * direction(towards.reshape(rows, columns), ns_steps, muon_a, muon_b, muon_c)
        if scale >= 0:
            update = update * np.sqrt(p.dtype.type(max(rows, columns))) * scale
        p -= update.reshape(-1)


def room_for(shapes: Array) -> int:
    """Numbers that the twin needs beside: a matrix twice, and twice its smaller square."""
    return int(max((2 * rows * columns + 2 * min(rows, columns) ** 2 for _, rows, columns, _ in shapes), default=0))


@compiled
def step_compiled(
    params: Array,
    grads: Array,
    m: Array,
    v: Array,
    shapes: Array,
    room: Array,
    rates: Array,
    momentum: float,
    nesterov: bool,
    ns_steps: int,
    muon_a: float,
    muon_b: float,
    muon_c: float,
    adam_beta_1: float,
    adam_beta_2: float,
    epsilon: float,
) -> None:
    real = params.dtype.type  # scalars in the parameters' precision, as NumPy does for us
    zero, one, kept = real(0), real(1), real(momentum)
    a, b, c = real(muon_a), real(muon_b), real(muon_c)
    for k in range(shapes.shape[0]):
        start, rows, columns, place = shapes[k, 0], shapes[k, 1], shapes[k, 2], shapes[k, 3]
        size = max(rows, 1) * columns
        p, g, mean = line(params, start, size), line(grads, start, size), line(m, start, size)
        if rows == 0:
            second, none = line(v, place, size), line(v, 0, 0)
            adam.step_compiled(p, g, mean, second, none, rates[1], adam_beta_1, adam_beta_2, epsilon)
            continue
        few, many = min(rows, columns), max(rows, columns)
        x, turned = view(room, 0, few, many), view(room, size, few, many)
        square, mixed = view(room, 2 * size, few, few), view(room, 2 * size + few * few, few, few)
        squares = zero
        for i in range(rows):
            for j in range(columns):
                at = i * columns + j
                mean[at] += g[at] + mean[at] * real(momentum - 1)
                towards = g[at] + kept * mean[at] if nesterov else mean[at]
                squares += towards * towards
                if rows > columns:
                    x[j, i] = towards
                else:
                    x[i, j] = towards
        norm = np.sqrt(squares) + real(TINY)
        for i in range(few):
            for j in range(many):
                x[i, j] /= norm
        for _ in range(ns_steps):
            gemm(False, True, one, x, x, zero, square)
            for i in range(few):
                for j in range(few):
                    mixed[i, j] = b * square[i, j]
            gemm(False, False, c, square, square, one, mixed)
            gemm(False, False, one, mixed, x, zero, turned)
            for i in range(few):
                for j in range(many):
                    x[i, j] = a * x[i, j] + turned[i, j]
        scale = np.sqrt(real(many)) * real(rates[2]) if rates[2] >= 0 else one
        for i in range(rows):
            for j in range(columns):
                p[i * columns + j] -= real(rates[0]) * (x[j, i] if rows > columns else x[i, j]) * scale
