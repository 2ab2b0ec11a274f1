"""Commands that explain do so in the language that is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seaway.base.languages import LANGUAGES
from seaway.cli import doctor, exits
from seaway.cli.checks import server
from seaway.cli.main import main

GERMAN = {
    "server": "Server",
    "does not run": "läuft nicht",
    "try: {remedy}": "versuch: {remedy}",
    "{folder} is made by {command}": "{command} legt {folder} an",
    "the server's clock is {seconds:.1f} s behind this machine's": "die Uhr des Servers geht {seconds:.1f} s nach",
    "Set the clock of the machine that is wrong: {command}": "Stell die Uhr: {command}",
}


class German:
    """A catalogue of a few words, whatever the real one says today."""

    def template(self, english: str) -> str:
        return GERMAN.get(english, english)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("SEAWAY_HOME", str(folder))
    monkeypatch.setenv("NO_COLOR", "1")
    return folder


def test_a_check_is_said_in_another_language() -> None:
    found = server.clock(20.0, 100.0, 101.0).spoken_in(German())
    assert found == (
        "clock",
        "fail",
        "die Uhr des Servers geht 80.0 s nach",
        "Stell die Uhr: timedatectl set-ntp true",
    )


def test_the_doctor_speaks_it_and_keeps_names_for_programs(home: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(doctor, "catalogue", lambda language: {"de": German()}[language])
    assert main(["doctor", "--language", "de"]) == exits.OK
    drawn = capsys.readouterr().out
    assert f"ok    home: seaway up legt {home} an\n" in drawn
    assert "warn  Server: läuft nicht\n      versuch: seaway up\n" in drawn
    monkeypatch.setenv("SEAWAY_LANGUAGE", "de_AT.UTF-8")
    main(["doctor", "-o", "json"])
    last = json.loads(capsys.readouterr().out)[-1]
    assert last == {"name": "server", "state": "warn", "message": "läuft nicht", "remedy": "seaway up"}


@pytest.mark.parametrize("arguments", [["doctor"], ["why", "train-1"], ["why", "--from", "no-such-file"]])
def test_a_language_that_there_is_not_is_refused_with_those_that_there_are(
    home: Path, arguments: list[str], capsys
) -> None:
    assert main([*arguments, "--language", "klingon"]) == exits.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: --language: nothing is explained in 'klingon'\n")
    assert all(f"{code} ({name})" in said.err for code, name in LANGUAGES.items())
    assert not home.exists()
