"""These tests are there where LibCST and TensorFlow are (the extras rewrite and tensorflow)."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("tensorflow") and find_spec("libcst") else ["test_*.py"]
