"""Code in the node's cache: fetched once between two starts of the machine."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

from seaway.runner import code
from seaway.runner.cache import Cache


class Server:
    """Gives one snapshot, and counts how often."""

    def __init__(self) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo("train.py")
            member.size = 4
            archive.addfile(member, io.BytesIO(b"pass"))
        self.data, self.fetched = buffer.getvalue(), 0
        self.digest = hashlib.sha256(self.data).hexdigest()

    def fetch(self, _path: str, target: str) -> str:
        self.fetched += 1
        Path(target).write_bytes(self.data)
        return self.digest


def test_code_is_fetched_again_after_a_start_of_the_machine_which_may_have_been_a_power_cut(
    tmp_path, monkeypatch
) -> None:
    server, cache = Server(), Cache(str(tmp_path / "cache"))
    for attempt, (boot, fetched) in enumerate([("-1", 1), ("-1", 1), ("-2", 2), ("-2", 2)]):
        monkeypatch.setattr(code, "_boot", lambda boot=boot: boot)
        folder = code.restore_code(server.digest, cache, server, str(tmp_path / f"attempt-{attempt}"))
        assert Path(folder, "train.py").read_text() == "pass"
        assert server.fetched == fetched
    left = [entry.name for entry in (tmp_path / "cache" / "code").iterdir() if not entry.name.startswith(".")]
    assert left == [f"{server.digest}-2"]
