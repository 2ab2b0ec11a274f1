"""The reference pages say what the code says."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from seaway.cli import exits
from seaway.cli.main import COMMANDS, make_command
from seaway.cli.settings_file import parse

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
OWN = {
    "SEAWAY_GATEWAY", "SEAWAY_CA", "SEAWAY_SPEC", "SEAWAY_RUNNER_TEMPORARY", "SEAWAY_WORK",
    "SEAWAY_VOLUME_SEAWAY_TASK_CACHE",
}  # fmt: skip
"""What the runner alone reads: no user and no program finds it."""


def made() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location(
        "generate_reference", ROOT / "tools" / "generate_reference.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[str, str] = module.pages()
    return pages


@pytest.mark.parametrize(("name", "content"), made().items(), ids=made())
def test_page_is_what_the_code_says(name: str, content: str) -> None:
    assert (REFERENCE / name).read_text() == content, "python tools/generate_reference.py makes it anew"


def test_exit_codes_are_those_of_the_page() -> None:
    rows = re.findall(r"^\| (\d+) \|", (REFERENCE / "exit-codes.md").read_text(), re.MULTILINE)
    known = [value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)]
    assert sorted(map(int, rows)) == sorted(known)


def test_the_example_of_settings_is_right() -> None:
    example = re.search(r"```toml\n(.*?)```", (REFERENCE / "settings.md").read_text(), re.DOTALL)
    assert example is not None
    assert set(parse(example[1], "settings.toml").images) == set(tomllib.loads(example[1])["images"])


def test_every_variable_is_on_the_page() -> None:
    """Those that the command line reads, and those that a program is given."""
    page = (REFERENCE / "environment.md").read_text()
    source = ROOT / "src" / "seaway"
    texts = [
        path.read_text()
        for folder in ("cli", "runner", "controlplane/node")
        for path in (source / folder).rglob("*.py")
    ]
    texts.append((source / "platform" / "workloads" / "pod.py").read_text())
    named = set(re.findall(r"\bSEAWAY_[A-Z_]+(?<!_)\b", "\n".join(texts))) - OWN
    assert {name for name in named if name not in page} == set()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.stem)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_how_to_page_is_listed() -> None:
    folder = ROOT / "docs" / "howto"
    listed = (folder / "README.md").read_text()
    assert [
        path.name for path in folder.glob("*.md") if path.name != "README.md" and path.name not in listed
    ] == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_commands_help_has_examples(name: str) -> None:
    made = make_command(name)
    for each in (made, *getattr(made, "commands", {}).values()):
        assert "Examples:\n  " in (each.epilog or ""), each.name
