"""Credentials that are renewed: a plugin's, a rotating token's, a renewed authority's."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from seaway.base.clock import ManualClock, rfc3339
from seaway.client.connection import Connection, ExecPlugin
from seaway.client.credentials import Credentials
from seaway.client.errors import NotSent

V1 = "client.authentication.k8s.io/v1"
PROGRAM = """\
import json, os, pathlib, sys
folder = pathlib.Path(sys.argv[1])
runs = folder / "runs"
number = len(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text("x" * number)
(folder / "told").write_text(os.environ["KUBERNETES_EXEC_INFO"])
status = json.loads((folder / "status").read_text())
if "token" in status:
    status["token"] += str(number)
print(json.dumps({"apiVersion": os.environ["SPEAKS"], "kind": "ExecCredential", "status": status}))
"""


@pytest.fixture
def plugin(tmp_path: Path):
    """Return a maker of plugins that print a status; each run is counted in the file `runs`."""
    (tmp_path / "plugin.py").write_text(PROGRAM)

    def make(status: dict, speaks: str = V1, **fields) -> ExecPlugin:
        (tmp_path / "status").write_text(json.dumps(status))
        arguments = (str(tmp_path / "plugin.py"), str(tmp_path))
        return ExecPlugin(sys.executable, arguments, {"SPEAKS": speaks}, **fields)

    return make


def credentials(plugin: ExecPlugin, clock: ManualClock | None = None) -> Credentials:
    return Credentials(Connection("https://x", plugin=plugin), clock or ManualClock())


async def test_a_plugin_is_asked_once_until_its_credentials_expire(plugin, tmp_path: Path) -> None:
    clock = ManualClock()
    made = plugin({"token": "t", "expirationTimestamp": rfc3339(clock.now() + 3600)})
    of = credentials(made, clock)
    assert [one.token for one in await asyncio.gather(*(of.current() for _ in range(5)))] == ["t1"] * 5
    clock.advance(3580)
    assert (await of.current()).token == "t1"
    clock.advance(11)  # ten seconds before the end they are renewed
    assert (await of.current()).token == "t2"


async def test_a_plugin_is_asked_again_when_the_server_refuses(plugin) -> None:
    of = credentials(plugin({"token": "t"}))
    shown = await of.current()
    assert of.refused(shown)
    assert (await of.current()).token == "t2"
    assert of.refused(shown)  # somebody else has renewed them since: they are kept
    assert (await of.current()).token == "t2"


async def test_a_certificate_from_a_plugin(plugin) -> None:
    shown = await credentials(plugin({"clientCertificateData": "C", "clientKeyData": "K"})).current()
    assert (shown.token, shown.certificate, shown.key) == (None, b"C", b"K")
    assert "K" not in repr(shown)


async def test_what_a_plugin_is_told(plugin, tmp_path: Path) -> None:
    await credentials(plugin({"token": "t"}, cluster={"server": "https://x"})).current()
    assert json.loads((tmp_path / "told").read_text()) == {
        "apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False, "cluster": {"server": "https://x"}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "speaks", "says"),
    [
        pytest.param({}, V1, "must print a token", id="nothing"),
        pytest.param({"clientKeyData": "SECRET"}, V1, "and its key", id="half a certificate"),
        pytest.param({"token": "SECRET"}, "client.authentication.k8s.io/v1beta1", "correct the kubeconfig", id="another version"),
    ],
)  # fmt: skip
async def test_a_plugin_that_prints_what_cannot_be_used(plugin, status, speaks, says) -> None:
    with pytest.raises(NotSent, match=says) as caught:
        await credentials(plugin(status, speaks)).current()
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("program", "says"),
    [
        pytest.param("import sys; sys.exit('sign in first: run x login')", "exit code 1.*sign in first", id="a failure"),
        pytest.param("print('SECRET')", "printed no ExecCredential", id="no credential"),
    ],
)  # fmt: skip
async def test_a_plugin_that_fails_is_quoted(program, says) -> None:
    with pytest.raises(NotSent, match=says) as caught:
        await credentials(ExecPlugin(sys.executable, ("-c", program))).current()
    assert "SECRET" not in str(caught.value)


async def test_a_plugin_that_is_not_installed_says_how_to_get_it() -> None:
    with pytest.raises(NotSent, match=r"cannot be started.*brew install it"):
        await credentials(ExecPlugin("/nonexistent/plugin", install_hint="brew install it")).current()


async def test_an_authority_is_read_again_when_it_is_renewed(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_bytes(b"old")
    of = Credentials(Connection("https://x", ca_file=file), ManualClock())
    assert (await of.current()).ca == b"old"
    file.write_bytes(b"new")
    os.utime(file, (1, 1))
    assert (await of.current()).ca == b"new"


async def test_a_token_that_is_refused_is_read_again(tmp_path: Path) -> None:
    """Its file may have been renewed within the resolution of its time."""
    file = tmp_path / "token"
    file.write_text("old")
    os.utime(file, (5, 5))
    of = Credentials(Connection("https://x", token_file=file), ManualClock())
    shown = await of.current()
    file.write_text("new")
    os.utime(file, (5, 5))
    assert of.refused(shown)
    assert (await of.current()).token == "new"
    assert not Credentials(Connection("https://x", token="t"), ManualClock()).refused(shown)
