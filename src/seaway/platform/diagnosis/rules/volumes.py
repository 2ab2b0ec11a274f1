"""Volumes that cannot be attached or mounted.

Source: the events of the attach/detach controller and the kubelet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again, kubectl
from seaway.platform.diagnosis.evidence import event_time, from_event, moment, pod_status
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding

_MOUNTS = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
_VOLUME = re.compile(r'volume "(?P<name>[^"]+)"')
_MULTI = re.compile(
    r"Multi-Attach error|is already exclusively attached|volume is already used by"
    r"|already attached to (?:another )?(?:node|instance)|RESOURCE_IN_USE_BY_ANOTHER_RESOURCE|VolumeInUse"
)
_FILE_SYSTEM = re.compile(
    r"(?i)"
    r"wrong fs type|bad superblock|unknown filesystem type|failed to mount the volume as .*already contains"
    r"|fsck'? found errors|structure needs cleaning|bad option"
)
_NO_HELPER = re.compile(
    r"(?i)might need a /s?bin/mount\.<type> helper|mount\.\w+: (?:command )?not found|executable file not found.*mount\."
)
_DENIED = re.compile(
    r"(?i)access denied by server|PermissionDenied|Error 403|\bAccessDenied\b|UnauthorizedOperation|not authorized to perform|AuthorizationFailed"
    r"|mount error\(13\)|Permission denied|does not have storage\.|AuthenticationFailed"
)
_NOT_EXPORTED = re.compile(
    r"(?i)reason given by server: no such file|mount\.nfs: mounting \S+ failed|(?:bucket|file ?system|share)\S* .{0,60}(?:does not exist|not found)|no mount point specified"
)
_TOO_MANY = re.compile(
    r"(?i)AttachmentLimitExceeded|attachment limit exceeded|maximum (?:number|amount) of (?:data )?disks|exceed(?:s|ed)? the maximum (?:number of )?(?:attached )?(?:volumes|disks)|max volume count|OperationNotAllowed.*data disks"
)
_GENERAL = re.compile(
    r"(?i)timed out waiting for the condition|context deadline exceeded|Unable to attach or mount"
)
_DRIVER = re.compile(r"(?i)driver name \S+ not found in the list of registered CSI drivers")
_NETWORK = re.compile(
    r"(?i)mount\.nfs|no such host|access denied by server|connection (?:refused|timed out)"
    r"|failed to resolve"
    r"|mount error\(1(?:11|13|10)\)"
)
_NO_HOST_PATH = re.compile(r"(?i)hostPath type check failed")
_WAITS_FOR_OTHERS = re.compile(
    r"(?i)secret \"[^\"]+\" not found|configmap \"[^\"]+\" not found|references non-existent"
)


def attached_elsewhere(facts: Facts) -> Finding | None:
    """Find a volume that another node holds, of a kind that one node at a time can have."""
    event = mount_event(facts, _MULTI)
    if event is None:
        return None
    command = kubectl(facts, "kubectl get pods -o wide", "seaway volume list")
    step = wording("end the pod that holds it, or wait until its node lets go: {command}", command=command)
    if facts.made is None:
        step = wording(
            "end the run that holds it, or wait until its node lets go: {command}", command=command
        )
    return _trouble(facts, event, Level.CLUSTER, VerdictClass.CONFIGURATION, "VolumeInUse",
                    wording("{volume} can be attached to one node at a time, and another node has it", volume=_volume(event)), step)  # fmt: skip


def wrong_file_system(facts: Facts) -> Finding | None:
    """Find a volume whose file system cannot be mounted."""
    event = mount_event(facts, _FILE_SYSTEM)
    if event is None:
        return None
    if not _NO_HELPER.search(message_of(event)):
        return _trouble(facts, event, Level.CLUSTER, VerdictClass.CONFIGURATION, "VolumeFileSystem",
                        wording("{volume} cannot be mounted: its file system is damaged or of another type", volume=_volume(event)),
                        wording("see {field} of the volume: {command}", field="fsType", command="kubectl get pv -o yaml"))  # fmt: skip
    said = wording("{volume} cannot be mounted: its node lacks the client of that file system (NFS, CIFS ...)", volume=_volume(event))  # fmt: skip
    if share := _share(facts, event):
        said = wording(
            "{volume} cannot be mounted: its node lacks the client of that file system (NFS, CIFS ...) {share}",
            volume=_volume(event), share=share,
        )  # fmt: skip
    return _trouble(facts, event, Level.NODE, VerdictClass.CONFIGURATION, "MountHelperMissing", said,
                    wording("have the file system's client installed on the nodes (NFS: {package} or {other})", package="nfs-common", other="nfs-utils"))  # fmt: skip


def driver_missing(facts: Facts) -> Finding | None:
    """Find a node without the driver of a kind of volume."""
    event = mount_event(facts, _DRIVER)
    if event is None:
        return None
    return _trouble(facts, event, Level.NODE, VerdictClass.INFRASTRUCTURE, "VolumeDriver",
                    wording("{volume} cannot be mounted: its node does not run the volume's driver (yet)", volume=_volume(event)),
                    wording("{command}; have the driver started on that node", command="kubectl get csinode"), retry=True)  # fmt: skip


def host_path_missing(facts: Facts) -> Finding | None:
    """Find a path that its node does not have."""
    event = mount_event(facts, _NO_HOST_PATH)
    if event is None:
        return None
    return _trouble(facts, event, Level.SPEC, VerdictClass.CONFIGURATION, "HostPathMissing",
                    wording("{volume} names a path that its node does not have", volume=_volume(event)),
                    wording("correct {field}, or have the path made on every node, then: {command}", field="hostPath", command=again(facts)))  # fmt: skip


def network_share(facts: Facts) -> Finding | None:
    """Find a network share that does not answer or refuses the node."""
    event = mount_event(facts, _NETWORK)
    if event is None:
        return None
    said = wording("{volume} cannot be mounted: its file server does not answer or refuses the node", volume=_volume(event))  # fmt: skip
    if share := _share(facts, event):
        said = wording(
            "{volume} cannot be mounted: its file server {share} does not answer or refuses the node",
            volume=_volume(event), share=share,
        )  # fmt: skip
    return _trouble(facts, event, Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "ShareUnreachable", said,
                    wording("see whether the file server is up, and lets this node in; the node tries again"), retry=True)  # fmt: skip


def volume_denied(facts: Facts) -> Finding | None:
    """Find storage that does not let the node or the pod's identity in."""
    event = mount_event(facts, _DENIED)
    if event is None or facts.made is None:
        return None
    said = wording("{volume} cannot be mounted: the storage denies access to the node or to its service account", volume=_volume(event))  # fmt: skip
    if share := _share(facts, event):
        said = wording(
            "{volume} cannot be mounted: the storage {share} denies access to the node or to its service account",
            volume=_volume(event), share=share,
        )  # fmt: skip
    return _trouble(facts, event, Level.CLUSTER, VerdictClass.CONFIGURATION, "VolumeDenied", said,
                    wording("have whoever runs the storage give the right (export list, or the role of the service account or driver)"))  # fmt: skip


def volume_absent(facts: Facts) -> Finding | None:
    """Find a share, path or bucket that its server does not have."""
    event = mount_event(facts, _NOT_EXPORTED)
    if event is None or facts.made is None:
        return None
    said = wording("{volume} cannot be mounted: the storage has nothing of that name or path", volume=_volume(event))  # fmt: skip
    if share := _share(facts, event):
        said = wording(
            "{volume} cannot be mounted: the storage {share} has nothing of that name or path",
            volume=_volume(event), share=share,
        )  # fmt: skip
    return _trouble(facts, event, Level.SPEC, VerdictClass.CONFIGURATION, "VolumeAbsent", said,
                    wording("correct the path or name in the volume, then: {command}", command=again(facts)))  # fmt: skip


def node_full_of_volumes(facts: Facts) -> Finding | None:
    """Find a node to which no more volumes can be attached."""
    event = mount_event(facts, _TOO_MANY)
    if event is None or facts.made is None:
        return None
    return _trouble(facts, event, Level.NODE, VerdictClass.INFRASTRUCTURE, "VolumeLimit",
                    wording("{volume} cannot be attached: its node holds as many volumes as its kind of machine takes", volume=_volume(event)),
                    wording("let it run on another node: delete the pod, so that it is placed anew: {command}", command=kubectl(facts, f"kubectl delete pod {facts.run}")), retry=True)  # fmt: skip


def _share(facts: Facts, event: Mapping[str, Any]) -> str:
    """Return the server and path of a volume, "" where neither is known."""
    named, message = _VOLUME.search(message_of(event)), message_of(event)
    for volume in ((facts.pod or {}).get("spec") or {}).get("volumes") or ():
        share = volume.get("nfs")
        if (
            isinstance(share, dict)
            and share.get("server")
            and (named is None or volume.get("name") == named["name"])
        ):
            return f"{share['server']}:{share.get('path', '')}"
    told = re.search(
        r"-t (?:nfs4?|cifs|efs|ceph|lustre) .*?(?P<share>(?://|[\w.-]+:/)\S*) /", message
    ) or re.search(r"(?i)resolve \"?(?P<share>[\w.-]+\.[\w.-]+)|bucket \"(?P<bucket>[^\"]+)", message)
    return next(filter(None, told.groups()), "") if told else ""


def attach_failed(facts: Facts) -> Finding | None:
    """Find a volume that is not attached or mounted, for a reason that the cluster knows better."""
    event = mount_event(
        facts, re.compile(r"rpc error|AttachVolume\.Attach failed"), beside=_GENERAL
    ) or mount_event(
        facts,
        re.compile(
            r"AttachVolume\.|timed out waiting for the condition|Unable to attach or mount|MountDevice"
            r"|rpc error|DeadlineExceeded|MountVolume\.(?:MountDevice|WaitForAttach)"
        ),
    )
    if event is None or facts.made is None or _WAITS_FOR_OTHERS.search(message_of(event)):
        return None
    return _trouble(facts, event, Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "VolumeAttach",
                    wording("{volume} could not be attached or mounted in time", volume=_volume(event)),
                    wording("{command}; the cluster tries again", command="kubectl get volumeattachment"), retry=True)  # fmt: skip


def mount_event(
    facts: Facts, words: re.Pattern[str], beside: re.Pattern[str] | None = None
) -> Mapping[str, Any] | None:
    """Return the newest event about a mount that says so; none where the pod runs, since the trouble is over then."""
    if not facts.waiting or pod_status(facts).get("phase", "Pending") != "Pending":
        return None
    mounted = max(
        (event_time(e) or "" for e in facts.events if e.get("reason") in ("Started", "Created")), default=""
    )
    for event in reversed(facts.events):
        if event.get("reason") in _MOUNTS and words.search(message_of(event)):
            if beside is not None and beside.search(message_of(event)):
                continue
            at, later = moment(event_time(event)), moment(mounted)
            return event if at is None or later is None or at >= later else None
    return None


def _trouble(
    facts: Facts,
    event: Mapping[str, Any],
    level: Level,
    class_: VerdictClass,
    cause: str,
    said: str,
    step: str,
    *,
    retry: bool = False,
) -> Finding:
    return Finding(
        level,
        class_,
        cause,
        said,
        from_event(facts, event),
        next_step=step,
        permanent=False,
        retry=retry,
    )


def _volume(event: Mapping[str, Any]) -> str:
    """Name the volume that an event is about, as the subject of a sentence."""
    named = _VOLUME.search(message_of(event))
    if named is None:
        return wording("one of its volumes")
    return wording("its volume {name!r}", name=named["name"])


def message_of(event: Mapping[str, Any]) -> str:
    """Return what an event says."""
    return str(event.get("message") or event.get("note") or "")
