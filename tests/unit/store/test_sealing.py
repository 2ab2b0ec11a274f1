"""Secrets in the store's file: sealed, sealed anew, and what is said where the key is not the right one."""

from __future__ import annotations

import base64
import stat

import pytest

from seaway.controlplane.store.sealing import ROTATE_SECONDS, KeyUnusable, prepare_sealing
from seaway.controlplane.store.settings import StoreSettings
from seaway.controlplane.store.sqlite import SqliteStore

SECRET, PLAIN = "/registry/core/secrets/default/a", "/registry/core/configmaps/default/a"
PLANTED = b'{"data":{"key":"planted-in-the-store"},"metadata":{"resourceVersion":""}}'
WORD = b"planted-in-the-store"


def files(tmp_path):
    return tmp_path / "cluster" / "store.db", tmp_path / "cluster" / "pki" / "secrets.key"


def all_bytes(tmp_path) -> bytes:
    return b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


@pytest.fixture(autouse=True)
def folder(tmp_path):
    (tmp_path / "cluster" / "pki").mkdir(parents=True)


async def opened(tmp_path, now: float = 0.0, **settings):
    store, key = files(tmp_path)
    return await SqliteStore.open(store, StoreSettings(**settings), prepare_sealing(store, key, now))


async def test_a_secret_is_in_no_file(tmp_path) -> None:
    store = await opened(tmp_path, kept_revisions=5)
    made = await store.create(SECRET, lambda _: PLANTED)
    for _ in range(30):
        made = await store.update(SECRET, lambda _: PLANTED, made.revision)
    assert store.get(SECRET).value == PLANTED
    assert WORD not in all_bytes(tmp_path)
    await store.compact(store.revision)
    assert WORD not in all_bytes(tmp_path)
    await store.delete(SECRET, lambda _: PLANTED, made.revision)
    await store.close()
    assert WORD not in all_bytes(tmp_path)
    assert stat.S_IMODE(files(tmp_path)[1].stat().st_mode) == 0o600


async def test_what_was_written_can_be_read(tmp_path) -> None:
    store = await opened(tmp_path)
    first = await store.create(SECRET, lambda _: PLANTED)
    await store.update(SECRET, lambda _: b"{}", first.revision)
    await store.create(PLAIN, lambda _: b'{"a":1}')
    await store.close()
    store = await opened(tmp_path)
    assert (store.get(SECRET).value, store.get(PLAIN).value) == (b"{}", b'{"a":1}')
    page = await store.list_at("/registry/core/secrets/", first.revision)
    assert [record.value for record in page.records] == [PLANTED]
    watcher = store.watch("/registry/core/secrets/", after=0)
    created, updated = await watcher.next_batch()
    assert (created.record.value, updated.previous.value) == (PLANTED, PLANTED)
    watcher.close()
    await store.close()


async def test_an_older_store_is_sealed_when_it_is_opened(tmp_path) -> None:
    plain = await SqliteStore.open(files(tmp_path)[0])
    made = await plain.create(SECRET, lambda _: PLANTED)
    await plain.update(SECRET, lambda _: PLANTED, made.revision)
    await plain.close()
    assert WORD in all_bytes(tmp_path)
    store = await opened(tmp_path)
    assert store.get(SECRET).value == PLANTED
    assert WORD not in all_bytes(tmp_path)
    await store.close()


async def test_after_some_time_another_key_takes_over(tmp_path) -> None:
    store = await opened(tmp_path)
    await store.create(SECRET, lambda _: PLANTED)
    await store.close()
    _, key = files(tmp_path)
    old = key.read_text()
    await (await opened(tmp_path, ROTATE_SECONDS - 1)).close()
    assert key.read_text() == old
    store = await opened(tmp_path, ROTATE_SECONDS + 1)
    assert store.get(SECRET).value == PLANTED
    await store.close()
    assert key.read_text() != old
    assert len(key.read_text().splitlines()) == 1
    key.write_text(old)
    with pytest.raises(KeyUnusable, match="cannot be opened with"):
        await opened(tmp_path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda key: key.unlink(), "is missing, and the Secrets in"),
        (lambda key: key.write_text(""), "cannot be read as the key"),
        (lambda key: key.write_text("aesgcm 0 short\n"), "cannot be read as the key"),
        (
            lambda key: key.write_text(f"aesgcm 0 {base64.b64encode(bytes(32)).decode()}\n"),
            "cannot be opened with",
        ),
    ],
)
async def test_a_wrong_key_is_told(tmp_path, damage, words: str) -> None:
    store = await opened(tmp_path)
    await store.create(SECRET, lambda _: PLANTED)
    await store.close()
    _, key = files(tmp_path)
    damage(key)
    with pytest.raises(KeyUnusable, match=words) as error:
        await opened(tmp_path)
    assert str(key) in str(error.value)
    assert "restore" in str(error.value)


async def test_a_value_does_not_pass_for_another(tmp_path) -> None:
    store, key = files(tmp_path)
    sealer = prepare_sealing(store, key, 0.0)
    sealed = sealer.seal(SECRET, PLANTED)
    assert sealer.open(SECRET, sealed) == PLANTED
    with pytest.raises(KeyUnusable):
        sealer.open(f"{SECRET}b", sealed)
