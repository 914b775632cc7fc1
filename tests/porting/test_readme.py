"""The README's own commands, and the claims that can be checked."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def test_the_conversion_prints_what_the_readme_shows(cli, tmp_path, monkeypatch):
    block = next(
        b
        for b in re.findall(r"```\n(.*?)```", README, re.DOTALL)
        if b.startswith("$ rnnport convert")
    )
    command, *shown = block.strip().splitlines()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    done = cli(*shlex.split(command)[2:])
    assert done.status == 0
    printed = done.out.replace(f"{tmp_path}/", "").splitlines()
    assert printed[:-1] == shown[:-1]
    assert printed[-1].startswith("equivalent (6 cases, oracle: recording)"), (
        "the last digits are the processor's"
    )


def test_every_command_named_exists(cli):
    for name in set(re.findall(r"^rnnport (\w+)", README, re.MULTILINE)):
        assert cli(name, "--help").status == 0, name


def test_make_targets_named_exist():
    for text in (
        README,
        (ROOT / "CONTRIBUTING.md").read_text("utf-8"),
        (ROOT / ".ci" / "run").read_text("utf-8"),
    ):
        for target in re.findall(r"^make (\w+)", text, re.MULTILINE):
            assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(name):
    text = (ROOT / name).read_text("utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / target).exists(), target


def test_python_names_in_the_readme_exist():
    import porting

    for line in re.findall(r"^from porting import (.+)$", README, re.MULTILINE):
        for name in line.split(","):
            assert hasattr(porting, name.strip())


def test_no_address_of_a_registry_and_no_path_of_a_machine_is_committed():
    for path in (
        ROOT / "constraints.txt",
        ROOT / "pyproject.toml",
        ROOT / "Makefile",
        ROOT / "README.md",
    ):
        text = path.read_text("utf-8")
        assert "index-url" not in text
        assert "file://" not in text
        assert "/work/" not in text
