"""Particular reasons for which an image cannot be had: its name, tag, rights, the registry, its architecture.

Source: the messages of containerd and CRI-O as the kubelet passes them on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seaway.base.messages import wording
from seaway.model.verdict import Evidence, Level, VerdictClass
from seaway.platform.diagnosis.advice import again, kubectl
from seaway.platform.diagnosis.evidence import (
    container_status,
    event_time,
    exit_code,
    from_end,
    from_event,
    from_log,
    last_event,
    last_lines,
    main_container,
    quote,
    waiting,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding

_BAD_IMAGE = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
)
_REGISTRY_TROUBLE = re.compile(
    r"(?i)timeout|timed out|connection (?:refused|reset)|no such host|server misbehaving|temporary failure|too ?many ?requests|\b50[0234]\b"
    r"|tls handshake|deadline exceeded|context canceled|unexpected eof|no space left on device"
)
_PULL = ("ErrImagePull", "ImagePullBackOff")
_SECRETS_FIELD = "imagePullSecrets"
_BUILDING = "docker buildx build --platform"
_RATE = re.compile(r"(?i)too ?many ?requests|rate limit")
_DENIED = re.compile(
    r"(?i)unauthorized|authentication required|authorization failed|no basic auth credentials"
    r"|\b40[13] (?:forbidden|unauthorized)|denied: (?:permission|requested access|access|your)"
    r"|failed to fetch (?:anonymous|oauth) token|access forbidden|expired token"
    r"|authorization token has expired|access denied|403 Forbidden"
)
_AMBIGUOUS = re.compile(r"(?i)repository does not exist or may require|insufficient_scope")
_NO_PLATFORM = re.compile(
    r"(?i)no match for platform in manifest|no matching manifest for|does not match the specified platform"
)
_ABSENT = re.compile(r"(?i)manifest unknown|not found|manifest for \S+ not found|name unknown|does not exist")
_NO_DISK = re.compile(r"(?i)no space left on device|failed to extract layer|disk quota")
_CERTIFICATE = re.compile(r"(?i)x509|certificate")
_CLOCK = re.compile(r"current time (?P<now>\S+) is before (?P<valid>\S+)|certificate is not yet valid")
_NO_NAME = re.compile(r"(?i)no such host|name or service not known")
_BY_ROLE = re.compile(r"\.dkr\.ecr\.|\.pkg\.dev/|^(?:\w+\.)?gcr\.io/|\.azurecr\.io/")
"""Registries to which a cloud's own nodes are let in by their role."""
_ARCHITECTURE = re.compile(
    r"(?i)exec(?: user process caused:?| \S+:?)? ?.*exec format error|exec format error"
    r"|cannot execute binary file"
)


def image_name_invalid(facts: Facts) -> Finding | None:
    """Find an image whose name cannot be one."""
    if waiting(facts).get("reason") != "InvalidImageName":
        return None
    return _found(
        facts,
        "BadImage",
        wording("{image!r} is no name that an image can have", image=_image(facts)),
        _corrected(facts),
    )


def image_never_pulled(facts: Facts) -> Finding | None:
    """Find an image that is not on the node and may not be pulled."""
    if waiting(facts).get("reason") != "ErrImageNeverPull":
        return None
    message = wording(
        "the image {image!r} is not on the node, and its pull policy {policy} forbids to fetch it",
        image=_image(facts), policy="Never",
    )  # fmt: skip
    step = wording(
        "set {setting}, or load the image onto the node, then: {command}",
        setting="imagePullPolicy: IfNotPresent", command=again(facts),
    )  # fmt: skip
    return _found(facts, "ImageNeverPull", message, step)


def image_rate_limited(facts: Facts) -> Finding | None:
    """Find a registry that lets this address pull no more images for a while."""
    if not _pull(facts) or not _RATE.search(_why(facts)):
        return None
    return Finding(
        Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "ImageRateLimit",
        wording("the registry lets nobody pull {image!r} from this address for a while: too many pulls", image=_image(facts)),
        _evidence(facts),
        next_step=wording(
            "nothing to do: the node tries again; to avoid it, log in to the registry ({field}) or use a mirror", field=_SECRETS_FIELD,
        ),
        retry=True, permanent=False,
    )  # fmt: skip


def image_denied(facts: Facts) -> Finding | None:
    """Find an image that the registry gives only to those whom it knows."""
    why = _why(facts)
    if not _pull(facts) or not _DENIED.search(why) or (_AMBIGUOUS.search(why) and not _secrets(facts)):
        return None
    image, named = _image(facts), ", ".join(_secrets(facts))
    by_role = bool(_BY_ROLE.search(image))
    if named:
        message = wording(
            "the registry refuses to give out the image {image!r}: the credentials in {secrets} do not suffice",
            image=image, secrets=named,
        )  # fmt: skip
    elif by_role:
        message = wording(
            "the registry refuses to give out the image {image!r}: neither its nodes' role nor {field} let it in",
            image=image, field=_SECRETS_FIELD,
        )  # fmt: skip
    else:
        message = wording(
            "the registry refuses to give out the image {image!r}: it was asked without credentials ({field})",
            image=image, field=_SECRETS_FIELD,
        )  # fmt: skip
    return _found(facts, "ImageDenied", message, _let_in(facts, by_role))


def _let_in(facts: Facts, by_role: bool) -> str:
    """Return how a registry is made to give out an image."""
    if by_role:
        return wording(
            "give the nodes' role (or service account) the right to pull from it, or name a registry secret in {field}",
            field=_SECRETS_FIELD,
        )
    command = "kubectl create secret docker-registry regcred --docker-server=REGISTRY --docker-username=USER --docker-password=PASSWORD"
    return wording("{command}; name it in {field}", command=kubectl(facts, command), field=_SECRETS_FIELD)


def image_platform_missing(facts: Facts) -> Finding | None:
    """Find an image that was not built for the node's kind of CPU."""
    if not _pull(facts) or not _NO_PLATFORM.search(_why(facts)):
        return None
    message = wording(
        "the image {image!r} was not built for the kind of CPU that its node has{cpu}",
        image=_image(facts), cpu=_node_cpu(facts),
    )  # fmt: skip
    step = wording(
        "build it for that platform ({building}), then: {command}", building=_BUILDING, command=again(facts)
    )
    return _found(facts, "ImageArchitecture", message, step)


def image_no_disk(facts: Facts) -> Finding | None:
    """Find an image for which the node's disk has no room."""
    if not _pull(facts) or not _NO_DISK.search(_why(facts)):
        return None
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "ImageNoDisk",
        wording("the disk of its node has no room for the image {image!r}", image=_image(facts)), _evidence(facts),
        next_step=wording("free the node's disk ({command}), or let it run on another node", command="crictl rmi --prune"),
        retry=True, permanent=False,
    )  # fmt: skip


def image_certificate(facts: Facts) -> Finding | None:
    """Find a registry whose certificate the node does not accept."""
    if not _pull(facts) or not _CERTIFICATE.search(_why(facts)):
        return None
    if _CLOCK.search(_why(facts)):
        return Finding(
            Level.NODE, VerdictClass.INFRASTRUCTURE, "ClockSkew",
            wording("the image {image!r} cannot be pulled: the clock of its node is wrong, so that its registry's certificate seems not to be valid yet", image=_image(facts)),
            _evidence(facts), next_step=wording("have the node's clock set (NTP, chrony); until then let it run elsewhere"),
            permanent=False,
        )  # fmt: skip
    cause = "CertificateExpired" if "expired" in _why(facts) else "CertificateUntrusted"
    if cause == "CertificateExpired":
        message = wording(
            "the image {image!r} cannot be pulled: its registry's certificate has expired",
            image=_image(facts),
        )
    else:
        message = wording(
            "the image {image!r} cannot be pulled: its registry's certificate is not one that the node trusts",
            image=_image(facts),
        )
    return Finding(
        Level.CLUSTER, VerdictClass.INFRASTRUCTURE, cause, message, _evidence(facts),
        next_step=wording("have whoever runs the registry or the nodes renew or add the certificate"), permanent=False,
    )  # fmt: skip


def image_registry_plain(facts: Facts) -> Finding | None:
    """Find a registry that speaks HTTP where the node wants HTTPS."""
    if not _pull(facts) or "server gave HTTP response to HTTPS client" not in _why(facts):
        return None
    return Finding(
        Level.CLUSTER, VerdictClass.CONFIGURATION, "RegistryInsecure",
        wording("the image {image!r} cannot be pulled: its registry speaks plain HTTP, and the node wants HTTPS", image=_image(facts)),
        _evidence(facts),
        next_step=wording("give the registry a certificate, or have the nodes' containerd told that it is insecure"),
    )  # fmt: skip


def wrong_architecture(facts: Facts) -> Finding | None:
    """Find a program built for another kind of CPU than the node's."""
    ended = (container_status(facts).get("state") or {}).get("terminated") or {}
    text = f"{ended.get('message') or ''} {waiting(facts).get('message') or ''}"
    lines = [line for line in last_lines(facts, 3) if _ARCHITECTURE.search(line)]
    if not lines and not _ARCHITECTURE.search(text):
        return None
    if not lines and exit_code(facts) is None and "format error" not in text:
        return None
    evidence = (*from_log(facts, lines[-1:]), *from_end(facts)) or (quote(facts, "pod status", text),)
    if not lines:
        evidence = (quote(facts, "pod status", text.strip(), ended.get("finishedAt")), *evidence)
    return Finding(
        Level.CONTAINER if facts.made else Level.SPEC, VerdictClass.CONFIGURATION, "ImageArchitecture",
        wording(
            "the program in the image {image!r} was built for another kind of CPU than its node has{cpu}",
            image=_image(facts), cpu=_node_cpu(facts),
        ),
        evidence, exit_code=exit_code(facts),
        next_step=wording("build the image for that platform ({building}), then: {command}", building=_BUILDING, command=again(facts)),
    )  # fmt: skip


def image_absent(facts: Facts) -> Finding | None:
    """Find an image, or a tag of it, that the registry does not have."""
    why = _why(facts)
    if facts.made is None or not _pull(facts) or not (_ABSENT.search(why) or _AMBIGUOUS.search(why)):
        return None
    message = wording("the registry has no image {image!r}: its name or tag is wrong", image=_image(facts))
    if _AMBIGUOUS.search(why):
        message = wording(
            "the registry has no image {image!r}: its name or tag is wrong, or it is private",
            image=_image(facts),
        )
    return _found(facts, "BadImage", message, _corrected(facts))


def bad_image(facts: Facts) -> Finding | None:
    """Find an image that does not exist or cannot be pulled."""
    found = waiting(facts)
    if found.get("reason") not in _BAD_IMAGE:
        return None
    image = _image(facts)
    unreachable = found["reason"] == "RegistryUnavailable" or _REGISTRY_TROUBLE.search(_why(facts))
    if unreachable and _NO_NAME.search(_why(facts)):
        return Finding(
            Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "ImagePull",
            wording("the image {image!r} cannot be pulled: its node's DNS knows no host of its registry's name", image=image),
            _evidence(facts),
            next_step=wording(
                "check the registry's name in image; if it is right, have the node's DNS looked at; the node tries again: {command}",
                command=_watching(facts),
            ),
            retry=True, permanent=False,
        )  # fmt: skip
    if unreachable:
        return Finding(
            Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "ImagePull",
            wording("the image {image!r} could not be pulled yet: the registry does not answer", image=image),
            _evidence(facts), next_step=wording("nothing to do; the node tries again"), retry=True, permanent=False,
        )  # fmt: skip
    step = _corrected(facts)
    if facts.made is None:
        step = wording(
            "correct the name, or leave it to the server: {command}", command=again(facts, "--image")
        )
    message = wording("the image {image!r} does not exist here or may not be pulled", image=image)
    return _found(facts, "BadImage", message, step)


def image_slow(facts: Facts) -> Finding | None:
    """Find a pod that waits for its image to be pulled."""
    if not facts.waiting or waiting(facts).get("reason") not in ("ContainerCreating", "PodInitializing"):
        return None
    event = facts.events[-1] if facts.events else None
    if facts.made is None or event is None or event.get("reason") != "Pulling":
        return None
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "ImagePulling",
        wording("its node still pulls the image {image!r}: a big image takes minutes the first time", image=_image(facts)),
        from_event(facts, event), next_step=wording("wait; watch it with: {command}", command=_watching(facts)),
        retry=False, permanent=False,
    )  # fmt: skip


def _corrected(facts: Facts) -> str:
    """Return how an image that cannot be had is replaced."""
    return wording("correct it: {command}", command=again(facts, "--image", "NAME:TAG"))


def _watching(facts: Facts) -> str:
    """Return the command that shows how a pod goes on."""
    return kubectl(facts, f"kubectl get pod {facts.run} -w")


def _pull(facts: Facts) -> bool:
    return waiting(facts).get("reason") in _PULL


def _why(facts: Facts) -> str:
    """Return all that was said of why the image was not pulled, newest last."""
    return " ".join(
        [waiting(facts).get("message") or "", *(str(event["message"]) for event in _failures(facts))]
    )


def _failures(facts: Facts) -> list[Mapping[str, Any]]:
    """Return the events that say why the image was not pulled; not those of another container's image."""
    image = _image(facts)
    return [
        event
        for event in facts.events
        if event.get("reason") in ("Failed", "InspectFailed")
        and "pull" in (message := str(event.get("message") or "")).lower()
        and (image == "?" or image in message or '"' not in message)
    ]


def _evidence(facts: Facts) -> tuple[Evidence, ...]:
    told = [event for event in _failures(facts) if not str(event["message"]).startswith("Error: ")]
    event = told[-1] if told else last_event(facts, "Failed", "InspectFailed", "ErrImageNeverPull")
    found = waiting(facts)
    if told and found.get("reason") == "ImagePullBackOff":
        return from_event(facts, event)
    text = f"{found.get('reason')}: {found.get('message', '')}"
    return (quote(facts, "pod status", text, event_time(event) if event else None),)


def _found(facts: Facts, cause: str, message: str, step: str) -> Finding:
    return Finding(Level.SPEC, VerdictClass.CONFIGURATION, cause, message, _evidence(facts), next_step=step)


def _image(facts: Facts) -> str:
    return str(
        main_container(facts).get("image") or container_status(facts).get("image") or _named(facts) or "?"
    )


def _named(facts: Facts) -> str:
    found = re.search(r'image "(?P<image>[^"]+)"', waiting(facts).get("message") or "")
    return found["image"] if found else ""


def _secrets(facts: Facts) -> list[str]:
    return [
        str(one.get("name")) for one in ((facts.pod or {}).get("spec") or {}).get("imagePullSecrets") or ()
    ]


def _node_cpu(facts: Facts) -> str:
    kind = (((facts.node or {}).get("status") or {}).get("nodeInfo") or {}).get("architecture")
    return f" ({kind})" if kind else ""
