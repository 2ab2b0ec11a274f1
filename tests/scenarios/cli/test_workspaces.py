"""`seaway workspace`, as a person and as a program uses it; a server that is killed in the middle of a deletion."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import psutil
import pytest

from .conftest import Shell, log_in, make_shell
from .test_terminal import on_terminal

pytestmark = pytest.mark.timeout(300)
HOLD = "import time; print('here', flush=True); time.sleep(600)"


def kubectl_free(shell: Shell, *words: str) -> str:
    """Return what the owner's kubeconfig shows, through the API, of a path."""
    import ssl
    import urllib.request

    import yaml

    config = yaml.safe_load(shell("kubeconfig", "--admin").stdout)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    folder = shell.folder
    import base64

    for name, value in (("ca", cluster["certificate-authority-data"]), ("crt", user["client-certificate-data"]), ("key", user["client-key-data"])):  # fmt: skip
        (folder / f"admin.{name}").write_bytes(base64.b64decode(value))
    context = ssl.create_default_context(cafile=str(folder / "admin.ca"))
    context.load_cert_chain(folder / "admin.crt", folder / "admin.key")
    method, path, *body = words
    request = urllib.request.Request(
        cluster["server"] + path, method=method, data=body[0].encode() if body else None,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        return answer.read().decode()


def test_a_workspace_from_beginning_to_end(running: Shell) -> None:
    assert running("workspace", "create", "vision").stdout == "vision created\n"
    assert "already" in running("workspace", "create", "vision", code=65).stderr
    assert (
        running("run", "--workspace", "vision", "--name", "seen", "--", "echo", "hello").stdout == "hello\n"
    )
    default, vision = running.json("workspace", "list")
    assert (default["default"], vision["name"], vision["runs"], vision["state"]) == (
        True,
        "vision",
        1,
        "active",
    )
    table = running("workspace", "list").stdout
    assert "vision " in table
    assert "(default)" in table
    shown = running("workspace", "show", "vision").stdout
    assert "can be restored for 30 days" in shown
    assert "the namespace itself" in shown
    assert running.json("show", "seen")["workspace"] == "vision"
    completing = {
        "COMP_WORDS": "seaway workspace delete vis",
        "COMP_CWORD": "3",
        "_SEAWAY_COMPLETE": "complete_bash",
    }
    done = subprocess.run(
        [os.sys.executable, "-m", "seaway"], env={**running.environ, **completing}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert "vision" in done.stdout

    refused = running("workspace", "delete", "vision", code=64)
    assert "nobody is there to type" in refused.stderr
    assert "1 runs of" in refused.stderr
    assert (
        "nothing was deleted" in running("workspace", "delete", "vision", "--yes", "visoin", code=65).stderr
    )
    code, told = on_terminal(running, "workspace", "delete", "vision", typed=b"something\n")
    assert code == 64
    assert "nothing was deleted" in told
    code, told = on_terminal(running, "workspace", "delete", "vision", typed=b"vision\n")
    assert (code, "vision deleted" in told) == (0, True), told
    assert "no workspace 'vision'" in running("workspace", "show", "vision", code=64).stderr
    assert "seen" in [run["name"] for run in running.json("ps", "--bin")]
    running("restore", "seen")
    assert running("logs", "seen").stdout == "hello\n"
    assert "there is no workspace" in running("run", "--workspace", "vision", "--", "true", code=64).stderr
    assert (
        "default workspace"
        in running("workspace", "delete", default["name"], "--yes", default["name"], code=65).stderr
    )
    own = [
        event
        for event in running.json("audit")
        if event["objectRef"]["name"] == "vision" and event["objectRef"]["resource"] == "workspaces"
    ]
    assert [(event["verb"], event["objectRef"]["name"], event["responseStatus"]["code"]) for event in own] == [
        ("create", "vision", 201), ("delete", "vision", 202),
    ]  # fmt: skip
    assert "workspaces/vision" in running("audit").stdout


def test_runs_that_have_not_ended(running: Shell) -> None:
    running("workspace", "create", "busy", "--owner", "ada")
    running("run", "--workspace", "busy", "--detach", "--name", "lasting", "--", "python3", "-c", HOLD)
    refused = running("workspace", "delete", "busy", "--yes", "busy", code=65)
    assert "--stop-runs" in refused.stderr
    assert "1 of them not ended" in refused.stderr
    assert running.json("workspace", "delete", "busy", "--yes", "busy", "--stop-runs")["state"] == "deleting"
    assert running.json("show", "lasting")["phase"] == "stopped"


def test_who_may(running: Shell, tmp_path) -> None:
    """Making is for administrators, deleting for the owner and for them; the rest is written down as refused."""
    shells = {user: make_shell(tmp_path / user) for user in ("ada", "eve")}
    for user, shell in shells.items():
        log_in(running, shell, user)
    ada, eve = shells["ada"], shells["eve"]
    assert "made by administrators" in eve("workspace", "create", "mine", code=77).stderr
    running("workspace", "create", "shared", "--owner", "ada")
    eve("run", "--workspace", "shared", "--name", "eves", "--", "true")
    assert "belongs to ada" in eve("workspace", "delete", "shared", "--yes", "shared", code=77).stderr
    assert eve.json("workspace", "show", "shared")["losses"] is None
    ada("workspace", "delete", "shared", "--yes", "shared")
    refusals = [(each["user"]["username"], each["verb"]) for each in running.json("audit", "--refused")]
    assert refusals.count(("eve", "create")) == 1
    assert refusals.count(("eve", "delete")) == 1
    assert "administrators" in eve("audit", code=77).stderr


def test_a_server_killed_in_the_middle_goes_on(seaway: Shell) -> None:
    """What holds the namespace is taken away only after the kill; until then the deletion cannot have ended."""
    seaway("up")
    seaway("workspace", "create", "vision")
    seaway("run", "--workspace", "vision", "--name", "kept", "--", "echo", "hello")
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    kubectl_free(seaway, "POST", "/api/v1/namespaces/vision/configmaps", json.dumps(held))
    seaway("run", "--workspace", "vision", "--detach", "--name", "lasting", "--", "python3", "-c", HOLD)
    seaway("workspace", "delete", "vision", "--yes", "vision", "--stop-runs", "--detach")
    daemon = psutil.Process(seaway.pid())
    daemon.send_signal(signal.SIGKILL)
    daemon.wait(30)
    seaway("up")
    assert seaway.json("workspace", "show", "vision")["state"] == "deleting"
    assert "is being deleted" in seaway("run", "--workspace", "vision", "--", "true", code=65).stderr
    found = json.loads(kubectl_free(seaway, "GET", "/api/v1/namespaces/vision/configmaps/held"))
    found["metadata"]["finalizers"] = []
    kubectl_free(seaway, "PUT", "/api/v1/namespaces/vision/configmaps/held", json.dumps(found))
    process = seaway("workspace", "delete", "vision", code=None)  # waits for the end of what goes on
    assert process.returncode in (0, 64), process.stderr
    assert [each["name"] for each in seaway.json("workspace", "list")] == ["seaway-default"]
    assert {run["name"]: run["phase"] for run in seaway.json("ps", "--bin")} == {
        "kept": "succeeded",
        "lasting": "stopped",
    }
    seaway("restore", "kept", "lasting")
    assert seaway("logs", "kept").stdout == "hello\n"
    seaway("workspace", "create", "vision")
    assert seaway("run", "--workspace", "vision", "--", "echo", "anew").stdout == "anew\n"
    seaway("down")
