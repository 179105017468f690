"""Classes of Keras 3.15 that tinynn does not have: who meets one in a file is told so."""

from __future__ import annotations

KERAS_VERSION = "3.15.1"
"""Whose files tinynn writes."""

LAYERS = (
    *("AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D"),
    *("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "Add", "AdditiveAttention"),
    *("Attention", "AugMix", "AutoContrast", "Average", "AveragePooling1D", "AveragePooling2D"),
    *("AveragePooling3D", "AvgPool1D", "AvgPool2D", "AvgPool3D", "Bidirectional", "CategoryEncoding"),
    *("CenterCrop", "Concatenate", "ContrastLimitedAdaptiveHistogramEqualization", "Conv1D", "Conv1DTranspose"),
    *("Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
    *("Convolution1D", "Convolution1DTranspose", "Convolution2D", "Convolution2DTranspose", "Convolution3D"),
    *("Convolution3DTranspose", "Cropping1D", "Cropping2D", "Cropping3D", "CutMix", "DepthwiseConv1D"),
    *("DepthwiseConv2D", "Discretization", "Dot", "EinsumDense", "Embedding", "Equalization", "FlaxLayer"),
    *("GRU", "GRUCell", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
    *("GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D", "GlobalMaxPool2D"),
    *("GlobalMaxPool3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
    *("GroupQueryAttention", "HashedCrossing", "Hashing", "IntegerLookup", "JaxLayer", "LSTM", "LSTMCell"),
    *("Masking", "MaxNumBoundingBoxes", "MaxPool1D", "MaxPool2D", "MaxPool3D", "MaxPooling1D", "MaxPooling2D"),
    *("MaxPooling3D", "Maximum", "MelSpectrogram", "Minimum", "MixUp", "MultiHeadAttention", "Multiply"),
    *("Pipeline", "RNN", "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter"),
    *("RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip"),
    *("RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective"),
    *("RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear"),
    *("RandomTranslation", "RandomZoom", "Resizing", "ReversibleEmbedding", "STFTSpectrogram"),
    *("SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D", "SimpleRNN"),
    *("SimpleRNNCell", "Solarization", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
    *("SpectralNormalization", "StackedRNNCells", "StringLookup", "Subtract", "TFSMLayer", "TextVectorization"),
    *("TimeDistributed", "TorchModuleWrapper", "UpSampling1D", "UpSampling2D", "UpSampling3D", "Wrapper"),
    *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"),
)
"""Layers."""

OTHERS = ["CTC", "LossScaleOptimizer", "MultiOptimizer", "Muon", "OptimizerMap", "STFT", "STFTInitializer"]
"""Losses, optimizers and initializers."""
