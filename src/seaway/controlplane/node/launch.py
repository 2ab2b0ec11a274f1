"""From a container's spec to what the runtime starts: image, environment, mounts, limits, GPUs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seaway.controlplane.node import env, gpu, names, security, volumes
from seaway.controlplane.node.context import NodeContext
from seaway.controlplane.node.fields import ConfigError, PodFacts
from seaway.controlplane.node.images import UnknownImageError, find_image
from seaway.controlplane.node.payloads import MountError
from seaway.controlplane.node.podvolumes import PodVolumes, fetch
from seaway.controlplane.node.processes import open_folder
from seaway.controlplane.node.settings import ImageEnvironment
from seaway.controlplane.node.shim import files
from seaway.controlplane.node.state import ContainerSpec
from seaway.objects.quantity import cpu_millis, whole

Object = Mapping[str, Any]
WORKSPACE = "/workspace"
TERMINATION_LOG = "/dev/termination-log"
RESOLVER, SWITCH = "/etc/resolv.conf", "/etc/nsswitch.conf"
_PRIVATE = "/tmp"  # noqa: S108 - a folder of the container's own is mounted there

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:[A-Za-z0-9.-]+(?::\d+)?/)?{_PART}(?:/{_PART})*(?::[\w][\w.-]{{0,127}})?(?:@[A-Za-z][\w.+-]*:[0-9a-fA-F]{{32,}})?"
)
"""What an image may be called. Source: github.com/distribution/reference."""


class LaunchError(Exception):
    """The container cannot be started as things are; `reason` is the word for its status."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


async def prepare(
    context: NodeContext, facts: PodFacts, container: Object, attempt: int, of_pod: PodVolumes
) -> ContainerSpec:
    """Return what the runtime needs to start one attempt of a container.

    Raises:
        LaunchError: the image is not known, a config map, secret, key or sub path is missing, or the security
            context asks for what this node cannot give.
        NotEnoughGpusError: the GPUs that it asks for are held by others.
        NotEnoughCpusError: the CPUs that it is to have for itself are.
        ApiError, Unreachable: the API server refused or did not answer.
    """
    pod = facts.pod
    uid, name = pod["metadata"]["uid"], container["name"]
    folder = context.container_folder(uid, name, attempt)
    image, links, own, user, mounts = await _declared(context, facts, container, of_pod)
    devices = context.gpus.take(uid, name, gpu.wanted(container))
    own_cpus, alone = context.cpus.assign(pod, container, folder)
    node = links | _node_env(context, container, folder)
    real = context.runtime.namespaces
    home = WORKSPACE if real else str(folder / "workspace")
    node |= {"TERM": "xterm"} if container.get("tty") else {}
    # GPUs are exclusive: a pod's own variables do not get it another one's; and where a volume lies only the node knows
    decided = gpu.environment(devices) | ({} if real else volumes.volume_env(of_pod.paths, container))
    own_env = env.complete(own, image, context.settings.network_env, node, home) | decided
    limits = (container.get("resources") or {}).get("limits") or {}
    return ContainerSpec(
        id=f"{uid}.{name}.{attempt}",
        argv=env.command(container, own_env),
        env=own_env,
        cwd=container.get("workingDir") or home,
        hostname=names.host_names(pod, context.neighbours.domain if context.neighbours else "")[0],
        mounts=tuple(_all_mounts(context, container, image, folder, mounts, user)) if real else (),
        memory=whole(limits["memory"]) if "memory" in limits else None,
        cpu_millis=cpu_millis(limits["cpu"]) if "cpu" in limits else None,
        user=user.user,
        group=user.group,
        groups=user.groups,
        mapped=user.mapped,
        read_only_root=user.read_only_root,
        gpus=devices,
        cpus=own_cpus,
        cpus_alone=alone,
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        terminal=bool(container.get("tty")),
        log_max_bytes=context.settings.log_max_bytes,
        log_max_files=context.settings.log_max_files,
    )


class _Declared(NamedTuple):
    """What a container's spec refers to, found."""

    image: ImageEnvironment
    links: dict[str, str]
    own: dict[str, str]
    """Its own variables."""
    user: security.Identity
    mounts: list[tuple[str, str, bool]]


async def _declared(
    context: NodeContext, facts: PodFacts, container: Object, of_pod: PodVolumes
) -> _Declared:
    """Find what a container's spec refers to. Raises LaunchError where something is missing."""
    pod = facts.pod
    try:
        image = find_image(container.get("image", ""), context.images)
        _pull(context, container)
        lookup = await fetch(context, pod["metadata"]["namespace"], env.references(container))
        links = _links(context, pod)
        own = env.declared(facts, container, lookup, links)
        user = security.identity(pod, container, _host(context))
        mounts = volumes.container_mounts(container, of_pod.paths, own, of_pod.read_only)
        return _Declared(image, links, own, user, mounts)
    except UnknownImageError as error:
        raise LaunchError(*_no_image(container, error)) from error
    except (ConfigError, MountError) as error:
        raise LaunchError("CreateContainerConfigError", str(error)) from error


def _no_image(container: Object, error: UnknownImageError) -> tuple[str, str]:
    """Return the reason and the message of an image that this node does not know, as the kubelet words them."""
    image = container.get("image", "")
    if not _REFERENCE.fullmatch(image):
        told = f'couldn\'t parse image name "{image}": invalid reference format'
        return "InvalidImageName", f'Failed to apply default image tag "{image}": {told}'
    if container.get("imagePullPolicy") == "Never":
        return (
            "ErrImageNeverPull",
            f'Container image "{image}" is not present with pull policy of Never: {error}',
        )
    return "ErrImagePull", str(error)


def _pull(context: NodeContext, container: Object) -> None:
    """Note that the node has the image. Raises LaunchError where it would have to be pulled and the registry is out."""
    image, policy = container.get("image", ""), container.get("imagePullPolicy") or "IfNotPresent"
    if policy == "Never" or (policy == "IfNotPresent" and image in context.pulled):
        return
    if context.trouble.registry_out:
        message = (
            f'failed to pull and unpack image "{image}": dial tcp: connect: connection refused '
            "(a registry outage is practised: seaway cluster registry-outage off)"
        )
        raise LaunchError("ErrImagePull", message)
    context.pulled.add(image)


def _host(context: NodeContext) -> security.Host:
    why = "" if context.runtime.namespaces else context.runtime.why_not or "no namespaces"
    return security.Host(os.geteuid(), os.getegid(), why)


def _links(context: NodeContext, pod: Object) -> dict[str, str]:
    """Return the variables of services; the API server's are those of the node, whose address works without root."""
    if context.neighbours is None:
        return {}
    services = context.neighbours.services(pod["metadata"]["namespace"])
    whole = pod["spec"].get("enableServiceLinks") is not False
    return names.link_variables(services, all_of_namespace=whole) | _api_env(context)


def name_files(context: NodeContext, pod: Object, address: str) -> dict[str, str]:
    """Return the files by which a container looks names up, by name."""
    neighbours = context.neighbours
    domain = neighbours.domain if neighbours else ""
    table = neighbours.hosts(pod["metadata"]["namespace"]) if neighbours else ""
    given = {"hosts": names.hosts_table(pod, address, domain, table)}
    if context.runtime.namespaces:
        given["hostname"] = names.host_names(pod, domain)[0] + "\n"
        server = neighbours.name_server if neighbours else ""
        given["resolv.conf"] = names.resolver(pod, _read(RESOLVER), server, domain)
        given["nsswitch.conf"] = names.switch(_read(SWITCH))
    return given


def write_files(folder: Path, given: Mapping[str, str]) -> None:
    """Make the files of a container that the node gives it: the termination log, and those given here."""
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - top down: fewer calls than pathlib's
    with open_folder(folder) as descriptor:
        log = os.open("termination-log", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666, dir_fd=descriptor)
        try:
            os.fchmod(log, 0o666)
        finally:
            os.close(log)
        for name, text in given.items():
            files.write_plain(name, text.encode(), descriptor)


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def _api_env(context: NodeContext) -> dict[str, str]:
    settings = context.settings
    if not settings.api_host:
        return {}
    port = str(settings.api_port)
    return {
        "KUBERNETES_SERVICE_HOST": settings.api_host,
        "KUBERNETES_SERVICE_PORT": port,
        "KUBERNETES_SERVICE_PORT_HTTPS": port,
    }


def _node_env(context: NodeContext, container: Object, folder: Path) -> dict[str, str]:
    found = {"SEAWAY_TERMINATION_LOG": container.get("terminationMessagePath") or TERMINATION_LOG}
    found |= _api_env(context)
    if not context.runtime.namespaces:
        found |= {"SEAWAY_TERMINATION_LOG": str(folder / "termination-log"), "TMPDIR": str(folder / "tmp")}
    return found


def _all_mounts(
    context: NodeContext,
    container: Object,
    image: ImageEnvironment,
    folder: Path,
    own: list[tuple[str, str, bool]],
    user: security.Identity,
) -> list[tuple[str, str, bool]]:
    """Return every mount; later ones win over earlier ones at the same place."""
    hidden = [path for path in context.settings.hidden if Path(path).is_dir()]
    covered = [_PRIVATE, *hidden]
    files = [
        path
        for path in context.settings.hidden
        if Path(path).is_file() and not any(Path(path).is_relative_to(top) for top in covered)
    ]
    visible = [path for path in image.visible if any(Path(path).is_relative_to(top) for top in covered)]
    termination = container.get("terminationMessagePath") or TERMINATION_LOG
    private = (str(folder / "tmp"), _PRIVATE, user.read_only_root)
    return [
        ("proc", "/proc", False),
        ("shm", "/dev/shm", False),  # noqa: S108
        private,
        (str(folder / "workspace"), WORKSPACE, user.read_only_root),
        *volumes.working_folder(
            container.get("workingDir") or WORKSPACE, str(folder / "workspace"), [private, *own]
        ),
        (str(folder / "hosts"), "/etc/hosts", False),
        (str(folder / "hostname"), "/etc/hostname", False),
        (str(folder / "resolv.conf"), RESOLVER, False),
        (str(folder / "nsswitch.conf"), SWITCH, False),
        *(("tmpfs", path, True) for path in hidden),
        *(("/dev/null", path, True) for path in files),
        *((path, path, False) for path in visible),
        (str(folder / "termination-log"), termination, False),
        *own,
    ]
