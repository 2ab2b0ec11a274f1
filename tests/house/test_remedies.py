"""Every command that a message, a docstring or a page recommends exists, with the options that it names."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from seaway.cli.main import COMMANDS, make_command

ROOT = Path(__file__).parents[2]
TEXTS = sorted(
    path
    for pattern in ("src/seaway/**/*.py", "docs/**/*.md", "*.md", "examples/**/*.md", "examples/**/*.sh")
    for path in ROOT.glob(pattern)
)
RECOMMENDED = re.compile(
    r"(?:[`$(\"']|^ *|: |try )seaway (?P<command>[a-z]+)\b(?P<rest>[^`\n\"',;]*)", re.MULTILINE
)
OPTION = re.compile(r"(?<=\s)(--?[a-z][a-z-]*)")
WORDS_THAT_FOLLOW = {"is", "runs", "itself", "portal", "where", "where_it"}


@cache
def options(command: str) -> frozenset[str]:
    made = make_command(command)
    several = [made, *getattr(made, "commands", {}).values()]
    params = [param for each in several for param in each.params]
    return frozenset(name for param in params for name in param.opts) | {"--help", "-h"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_recommended_commands_exist(path: Path) -> None:
    wrong = []
    for match in RECOMMENDED.finditer(path.read_text()):
        command, rest = match["command"], match["rest"]
        if command in WORDS_THAT_FOLLOW:
            continue
        if command not in COMMANDS:
            wrong.append(f"there is no command: seaway {command}")
            continue
        before_program = (
            re.split(r"\S+\.py\b| -- ", rest)[0]
            if command in ("run", "prove")
            else re.split(r"&&|\| ", rest)[0]
        )
        unknown = set(OPTION.findall(before_program)) - options(command)
        wrong += [f"seaway {command} has no option {option}" for option in sorted(unknown)]
    assert wrong == []
