"""Trees, tables and progress bars."""

from __future__ import annotations

import doctest
import io

import pytest

import porting.tree
from porting.commands.output import progress_bar


class Terminal(io.StringIO):
    """A stderr that says it is one."""

    def isatty(self) -> bool:
        return True


def test_the_examples_in_the_docstrings_hold():
    found = doctest.testmod(porting.tree)
    assert found.attempted > 4
    assert found.failed == 0


@pytest.mark.parametrize(("quiet", "shown"), [(False, True), (True, False)])
def test_a_terminal_gets_a_bar_unless_json_is_asked_for(monkeypatch, quiet, shown):
    err = Terminal()
    monkeypatch.setattr("sys.stderr", err)
    with progress_bar(quiet=quiet) as progress:
        progress("verifying", 3, 8)
    assert ("verifying" in err.getvalue()) is shown
    assert ("3/8" in err.getvalue()) is shown


def test_a_pipe_gets_no_bar(monkeypatch):
    err = io.StringIO()
    monkeypatch.setattr("sys.stderr", err)
    with progress_bar(quiet=False) as progress:
        progress("verifying", 3, 8)
    assert err.getvalue() == ""
