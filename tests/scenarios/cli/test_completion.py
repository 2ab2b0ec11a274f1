"""Tab completion: installed below the person's home folder, it completes commands, options and names of runs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(200)
FILES = {
    "bash": {".bashrc", ".bash_completions/seaway.sh"},
    "zsh": {".zshrc", ".zfunc/_seaway"},
    "fish": {".config/fish/completions/seaway.fish"},
}


@pytest.fixture
def person(seaway, tmp_path):
    """A `seaway` of somebody whose home folder is empty."""
    folder = tmp_path / "person"
    folder.mkdir()
    return replace(seaway, extra={"HOME": str(folder), "ZDOTDIR": str(folder), "XDG_CONFIG_HOME": ""})


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("shell", FILES)
@pytest.mark.parametrize("form", ["{option} {shell}", "{option}={shell}"])
def test_it_is_installed_for_the_shell_that_is_named(person, shell, form):
    home = Path(person.extra["HOME"])
    for path in FILES[shell]:
        if path.endswith("rc"):
            (home / path).write_text("# mine\n")
    others = {path for path in files(home.parent) if not path.startswith("person/")}
    words = form.format(option="--install-completion", shell=shell).split()
    assert "Installed in" in person(*words).stdout
    first = {path: (home / path).read_text() for path in files(home)}
    person(*words)
    assert first.keys() == files(home) == FILES[shell]
    for path, text in first.items():
        assert (home / path).read_text().strip() == text.strip(), "twice is as once"
        assert text.startswith("# mine\n") == path.endswith("rc")
    assert {path for path in files(home.parent) if not path.startswith("person/")} == others


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
def test_an_unknown_shell_changes_nothing(person, option):
    said = person(option, "tcsh", code=64).stderr
    assert "bash, zsh, fish" in said
    assert files(Path(person.extra["HOME"])) == set()


def complete_in_bash(shell, *words: str) -> list[str]:
    """Return what bash offers after the tab key, by the function that was installed."""
    typed = " ".join(f"'{word}'" for word in words)
    script = (
        'source "$HOME/.bashrc"; '
        f"COMP_WORDS=(seaway {typed}); COMP_CWORD={len(words)}; _seaway_completion seaway; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", script],
        env={**shell.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def test_bash_completes_commands_options_and_names_of_runs(person):
    person("--install-completion", "bash")
    assert complete_in_bash(person, "sta") == ["status"]
    assert "--memory" in complete_in_bash(person, "run", "--m")
    assert complete_in_bash(person, "show", "") == []
    person("up")
    person("run", "--name", "alpha", "--", "true")
    person("run", "--name", "beta", "--", "true")
    assert complete_in_bash(person, "show", "al") == ["alpha"]
    assert sorted(complete_in_bash(person, "logs", "")) == ["alpha", "beta"]
    assert complete_in_bash(person, "rm", "alpha", "b") == ["beta"]
    for variables in (
        {"_SEAWAY_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "seaway why be"},
        {
            "_SEAWAY_COMPLETE": "complete_fish",
            "_TYPER_COMPLETE_ARGS": "seaway why be",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
    ):
        assert "beta" in replace(person, extra={**person.extra, **variables})().stdout
    person("down")
