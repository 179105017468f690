"""Numbers that stand for things in a compiled plan: `tinynn.engine.plan` writes them, `tinynn.engine.loop` reads them."""

from __future__ import annotations

FEW = 64
"""Rows in a batch up to which the backward pass turns a kernel before it multiplies."""

# What a run does
TRAIN, TEST, PREDICT, LOGITS = range(4)

# Activations
LINEAR, RELU, TANH, SIGMOID, SOFTMAX = range(5)

# Losses, by what they see: logits, probabilities, predictions. Metrics are these or an accuracy.
SPARSE_LOGITS, CATEGORICAL_LOGITS, BINARY_LOGITS = 0, 1, 2
SPARSE_PROBS, CATEGORICAL_PROBS, BINARY_PROBS = 3, 4, 5
SQUARED, ABSOLUTE = 6, 7
ACCURACY_EQUAL, ACCURACY_BINARY, ACCURACY_CATEGORICAL, ACCURACY_SPARSE = 8, 9, 10, 11

# How the losses of a batch become one number
MEAN, SUM, MEAN_BY_WEIGHT = range(3)

# Optimizers
SGD, MOMENTUM, NESTEROV, RMSPROP, ADAM = range(5)

# Kinds of numbers that data comes in
KINDS = ("float32", "float64", "uint8", "int32", "int64")
FLOAT32, FLOAT64, UINT8, INT32, INT64 = range(5)

# A row of the plan: one layer. Offsets count entries: of the parameters, of the workspace all threads share, and (own) of a
# thread's own part of it.
DENSE, FAN_IN, UNITS, ACTIVATION = 0, 1, 2, 3
KERNEL, KERNEL_TRAINS, BIAS, BIAS_TRAINS = 4, 5, 6, 7
DROPOUT = 8  # the row of `dropouts`, -1 for none
PARTS, D_OUT = 9, 10  # shared: the team's partial products; dL/d(before the activation)
INPUT, ACTIVE, FACTORS = 11, 12, 13  # own: what comes in; after the activation; dropout's factors
LAYER_FIELDS = 14

# The job: numbers that change from call to call
MODE, BATCH, FIRST, LAST, TEAM, TILE = 0, 1, 2, 3, 4, 5
X_KIND, Y_KIND, WEIGHT_KIND, Y_WIDTH = 6, 7, 8, 9
LOSS, REDUCTION, SMOOTHED, RULE, FUSED, WHOLE, LOWEST = 10, 11, 12, 13, 14, 15, 16
OWN, OWN_SIZE = 17, 18  # where the threads' own parts begin, and the size of one
TARGETS, SMOOTH, WEIGHTS, LOSSES, SHARES, SCRATCH, ENTRIES, PROBS, SPARE, PREDICTED, D_LAST, D_OWN, TURNED = range(
    19, 32
)
JOB_FIELDS = 32

# Settings that are not whole numbers
LOSS_WEIGHT, SMOOTH_SCALE, SMOOTH_SHIFT, CLIP, BETA_1, BETA_2, EPSILON, MOMENTUM_SHARE, RHO = range(9)
SETTING_FIELDS = 9
