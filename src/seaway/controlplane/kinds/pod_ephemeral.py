"""Validation of ephemeral containers, which are added to a pod that runs, and stay.

Source: `validateEphemeralContainers` and `ValidatePodEphemeralContainersUpdate` of Kubernetes 1.36; KEP-277.
"""

from __future__ import annotations

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, not_found
from seaway.controlplane.kinds.metadata import validate_metadata_update
from seaway.controlplane.kinds.pod_containers import Context, container_faults, trimmed_image_faults
from seaway.controlplane.kinds.pod_validation import pod_faults
from seaway.controlplane.kinds.pod_volumes import volume_faults
from seaway.objects.errors import Cause

FIELD = "spec.ephemeralContainers"
_FORBIDDEN = (
    "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe", "readinessProbe",
    "startupProbe", "lifecycle",
)  # fmt: skip
_REFUSAL = "cannot be set for an Ephemeral Container"


def validate_ephemeral(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a write to pods/ephemeralcontainers."""
    faults = validate_metadata_update(new, old) + pod_faults(new)
    spec = new.get("spec") or {}
    listed = spec.get("ephemeralContainers") or []
    faults += _own_faults(spec, listed)
    known = {container.get("name"): container for container in listed}
    for before in (old.get("spec") or {}).get("ephemeralContainers") or ():
        name = before["name"]
        if name not in known:
            faults.append(forbidden(FIELD, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif known[name] != before:
            faults.append(forbidden(FIELD, f'existing ephemeral containers "{name}" may not be changed\n'))
    return faults


def _own_faults(spec: Object, listed: list[Object]) -> list[Cause]:
    volumes = volume_faults(spec.get("volumes") or (), "spec.volumes")[1]
    context = Context(volumes, spec.get("hostUsers") is not False, (), spec.get("restartPolicy") or "")
    others = {c.get("name") for kind in ("containers", "initContainers") for c in spec.get(kind) or ()}
    taken, faults = set(others), list[Cause]()
    for index, container in enumerate(listed):
        at, name = f"{FIELD}[{index}]", container.get("name") or ""
        allowed = {key: value for key, value in container.items() if key not in _FORBIDDEN}
        faults += container_faults(allowed, at, context, initial=False)
        faults += trimmed_image_faults(container, at)
        faults += [duplicate(f"{at}.name", name)] if name in taken else []
        taken.add(name)
        target = container.get("targetContainerName")
        faults += [not_found(f"{at}.targetContainerName", target)] if target and target not in others else []
        faults += [forbidden(f"{at}.{field}", _REFUSAL) for field in _FORBIDDEN if container.get(field)]
        for position, mount in enumerate(container.get("volumeMounts") or ()):
            for field in ("subPath", "subPathExpr"):
                if mount.get(field):
                    faults.append(forbidden(f"{at}.volumeMounts[{position}].{field}", _REFUSAL))
    return faults
