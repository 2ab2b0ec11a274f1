"""`seaway cluster confirm-off`: what is shown before it is asked, and what is not done without an answer."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import typer

from seaway.cli import confirm_off as command
from seaway.cli.output import Format
from seaway.sdk.errors import SeawayError

LOST = {
    "name": "gpu-7", "ready": False, "condition": "Ready is Unknown: silent", "confirmed_off": False,
    "runs": [f"run-{number}" for number in range(12)], "other_pods": None,
}  # fmt: skip


class Server:
    """Stands for the client of a server."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = LOST
        self.asked: list[str] = []

    def look(self, _: str) -> dict[str, Any]:
        return self.found

    def confirm_off(self, node: str) -> dict[str, Any]:
        self.asked.append(f"off {node}")
        return self.found | {"confirmed_off": True}

    def undo_confirm_off(self, node: str) -> dict[str, Any]:
        self.asked.append(f"undo {node}")
        return self.found


@pytest.fixture
def server(monkeypatch) -> Server:
    made = Server()
    monkeypatch.setattr(command, "connect", lambda: nullcontext())
    monkeypatch.setattr(command, "NodesClient", lambda _: made)
    return made


def test_what_is_on_it_is_shown_and_nothing_is_done_unasked(server, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(SeawayError, match="nobody is there to confirm this"):
        command.confirm_off("gpu-7")
    said = capsys.readouterr().err
    assert "gpu-7: Ready is Unknown: silent" in said
    assert "run-9, 2 more" in said
    assert "this server may not see them" in said
    assert server.asked == []


@pytest.mark.parametrize("agreed", [True, False])
def test_who_is_asked_decides(server, monkeypatch, capsys, agreed: bool) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda _, **__: agreed)
    if agreed:
        command.confirm_off("gpu-7")
        assert "taken to be off" in capsys.readouterr().out
    else:
        with pytest.raises(typer.Exit):
            command.confirm_off("gpu-7")
    assert server.asked == (["off gpu-7"] if agreed else [])


def test_yes_and_undo_ask_nobody(server, capsys) -> None:
    command.confirm_off("gpu-7", yes=True)
    assert "cluster confirm-off gpu-7 --undo" in capsys.readouterr().err
    command.confirm_off("gpu-7", undo=True, output=Format.JSON)
    assert server.asked == ["off gpu-7", "undo gpu-7"]


def test_one_that_answers_is_left_to_the_server_to_refuse(server, capsys) -> None:
    server.found = LOST | {"ready": True}
    command.confirm_off("gpu-7")
    assert server.asked == ["off gpu-7"]
    assert "runs that go on" not in capsys.readouterr().err
