"""These tests are there where TensorFlow and LibCST are (the extras tensorflow and rewrite)."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("tensorflow") and find_spec("libcst") else ["test_*.py"]
