"""Other users of the machine: they read nothing of a home and call nothing."""

from __future__ import annotations

import base64
import json
import os
import ssl
import stat
import subprocess
import urllib.error
import urllib.request

import pytest
import yaml


def answer(url: str, authority: str) -> tuple[int, str]:
    """Return status and body of a request without any credential."""
    context = ssl.create_default_context(cadata=authority)
    try:
        with urllib.request.urlopen(url, context=context, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.timeout(120)
def test_a_home_is_closed_to_others(running, tmp_path) -> None:
    """No file has a bit for group or others; both APIs refuse the anonymous, except health."""
    (nothing := tmp_path / "requirements.txt").touch()
    running.seaway(
        "run", "--requirements", str(nothing), "--name", "first", "--", "python", "-c", "print('x')"
    )
    pods = running.path / "cluster" / "nodes"
    running.wait_until(
        lambda: not list(pods.glob("*/pods/*")), "its pod, whose /tmp is for all inside, is not gone"
    )
    open_to_others = [
        str(path.relative_to(running.path))
        for path in [running.path, *running.path.rglob("*")]
        if not path.is_symlink() and not path.is_socket() and stat.S_IMODE(path.stat().st_mode) & 0o077
        and "cache" not in path.relative_to(running.path).parts and path.name != "cache"
    ]  # fmt: skip
    assert open_to_others == []
    assert stat.S_IMODE(running.path.stat().st_mode) == 0o700

    config = yaml.safe_load((running.path / "kubeconfig").read_text())
    cluster = config["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    assert answer(f"{cluster['server']}/readyz", authority)[0] == 200
    status, body = answer(f"{cluster['server']}/api/v1/pods", authority)
    assert status == 401
    assert json.loads(body)["reason"] == "Unauthorized"
    server = json.loads((running.path / "daemon.json").read_text())["url"]
    authority = (running.path / "server" / "ca.crt").read_text()
    assert answer(f"{server}/api/v1/healthz", authority)[0] == 200
    assert answer(f"{server}/api/v1/runs", authority)[0] == 401


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.timeout(120)
def test_another_user_cannot_read_a_home(running) -> None:
    """A process of another user is refused by the file system."""
    for name in ("kubeconfig", "server/seaway.db", "cluster/store.db", "daemon.json", "server/token"):
        command = ["cat", str(running.path / name)]
        done = subprocess.run(
            command,
            user=65534,
            group=65534,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0, f"{name} can be read by another user"
        assert "Permission denied" in done.stderr
