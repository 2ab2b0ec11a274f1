"""certificates.k8s.io: requests that a certificate be signed."""

from __future__ import annotations

import base64
import binascii

from cryptography import x509

from seaway.controlplane.kinds.cells import AGE, NAME, NONE, at, human_duration, joined, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import duplicate, immutable, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import names
from seaway.objects.builtin import CERTIFICATE_SIGNING_REQUESTS
from seaway.objects.errors import Cause

SHORTEST_SECONDS = 600
DECISIONS = ("Approved", "Denied", "Failed")
STATUSES = ("False", "True", "Unknown")
USAGES = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only",
    "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement",
    "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping",
)  # fmt: skip


def prepare_create(request: Object) -> None:
    """Begin undecided."""
    request["status"] = {}


def validate(request: Object) -> list[Cause]:
    """Return the faults of a CertificateSigningRequest."""
    spec = request.get("spec") or {}
    faults = validate_metadata(request, namespaced=False)
    try:
        x509.load_pem_x509_csr(base64.b64decode(spec.get("request") or "", validate=True))
    except (ValueError, binascii.Error):
        detail = "PEM block type must be CERTIFICATE REQUEST"
        faults.append(invalid("spec.request", spec.get("request") or "", detail))
    if not spec.get("usages"):
        faults.append(required("spec.usages"))
    faults += [
        unsupported(f"spec.usages[{index}]", usage, USAGES)
        for index, usage in enumerate(spec.get("usages") or ())
        if usage not in USAGES
    ]
    signer = spec.get("signerName") or ""
    domain, slash, path = signer.partition("/")
    if not signer:
        faults.append(required("spec.signerName"))
    elif not slash or not path or names.dns_subdomain_faults(domain):
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        faults.append(invalid("spec.signerName", signer, detail))
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < SHORTEST_SECONDS:
        detail = f"may not specify a duration less than {SHORTEST_SECONDS} seconds (10 minutes)"
        faults.append(invalid("spec.expirationSeconds", seconds, detail))
    return faults


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: what was asked for, and by whom, is fixed."""
    return validate_metadata_update(new, old) + immutable("spec", new.get("spec"), old.get("spec"))


def validate_status(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a status: what is said of the request."""
    faults = validate_metadata_update(new, old)
    conditions, seen = read(new, "status", "conditions", default=()), set[str]()
    for index, condition in enumerate(conditions):
        field, kind = f"status.conditions[{index}]", condition.get("type") or ""
        status, allowed = condition.get("status") or "", ("True",) if kind in DECISIONS else STATUSES
        if not kind:
            faults.append(required(f"{field}.type"))
        if not status:
            faults.append(required(f"{field}.status"))
        elif status not in allowed:
            faults.append(unsupported(f"{field}.status", status, allowed))
        other = {"Approved": "Denied", "Denied": "Approved"}.get(kind)
        if other in seen:
            detail = "Approved and Denied conditions are mutually exclusive"
            faults.append(invalid("status.conditions", kind, detail))
        if kind in seen:
            faults.append(duplicate(f"{field}.type", kind))
        seen.add(kind)
    return faults


def _condition(request: Object, _now: float) -> str:
    found = [str(one.get("type")) for one in read(request, "status", "conditions", default=())]
    issued = ["Issued"] if read(request, "status", "certificate") else []
    return joined([*found, *issued]) or "Pending"


def _duration(request: Object, _now: float) -> str:
    seconds = read(request, "spec", "expirationSeconds", default=None)
    return NONE if seconds is None else human_duration(seconds)


CERTIFICATE_SIGNING_REQUEST = Kind(
    CERTIFICATE_SIGNING_REQUESTS,
    schema_of(CERTIFICATE_SIGNING_REQUESTS),
    validate=validate,
    validate_update=validate_update,
    validate_status=validate_status,
    prepare_create=prepare_create,
    columns=(
        NAME,
        AGE,
        Column("SignerName", at("spec", "signerName"), description="Who is asked to sign."),
        Column("Requestor", at("spec", "username"), description="Who asks."),
        Column("RequestedDuration", _duration, description="For how long."),
        Column("Condition", _condition, description="Pending, Approved, Denied, Failed, Issued."),
    ),
    field_labels={"spec.signerName": lambda obj: str(read(obj, "spec", "signerName"))},
    has_status=True,
    generation=False,
)
