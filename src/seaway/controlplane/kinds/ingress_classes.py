"""networking.k8s.io: classes of Ingresses, which name the controller that serves them."""

from __future__ import annotations

import re

from seaway.controlplane.kinds.cells import AGE, NONE, at, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import forbidden, immutable, invalid, required, too_long, unsupported
from seaway.controlplane.kinds.metadata import (
    path_segment_faults,
    validate_metadata,
    validate_metadata_update,
)
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import meta, names
from seaway.objects.builtin import INGRESS_CLASSES
from seaway.objects.errors import Cause

DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
_LONGEST = 250
_SCOPES = ("Cluster", "Namespace")
_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"


def _annotations(obj: Object) -> Object:
    found: Object = obj["metadata"].get("annotations") or {}
    return found


def default(ingress_class: Object) -> None:
    """Fill in the scope of the parameters."""
    spec = ingress_class.get("spec")
    parameters = spec.get("parameters") if isinstance(spec, dict) else None
    if isinstance(parameters, dict) and parameters.get("scope") is None:
        parameters["scope"] = "Cluster"


def validate(ingress_class: Object) -> list[Cause]:
    """Return the faults of an IngressClass."""
    spec = ingress_class.get("spec") or {}
    controller = spec.get("controller") or ""
    faults = validate_metadata(ingress_class, namespaced=False)
    if len(controller) > _LONGEST:
        faults.append(too_long("spec.controller", _LONGEST))
    faults += _controller_faults(controller, "spec.controller")
    parameters = spec.get("parameters")
    return faults + (_parameter_faults(parameters, "spec.parameters") if parameters is not None else [])


def _controller_faults(controller: str, field: str) -> list[Cause]:
    if not controller:
        return [required(field)]
    host, _, path = controller.partition("/")
    if not host or not path:
        return [invalid(field, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    faults = [invalid(field, host, fault) for fault in names.dns_subdomain_faults(host)]
    if not re.fullmatch(_PATH, path):
        faults.append(invalid(field, path, f"Invalid path (regex used for validation is '{_PATH}')"))
    return faults


def _parameter_faults(parameters: Object, field: str) -> list[Cause]:
    group = parameters.get("apiGroup")
    faults = [invalid(f"{field}.apiGroup", group, f) for f in names.dns_subdomain_faults(group or "x")]
    for part in ("kind", "name"):
        text = parameters.get(part)
        if not text:
            faults.append(required(f"{field}.{part}"))
            continue
        faults += [invalid(f"{field}.{part}", text, f) for f in path_segment_faults(text)]
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        faults.append(required(f"{field}.scope"))
    elif scope not in _SCOPES:
        faults.append(unsupported(f"{field}.scope", scope, _SCOPES))
    elif scope == "Cluster" and namespace is not None:
        faults.append(forbidden(f"{field}.namespace", "`parameters.scope` is set to 'Cluster'"))
    elif scope == "Namespace" and namespace is None:
        faults.append(required(f"{field}.namespace", "`parameters.scope` is set to 'Namespace'"))
    elif scope == "Namespace":
        faults += [
            invalid(f"{field}.namespace", namespace, f) for f in names.dns_label_faults(namespace or "")
        ]
    return faults


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: the controller stays."""
    after, before = (read(obj, "spec", "controller", default="") for obj in (new, old))
    return validate_metadata_update(new, old) + immutable("spec.controller", after, before)


def is_default(ingress_class: Object) -> bool:
    """Tell whether Ingresses that name no class are of this one."""
    return _annotations(ingress_class).get(DEFAULT_CLASS) == "true"


def _name(ingress_class: Object, _now: float) -> str:
    return meta.name(ingress_class) + (" (default)" if is_default(ingress_class) else "")


def _parameters(ingress_class: Object, _now: float) -> str:
    found = read(ingress_class, "spec", "parameters", default=None)
    if found is None:
        return NONE
    group = f".{found['apiGroup']}" if found.get("apiGroup") is not None else ""
    return f"{found.get('kind', '')}{group}/{found.get('name', '')}"


INGRESS_CLASS = Kind(
    INGRESS_CLASSES,
    schema_of(INGRESS_CLASSES),
    default=default,
    validate=validate,
    validate_update=validate_update,
    columns=(
        Column("Name", _name, format="name", description="Name of the object, unique in its namespace."),
        Column("Controller", at("spec", "controller"), description="Who serves Ingresses of this class."),
        Column("Parameters", _parameters, description="An object with more about the class."),
        AGE,
    ),
)
