"""Approved requests for certificates are signed by the cluster's authority; old ones are cleared away.

Source: kube-controller-manager's csrsigning and csrcleaner controllers; Kubernetes' "Certificates and Certificate
Signing Requests", "Kubernetes signers".
"""

from __future__ import annotations

import base64
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.settings import Sign
from seaway.objects import meta
from seaway.objects.builtin import CERTIFICATE_SIGNING_REQUESTS
from seaway.objects.errors import Conflict, NotFound
from seaway.reconcile.controller import DONE, Controller, Outcome, RequeueAfter
from seaway.reconcile.sources import Source

Object = dict[str, Any]
LONGEST = 365 * 86400
"""Seconds that a certificate is good for where nothing shorter is asked for."""
SHORTEST = 600
SIGNED_KEPT, PENDING_KEPT, DENIED_KEPT = 3600.0, 86400.0, 3600.0
"""Seconds after which a request is cleared away, from its decision, or from its creation where none was made."""
_NODES, _NODE_PREFIX = "system:nodes", "system:node:"
_SERVING = ("digital signature", "key encipherment", "server auth")
_KUBELET = ("client auth", "digital signature", "key encipherment")


class Unfit(Exception):
    """A request that its signer does not sign. The message says why, in Kubernetes' words."""


def check_fit(request: x509.CertificateSigningRequest, signer: str, usages: set[str]) -> bool:
    """Tell whether a signer is one of ours.

    Raises:
        Unfit: it is, and does not sign such a request.
    """
    match signer:
        case "kubernetes.io/kube-apiserver-client":
            _check_client(usages)
        case "kubernetes.io/kube-apiserver-client-kubelet":
            _check_node(request)
            for words, kind in (("DNS", x509.DNSName), ("Email", x509.RFC822Name), ("IP", x509.IPAddress), ("URI", x509.UniformResourceIdentifier)):  # fmt: skip
                if _alternatives(request, kind):
                    raise Unfit(f"{words} subjectAltNames are not allowed")
            _check_name(request)
            _check_usages(usages, _KUBELET)
        case "kubernetes.io/kubelet-serving":
            _check_node(request)
            if not _alternatives(request, x509.DNSName) and not _alternatives(request, x509.IPAddress):
                raise Unfit("DNS or IP subjectAltName is required")
            for words, kind in (("Email", x509.RFC822Name), ("URI", x509.UniformResourceIdentifier)):
                if _alternatives(request, kind):
                    raise Unfit(f"{words} subjectAltNames are not allowed")
            _check_usages(usages, _SERVING)
            _check_name(request)
        case _:
            return False
    return True


def _check_client(usages: set[str]) -> None:
    for usage in sorted(usages - {"digital signature", "key encipherment", "client auth"}):
        raise Unfit(f"invalid usage for client certificate: {usage}")
    if "client auth" not in usages:
        raise Unfit("missing required usage for client certificate: client auth")


def _check_usages(usages: set[str], wanted: tuple[str, ...]) -> None:
    if usages not in (set(wanted), set(wanted) - {"key encipherment"}):
        raise Unfit(f"usages did not match [{' '.join(wanted)}]")


def _check_node(request: x509.CertificateSigningRequest) -> None:
    groups = [name.value for name in request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if groups != [_NODES]:
        raise Unfit("subject organization is not system:nodes")


def _check_name(request: x509.CertificateSigningRequest) -> None:
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not names or not str(names[0].value).startswith(_NODE_PREFIX):
        raise Unfit("subject common name does not begin with system:node:")


def _alternatives(request: x509.CertificateSigningRequest, kind: type[x509.GeneralName]) -> list[Any]:
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name for name in names if isinstance(name, kind)]


def lifetime(seconds: int | None) -> int:
    """Return how many seconds a certificate is good for."""
    return LONGEST if seconds is None else max(SHORTEST, min(seconds, LONGEST))


def due(request: Object) -> float:
    """Return when a request is to be cleared away (seconds since the epoch)."""
    status = request.get("status") or {}
    decided = [
        one for one in status.get("conditions") or () if one.get("type") in ("Approved", "Denied", "Failed")
    ]
    if not decided:
        return parse_rfc3339(request["metadata"]["creationTimestamp"]) + PENDING_KEPT
    when = max(
        parse_rfc3339(one.get("lastUpdateTime") or request["metadata"]["creationTimestamp"])
        for one in decided
    )
    approved = any(one.get("type") == "Approved" for one in decided)
    return when + (SIGNED_KEPT if approved else DENIED_KEPT)


def build(context: Context) -> Controller:
    """Return the controller."""
    client, clock, sign = context.client, context.clock, context.settings.sign
    requests = context.informers.informer(CERTIFICATE_SIGNING_REQUESTS)

    async def reconcile(key: str) -> Outcome:
        request = requests.get(key)
        if request is None:
            return DONE
        try:
            left = due(request) - clock.now()
            if left <= 0:
                await client.delete(CERTIFICATE_SIGNING_REQUESTS, key)
                return DONE
            status = _outcome(request, sign, clock.now())
            if status is not None:
                await client.replace(CERTIFICATE_SIGNING_REQUESTS, {**request, "status": status}, "status")
        except NotFound:
            return DONE
        except Conflict:
            return RequeueAfter(1.0)
        return RequeueAfter(left)

    return Controller("csrsigning", (Source(requests),), reconcile, clock=clock)


def _outcome(request: Object, sign: Sign | None, now: float) -> Object | None:
    """Return the status of a request that is to be signed or refused now, None for others."""
    spec, status = request["spec"], request.get("status") or {}
    approved, failed = (meta.get_condition(request, name) for name in ("Approved", "Failed"))
    if sign is None or approved is None or failed or status.get("certificate"):
        return None
    pem = base64.b64decode(spec["request"])
    usages = set(spec.get("usages") or ())
    try:
        if not check_fit(x509.load_pem_x509_csr(pem), spec["signerName"], usages):
            return None
    except Unfit as error:
        refused = {
            "type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": str(error),
            "lastUpdateTime": rfc3339(now), "lastTransitionTime": rfc3339(now),
        }  # fmt: skip
        return {**status, "conditions": [*(status.get("conditions") or ()), refused]}
    certificate = sign(pem, sorted(usages), lifetime(spec.get("expirationSeconds")), now)
    return {**status, "certificate": base64.b64encode(certificate).decode()}
