"""The server's image: what the Dockerfile names exists, is pinned, and is run by nobody's root."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

from tools.server_image import DOCKERFILE, Instruction, parse

ROOT = Path(__file__).parents[2]
STAGES = parse(DOCKERFILE.read_text())
FINAL = STAGES[-1]


def everything() -> list[Instruction]:
    return [one for stage in STAGES for one in stage]


def packages(lock: str) -> dict[str, str]:
    """Return the entries of a lock by the package's name: version, marker and hashes."""
    joined = (ROOT / lock).read_text().replace("\\\n", " ")
    lines = [" ".join(line.split()) for line in joined.splitlines() if "==" in line]
    return {line.partition("==")[0]: line for line in lines}


def test_the_stages_are_those_that_are_meant() -> None:
    assert [stage[0].word for stage in STAGES] == ["ARG", "FROM", "FROM"]
    assert {one.word for one in everything()} <= {
        "ARG", "FROM", "COPY", "RUN", "ENV", "USER", "EXPOSE", "ENTRYPOINT", "CMD"
    }  # fmt: skip


def test_base_images_say_their_version() -> None:
    bases = [one.rest.split()[0] for one in everything() if one.word == "FROM"]
    assert set(bases) == {"${PYTHON_IMAGE}"}
    (argument,) = [one.rest for one in STAGES[0]]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+-slim-\w+", argument)


def sent(path: str) -> bool:
    """Return whether .dockerignore sends a path: the last pattern that matches decides."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    verdict = True
    for line in (line.strip() for line in lines if line.strip() and not line.startswith("#")):
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        if any(fnmatch.fnmatch("/".join(parts[:end]), pattern) for end in range(1, len(parts) + 1)) or (
            line.startswith("**/") and pattern in parts
        ):
            verdict = line.startswith("!")
    return verdict


def test_what_is_copied_is_there_and_sent() -> None:
    copied = [
        one.rest.split()[:-1] for one in everything() if one.word == "COPY" and "--from" not in one.rest
    ]
    sources = [source for words in copied for source in words]
    assert sources == ["requirements-server.lock", "src/seaway"]
    for source in sources:
        assert (ROOT / source).exists()
        assert sent(source)
    assert not sent("tests/conftest.py")
    assert not sent(".git/config")
    assert not sent("src/seaway/cli/__pycache__/x.pyc")


def test_it_runs_as_a_user_by_number_that_is_not_root() -> None:
    (user,) = [one.rest for one in FINAL if one.word == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    last_run = max(number for number, one in enumerate(FINAL) if one.word == "RUN")
    assert FINAL.index(Instruction("USER", user)) > last_run


def test_every_package_is_that_of_the_lock() -> None:
    """`requirements-server.lock` is the part of `requirements.lock` that a server needs."""
    whole, part = packages("requirements.lock"), packages("requirements-server.lock")
    assert {name for name, entry in part.items() if whole.get(name) != entry} == set(), "make lock"
    assert {"psycopg", "s3fs", "uvicorn", "sqlalchemy"} <= set(part)
    assert not {"pytest", "mypy", "ruff"} & set(part)


@pytest.mark.parametrize("word", ["--require-hashes", "--only-binary=:all:", "--no-cache-dir"])
def test_packages_are_checked_by_their_hashes(word: str) -> None:
    (install,) = [one.rest for one in everything() if "pip" in one.rest and " install " in one.rest]
    assert word in install.split()
