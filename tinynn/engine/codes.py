"""Numbers that stand for things in a compiled plan: `tinynn.engine.plan` writes them, `tinynn.engine.loop` reads them.

Ops are not among them: a plan holds the addresses of their machine code (see `tinynn.engine.units`).
"""

from __future__ import annotations

FEW = 64
"""Rows in a batch up to which the backward pass turns a kernel before it multiplies."""

# What a run does
TRAIN, TEST, PREDICT = range(3)

# How the losses of a batch become one number
MEAN, SUM, MEAN_BY_WEIGHT = range(3)

# A row of the plan: one step. Offsets count entries: of the parameters, of the workspace all threads share, and (own) of a
# thread's own part of it. FORWARD, BACKWARD: the activation's units, 0 for none; SETTING: where its settings begin.
DENSE, FAN_IN, UNITS, FORWARD, BACKWARD, SETTING = 0, 1, 2, 3, 4, 5
KERNEL, KERNEL_TRAINS, BIAS, BIAS_TRAINS = 6, 7, 8, 9
DROPOUT = 10  # the row of `ops`, -1 for none
PARTS, D_OUT = 11, 12  # shared: the team's partial products; dL/d(before the activation)
INPUT, BEFORE, ACTIVE, FACTORS = 13, 14, 15, 16  # own: what comes in; before, after the activation; dropout's factors
IN_TRAINING, OTHERWISE, BACK = 17, 18, 19  # rows of `ops` that stand in the place of an affine map, -1 for none
OWN_FIRST, OWN_PARAMS = 20, 21  # where the parameters of such a map begin, how many of them are trained
LAYER_FIELDS = 22

# A row of `ops`, units with arrays of their own: unit, setting, seed and count of uses for those that draw, columns of the
# table that they see the batch as, the words of eight slots.
OP_UNIT, OP_SETTING, SEED, USES, OP_COLUMNS, OP_SLOTS = range(6)
OP_FIELDS = 5 + 3 * 8

# Of `metrics`: unit, setting, whether weighted, whether it counts in arrays of its own: the words of eight slots.
METRIC_UNIT, METRIC_SETTING, METRIC_WEIGHTED, METRIC_COUNTS, METRIC_SLOTS = range(5)
METRIC_FIELDS = 4 + 3 * 8

# Of `extras`, what a step does around the optimizer's rule: unit, setting, when, which parameters, which of the step's
# numbers, the words of four slots.
EXTRA_UNIT, EXTRA_SETTING, EXTRA_WHEN, EXTRA_FIRST, EXTRA_SIZE, EXTRA_NUMBER, EXTRA_SLOTS = range(7)
EXTRA_FIELDS = 6 + 3 * 4
# When: with the loss; in each step on its gradients; around the rule, in steps that make an update; after each step
PENALTY, ON_GRADIENTS, BEFORE_RULE, AFTER_STEP = range(4)

# The job: numbers that change from call to call
MODE, BATCH, FIRST, LAST, TEAM, TILE = 0, 1, 2, 3, 4, 5
X_UNIT, Y_UNIT, WEIGHT_UNIT, Y_WIDTH = 6, 7, 8, 9
LOSS_FORWARD, LOSS_BACKWARD, LOSS_SETTING, FROM_LOGITS = 10, 11, 12, 13  # FROM_LOGITS: 2 if nothing reads the outputs
REDUCTION, SMOOTHED, RULE, FUSED, WHOLE, LOWEST = 14, 15, 16, 17, 18, 19
OWN, OWN_SIZE = 20, 21  # where the threads' own parts begin, and the size of one
TARGETS, SMOOTH, WEIGHTS, LOSSES, SHARES, SCRATCH, ENTRIES, PROBS, SPARE, PREDICTED, D_LAST, D_OWN, TURNED = range(
    22, 35
)
NUMBERS, DUE = 35, 36  # numbers of a step in `learning_rates`; which says whether it makes an update, -1: they all do
EPOCHS, APART = 37, 38  # how often all is run; how far apart two epochs begin in `order`, 0 if they have the same one
DONE = 39  # written by the loop: how many steps it took
JOB_FIELDS = 40

# Settings that are not whole numbers: the loop's own, the optimizer's (at most so many), then those of other units
LOSS_WEIGHT, SMOOTH_SCALE, SMOOTH_SHIFT, RULE_SETTING = 0, 1, 2, 3
FREE_SETTING = 11
