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

from tinynn._compiled import (
    arrive,
    call_at,
    compiled,
    flatten,
    flush_denormals,
    give_way,
    line,
    look,
    put,
    put_line,
    put_word,
    view,
)
from tinynn._typing import Array
from tinynn.engine import codes as c
from tinynn.engine import units as u
from tinynn.kernels import dense, dropout

_NONE: Any = np.int64(0)
_ONE: Any = np.int64(1)
_TWO: Any = np.int64(2)
"""Literal numbers would have functions compiled a second time."""


@compiled
def run(
    plan: Array,
    job: Array,
    settings: Array,
    ops: Array,
    metrics: Array,
    extras: Array,
    params: Array,
    frozen: Array,
    grads: Array,
    slot_0: Array,
    slot_1: Array,
    slot_2: Array,
    slot_3: Array,
    learning_rates: Array,
    totals: Array,
    work: Array,
    labels: Array,
    frames: Array,
    order: Array,
    x: Array,
    y: Array,
    sample_weight: Array,
    outputs: Array,
    sync: Array,
    member: int,
) -> None:
    """Run the batches of rows job[FIRST] .. job[LAST] - 1 as one member of the team, job[EPOCHS] times.

    plan (steps, fields), job, settings, ops, metrics, extras: see `tinynn.engine.codes`. params, grads, slots
    (n_params,) of what is trained; frozen, the rest. learning_rates (epochs steps NUMBERS,). totals
    (epochs (1 + m), 2): sum and count of the loss and of each metric, added to. work, labels, frames: space. order
    (samples,) of every epoch, (epochs samples,), or empty for as they come. x, y, sample_weight: bytes. outputs:
    predictions.
    """
    mode, batch = job[c.MODE], job[c.BATCH]
    own = job[c.OWN] + member * job[c.OWN_SIZE]
    frame = line(frames, member * u.FRAME, u.FRAME)
    last = plan.shape[0] - 1
    classes = plan[last, c.UNITS]
    ticket = _NONE
    control = flush_denormals(-1)
    steps = (job[c.LAST] - job[c.FIRST] + batch - 1) // batch
    for step in range(job[c.EPOCHS] * steps):
        epoch = step // steps
        first = job[c.FIRST] + (step - epoch * steps) * batch
        size = min(batch, job[c.LAST] - first)
        start = first + epoch * job[c.APART]
        ticket = forward(
            plan,
            job,
            settings,
            ops,
            params,
            frozen,
            work,
            frame,
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
        logits = view(work, own + plan[last, c.BEFORE], size, classes)
        if mode == c.PREDICT:
            if member == 0:
                put_out(plan, settings, logits, line(outputs, (first - job[c.FIRST]) * classes, size * classes), frame)
            continue
        y_pred = logits
        if plan[last, c.FORWARD] and job[c.FROM_LOGITS] != 2:
            y_pred = view(work, own + job[c.PREDICTED], size, classes)
            activate(plan[last, c.FORWARD], settings, plan[last, c.SETTING], logits, y_pred, frame)
        y_true = view(work, own + job[c.TARGETS], size, job[c.Y_WIDTH])
        numbers = line(labels, member * batch, size)
        weights = line(work, own + job[c.WEIGHTS], size)
        gather(job[c.Y_UNIT], y, job[c.Y_WIDTH], _NONE, order, start, y_true, frame)
        for b in range(size):
            numbers[b] = np.int64(y_true[b, 0])
            weights[b] = work.dtype.type(1)
        if sample_weight.size:
            column = view(work, own + job[c.WEIGHTS], size, _ONE)
            gather(job[c.WEIGHT_UNIT], sample_weight, _ONE, _NONE, order, start, column, frame)
        d = view(work, own + job[c.D_LAST], size, classes)
        put(frame, u.Y_TRUE, y_true)
        put_line(frame, u.LABELS, numbers)
        put(frame, u.LOGITS, logits)
        put(frame, u.Y_PRED, y_pred)
        put_line(frame, u.WEIGHTS, weights)
        measured = 1 + metrics.shape[0]
        sums = view(flatten(totals), epoch * measured * 2, measured, _TWO)
        measure_loss(job, settings, extras, params, weights, y_true, logits, work, own, sums, member, d, frame)
        if member == 0:
            if job[c.SMOOTHED]:
                put(frame, u.Y_TRUE, y_true)
            measure_metrics(job, settings, metrics, weights, sample_weight.size > 0, logits, work, own, sums, frame)
        if mode == c.TRAIN:
            if not job[c.FROM_LOGITS] and plan[last, c.FORWARD]:
                backward_activation(plan[last, c.BACKWARD], settings, plan[last, c.SETTING], logits, y_pred, d, frame)
            ticket = backward(
                plan,
                job,
                settings,
                ops,
                extras,
                params,
                frozen,
                grads,
                slot_0,
                slot_1,
                slot_2,
                slot_3,
                line(learning_rates, step * job[c.NUMBERS], job[c.NUMBERS]),
                work,
                frame,
                sync,
                member,
                own,
                size,
                d,
                ticket,
            )
    flush_denormals(control)
    if member == 0:
        job[c.DONE] = job[c.EPOCHS] * steps


# Units: ops by their addresses -------------------------------------------------------------------------------------------


@compiled
def put_out(plan: Array, settings: Array, logits: Array, out: Array, frame: Array) -> None:
    """out = what the model predicts."""
    last = plan.shape[0] - 1
    if plan[last, c.FORWARD]:
        y_pred = view(out, _NONE, logits.shape[0], logits.shape[1])
        activate(plan[last, c.FORWARD], settings, plan[last, c.SETTING], logits, y_pred, frame)
    else:
        for i in range(out.size):
            out[i] = flatten(logits)[i]


@compiled
def gather(unit: int, data: Array, width: int, first: int, order: Array, start: int, out: Array, frame: Array) -> None:
    """out[b] = data[row, first : first + n] in out's precision; data are bytes, of which `unit` knows the dtype."""
    put_line(frame, u.SOURCE, data)
    put_line(frame, u.ORDER, order)
    put(frame, u.OUT, out)
    put_word(frame, u.WORD_0, width)
    put_word(frame, u.WORD_1, first)
    put_word(frame, u.WORD_2, start)
    call_at(unit, frame)


@compiled
def activate(unit: int, settings: Array, setting: int, x: Array, out: Array, frame: Array) -> None:
    """out = activation(x)."""
    put(frame, u.X, x)
    put(frame, u.OUT, out)
    put_line(frame, u.SETTINGS, line(settings, setting, _ONE))
    call_at(unit, frame)


@compiled
def backward_activation(unit: int, settings: Array, setting: int, x: Array, out: Array, d: Array, frame: Array) -> None:
    """d <- dL/d(before the activation)."""
    put(frame, u.X, x)
    put(frame, u.OUT, out)
    put(frame, u.D_X, d)
    put_line(frame, u.SETTINGS, line(settings, setting, _ONE))
    call_at(unit, frame)


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
    settings: Array,
    ops: Array,
    params: Array,
    frozen: Array,
    work: Array,
    frame: Array,
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
    """Fill every layer's BEFORE, ACTIVE (but the last one's) and INPUT, my columns of them; the next ticket."""
    layers, team, batch = plan.shape[0], job[c.TEAM], job[c.BATCH]
    mapped_by = c.IN_TRAINING if job[c.MODE] == c.TRAIN else c.OTHERWISE
    k0, k1 = begins(plan[0, c.FAN_IN], member, team), begins(plan[0, c.FAN_IN], member + 1, team)
    h = view(work, own + plan[0, c.INPUT], size, k1 - k0)
    gather(job[c.X_UNIT], x, plan[0, c.FAN_IN], k0, order, start, h, frame)
    for j in range(layers):
        units, last = plan[j, c.UNITS], j == layers - 1
        next_0, next_1 = (0, units) if last else (begins(units, member, team), begins(units, member + 1, team))
        z = view(work, own + plan[j, c.BEFORE], size, next_1 - next_0)
        if plan[j, c.DENSE]:
            weights = params if plan[j, c.KERNEL_TRAINS] else frozen
            kernel = view(weights, plan[j, c.KERNEL] + k0 * units, k1 - k0, units)
            if team == 1:
                dense.product(h, kernel, z)
            else:
                dense.product(h, kernel, view(work, plan[j, c.PARTS] + member * batch * units, size, units))
                ticket = meet(sync, ticket, team)
                add_parts(line(work, plan[j, c.PARTS], team * batch * units), team, batch * units, units, next_0, z)
            if plan[j, c.BIAS] >= 0:
                biases = params if plan[j, c.BIAS_TRAINS] else frozen
                dense.add_bias(line(biases, plan[j, c.BIAS] + next_0, next_1 - next_0), z)
        elif plan[j, mapped_by] >= 0:
            columns = ops[plan[j, mapped_by], c.OP_COLUMNS]  # none where the width changes
            put_seen(frame, u.X, h, columns)
            put_seen(frame, u.OUT, z, columns)
            call_op(ops, plan[j, mapped_by], step, settings, units, next_0, frame)
        else:
            for i in range(z.size):
                flatten(z)[i] = flatten(h)[i]
        h = z
        if last:
            continue
        if plan[j, c.FORWARD]:
            h = view(work, own + plan[j, c.ACTIVE], size, next_1 - next_0)
            activate(plan[j, c.FORWARD], settings, plan[j, c.SETTING], z, h, frame)
        if plan[j, c.DROPOUT] >= 0 and job[c.MODE] == c.TRAIN:
            factors = view(work, own + plan[j, c.FACTORS], size, next_1 - next_0)
            put(frame, u.OUT, factors)
            call_op(ops, plan[j, c.DROPOUT], step, settings, units, next_0, frame)
            a = h
            h = view(work, own + plan[j + 1, c.INPUT], size, next_1 - next_0)
            dropout.forward_compiled(a, factors, h)
        k0, k1 = next_0, next_1
    return ticket


@compiled
def call_op(ops: Array, which: int, step: int, settings: Array, width: int, first: int, frame: Array) -> None:
    """Call what a row of `ops` says, on the columns first, first + 1, ... of rows of some width."""
    put_word(frame, u.WORD_0, ops[which, c.SEED])
    put_word(frame, u.WORD_1, ops[which, c.USES] + step)
    put_word(frame, u.WORD_2, width)
    put_word(frame, u.WORD_3, first)
    put_line(frame, u.SETTINGS, line(settings, ops[which, c.OP_SETTING], _ONE))
    for k in range(3 * 8):
        frame[3 * u.SLOT_0 + k] = ops[which, c.OP_SLOTS + k]
    call_at(ops[which, c.OP_UNIT], frame)


@compiled
def put_seen(frame: Array, place: int, array: Array, columns: int) -> None:
    """Note a contiguous table as one of so many columns: axes before that of a layer's features count as rows. 0: as it is."""
    wide = columns if columns else array.shape[1]
    put(frame, place, view(flatten(array), _NONE, array.size // wide, wide))


@compiled
def add_parts(parts: Array, team: int, apart: int, units: int, first: int, out: Array) -> None:
    """out = the sum of the team's partial products, columns first, first + 1, ..."""
    for b in range(out.shape[0]):
        at = b * units + first
        for k in range(out.shape[1]):
            out[b, k] = parts[at + k]
        for t in range(1, team):
            for k in range(out.shape[1]):
                out[b, k] += parts[t * apart + at + k]


# Loss and metrics ------------------------------------------------------------------------------------------------------


@compiled
def measure_loss(
    job: Array,
    settings: Array,
    extras: Array,
    params: Array,
    weights: Array,
    y_true: Array,
    logits: Array,
    work: Array,
    own: int,
    totals: Array,
    member: int,
    d: Array,
    frame: Array,
) -> None:
    """Add the batch's loss to the totals and, in training, set d to its gradient by logits or predictions."""
    real = work.dtype.type
    zero, size, classes = real(0), logits.shape[0], logits.shape[1]
    if job[c.SMOOTHED]:
        smooth = view(work, own + job[c.SMOOTH], size, y_true.shape[1])
        scale, shift = real(settings[c.SMOOTH_SCALE]), real(settings[c.SMOOTH_SHIFT])
        for i in range(smooth.size):
            flatten(smooth)[i] = flatten(y_true)[i] * scale + shift
        put(frame, u.Y_TRUE, smooth)
    values = line(work, own + job[c.LOSSES], size)
    put_line(frame, u.VALUES, values)
    put(frame, u.PROBS, view(work, own + job[c.PROBS], size, classes))
    put(frame, u.ENTRIES, view(work, own + job[c.ENTRIES], size, classes))
    put_line(frame, u.SETTINGS, line(settings, job[c.LOSS_SETTING], _ONE))
    call_at(job[c.LOSS_FORWARD], frame)
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
        loss = (total / divisor if divisor != zero else zero) * factor
        for i in range(extras.shape[0]):
            if extras[i, c.EXTRA_WHEN] == c.PENALTY:
                penalty = line(work, own + job[c.SHARES], _ONE)
                put_line(frame, u.PENALTY, penalty)
                call_extra(extras, i, settings, params, params, penalty, frame)
                loss += penalty[0]
        put_line(frame, u.SETTINGS, line(settings, job[c.LOSS_SETTING], _ONE))
        totals[0, 0] += loss * real(size)
        totals[0, 1] += real(size)
    if job[c.MODE] != c.TRAIN:
        return
    for b in range(size):
        values[b] = weights[b] * (factor / divisor) if divisor != zero else zero
    put(frame, u.D_PRED, d)
    call_at(job[c.LOSS_BACKWARD], frame)


@compiled
def measure_metrics(
    job: Array,
    settings: Array,
    metrics: Array,
    weights: Array,
    has_weights: bool,
    logits: Array,
    work: Array,
    own: int,
    totals: Array,
    frame: Array,
) -> None:
    """Add the batch's metrics to the totals."""
    real = work.dtype.type
    size, classes = logits.shape[0], logits.shape[1]
    values = line(work, own + job[c.SHARES], size)
    put_line(frame, u.VALUES, values)
    put(frame, u.PROBS, view(work, own + job[c.SPARE], size, classes))
    put(frame, u.ENTRIES, view(work, own + job[c.SCRATCH], size, classes))
    for i in range(metrics.shape[0]):
        weighted = metrics[i, c.METRIC_WEIGHTED] != 0 and has_weights
        put_line(frame, u.SETTINGS, line(settings, metrics[i, c.METRIC_SETTING], _ONE))
        if metrics[i, c.METRIC_COUNTS]:
            for k in range(3 * 8):
                frame[3 * u.SLOT_0 + k] = metrics[i, c.METRIC_SLOTS + k]
            for b in range(size):
                values[b] = weights[b] if weighted else real(1)
            put_line(frame, u.WEIGHTS, values)
            call_at(metrics[i, c.METRIC_UNIT], frame)
            continue
        call_at(metrics[i, c.METRIC_UNIT], frame)
        total, count = real(0), real(0)
        for b in range(size):
            total += values[b] * weights[b] if weighted else values[b]
            count += weights[b] if weighted else real(1)
        totals[1 + i, 0] += total
        totals[1 + i, 1] += count


@compiled
def call_extras(
    extras: Array, when: int, settings: Array, params: Array, grads: Array, numbers: Array, frame: Array
) -> None:
    """Call those that come at this point of a step, each with the step's numbers from its own one on."""
    for i in range(extras.shape[0]):
        if extras[i, c.EXTRA_WHEN] == when:
            number = extras[i, c.EXTRA_NUMBER]
            call_extra(extras, i, settings, params, grads, line(numbers, number, numbers.size - number), frame)


@compiled
def call_extra(extras: Array, i: int, settings: Array, params: Array, grads: Array, rate: Array, frame: Array) -> None:
    """Call what row i of the extras says, on the parameters that it sees."""
    first, size = extras[i, c.EXTRA_FIRST], extras[i, c.EXTRA_SIZE]
    put_line(frame, u.PARAMS, line(params, first, size))
    put_line(frame, u.GRADS, line(grads, first, size))
    put_line(frame, u.RATE, rate)
    put_line(frame, u.SETTINGS, line(settings, extras[i, c.EXTRA_SETTING], _ONE))
    for k in range(3 * 4):
        frame[3 * u.SLOT_0 + k] = extras[i, c.EXTRA_SLOTS + k]
    call_at(extras[i, c.EXTRA_UNIT], frame)


# Backward --------------------------------------------------------------------------------------------------------------


@compiled
def backward(
    plan: Array,
    job: Array,
    settings: Array,
    ops: Array,
    extras: Array,
    params: Array,
    frozen: Array,
    grads: Array,
    slot_0: Array,
    slot_1: Array,
    slot_2: Array,
    slot_3: Array,
    learning_rate: Array,
    work: Array,
    frame: Array,
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
    zero, one = real(0), real(1)
    layers, team, lowest = plan.shape[0], job[c.TEAM], job[c.LOWEST]
    whole, fused = job[c.WHOLE] != 0, job[c.FUSED] != 0
    for j in range(layers - 1, lowest - 1, -1):
        units, fan_in = plan[j, c.UNITS], plan[j, c.FAN_IN]
        k0, k1 = begins(fan_in, member, team), begins(fan_in, member + 1, team)
        mine = k1 - k0
        if plan[j, c.BACK] >= 0 and units == fan_in:  # in place; a team has none of these
            columns = ops[plan[j, c.BACK], c.OP_COLUMNS]
            put_seen(frame, u.X, view(work, own + plan[j, c.INPUT], size, units), columns)
            put_seen(frame, u.OUT, view(work, own + plan[j, c.BEFORE], size, units), columns)
            put_seen(frame, u.D_X, d, columns)
            call_op(ops, plan[j, c.BACK], _NONE, settings, units, _NONE, frame)
            if plan[j, c.OWN_PARAMS] and not whole:
                first = plan[j, c.OWN_FIRST]
                optimizer_step(
                    job[c.RULE],
                    settings,
                    learning_rate,
                    first,
                    first + plan[j, c.OWN_PARAMS],
                    params,
                    grads,
                    slot_0,
                    slot_1,
                    slot_2,
                    slot_3,
                    frame,
                )
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
            elif plan[j, c.BACK] >= 0 and units != fan_in:
                put(frame, u.X, view(work, own + plan[j, c.INPUT], size, fan_in))
                put(frame, u.D_PRED, d)
                put(frame, u.D_X, d_own)
                call_op(ops, plan[j, c.BACK], _NONE, settings, units, _NONE, frame)
            else:
                for i in range(d_own.size):
                    flatten(d_own)[i] = flatten(d)[i]
            if plan[j - 1, c.DROPOUT] >= 0:
                dropout.forward_compiled(d_own, view(work, own + plan[j - 1, c.FACTORS], size, mine), d_own)
            if plan[j - 1, c.BACKWARD]:
                z = view(work, own + plan[j - 1, c.BEFORE], size, mine)
                a = view(work, own + plan[j - 1, c.ACTIVE], size, mine)
                backward_activation(plan[j - 1, c.BACKWARD], settings, plan[j - 1, c.SETTING], z, a, d_own, frame)
            if plan[j - 1, c.BIAS] >= 0 and plan[j - 1, c.BIAS_TRAINS]:
                dense.bias_gradient(d_own, line(grads, plan[j - 1, c.BIAS] + k0, mine))
            if team > 1:
                publish(d_own, k0, d_below)
        if plan[j, c.DENSE] and plan[j, c.KERNEL_TRAINS]:
            x = view(work, own + plan[j, c.INPUT], size, mine)
            at = plan[j, c.KERNEL] + k0 * units
            if fused:
                dense.add_product(-learning_rate[0], x, d, one, view(params, at, mine, units))
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
                        learning_rate,
                        at + k * units,
                        at + stop * units,
                        params,
                        grads,
                        slot_0,
                        slot_1,
                        slot_2,
                        slot_3,
                        frame,
                    )
        if j > lowest:
            if plan[j - 1, c.BIAS] >= 0 and plan[j - 1, c.BIAS_TRAINS] and not whole:
                first = plan[j - 1, c.BIAS]
                optimizer_step(
                    job[c.RULE],
                    settings,
                    learning_rate,
                    first + k0,
                    first + k1,
                    params,
                    grads,
                    slot_0,
                    slot_1,
                    slot_2,
                    slot_3,
                    frame,
                )
            ticket = meet(sync, ticket, team)
        elif j == layers - 1:  # the only layer that is trained: nothing was published, but the same meeting is needed
            ticket = meet(sync, ticket, team)
        if j == layers - 1 and member == 0 and plan[j, c.BIAS] >= 0 and plan[j, c.BIAS_TRAINS]:
            first = plan[j, c.BIAS]  # after the meeting: teammates may still have been adding this bias before it
            dense.bias_gradient(d, line(grads, first, units))
            if not whole:
                optimizer_step(
                    job[c.RULE],
                    settings,
                    learning_rate,
                    first,
                    first + units,
                    params,
                    grads,
                    slot_0,
                    slot_1,
                    slot_2,
                    slot_3,
                    frame,
                )
        d = d_below
    if whole:
        call_extras(extras, c.ON_GRADIENTS, settings, params, grads, learning_rate, frame)
        if job[c.DUE] < 0 or learning_rate[job[c.DUE]] != zero:
            call_extras(extras, c.BEFORE_RULE, settings, params, grads, learning_rate, frame)
            optimizer_step(
                job[c.RULE],
                settings,
                learning_rate,
                _NONE,
                params.size,
                params,
                grads,
                slot_0,
                slot_1,
                slot_2,
                slot_3,
                frame,
            )
        call_extras(extras, c.AFTER_STEP, settings, params, grads, learning_rate, frame)
    return ticket


@compiled
def publish(own: Array, first: int, out: Array) -> None:
    """out[:, first : first + n] = own."""
    for b in range(own.shape[0]):
        for k in range(own.shape[1]):
            out[b, first + k] = own[b, k]


@compiled
def optimizer_step(
    unit: int,
    settings: Array,
    learning_rate: Array,
    start: int,
    stop: int,
    params: Array,
    grads: Array,
    slot_0: Array,
    slot_1: Array,
    slot_2: Array,
    slot_3: Array,
    frame: Array,
) -> None:
    """One step on the entries start .. stop - 1 of the flat vectors; slots that are empty stay so."""
    n = stop - start
    put_line(frame, u.PARAMS, line(params, start, n))
    put_line(frame, u.GRADS, line(grads, start, n))
    put_line(frame, u.SLOT_0, part(slot_0, start, n))
    put_line(frame, u.SLOT_1, part(slot_1, start, n))
    put_line(frame, u.SLOT_2, part(slot_2, start, n))
    put_line(frame, u.SLOT_3, part(slot_3, start, n))
    put_line(frame, u.RATE, learning_rate)
    put_line(frame, u.SETTINGS, line(settings, c.RULE_SETTING, _ONE))
    call_at(unit, frame)


@compiled
def part(slot: Array, start: int, n: int) -> Array:
    """Entries start .. start + n - 1, or none of a slot that is empty."""
    return line(slot, start if slot.size else 0, n if slot.size else 0)
