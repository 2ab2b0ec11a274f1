"""A task's attempt -> its Pod. Pure: returns new objects, changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.model.resources import Resources
from seaway.model.run import DEFAULT_IMAGE, SecretRef, TaskSpec
from seaway.objects.quantity import parse_quantity, whole
from seaway.platform.workloads import labels
from seaway.platform.workloads.interruptible import away_from_interruptible
from seaway.platform.workloads.names import token_secret_name
from seaway.platform.workloads.security import PodSecurity, limit_tmp, secure
from seaway.platform.workloads.storage import folders, mount, with_cache

Object = dict[str, Any]
_GPU_KIND = "nvidia.com/gpu.product"
"""Label of nodes, as NVIDIA's GPU feature discovery writes it."""
_LEEWAY = 64 << 20
"""Bytes, at least, that a program may write between two looks of the runner before Kubernetes ends its pod."""
_SHARED_CACHE = "seaway-cache"


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What is the same for all pods of a server."""

    bootstrap: tuple[str, ...]
    """Command that fetches the runner and becomes it."""
    gateway_url: str
    """Where pods reach the server, https."""
    gateway_ca: str = ""
    """PEM text of the CA that signed the gateway's certificate; "" for the system's own."""
    image: str = DEFAULT_IMAGE
    """For tasks that name none."""
    cpu: str = "100m"
    """Requested for tasks that ask for none: small, so that many fit, but not nothing, so that nodes do not overfill."""
    grace_seconds: int = 30
    """How long a program may take to end after SIGTERM; Kubernetes' own default."""
    scratch: str = ""
    """How much the tasks that say nothing of it may leave on their container's own disk; "" for as much as there is."""
    scratch_files: int = 0
    """How many files that may be; 0 for any number."""
    scratch_volume: bool = False
    """Where tasks may leave only so much, /tmp is a volume of the pod with a limit of its own, in which all of it lies."""
    lease_seconds: int = 0
    """How long a program may run without word from the server before it is ended; 0 for ever."""
    cache_volume: Mapping[str, Any] | None = None
    """A volume source for the node-local cache; None for no cache."""
    cache_path: str = "/var/cache/seaway"
    """Where the cache is mounted."""
    service_account: str | None = None
    """None for the namespace's default."""
    security: PodSecurity = field(default_factory=PodSecurity)
    installation: str = ""
    """Which server makes them, as NAMESPACE/NAME; "" for one that nothing installed."""


@dataclass(frozen=True, slots=True)
class AttemptIdentity:
    """Which attempt a pod is."""

    run: str
    run_uid: str
    namespace: str
    number: int
    fence: int
    pod: str
    lock_token: int | None = None
    """The number under which it holds the task's lock; None where there is no lock."""
    memory_grows: bool = False
    """Where it runs out of memory its task is tried again with more."""
    avoid_interruptible: bool = False
    """Rather go to a node that is not taken away at any time."""


def build_pod(
    task: TaskSpec, attempt: AttemptIdentity, settings: PodSettings, *, plain: bool = False
) -> Object:
    """Return the Pod manifest of an attempt.

    Args:
        task: what is to run.
        attempt: which one this is.
        settings: what is the same for all pods.
        plain: the image has no Python: its container's command is the task's own, and there is nothing around it.
    """
    annotations = {labels.FENCE: str(attempt.fence)}
    if plain:
        annotations[labels.RUNNER] = "none"
    elif settings.lease_seconds:
        annotations[labels.LEASE] = str(settings.lease_seconds)
    if settings.installation:
        annotations[labels.SERVER] = settings.installation
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": attempt.pod,
            "namespace": attempt.namespace,
            "labels": {
                labels.MANAGED_BY: "seaway",
                labels.RUN: attempt.run,
                labels.RUN_UID: attempt.run_uid,
                labels.TASK: task.name,
                labels.ATTEMPT: str(attempt.number),
            },
            "annotations": annotations,
            "finalizers": [labels.FINALIZER],
        },
        "spec": _spec(task, attempt, settings, plain=plain),
    }


def image_of(task: TaskSpec, settings: PodSettings) -> str:
    """Return the image that a task runs in."""
    return task.image or settings.image


def build_token_secret(run: str, run_uid: str, namespace: str, token: str, installation: str = "") -> Object:
    """Return the Secret that gives a run's pods their gateway token.

    Args:
        run: its name.
        run_uid: its uid.
        namespace: where its pods are.
        token: what opens the gateway.
        installation: which server makes it, see `PodSettings`.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": token_secret_name(run, run_uid),
            "namespace": namespace,
            "labels": {labels.MANAGED_BY: "seaway", labels.RUN: run, labels.RUN_UID: run_uid},
            **({"annotations": {labels.SERVER: installation}} if installation else {}),
        },
        "stringData": {labels.TOKEN_KEY: token},
    }


def _spec(task: TaskSpec, attempt: AttemptIdentity, settings: PodSettings, *, plain: bool) -> Object:
    limit = _disk_limit(task.resources.scratch or settings.scratch, plain=plain)
    container: Object = {
        "name": labels.CONTAINER,
        "image": image_of(task, settings),
        "command": [_literal(word) for word in task.command] if plain else list(settings.bootstrap),
        "env": _environment(task, attempt, None if plain else settings),
        "resources": _resources(task.resources, settings, limit),
        "terminationMessagePolicy": "File",
    }
    secrets = [{"secretRef": {"name": ref.name}} for ref in task.secrets if ref.key is None]
    if secrets:
        container["envFrom"] = secrets
    spec: Object = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": settings.grace_seconds,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [container],
    }
    if settings.service_account:
        spec["serviceAccountName"] = settings.service_account
    if settings.cache_volume is not None and not plain:
        spec["volumes"] = [{"name": _SHARED_CACHE, **settings.cache_volume}]
        container["volumeMounts"] = [{"name": _SHARED_CACHE, "mountPath": settings.cache_path}]
    mount(spec, container, task)
    if attempt.avoid_interruptible:
        spec["affinity"] = {"nodeAffinity": away_from_interruptible()}
    if task.resources.gpu_kind:
        spec["nodeSelector"] = {_GPU_KIND: task.resources.gpu_kind}
    secure(spec, container, settings.security)
    if limit:
        limit_tmp(spec, container, limit, always=settings.scratch_volume)
    return spec


def _environment(task: TaskSpec, attempt: AttemptIdentity, settings: PodSettings | None) -> list[Object]:
    """Return the variables: the user's first, so that ours hold where both name one.

    Args:
        task: what is to run.
        attempt: which one this is.
        settings: what the runner needs; None where there is no runner, so that nothing opens the gateway either.
    """
    ours = {
        "PYTHONUNBUFFERED": "1",
        "SEAWAY_RUN": attempt.run,
        "SEAWAY_TASK": task.name,
        "SEAWAY_ATTEMPT": str(attempt.number),
        "SEAWAY_FENCE": str(attempt.fence),
    }
    if task.lock is not None:
        ours |= {"SEAWAY_LOCK": task.lock, "SEAWAY_LOCK_TOKEN": str(attempt.lock_token)}
    ours |= {name: _literal(folder) for name, folder in folders(task).items()}
    token: list[Object] = []
    if settings is not None:
        ours |= _for_runner(task, attempt, settings)
        secret = {"name": token_secret_name(attempt.run, attempt.run_uid), "key": labels.TOKEN_KEY}
        token = [{"name": "SEAWAY_TOKEN", "valueFrom": {"secretKeyRef": secret}}]
    reserved = {*ours, "SEAWAY_TOKEN"}
    return [
        *(
            {"name": name, "value": _literal(value)}
            for name, value in task.env.items()
            if name not in reserved
        ),
        *(_secret_variable(ref) for ref in task.secrets if ref.key is not None),
        *({"name": name, "value": value} for name, value in ours.items()),
        *token,
    ]


def _for_runner(task: TaskSpec, attempt: AttemptIdentity, settings: PodSettings) -> dict[str, str]:
    needed = {
        "SEAWAY_GATEWAY": settings.gateway_url,
        "SEAWAY_CA": settings.gateway_ca,
        "SEAWAY_SPEC": _runner_spec(task, attempt, settings),
    }
    if settings.cache_volume is not None:
        needed["SEAWAY_SHARED_CACHE"] = settings.cache_path
    return needed


def _literal(value: str) -> str:
    """Keep Kubernetes from expanding `$(NAME)`, and from taking `$$` for `$`, in what a user gave literally."""
    return value.replace("$", "$$")


def _secret_variable(ref: SecretRef) -> Object:
    source = {"secretKeyRef": {"name": ref.name, "key": ref.key}}
    return {"name": ref.variable or ref.key, "valueFrom": source}


def _runner_spec(task: TaskSpec, attempt: AttemptIdentity, settings: PodSettings) -> str:
    spec: Object = {
        "command": list(task.command),
        "code": task.code,
        "environment": task.environment,
        "workdir": task.workdir,
    }
    if scratch := task.resources.scratch or settings.scratch:
        spec["scratch_bytes"] = int(parse_quantity(scratch))
    if settings.scratch_files:
        spec["scratch_files"] = settings.scratch_files
    if task.resources.memory:
        spec["memory_bytes"] = whole(task.resources.memory)
    if attempt.memory_grows:
        spec["memory_grows"] = True
    if task.resources.gpu:
        spec["gpus"] = task.resources.gpu
    if task.stop_if_hung_seconds is not None:
        spec["hung_seconds"] = task.stop_if_hung_seconds
    if settings.lease_seconds:
        spec["lease_seconds"] = settings.lease_seconds
    return _literal(json.dumps(spec, ensure_ascii=False, separators=(",", ":")))


def _disk_limit(scratch: str, *, plain: bool) -> str:
    """Return the limit that Kubernetes holds, "" for none: behind the runner's own, which says where it lies."""
    if not scratch or plain:
        return scratch
    size = int(parse_quantity(scratch))
    return str(size + max(size // 10, _LEEWAY))


def _resources(asked: Resources, settings: PodSettings, limit: str) -> Object:
    """Return requests and limits: memory is both (a node must not promise it twice), CPU only a request (idle cores help)."""
    requests: Object = {"cpu": asked.cpu or settings.cpu}
    limits: Object = {}
    if asked.memory:
        requests["memory"] = limits["memory"] = asked.memory
    if limit:
        # a limit alone would ask for as much, and keep pods off nodes that have room for what they really write
        requests["ephemeral-storage"] = asked.cache or "0"
        limits["ephemeral-storage"] = with_cache(limit, asked)
    elif asked.cache:
        requests["ephemeral-storage"] = asked.cache
    if asked.gpu:
        requests["nvidia.com/gpu"] = limits["nvidia.com/gpu"] = str(asked.gpu)
    return {"requests": requests, "limits": limits} if limits else {"requests": requests}
