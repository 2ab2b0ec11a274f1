"""Validation of what is done to containers: probes, hooks, restarts."""

from __future__ import annotations

import re
from typing import Any

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import forbidden, invalid, required, too_many, unsupported
from seaway.controlplane.kinds.ports import port_reference_faults
from seaway.objects.errors import Cause

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_SCHEMES = ("HTTP", "HTTPS")
_NOT_NEGATIVE = "must be greater than or equal to 0"
_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_SIDECARS_ONLY = "may not be set for init containers without restartPolicy=Always"
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_RESTART_ACTIONS = ("Restart", "RestartAllContainers")
_MOST_RULES, _MOST_CODES = 20, 255
_HEADER = "[-A-Za-z0-9]+"


def role_faults(container: Object, field: str, grace: int | None, *, initial: bool) -> list[Cause]:
    """Return the faults of probes and hooks, which plain init containers may not have, and of restart rules.

    Args:
        container: as written, with defaults.
        field: its path.
        grace: the pod's grace period in seconds, None where it has none.
        initial: whether it is an init container.
    """
    faults = _restart_faults(container, field)
    if initial and container.get("restartPolicy") != "Always":
        return faults + [
            forbidden(f"{field}.{name}", _SIDECARS_ONLY)
            for name in ("lifecycle", *PROBES)
            if container.get(name) is not None
        ]
    for name in PROBES:
        if container.get(name) is not None:
            faults += _probe_faults(container[name], f"{field}.{name}", grace)
    for name, hook in (container.get("lifecycle") or {}).items():
        if isinstance(hook, dict):
            faults += _handler_faults(hook, f"{field}.lifecycle.{name}", grace)
    return faults


def _probe_faults(probe: Object, field: str, grace: int | None) -> list[Cause]:
    faults = _handler_faults(probe, field, grace)
    faults += [invalid(f"{field}.{n}", probe[n], _NOT_NEGATIVE) for n in _NUMBERS if (probe.get(n) or 0) < 0]
    readiness = field.endswith("readinessProbe")
    if not readiness and probe.get("successThreshold", 1) != 1:
        faults.append(invalid(f"{field}.successThreshold", probe["successThreshold"], "must be 1"))
    seconds = probe.get("terminationGracePeriodSeconds")
    if seconds is not None and seconds <= 0:
        faults.append(invalid(f"{field}.terminationGracePeriodSeconds", seconds, "must be greater than 0"))
    if seconds is not None and readiness:
        detail = "must not be set for readinessProbes"
        faults.append(invalid(f"{field}.terminationGracePeriodSeconds", seconds, detail))
    return faults


def _handler_faults(handler: Object, field: str, grace: int | None) -> list[Cause]:
    given = [kind for kind in _HANDLERS if handler.get(kind) is not None]
    if not given:
        return [required(field, "must specify a handler type")]
    faults = [forbidden(f"{field}.{kind}", "may not specify more than 1 handler type") for kind in given[1:]]
    at, action = f"{field}.{given[0]}", handler[given[0]]
    match given[0]:
        case "exec":
            faults += [] if action.get("command") else [required(f"{at}.command")]
        case "httpGet":
            faults += _http_faults(action, at)
        case "tcpSocket" | "grpc":
            faults += port_reference_faults(f"{at}.port", action.get("port") or 0)
        case _:
            faults += _sleep_faults(action, at, grace)
    return faults


def _http_faults(action: Object, field: str) -> list[Cause]:
    faults = [] if action.get("path") else [required(f"{field}.path")]
    port: Any = action.get("port")
    faults += port_reference_faults(f"{field}.port", 0 if port is None else port)
    if action.get("scheme") not in _SCHEMES:
        faults.append(unsupported(f"{field}.scheme", action.get("scheme"), _SCHEMES))
    for header in action.get("httpHeaders") or ():
        name = header.get("name") or ""
        if not re.fullmatch(_HEADER, name):
            detail = (
                "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used "
                f"for validation is '{_HEADER}')"
            )
            faults.append(invalid(f"{field}.httpHeaders", name, detail))
    return faults


def _sleep_faults(action: Object, field: str, grace: int | None) -> list[Cause]:
    seconds = action.get("seconds") or 0
    if grace is None or 0 <= seconds <= grace:
        return []
    detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
    return [invalid(field, seconds, detail)]


def _restart_faults(container: Object, field: str) -> list[Cause]:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    faults: list[Cause] = []
    if policy is None and rules:
        detail = "must specify restartPolicy when restart rules are used"
        faults.append(required(f"{field}.restartPolicy", detail))
    elif policy is not None and policy not in _RESTART_POLICIES:
        faults.append(unsupported(f"{field}.restartPolicy", policy, _RESTART_POLICIES))
    if len(rules) > _MOST_RULES:
        faults.append(too_many(f"{field}.restartPolicyRules", len(rules), _MOST_RULES))
    for index, rule in enumerate(rules):
        at, codes = f"{field}.restartPolicyRules[{index}]", rule.get("exitCodes")
        if rule.get("action") not in _RESTART_ACTIONS:
            faults.append(unsupported(f"{at}.action", rule.get("action") or "", _RESTART_ACTIONS))
        if codes is None:
            faults.append(required(f"{at}.exitCodes", "must be specified"))
            continue
        if codes.get("operator") not in ("In", "NotIn"):
            faults.append(
                unsupported(f"{at}.exitCodes.operator", codes.get("operator") or "", ("In", "NotIn"))
            )
        if len(codes.get("values") or ()) > _MOST_CODES:
            faults.append(too_many(f"{at}.exitCodes.values", len(codes["values"]), _MOST_CODES))
    return faults
