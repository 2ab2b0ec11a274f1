"""`seaway workspace`, as a person and as a program uses it; a server that is killed in the middle of a deletion."""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
import urllib.error
import urllib.request

import psutil
import pytest
import yaml

from tests.waiting import wait_until

from .conftest import Shell, log_in, make_shell
from .test_terminal import on_terminal

pytestmark = pytest.mark.timeout(300)
HOLD = "import time; print('here', flush=True); time.sleep(600)"


def call(
    shell: Shell, method: str, path: str, body: object = None, *, flag: str = "--admin"
) -> tuple[int, str]:
    """Call the cluster's API as the owner (or, without the flag, as a user); return the status and the answer."""
    config = yaml.safe_load(shell("kubeconfig", *((flag,) if flag else ())).stdout)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    files = {"ca": cluster["certificate-authority-data"], "crt": user["client-certificate-data"], "key": user["client-key-data"]}  # fmt: skip
    for name, value in files.items():
        (shell.folder / f"caller.{name}").write_bytes(base64.b64decode(value))
    context = ssl.create_default_context(cafile=str(shell.folder / "caller.ca"))
    context.load_cert_chain(shell.folder / "caller.crt", shell.folder / "caller.key")
    request = urllib.request.Request(
        cluster["server"] + path, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_kubeconfig_of_users_works_in_it(running: Shell) -> None:
    """As in the default one: what lies in it may be changed, the namespace itself may not be deleted."""
    secret = {"metadata": {"name": "mine"}}
    running("workspace", "create", "shown")
    wait_until(
        lambda: call(running, "POST", "/api/v1/namespaces/shown/configmaps", secret, flag="")[0] in (201, 409)
    )
    assert call(running, "DELETE", "/api/v1/namespaces/shown", flag="")[0] == 403
    assert call(running, "POST", "/api/v1/namespaces/default/configmaps", secret, flag="")[0] == 403
    running("workspace", "delete", "shown")


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
    running("run", "--name", "elsewhere", "--", "true")
    header, *lines = running("ps", "-a").stdout.splitlines()
    where = header.split().index("WORKSPACE")  # users are shown too where there are several
    assert {line.split()[0]: line.split()[where] for line in lines}["seen"] == "vision"
    assert [run["name"] for run in running.json("ps", "-a", "--workspace", "vision")] == ["seen"]
    assert running.json("ps", "-a", "--user", "nobody") == []
    assert "there is no workspace 'visoin'" in running("ps", "--workspace", "visoin", code=64).stderr
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
    assert "1 run of" in refused.stderr
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
        if event["objectRef"].get("name") == "vision" and event["objectRef"]["resource"] == "workspaces"
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
    assert call(seaway, "POST", "/api/v1/namespaces/vision/configmaps", held)[0] == 201
    seaway("run", "--workspace", "vision", "--detach", "--name", "lasting", "--", "python3", "-c", HOLD)
    seaway("workspace", "delete", "vision", "--yes", "vision", "--stop-runs", "--detach")
    daemon = psutil.Process(seaway.pid())
    daemon.send_signal(signal.SIGKILL)
    daemon.wait(60)
    seaway("up")
    assert seaway.json("workspace", "show", "vision")["state"] == "deleting"
    assert "is being deleted" in seaway("run", "--workspace", "vision", "--", "true", code=65).stderr
    found = json.loads(call(seaway, "GET", "/api/v1/namespaces/vision/configmaps/held")[1])
    found["metadata"]["finalizers"] = []
    assert call(seaway, "PUT", "/api/v1/namespaces/vision/configmaps/held", found)[0] == 200
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
