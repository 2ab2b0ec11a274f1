"""The fork server outlives the daemon, but not its node's folder."""

from __future__ import annotations

import os
import socket
import threading

from seaway.controlplane.node.shim import server


def test_a_server_whose_folder_was_removed_ends(tmp_path, monkeypatch):
    """An idle server sees that its lock file is nobody's any more."""
    monkeypatch.setattr(server, "_LOOK_SECONDS", 0.01)
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        serving = threading.Thread(target=server.Server(listener, lock, {}).serve)
        serving.start()
        assert serving.is_alive()
        (tmp_path / "lock").unlink()
        serving.join(60)
        assert not serving.is_alive()
    os.close(lock)
