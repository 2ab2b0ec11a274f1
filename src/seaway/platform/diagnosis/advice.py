"""Commands that a user can copy: what was typed, with one thing changed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from seaway.platform.diagnosis.facts import Facts


def again(facts: Facts, option: str = "", value: str | None = None) -> str:
    """Return the command that runs the same again.

    Args:
        facts: what is known; where it is not known what was typed, the task's own command stands in its place.
        option: an option to change, such as "--memory".
        value: its new value; None to leave the option out.
    """
    changed = [option, value] if option and value is not None else []
    if facts.origin is None:
        return f"seaway run {_joined(changed)}{_script(facts)}"
    options, rest = _split(list(facts.origin.arguments))
    repeated = option == "--env"
    kept = [word for name, given in options if name != option or repeated for word in (name, given)]
    return f"seaway run {_joined(kept + changed)}{shlex.join(rest)}"


def with_package(facts: Facts, package: str) -> str:
    """Return the command that adds a package where the run's packages come from, and runs it again."""
    file = facts.origin.requirements if facts.origin is not None else None
    if file is None:
        adding, run = (
            f"echo {package} >> requirements.txt",
            again(facts, "--requirements", "requirements.txt"),
        )
    elif file == "":
        adding, run = f"pip install {package}", again(facts)
    elif file.endswith((".toml", ".lock")):
        folder = file.rpartition("/")[0]
        adding = f"uv add {f'--project {shlex.quote(folder)} ' if folder else ''}{package}"
        run = again(facts)
    else:
        adding, run = f"echo {package} >> {shlex.quote(file)}", again(facts)
    return f"{adding} && {run}"


def is_python(facts: Facts) -> bool:
    """Return whether the program is Python's."""
    return facts.command[:1] == ("python",)


def _script(facts: Facts) -> str:
    command = list(facts.command)
    if command[:1] == ["python"] and len(command) > 1 and command[1].endswith(".py"):
        return shlex.join(command[1:])
    return f"-- {shlex.join(command)}" if command else "..."


def _joined(words: list[str]) -> str:
    return f"{shlex.join(words)} " if words else ""


def _split(words: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the options with their values, and the program with what belongs to it."""
    options = list(_options(words))
    return options, words[2 * len(options) :]


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    for name, value in zip(words[::2], words[1::2], strict=False):
        if name == "--" or not name.startswith("--"):
            return
        yield name, value
