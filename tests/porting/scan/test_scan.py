"""The scan finds every planted use and nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from porting.scan.report import scan

PLANTED = {
    "plain.py": (
        "import tensorflow as tf\n"
        "cell = tf.nn.rnn_cell.LSTMCell(3)  # USE\n"
        "y, s = tf.nn.dynamic_rnn(cell, x)  # USE\n"
        "z = tf.nn.relu(y)\n"
    ),
    "aliases.py": (
        "import tensorflow.compat.v1 as tf1\n"
        "import tensorflow.contrib.rnn as r  # USE\n"
        "from tensorflow.contrib import rnn, slim  # USE\n"
        "from tensorflow.contrib.seq2seq import BasicDecoder as D  # USE\n"
        "from tensorflow.python.ops import rnn_cell_impl, math_ops  # USE\n"
        "from tensorflow.python.ops import rnn as old  # USE\n"
        "nn = tf1.nn\n"
        "Cell = r.GRUCell  # USE\n"
        "def f(x):\n"
        "    a, b = Cell(3), D(1, 2, 3)  # USE USE\n"
        "    old.static_rnn(a, x)  # USE\n"
        "    nn.raw_rnn(a, x)  # USE\n"
        "    return [rnn.LSTMCell(n) for n in (1, 2)], lambda: rnn_cell_impl.BasicLSTMCell  # USE USE\n"
    ),
    "classes.py": (
        "import tensorflow as tf\n"
        "class A(tf.nn.rnn_cell.RNNCell):  # USE\n"
        "    base = tf.contrib.rnn.LayerRNNCell  # USE\n"
        "    def call(self, x, s, cell=tf.contrib.rnn.GRUCell(3)):  # USE\n"
        "        return tf.contrib.legacy_seq2seq.rnn_decoder(x, s, cell)  # USE\n"
        "class B(A, metaclass=M): pass\n"
    ),
    "late.py": (
        "def build():\n"
        "    return tf.contrib.cudnn_rnn.CudnnLSTM(1, 2)  # USE\n"
        "try:\n"
        "    import tensorflow as tf\n"
        "except ImportError:\n"
        "    tf = None\n"
        "if tf is not None:\n"
        "    with tf.name_scope('a'):\n"
        "        while True:\n"
        "            tf.nn.bidirectional_dynamic_rnn(a, b, c)  # USE\n"
    ),
    "star.py": "from tensorflow.contrib.rnn import *  # USE\nx = GRUCell(3)  # USE\ny = Unknown(3)\n",
    "shadowed.py": (
        "import tensorflow as tf\n"
        "def f(tf):\n    return tf.nn.rnn_cell.LSTMCell(3)\n"
        "def g():\n    tf = make()\n    return tf.nn.dynamic_rnn(1)\n"
        "h = lambda tf: tf.contrib.rnn.GRUCell(1)\n"
        "k = [tf.nn.dynamic_rnn for tf in things]\n"
        "def q():\n    return tf.nn.rnn_cell.GRUCell(2)  # USE\n"
    ),
    "others.py": (
        "import numpy as tf\nfrom mine.contrib import rnn\nfrom .tensorflow.contrib import rnn as r\n"
        "tf.nn.rnn_cell.LSTMCell(3)\nrnn.LSTMCell(2)\nr.LSTMCell(2)\n"
        "text = 'tf.nn.dynamic_rnn tensorflow'  # tf.contrib.rnn.LSTMCell\n"
    ),
    "keras.py": "import tensorflow as tf\ntf.keras.layers.LSTM(3)\ntf.nn.softmax(x)\ntf.contrib.slim.x\n",
    "moved.py": "from porting import tf1 as tf\ntf.nn.rnn_cell.LSTMCell(3)\n# once tensorflow\n",
    "python2.py": (
        "import tensorflow as tf\nfrom tensorflow.contrib import (rnn,\n   seq2seq)  # USE2 USE2\n"
        "print 'tf.nn.dynamic_rnn'\n"
        "class C(rnn.RNNCell):  # USE\n  pass\n"
        "lstm = tf.nn.rnn_cell\n"
        "print lstm.LSTMCell(3), tf.nn.static_rnn(1)  # USE USE\n"
        "def f(x): exec 'a'\n"
    ),
}  # fmt: skip


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    for name, text in PLANTED.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def marks(text: str) -> list[int]:
    """A line number for every USE in a comment of that line."""
    return [
        n
        for n, line in enumerate(text.split("\n"), 1)
        for _ in range(line.count("USE") - line.count("USE2"))
    ]


@pytest.mark.parametrize("name", [name for name in PLANTED if name != "python2.py"])
def test_every_planted_use_and_no_other(planted: Path, name: str) -> None:
    (file,) = scan([planted / name]).files
    assert [use.line for use, _ in file.uses] == marks(PLANTED[name])
    assert file.problem is None


def test_python_2_is_reported_and_searched(planted: Path) -> None:
    (file,) = scan([planted / "python2.py"]).files
    assert file.problem is not None
    assert "not Python 3 (line 4)" in file.problem
    found = [(use.line, use.api, use.kind) for use, _ in file.uses]
    assert found == [
        (2, "tensorflow.contrib.rnn", "import"),
        (2, "tensorflow.contrib.seq2seq", "import"),
        (5, "tensorflow.contrib.rnn.RNNCell", "subclass"),
        (7, "tensorflow.nn.rnn_cell", "use"),
        (8, "tensorflow.nn.rnn_cell.LSTMCell", "use"),
        (8, "tensorflow.nn.static_rnn", "use"),
    ]


def test_notebooks_are_read_cell_by_cell(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": "tf.nn.dynamic_rnn"},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import tensorflow as tf"]},
        {"cell_type": "code", "source": "!pip install tensorflow\ntf.nn.dynamic_rnn(1, 2)"},
        {"cell_type": "code", "source": "%%bash\ntf.nn.dynamic_rnn"},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "b.ipynb").write_text("{")
    first, second = scan([tmp_path]).files
    assert [(use.line, cell) for use, cell in first.uses] == [(2, 3)]
    assert second.problem is not None


def test_what_each_use_becomes(planted: Path) -> None:
    made = scan([planted]).as_json()
    uses = {use["api"]: use for file in made["files"] for use in file["uses"]}
    lstm = uses["tf.nn.rnn_cell.LSTMCell"]
    assert lstm["tf1"] == "porting.tf1.nn.rnn_cell.LSTMCell"
    assert lstm["keras"].startswith("keras.layers.LSTM")
    assert "equation" in uses["tf.nn.rnn_cell.RNNCell"]["person"]
    assert made["summary"]["files"] == len(PLANTED)
    assert made["summary"]["uses"] == sum(len(file["uses"]) for file in made["files"])


def test_what_is_not_covered_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import tensorflow as tf\ntf.contrib.grid_rnn.Grid2LSTMCell(1)\ntf.nn.bidirectional_rnn(1)\n"
    )
    (file,) = scan([tmp_path]).as_json()["files"]
    assert [use["tf1"] for use in file["uses"]] == [None, None]
    assert all(use["person"] for use in file["uses"])


def test_exit_statuses(planted: Path, tmp_path: Path, cli: Any) -> None:
    answer = cli("scan", planted, "--json")
    assert answer.status == 1
    assert answer.json["schema"] == 1
    assert cli("scan", planted / "keras.py").status == 0
    missing = cli("scan", planted / "no such file")
    assert missing.status == 2
    assert "no such file or folder" in missing.err


def test_five_hundred_files_take_seconds(tmp_path: Path) -> None:
    filler = "".join(
        f"def f{i}(x):\n    return [x.a{i}(y) for y in range({i})]\n" for i in range(150)
    )
    for i in range(500):
        text = (
            "import tensorflow as tf\n" if i % 2 else list(PLANTED.values())[i // 2 % len(PLANTED)]
        )
        (tmp_path / f"m{i:03}.py").write_text(text + ("" if "print '" in text else filler))
    start = time.perf_counter()
    found = scan([tmp_path])
    assert time.perf_counter() - start < 20
    assert len(found.files) == 500
    assert found.uses > 500
