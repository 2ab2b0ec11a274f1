"""Pods of every kind run on our node, driven by Kubernetes' own controllers; the node has no more rights than a kubelet."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from seaway.base.clock import parse_rfc3339
from seaway.objects.builtin import CONFIG_MAPS, EVENTS, JOBS, LEASES, NODES, PODS, SECRETS
from tests.scenarios.node_real.conftest import DEPLOYMENTS, SECONDS
from tests.waiting import until
from tools.real_kubernetes.control_plane import ControlPlane
from tools.real_kubernetes.node import RunningNode, run_node

pytestmark = pytest.mark.real
WHO_AM_I = """
import json, os, ssl, urllib.request
folder = os.environ.get("SEAWAY_VOLUME_TOKEN") or "/var/run/secrets/kubernetes.io/serviceaccount"
url = "https://" + os.environ["KUBERNETES_SERVICE_HOST"] + ":" + os.environ["KUBERNETES_SERVICE_PORT"]
body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
request = urllib.request.Request(
    url + "/apis/authentication.k8s.io/v1/selfsubjectreviews", json.dumps(body).encode(),
    {"Authorization": "Bearer " + open(folder + "/token").read(), "Content-Type": "application/json"})
context = ssl.create_default_context(cafile=folder + "/ca.crt")
print(json.load(urllib.request.urlopen(request, context=context))["status"]["userInfo"]["username"])
"""


async def test_a_job_runs_to_its_end(place: Any) -> None:
    """The job controller's pods run here, fail, are retried, and their logs come through the API server."""
    container = {
        "name": "main",
        "image": "python",
        "command": ["sh", "-c", "echo try $JOB_COMPLETION_INDEX; exit $CODE"],
    }
    pod = {"restartPolicy": "Never", "containers": [container | {"env": [{"name": "CODE", "value": "0"}]}]}
    spec = {"completions": 3, "parallelism": 3, "completionMode": "Indexed", "template": {"spec": pod}}
    await place.create(JOBS, {"metadata": {"name": "good"}, "spec": spec})
    failing = {
        "restartPolicy": "Never",
        "containers": [container | {"env": [{"name": "CODE", "value": "3"}]}],
    }
    await place.create(
        JOBS, {"metadata": {"name": "bad"}, "spec": {"backoffLimit": 0, "template": {"spec": failing}}}
    )
    await place.until(JOBS, "good", lambda job: job.get("status", {}).get("succeeded") == 3)
    names = {pod["metadata"]["name"] for pod in await place.pods("job-name=good")}
    logs = {await place.log(name) for name in names}
    assert logs == {"try 0\n", "try 1\n", "try 2\n"}
    await place.until(JOBS, "bad", lambda job: job.get("status", {}).get("failed") == 1)
    (pod_of_bad,) = await place.pods("job-name=bad")
    assert pod_of_bad["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


async def test_a_deployment_rolls(place: Any) -> None:
    """Its pods become ready by their probe, are replaced when the template changes, and go when it is deleted."""
    serve = "exec python3 -m http.server 8000 --bind $IP"
    container = {
        "name": "main", "image": "python", "command": ["sh", "-c", serve],
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"containerPort": 8000, "name": "http"}],
        "readinessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 1},
    }  # fmt: skip
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    await place.create(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec})
    await place.until(DEPLOYMENTS, "web", lambda d: d.get("status", {}).get("availableReplicas") == 2)
    before = {pod["metadata"]["uid"] for pod in await place.pods("app=web")}
    patch = {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}
    await place.client.patch(DEPLOYMENTS, "web", patch, place.namespace)

    def rolled(deployment: dict[str, Any]) -> bool:
        status = deployment["status"]
        seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
        return (
            seen
            and status.get("updatedReplicas")
            == status.get("availableReplicas")
            == status.get("replicas")
            == 2
        )

    await place.until(DEPLOYMENTS, "web", rolled)
    after = {
        pod["metadata"]["uid"]
        for pod in await place.pods("app=web")
        if "deletionTimestamp" not in pod["metadata"]
    }
    assert not before & after
    await place.client.delete(DEPLOYMENTS, "web", place.namespace, propagation="Background")
    await until(lambda: place.pods("app=web"), "no pod", check=lambda pods: not pods, seconds=SECONDS)


async def test_configuration_and_identity(place: Any, real_node: RunningNode) -> None:
    """Config maps, secrets and the service account's token arrive, fetched as the node; the API server knows the token's owner."""
    await place.create(CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {"k": "from a config map"}})
    await place.create(SECRETS, {"metadata": {"name": "s"}, "stringData": {"p": "from a secret"}})
    script = f"cat $SEAWAY_VOLUME_CFG/k /cfg/k 2>/dev/null; echo; cat /sec/p; echo; echo $S; python3 -c '{WHO_AM_I}'"
    container = {
        "env": [{"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "p"}}}],
        "volumeMounts": [{"name": "cfg", "mountPath": "/cfg"}, {"name": "sec", "mountPath": "/sec"}],
    }
    volumes = [{"name": "cfg", "configMap": {"name": "c"}}, {"name": "sec", "secret": {"secretName": "s"}}]
    await place.pod("p", script, container=container, volumes=volumes)
    pod = await place.ended("p")
    assert (await place.log("p")).splitlines() == [
        "from a config map", "from a secret", "from a secret", f"system:serviceaccount:{place.namespace}:default",
    ]  # fmt: skip
    assert pod["status"]["phase"] == "Succeeded"
    assert pod["spec"]["nodeName"] == real_node.name


async def test_the_node_is_one_of_the_cluster(place: Any, real_node: RunningNode) -> None:
    """It is ready, of the control plane's version, and holds a lease that is not over."""
    node = await place.client.get(NODES, real_node.name)
    conditions = {c["type"]: c["status"] for c in node["status"]["conditions"]}
    assert conditions == {
        "MemoryPressure": "False",
        "DiskPressure": "False",
        "PIDPressure": "False",
        "Ready": "True",
    }
    version = await place.ask("GET", "/version")
    assert node["status"]["nodeInfo"]["kubeletVersion"].startswith(f"v{version['major']}.{version['minor']}.")
    assert not node["spec"].get("taints")
    lease = (await place.client.get(LEASES, real_node.name, "kube-node-lease"))["spec"]
    assert lease["holderIdentity"] == real_node.name
    assert time.time() - parse_rfc3339(lease["renewTime"]) < lease["leaseDurationSeconds"]


async def test_logs_as_asked_for(place: Any) -> None:
    """Followed, the last lines, with times, only some bytes, of the previous attempt: all through the API server."""
    await place.pod("p", "echo one; echo two; sleep 0.5; echo three")
    await place.until(PODS, "p", lambda pod: pod["status"].get("phase") in {"Running", "Succeeded"})
    assert await place.log("p", follow=True) == "one\ntwo\nthree\n"
    assert await place.log("p", tail_lines=1) == "three\n"
    assert await place.log("p", limit_bytes=5) == "one\nt"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\S+Z three\n", await place.log("p", tail_lines=1, timestamps=True))
    await place.pod("q", "echo attempt; exit 1", restartPolicy="OnFailure")
    await place.until(
        PODS, "q", lambda pod: pod["status"].get("containerStatuses", [{}])[0].get("restartCount")
    )
    assert await place.log("q", previous=True) == "attempt\n"


async def test_grace(place: Any) -> None:
    """A deleted pod gets its signal and its time; one that does not end in it is killed."""
    await place.pod("polite", "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.05; done",
                    terminationGracePeriodSeconds=30)  # fmt: skip
    await place.pod(
        "deaf", "trap '' TERM; echo up; while true; do sleep 0.05; done", terminationGracePeriodSeconds=1
    )
    for name in ("polite", "deaf"):
        await place.running(name)
    following = asyncio.create_task(place.log("polite", follow=True))
    async with asyncio.timeout(SECONDS):
        while "up" not in await place.log("deaf") or "up" not in await place.log("polite"):
            await asyncio.sleep(0.05)
    for name in ("polite", "deaf"):
        await place.client.delete(PODS, name, place.namespace)
    assert await following == "up\nbye\n"
    for name in ("polite", "deaf"):
        await place.gone(name)


async def test_probes_restart(place: Any) -> None:
    """A container whose liveness probe fails is restarted, and an event says why."""
    probe = {"exec": {"command": ["test", "!", "-e", "/tmp/sick"]}, "periodSeconds": 1, "failureThreshold": 1}
    script = "echo started; sleep 1; touch /tmp/sick; sleep 600"
    await place.pod(
        "p",
        script,
        restartPolicy="Always",
        container={"livenessProbe": probe},
        terminationGracePeriodSeconds=0,
    )
    await place.until(
        PODS, "p", lambda pod: pod["status"].get("containerStatuses", [{}])[0].get("restartCount")
    )

    async def told() -> set[str]:
        events = (await place.client.list(EVENTS, place.namespace))["items"]
        return {event["reason"] for event in events if event["involvedObject"]["name"] == "p"}

    wanted = {"Unhealthy", "Killing", "Scheduled", "Started"}
    await until(told, f"events {sorted(wanted)}", check=wanted.issubset, seconds=SECONDS, pause=0.1)


async def test_a_node_without_namespaces(
    place: Any, real_control_plane: ControlPlane, last_kubectl_there: Any, tmp_path: Path
) -> None:
    """Where the kernel allows none, pods are plain processes: they run, log, take commands, and say what they lack."""
    name = f"plain-{uuid.uuid4().hex[:6]}"
    with run_node(real_control_plane, tmp_path / "plain", name, ("--plain",)):
        await place.create(CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {"k": "v"}})
        script = "cat $SEAWAY_VOLUME_CFG/k; echo; while [ ! -e end ]; do sleep 0.05; done; exit 4"
        here = {
            "nodeSelector": {"kubernetes.io/hostname": name},
            "volumes": [{"name": "cfg", "configMap": {"name": "c"}}],
        }
        await place.pod(
            "p", script, container={"volumeMounts": [{"name": "cfg", "mountPath": "/cfg"}]}, **here
        )
        await place.running("p")
        done = await last_kubectl_there("exec", "-i", "p", "--", "cat", stdin=b"typed")
        assert done.stdout == b"typed", done.stderr
        await last_kubectl_there("exec", "p", "--", "touch", "end")
        pod = await place.ended("p")
        assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 4
        assert await place.log("p") == "v\n"
        reasons = {event["reason"] for event in (await place.client.list(EVENTS, place.namespace))["items"]}
        assert "PlainProcesses" in reasons


_ENDING = "because it is being terminated"
"""Said to everybody about a namespace that goes: other tests' do."""


async def test_nothing_is_refused_to_the_node(place: Any, real_node: RunningNode) -> None:
    """Whatever the tests before had it do, the Node authorizer and NodeRestriction let it."""
    await place.pod("p", "true")
    await place.ended("p")
    lines = real_node.log.read_text().splitlines()
    refused = [line for line in lines if "forbidden" in line.lower() and _ENDING not in line]
    assert refused == []
