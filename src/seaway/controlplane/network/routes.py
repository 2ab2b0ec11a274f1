"""Decide, purely, which service a request is for by the rules of all Ingresses.

Source: Kubernetes documentation, "Ingress", "Path types" and "Hostname wildcards".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from seaway.objects.meta import key, name, namespace

Object = Mapping[str, Any]
CONTROLLER = "seaway.dev/ingress"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
EXACT = "Exact"


class Backend(NamedTuple):
    """Where a request goes."""

    ingress: str
    """ "namespace/name" of the Ingress that says so."""
    service: str
    """ "namespace/name"; empty where the backend is no service."""
    port: int | str


class Rule(NamedTuple):
    """One path of one host."""

    host: str
    """Empty for any; "*.example.com" for all one label below."""
    path: str
    exact: bool
    backend: Backend


def is_ours(ingress: Object, classes: Iterable[Object]) -> bool:
    """Tell whether an Ingress is to be served here: its class names our controller, or none is named and ours is default.

    Where there are no classes at all, Ingresses without a class are ours too: nobody else serves them.
    """
    ours = {name(one): one for one in classes if one["spec"].get("controller") == CONTROLLER}
    annotations = ingress["metadata"].get("annotations") or {}
    named = ingress["spec"].get("ingressClassName") or annotations.get(CLASS_ANNOTATION)
    if named:
        return named in ours
    return any(
        (one["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true" for one in ours.values()
    )


def rules_of(ingresses: Iterable[Object]) -> list[Rule]:
    """Return the rules of Ingresses, those that count first, first.

    Hosts in full come before wildcards and these before any; exact paths before prefixes, longer before shorter; of equal
    ones the older Ingress's.
    """
    rules: list[Rule] = []
    for ingress in sorted(
        ingresses, key=lambda one: (one["metadata"].get("creationTimestamp", ""), key(one))
    ):
        spec = ingress["spec"]
        if default := spec.get("defaultBackend"):
            rules.append(Rule("", "", exact=False, backend=_backend(ingress, default)))
        for rule in spec.get("rules") or ():
            for path in (rule.get("http") or {}).get("paths") or ():
                exact = path.get("pathType") == EXACT
                backend = _backend(ingress, path["backend"])
                rules.append(Rule(rule.get("host") or "", path.get("path") or "/", exact, backend))
    return sorted(rules, key=_order)


def _order(rule: Rule) -> tuple[Any, ...]:
    kind = 2 if not rule.host else 1 if rule.host.startswith("*.") else 0
    return (kind, not rule.exact, -len(rule.path.rstrip("/")), not rule.path)


def _backend(ingress: Object, backend: Object) -> Backend:
    service = backend.get("service")
    if service is None:
        return Backend(key(ingress), "", 0)
    port = service.get("port") or {}
    return Backend(
        key(ingress), f"{namespace(ingress)}/{service['name']}", port.get("number") or port.get("name", "")
    )


def find(rules: Iterable[Rule], host: str, path: str) -> Backend | None:
    """Return where a request goes, None where no rule is for it.

    Args:
        rules: in the order of `rules_of`.
        host: of the request, lower case, without a port.
        path: of the request, without a query.
    """
    return next((r.backend for r in rules if _is_for(r.host, host) and _leads(r, path)), None)


def _is_for(wanted: str, host: str) -> bool:
    if not wanted:
        return True
    if wanted.startswith("*."):
        first, dot, rest = host.partition(".")
        return bool(first and dot) and rest == wanted[2:]
    return wanted == host


def _leads(rule: Rule, path: str) -> bool:
    if rule.exact:
        return path == rule.path
    prefix = rule.path.rstrip("/")
    return not prefix or path == prefix or path.startswith(f"{prefix}/")


def certificates_of(ingresses: Iterable[Object]) -> dict[str, str]:
    """Return the Secret ("namespace/name") with the certificate of each host; "" for hosts that none names."""
    found: dict[str, str] = {}
    for ingress in sorted(
        ingresses, key=lambda one: (one["metadata"].get("creationTimestamp", ""), key(one))
    ):
        for tls in ingress["spec"].get("tls") or ():
            if tls.get("secretName"):
                for host in tls.get("hosts") or [""]:
                    found.setdefault(host, f"{namespace(ingress)}/{tls['secretName']}")
    return found


def certificate_for(certificates: Mapping[str, Any], host: str) -> Any:
    """Return what a host shows: its own, that of a wildcard, or that of any host; None for nothing."""
    wildcard = f"*.{host.partition('.')[2]}"
    return certificates.get(host) or certificates.get(wildcard) or certificates.get("")
