"""What is stored comes back exactly, or not at all; what is unsafe is refused and leaves nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
import zlib

import pytest

from seaway.platform.errors import BaseMissing, Damaged, Invalid, NotFound, StorageFull, TooLarge, Unavailable
from seaway.platform.storage.archives import ArchiveLimits
from seaway.platform.storage.artifacts import ArtifactStore
from seaway.platform.storage.code import CodeStore
from seaway.platform.storage.outputs import OutputStore
from seaway.platform.storage.runner_archive import bootstrap_command, build_runner
from seaway.platform.storage.storage import open_storage

SYM, HARD, DEVICE, PIPE = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_code_comes_back_as_it_was_sent(storage, archive, stream, collect):
    data = archive(("train.py", os.urandom(700_000)), ("pkg/link.py", (SYM, "../train.py")))
    assert not await storage.code.has(sha(data))
    assert await storage.code.put(sha(data), stream(data)) == len(data)
    assert await storage.code.has(sha(data))
    assert await collect(await storage.code.open(sha(data))) == data
    await storage.code.put(sha(data), stream(data))


async def test_everything_in_a_folder_is_private(archive, stream, tmp_path):
    storage = open_storage(tmp_path / "artifacts")
    data = archive(("train.py", b"x"))
    await storage.code.put(sha(data), stream(data))
    for path in (tmp_path / "artifacts").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (tmp_path / "artifacts").stat().st_mode & 0o777 == 0o700


async def test_bytes_of_another_digest_are_refused_and_leave_nothing(storage, archive, stream, site):
    data = archive(("train.py", b"x"))
    with pytest.raises(Invalid, match="has the digest") as caught:
        await storage.code.put("0" * 64, stream(data))
    assert caught.value.field == "digest"
    assert site.files() == []


@pytest.mark.parametrize(
    "digest", ["", "abc", "../../../../etc/passwd", "A" * 64, "0" * 63 + "\n", "0" * 64 + "\n"]
)
async def test_what_is_no_digest_is_refused_everywhere(storage, stream, digest):
    for store in (storage.code, storage.environments):
        with pytest.raises(Invalid, match="is not a SHA-256 digest"):
            await store.has(digest)
        with pytest.raises(Invalid):
            await store.open(digest)
        with pytest.raises(Invalid):
            await store.put(digest, stream(b"x"))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        pytest.param([("/etc/passwd", b"x")], "is not relative", id="an absolute path"),
        pytest.param([("../x", b"x")], "leaves the folder", id="a path upwards"),
        pytest.param([("a/../../x", b"x")], "leaves the folder", id="a path upwards in the middle"),
        pytest.param([("a\nb", b"x")], "control characters", id="a line break in a name"),
        pytest.param([("a" * 2000, b"x")], "longer than", id="a very long name"),
        pytest.param([("a", (SYM, "/etc/passwd"))], "leads out", id="a link to an absolute path"),
        pytest.param([("a/b", (SYM, "../../x"))], "leads out", id="a link upwards"),
        pytest.param([("a", (SYM, ".")), ("a/b", b"x")], "behind a link", id="a file behind a link"),
        pytest.param([("a", b"x"), ("b", (HARD, "a"))], "neither a file", id="a hard link"),
        pytest.param([("a", (DEVICE, ""))], "neither a file", id="a device"),
        pytest.param([("a", (PIPE, ""))], "neither a file", id="a pipe"),
        pytest.param([("a", b"x"), ("./a", b"y")], "twice", id="the same file twice"),
    ],
)
async def test_an_unsafe_archive_is_refused_and_leaves_nothing(
    storage, archive, stream, site, members, message
):
    data = archive(*members)
    with pytest.raises(Invalid, match=message) as caught:
        await storage.code.put(sha(data), stream(data))
    assert caught.value.remedy
    with pytest.raises(Invalid, match=message):
        await storage.outputs.store(stream(data))
    assert site.files() == []


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: b"not an archive", id="no archive"),
        pytest.param(lambda data: b"", id="nothing"),
        pytest.param(lambda data: data[: len(data) // 2], id="half of it"),
        pytest.param(lambda data: data[:30] + b"\0\0\0\0" + data[34:], id="damaged in the middle"),
    ],
)
async def test_what_is_no_whole_archive_is_refused(storage, archive, stream, site, spoil):
    data = spoil(archive(("a", os.urandom(50_000)), ("b", os.urandom(50_000))))
    with pytest.raises(Invalid, match="not a whole tar archive"):
        await storage.code.put(sha(data), stream(data))
    assert site.files() == []


async def test_a_bomb_is_refused_before_it_is_unpacked(storage, archive, stream, site):
    code = CodeStore(storage.artifacts, limits=ArchiveLimits(unpacked=1_000_000, members=50))
    large = archive(("zeros", bytes(5_000_000)))
    assert len(large) < 20_000
    many = archive(*[(str(number), b"") for number in range(51)])
    for data in (large, many):
        with pytest.raises(TooLarge):
            await code.put(sha(data), stream(data))
    assert site.files() == []


async def test_an_extended_header_cannot_fill_the_memory(storage, stream):
    entry = tarfile.TarInfo("././@PaxHeader")
    entry.type, entry.size = tarfile.XHDTYPE, 3 << 20
    data = zlib.compress(entry.tobuf() + bytes(4 << 20), wbits=31)
    with pytest.raises(Invalid, match="header is too large"):
        await storage.code.put(sha(data), stream(data))


async def test_a_body_over_the_limit_is_refused_without_reading_all_of_it(storage, site):
    code, portions = CodeStore(storage.artifacts, limit=100_000), []

    async def endless():
        while True:
            portions.append(1)
            yield bytes(10_000)

    with pytest.raises(TooLarge, match="100,000 bytes"):
        await code.put("0" * 64, endless())
    assert len(portions) == 11
    assert site.files() == []


async def test_a_body_that_breaks_off_leaves_nothing(storage, site):
    async def broken():
        yield b"half"
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await storage.code.put("0" * 64, broken())
    assert site.files() == []


async def test_damage_on_the_disk_is_found_before_the_end(storage, archive, stream, site):
    data = archive(("train.py", os.urandom(900_000)))
    await storage.code.put(sha(data), stream(data))
    (place,) = site.disk.rglob("code/*/" + "?" * 64)
    damaged = bytearray(data)
    damaged[1000] ^= 1
    place.write_bytes(damaged)
    received = bytearray()
    with pytest.raises(Damaged, match="is damaged"):
        async for portion in await storage.code.open(sha(data)):
            received += portion
    assert len(received) < len(data), "a receiver must not take it for whole"


async def test_a_missing_artifact_is_not_found(storage):
    with pytest.raises(NotFound):
        await storage.code.open("0" * 64)
    with pytest.raises(NotFound):
        await storage.outputs.open("0" * 64)


async def test_a_lock_is_text(storage, stream, collect):
    lock = "numpy==1.0 --hash=sha256:…\n".encode()
    assert await storage.environments.put(sha(lock), stream(lock)) == len(lock)
    assert await collect(await storage.environments.open(sha(lock))) == lock
    for wrong in (b"\xff\xfe", b"a\0b"):
        with pytest.raises(Invalid):
            await storage.environments.put(sha(wrong), stream(wrong))
        assert not await storage.environments.has(sha(wrong))


async def test_outputs_are_kept_by_content_and_listed_by_path(storage, archive, stream, collect, site):
    model = os.urandom(600_000)
    data = archive(
        ("./", (tarfile.DIRTYPE, "")),
        ("./z.txt", b"z"),
        ("./models/best.bin", model),
        ("copy.bin", model),
        ("latest", (SYM, "models/best.bin")),
        mode="w",
    )
    stored = await storage.outputs.store(stream(data))
    assert [(file.path, file.size, file.sha256) for file in stored] == [
        ("copy.bin", len(model), sha(model)),
        ("latest", len(model), sha(model)),
        ("models/best.bin", len(model), sha(model)),
        ("z.txt", 1, sha(b"z")),
    ]
    assert len(site.files()) == 2
    assert await collect(await storage.outputs.open(sha(model))) == model
    assert await storage.outputs.stored() == {sha(model), sha(b"z")}
    await storage.outputs.forget([sha(b"z")])
    assert await storage.outputs.stored() == {sha(model)}
    assert await collect(await storage.outputs.open(sha(model))) == model


@pytest.mark.parametrize(
    "links", [[("a", (SYM, "b"))], [("a", (SYM, "b")), ("b", (SYM, "a"))]], ids=["dangling", "circle"]
)
async def test_an_output_link_to_nothing_is_refused(storage, archive, stream, links):
    with pytest.raises(Invalid, match="points at nothing"):
        await storage.outputs.store(stream(archive(*links)))


async def test_no_outputs_at_all_are_fine(storage, archive, stream):
    assert await storage.outputs.store(stream(archive(mode="w"))) == []


def blocks(*parts: bytes, sent: tuple[bytes, ...] | None = None) -> bytes:
    """A checkpoint's body: the line, and the blocks that are sent."""
    listed = [[sha(part), len(part)] for part in parts]
    line = json.dumps({"blocks": listed}, separators=(",", ":")).encode() + b"\n"
    return line + b"".join(parts if sent is None else sent)


RUN = ("a" * 32, "main")


async def test_a_checkpoint_leans_on_the_one_before_and_outlives_it(storage, stream, collect, site):
    first = blocks(b"kept", b"old", b"kept", sent=(b"kept", b"old"))
    one = await storage.checkpoints.store(*RUN, stream(first), None)
    assert (one.size, one.sent) == (11, 7)
    second = blocks(b"kept", b"new!", sent=(b"new!",))
    two = await storage.checkpoints.store(*RUN, stream(second), one.sha256)
    assert (two.size, two.sent) == (8, 4)
    for _ in range(2):
        await storage.checkpoints.forget(*RUN, one.sha256, kept=two.sha256)
    assert await collect(await storage.checkpoints.open(*RUN, two.sha256)) == blocks(b"kept", b"new!")
    with pytest.raises(Damaged):
        await storage.checkpoints.open(*RUN, one.sha256)
    await storage.checkpoints.forget(*RUN, two.sha256, kept=None)
    assert site.files() == []


def place_of(site, digest: str):
    (place,) = site.disk.rglob(digest)
    return place


@pytest.mark.parametrize("which", ["list", "block"])
@pytest.mark.parametrize("damage", ["missing", "other bytes"])
async def test_a_damaged_checkpoint_is_found_and_replaced(storage, stream, collect, site, which, damage):
    one = await storage.checkpoints.store(*RUN, stream(blocks(b"first", b"second")), None)
    assert [block.sha256 async for block in storage.checkpoints.check(*RUN, one.sha256)] == [
        sha(b"first"),
        sha(b"second"),
    ]
    place = place_of(site, one.sha256 if which == "list" else sha(b"second"))
    if damage == "missing":
        place.unlink()
    else:
        place.write_bytes(b"X" * place.stat().st_size)
    with pytest.raises(Damaged):
        [block async for block in storage.checkpoints.check(*RUN, one.sha256)]
    with pytest.raises(Damaged):
        await collect(await storage.checkpoints.open(*RUN, one.sha256))
    await storage.checkpoints.drop(*RUN)
    assert site.files() == []
    again = await storage.checkpoints.store(*RUN, stream(blocks(b"first", b"second")), None)
    assert await collect(await storage.checkpoints.open(*RUN, again.sha256)) == blocks(b"first", b"second")


async def test_a_damaged_list_is_nothing_to_lean_on(storage, stream, site):
    one = await storage.checkpoints.store(*RUN, stream(blocks(b"kept")), None)
    place_of(site, one.sha256).write_bytes(b"X")
    with pytest.raises(BaseMissing):
        await storage.checkpoints.store(*RUN, stream(blocks(b"kept", b"new", sent=(b"new",))), one.sha256)
    two = await storage.checkpoints.store(*RUN, stream(blocks(b"kept", b"new")), None)
    await storage.checkpoints.forget(*RUN, one.sha256, kept=two.sha256)


async def test_what_a_checkpoint_leans_on_may_be_gone(storage, stream):
    body = blocks(b"kept", b"new", sent=(b"new",))
    with pytest.raises(BaseMissing):
        await storage.checkpoints.store(*RUN, stream(body), sha(b"never stored"))


async def test_another_tasks_blocks_are_not_had_by_naming_them(storage, stream):
    one = await storage.checkpoints.store(*RUN, stream(blocks(b"secret")), None)
    body = blocks(b"secret", sent=())
    for run, task in (("b" * 32, "main"), ("a" * 32, "other")):
        with pytest.raises(BaseMissing):
            await storage.checkpoints.store(run, task, stream(body), one.sha256)


LINE = blocks(b"abc").partition(b"\n")[0] + b"\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"", "no end", id="nothing"),
        pytest.param(b"no json\n", "cannot be read", id="no JSON"),
        pytest.param(b'{"blocks": [["x"]]}\n', "cannot be read", id="half a block"),
        pytest.param(b'{"blocks": [[1, 2]]}\n', "not a SHA-256", id="a digest that is none"),
        pytest.param(b'{"blocks": [["' + b"0" * 64 + b'", -1]]}\n', "cannot be read", id="a negative size"),
        pytest.param(b'{"blocks": [["' + b"0" * 64 + b'", true]]}\n', "cannot be read", id="a size that is none"),
        pytest.param(b"[" * 100_000 + b"\n", "cannot be read", id="deep JSON"),
        pytest.param(LINE, "within a block", id="no block follows"),
        pytest.param(LINE + b"ab", "within a block", id="half of it"),
        pytest.param(LINE + b"abX", "has not the digest", id="another block"),
        pytest.param(LINE + b"abcd", "something follows", id="more than that"),
    ],
)  # fmt: skip
async def test_a_checkpoint_that_did_not_arrive_whole_is_refused(storage, stream, body, message):
    with pytest.raises(Invalid, match=message) as caught:
        await storage.checkpoints.store(*RUN, stream(body), None)
    assert caught.value.remedy


@pytest.mark.parametrize("size", [8 * 1024**2 + 1, 60 * 1024**3])
async def test_a_checkpoint_over_its_limits_is_refused_before_it_is_read(storage, stream, size):
    body = json.dumps({"blocks": [["0" * 64, size]]}).encode() + b"\n"
    with pytest.raises(TooLarge):
        await storage.checkpoints.store(*RUN, stream(body), None)


async def test_what_a_crash_left_on_its_way_in_is_removed(storage, site):
    left = site.spool / "left"
    left.write_bytes(b"half")
    await site.open().aclose()
    assert not left.exists()


def test_a_place_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="files cannot be kept in"):
        open_storage(tmp_path / "file" / "artifacts")


FULL = """
import asyncio, json, resource, sys
from pathlib import Path
from seaway.platform.errors import StorageFull
from seaway.platform.storage.storage import open_storage

async def body():
    for _ in range(100):
        yield bytes(100_000)

async def main():
    storage = open_storage(sys.argv[1], spool=Path(sys.argv[2]), options=json.loads(sys.argv[3]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    try:
        await storage.outputs.store(body())
    except StorageFull as error:
        print(error.remedy)
    await storage.aclose()

asyncio.run(main())
"""


def test_a_full_disk_is_told_and_leaves_nothing(site):
    """The operating system itself refuses to let the file grow."""
    command = [sys.executable, "-c", FULL, site.url, site.spool, json.dumps(site.options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "Free space" in done.stdout
    assert site.files() == []
    assert StorageFull.status == 507


async def test_an_object_store_is_used_through_fsspec(tmp_path, archive, stream, collect):
    artifacts = ArtifactStore(f"memory://{tmp_path.name}/artifacts", spool=tmp_path / "spool")
    artifacts.prepare()
    outputs = OutputStore(artifacts)
    (file,) = await outputs.store(stream(archive(("model", b"weights"))))
    assert await collect(await outputs.open(file.sha256)) == b"weights"
    await outputs.forget(await outputs.stored())
    with pytest.raises(NotFound):
        await outputs.open(file.sha256)
    with pytest.raises(ValueError, match="spool"):
        ArtifactStore("memory://x")


def test_the_runner_is_the_same_bytes_each_time():
    first = build_runner()
    build_runner.cache_clear()
    second = build_runner()
    assert first == second
    assert first.digest == sha(first.data)
    with zipfile.ZipFile(io.BytesIO(first.data)) as archive:
        assert {"__main__.py", "seaway/__init__.py", "seaway/runner/main.py"} <= set(archive.namelist())


def test_the_bootstrap_command_survives_kubernetes_own_expansion():
    command = bootstrap_command("a" * 64)
    assert command[:4] == ["python3", "-I", "-S", "-c"]
    assert command[-1] == "a" * 64
    assert not any("$(" in word for word in command)
