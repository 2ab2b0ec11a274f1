"""Checks of certificates: when they expire, and who can read their keys."""

from __future__ import annotations

import stat
from datetime import datetime, timedelta
from pathlib import Path

from seaway.base.messages import wording
from seaway.cli.checks.check import Check, fail, ok, warn

SOON = timedelta(days=14)


def lifetime(name: str, begins: datetime, ends: datetime, now: datetime, remedy: str) -> Check:
    """Judge a certificate's time. Pure."""
    day = f"{ends:%Y-%m-%d %H:%M} UTC"
    if now >= ends:
        return fail(name, wording("expired on {day}", day=day), remedy)
    if now < begins:
        said = wording(
            "is good from {begins} on, and this machine's clock says {now}",
            begins=f"{begins:%Y-%m-%d %H:%M} UTC", now=f"{now:%Y-%m-%d %H:%M} UTC",
        )  # fmt: skip
        return fail(name, said, wording("Set the clock: {command}", command="timedatectl set-ntp true"))
    if ends - now < SOON:
        return warn(
            name, wording("expires in {days} days, on {day}", days=(ends - now).days, day=day), remedy
        )
    return ok(name, wording("good until {day}", day=f"{ends:%Y-%m-%d}"))


def certificate(name: str, path: Path, now: datetime, remedy: str) -> Check:
    """Look at a certificate in a file, and at the mode of the key beside it."""
    from cryptography import x509  # late: it takes a moment, and most commands need none

    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or wording("it holds no certificate")
        return fail(name, wording("{path} cannot be read: {reason}", path=str(path), reason=reason), remedy)
    key = path.with_suffix(".key")
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        return fail(name, wording("{path} can be read by other users", path=str(key)), f"chmod 600 {key}")
    return lifetime(name, found.not_valid_before_utc, found.not_valid_after_utc, now, remedy)


def of_home(home: Path, now: datetime) -> list[Check]:
    """Look at all certificates of a home; none where it was never started."""
    remedy = wording("{down}, then {up}: it renews them", down="seaway down", up="seaway up")
    found = sorted([*(home / "server").glob("*.crt"), *(home / "cluster" / "pki").glob("*.crt")])
    return [
        certificate(wording("certificate {path}", path=str(path.relative_to(home))), path, now, remedy)
        for path in found
    ]
