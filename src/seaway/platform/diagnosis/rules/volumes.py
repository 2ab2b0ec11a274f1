"""Volumes that cannot be attached or mounted, and claims that are not bound.

Source: the events of the attach/detach controller, the kubelet and the persistent volume controllers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again, kubectl
from seaway.platform.diagnosis.evidence import brief, event_time, from_event, moment, pod_status, quote
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
_UNBOUND = re.compile(
    r"unbound immediate PersistentVolumeClaims|didn't find available persistent volumes|binding volumes:"
)
_CLAIM = re.compile(
    r'(?i)persistentvolumeclaim "(?P<name>[^"]+)" (?:not found|cannot be mounted: it does not exist)'
)


def claim_missing(facts: Facts) -> Finding | None:
    """Find a persistent volume claim that does not exist."""
    message, evidence = _scheduling(facts)
    event = _event(facts, _CLAIM)
    if not message and event is not None:
        message, evidence = _message(event), from_event(facts, event)
    found = _CLAIM.search(message)
    if found is None:
        return None
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "ClaimMissing", f"it mounts the persistent volume claim {found['name']!r}, which does not exist",
        evidence, permanent=False,
        next_step=f"make it anew, empty: seaway volume create {found['name']} --size SIZE; or stop the run: seaway stop {{run}}" if facts.made is None
        else f"create the claim, or correct its name: {kubectl(facts, 'kubectl get pvc')}",
    )  # fmt: skip


def claim_unbound(facts: Facts) -> Finding | None:
    """Find a claim for which there is no volume, and say why."""
    message, evidence = _scheduling(facts)
    unplaced = pod_status(facts).get("phase", "Pending") == "Pending" and not (
        (facts.pod or {}).get("spec") or {}
    ).get("nodeName")
    unmade = unplaced and not message and why_no_volume(facts.claims) is not None
    if not unmade and not _UNBOUND.search(message):
        return None
    claim = next(
        (
            one
            for one in facts.claims
            if one.get("kind") == "PersistentVolumeClaim"
            and (one.get("status") or {}).get("phase") == "Pending"
        ),
        None,
    )
    why = why_no_volume(facts.claims)
    waits = (
        next((e for e in reversed(facts.claims) if e.get("reason") == "ExternalProvisioning"), None)
        if why is None
        else None
    )
    name = ((claim or {}).get("metadata") or {}).get("name")
    named = f" {name!r}" if name else ""
    reason = f": {brief(facts, str(why.get('message', '')))}" if why is not None else ""
    step = kubectl(facts, f"kubectl describe pvc {name or ''}".strip())
    if facts.made is not None and "storageclass" in reason.lower():
        step = f"kubectl get storageclass; make the claim anew with one of these: {step}"
    if facts.made is None and "storageclass" in reason.lower():
        step = f"stop the run; kubectl get storageclass; seaway volume rm {name}, then make it with a class that is there: seaway volume create {name} --class CLASS"
    if waits is not None and (driver := re.search(r"provisioner,? '(?P<name>[^']+)'", _message(waits))):
        reason = f": its driver {driver['name']!r} has not made one; does it run?"
        step = f"kubectl get pods -A | grep -i csi; {step}"
    return Finding(
        *_level_of_claim(why), "ClaimUnbound", f"its persistent volume claim{named} has no volume yet{reason}",
        (*from_event(facts, why or waits), *evidence), next_step=step, permanent=False,
    )  # fmt: skip


def why_no_volume(claims: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the newest event that says why a claim gets no volume, None where there is none."""
    return next(
        (e for e in reversed(claims) if e.get("reason") in ("ProvisioningFailed", "FailedBinding")), None
    )


def _level_of_claim(why: Mapping[str, Any] | None) -> tuple[Level, VerdictClass]:
    text = str((why or {}).get("message") or "")
    spec = re.search(
        r'storageclass\S* "[^"]*" not found|no persistent volumes available|no storage class is set', text
    )
    return (Level.SPEC if spec else Level.CLUSTER), VerdictClass.CONFIGURATION


def attached_elsewhere(facts: Facts) -> Finding | None:
    """Find a volume that another node holds, of a kind that one node at a time can have."""
    event = _event(facts, _MULTI)
    if event is None:
        return None
    return _trouble(facts, event, Level.CLUSTER, VerdictClass.CONFIGURATION, "VolumeInUse", "can be attached to one node at a time, and another node has it",
                    f"end {'the run' if facts.made is None else 'the pod'} that holds it, or wait until its node lets go: {kubectl(facts, 'kubectl get pods -o wide', 'seaway volume list')}")  # fmt: skip


def wrong_file_system(facts: Facts) -> Finding | None:
    """Find a volume whose file system cannot be mounted."""
    event = _event(facts, _FILE_SYSTEM)
    if event is None:
        return None
    if _NO_HELPER.search(_message(event)):
        return _trouble(facts, event, Level.NODE, VerdictClass.CONFIGURATION, "MountHelperMissing", f"cannot be mounted: its node lacks the client of that file system (NFS, CIFS ...){_server(facts, event)}",
                        "have the file system's client installed on the nodes (NFS: nfs-common or nfs-utils)")  # fmt: skip
    return _trouble(facts, event, Level.CLUSTER, VerdictClass.CONFIGURATION, "VolumeFileSystem", "cannot be mounted: its file system is damaged or of another type",
                    "see fsType of the volume: kubectl get pv -o yaml")  # fmt: skip


def driver_missing(facts: Facts) -> Finding | None:
    """Find a node without the driver of a kind of volume."""
    event = _event(facts, _DRIVER)
    if event is None:
        return None
    return _trouble(facts, event, Level.NODE, VerdictClass.INFRASTRUCTURE, "VolumeDriver", "cannot be mounted: its node does not run the volume's driver (yet)",
                    "kubectl get csinode; have the driver started on that node", retry=True)  # fmt: skip


def host_path_missing(facts: Facts) -> Finding | None:
    """Find a path that its node does not have."""
    event = _event(facts, _NO_HOST_PATH)
    if event is None:
        return None
    return _trouble(facts, event, Level.SPEC, VerdictClass.CONFIGURATION, "HostPathMissing", "names a path that its node does not have",
                    f"correct hostPath, or have the path made on every node, then: {again(facts)}")  # fmt: skip


def network_share(facts: Facts) -> Finding | None:
    """Find a network share that does not answer or refuses the node."""
    event = _event(facts, _NETWORK)
    if event is None:
        return None
    return _trouble(facts, event, Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "ShareUnreachable", f"cannot be mounted: its file server{_server(facts, event)} does not answer or refuses the node",
                    "see whether the file server is up, and lets this node in; the node tries again", retry=True)  # fmt: skip


def volume_denied(facts: Facts) -> Finding | None:
    """Find storage that does not let the node or the pod's identity in."""
    event = _event(facts, _DENIED)
    if event is None or facts.made is None:
        return None
    return _trouble(facts, event, Level.CLUSTER, VerdictClass.CONFIGURATION, "VolumeDenied", f"cannot be mounted: the storage{_server(facts, event)} denies access to the node or to its service account",
                    "have whoever runs the storage give the right (export list, or the role of the service account or driver)")  # fmt: skip


def volume_absent(facts: Facts) -> Finding | None:
    """Find a share, path or bucket that its server does not have."""
    event = _event(facts, _NOT_EXPORTED)
    if event is None or facts.made is None:
        return None
    return _trouble(facts, event, Level.SPEC, VerdictClass.CONFIGURATION, "VolumeAbsent", f"cannot be mounted: the storage{_server(facts, event)} has nothing of that name or path",
                    f"correct the path or name in the volume, then: {again(facts)}")  # fmt: skip


def node_full_of_volumes(facts: Facts) -> Finding | None:
    """Find a node to which no more volumes can be attached."""
    event = _event(facts, _TOO_MANY)
    if event is None or facts.made is None:
        return None
    return _trouble(facts, event, Level.NODE, VerdictClass.INFRASTRUCTURE, "VolumeLimit", "cannot be attached: its node holds as many volumes as its kind of machine takes",
                    f"let it run on another node: delete the pod, so that it is placed anew: {kubectl(facts, f'kubectl delete pod {facts.run}')}", retry=True)  # fmt: skip


def _server(facts: Facts, event: Mapping[str, Any]) -> str:
    """Name the server and path of a volume as a part of a sentence, "" where neither is known."""
    named, message = _VOLUME.search(_message(event)), _message(event)
    for volume in ((facts.pod or {}).get("spec") or {}).get("volumes") or ():
        share = volume.get("nfs")
        if (
            isinstance(share, dict)
            and share.get("server")
            and (named is None or volume.get("name") == named["name"])
        ):
            return f" {share['server']}:{share.get('path', '')}"
    told = re.search(
        r"-t (?:nfs4?|cifs|efs|ceph|lustre) .*?(?P<share>(?://|[\w.-]+:/)\S*) /", message
    ) or re.search(r"(?i)resolve \"?(?P<share>[\w.-]+\.[\w.-]+)|bucket \"(?P<bucket>[^\"]+)", message)
    return f" {next(filter(None, told.groups()))}" if told and any(told.groups()) else ""


def attach_failed(facts: Facts) -> Finding | None:
    """Find a volume that is not attached or mounted, for a reason that the cluster knows better."""
    event = _event(facts, re.compile(r"rpc error|AttachVolume\.Attach failed"), beside=_GENERAL) or _event(
        facts,
        re.compile(
            r"AttachVolume\.|timed out waiting for the condition|Unable to attach or mount|MountDevice"
            r"|rpc error|DeadlineExceeded|MountVolume\.(?:MountDevice|WaitForAttach)"
        ),
    )
    if event is None or facts.made is None or _WAITS_FOR_OTHERS.search(_message(event)):
        return None
    return _trouble(facts, event, Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "VolumeAttach", "could not be attached or mounted in time",
                    "kubectl get volumeattachment; the cluster tries again", retry=True)  # fmt: skip


def _event(
    facts: Facts, words: re.Pattern[str], beside: re.Pattern[str] | None = None
) -> Mapping[str, Any] | None:
    """Return the newest event about a mount that says so; none where the pod runs, since the trouble is over then."""
    if not facts.waiting or pod_status(facts).get("phase", "Pending") != "Pending":
        return None
    mounted = max(
        (event_time(e) or "" for e in facts.events if e.get("reason") in ("Started", "Created")), default=""
    )
    for event in reversed(facts.events):
        if event.get("reason") in _MOUNTS and words.search(_message(event)):
            if beside is not None and beside.search(_message(event)):
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
    named = _VOLUME.search(_message(event))
    volume = f"its volume {named['name']!r}" if named else "one of its volumes"
    return Finding(
        level,
        class_,
        cause,
        f"{volume} {said}",
        from_event(facts, event),
        next_step=step,
        permanent=False,
        retry=retry,
    )


def _scheduling(facts: Facts) -> tuple[str, tuple[Any, ...]]:
    """Return the scheduler's last word on a pod that it has not placed."""
    pod = facts.pod or {}
    if pod_status(facts).get("phase", "Pending") != "Pending" or (pod.get("spec") or {}).get("nodeName"):
        return "", ()
    for found in pod_status(facts).get("conditions") or ():
        if found.get("type") == "PodScheduled" and found.get("status") == "False":
            text = str(found.get("message") or "")
            return text, (
                quote(facts, "pod status", f"Unschedulable: {text}", found.get("lastTransitionTime")),
            )
    event = next((e for e in reversed(facts.events) if e.get("reason") == "FailedScheduling"), None)
    return (_message(event), from_event(facts, event)) if event is not None else ("", ())


def _message(event: Mapping[str, Any]) -> str:
    return str(event.get("message") or event.get("note") or "")
