"""Weights and states in the layouts of TF1, Keras, ONNX and cuDNN."""
