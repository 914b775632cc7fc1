"""The benchmark of recurrent graphs: our ONNX, the TF session, the existing converter, Keras' export, and the matrix products alone."""
