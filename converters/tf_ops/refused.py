"""Ops that are understood and cannot be ported, each with its reason."""

from __future__ import annotations

from converters.tf_ops.table import REFUSED

RANDOM = [
    "RandomUniform",
    "RandomUniformInt",
    "RandomStandardNormal",
    "TruncatedNormal",
    "ParameterizedTruncatedNormal",
    "RandomGamma",
    "RandomPoisson",
    "RandomPoissonV2",
    "RandomShuffle",
    "RandomCrop",
    "Multinomial",
    "StatelessRandomUniform",
    "StatelessRandomUniformInt",
    "StatelessRandomNormal",
    "StatelessTruncatedNormal",
    "StatelessMultinomial",
    "LogUniformCandidateSampler",
    "UniformCandidateSampler",
    "FixedUnigramCandidateSampler",
    "LearnedUnigramCandidateSampler",
    "AllCandidateSampler",
    "ThreadUnsafeUnigramCandidateSampler",
    "ComputeAccidentalHits",
    "StatefulUniform",
    "StatefulUniformInt",
    "StatefulStandardNormalV2",
    "StatefulTruncatedNormal",
    "GenerateVocabRemapping",
]
PYTHON = ["PyFunc", "PyFuncStateless", "EagerPyFunc"]
AUDIO = ["AudioSpectrogram", "Mfcc", "DecodeWav", "EncodeWav"]
FILES = [
    "ReadFile",
    "WholeFileReaderV2",
    "TextLineReaderV2",
    "TFRecordReaderV2",
    "ReaderReadV2",
    "DecodeJpeg",
    "DecodePng",
    "DecodeCSV",
    "ParseExample",
    "ParseSingleExample",
    "IteratorGetNext",
    "IteratorV2",
    "OneShotIterator",
    "FIFOQueueV2",
    "QueueDequeueV2",
    "QueueDequeueManyV2",
    "QueueDequeueUpToV2",
    "PaddingFIFOQueueV2",
    "RandomShuffleQueueV2",
    "Save",
    "SaveV2",
    "Restore",
    "RestoreV2",
]
TRAINING = [
    "ApplyGradientDescent",
    "ApplyAdam",
    "ApplyMomentum",
    "ApplyRMSProp",
    "ApplyAdagrad",
    "ApplyFtrl",
    "ApplyAdadelta",
    "ResourceApplyAdam",
    "ResourceApplyGradientDescent",
    "ResourceApplyMomentum",
    "ResourceApplyRMSProp",
    "SparseApplyAdam",
    "SparseApplyAdagrad",
    "SparseApplyMomentum",
]

REFUSED.update(dict.fromkeys(RANDOM, "it draws random numbers, which no port repeats"))
REFUSED.update(dict.fromkeys(PYTHON, "it calls Python code that is not in the file"))
REFUSED.update(dict.fromkeys(AUDIO, "its audio processing is not described"))
REFUSED.update(dict.fromkeys(FILES, "it reads or decodes data outside the graph; feed its output"))
REFUSED.update(dict.fromkeys(TRAINING, "it trains; ports are for inference"))
