"""Importing ``porting.tf1`` puts TensorFlow into graph mode for the whole process, so these tests have one of their own.

``tests/porting/test_graph_mode.py`` starts it; by hand: ``RNNPORT_GRAPH_MODE=1 python -m pytest tests/porting/tf1``.
"""

import os

collect_ignore_glob = [] if os.environ.get("RNNPORT_GRAPH_MODE") else ["test_*.py"]
