"""What the server is told of the command line, so that its advice can be copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.sdk.environment import Source
from seaway.sdk.origin import LONGEST, MOST_WORDS, origin
from seaway.sdk.submit import Options

HERE = Path("/project/src")


@pytest.mark.parametrize(
    ("options", "program", "is_command", "expected"),
    [
        pytest.param(Options(), ("a.py", "--lr", "1"), False, ["a.py", "--lr", "1"], id="script"),
        pytest.param(Options(), ("ls", "-l"), True, ["--", "ls", "-l"], id="command"),
        pytest.param(Options(name="n", gpu=2, retries=1), ("a.py",), False,
                     ["--gpu", "2", "--retries", "1", "a.py"], id="a name is not taken twice"),
        pytest.param(Options(env=("A=1", "API_TOKEN=hidden"), secret=("s:k",)), ("a.py",), False,
                     ["--env", "A=1", "--env", "API_TOKEN", "--secret", "s:k", "a.py"], id="no secret value"),
    ],
)  # fmt: skip
def test_what_was_typed_is_written_down(options, program, is_command, expected) -> None:
    assert origin(options, program, HERE, None, None, is_command=is_command) == {"arguments": expected}


@pytest.mark.parametrize(
    ("path", "named"),
    [(Path("/project/src/r.txt"), "r.txt"), (Path("/project/uv.lock"), "../uv.lock"), (None, "")],
    ids=["beside", "above", "active environment"],
)
def test_the_packages_file_is_named_as_the_user_would(path, named) -> None:
    told = origin(Options(), ("a.py",), HERE, None, Source("requirements", path, ""), is_command=False)
    assert told is not None
    assert told["requirements"] == named


@pytest.mark.parametrize("program", [("a.py", "x" * (LONGEST + 1)), ("a.py",) * (MOST_WORDS + 1)])
def test_a_very_long_command_line_is_not_repeated(program) -> None:
    assert origin(Options(), program, HERE, None, None, is_command=False) is None
