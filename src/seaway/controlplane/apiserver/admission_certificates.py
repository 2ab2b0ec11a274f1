"""Requests for certificates: who made one, who may approve it, who may sign it, and what an update may change.

Source: Kubernetes' "Certificates and Certificate Signing Requests" and its CertificateApproval, CertificateSigning and
CertificateSubjectRestriction admission plugins.
"""

from __future__ import annotations

import base64
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from seaway.base.clock import Clock, rfc3339
from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.apiserver.authorization import Authorizer
from seaway.controlplane.apiserver.rbac import Action
from seaway.controlplane.apiserver.users import MASTERS
from seaway.controlplane.kinds import faults
from seaway.objects.builtin import CERTIFICATE_SIGNING_REQUESTS
from seaway.objects.errors import Cause, invalid

Object = dict[str, Any]
API_CLIENT = "kubernetes.io/kube-apiserver-client"
DECIDED = ("Approved", "Denied")
_WHO = ("username", "uid", "groups", "extra")


class CertificateRequests:
    """The admission step of certificate requests.

    Args:
        authorizer: knows who may approve and sign.
        clock: for the time of a decision.
    """

    def __init__(self, authorizer: Authorizer, clock: Clock) -> None:
        self._authorizer, self._clock = authorizer, clock

    def __call__(self, attributes: Attributes) -> None:
        """Judge a write of a certificate request."""
        if not attributes.is_a(CERTIFICATE_SIGNING_REQUESTS) or attributes.operation == "DELETE":
            return
        if attributes.old is None:
            _note_requester(attributes)
            _refuse_masters(attributes)
        elif attributes.subresource == "approval":
            self._judge_approval(attributes, attributes.old)
        elif attributes.subresource == "status":
            self._judge_status(attributes, attributes.old)

    def _judge_approval(self, attributes: Attributes, old: Object) -> None:
        signer = str((old.get("spec") or {}).get("signerName"))
        if not self._may(attributes, "approve", signer):
            raise attributes.refuse(f'user not permitted to approve requests with signerName "{signer}"')
        self._complete_times(attributes.object, old)
        _refuse_faults(attributes, _lost(attributes.object, old, (*DECIDED, "Failed")))

    def _judge_status(self, attributes: Attributes, old: Object) -> None:
        new_status, old_status = attributes.object.get("status") or {}, old.get("status") or {}
        if all(new_status.get(field) == old_status.get(field) for field in ("certificate", "conditions")):
            return
        signer = str((old.get("spec") or {}).get("signerName"))
        if not self._may(attributes, "sign", signer):
            raise attributes.refuse(f'user not permitted to sign requests with signerName "{signer}"')
        self._complete_times(attributes.object, old)
        found = _lost(attributes.object, old, (*DECIDED, "Failed"))
        for kind in DECIDED:
            new, before = (_conditions(obj, kind) for obj in (attributes.object, old))
            words = "add" if len(new) > len(before) else "modify" if len(new) == len(before) else ""
            if words and new != before:
                detail = f'updates may not {words} a condition of type "{kind}"'
                found.append(faults.forbidden("status.conditions", detail))
        signed = old_status.get("certificate")
        if signed and new_status.get("certificate") != signed:
            detail = "updates may not modify existing certificate content"
            found.append(faults.forbidden("status.certificate", detail))
        _refuse_faults(attributes, found)

    def _may(self, attributes: Attributes, verb: str, signer: str) -> bool:
        """Tell whether the caller may approve or sign for a signer, or for all of its domain."""
        names = (signer, f"{signer.partition('/')[0]}/*")
        group = CERTIFICATE_SIGNING_REQUESTS.group
        return any(
            self._authorizer.allowed(attributes.user, Action(verb, group, "signers", "", name))
            for name in names
        )

    def _complete_times(self, new: Object, old: Object) -> None:
        """Fill in when conditions were written and when they changed."""
        now, status = rfc3339(self._clock.now()), new.get("status") or {}
        before = {(one.get("type"), one.get("status")): one for one in _conditions(old)}
        completed = []
        for one in status.get("conditions") or ():
            known = before.get((one.get("type"), one.get("status"))) or {}
            changed = one.get("lastTransitionTime") or known.get("lastTransitionTime") or now
            updated = one.get("lastUpdateTime") or now
            completed.append({**one, "lastUpdateTime": updated, "lastTransitionTime": changed})
        if completed:
            new["status"] = {**status, "conditions": completed}


def _note_requester(attributes: Attributes) -> None:
    """Write the caller into a new request, in place of whatever it says."""
    spec = attributes.object.get("spec")
    if isinstance(spec, dict):
        for field in _WHO:
            spec.pop(field, None)
        spec |= attributes.user.to_object()


def _refuse_masters(attributes: Attributes) -> None:
    """Refuse a request to become an administrator of everything."""
    spec = attributes.object.get("spec")
    if not isinstance(spec, dict) or spec.get("signerName") != API_CLIENT:
        return
    try:
        request = x509.load_pem_x509_csr(base64.b64decode(str(spec.get("request") or "")))
    except ValueError:
        return  # validation says what is wrong with it
    groups = [name.value for name in request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if MASTERS in groups:
        raise attributes.refuse(f"use of {API_CLIENT} signer with {MASTERS} group is not allowed")


def _conditions(request: Object, kind: str = "") -> list[Object]:
    found = (request.get("status") or {}).get("conditions") or ()
    return [one for one in found if not kind or one.get("type") == kind]


def _lost(new: Object, old: Object, kinds: tuple[str, ...]) -> list[Cause]:
    words = 'updates may not remove a condition of type "{}"'
    return [
        faults.forbidden("status.conditions", words.format(kind))
        for kind in kinds
        if len(_conditions(new, kind)) < len(_conditions(old, kind))
    ]


def _refuse_faults(attributes: Attributes, found: list[Cause]) -> None:
    if found:
        resource = attributes.resource
        raise invalid(resource.group, resource.kind, attributes.name, found)
