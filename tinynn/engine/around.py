"""What a step does around the optimizer's rule, as the loop calls it: `rates` holds a number of the step.

The mathematics is in the kernels of the same names.
"""

from __future__ import annotations

from tinynn._compiled import compiled, view
from tinynn._typing import Array
from tinynn.kernels import adafactor, gradient_accumulation, moving_average, muon, non_negative, norm_limits


@compiled
def accumulate(grads: Array, accumulator: Array, batches: int, rates: Array) -> None:
    """rates: 1 with the last batch of a group, whose gradient becomes the group's mean; else 0."""
    if rates[0] != 0:
        gradient_accumulation.finish_compiled(accumulator, grads, batches)
    else:
        gradient_accumulation.add_compiled(accumulator, grads)


@compiled
def no_rule(params: Array) -> None:
    """In the place of a rule that sees whole variables and so stands among the extras."""


@compiled
def adafactor_step(
    params: Array,
    grads: Array,
    r: Array,
    c: Array,
    velocity: Array,
    starts: Array,
    rates: Array,
    epsilon_1: float,
    epsilon_2: float,
    clip_threshold: float,
) -> None:
    """starts: the table (variables, 4) of `adafactor.step` in one line."""
    shapes = view(starts, 0, starts.size // 4, 4)
    adafactor.step_compiled(params, grads, r, c, velocity, shapes, rates, epsilon_1, epsilon_2, clip_threshold)


@compiled
def muon_step(
    params: Array,
    grads: Array,
    m: Array,
    v: Array,
    starts: Array,
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
    """starts: the table (variables, 4) of `muon.step` in one line."""
    muon.step_compiled(
        params,
        grads,
        m,
        v,
        view(starts, 0, starts.size // 4, 4),
        room,
        rates,
        momentum,
        nesterov,
        ns_steps,
        muon_a,
        muon_b,
        muon_c,
        adam_beta_1,
        adam_beta_2,
        epsilon,
    )


@compiled
def take_average(params: Array, average: Array, rates: Array) -> None:
    """rates: the momentum."""
    moving_average.update_compiled(average, params, rates[0])


@compiled
def overwrite(params: Array, average: Array, rates: Array) -> None:
    """rates: 1 when the average takes the place of the weights, else 0."""
    if rates[0] != 0:
        for i in range(params.size):
            params[i] = average[i]


@compiled
def limit_norms(
    matrix: Array, norms: Array, min_value: float, max_value: float, rate: float, axis: int, epsilon: float
) -> None:
    norm_limits.forward_compiled(matrix, min_value, max_value, rate, axis, epsilon, norms, matrix)


@compiled
def unit_norms(matrix: Array, norms: Array, axis: int, epsilon: float) -> None:
    norm_limits.unit_forward_compiled(matrix, axis, epsilon, norms, matrix)


@compiled
def keep_non_negative(params: Array) -> None:
    non_negative.forward_compiled(params, params)
