"""Why a public name, argument or default of Keras is not here, or another: pattern of the difference -> reason."""

from __future__ import annotations

_IMAGES = "for images: dense networks come first"
_SEQUENCES = "for sequences of steps: dense networks come first"
_TEXT = "for text and categories: it prepares data rather than trains a network"
_FUNCTIONAL = "the functional API is still to come; `Sequential`, or an own `Model` with `call`"
_FILES = "whole models in files are still to come; `get_weights`, `set_weights`, `to_json`"
_PRECISION = "one precision for a whole model, that of `config.set_floatx`; no quantization"
_TF = "wraps another framework"
_DEVICES = "one process on one CPU"
_SPARSE = "arrays are plain: not sparse, ragged or symbolic"
_MASKS = "dense layers have no use for masks"
_DATASETS = "returns a `tf.data.Dataset` or opens a connection: arrays, generators or a `PyDataset` take its place"
_OPTIMIZERS = "see [differences](differences.md#not-there-yet)"
_OWN = "tinynn's own, beside Keras's names"
_MEMBERS = "what tinynn's engines ask of an object"
_STATELESS = "for JAX: variables are passed in and handed back"
_NAMES = "all array functions stand in `ops` itself"

REASONS: dict[str, str] = {}


def _because(reason: str, *patterns: str) -> None:
    REASONS.update(dict.fromkeys(patterns, reason))
