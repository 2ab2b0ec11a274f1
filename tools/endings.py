"""Endings that can be produced on purpose: the manifests, and what is to be said of each.

Each is made in a namespace of its own. "python" is the image that Seaway's own nodes have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end, or to wait."""

    cause: str
    class_: str
    level: str | None
    objects: tuple[Object, ...]
    retry: bool = False
    message: str = ""
    """A pattern that the sentence must match."""
    then: tuple[str, ...] = ()
    """A kubectl command once the pod runs."""
    everywhere: bool = True
    """Whether each kind of cluster produces it; else the embedded one alone."""
    expect: Object = field(default_factory=dict)


def container(source: str = "", command: list[str] | None = None, name: str = "main", **more: Any) -> Object:
    """Return a container that runs a Python text, or a command."""
    return {"name": name, "image": "python", "command": command or ["python", "-c", source], **more}


def pod(*containers: Object, **spec: Any) -> Object:
    """Return a bare pod."""
    rest = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, **spec}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "train"},
        "spec": {"containers": list(containers), **rest},
    }


def job(*containers: Object, limit: int = 0, pod_spec: Object | None = None, **spec: Any) -> Object:
    """Return a job."""
    inner = pod(*containers, **(pod_spec or {}))["spec"]
    body = {"backoffLimit": limit, "template": {"spec": inner}, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train"}, "spec": body}


def deployment(*containers: Object) -> Object:
    """Return a deployment."""
    labels = {"app": "api"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 1},
    }
    body = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"}, "spec": body}


def limited(memory: str) -> Object:
    """Return a memory limit."""
    return {"resources": {"limits": {"memory": memory}, "requests": {"memory": memory}}}


def asking(**amounts: str) -> Object:
    """Return requests."""
    return {"resources": {"requests": {name.replace("_", "/"): amount for name, amount in amounts.items()}}}


def _variable(source: str, name: str, key: str) -> Object:
    return {"env": [{"name": "DATABASE", "valueFrom": {source: {"name": name, "key": key}}}]}


def _always(source: str) -> Object:
    return pod(container(source), restartPolicy="Always")


_PASS = "pass"
_SLEEP = "import time; time.sleep(600)"
_GREEDY = "x = []\nwhile True: x.append(bytearray(10 << 20))"
_CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {_SLEEP!r}], check=True, timeout=None) if False else None\nimport os, signal\np = subprocess.Popen([sys.executable, '-c', {_SLEEP!r}])\np.kill()\nraise subprocess.CalledProcessError(p.wait(), 'worker')"
_FAILING_PROBE = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
_QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "team"},
    "spec": {"hard": {"requests.cpu": "100m"}},
}
_NO_PODS = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "team"},
    "spec": {"hard": {"pods": "0"}},
}
_RANGE = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "range"},
          "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]}}  # fmt: skip
_PARAMETERS = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "params"},
    "data": {"epochs": "3"},
}

U, C, R, D = "user", "configuration", "resource", "deadline"
ENDINGS = {
    "module-missing": Ending("ModuleNotFound", U, "code", (job(container("import sklearnn")),)),
    "file-missing": Ending("InputMissing", U, "data", (job(container("open('/data/train.csv')")),)),
    "json-broken": Ending("InputBroken", U, "data", (job(container("import json; json.loads('{\"a\": ')")),)),
    "recursion": Ending("Recursion", U, "code", (job(container("f = lambda n: f(n + 1)\nf(0)")),)),
    "assertion": Ending("AssertionFailed", U, "code", (job(container("assert 1 > 2, 'no rows left'")),)),
    "zero-division": Ending("UserException", U, "code", (job(container("1 / 0")),)),
    "exit-3": Ending("NonZeroExit", U, "code", (job(container("print('no data for today'); raise SystemExit(3)")),)),
    "exit-minus-one-with-traceback": Ending(
        "UserException", U, "code", (job(container("import sys, traceback\ntry: {}['lr']\nexcept KeyError: traceback.print_exc(); sys.exit(-1)")),),
        message="KeyError",
    ),
    "memory-error": Ending("MemoryRefused", R, "code", (job(container("raise MemoryError('74 GiB')")),)),
    "out-of-memory": Ending("OOMKilled", R, "container", (job(container(_GREEDY, **limited("64Mi"))),), message="limit of 64Mi"),
    "out-of-memory-in-a-crash-loop": Ending("OOMKilled", R, "container", (deployment(container(_GREEDY, **limited("64Mi"))),)),
    "child-killed": Ending("ChildKilled", R, "container", (job(container(_CHILD, **limited("256Mi"))),)),
    "segmentation-fault": Ending("KilledBySignal", U, "code", (job(container("import os; os.kill(os.getpid(), 11)")),)),
    "port-in-use": Ending(
        "PortInUse", U, "code",
        (job(container("import socket\na = socket.create_server(('127.0.0.1', 0))\nb = socket.create_server(a.getsockname())")),),
    ),
    "connection-refused": Ending(
        "ServiceRefused",
        "infrastructure",
        "cluster", (job(container("import urllib.request; urllib.request.urlopen('http://127.0.0.1:1/')")),), retry=True,
    ),
    "unknown-host": Ending("UnknownHost", C, "spec", (job(container("import socket; raise socket.gaierror(-2, 'Name or service not known')")),)),
    "disk-full": Ending("DiskFull", R, "node", (job(container("f = open('/dev/full', 'w', buffering=1)\nf.write('x\\n')")),)),
    "command-not-found": Ending("CommandNotFound", C, "spec", (job(container(command=["trian"])),), message="'trian'"),
    "shell-command-not-found": Ending("CommandNotFound", C, "spec", (job(container(command=["sh", "-c", "trian --lr 1"])),), message="'trian'"),
    "not-executable": Ending("NotExecutable", C, "spec", (job(container(command=["sh", "-c", "/etc/passwd"])),)),
    "wrong-arguments": Ending(
        "WrongArguments", C, "spec", (job(container("import argparse; argparse.ArgumentParser('train.py').parse_args(['--lrr', '1'])")),)
    ),
    "image-missing": Ending("BadImage", C, "spec", (job({**container(_PASS), "image": "registry.invalid/no-such-image:1"}),)),
    "secret-missing": Ending("MissingConfiguration", C, "spec", (pod(container(_PASS, **_variable("secretKeyRef", "db", "password"))),)),
    "config-map-key-missing": Ending(
        "MissingConfiguration", C, "spec", (_PARAMETERS, pod(container(_PASS, **_variable("configMapKeyRef", "params", "lr"))))
    ),
    "claim-missing": Ending(
        "ClaimMissing", C, "spec", (pod(container(_PASS), volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "dataset"}}]),)
    ),
    "more-cpu-than-any-node": Ending("Unschedulable", C, "spec", (pod(container(_PASS, **asking(cpu="4000"))),), message="more CPU"),
    "no-gpu-in-the-cluster": Ending(
        "Unschedulable", C, "spec", (pod(container(_PASS, resources={"limits": {"nvidia.com/gpu": "1"}})),), message="GPU"
    ),
    "selector-matches-nothing": Ending("Unschedulable", C, "spec", (pod(container(_PASS), nodeSelector={"disk": "nvme"}),), message="labels"),
    "scheduling-gate": Ending("SchedulingGated", C, "cluster", (pod(container(_PASS), schedulingGates=[{"name": "example.com/budget"}]),)),
    "job-tried-three-times": Ending("UserException", U, "code", (job(container("raise ValueError('lr')"), limit=1),)),
    "job-deadline": Ending("JobDeadline", D, "spec", (job(container(_SLEEP), activeDeadlineSeconds=3),)),
    "pod-deadline": Ending("Timeout", D, "spec", (pod(container(_SLEEP), activeDeadlineSeconds=2),)),
    "job-suspended": Ending("JobSuspended", C, "spec", (job(container(_PASS), suspend=True),)),
    "quota-too-small": Ending("QuotaExceeded", C, "spec", (_QUOTA, job(container(_PASS, **asking(cpu="1"))))),
    "quota-of-no-pods": Ending("QuotaExceeded", C, "spec", (_NO_PODS, job(container(_PASS)))),
    "limit-range": Ending("OutOfRange", C, "spec", (_RANGE, job(container(_PASS, **limited("1Gi"))))),
    "account-missing": Ending("AccountMissing", C, "spec", (job(container(_PASS), pod_spec={"serviceAccountName": "trainer"}),)),
    "priority-class-missing": Ending("PriorityMissing", C, "spec", (job(container(_PASS), pod_spec={"priorityClassName": "urgent"}),)),
    "init-container-failed": Ending(
        "UserException", U, "code",
        (pod(container(_PASS), initContainers=[container("raise RuntimeError('no schema')", name="migrate")]),), message="no schema",
    ),
    "sidecar-failed": Ending(
        "NonZeroExit", U, "code", (job(container(_PASS), container("import time; time.sleep(1); raise SystemExit(5)", name="metrics")),),
        message="exit code 5",
    ),
    "crash-loop": Ending("ModuleNotFound", U, "code", (deployment(container("import fastapii")),)),
    "killed-by-liveness-probe": Ending(
        "LivenessProbe", C, "spec", (_always(_SLEEP) | {"spec": {**_always(_SLEEP)["spec"], "containers": [container(_SLEEP, livenessProbe=_FAILING_PROBE)]}},)
    ),
    "killed-by-startup-probe": Ending(
        "StartupProbe", C, "spec", (_always(_SLEEP) | {"spec": {**_always(_SLEEP)["spec"], "containers": [container(_SLEEP, startupProbe=_FAILING_PROBE)]}},)
    ),
    "never-ready": Ending("NotReady", C, "container", (pod(container(_SLEEP, readinessProbe=_FAILING_PROBE), restartPolicy="Always"),)),
    "finalizer": Ending(
        "HeldByFinalizer", "infrastructure", "cluster",
        ({**pod(container(_SLEEP)), "metadata": {"name": "train", "finalizers": ["example.com/cleanup"]}},),
        then=("delete", "pod", "train", "--wait=false"), everywhere=False,
    ),
    "completed": Ending("Completed", "succeeded", None, (job(container("print('done')")),)),
}  # fmt: skip
