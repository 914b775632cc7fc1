"""The pytest plugin (entry point ``rnnport``): fixtures whose names begin with ``rnnport_``. Importing it costs nothing but pytest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from porting.testing.cases import Ragged
    from porting.testing.recordings import Recordings


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--rnnport-recordings FOLDER``: keep recordings there (to commit them), not in pytest's cache."""
    group = parser.getgroup("rnnport")
    group.addoption(
        "--rnnport-recordings",
        metavar="FOLDER",
        default=None,
        help="where recordings are kept; else in pytest's cache",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``rnnport_ragged`` runs once for each case."""
    if "rnnport_ragged" in metafunc.fixturenames:
        from porting.testing.cases import RAGGED

        metafunc.parametrize("rnnport_ragged", RAGGED, ids=[case.name for case in RAGGED])


@pytest.fixture
def rnnport_ragged() -> Ragged:
    """A ragged batch; every case of :data:`porting.testing.RAGGED` in turn."""
    msg = "rnnport_ragged is parametrized; this is never called"
    raise AssertionError(msg)


@pytest.fixture
def rnnport_recordings(request: pytest.FixtureRequest) -> Recordings:
    """The cache of recordings: :class:`porting.testing.Recordings`."""
    from porting.testing.recordings import Recordings

    folder = request.config.getoption("--rnnport-recordings")
    if folder:
        return Recordings(Path(str(folder)))
    cache: Any = getattr(request.config, "cache", None)
    if cache is None:  # pytest -p no:cacheprovider
        return Recordings(request.getfixturevalue("tmp_path") / "rnnport")
    return Recordings(cache.mkdir("rnnport"))


@pytest.fixture
def rnnport_assert_equivalent() -> Callable[..., Any]:
    """:func:`porting.assert_equivalent`."""
    from porting.asserting import assert_equivalent

    return assert_equivalent
