"""`seaway doctor` against a team's server: certificates, clocks, disks and rights that are really so."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.platform.certificates import make_authority, make_certificate

from .conftest import Shell
from .test_server import Team, end, team

__all__ = ["team"]  # the fixture
pytestmark = pytest.mark.timeout(200)


def checks(member: Shell, code: int | None = None) -> dict[str, dict[str, Any]]:
    """Return what the doctor says, by the names of its checks."""
    told = member("doctor", "-o", "json", code=code).stdout
    import json

    return {check["name"]: check for check in json.loads(told)}


def certificate(folder: Path, begins: timedelta, life: timedelta) -> tuple[str, ...]:
    """Write an authority and a certificate that begins so long after now; return the options that have it served."""
    now = datetime.now(UTC)
    authority = make_authority("a company", now - timedelta(days=400))
    pair = make_certificate("seaway", authority, ["127.0.0.1"], now + begins, life)
    texts = {"tls.crt": pair.certificate, "tls.key": pair.key, "tls-ca.crt": authority.certificate}
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    options = {"--tls-cert": "tls.crt", "--tls-key": "tls.key", "--tls-ca": "tls-ca.crt"}
    return tuple(word for option, name in options.items() for word in (option, str(folder / name)))


def log_in(team: Team) -> None:
    team.member.extra["SEAWAY_TOKEN"] = (team.home / "token").read_text().strip()
    team.member("login", team.url, "--ca", str(team.folder / "tls-ca.crt"), "--no-keyring")


def test_all_is_well(team: Team) -> None:
    process = team.start()
    team.log_in()
    found = checks(team.member, code=0)
    assert {check["state"] for check in found.values()} <= {"ok", "warn"}, found
    assert found["certificate"]["state"] == "ok"
    assert found["server"]["message"] == f"answers at {team.url}"
    assert end(process, signal.SIGTERM) == 0
    gone = checks(team.member, code=1)
    assert (gone["server"]["state"], "does not answer" in gone["server"]["message"]) == ("fail", True)


def test_a_certificate_that_ends_soon_then_has_ended(team: Team) -> None:
    process = team.start(*certificate(team.folder, timedelta(hours=1), timedelta(days=5, hours=1)))
    log_in(team)
    found = checks(team.member, code=0)["certificate"]
    assert (found["state"], "expires in 5 days" in found["message"]) == ("warn", True), found
    assert "renew it" in found["remedy"]
    assert end(process, signal.SIGTERM) == 0
