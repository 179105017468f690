"""The compiled loop: batches of any dense network, described by a plan, without a return to Python.

`run` is compiled once for each precision; a model is only numbers to it (`tinynn/engine/plan.py` writes them). One step:

    gather the batch; forward; loss and metrics; backward, and the optimizer's step on each gradient as soon as it is there

A team of threads may share each step. Every thread runs the whole of `run` and owns a part of every layer's *inputs*, so
the same rows of its kernel, of their gradient and of the optimizer's slots: weights never travel between cores. What does is
small, and there is one barrier a layer and direction:

    forward    z = sum over the team of x[:, mine] @ kernel[mine]; everyone adds up the columns that are its inputs next
    loss       everyone computes it from all outputs, which is cheaper than another barrier
    backward   d_x[:, mine] = d @ kernel[mine].T is published;  d_kernel[mine] = x[:, mine].T @ d stays here

With a team of one there are no barriers. The order of every sum depends on the team's size alone, so a run can be repeated
bit for bit. Operations are the twins in `tinynn/kernels/`, each with its derivation above it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._compiled import arrive, compiled, flatten, flush_denormals, give_way, line, look, typed, view
from tinynn._typing import Array
from tinynn.engine import codes as c
from tinynn.kernels import (
    accuracy,
    adam,
    binary_crossentropy,
    categorical_crossentropy,
    dense,
    dropout,
    mean_absolute_error,
    mean_squared_error,
    relu,
    rmsprop,
    sgd,
    sigmoid,
    sigmoid_crossentropy,
    softmax,
    softmax_crossentropy,
    tanh,
)

_FLOAT32, _FLOAT64, _UINT8 = np.empty(0, np.float32), np.empty(0, np.float64), np.empty(0, np.uint8)
_INT32, _INT64 = np.empty(0, np.int32), np.empty(0, np.int64)


@compiled
def run(
    plan: Array,
    job: Array,
    settings: Array,
    dropouts: Array,
    rates_of_dropout: Array,
    metrics: Array,
    thresholds: Array,
    params: Array,
    frozen: Array,
    grads: Array,
    slot_0: Array,
    slot_1: Array,
    slot_2: Array,
    learning_rates: Array,
    totals: Array,
    work: Array,
    labels: Array,
    order: Array,
    x: Array,
    y: Array,
    sample_weight: Array,
    outputs: Array,
    sync: Array,
    member: int,
) -> None:
    """Run the batches of rows job[FIRST] .. job[LAST] - 1 as one member of the team.

    plan (layers, fields), job, settings: see `tinynn.engine.codes`. dropouts (n, 2): seed and count of uses; rates_of_dropout
    (n,). metrics (m, 2): code, whether weighted; thresholds (m,). params, grads, slots (n_params,) of what is trained;
    frozen, the rest. learning_rates (steps,). totals (1 + m, 2): sum and count of the loss and of each metric, added to.
    work, labels: space. order (samples,), or empty for as they come. x, y, sample_weight: bytes. outputs: predictions.
    """
    mode, batch = job[c.MODE], job[c.BATCH]
    own = job[c.OWN] + member * job[c.OWN_SIZE]
    none: Any = np.int64(0)  # literal numbers would have functions compiled a second time
    single: Any = np.int64(1)
    ticket = none
    control = flush_denormals(-1)
    for step in range((job[c.LAST] - job[c.FIRST] + batch - 1) // batch):
        start = job[c.FIRST] + step * batch
        size = min(batch, job[c.LAST] - start)
        ticket = forward(
            plan,
            job,
            dropouts,
            rates_of_dropout,
            params,
            frozen,
            work,
            order,
            x,
            sync,
            member,
            own,
            start,
            size,
            step,
            ticket,
        )
        classes = plan[plan.shape[0] - 1, c.UNITS]
        activation = plan[plan.shape[0] - 1, c.ACTIVATION]
        logits = view(work, own + plan[plan.shape[0] - 1, c.ACTIVE], size, classes)
        if mode >= c.PREDICT:
            if mode == c.PREDICT:
                activate(activation, logits)
            place = (start - job[c.FIRST]) * classes
            for i in range(size * classes):
                outputs[place + i] = flatten(logits)[i]
            continue
        y_true = view(work, own + job[c.TARGETS], size, job[c.Y_WIDTH])
        numbers = line(labels, member * batch, size)
        weights = line(work, own + job[c.WEIGHTS], size)
        gather(y, job[c.Y_KIND], job[c.Y_WIDTH], none, order, start, y_true)
        for b in range(size):
            numbers[b] = np.int64(y_true[b, 0])
            weights[b] = work.dtype.type(1)
        if sample_weight.size:
            gather(
                sample_weight,
                job[c.WEIGHT_KIND],
                single,
                none,
                order,
                start,
                view(work, own + job[c.WEIGHTS], size, single),
            )
        y_pred = predictions(activation, job, logits, work, own)
        d = view(work, own + job[c.D_LAST], size, classes)
        measure_loss(activation, job, settings, y_true, numbers, weights, logits, y_pred, work, own, totals, member, d)
        if member == 0:
            measure_metrics(
                job,
                settings,
                metrics,
                thresholds,
                y_true,
                numbers,
                weights,
                sample_weight.size > 0,
                logits,
                y_pred,
                work,
                own,
                totals,
            )
        if mode == c.TRAIN:
            ticket = backward(
                plan,
                job,
                settings,
                params,
                frozen,
                grads,
                slot_0,
                slot_1,
                slot_2,
                learning_rates[step],
                work,
                sync,
                member,
                own,
                size,
                d,
                ticket,
            )
    flush_denormals(control)


# Data ------------------------------------------------------------------------------------------------------------------


@compiled
def gather(octets: Array, kind: int, width: int, first: int, order: Array, start: int, out: Array) -> None:
    """out[b] = data[row, first : first + n] in out's precision, from data of any kind of number, given as bytes.

    The row is order[start + b], or start + b when there is no order.
    """
    if kind == c.FLOAT32:
        gather_rows(typed(octets, 0, octets.size // 4, _FLOAT32), width, first, order, start, out)
    elif kind == c.FLOAT64:
        gather_rows(typed(octets, 0, octets.size // 8, _FLOAT64), width, first, order, start, out)
    elif kind == c.UINT8:
        gather_rows(typed(octets, 0, octets.size, _UINT8), width, first, order, start, out)
    elif kind == c.INT32:
        gather_rows(typed(octets, 0, octets.size // 4, _INT32), width, first, order, start, out)
    else:
        gather_rows(typed(octets, 0, octets.size // 8, _INT64), width, first, order, start, out)


@compiled
def gather_rows(source: Array, width: int, first: int, order: Array, start: int, out: Array) -> None:
    real = out.dtype.type
    for b in range(out.shape[0]):
        row = order[start + b] if order.size else start + b
        at = row * width + first
        for i in range(out.shape[1]):
            out[b, i] = real(source[at + i])


# Teamwork --------------------------------------------------------------------------------------------------------------


@compiled
def begins(n: int, member: int, team: int) -> int:
    """Where a member's part of n things begins; the next member's begins where it ends."""
    return n * member // team


@compiled
def meet(sync: Array, ticket: int, team: int) -> int:
    """Wait until the whole team is here. Each counts its own arrivals, `ticket`; sync[0] counts everyone's."""
    if team == 1:
        return ticket
    ticket += 1
    arrive(sync)
    spins = 0
    while look(sync) < ticket * team:
        spins += 1
        if spins > 2000:  # another process may hold a teammate's core
            give_way()
    return ticket


# Forward ---------------------------------------------------------------------------------------------------------------


@compiled
def forward(
    plan: Array,
    job: Array,
    dropouts: Array,
    rates: Array,
    params: Array,
    frozen: Array,
    work: Array,
    order: Array,
    x: Array,
    sync: Array,
    member: int,
    own: int,
    start: int,
    size: int,
    step: int,
    ticket: int,
) -> int:
    """Fill every layer's ACTIVE (the last one's before its activation) and INPUT, my columns of them; the next ticket."""
    layers, team, batch = plan.shape[0], job[c.TEAM], job[c.BATCH]
    k0, k1 = begins(plan[0, c.FAN_IN], member, team), begins(plan[0, c.FAN_IN], member + 1, team)
    h = view(work, own + plan[0, c.INPUT], size, k1 - k0)
    gather(x, job[c.X_KIND], plan[0, c.FAN_IN], k0, order, start, h)
    for j in range(layers):
        units, last = plan[j, c.UNITS], j == layers - 1
        next_0, next_1 = (0, units) if last else (begins(units, member, team), begins(units, member + 1, team))
        a = view(work, own + plan[j, c.ACTIVE], size, next_1 - next_0)
        if plan[j, c.DENSE]:
            weights = params if plan[j, c.KERNEL_TRAINS] else frozen
            kernel = view(weights, plan[j, c.KERNEL] + k0 * units, k1 - k0, units)
            if team == 1:
                dense.product(h, kernel, a)
            else:
                dense.product(h, kernel, view(work, plan[j, c.PARTS] + member * batch * units, size, units))
                ticket = meet(sync, ticket, team)
                add_parts(line(work, plan[j, c.PARTS], team * batch * units), team, batch * units, units, next_0, a)
            if plan[j, c.BIAS] >= 0:
                biases = params if plan[j, c.BIAS_TRAINS] else frozen
                add_bias(line(biases, plan[j, c.BIAS] + next_0, next_1 - next_0), a)
        else:
            for i in range(a.size):
                flatten(a)[i] = flatten(h)[i]
        if not last:
            activate(plan[j, c.ACTIVATION], a)
        h = a
        if plan[j, c.DROPOUT] >= 0 and job[c.MODE] == c.TRAIN:
            which = plan[j, c.DROPOUT]
            factors = view(work, own + plan[j, c.FACTORS], size, next_1 - next_0)
            seed, uses = dropouts[which, 0], dropouts[which, 1] + step
            dropout.factors_compiled(seed, uses, rates[which], units, next_0, factors)
            h = view(work, own + plan[j + 1, c.INPUT], size, next_1 - next_0)
            dropout.forward_compiled(a, factors, h)
        k0, k1 = next_0, next_1
    return ticket


@compiled
def add_parts(parts: Array, team: int, apart: int, units: int, first: int, out: Array) -> None:
    """out = the sum of the team's partial products, columns first, first + 1, ..."""
    for b in range(out.shape[0]):
        at = b * units + first
        for u in range(out.shape[1]):
            out[b, u] = parts[at + u]
        for t in range(1, team):
            for u in range(out.shape[1]):
                out[b, u] += parts[t * apart + at + u]


@compiled
def add_bias(bias: Array, out: Array) -> None:
    for b in range(out.shape[0]):
        for u in range(out.shape[1]):
            out[b, u] += bias[u]


@compiled
def activate(code: int, a: Array) -> None:
    """a <- activation(a)."""
    entries = flatten(a)
    if code == c.RELU:
        relu.forward_compiled(entries, entries)
    elif code == c.TANH:
        tanh.forward_compiled(entries, entries)
    elif code == c.SIGMOID:
        sigmoid.forward_compiled(entries, entries)
    elif code == c.SOFTMAX:
        softmax.forward_compiled(a, a)


@compiled
def activation_backward(code: int, a: Array, d: Array) -> None:
    """d <- dL/d(before the activation), from the activation's output."""
    out, entries = flatten(a), flatten(d)
    if code == c.RELU:
        relu.backward_compiled(entries, out, entries)
    elif code == c.TANH:
        tanh.backward_compiled(entries, out, entries)
    elif code == c.SIGMOID:
        sigmoid.backward_compiled(entries, out, entries)
    elif code == c.SOFTMAX:
        softmax.backward_compiled(d, a, d)


@compiled
def predictions(activation: int, job: Array, logits: Array, work: Array, own: int) -> Array:
    """What the model puts out. The logits stay as they are, for losses that start from them."""
    if activation == c.LINEAR:
        return logits
    y_pred = view(work, own + job[c.PREDICTED], logits.shape[0], logits.shape[1])
    for i in range(logits.size):
        flatten(y_pred)[i] = flatten(logits)[i]
    activate(activation, y_pred)
    return y_pred


# Loss and metrics ------------------------------------------------------------------------------------------------------


@compiled
def measure(
    code: int,
    threshold: float,
    y_true: Array,
    labels: Array,
    logits: Array,
    y_pred: Array,
    clip: float,
    probs: Array,
    entries: Array,
    values: Array,
) -> None:
    """values[b] = a loss or an accuracy of each sample. probs and entries are space, some of which backward reads."""
    if code == c.SPARSE_LOGITS:
        softmax_crossentropy.sparse_forward_compiled(labels, logits, probs, values)
    elif code == c.CATEGORICAL_LOGITS:
        softmax_crossentropy.forward_compiled(y_true, logits, probs, values)
    elif code == c.BINARY_LOGITS:
        sigmoid_crossentropy.forward_compiled(y_true, logits, entries)
        mean_of_rows(entries, values)
    elif code == c.SPARSE_PROBS:
        categorical_crossentropy.log_clipped_compiled(y_pred, clip, entries)
        softmax_crossentropy.sparse_forward_compiled(labels, entries, probs, values)
    elif code == c.CATEGORICAL_PROBS:
        categorical_crossentropy.forward_compiled(y_true, y_pred, clip, values)
    elif code == c.BINARY_PROBS:
        binary_crossentropy.forward_compiled(y_true, y_pred, clip, entries)
        mean_of_rows(entries, values)
    elif code == c.SQUARED:
        mean_squared_error.forward_compiled(y_true, y_pred, values)
    elif code == c.ABSOLUTE:
        mean_absolute_error.forward_compiled(y_true, y_pred, values)
    elif code == c.ACCURACY_EQUAL:
        accuracy.equal_compiled(y_true, y_pred, values)
    elif code == c.ACCURACY_BINARY:
        accuracy.binary_compiled(y_true, y_pred, threshold, values)
    elif code == c.ACCURACY_CATEGORICAL:
        accuracy.categorical_compiled(y_true, y_pred, values)
    else:
        accuracy.sparse_compiled(labels, y_pred, values)


@compiled
def mean_of_rows(entries: Array, values: Array) -> None:
    real = values.dtype.type
    for b in range(entries.shape[0]):
        total = real(0)
        for k in range(entries.shape[1]):
            total += entries[b, k]
        values[b] = total / real(entries.shape[1])


@compiled
def measure_loss(
    activation: int,
    job: Array,
    settings: Array,
    y_true: Array,
    labels: Array,
    weights: Array,
    logits: Array,
    y_pred: Array,
    work: Array,
    own: int,
    totals: Array,
    member: int,
    d: Array,
) -> None:
    """Add the batch's loss to the totals and, in training, set d to dL/d(before the last activation)."""
    real = work.dtype.type
    zero, code = real(0), job[c.LOSS]
    size, classes = logits.shape[0], logits.shape[1]
    if job[c.SMOOTHED]:
        smooth = view(work, own + job[c.SMOOTH], size, y_true.shape[1])
        scale, shift = real(settings[c.SMOOTH_SCALE]), real(settings[c.SMOOTH_SHIFT])
        for i in range(smooth.size):
            flatten(smooth)[i] = flatten(y_true)[i] * scale + shift
        y_true = smooth
    values = line(work, own + job[c.LOSSES], size)
    probs, entries = view(work, own + job[c.PROBS], size, classes), view(work, own + job[c.ENTRIES], size, classes)
    clip = settings[c.CLIP]
    measure(code, 0.0, y_true, labels, logits, y_pred, clip, probs, entries, values)
    divisor = real(1)
    if job[c.REDUCTION] == c.MEAN:
        divisor = real(size)
    elif job[c.REDUCTION] == c.MEAN_BY_WEIGHT:
        divisor = zero
        for b in range(size):
            divisor += weights[b]
    total = zero
    for b in range(size):
        total += values[b] * weights[b]
    factor = real(settings[c.LOSS_WEIGHT])
    if member == 0:
        totals[0, 0] += (total / divisor if divisor != zero else zero) * factor * real(size)
        totals[0, 1] += real(size)
    if job[c.MODE] != c.TRAIN:
        return
    for b in range(size):
        values[b] = weights[b] * (factor / divisor) if divisor != zero else zero
    if code == c.SPARSE_LOGITS:
        softmax_crossentropy.sparse_backward_compiled(values, labels, probs, d)
    elif code == c.CATEGORICAL_LOGITS:
        softmax_crossentropy.backward_compiled(values, y_true, probs, d)
    elif code == c.BINARY_LOGITS:
        spread_over_rows(values, entries)
        sigmoid_crossentropy.backward_compiled(entries, y_true, logits, d)
    elif code == c.SPARSE_PROBS:
        softmax_crossentropy.sparse_backward_compiled(values, labels, probs, d)
        categorical_crossentropy.log_clipped_backward_compiled(d, y_pred, clip, d)
    elif code == c.CATEGORICAL_PROBS:
        categorical_crossentropy.backward_compiled(values, y_true, y_pred, clip, d)
    elif code == c.BINARY_PROBS:
        spread_over_rows(values, entries)
        binary_crossentropy.backward_compiled(entries, y_true, y_pred, clip, d)
    elif code == c.SQUARED:
        mean_squared_error.backward_compiled(values, y_true, y_pred, d)
    else:
        mean_absolute_error.backward_compiled(values, y_true, y_pred, d)
    if code > c.BINARY_LOGITS:
        activation_backward(activation, y_pred, d)


@compiled
def spread_over_rows(values: Array, entries: Array) -> None:
    real = values.dtype.type
    for b in range(entries.shape[0]):
        for k in range(entries.shape[1]):
            entries[b, k] = values[b] / real(entries.shape[1])


@compiled
def measure_metrics(
    job: Array,
    settings: Array,
    metrics: Array,
    thresholds: Array,
    y_true: Array,
    labels: Array,
    weights: Array,
    has_weights: bool,
    logits: Array,
    y_pred: Array,
    work: Array,
    own: int,
    totals: Array,
) -> None:
    """Add the batch's metrics to the totals."""
    real = work.dtype.type
    size, classes = logits.shape[0], logits.shape[1]
    values = line(work, own + job[c.SHARES], size)
    probs, entries = view(work, own + job[c.SPARE], size, classes), view(work, own + job[c.SCRATCH], size, classes)
    for i in range(metrics.shape[0]):
        measure(metrics[i, 0], thresholds[i], y_true, labels, logits, y_pred, settings[c.CLIP], probs, entries, values)
        weighted = metrics[i, 1] != 0 and has_weights
        total, count = real(0), real(0)
        for b in range(size):
            total += values[b] * weights[b] if weighted else values[b]
            count += weights[b] if weighted else real(1)
        totals[1 + i, 0] += total
        totals[1 + i, 1] += count


# Backward --------------------------------------------------------------------------------------------------------------


@compiled
def backward(
    plan: Array,
    job: Array,
    settings: Array,
    params: Array,
    frozen: Array,
    grads: Array,
    slot_0: Array,
    slot_1: Array,
    slot_2: Array,
    learning_rate: float,
    work: Array,
    sync: Array,
    member: int,
    own: int,
    size: int,
    d: Array,
    ticket: int,
) -> int:
    """From d = dL/d(before the last activation) down to the lowest layer that is trained; the next ticket.

    Small models keep all gradients and take the optimizer's step in one pass at the end (WHOLE). Others step on a tile of a
    kernel as soon as its gradient is there, while both are in the cache. For plain SGD the two are one product (FUSED).
    """
    real = params.dtype.type
    zero, one, rate = real(0), real(1), real(learning_rate)
    layers, team, lowest = plan.shape[0], job[c.TEAM], job[c.LOWEST]
    whole, fused = job[c.WHOLE] != 0, job[c.FUSED] != 0
    for j in range(layers - 1, lowest - 1, -1):
        units, fan_in = plan[j, c.UNITS], plan[j, c.FAN_IN]
        k0, k1 = begins(fan_in, member, team), begins(fan_in, member + 1, team)
        mine = k1 - k0
        d_below = d
        if j > lowest:
            d_below = view(work, plan[j - 1, c.D_OUT], size, fan_in)
            d_own = d_below if team == 1 else view(work, own + job[c.D_OWN], size, mine)
            if plan[j, c.DENSE]:
                weights = params if plan[j, c.KERNEL_TRAINS] else frozen
                kernel = view(weights, plan[j, c.KERNEL] + k0 * units, mine, units)
                if job[c.BATCH] <= c.FEW:
                    dense.input_gradient_of_few(d, kernel, view(work, own + job[c.TURNED], units, mine), d_own)
                else:
                    dense.input_gradient(d, kernel, d_own)
            else:
                for i in range(d_own.size):
                    flatten(d_own)[i] = flatten(d)[i]
            if plan[j - 1, c.DROPOUT] >= 0:
                dropout.forward_compiled(d_own, view(work, own + plan[j - 1, c.FACTORS], size, mine), d_own)
            activation_backward(plan[j - 1, c.ACTIVATION], view(work, own + plan[j - 1, c.ACTIVE], size, mine), d_own)
            if plan[j - 1, c.BIAS] >= 0 and plan[j - 1, c.BIAS_TRAINS]:
                dense.bias_gradient(d_own, line(grads, plan[j - 1, c.BIAS] + k0, mine))
            if team > 1:
                publish(d_own, k0, d_below)
        if plan[j, c.DENSE] and plan[j, c.KERNEL_TRAINS]:
            x = view(work, own + plan[j, c.INPUT], size, mine)
            at = plan[j, c.KERNEL] + k0 * units
            if fused:
                dense.add_product(-rate, x, d, one, view(params, at, mine, units))
            elif whole:
                dense.kernel_gradient(x, d, view(grads, at, mine, units))
            else:
                rows = max(1, job[c.TILE] // units)
                for k in range(0, mine, rows):
                    stop = min(k + rows, mine)
                    dense.add_product(one, x[:, k:stop], d, zero, view(grads, at + k * units, stop - k, units))
                    optimizer_step(
                        job[c.RULE],
                        settings,
                        rate,
                        at + k * units,
                        at + stop * units,
                        params,
                        grads,
                        slot_0,
                        slot_1,
                        slot_2,
                    )
        if j > lowest:
            if plan[j - 1, c.BIAS] >= 0 and plan[j - 1, c.BIAS_TRAINS] and not whole:
                first = plan[j - 1, c.BIAS]
                optimizer_step(
                    job[c.RULE], settings, rate, first + k0, first + k1, params, grads, slot_0, slot_1, slot_2
                )
            ticket = meet(sync, ticket, team)
        if j == layers - 1 and member == 0 and plan[j, c.BIAS] >= 0 and plan[j, c.BIAS_TRAINS]:
            first = plan[j, c.BIAS]  # after the meeting: teammates may still have been adding this bias before it
            dense.bias_gradient(d, line(grads, first, units))
            if not whole:
                optimizer_step(job[c.RULE], settings, rate, first, first + units, params, grads, slot_0, slot_1, slot_2)
        d = d_below
    if whole:
        beginning: Any = np.int64(0)
        optimizer_step(job[c.RULE], settings, rate, beginning, params.size, params, grads, slot_0, slot_1, slot_2)
    return ticket


@compiled
def publish(own: Array, first: int, out: Array) -> None:
    """out[:, first : first + n] = own."""
    for b in range(own.shape[0]):
        for u in range(own.shape[1]):
            out[b, first + u] = own[b, u]


@compiled
def optimizer_step(
    rule: int,
    settings: Array,
    rate: float,
    start: int,
    stop: int,
    params: Array,
    grads: Array,
    slot_0: Array,
    slot_1: Array,
    slot_2: Array,
) -> None:
    """One step on the entries start .. stop - 1 of the flat vectors; slots that are empty stay so."""
    n = stop - start
    p, g = line(params, start, n), line(grads, start, n)
    s0 = line(slot_0, start if slot_0.size else 0, n if slot_0.size else 0)
    s1 = line(slot_1, start if slot_1.size else 0, n if slot_1.size else 0)
    s2 = line(slot_2, start if slot_2.size else 0, n if slot_2.size else 0)
    if rule == c.SGD:
        sgd.step_compiled(p, g, rate)
    elif rule == c.MOMENTUM:
        sgd.momentum_step_compiled(p, g, s0, rate, settings[c.MOMENTUM_SHARE])
    elif rule == c.NESTEROV:
        sgd.nesterov_step_compiled(p, g, s0, rate, settings[c.MOMENTUM_SHARE])
    elif rule == c.RMSPROP:
        share, rho = settings[c.MOMENTUM_SHARE], settings[c.RHO]
        rmsprop.step_compiled(p, g, s0, s1, s2, rate, rho, share, settings[c.EPSILON])
    else:
        adam.step_compiled(p, g, s0, s1, s2, rate, settings[c.BETA_1], settings[c.BETA_2], settings[c.EPSILON])
