"""Adafactor (Shazeer & Stern 2018): Adam's mean square of a matrix kept as its row means and column means."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array, DType


def effective_rates(t: Array, learning_rate: float | Array, beta_2_decay: float, dtype: DType) -> Array:
    """min(learning_rate, 1 / sqrt(t)), 1 - t^beta_2_decay of steps t = 1, 2, 3, ...;  t (n,) -> (n, 2)

    The second is the share of the mean square that is kept: nothing at the first step, more and more later.
    """
    real, steps = dtype.type, t.astype(dtype)
    rate = np.minimum(np.asarray(learning_rate, dtype), real(1) / np.sqrt(steps))
    return np.stack([rate, real(1) - np.power(steps, real(beta_2_decay))], axis=1)


def step(
    params: Array,
    grads: Array,
    r: Array,
    c: Array,
    velocity: Array,
    shapes: Array,
    rates: Array,
    epsilon_1: float,
    epsilon_2: float,
    clip_threshold: float,
) -> None:
    """One Adafactor step over the whole flat vector, in place. params, grads, velocity (n_params,); rates (2,), see above.

    Of each variable, with b = rates[1] and s = g^2 + epsilon_1:

    r <- b r + (1 - b) mean_j s_ij                    row means;  c <- b c + (1 - b) mean_i s_ij, column means
    v  = r_i c_j / mean_i r_i                         velocity: the matrix of rank one nearest to the mean square;
                                                      at least the smallest normal number, or 0 / sqrt(v) were NaN
    v <- b v + (1 - b) s                              instead, for a vector, which has no r and c
    u  = g / sqrt(v)
    p <- p - rates[0] max(epsilon_2, rms(p)) u / max(1, rms(u) / clip_threshold)

    shapes (variables, 4): where each begins, and its blocks, rows and columns; rows 0 and one block for a vector, one block
    for a matrix, and one per leading index for more axes. r holds blocks * rows numbers per variable, c blocks * columns.
    epsilon_2 by way of float32, as in Keras.
    """
    rate, kept = (float(number) for number in rates)
    gain, epsilon_2 = float(params.dtype.type(1) - params.dtype.type(kept)), float(np.float32(epsilon_2))
    r_at = c_at = 0
    for start, blocks, rows, columns in shapes.tolist():
        stop = start + blocks * max(rows, 1) * columns
        p, g, v = params[start:stop], grads[start:stop], velocity[start:stop]
        square = g * g + epsilon_1
        if rows:
            square = square.reshape(blocks, rows, columns)
            of_rows = r[r_at : r_at + blocks * rows].reshape(blocks, rows)
            of_columns = c[c_at : c_at + blocks * columns].reshape(blocks, columns)
            r_at, c_at = r_at + blocks * rows, c_at + blocks * columns
            of_rows[:] = kept * of_rows + gain * square.mean(axis=2)
            of_columns[:] = kept * of_columns + gain * square.mean(axis=1)
            shares = of_rows / of_rows.mean(axis=1, keepdims=True)
            products = (shares[:, :, np.newaxis] * of_columns[:, np.newaxis, :]).reshape(-1)
            v[:] = np.maximum(products, np.finfo(v.dtype).tiny)
        else:
            v[:] = kept * v + gain * square
        size = float(np.maximum(params.dtype.type(epsilon_2), np.sqrt(np.mean(p * p))))
        u = g / np.sqrt(v)
        cut = np.maximum(params.dtype.type(1), np.sqrt(np.mean(u * u)) / params.dtype.type(clip_threshold))
        p -= params.dtype.type(size) * params.dtype.type(rate) * (u / cut)


@compiled
def step_compiled(
    params: Array,
    grads: Array,
    r: Array,
    c: Array,
    velocity: Array,
    shapes: Array,
    rates: Array,
    epsilon_1: float,
    epsilon_2: float,
    clip_threshold: float,
) -> None:
    real = params.dtype.type  # scalars in the parameters' precision, as NumPy does for us
    rate, kept, eps_1, eps_2 = real(rates[0]), real(rates[1]), real(epsilon_1), real(np.float32(epsilon_2))
    zero, one, most = real(0), real(1), real(clip_threshold)
    tiny = real(2.0**-126) if params.itemsize == 4 else real(2.0**-1022)
    gain = one - kept
    r_at, c_at = 0, 0
    for k in range(shapes.shape[0]):
        start, blocks, rows, columns = shapes[k, 0], shapes[k, 1], shapes[k, 2], shapes[k, 3]
        size = blocks * max(rows, 1) * columns
        if rows == 0:
            for i in range(start, start + size):
                velocity[i] = kept * velocity[i] + gain * (grads[i] * grads[i] + eps_1)
        for block in range(blocks if rows else 0):
            first = start + block * rows * columns
            for j in range(columns):
                c[c_at + j] *= kept
            whole = zero
            for i in range(rows):
                total = zero
                for j in range(columns):
                    square = grads[first + i * columns + j] * grads[first + i * columns + j] + eps_1
                    total += square
                    c[c_at + j] += gain * (square / real(rows))
                r[r_at + i] = kept * r[r_at + i] + gain * (total / real(columns))
                whole += r[r_at + i]
            mean = whole / real(rows)
            for i in range(rows):
                share = r[r_at + i] / mean
                for j in range(columns):
                    product = share * c[c_at + j]
                    velocity[first + i * columns + j] = tiny if product < tiny else product
            r_at += rows
            c_at += columns
        of_p, of_u = zero, zero
        for i in range(start, start + size):
            u = grads[i] / np.sqrt(velocity[i])
            of_p += params[i] * params[i]
            of_u += u * u
        length, cut = np.sqrt(of_p / real(size)), np.sqrt(of_u / real(size)) / most
        length = eps_2 if length < eps_2 else length
        cut = one if cut < one else cut
        for i in range(start, start + size):
            params[i] -= length * rate * (grads[i] / np.sqrt(velocity[i]) / cut)
