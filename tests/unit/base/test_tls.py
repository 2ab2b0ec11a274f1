"""A certificate is shown as its files hold it, by real handshakes."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seaway.base.clock import ManualClock
from seaway.base.tls import ShownCertificate
from seaway.platform.certificates import Pair, make_authority, make_certificate
from tests.waiting import until

NOW = datetime.now(UTC)
AUTHORITY = make_authority("ca", NOW)


def made() -> Pair:
    return make_certificate("s", AUTHORITY, ["localhost"], NOW, timedelta(days=1))


def write(folder: Path, certificate: str, key: str) -> None:
    (folder / "crt").write_text(certificate)
    (folder / "key").write_text(key)


def seen(server: ssl.SSLContext) -> str:
    """Return what a client sees (PEM) that trusts the authority."""
    client = ssl.create_default_context(cadata=AUTHORITY.certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    answers = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(5):
        for side in (asks, answers):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    der = asks.getpeercert(binary_form=True)
    assert der is not None
    return ssl.DER_cert_to_PEM_cert(der)


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    first = made()
    write(tmp_path, first.certificate, first.key)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    return found


def test_a_renewed_certificate_is_shown_and_half_of_one_is_not(
    context: ssl.SSLContext, tmp_path: Path
) -> None:
    shown = ShownCertificate(context, tmp_path / "crt", tmp_path / "key")
    first, new = seen(context), made()
    assert not shown.reload()
    (tmp_path / "crt").write_text(new.certificate)
    with pytest.raises(ssl.SSLError):
        shown.reload()
    assert seen(context) == first
    (tmp_path / "key").write_text(new.key)
    assert shown.reload()
    assert seen(context) == new.certificate


async def test_it_is_looked_at_again_and_again_and_a_problem_is_said_once(
    context: ssl.SSLContext, tmp_path: Path, caplog
) -> None:
    clock, renewals = ManualClock(), 0
    new = made()

    def renew() -> None:
        nonlocal renewals
        renewals += 1
        if renewals < 3:
            raise OSError("the disk is full")
        write(tmp_path, new.certificate, new.key)

    shown = ShownCertificate(context, tmp_path / "crt", tmp_path / "key")
    keeping = asyncio.create_task(shown.keep(lambda: None, clock, 60.0, renew))
    for count in range(1, 4):
        await until(lambda: clock.sleepers == 1, "it waits")
        clock.advance(60.0)
        await until(lambda count=count: renewals == count, "it looks")
    await until(lambda: seen(context) == new.certificate, "the new one is shown")
    assert caplog.text.count("the disk is full") == 1
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
