"""Probes, sidecars and hooks, on the embedded cluster and under Kubernetes' own control plane."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.objects.builtin import EVENTS, PODS
from seaway.objects.errors import Invalid
from tests.waiting import until

SECONDS = 90
SLEEP = ["sleep", "600"]


async def events_of(place: Any, pod: str) -> list[tuple[str, str]]:
    events = (await place.client.list(EVENTS, place.namespace))["items"]
    return [(e["reason"], e["message"]) for e in events if e["involvedObject"]["name"] == pod]


async def until_told(place: Any, pod: str, *wanted: tuple[str, str]) -> None:
    await until(
        lambda: events_of(place, pod),
        f"events {wanted}",
        check=lambda found: set(wanted) <= set(found),
        seconds=SECONDS,
    )


def condition(pod: dict[str, Any], kind: str) -> dict[str, Any]:
    return next((c for c in pod["status"].get("conditions", ()) if c["type"] == kind), {"status": ""})


def status_of(pod: dict[str, Any], name: str = "main") -> dict[str, Any]:
    statuses = [
        *pod["status"].get("initContainerStatuses", ()),
        *pod["status"].get("containerStatuses", ()),
    ]
    return next((s for s in statuses if s["name"] == name), {"restartCount": 0, "state": {}, "ready": False})


async def test_startup_probe_keeps_the_others_waiting(either: Any) -> None:
    """Until it says yes nobody asks for liveness or readiness; where it says no too often, the container is another one."""
    probes = {
        "startupProbe": {
            "exec": {"command": ["test", "-e", "up"]},
            "periodSeconds": 1,
            "failureThreshold": 600,
        },
        "livenessProbe": {
            "exec": {"command": ["test", "-e", "up"]},
            "periodSeconds": 1,
            "timeoutSeconds": 30,
            "failureThreshold": 1,
        },
    }
    await either.pod("slow", "sleep 2; touch up; sleep 600", restartPolicy="Always", container=probes)
    pod = await either.until(PODS, "slow", lambda pod: condition(pod, "Ready")["status"] == "True")
    assert status_of(pod)["started"]
    assert status_of(pod)["restartCount"] == 0
    never = {"startupProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1,
                              "terminationGracePeriodSeconds": 1}}  # fmt: skip
    await either.pod(
        "never",
        "trap '' TERM; while true; do sleep 0.1; done",
        restartPolicy="Always",
        terminationGracePeriodSeconds=600,
        container=never,
    )
    pod = await either.until(PODS, "never", lambda pod: status_of(pod)["restartCount"] >= 1)
    assert status_of(pod)["lastState"]["terminated"]["exitCode"] == 137
    await until_told(
        either,
        "never",
        ("Unhealthy", "Startup probe failed: "),
        ("Killing", "Container main failed startup probe, will be restarted"),
    )
    await either.client.delete(PODS, "never", either.namespace, grace_seconds=0)


HEALTH = """
import asyncio, itertools, os
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
calls = itertools.count()
async def serve(reader, writer):
    c = H2Connection(H2Configuration(client_side=False))
    c.initiate_connection()
    writer.write(c.data_to_send())
    while data := await reader.read(65536):
        for event in c.receive_data(data):
            if isinstance(event, RequestReceived):
                c.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                c.send_data(event.stream_id, bytes([0, 0, 0, 0, 2, 8, 1 if next(calls) else 2]))
                c.send_headers(event.stream_id, [("grpc-status", "0")], end_stream=True)
        writer.write(c.data_to_send())
async def main():
    async with await asyncio.start_server(serve, os.environ["IP"], 5000) as server:
        await server.serve_forever()
asyncio.run(main())
"""


async def test_grpc_probe(either: Any) -> None:
    """A pod is ready when its gRPC server says that it serves: not when it is asked first."""
    container = {
        "command": ["python3", "-c", HEALTH],
        "env": [
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        "readinessProbe": {"grpc": {"port": 5000}, "periodSeconds": 1, "timeoutSeconds": 10},
    }  # fmt: skip
    await either.pod("p", container=container)
    await until_told(
        either, "p", ("Unhealthy", 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")')
    )
    await either.until(PODS, "p", lambda pod: condition(pod, "Ready")["status"] == "True")


async def test_readiness_gates(either: Any) -> None:
    """A pod whose containers are ready is not ready before somebody else says so too."""
    await either.pod("p", "sleep 600", readinessGates=[{"conditionType": "example.com/open"}])
    pod = await either.until(PODS, "p", lambda pod: condition(pod, "ContainersReady")["status"] == "True")
    ready = condition(pod, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ReadinessGatesNotReady")
    patch = {"status": {"conditions": [{"type": "example.com/open", "status": "True"}]}}
    await either.client.patch(
        PODS, "p", patch, either.namespace, subresource="status",
        content_type="application/strategic-merge-patch+json",
    )  # fmt: skip
    pod = await either.until(PODS, "p", lambda pod: condition(pod, "Ready")["status"] == "True")
    assert condition(pod, "example.com/open")["status"] == "True"
    assert set(condition(pod, "Ready")) - {"observedGeneration"} == {
        "type",
        "status",
        "lastProbeTime",
        "lastTransitionTime",
    }


def recorded(name: str, script: str = "") -> list[str]:
    """Return a program that notes its start and its end in the folder that all share."""
    note = "$SHARED"
    body = script or "while true; do sleep 0.05; done"
    return [
        "sh",
        "-c",
        f"echo +{name} >> {note}/order; trap 'echo -{name} >> {note}/order; exit 0' TERM; {body}",
    ]


async def test_sidecars(either: Any, tmp_path: Any) -> None:
    """They start in order, each after the startup probe of the one before, and end last, in reverse order."""
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    has_begun = {"command": ["grep", "-q", "+first", f"{folder}/order"]}
    started = {"exec": has_begun, "periodSeconds": 1, "timeoutSeconds": 30, "failureThreshold": 60}
    inits = [
        {"name": "first", "command": recorded("first"), "restartPolicy": "Always", "startupProbe": started},
        {"name": "setup", "command": ["sh", "-c", "echo +setup >> $SHARED/order"]},
        {"name": "second", "command": recorded("second"), "restartPolicy": "Always"},
    ]
    main = {
        "name": "main",
        "command": recorded(
            "main", "until [ -e $SHARED/end ]; do sleep 0.05; done; echo -main >> $SHARED/order"
        ),
    }
    env = [{"name": "SHARED", "value": str(folder)}]
    volumes = [{"name": "shared", "hostPath": {"path": str(folder)}}]
    mounts = [{"name": "shared", "mountPath": str(folder)}]

    def completed(container: dict[str, Any]) -> dict[str, Any]:
        return {"image": "python", "env": env, "volumeMounts": mounts, **container}

    await either.create(PODS, {
        "metadata": {"name": "p"},
        "spec": {"restartPolicy": "Never", "initContainers": [completed(c) for c in inits],
                 "containers": [completed(main)], "volumes": volumes},
    })  # fmt: skip
    pod = await either.until(PODS, "p", lambda pod: condition(pod, "Ready")["status"] == "True")
    assert condition(pod, "Initialized")["status"] == "True"
    assert status_of(pod, "first")["started"]
    assert "running" in status_of(pod, "second")["state"]
    assert status_of(pod, "setup")["state"]["terminated"]["reason"] == "Completed"
    (folder / "end").touch()
    pod = await either.ended("p")
    assert pod["status"]["phase"] == "Succeeded"
    order = (folder / "order").read_text().split()
    assert order == ["+first", "+setup", "+second", "+main", "-main", "-second", "-first"]


async def test_hooks_have_their_time(either: Any) -> None:
    """A container starts after the postStart hook of the one before; preStop delays SIGTERM within the grace."""
    lifecycle = {
        "postStart": {"exec": {"command": ["sh", "-c", "sleep 1; touch hooked"]}},
        "preStop": {"sleep": {"seconds": 1}},
    }
    first = {"name": "first", "image": "python", "command": SLEEP, "lifecycle": lifecycle}
    second = {"name": "second", "image": "python", "command": SLEEP}
    await either.create(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [first, second], "terminationGracePeriodSeconds": 5}})  # fmt: skip
    pod = await either.until(PODS, "p", lambda pod: condition(pod, "Ready")["status"] == "True")
    begun = [status_of(pod, name)["state"]["running"]["startedAt"] for name in ("first", "second")]
    assert begun[0] < begun[1]
    await either.client.delete(PODS, "p", either.namespace)
    await either.gone("p")
    failing = {"lifecycle": {"postStart": {"exec": {"command": ["false"]}}}}
    await either.pod("q", "sleep 600", container=failing)
    assert (await either.ended("q"))["status"]["phase"] == "Failed"
    await until_told(
        either, "q", ("FailedPostStartHook", "PostStartHook failed"), ("Killing", "FailedPostStartHook")
    )


@pytest.mark.parametrize("policy", ["Never", "Always"])
async def test_back_off(either: Any, policy: str) -> None:
    """What fails again and again waits longer and longer, and says so; a termination message may be the log's end."""
    container = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    await either.pod("p", "echo last words; exit 3", restartPolicy=policy, container=container)
    if policy == "Never":
        terminated = status_of(await either.ended("p"))["state"]["terminated"]
        assert (terminated["exitCode"], terminated["reason"]) == (3, "Error")
        assert terminated["message"] == "last words\n"
        return
    pod = await either.until(
        PODS, "p", lambda pod: status_of(pod)["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"
    )
    assert (
        "back-off 10s restarting failed container=main pod=p_"
        in status_of(pod)["state"]["waiting"]["message"]
    )
    assert status_of(pod)["lastState"]["terminated"]["exitCode"] == 3
    assert pod["status"]["phase"] == "Running"


async def test_the_status_has_the_kubelets_shape(either: Any) -> None:
    """Every field that a kubelet of this version writes is there, and no other."""
    mounts = [{"name": "v", "mountPath": "/v", "readOnly": True}]
    container = {"volumeMounts": mounts, "resources": {"requests": {"cpu": "10m"}}}
    await either.pod(
        "p",
        "exit 3",
        container=container,
        volumes=[{"name": "v", "emptyDir": {}}],
        automountServiceAccountToken=False,
    )
    status = (await either.ended("p"))["status"]
    assert set(status) == {
        "observedGeneration", "phase", "conditions", "hostIP", "hostIPs", "podIP", "podIPs", "startTime",
        "containerStatuses", "qosClass",
    }  # fmt: skip
    assert (status["observedGeneration"], status["qosClass"]) == (1, "Burstable")
    found = {c["type"]: (c["status"], c.get("reason")) for c in status["conditions"]}
    assert found == {
        "PodReadyToStartContainers": ("False", None),
        "Initialized": ("True", None),
        "Ready": ("False", "PodFailed"),
        "ContainersReady": ("False", "PodFailed"),
        "PodScheduled": ("True", None),
    }
    assert all(c["observedGeneration"] == 1 for c in status["conditions"])
    main = status["containerStatuses"][0]
    assert set(main) == {
        "name", "state", "lastState", "ready", "restartCount", "image", "imageID", "containerID", "started",
        "allocatedResources", "resources", "volumeMounts",
    }  # fmt: skip
    assert main["volumeMounts"] == [
        {"name": "v", "mountPath": "/v", "readOnly": True, "recursiveReadOnly": "Disabled"}
    ]
    assert main["resources"] == {"requests": {"cpu": "10m"}}
    assert main["allocatedResources"] == {"cpu": "10m"}
    terminated = {"exitCode", "reason", "startedAt", "finishedAt", "containerID"}
    assert set(main["state"]["terminated"]) == terminated
    assert status["startTime"] <= main["state"]["terminated"]["startedAt"]


async def test_ephemeral_containers(either: Any) -> None:
    """A container may be added to a pod that runs; the pod neither waits for it nor is it started again."""
    await either.pod("p", "sleep 600")
    await either.running("p")
    added = {"name": "look", "image": "python", "command": ["sh", "-c", "echo seen; exit 4"]}
    lasting = {"name": "stay", "image": "python", "command": SLEEP}
    for containers in ([added], [added, lasting]):
        await either.client.patch(
            PODS, "p", {"spec": {"ephemeralContainers": containers}}, either.namespace, subresource="ephemeralcontainers",
            content_type="application/strategic-merge-patch+json",
        )  # fmt: skip

    def states(pod: dict[str, Any]) -> dict[str, Any]:
        return {s["name"]: s["state"] for s in pod["status"].get("ephemeralContainerStatuses", ())}

    def done(pod: dict[str, Any]) -> bool:
        found = states(pod)
        return "terminated" in found.get("look", ()) and "running" in found.get("stay", ())

    pod = await either.until(PODS, "p", done)
    assert states(pod)["look"]["terminated"]["exitCode"] == 4
    assert (pod["status"]["phase"], condition(pod, "Ready")["status"]) == ("Running", "True")
    assert pod["metadata"]["generation"] == pod["status"]["observedGeneration"] == 3
    other = {"spec": {"ephemeralContainers": [{**added, "image": "other"}]}}
    for wrong in (other, {"spec": {"ephemeralContainers": [{"name": "main", "image": "python"}]}}):
        with pytest.raises(Invalid):
            await either.client.patch(
                PODS, "p", wrong, either.namespace, subresource="ephemeralcontainers",
                content_type="application/strategic-merge-patch+json",
            )  # fmt: skip
    await either.client.delete(PODS, "p", either.namespace, grace_seconds=1)
    await either.gone("p")
