"""Namespaces that several share: levels of pod security, limit ranges."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.compare.scenes.building import JOBS, NS, PODS, patch, pod, post, put, scene
from tools.compare.messages import SETTLED, Message

LEVELS = "pod-security.kubernetes.io/"
LIMITS = f"{NS}/limitranges"
CLAIMS = f"{NS}/persistentvolumeclaims"
GOOD = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "main",
            "image": "python",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
WORST = {
    "hostNetwork": True,
    "hostPID": True,
    "securityContext": {
        "sysctls": [{"name": "kernel.msgmax", "value": "1"}],
        "seLinuxOptions": {"type": "spc_t", "user": "u"},
        "seccompProfile": {"type": "Unconfined"},
        "appArmorProfile": {"type": "Unconfined"},
        "runAsUser": 0,
        "runAsNonRoot": False,
    },
    "volumes": [{"name": "h", "hostPath": {"path": "/"}}, {"name": "n", "nfs": {"server": "s", "path": "/"}}],
    "containers": [
        {
            "name": "a",
            "image": "python",
            "ports": [{"containerPort": 80, "hostPort": 80}],
            "securityContext": {"privileged": True, "capabilities": {"add": ["SYS_ADMIN", "NET_RAW"]}},
            "livenessProbe": {"httpGet": {"port": 80, "host": "example.com"}},
        },
        {"name": "b", "image": "python", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}},
    ],
}


def level(**labels: str) -> Message:
    """Give the namespace levels."""
    named = {LEVELS + name.replace("_", "-"): value for name, value in labels.items()}
    return patch(NS, {"metadata": {"labels": named}})


def sees(words: str) -> Message:
    """Wait until the level that was given is the one that a pod is held to."""
    return Message(SETTLED, PODS, pod("probe", **WORST), words=words)


def warns_of(name: str) -> Message:
    """Wait until a pod of that name is known to who looks at a namespace's levels, and with it those made before it."""
    return replace(level(enforce="restricted"), method=SETTLED, words=f"{name}: ")


def job(spec: dict) -> dict:
    template = {"spec": {"restartPolicy": "Never", **spec}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"template": template},
    }


def limits(name: str, *listed: dict) -> dict:
    return {"metadata": {"name": name}, "spec": {"limits": list(listed)}}


def asking(name: str, requests: dict | None, most: dict | None) -> dict:
    resources = {key: value for key, value in (("requests", requests), ("limits", most)) if value}
    return pod(name, containers=[{"name": "main", "image": "python", "resources": resources}])


def claim(name: str, storage: str) -> dict:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}}
    return {"metadata": {"name": name}, "spec": {**spec, "storageClassName": "none"}}


SCENES = (
    scene(
        "levels that are enforced",
        level(enforce="restricted"),
        sees("restricted:latest"),
        post(PODS, pod("plain")),
        post(PODS, pod("good", **GOOD)),
        post(PODS, pod("worst", **WORST)),
        level(enforce="baseline"),
        sees("baseline:latest"),
        post(PODS, pod("plain")),
        post(PODS, pod("worst2", **WORST)),
        level(enforce_version="v1.18"),
        sees("baseline:v1.18"),
        post(PODS, pod("worst3", **WORST)),
        level(enforce="privileged"),
        sees('"kind": "Pod"'),
        post(PODS, pod("worst4", **WORST)),
    ),
    scene(
        "levels that are warned of",
        level(warn="restricted", audit="baseline"),
        post(PODS, pod("plain")),
        post(PODS, pod("worst", **WORST)),
        post(JOBS, job({"containers": [{"name": "main", "image": "python"}]})),
        post(f"{JOBS}?dryRun=All", job(GOOD)),
    ),
    scene(
        "levels of a namespace with pods",
        post(PODS, pod("b")),
        post(PODS, pod("a")),
        post(PODS, pod("worst", **WORST)),
        warns_of("worst"),
        level(enforce="baseline"),
        level(enforce="restricted"),
        level(enforce="restricted", enforce_version="v1.20"),
        level(enforce="privileged"),
    ),
    scene(
        "labels that are no levels",
        level(enforce="strict"),
        level(enforce="baseline", enforce_version="1.20"),
        level(warn="Baseline", warn_version="v2.0", audit="x"),
        level(enforce_version="latest"),
    ),
    scene(
        "limit ranges",
        post(LIMITS, limits("a", {"type": "Container", "max": {"memory": "1Gi"}, "min": {"cpu": "10m"}})),
        post(PODS, pod("filled")),
        post(PODS, asking("much", {"memory": "1Gi"}, {"memory": "2Gi"})),
        post(PODS, asking("little", {"cpu": "1m"}, None)),
        put(f"{LIMITS}/a", limits("a", {"type": "Pod", "default": {"cpu": "1"}})),
    ),
    scene(
        "limit ranges of pods and claims",
        post(
            LIMITS,
            limits(
                "b",
                {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
                {"type": "Pod", "max": {"memory": "512Mi"}},
                {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}},
            ),
        ),
        post(PODS, asking("steep", {"cpu": "100m", "memory": "1Mi"}, {"cpu": "1", "memory": "1Mi"})),
        post(PODS, asking("large", {"cpu": "1"}, {"cpu": "1", "memory": "1Gi"})),
        post(CLAIMS, claim("small", "1Mi")),
        post(CLAIMS, claim("big", "3Gi")),
        post(CLAIMS, claim("fine", "1536Mi")),
    ),
)
