"""The codemods: before and after, twice equals once, numbers, and files that do not parse."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from porting.rewrite.engine import rewrite, rewrite_source

GOLDENS = Path(__file__).resolve().parents[2] / "goldens" / "tf1_programs"
ROOT = Path(__file__).resolve().parents[3]

TO_TF1 = {
    "import": ("import tensorflow as tf  # why\ntf.nn.dynamic_rnn(c, x)\n", "from porting import tf1 as tf  # why\ntf.nn.dynamic_rnn(c, x)\n"),
    "plain import": ("import tensorflow\ntensorflow.nn.rnn_cell.GRUCell(1)\n", "from porting import tf1 as tensorflow\ntensorflow.nn.rnn_cell.GRUCell(1)\n"),
    "compat": ("import tensorflow.compat.v1 as tf\ntf.nn.rnn_cell.GRUCell(1)\n", "from porting import tf1 as tf\ntf.nn.rnn_cell.GRUCell(1)\n"),
    "from contrib": ("from tensorflow.contrib import rnn as r\n", "from porting.tf1.contrib import rnn as r\n"),
    "names": ("from tensorflow.contrib.rnn import LSTMCell, GRUCell as G\n", "from porting.tf1.contrib.rnn import LSTMCell, GRUCell as G\n"),
    "star": ("from tensorflow.contrib.rnn import *\n", "from porting.tf1.contrib.rnn import *\n"),
    "module as": ("import tensorflow.contrib.seq2seq as s\n", "import porting.tf1.contrib.seq2seq as s\n"),
    "private": ("from tensorflow.python.ops import rnn_cell_impl\n", "from porting.tf1 import rnn_cell as rnn_cell_impl\n"),
    "split": (
        "if True:\n    # both\n    from tensorflow.contrib import rnn, slim\n",
        "if True:\n    # both\n    from porting.tf1.contrib import rnn\n"
        "    # rnnport: left alone: tf.contrib.slim is gone from TensorFlow and not part of porting.tf1\n"
        "    from tensorflow.contrib import slim\n",
    ),
    "not covered": (
        "import tensorflow as tf\nq = tf.contrib.grid_rnn.Grid2LSTMCell(3)\n",
        "from porting import tf1 as tf\n# rnnport: left alone: tf.contrib.grid_rnn is not covered by porting.tf1\n"
        "q = tf.contrib.grid_rnn.Grid2LSTMCell(3)\n",
    ),
    "TensorFlow 2 file": (
        "import tensorflow as tf\n\n@tf.function\ndef f(x):\n    return tf.compat.v1.nn.rnn_cell.LSTMCell( 3 )(x)\n",
        "import tensorflow as tf\nfrom porting import tf1\n\n@tf.function\ndef f(x):\n    return tf1.nn.rnn_cell.LSTMCell( 3 )(x)\n",
    ),
    "the rest of a TF1 program": ("import tensorflow as tf\nx = tf.placeholder(tf.float32)\n", "from porting import tf1 as tf\nx = tf.placeholder(tf.float32)\n"),
    "the rest of a TF2 program": ("import tensorflow as tf\nx = tf.compat.v1.placeholder(tf.float32)\n", "import tensorflow as tf\nx = tf.compat.v1.placeholder(tf.float32)\n"),
    "nothing": ("import tensorflow as tf\ntf.nn.relu(1)\n", "import tensorflow as tf\ntf.nn.relu(1)\n"),
    "shadowed": ("import numpy as tf\ntf.nn.dynamic_rnn(1)\n", "import numpy as tf\ntf.nn.dynamic_rnn(1)\n"),
    "windows lines": ("import tensorflow as tf\r\ntf.nn.dynamic_rnn(c, x)\r\n", "from porting import tf1 as tf\r\ntf.nn.dynamic_rnn(c, x)\r\n"),
}  # fmt: skip

HEAD = "import tensorflow as tf\n\n"
REFUSED = {
    "peepholes": ("    c = tf.nn.rnn_cell.LSTMCell(3, use_peepholes=True)\n    y, _ = tf.nn.dynamic_rnn(c, x, dtype=tf.float32)\n    return y\n", "use_peepholes"),
    "state": ("    c = tf.nn.rnn_cell.LSTMCell(3)\n    y, s = tf.nn.dynamic_rnn(c, x, dtype=tf.float32)\n    return s.h\n", "final state"),
    "time major": ("    c = tf.nn.rnn_cell.LSTMCell(3)\n    y, _ = tf.nn.dynamic_rnn(c, x, time_major=True)\n    return y\n", "time-major"),
    "initial": ("    c = tf.nn.rnn_cell.LSTMCell(3)\n    y, _ = tf.nn.dynamic_rnn(c, x, initial_state=s)\n    return y\n", "initial_state"),
    "input": ("    c = tf.nn.rnn_cell.LSTMCell(3)\n    e = tf.nn.relu(x)\n    y, _ = tf.nn.dynamic_rnn(c, e)\n    return y\n", "not a parameter"),
    "consumer": ("    c = tf.nn.rnn_cell.LSTMCell(3)\n    y, _ = tf.nn.dynamic_rnn(c, x)\n    return tf.matmul(y, w)\n", "goes on to"),
    "wrapper": ("    c = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.LSTMCell(3), 0.5)\n    y, _ = tf.nn.dynamic_rnn(c, x)\n    return y\n", "DropoutWrapper"),
    "elsewhere": ("    y, _ = tf.nn.dynamic_rnn(self.cell, x)\n    return y\n", "not made in this block"),
    "with": ("    with tf.variable_scope('a'):\n        y, _ = tf.nn.dynamic_rnn(c, x)\n    return y\n", "inside a with"),
    "returned": ("    return tf.nn.dynamic_rnn(c, x)\n", "not taken as"),
    "float64": ("    c = tf.nn.rnn_cell.LSTMCell(3)\n    y, _ = tf.nn.dynamic_rnn(c, x, dtype=tf.float64)\n    return y\n", "float64"),
    "two kinds": ("    a = tf.nn.rnn_cell.LSTMCell(3)\n    b = tf.nn.rnn_cell.GRUCell(3)\n    y, _ = tf.nn.bidirectional_dynamic_rnn(a, b, x)\n    return tf.concat(y, 2)\n", "different cells"),
}  # fmt: skip


@pytest.mark.parametrize("name", TO_TF1)
def test_step_1(name: str) -> None:
    before, after = TO_TF1[name]
    assert rewrite_source(before) == after
    assert rewrite_source(after) == after


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_certain_keeps_its_code_and_says_why(name: str) -> None:
    body, reason = REFUSED[name]
    source = f"{HEAD}def f(x):\n{body}"
    after = rewrite_source(source, to_keras=True)
    comments = [line.strip() for line in after.splitlines() if "# rnnport: left alone" in line]
    assert len(comments) == 1
    assert reason in comments[0]
    kept = [line for line in after.splitlines() if "# rnnport:" not in line]
    assert kept[2:] == source.splitlines()[2:]
    assert rewrite_source(after, to_keras=True) == after


def test_step_2_keeps_comments_and_is_idempotent() -> None:
    source = (GOLDENS / "keras_shapes.py").read_text()
    after = rewrite_source(source, to_keras=True)
    assert "# keep me" in after
    assert "# two layers" in after
    for gone in ("dynamic_rnn(", "static_rnn(", "LSTMCell(", "tf.unstack", "tf.gather"):
        assert gone not in after, gone
    assert rewrite_source(after, to_keras=True) == after


def test_rewritten_models_give_the_recorded_numbers(tmp_path: Path) -> None:
    """In a process of its own: Keras wants TensorFlow's v2 behaviour."""
    source = (GOLDENS / "keras_shapes.py").read_text()
    (tmp_path / "shapes.py").write_text(rewrite_source(source, to_keras=True))
    script = Path(__file__).with_name("run_keras_shapes.py")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path), str(GOLDENS)]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, str(script), str(GOLDENS)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    errors = json.loads(done.stdout.strip().splitlines()[-1])
    assert len(errors) == 5
    # Against values of about 0.5: float32's roundings over 5 steps.
    assert max(errors.values()) < 1e-6, errors


def test_a_file_that_does_not_parse_is_named_and_untouched(tmp_path: Path, cli: Any) -> None:
    bad, good = tmp_path / "bad.py", tmp_path / "good.py"
    bad.write_text("import tensorflow as tf\nprint 'tf.nn.dynamic_rnn'\n")
    good.write_text(TO_TF1["import"][0])
    before = bad.read_bytes(), bad.stat().st_mtime_ns
    answer = cli("rewrite", tmp_path, "--write")
    assert answer.status == 0
    assert f"{bad}: does not parse" in answer.err
    assert (bad.read_bytes(), bad.stat().st_mtime_ns) == before
    assert good.read_text() == TO_TF1["import"][1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.py", "good.py"]


def test_without_write_a_diff_is_all(tmp_path: Path, cli: Any) -> None:
    file = tmp_path / "a.py"
    file.write_text(TO_TF1["import"][0])
    answer = cli("rewrite", file)
    assert answer.status == 0
    assert "-import tensorflow as tf  # why" in answer.out
    assert "+from porting import tf1 as tf  # why" in answer.out
    assert file.read_text() == TO_TF1["import"][0]
    assert cli("rewrite", tmp_path / "none.py").status == 2


def test_the_mode_of_a_file_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(TO_TF1["import"][0])
    file.chmod(0o755)
    assert [r.changed for r in rewrite([file], write=True)] == [True]
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    assert [r.changed for r in rewrite([file], write=True)] == [False]


def test_a_missing_libcst_is_named() -> None:
    code = (
        "import sys; sys.modules['libcst'] = None\n"
        "from porting.cli import run\n"
        "sys.exit(run(['rewrite', '.']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "rnnport[rewrite]" in done.stderr
