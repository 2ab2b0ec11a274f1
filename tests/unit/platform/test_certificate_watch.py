"""When it is told that a certificate ends, to whom, and what Prometheus sees of it. The clock is a parameter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from seaway.base.clock import ManualClock
from seaway.model.notification import Event
from seaway.platform.certificates import make_authority, make_certificate
from seaway.platform.database import notices, notify_targets
from seaway.platform.database.database import open_database
from seaway.platform.database.location import locate
from seaway.platform.database.records import TargetRecord
from seaway.platform.notifications.certificate_ends import end_of
from seaway.platform.notifications.certificates import (
    CertificateWatch,
    Ending,
    WatchedCertificate,
    due,
    happening,
    key_of,
    level_of,
    sentence,
)
from seaway.platform.notifications.recipients import Recipients
from seaway.platform.notifications.settings import NotifySettings

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ONE = WatchedCertificate("the cluster's authority", b"", "Give a new one")


@pytest.mark.parametrize(
    ("left", "level"),
    [
        (90 * DAY, None),
        (30 * DAY + timedelta(seconds=1), None),
        (30 * DAY, 30),
        (8 * DAY, 30),
        (7 * DAY, 7),
        (DAY, 1),
        (timedelta(seconds=1), 1),
        (timedelta(0), 0),
        (-400 * DAY, 0),
    ],
)
def test_which_level_is_reached(left: timedelta, level: int | None) -> None:
    assert level_of(NOW + left, NOW) == level


def test_each_level_is_told_once_and_none_that_was_passed_unseen() -> None:
    ending = Ending(ONE, NOW + 40 * DAY)
    told: dict[str, int] = {}
    said = []
    for hour in range(24 * 42):
        for found, level in due([ending], NOW + hour * DAY / 24, told):
            told[key_of(found)] = level
            said.append((hour // 24, level))
    assert said == [(10, 30), (33, 7), (39, 1), (40, 0)]
    assert due([Ending(ONE, NOW + 5 * DAY)], NOW, {}) == [(Ending(ONE, NOW + 5 * DAY), 7)]
    renewed = Ending(ONE, NOW + 45 * DAY)
    assert due([renewed], NOW + 40 * DAY, told) == [(renewed, 7)], "another end is another matter"


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (30 * DAY, "the cluster's authority expires in 30 days, on 2026-02-01 03:04 UTC"),
        (DAY, "the cluster's authority expires in 1 day, on 2026-01-03 03:04 UTC"),
        (timedelta(hours=2), "the cluster's authority expires in 1 day, on 2026-01-02 05:04 UTC"),
        (-DAY, "the cluster's authority has expired on 2026-01-01 03:04 UTC"),
    ],
)
def test_what_is_said_of_it(left: timedelta, text: str) -> None:
    ending = Ending(ONE, NOW + left)
    assert sentence(ending, NOW) == text
    told = happening(ending, 1, NOW)
    assert (told.event, told.message, told.user) == (Event.CERTIFICATE, f"{text}. Give a new one", None)


def test_ends_are_read_where_they_can_be(tmp_path: Path) -> None:
    authority = make_authority("ca", NOW)
    short = make_certificate("s", authority, ["localhost"], NOW, 10 * DAY).certificate
    (tmp_path / "crt").write_text(short)
    assert end_of("", tmp_path / "crt") == NOW + 10 * DAY
    bundle = (short + authority.certificate).encode()
    assert end_of("", bundle) == NOW + 3650 * DAY, "the last of several counts"
    assert end_of("", tmp_path / "absent") is None
    assert end_of("", b"broken") is None
    assert end_of("", "https://127.0.0.1:1") is None


def test_postgresql_shows_its_certificate(postgres) -> None:
    known = x509.load_pem_x509_certificate((postgres.folder / "data" / "server.crt").read_bytes())
    url = f"postgresql://127.0.0.1:{postgres.port}"
    assert end_of("", url) == known.not_valid_after_utc


@pytest.fixture
async def database(database_setting, tmp_path):
    async with open_database(locate(database_setting, tmp_path / "d")) as opened:
        yield opened


async def test_administrators_are_told_and_the_log_and_prometheus_know(
    database, tmp_path: Path, caplog
) -> None:
    target = TargetRecord("t", "json://x", None, None, (Event.CERTIFICATE,), 1.0, "root")
    others = TargetRecord("ada", "json://x", "ada", None, (Event.CERTIFICATE,), 1.0, "root")
    for one in (target, others):
        await database.write(lambda connection, one=one: notify_targets.add(connection, one))
    clock, file = ManualClock(NOW.timestamp()), tmp_path / "crt"
    recipients = Recipients(clock)
    recipients.use([target, others])
    authority = make_authority("ca", NOW)
    file.write_text(make_certificate("s", authority, ["localhost"], NOW, 40 * DAY).certificate)
    watched = (
        WatchedCertificate("its certificate", file, "Make a new one"),
        WatchedCertificate("x", b"", ""),
    )

    def watch() -> CertificateWatch:
        return CertificateWatch(watched, database, recipients, clock, NotifySettings())

    first = watch()
    await first.look()
    assert first.measure().values == {("its certificate",): 40 * 86400.0}
    clock.set_by(11 * 86400.0)
    for looking in (first, first, watch()):
        await looking.look()
    (told,) = await database.read(lambda connection: notices.pending(connection, "t", 10))
    assert told.title == "its certificate expires soon"
    assert "in 29 days" in told.message
    assert await database.read(lambda connection: notices.pending(connection, "ada", 10)) == []
    assert caplog.text.count("Make a new one") == 2, "once in the log of each server"
    file.write_text(make_certificate("s", authority, ["localhost"], NOW + 11 * DAY, 365 * DAY).certificate)
    clock.set_by(25 * 86400.0)
    await first.look()
    assert len(await database.read(lambda connection: notices.pending(connection, "t", 10))) == 1
