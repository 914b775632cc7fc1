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
AUDIO = ["DecodeWav", "EncodeWav"]
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
    "DecodeRaw",
    "DecodeBase64",
    "EncodeBase64",
    "ParseTensor",
    "ParseExampleV2",
    "ParseSequenceExample",
    "ParseSingleSequenceExample",
    "Iterator",
    "MakeIterator",
    "FIFOQueue",
    "QueueDequeue",
    "QueueDequeueMany",
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

COMPLEX = ["FFT2D", "IFFT2D", "FFT3D", "IFFT3D", "RFFT2D", "IRFFT2D", "RFFT3D", "IRFFT3D"]
STATE = ["Assign", "AssignAdd", "AssignSub", "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp",
         "ScatterUpdate", "ScatterAdd", "ScatterSub", "ScatterNdUpdate", "ResourceScatterUpdate", "ResourceScatterAdd",
         "CountUpTo", "MutableHashTable", "MutableHashTableV2", "MutableDenseHashTable", "MutableDenseHashTableV2",
         "MutableHashTableOfTensors", "MutableHashTableOfTensorsV2", "LookupTableInsert", "LookupTableInsertV2",
         "LookupTableExport", "LookupTableExportV2", "Barrier", "Stage", "Unstage", "MapStage"]  # fmt: skip
LOSSES = ["CTCLoss", "EditDistance", "NceLoss"]
SOLVERS = ["Cholesky", "MatrixInverse", "MatrixDeterminant", "LogMatrixDeterminant", "MatrixSolve", "MatrixSolveLs",
           "MatrixTriangularSolve", "Qr", "Svd", "SelfAdjointEigV2", "MatrixExponential", "MatrixLogarithm"]  # fmt: skip
SPECIAL = [
    "Lgamma",
    "Digamma",
    "Polygamma",
    "Zeta",
    "Igamma",
    "Igammac",
    "Betainc",
    "BesselI0e",
    "BesselI1e",
]

REFUSED.update(dict.fromkeys(COMPLEX, "it is a Fourier transform over several axes"))
REFUSED.update(
    dict.fromkeys(STATE, "it changes state that lasts from run to run; feed and fetch that state")
)
REFUSED.update(dict.fromkeys(LOSSES, "it measures errors for training; ports are for inference"))
REFUSED.update(
    dict.fromkeys(SOLVERS, "it solves equations of matrices, which the vocabulary lacks")
)
REFUSED.update(dict.fromkeys(SPECIAL, "the vocabulary lacks this function"))
REFUSED.update(dict.fromkeys(RANDOM, "it draws random numbers, which no port repeats"))
REFUSED.update(dict.fromkeys(PYTHON, "it calls Python code that is not in the file"))
REFUSED.update(dict.fromkeys(AUDIO, "its audio processing is not described"))
REFUSED.update(dict.fromkeys(FILES, "it reads or decodes data outside the graph; feed its output"))
REFUSED.update(dict.fromkeys(TRAINING, "it trains; ports are for inference"))
