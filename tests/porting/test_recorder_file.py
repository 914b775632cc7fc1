"""The recorder is one file for old interpreters: what can be checked without them."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from porting import record_tf1

SOURCE = Path(record_tf1.__file__)
TREE = ast.parse(SOURCE.read_text(encoding="ascii"))
# Grammar that Python 2.7 lacks, as the nodes of Python 3's own parser.
NEWER = (
    ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef, ast.Await, ast.YieldFrom,
    ast.Nonlocal, ast.MatMult, ast.Match, ast.TryStar,
)  # fmt: skip


def test_it_is_ascii_without_newer_grammar() -> None:
    found = [(type(n).__name__, n.lineno) for n in ast.walk(TREE) if isinstance(n, NEWER)]
    assert found == []


def test_functions_are_those_of_python_2() -> None:
    for node in ast.walk(TREE):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            arguments = [*node.args.args, node.args.vararg, node.args.kwarg]
            assert not node.args.kwonlyargs, node.lineno
            assert not node.args.posonlyargs, node.lineno
            assert not any(a.annotation for a in arguments if a is not None), node.lineno
        if isinstance(node, ast.FunctionDef):
            assert node.returns is None, node.lineno
        if isinstance(node, ast.ClassDef):
            assert not node.keywords, node.lineno
            assert node.bases, f"line {node.lineno}: an old-style class under Python 2"


def test_a_star_stands_last_in_a_call_and_nowhere_else() -> None:
    calls = [n for n in ast.walk(TREE) if isinstance(n, ast.Call)]
    allowed = {id(call.args[-1]) for call in calls if call.args}
    starred = [n for n in ast.walk(TREE) if isinstance(n, ast.Starred)]
    assert [n.lineno for n in starred if id(n) not in allowed] == []


def test_no_raise_from_and_no_dict_unpacking() -> None:
    for node in ast.walk(TREE):
        if isinstance(node, ast.Raise):
            assert node.cause is None, node.lineno
        if isinstance(node, ast.Dict):
            assert None not in node.keys, node.lineno
        if isinstance(node, ast.Call):
            assert None not in [k.arg for k in node.keywords], node.lineno


def test_numbers_are_written_as_python_2_reads_them() -> None:
    reader = io.StringIO(SOURCE.read_text(encoding="ascii")).readline
    numbers = [t.string for t in tokenize.generate_tokens(reader) if t.type == tokenize.NUMBER]
    assert [n for n in numbers if "_" in n] == []


def test_future_imports_come_first() -> None:
    names = {a.name for n in TREE.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert {"absolute_import", "division", "print_function"} <= names


def test_it_imports_the_standard_library_numpy_and_tensorflow_alone() -> None:
    roots = set()
    for node in ast.walk(TREE):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            roots.add(str(node.module).split(".")[0])
    foreign = roots - set(sys.stdlib_module_names) - {"numpy"}
    # protobuf is TensorFlow's own dependency.
    assert foreign == {"tensorflow", "google"}


def test_tensorflow_is_imported_inside_functions_only() -> None:
    top = [n for n in TREE.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    assert "tensorflow" not in ast.dump(ast.Module(body=top, type_ignores=[]))


def test_it_runs_as_a_copy_elsewhere(tmp_path: Path) -> None:
    copy = tmp_path / "record_tf1.py"
    copy.write_bytes(SOURCE.read_bytes())
    done = subprocess.run(
        [sys.executable, "-I", str(copy), "--help"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0
    for option in ("--inputs", "--feed", "--signature", "--intermediates", "--gradients"):
        assert option in done.stdout


def test_without_tensorflow_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tensorflow", "tensorflow.compat.v1"):
        monkeypatch.setitem(sys.modules, name, None)
    assert record_tf1.main(["model.pb"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("record_tf1: TensorFlow cannot be imported here")
    assert "\n" not in said.err.strip()
