"""Builds the zoo under Python 3.7 and the real TensorFlow 1.15.5; the test-suite never imports it."""
