"""networking.k8s.io: NetworkPolicies. They are accepted; `controllers/networkpolicy.py` says that nothing enforces them.

Source: the networking validation of Kubernetes 1.36.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from seaway.controlplane.kinds.addresses import network_faults
from seaway.controlplane.kinds.cells import AGE, NAME, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.ports import named_port_faults, port_number_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_faults, selector_text
from seaway.objects.builtin import NETWORK_POLICIES
from seaway.objects.errors import Cause

PROTOCOLS = ("TCP", "UDP", "SCTP")
TYPES = ("Ingress", "Egress")
_SIDES = (("ingress", "from"), ("egress", "to"))


def _maps(value: Any) -> Iterable[Object]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def default(policy: Object) -> None:
    """Fill in the protocols and, where none is said, the types of the policy."""
    spec = policy.setdefault("spec", {})
    if not isinstance(spec, dict):
        return
    spec.setdefault("podSelector", {})
    for side, _ in _SIDES:
        for rule in _maps(spec.get(side)):
            for port in _maps(rule.get("ports")):
                if port.get("protocol") is None:
                    port["protocol"] = "TCP"
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def validate(policy: Object) -> list[Cause]:
    """Return the faults of a NetworkPolicy."""
    spec = policy.get("spec") or {}
    faults = validate_metadata(policy) + selector_faults(spec.get("podSelector"), "spec.podSelector")
    for side, peers in _SIDES:
        for index, rule in enumerate(spec.get(side) or ()):
            field = f"spec.{side}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                faults += _port_faults(port, f"{field}.ports[{number}]")
            for number, peer in enumerate(rule.get(peers) or ()):
                faults += _peer_faults(peer, f"{field}.{peers}[{number}]")
    types = spec.get("policyTypes") or []
    if len(types) > len(TYPES):
        return [*faults, invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
    return faults + [
        unsupported(f"spec.policyTypes[{index}]", kind, TYPES)
        for index, kind in enumerate(types)
        if kind not in TYPES
    ]


def _port_faults(port: Object, field: str) -> list[Cause]:
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    faults = [] if protocol in (None, *PROTOCOLS) else [unsupported(f"{field}.protocol", protocol, PROTOCOLS)]
    if number is None:
        why = "may not be specified when `port` is not specified"
        return faults if end is None else [*faults, invalid(f"{field}.endPort", end, why)]
    if isinstance(number, str):
        why = "may not be specified when `port` is non-numeric"
        faults += [] if end is None else [invalid(f"{field}.endPort", end, why)]
        return faults + named_port_faults(f"{field}.port", number)
    faults += port_number_faults(f"{field}.port", number)
    if end is not None:
        if end < number:
            faults.append(invalid(f"{field}.endPort", number, "must be greater than or equal to `port`"))
        faults += port_number_faults(f"{field}.endPort", end)
    return faults


def _peer_faults(peer: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for selector in ("podSelector", "namespaceSelector"):
        faults += selector_faults(peer.get(selector), f"{field}.{selector}")
    block = peer.get("ipBlock")
    if block is not None:
        faults += _block_faults(block, f"{field}.ipBlock")
    given = sum(peer.get(part) is not None for part in ("podSelector", "namespaceSelector", "ipBlock"))
    if not given:
        faults.append(required(field, "must specify a peer"))
    elif given > 1 and block is not None:
        faults.append(forbidden(field, "may not specify both ipBlock and another peer"))
    return faults


def _block_faults(block: Object, field: str) -> list[Cause]:
    text = block.get("cidr") or ""
    if not text:
        return [required(f"{field}.cidr")]
    if faults := network_faults(f"{field}.cidr", text):
        return faults
    whole = ipaddress.ip_network(text, strict=False)
    for index, inner in enumerate(block.get("except") or ()):
        at = f"{field}.except[{index}]"
        if wrong := network_faults(at, inner):
            faults += wrong
            continue
        part: Any = ipaddress.ip_network(inner, strict=False)
        if part.version != whole.version or part == whole or not part.subnet_of(whole):
            faults.append(invalid(at, inner, "must be a strict subset of `cidr`"))
    return faults


def _selector(policy: Object, _now: float) -> str:
    return selector_text(read(policy, "spec", "podSelector", default={}))


NETWORK_POLICY = Kind(
    NETWORK_POLICIES,
    schema_of(NETWORK_POLICIES),
    default=default,
    validate=validate,
    validate_update=validate_metadata_update,
    columns=(NAME, Column("Pod-Selector", _selector, description="Pods that it is about."), AGE),
)
