"""Why a public name, argument or default of Keras is not here, or another: pattern of the difference -> reason."""

from __future__ import annotations

_IMAGES = "for images: dense networks come first"
_SEQUENCES = "for sequences of steps: dense networks come first"
_TEXT = "for text and categories: it prepares data rather than trains a network"
_FUNCTIONAL = "the functional API is still to come; `Sequential`, or an own `Model` with `call`"
_FILES = "see [saving](saving.md): one file a model"
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


# Layers --------------------------------------------------------------------------------------------------------------
_because(
    _IMAGES,
    *(
        f"missing layers.{kind}"
        for kind in ("*Conv*", "*Pool*", "*Cropping*", "ZeroPadding*", "UpSampling*", "Random*")
    ),
    *(f"missing layers.{kind}" for kind in ("AugMix", "AutoContrast", "CenterCrop", "ContrastLimited*", "CutMix")),
    *(f"missing layers.{kind}" for kind in ("Equalization", "MaxNumBoundingBoxes", "MixUp", "RandAugment", "Resizing")),
    *(f"missing layers.{kind}" for kind in ("Solarization", "SpatialDropout*", "Pipeline")),
    *("missing applications", "missing ops.image", "missing visualization", "missing ops.*conv*", "missing ops.*pool*"),
    *("missing ops.*fold", "missing ops.*_to_depth", "missing ops.*_to_space", "missing utils.bounding_boxes"),
    *("missing utils.*img*",),
)
_because(
    _SEQUENCES,
    *(f"missing layers.{kind}" for kind in ("*GRU*", "*LSTM*", "*RNN*", "Bidirectional", "TimeDistributed", "Wrapper")),
    *(f"missing layers.{kind}" for kind in ("*Attention*", "Masking", "MelSpectrogram", "STFTSpectrogram")),
    *("missing losses.CTC", "missing losses.ctc", "missing ops.*ctc_*", "missing ops.*dot_product_attention"),
    *(
        "missing initializers.STFT*",
        "missing initializers.stft",
        "missing ops.*fft*",
        "missing ops.i*stft",
        "missing ops.stft",
    ),
    *("missing utils.pad_sequences", "missing config.*flash_attention*"),
)
_because(
    _TEXT,
    *(f"missing layers.{kind}" for kind in ("CategoryEncoding", "Discretization", "Embedding", "ReversibleEmbedding")),
    *(f"missing layers.{kind}" for kind in ("HashedCrossing", "Hashing", "*Lookup", "TextVectorization")),
    *("missing utils.FeatureSpace", "missing preprocessing", "missing DataLayer.convert_weight"),
)
_because(
    _FUNCTIONAL,
    *(f"missing layers.{kind}" for kind in ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply")),
    *("missing layers.Subtract", "missing layers.EinsumDense", "missing layers.SpectralNormalization"),
    *(f"missing layers.{kind}" for kind in ("add", "average", "concatenate", "dot", "maximum", "minimum", "multiply")),
    "missing layers.subtract",
    *(
        "missing Function",
        "missing KerasTensor",
        "missing Operation",
        "missing *.compute_output_spec",
    ),
    *("missing *.symbolic_call", "missing SymbolicScope", "missing utils.get_source_inputs", "missing tree"),
)
_because(
    _TF,
    *(
        "missing layers.FlaxLayer",
        "missing layers.JaxLayer",
        "missing layers.TFSMLayer",
        "missing layers.TorchModuleWrapper",
    ),
    *("missing TensorFlowTrainer.*", "missing Variable.handle", "missing name_scope"),
    *("missing config.set_backend", "missing config.is_nnx_enabled", "missing TensorBoard.summary"),
)
# Everything else -----------------------------------------------------------------------------------------------------
_because(
    _FILES,
    *("missing saving.KerasFileEditor", "missing export", "missing legacy", "missing Model.*state_tree"),
    "missing callbacks.OrbaxCheckpoint",
)
_because(
    "what a file may ask for is bounded ([saving](saving.md))",
    *("extra saving.Limits", "argument extra *.load_model(limits)", "argument extra *.load_weights(limits)"),
    "argument extra *.model_from_json(limits)",
)
_because("ONNX is the one format that there is", "default Model.export(*")
_because(
    _PRECISION,
    *("missing *DTypePolicy", "missing dtype_policies", "missing mixed_precision", "missing config.*dtype_policy"),
    *("missing Layer.dtype_policy", "missing *.input_dtype", "missing *quantiz*", "missing Quantizer"),
    *(
        "missing Dense.enable_lora",
        "missing Dense.variable_serialization_spec",
        "missing optimizers.LossScaleOptimizer",
    ),
    "missing Variable.overwrite_with_gradient",
)
_because(
    _DEVICES,
    *(
        "missing device",
        "missing distribution",
        "missing remat",
        "missing RematScope",
        "missing Layer.rematerialized_call",
    ),
    *(
        "missing Variable.aggregation",
        "missing Variable.synchronization",
        "argument missing *.add_variable(aggregation)",
    ),
    *("argument missing *.add_variable(layout)", "argument extra Layer.add_variable(*)"),
)
_because(_SPARSE, "argument missing ops.*(sparse)", "argument missing ops.*(ragged)")
_because(_MASKS, "missing *.compute_mask", "argument missing *.call(mask)")
_because(_STATELESS, "missing *.stateless_*", "missing StatelessScope", "missing *.metrics_variables")
_because(
    _DATASETS,
    *("missing utils.*_dataset*", "missing utils.get_file", "missing callbacks.RemoteMonitor"),
)
_because("data sets for other networks than dense ones, or of another field", "missing datasets.*")
_because(_OPTIMIZERS, "missing optimizers.MultiOptimizer", "missing optimizers.OptimizerMap", "missing distillation")
_because("forward derivatives: the tape walks backwards only", "missing ops.*jvp")
_because("nothing in a description can switch safety off", "missing config.enable_unsafe_deserialization")
_because("empty, or old names that Keras itself has left behind", "missing *.legacy", "missing utils.Config")
_because(
    "a metric is an attribute of a layer, or given to `compile`; Keras answers with that, too",
    "missing Layer.add_metric",
)
_because("parts of the rule: tinynn/kernels/muon.py", "missing Muon.*")
_because("attributes of the object", "missing AUC.*")
_because(
    "for overriding and for calls by position the names do not matter; Keras itself has more than one",
    *("argument * *.build(var*)", "argument * *.update_step(grad*)", "argument * ops.custom_gradient(*)"),
    *("argument * ops.stop_gradient(*)", "argument * *.call(inputs)", "argument missing *.call(x)"),
    *("by keyword only *.call(*)", "argument missing *.call(training)", "argument extra Layer.compute_output_shape(*)"),
    *("by keyword only Layer.add_variable(*)", "default *.add_variable(*", "order Layer.add_weight(*"),
)
_because("also where Keras has it under another name", "argument extra ops.*a*(initial)")
_because(
    _OWN,
    *(
        "extra GradientTape",
        "extra custom_gradient",
        "extra plotting",
        "extra datasets.*",
        "argument extra datasets.*(download)",
        "extra initializers.*",
        "extra metrics.*",
        "extra optimizers.schedules.*",
    ),
    *("extra random.*", "extra utils.*"),
    *("extra accelerate", "extra from_keras", "extra interop", "extra to_keras"),
    *("extra wrappers.MLP*", "extra wrappers.scikit_learn", "extra SKLearnClassifier.predict_proba"),
)
_because(
    "what survives the process: docs/checkpoints.md",
    *("extra *.get_state", "extra *.set_state", "extra *.remembered", "extra BackupAndRestore.*"),
    "argument extra callbacks.*(on_error)",
)
_because(_MEMBERS, "extra [A-Z]*.*")
