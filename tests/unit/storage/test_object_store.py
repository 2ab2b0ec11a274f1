"""An object store gives what a folder gives; when it does not, its error says what to do and shows no key."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from seaway.platform.errors import Conflict, Invalid, PlatformError, StorageFull, Unavailable
from seaway.platform.storage import object_store
from seaway.platform.storage.object_store_errors import cause_of
from seaway.platform.storage.object_store_options import ObjectStoreOptions, object_store_options
from seaway.platform.storage.storage import open_storage
from tests.waiting import until
from tools.s3_server.server import run_s3_server

LARGE = 20 << 20
"""Bytes that go in several parts."""


@pytest.fixture
def s3(new_site):
    return new_site("s3")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def spooled(storage, data: bytes) -> Path:
    path = storage.artifacts.spool_path()
    path.write_bytes(data)
    return path


async def test_a_file_in_parts_comes_back_as_it_was_sent(s3, collect):
    storage, data = s3.open(), os.urandom(LARGE)
    path = spooled(storage, data)
    both = [storage.artifacts.in_thread(storage.artifacts.publish, "x", path, sha(data)) for _ in range(2)]
    await asyncio.gather(*both)
    assert await storage.artifacts.digests("x") == {sha(data)}
    assert await collect(await storage.artifacts.read("x", sha(data))) == data
    (kept,) = (file for file in s3.files() if file != path)
    assert kept.read_bytes() == data
    await storage.aclose()


@pytest.mark.parametrize("kind", ["folder", "s3"])
async def test_all_of_a_folder_goes_and_nothing_beside_it(new_site, kind):
    """Also names that only begin like the folder's, also what another server removed meanwhile, also more than one page."""
    site = new_site(kind)
    storage, other = site.open(), site.open()

    async def put(*kinds: str) -> None:
        for each in kinds:
            path = spooled(storage, each.encode())
            await storage.artifacts.in_thread(storage.artifacts.publish, each, path, sha(each.encode()))

    async def there(*kinds: str) -> list[str]:
        return [each for each in kinds if await other.artifacts.digests(each)]

    runs = (
        "checkpoints/run-1/main",
        "checkpoints/run-1/other",
        "checkpoints/run-10/main",
        "checkpoints-of/run-1/main",
    )
    await put(*runs)
    assert await there(*runs) == list(runs)
    await storage.artifacts.delete_all("checkpoints/run-1")
    assert await there(*runs) == list(runs[2:])
    await storage.artifacts.delete_all("checkpoints/run-1")
    await storage.artifacts.delete_all("checkpoints/nobody")
    await put(runs[0])
    await other.artifacts.delete_all("checkpoints/run-1")  # listed anew, not as it was seen before
    assert await there(*runs) == list(runs[2:])
    for each in (storage, other):
        await each.aclose()


@pytest.mark.parametrize("count", [1005])
async def test_a_folder_of_more_keys_than_a_page_holds(s3, count):
    storage = s3.open()
    place = storage.artifacts._place
    await storage.artifacts.in_thread(
        lambda: place._files.pipe({place._path(f"many/run/{number}"): b"x" for number in range(count)})
    )
    assert len(list(await storage.artifacts.in_thread(place.names, "many"))) == count
    await storage.artifacts.delete_all("many/run")
    assert list(await storage.artifacts.in_thread(place.names, "many")) == []
    await storage.aclose()


def parts(site) -> list[Path]:
    """Return the parts of uploads that are under way, as they lie on the S3 server's disk."""
    return list(site.disk.rglob("multipart/*/*/*"))


UPLOAD = """
import json, sys
from pathlib import Path
from seaway.platform.storage.storage import open_storage
storage = open_storage(sys.argv[1], spool=Path(sys.argv[2]), options=json.loads(sys.argv[3]))
print("ready", flush=True)
storage.artifacts.publish("x", Path(sys.argv[4]), sys.argv[5])
"""


async def test_a_server_that_is_killed_while_it_uploads_leaves_nothing_to_be_seen(s3, tmp_path, monkeypatch):
    large, digest = tmp_path / "large", "a" * 64
    with large.open("wb") as file:
        file.truncate(1 << 30)  # takes seconds to send: the kill below comes in between
    arguments = [s3.url, s3.spool, json.dumps(s3.options), large, digest]
    server = subprocess.Popen([sys.executable, "-c", UPLOAD, *arguments], stdout=subprocess.PIPE)
    try:
        await until(lambda: parts(s3), "a part has arrived")
    finally:
        server.send_signal(signal.SIGKILL)
        server.communicate()
    storage = s3.open()
    assert not await storage.artifacts.has("x", digest)
    assert await storage.artifacts.digests("x") == set()
    assert parts(s3), "it may be another server's: it stays for a day"
    await storage.aclose()
    monkeypatch.setattr(object_store, "_ABANDONED", timedelta(0))
    await s3.open().aclose()
    assert not parts(s3)


async def test_a_reader_goes_on_when_the_object_store_was_restarted(tmp_path):
    with run_s3_server(tmp_path / "s3") as server:
        url, spool = f"s3://{server.new_bucket()}", tmp_path / "spool"
        storage = open_storage(url, spool=spool, options=server.options())
        data = os.urandom(LARGE)
        storage.artifacts.publish("x", spooled(storage, data), sha(data))
        reader = await storage.artifacts.read("x", sha(data))
        received = bytearray(await anext(reader))
        server.stop()
        server.start()
        async for portion in reader:
            received += portion
        assert received == data
        await storage.aclose()


async def test_an_object_store_that_is_away_is_told_and_used_again_when_it_is_back(tmp_path, stream, collect):
    with run_s3_server(tmp_path / "s3") as server:
        url, lock = f"s3://{server.new_bucket()}", b"numpy==2.0\n"
        storage = open_storage(url, spool=tmp_path / "spool", options=server.options())
        server.stop()
        for refused in (storage.environments.put(sha(lock), stream(lock)), storage.code.open(sha(lock))):
            with pytest.raises(Unavailable, match="it cannot be reached") as caught:
                await refused
            assert "AWS_ENDPOINT_URL_S3" in caught.value.remedy
        assert list((tmp_path / "spool").iterdir()) == []
        server.start()
        await storage.environments.put(sha(lock), stream(lock))
        assert await collect(await storage.environments.open(sha(lock))) == lock
        await storage.aclose()


async def test_a_bucket_that_vanishes_is_not_taken_for_a_missing_file(s3, stream):
    storage, lock = s3.open(), b"numpy==2.0\n"
    s3.disk.rename(s3.disk.with_name("gone"))
    calls = [
        storage.environments.put(sha(lock), stream(lock)), storage.environments.open(sha(lock)),
        storage.environments.has(sha(lock)), storage.outputs.stored(), storage.checkpoints.forget("a" * 32, "main", sha(lock), kept=None),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(Unavailable, match="the bucket does not exist"):
            await call
    await storage.aclose()
    s3.disk.with_name("gone").rename(s3.disk)


async def test_two_servers_with_databases_of_their_own_do_not_share_a_prefix(s3, tmp_path):
    ours, theirs = s3.open(), s3.open()
    await ours.claim("a" * 64)
    await ours.claim("a" * 64)
    with pytest.raises(Conflict, match="belong to another server") as caught:
        await theirs.claim("b" * 64)
    assert "a prefix of its own" in caught.value.remedy
    for storage in (ours, theirs):
        await storage.aclose()
    assert [path.name for path in s3.files()] == ["owner"]


def wrong(server, what: str) -> tuple[dict[str, str], str, str]:
    """Return what is told wrongly, what the error says of it, and a word of its remedy."""
    match what:
        case "secret":
            return {"secret_key": "wrong-secret-word"}, "the secret key is wrong", "AWS_SECRET_ACCESS_KEY"
        case "key":
            return (
                {"access_key": "stranger"},
                "the access key or the secret key is wrong",
                "AWS_ACCESS_KEY_ID",
            )
        case "rights":
            name = f"nobody-{secrets.token_hex(4)}"
            told = {"access_key": name, "secret_key": server.add_user(name)}
            return told, "access is refused", "s3:PutObject"
        case "protocol":
            return {"endpoint_url": server.url.replace("http:", "https:")}, "no trusted TLS", "http://"
        case "name":
            return {"endpoint_url": "http://nowhere.invalid"}, "it cannot be reached", "AWS_ENDPOINT_URL_S3"
    return {"endpoint_url": "http://127.0.0.1:1"}, "it cannot be reached", "AWS_ENDPOINT_URL_S3"


@pytest.mark.parametrize("what", ["secret", "key", "rights", "port", "protocol", "name"])
def test_what_is_told_wrongly_is_found_at_the_start_and_no_key_is_shown(s3, s3_server, caplog, what):
    caplog.set_level(logging.DEBUG)
    told, message, remedy = wrong(s3_server, what)
    with pytest.raises(Unavailable, match=message) as caught:
        s3.open(**told)
    assert remedy in caught.value.remedy
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    for secret in (told.get("secret_key"), s3_server.secret_key):
        assert not secret or secret not in f"{caught.value} {caught.value.remedy} {caplog.text}"


def test_an_object_store_that_does_not_answer_is_not_waited_for_for_ever(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = {
            "endpoint_url": "http://{}:{}".format(*silent.getsockname()),
            "access_key": "a", "secret_key": "b", "read_seconds": 0.2, "request_seconds": 1, "attempts": 1,
        }  # fmt: skip
        with pytest.raises(Unavailable, match="it did not answer in time") as caught:
            open_storage("s3://bucket", spool=tmp_path / "spool", options=options)
    assert "the network to it" in caught.value.remedy


def test_a_bucket_that_is_missing_is_found_at_the_start(s3, tmp_path):
    with pytest.raises(
        Unavailable, match=r"s3://not-there/x at http://\S+: the bucket does not exist"
    ) as caught:
        open_storage("s3://not-there/x", spool=tmp_path / "spool", options=s3.options)
    assert "Create the bucket" in caught.value.remedy


def test_a_clock_that_is_wrong_is_found_at_the_start(s3, monkeypatch):
    from botocore import auth

    real = auth.get_current_datetime
    monkeypatch.setattr(auth, "get_current_datetime", lambda *told: real(*told) - timedelta(hours=2))
    assert isinstance(auth.get_current_datetime(), datetime)
    with pytest.raises(Unavailable, match="clock and this machine's are too far apart"):
        s3.open()


async def test_nothing_is_left_open_when_it_is_closed(s3, recwarn):
    gc.collect()  # what other tests left is told of here
    recwarn.clear()
    storage = s3.open()
    await storage.environments.has("0" * 64)
    await storage.aclose()
    del storage
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


async def test_tls_with_an_authority_of_ones_own(tmp_path, stream):
    from datetime import UTC

    from seaway.portal.certificates import ensure_certificate

    certificate = ensure_certificate(tmp_path / "tls", datetime.now(UTC))
    folder, lock = tmp_path / "s3", b"numpy==2.0\n"
    folder.mkdir()
    (folder / "tls.crt").write_bytes(certificate.certificate.read_bytes())
    (folder / "tls.key").write_bytes(certificate.key.read_bytes())
    with run_s3_server(folder, tls=True) as server:
        url, spool = f"s3://{server.new_bucket()}", tmp_path / "spool"
        with pytest.raises(Unavailable, match="no trusted TLS connection"):
            open_storage(url, spool=spool, options=server.options())
        storage = open_storage(url, spool=spool, options=server.options(ca_file=str(certificate.ca)))
        await storage.environments.put(sha(lock), stream(lock))
        assert await storage.environments.has(sha(lock))
        await storage.aclose()


MEMORY = """
import asyncio, json, os, resource, sys
from pathlib import Path
from seaway.platform.storage.storage import open_storage

async def body(count):
    for _ in range(count):
        yield os.urandom(1 << 20)

async def pass_through(storage, count):
    async with storage.artifacts.receive(body(count), limit=1 << 40, what="it") as spooled:
        await storage.artifacts.in_thread(storage.artifacts.publish, "x", spooled.path, spooled.digest)
    async for _ in await storage.artifacts.read("x", spooled.digest):
        pass

async def main():
    storage = open_storage(sys.argv[1], spool=Path(sys.argv[2]), options=json.loads(sys.argv[3]))
    await pass_through(storage, 40)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await pass_through(storage, 160)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await storage.aclose()
    print((after - before) // 1024)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_a_large_file_does_not_fill_the_memory(s3):
    arguments = [s3.url, s3.spool, json.dumps(s3.options)]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *arguments], capture_output=True, text=True, timeout=100, check=True
    )
    assert int(done.stdout) < 40, "MiB more for 120 MiB more: what is held does not grow with the file"


class Answer(Exception):
    """What botocore raises for an answer."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__("secret words of the object store")
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


@pytest.mark.parametrize(
    ("code", "kind", "word"),
    [
        ("QuotaExceeded", StorageFull, "no room"),
        ("XMinioStorageFull", StorageFull, "no room"),
        ("507", StorageFull, "no room"),
        ("ExpiredToken", Unavailable, "session token"),
        ("AuthorizationHeaderMalformed", Unavailable, "another region"),
        ("PermanentRedirect", Unavailable, "another region"),
        ("SlowDown", Unavailable, "overloaded"),
        ("InternalError", Unavailable, "overloaded"),
        ("RequestTimeout", Unavailable, "in time"),
        ("NeverHeardOf", Unavailable, "refused the request"),
    ],
)
def test_what_a_code_means(code, kind, word):
    wrapped = OSError("wrapped")
    wrapped.__cause__ = Answer(code)
    cause = cause_of(wrapped)
    assert cause.kind is kind
    assert word in cause.why
    assert cause.remedy


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"acess_key": "x"}, "acess_key"),
        ({"access_key": "x"}, "secret_key"),
        ({"secret_key": "x"}, "access_key"),
        ({"session_token": "x"}, "session_token"),
        ({"endpoint_url": "minio:9000"}, "endpoint_url"),
        ({"endpoint_url": "http://key:secret@minio"}, "endpoint_url"),
        ({"endpoint_url": "ftp://minio"}, "endpoint_url"),
        ({"ca_file": "/does/not/exist"}, "ca_file"),
        ({"attempts": "many"}, "attempts"),
        ({"attempts": "0"}, "attempts"),
        ({"connect_seconds": "-1"}, "attempts"),
        ({"path_style": "maybe"}, "path_style"),
    ],
)
def test_wrong_options_are_refused(told, field):
    with pytest.raises(Invalid) as caught:
        object_store_options(told)
    assert caught.value.field == f"artifact_options.{field}"
    assert caught.value.remedy


def test_options_as_texts():
    told = {"path_style": "false", "checksums": "FALSE", "attempts": "7", "read_seconds": "1.5", "region": ""}
    assert object_store_options(told) == ObjectStoreOptions(
        path_style=False, checksums=False, attempts=7, read_seconds=1.5
    )
    assert "wort" not in repr(object_store_options({"access_key": "wort", "secret_key": "wort"}))


@pytest.mark.parametrize(
    ("told", "style", "region"),
    [
        ({}, "auto", None),
        ({"endpoint_url": "https://minio:9000"}, "path", "us-east-1"),
        ({"region": "eu"}, "auto", "eu"),
    ],
)
def test_what_the_options_become(told, style, region):
    arguments = object_store_options(told).arguments()
    assert arguments["config_kwargs"]["s3"]["addressing_style"] == style
    assert arguments["client_kwargs"].get("region_name") == region


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///prefix", "s3://key:secret@bucket", "s3://bucket?x=1", "what://x", "gs://x"]
)
def test_wrong_urls_are_refused(url, tmp_path):
    with pytest.raises(Invalid) as caught:
        open_storage(url, spool=tmp_path)
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, PlatformError)
