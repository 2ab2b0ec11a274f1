"""Pods as a user sees them: what they print, how they end, what their status says."""

from __future__ import annotations

import asyncio
import os
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.objects.builtin import PODS
from seaway.objects.errors import conflict
from tests.waiting import until


def code(status: dict[str, Any], name: str = "main") -> tuple[int, str]:
    end = next(c for c in status["containerStatuses"] if c["name"] == name)["state"]["terminated"]
    return end["exitCode"], end["reason"]


@pytest.mark.parametrize(
    ("script", "phase", "end"),
    [
        ("echo hello", "Succeeded", (0, "Completed")),
        ("exit 3", "Failed", (3, "Error")),
        ("kill -9 $$$$", "Failed", (137, "Error")),
    ],
    ids=["succeeds", "exits with a code", "is killed by a signal"],
)
async def test_how_a_pod_ends(node: Any, script: str, phase: str, end: tuple[int, str]) -> None:
    """Exit code, reason and phase are those of Kubernetes."""
    await node.create("p", script)
    status = await node.ended("p")
    assert (status["phase"], code(status)) == (phase, end)


async def test_log_has_every_line_and_pieces_are_joined(node: Any) -> None:
    """A log holds all lines, also after the end; pieces of a line come as one."""
    await node.create("p", "echo one; printf two; sleep 0.25; echo and three; echo four >&2")
    following = asyncio.create_task(_log_when_there(node, "p"))
    await node.ended("p")
    assert await following == b"one\ntwoand three\nfour\n"
    assert await node.log("p", tail_lines=2) == b"twoand three\nfour\n"


async def _log_when_there(node: Any, name: str) -> bytes:
    await node.until(name, lambda s: s.get("phase") in {"Running", "Succeeded"})
    return await node.log(name, follow=True)


async def test_command_that_does_not_exist(node: Any) -> None:
    """It ends with StartError and a message that names the command."""
    await node.create("p", containers=[{"name": "main", "image": "python", "command": ["nonsense"]}])
    status = await node.ended("p")
    assert code(status) == (128, "StartError")
    assert (
        'exec: "nonsense": executable file not found'
        in status["containerStatuses"][0]["state"]["terminated"]["message"]
    )


async def test_image_that_is_not_known(node: Any) -> None:
    """The pod waits with ErrImagePull, then ImagePullBackOff; the message names the known images."""
    await node.create("p", containers=[{"name": "main", "image": "nope:1", "command": ["true"]}])

    def reason(s: dict[str, Any]) -> str | None:
        return s["containerStatuses"][0]["state"].get("waiting", {}).get("reason")

    await node.until("p", lambda s: s and reason(s) == "ErrImagePull")
    pod = await node.until("p", lambda s: s and reason(s) == "ImagePullBackOff")
    assert "python:3*" in pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"]


async def test_environment(node: Any) -> None:
    """Values, references, the downward API, config maps and secrets arrive; a missing one is named."""
    await node.put("configmaps", "c", data={"k": "v1"})
    await node.put("secrets", "s", data={"p": "cHc="})
    env = [
        {"name": "A", "value": "a"}, {"name": "B", "value": "$(A)-$$(A)-$(NONE)"},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        {"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": "p"}}},
        {"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "F", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    ]  # fmt: skip
    main = {"name": "main", "image": "python:3.12", "command": ["sh", "-c", 'echo "$A|$B|$C|$D|$E|$F|$CUDA_VISIBLE_DEVICES"'],
            "env": env, "resources": {"limits": {"memory": "256Mi"}}}  # fmt: skip
    await node.create("p", containers=[main])
    await node.ended("p")
    assert await node.log("p") == b"a|a-$(A)-$(NONE)|v1|pw|p|256|\n"
    await node.create(
        "q",
        containers=[
            main | {"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "none", "key": "p"}}}]}
        ],
    )
    pod = await node.until("q", lambda s: s and "waiting" in s["containerStatuses"][0]["state"])
    waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'secret "none" not found'}


async def test_volumes(node: Any, tmp_path: Any) -> None:
    """Every volume is at its mount path (or where the variable says, without namespaces) and a ConfigMap is updated live."""
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "f").write_text("host\n")
    await node.put("configmaps", "c", data={"k": "v1"})
    volumes = [
        {"name": "cfg", "configMap": {"name": "c"}}, {"name": "empty", "emptyDir": {}},
        {"name": "host", "hostPath": {"path": str(tmp_path / "h")}},
        {"name": "down", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]  # fmt: skip
    real = node.agent.runtime.namespaces
    at = {
        n: f"/data/x/{n}" if real else f"$SEAWAY_VOLUME_{n.upper()}" for n in ("cfg", "empty", "host", "down")
    }
    script = (
        f"cat {at['cfg']}/k; echo; cat {at['host']}/f; cat {at['down']}/l; echo; echo out > {at['host']}/out; "
        f'until [ "$(cat {at["cfg"]}/k)" = v2 ]; do sleep 0.05; done; echo updated; ls -d /data/x/cfg; '
        f"touch {at['cfg']}/new 2>/dev/null || echo read-only"
    )
    mounts = [{"name": v["name"], "mountPath": f"/data/x/{v['name']}"} for v in volumes]
    main = {"name": "main", "image": "python", "command": ["sh", "-c", script], "volumeMounts": mounts}
    await node.create("p", containers=[main], volumes=volumes)
    await node.until("p", lambda s: s.get("phase") == "Running")
    await node.put("configmaps", "c", data={"k": "v2"})
    await node.ended("p")
    log = (await node.log("p")).decode()
    assert log.startswith('v1\nhost\napp="p"\nupdated\n')
    assert (tmp_path / "h" / "out").read_text() == "out\n"
    if real:
        assert log.endswith("/data/x/cfg\nread-only\n")
    else:
        assert "PlainProcesses" in await node.reasons()


async def test_missing_config_map_volume_waits(node: Any) -> None:
    """The pod waits until the ConfigMap is there, and an event says for what."""
    await node.create("p", volumes=[{"name": "cfg", "configMap": {"name": "late"}}])
    await node.until("p", lambda s: s.get("phase") == "Pending")
    await node.put("configmaps", "late", data={})
    assert (await node.ended("p"))["phase"] == "Succeeded"
    assert "FailedMount" in await node.reasons()


async def test_init_containers_run_in_order_and_sidecars_beside(node: Any) -> None:
    """Init containers end one after the other, a sidecar runs beside the main one and ends after it."""
    inits = [
        {"name": "a", "image": "python", "command": ["sh", "-c", "echo a"]},
        {"name": "side", "image": "python", "command": ["sleep", "600"], "restartPolicy": "Always"},
        {"name": "b", "image": "python", "command": ["sh", "-c", "echo b"]},
    ]
    await node.create("p", "echo main", initContainers=inits)
    status = await node.ended("p")
    assert status["phase"] == "Succeeded"
    begun = [
        s["state"]["terminated"]["startedAt"]
        for s in [*status["initContainerStatuses"], *status["containerStatuses"]]
    ]
    assert begun == sorted(begun)
    await node.create(
        "q", "echo main", initContainers=[{"name": "a", "image": "python", "command": ["false"]}]
    )
    status = await node.ended("q")
    assert (status["phase"], "state" in status["containerStatuses"][0]) == ("Failed", True)


async def test_restarts_back_off_and_the_previous_log_is_kept(node: Any) -> None:
    """A container that fails is started again, with a rising wait; --previous shows the attempt before."""
    await node.create("p", "echo run; exit 1", restartPolicy="OnFailure")
    pod = await node.until("p", lambda s: s and s["containerStatuses"][0]["restartCount"] >= 3)
    assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1
    assert await node.log("p", previous=True) == b"run\n"
    assert "BackOff" in await node.reasons()


async def test_deletion_is_graceful(node: Any) -> None:
    """The program gets SIGTERM, may finish, and then the object goes."""
    await node.create("p", "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.05; done")
    await node.until("p", lambda s: s.get("phase") == "Running")
    following = asyncio.create_task(node.log("p", follow=True))
    await until(lambda: node.log("p"), "its first line", check=lambda log: b"up" in log)
    await node.client.delete(*_pod("p"))
    assert await following == b"up\nbye\n"
    await node.gone("p")


async def test_deletion_kills_after_the_grace(node: Any) -> None:
    """A program that ignores SIGTERM is killed when its grace is over."""
    await node.create("p", "trap '' TERM; while true; do sleep 0.05; done")
    await node.until("p", lambda s: s.get("phase") == "Running")
    await node.client.delete(*_pod("p"), grace_seconds=1)
    await node.gone("p")


def _pod(name: str) -> tuple[Any, ...]:
    return PODS, name, "d"


def ready(status: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"])


async def test_what_others_say_of_a_pod_that_is_ready_does_not_stay(node: Any) -> None:
    """The controller of a node that was silent says that its pods are not ready; the node knows better when it is back."""
    await node.create("p", "sleep 1000")
    pod = await node.until("p", ready)
    before = node.of_agent.writes.copy()
    condition = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    told = await node.client.patch(
        PODS, "p", {"status": {"conditions": [condition]}}, "d", subresource="status", content_type=STRATEGIC_MERGE_PATCH
    )  # fmt: skip
    assert not ready(told["status"])
    again = await node.until("p", ready)
    assert again["status"]["containerStatuses"] == pod["status"]["containerStatuses"]
    await node.client.patch(PODS, "p", {"metadata": {"labels": {"a": "b"}}}, "d")
    await node.client.patch(PODS, "p", {"metadata": {"labels": {"a": "c"}}}, "d")
    written = [
        line for line in node.of_agent.writes[len(before) :] if line.startswith("PATCH") and "/pods/" in line
    ]
    assert len(written) == 1, "it is said once"


async def test_a_status_that_met_too_many_writers_is_written_later(node: Any) -> None:
    """The API server gives up after some lost races: what the pod came to must not be lost with it."""
    refused = node.of_agent.refuse = [conflict("pods", "p", "the object has been modified")] * 2
    await node.create("p", "sleep 1000")
    await node.until("p", ready)
    assert refused == []


async def test_deadline(node: Any) -> None:
    """ActiveDeadlineSeconds ends the pod with DeadlineExceeded."""
    await node.create("p", "sleep 600", activeDeadlineSeconds=1)
    status = await node.ended("p")
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")


async def test_memory_limit(node: Any) -> None:
    """A container over its memory limit is killed, and its status says OOMKilled."""
    script = "import time; x = bytearray(200 << 20); time.sleep(60)"
    main = {
        "name": "main",
        "image": "python",
        "command": ["python3", "-S", "-c", script],
        "resources": {"limits": {"memory": "64Mi"}},
    }
    await node.create("p", containers=[main])
    assert code(await node.ended("p")) == (137, "OOMKilled")


async def test_probes(node: Any) -> None:
    """A readiness probe makes the pod ready; a liveness probe that fails restarts the container."""

    def exec_(script: str) -> dict[str, Any]:
        return {
            "exec": {"command": ["sh", "-c", script]},
            "periodSeconds": 1,
            "failureThreshold": 2,
        }

    main = {
        "name": "main",
        "image": "python",
        "command": ["sh", "-c", "sleep 600"],
    }
    await node.create("p", containers=[main | {"readinessProbe": exec_("test -e $HOME/ok")}])
    await node.until(
        "p",
        lambda s: (
            s and s["containerStatuses"][0]["state"].get("running") and not s["containerStatuses"][0]["ready"]
        ),
    )
    (node.folder("p") / "containers/main/0/workspace/ok").touch()
    await node.until("p", lambda s: s["containerStatuses"][0]["ready"])
    await node.create(
        "q",
        containers=[main | {"livenessProbe": exec_("false")}],
        restartPolicy="Always",
        terminationGracePeriodSeconds=1,
    )
    await node.until("q", lambda s: s and s["containerStatuses"][0]["restartCount"] >= 1)
    assert "Unhealthy" in await node.reasons()


@pytest.mark.parametrize("handler", ["httpGet", "tcpSocket"])
async def test_probes_over_the_network(node: Any, handler: str) -> None:
    """A pod is ready as soon as its program listens at the pod's own address."""
    program = (
        "import http.server, os, time\n"
        "while not os.path.exists('go'): time.sleep(0.01)\n"
        "http.server.ThreadingHTTPServer((os.environ['IP'], 8080), http.server.SimpleHTTPRequestHandler).serve_forever()"
    )
    main = {
        "name": "main", "image": "python", "command": ["python3", "-c", program],
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"name": "web", "containerPort": 8080}],
        "readinessProbe": {handler: {"port": "web"}, "periodSeconds": 1, "timeoutSeconds": 30},
    }  # fmt: skip
    await node.create("p", containers=[main])
    await node.until("p", lambda s: s.get("phase") == "Running" and not s["containerStatuses"][0]["ready"])
    (node.folder("p") / "containers/main/0/workspace/go").touch()
    await node.until("p", lambda s: s["containerStatuses"][0]["ready"])


async def test_hooks(node: Any) -> None:
    """PostStart runs beside the program, preStop before its SIGTERM; what fails is told, and postStart's failure ends it."""
    lifecycle = {
        "postStart": {"exec": {"command": ["sh", "-c", "echo posted > posted"]}},
        "preStop": {"exec": {"command": ["sh", "-c", "echo asked > asked"]}},
    }
    script = "trap 'cat asked; exit 0' TERM; until [ -s posted ]; do sleep 0.01; done; cat posted; while true; do sleep 0.01; done"
    main = {"name": "main", "image": "python", "command": ["sh", "-c", script], "lifecycle": lifecycle}
    await node.create("p", containers=[main], terminationGracePeriodSeconds=60)
    await node.until("p", lambda s: s.get("phase") == "Running")
    following = asyncio.create_task(node.log("p", follow=True))
    await until(lambda: node.log("p"), "what was posted", check=lambda log: log == b"posted\n")
    await node.client.delete(*_pod("p"))
    assert await following == b"posted\nasked\n"
    await node.gone("p")
    failing = main | {
        "lifecycle": {"postStart": {"exec": {"command": ["false"]}}},
        "command": ["sleep", "600"],
    }
    await node.create("q", containers=[failing])
    assert (await node.ended("q"))["phase"] == "Failed"
    assert "FailedPostStartHook" in await node.reasons()


async def test_security_context(node: Any) -> None:
    """A user and a read-only root are served, or refused where that cannot be; what has no effect is told."""
    security = {"runAsUser": 4711, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False}
    deep = "/opt/deep/down/scratch"
    script = f"id -u; touch /new 2>&1 | wc -l; ls -d {deep}"
    main = {"name": "main", "image": "python", "command": ["sh", "-c", script]}
    main["volumeMounts"] = [{"name": "scratch", "mountPath": deep}]
    await node.create(
        "p",
        containers=[main | {"securityContext": security}],
        volumes=[{"name": "scratch", "emptyDir": {}}],
    )
    if node.agent.runtime.namespaces:
        assert (await node.ended("p"))["phase"] == "Succeeded"
        assert await node.log("p") == f"4711\n1\n{deep}\n".encode()
    else:
        pod = await node.until("p", lambda s: "waiting" in s["containerStatuses"][0]["state"])
        waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["reason"] == "CreateContainerConfigError"
        assert "readOnlyRootFilesystem" in waiting["message"] or "runAsUser" in waiting["message"]
    events = await node.events()
    told = next(event["message"] for event in events if event["reason"] == "NotServed")
    assert told == "No effect on this node: spec.containers[0].securityContext.allowPrivilegeEscalation"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run containers as others")
async def test_another_user_reads_what_the_node_and_the_first_container_wrote(node: Any) -> None:
    """The daemon's files are its own; those of a pod are for whom the pod runs as, and a group for files owns a scratch folder."""
    if not node.agent.runtime.namespaces:
        pytest.skip("plain processes stay what the node is")
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("scratch", "about")]
    first = {"name": "first", "image": "python", "volumeMounts": mounts, "securityContext": {"runAsUser": 0},
             "command": ["sh", "-c", "umask; mkdir /scratch/deep; echo written > /scratch/deep/file"]}  # fmt: skip
    script = (
        "umask; cat /scratch/deep/file /about/deep/name /etc/hostname; grep -c '^127.0.0.1' /etc/hosts; "
        "touch /scratch/own; stat -c '%a %g' /scratch; stat -c '%u %g' /scratch/own"
    )
    about = {
        "items": [{"path": "deep/name", "fieldRef": {"fieldPath": "metadata.name"}}],
        "defaultMode": 0o644,
    }
    before = os.umask(0o077)
    try:
        await node.create(
            "p", initContainers=[first], securityContext={"runAsUser": 4711, "fsGroup": 4712},
            containers=[{"name": "main", "image": "python", "command": ["sh", "-c", script], "volumeMounts": mounts}],
            volumes=[{"name": "scratch", "emptyDir": {}}, {"name": "about", "downwardAPI": about}],
        )  # fmt: skip
        status = await node.ended("p")
    finally:
        os.umask(before)
    assert status["phase"] == "Succeeded", await node.log("p")
    assert await node.log("p") == b"0022\nwritten\npp\n1\n2777 4712\n4711 4712\n"


async def test_a_working_folder_that_nobody_has_is_made(node: Any) -> None:
    """As runtimes make it; a plain process, which sees the machine's folders, is told that it is not there."""
    main = {"name": "main", "image": "python", "workingDir": "/opt/app/src", "command": ["sh", "-c", "touch x; pwd; ls"]}  # fmt: skip
    await node.create("p", containers=[main])
    status = await node.ended("p")
    if node.agent.runtime.namespaces:
        assert await node.log("p") == b"/opt/app/src\nx\n"
        assert not Path("/opt/app").exists()
    else:
        assert "no such file" in status["containerStatuses"][0]["state"]["terminated"]["message"]


async def test_aliases_of_hosts(node: Any) -> None:
    """They stand in the container's table of hosts, or an event says that they cannot."""
    await node.create(
        "p", "cat /etc/hosts", hostAliases=[{"ip": "10.0.0.1", "hostnames": ["db", "db.local"]}]
    )
    await node.ended("p")
    if node.agent.runtime.namespaces:
        assert b"10.0.0.1\tdb\tdb.local\n" in await node.log("p")
    else:
        assert "NotServed" in await node.reasons()


async def test_claims_wait_with_their_reason(node: Any) -> None:
    """A claim that is not there is named."""
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
    await node.create("p", volumes=[claim])
    async with asyncio.timeout(60):
        while not (told := [e["message"] for e in await node.events() if e["reason"] == "FailedMount"]):
            await asyncio.sleep(0.01)
    assert 'persistentVolumeClaim "data" cannot be mounted: it does not exist' in told[0]


async def test_termination_message(node: Any) -> None:
    """What the program writes to its termination log stands in its status; or else the end of its log, where asked for."""
    await node.create("p", 'echo why > "$SEAWAY_TERMINATION_LOG"; exit 1')
    status = await node.ended("p")
    assert status["containerStatuses"][0]["state"]["terminated"]["message"] == "why\n"
    main = {"name": "main", "image": "python", "command": ["sh", "-c", "echo last words; exit 1"],
            "terminationMessagePolicy": "FallbackToLogsOnError"}  # fmt: skip
    await node.create("q", containers=[main])
    status = await node.ended("q")
    assert status["containerStatuses"][0]["state"]["terminated"]["message"] == "last words\n"


async def test_gpus_are_exclusive(node: Any) -> None:
    """Each container sees its own GPUs; one that finds none free is refused."""
    main = {"name": "main", "image": "python", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    greedy = [{"name": "CUDA_VISIBLE_DEVICES", "value": "0,1"}]
    hold = [main | {"command": ["sh", "-c", "echo $CUDA_VISIBLE_DEVICES; sleep 600"], "env": greedy}]
    for name in ("p", "q"):
        await node.create(name, containers=hold)
        await node.until(name, lambda s: s.get("phase") == "Running")
    await node.crash()
    await node.start()
    await node.create("r", containers=hold)
    assert (await node.ended("r"))["reason"] == "UnexpectedAdmissionError"
    async with asyncio.timeout(60):
        while {await node.log("p"), await node.log("q")} != {b"0\n", b"1\n"}:
            await asyncio.sleep(0.01)


async def test_eviction_for_storage(node: Any) -> None:
    """An emptyDir over its size limit evicts the pod."""
    at = "/d" if node.agent.runtime.namespaces else "$SEAWAY_VOLUME_V"
    main = {"name": "main", "image": "python", "command": ["sh", "-c", f"head -c 3000000 /dev/zero > {at}/f; sleep 600"],
            "volumeMounts": [{"name": "v", "mountPath": "/d"}]}  # fmt: skip
    await node.create("p", containers=[main], volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}])
    status = await node.ended("p")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")


async def test_few_writes(node: Any) -> None:
    """A pod that runs and ends costs two status writes, and nothing more where it is let go when it is deleted."""
    await node.create("p", "sleep 0.1", finalizers=["test/held"])
    await node.ended("p")
    await node.client.delete(PODS, "p", "d", grace_seconds=0)
    await node.client.patch(PODS, "p", {"metadata": {"finalizers": None}}, "d")
    await until(lambda: node.agent.pods(), "no pod on the node", check=lambda pods: not pods)
    assert sum(w.startswith("PATCH /api/v1/namespaces/d/pods/p") for w in node.of_agent.writes) <= 2


async def test_the_status_of_a_pod_that_is_held_says_that_its_deletion_was_seen(node: Any) -> None:
    await node.create("p", finalizers=["test/held"])
    await node.ended("p")
    await node.client.delete(PODS, "p", "d", grace_seconds=0)
    numbers = count()

    async def change() -> int:
        labels = {"number": str(next(numbers))}
        changed = await node.client.patch(PODS, "p", {"metadata": {"labels": labels}}, "d")
        return changed["status"]["observedGeneration"]

    await until(change, "word of its deletion", check=lambda seen: seen == 2)
    await node.client.patch(PODS, "p", {"metadata": {"finalizers": None}}, "d")


async def test_the_homes_secrets_are_hidden(node: Any, tmp_path: Any) -> None:
    """A container cannot see what the settings hide (where the kernel allows mounts)."""
    if not node.agent.runtime.namespaces:
        pytest.skip("plain processes see the file system as it is")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "key").write_text("secret")
    await node.create(
        "p",
        f"cat {tmp_path}/kept/key; ls /tmp; touch {tmp_path}/kept/x; umount {tmp_path}/kept; cat {tmp_path}/kept/key",
    )
    await node.ended("p")
    assert b"secret\n" not in await node.log("p")
    assert b"\nsecret" not in await node.log("p")
