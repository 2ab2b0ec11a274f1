"""`seaway timeline`: who did what to the pods of a home, and to runs."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.kubectl import BINARIES, NO_KUBECTL
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.timeout(200),
    pytest.mark.skipif(not BINARIES, reason=NO_KUBECTL),
]
POD = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"app": "w"}},
    "spec": {"terminationGracePeriodSeconds": 1, "containers": [
        {"name": "c", "image": "python", "command": ["python3", "-c", "import time; time.sleep(600)"]}]},
}  # fmt: skip


def kubectl(shell: Any, *words: str, given: Any = None, code: int = 0) -> str:
    """Run kubectl as the cluster's user, who works in the runs' namespace."""
    config = shell("kubeconfig", "--path").stdout.strip()
    done = subprocess.run(
        [str(BINARIES[-1]), "--kubeconfig", config, *words], input=json.dumps(given) if given else None,
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) is (code == 0), done.stdout + done.stderr
    return done.stdout + done.stderr


def entries(shell: Any, name: str) -> list[tuple[str, str, str]]:
    found = shell.json("timeline", name)["entries"]
    return [(entry["object"], entry["message"], entry["by"]) for entry in found]


def test_who_deleted_evicted_and_scaled(running: Any) -> None:
    for name in ("deleted", "evicted", "one-of-all"):
        kubectl(
            running, "create", "-f", "-", given=POD | {"metadata": {"name": name, "labels": {"app": name}}}
        )
    kubectl(running, "create", "deployment", "web", "--image", "python", "--replicas", "0")
    kubectl(running, "scale", "deployment", "web", "--replicas", "2")
    kubectl(running, "delete", "pod", "deleted", "--dry-run=server")
    kubectl(running, "wait", "--for=condition=Ready", "pod/deleted", "pod/evicted", "--timeout=60s")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "evicted"}}
    kubectl(
        running,
        "create",
        "--raw",
        "/api/v1/namespaces/seaway-default/pods/evicted/eviction",
        "-f",
        "-",
        given=eviction,
    )
    kubectl(running, "delete", "pod", "deleted")
    kubectl(
        running, "delete", "--raw", "/api/v1/namespaces/seaway-default/pods?labelSelector=app%3Done-of-all"
    )
    by = f"seaway-user ({BINARIES[-1].name})"
    for name, message in (
        ("deleted", "asked to end within 1 s"),
        ("evicted", "asked to end within 1 s: evicted"),
        ("one-of-all", "asked to end within 1 s"),
    ):
        told = entries(running, f"pod/{name}")
        assert (f"pod/{name}", message, by) in told, told
        assert [each for each in told if "asked" in each[1]] == [(f"pod/{name}", message, by)]
        assert (f"pod/{name}", "created", "seaway-user (kubectl-create)") in told
    told = entries(running, "deployment/web")
    assert ("deployment/web", "scaled from 0 to 2", by) in told, told
    together = entries(running, "workspace/seaway-default")
    for name in ("deleted", "evicted", "one-of-all"):
        assert (f"pod/{name}", "asked to end within 1 s", by) in [(o, m[:23], b) for o, m, b in together]
    assert set(told) <= set(together)
    assert running("timeline", "workspace/nowhere", code=None).returncode


def test_what_was_refused_stands_there(running: Any) -> None:
    kubectl(running, "create", "-f", "-", given=POD | {"metadata": {"name": "wanted"}})
    kubectl(running, "create", "namespace", "foo", code=1)
    kubectl(running, "delete", "pod", "wanted", "-n", "kube-system", code=1)
    kubectl(running, "delete", "namespace", "seaway-default", code=1)
    told = entries(running, "pod/wanted")
    assert [(each[0], each[1].partition(":")[0], each[2]) for each in told if "refused" in each[1]] == [
        ("namespace/seaway-default", "refused to delete it", f"seaway-user ({BINARIES[-1].name})")
    ]


def test_who_stopped_a_run(running: Any) -> None:
    running("run", "--detach", "--name", "long", "--", "sleep", "600")
    running("stop", "long")
    wait_until(lambda: running.json("show", "long")["phase"] == "stopped", seconds=60)
    running("retry", "long")
    running("stop", "long")
    wait_until(lambda: running.json("show", "long")["phase"] == "stopped", seconds=60)
    running("rm", "long")
    running("restore", "long")
    said = [(message, bool(by)) for thing, message, by in entries(running, "long") if thing == "run/long"]
    done = [
        "asked to stop",
        "asked to be tried again",
        "asked to stop",
        "put into the bin",
        "taken out of the bin",
    ]
    assert [each for each in said if each[0] in done] == [(message, True) for message in done]
    deletions = [each for each in entries(running, "long") if each[1].startswith("asked to end")]
    assert deletions
    assert {by for _, _, by in deletions} == {"seaway"}


def test_who_may_not_change_a_run_stands_in_its_timeline(running: Any, laptop: Any) -> None:
    running("run", "--name", "mine", "--", "true")
    laptop("rm", "mine", code=None)
    said = [each for each in entries(running, "mine") if "refused" in each[1]]
    assert [(thing, message.partition(":")[0], by) for thing, message, by in said] == [
        ("run/mine", "refused to rm it", "ada")
    ]


def test_what_happened_at_the_same_moment_is_told_in_the_order_of_its_causes(running: Any) -> None:
    running("run", "--name", "locked", "--lock", "data", "--", "true")
    wait_until(
        lambda: any(message == "gone from the cluster" for _, message, _ in entries(running, "locked")),
        seconds=60,
    )
    messages = [message for _, message, _ in entries(running, "locked")]
    order = [
        "queued", "attempt 1 has the lock 'data' (number 1)", "created", "placed on node-1", "started", "is Succeeded",
        "attempt 1 succeeded", "the run has ended: succeeded", "gone from the cluster",
    ]  # fmt: skip
    assert [message for message in messages if message in order] == order
    assert "changed" not in messages
