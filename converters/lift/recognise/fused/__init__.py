"""Fused ops (BlockLSTM, CudnnRNN) as recurrences."""
