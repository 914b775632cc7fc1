"""Fourier transforms and complex numbers."""

import numpy as np

from tests.goldens.tf_ops.spec import case, i32, k, r, u


def c(*shape):
    """Normal complex64."""

    def draw():
        real, imaginary = np.random.standard_normal((2,) + shape)
        return (real + 1j * imaginary).astype(np.complex64)

    return draw


def transforms():
    """Rows cut and as they are; even and odd lengths."""
    found = []
    for n in (8, 7, 1, 12, 5):
        found += [case("RFFT", r(3, 2, 8), i32(n), static=(1,), loose=2, fails=n > 8), case("IRFFT", c(3, 5), i32(n), static=(1,), loose=2, fails=n > 9)]
    found += [case("RFFT", r(512), i32(512), static=(1,), loose=4), case("IRFFT", c(2, 257), i32(512), static=(1,), loose=4)]
    for op in ("FFT", "IFFT"):
        found += [case(op, c(2, 8), loose=2), case(op, c(5), loose=2)]
    return found


def pieces():
    """Parts, moduli and arguments."""
    found = [case(op, c(2, 3)) for op in ("Real", "Imag", "ComplexAbs", "Angle", "Conj")]
    found += [case("Complex", r(2, 3), r(2, 3)), case("Complex", r(2, 3), r(3)), case("Complex", k(1.5, "float32"), r(2))]
    found += [case("Cast", r(2, 3), DstT="complex64"), case("Cast", c(2, 3), DstT="float32"), case("Cast", i32(1, 2), DstT="complex64")]
    return found


def arithmetic():
    """Broadcasting as with real numbers."""
    found = [case(op, c(2, 3), c(3)) for op in ("Add", "AddV2", "Sub", "Mul", "RealDiv")]
    found += [case(op, c(2, 3)) for op in ("Neg", "Square", "Exp", "ZerosLike", "Identity", "Shape", "Size", "Rank")]
    found += [case("AddN", [c(2), c(2), c(2)]), case("MatMul", c(2, 3), c(4, 3), transpose_b=True), case("BatchMatMul", c(2, 3, 2), c(2, 3, 4), adj_x=True)]
    return found


def moves():
    """Axes count from the end of the tensor that TF has."""
    found = [case("Sum", c(2, 3), i32(-1), static=(1,)), case("Mean", c(2, 3), i32(0), static=(1,), keep_dims=True)]
    found += [case("Reshape", c(2, 6), i32(3, -1), static=(1,)), case("Transpose", c(2, 3, 4), i32(2, 0, 1), static=(1,)), case("ExpandDims", c(2, 3), k(-1), static=(1,))]
    found += [case("ConcatV2", [c(2, 3), c(2, 1)], k(-1), static=(2,)), case("Pack", [c(2), c(2)], axis=-1), case("Split", k(1), c(2, 4), static=(0,), num_split=2)]
    found += [case("StridedSlice", c(4, 5), i32(1, 0), i32(0, 0), i32(1, 2), static=(1, 2, 3), end_mask=3, begin_mask=2), case("Pad", c(2, 2), i32([1, 0], [0, 2]), static=(1,))]
    found += [case("GatherV2", c(4, 2), i32(2, 0), k(0), static=(2,)), case("Tile", c(2, 1), i32(1, 3), static=(1,)), case("ReverseV2", c(2, 3), i32(-1), static=(1,))]
    found += [case("Fill", i32(2, 3), np.array(1 - 2j, np.complex64), static=(0,))]
    found += [case("Select", np.array([True, False]), c(2, 3), c(2, 3))]
    return found


def audio():
    """Whole and cut frames, windows that are and are not powers of two."""
    found = []
    for window, stride, squared in ((16, 8, True), (20, 10, False), (32, 32, True), (7, 3, False)):
        found.append(case("AudioSpectrogram", r(100, 1), loose=4, window_size=window, stride=stride, magnitude_squared=squared))
    found.append(case("AudioSpectrogram", r(16, 1), loose=4, window_size=16, stride=4))
    power = u(2, 3, 129, low=0.0, high=4.0)
    found += [case("Mfcc", power, k(8000), static=(1,), loose=8), case("Mfcc", power, k(16000), static=(1,), loose=8, dct_coefficient_count=26)]
    found += [case("Mfcc", u(1, 2, 257), k(16000), static=(1,), loose=8, upper_frequency_limit=7600.0, lower_frequency_limit=80.0, filterbank_channel_count=23)]
    return found + [case("Mfcc", np.zeros((1, 2, 65), np.float32), k(8000), static=(1,), loose=8, filterbank_channel_count=20), case("Mfcc", power, k(8000), static=(1,), fails=True, filterbank_channel_count=10)]


def specs():
    """All of them."""
    return audio() + transforms() + pieces() + arithmetic() + moves()
