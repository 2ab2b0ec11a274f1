"""Core kinds that hold a program's settings: config maps and secrets."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from seaway.controlplane.kinds.cells import AGE, NAME, at, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import forbidden, immutable, invalid, required, too_long
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.secret_contents import json_object_fault, key_pair_fault
from seaway.objects import names
from seaway.objects.builtin import CONFIG_MAPS, SECRETS
from seaway.objects.errors import Cause

MAXIMUM_SIZE = 1024 * 1024
"""Bytes that all values of one config map or secret may take together."""
OPAQUE = "Opaque"
SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105  # a type, no secret
SERVICE_ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"
SSH_AUTH, TLS = "kubernetes.io/ssh-auth", "kubernetes.io/tls"
REQUIRED_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    SSH_AUTH: ("ssh-privatekey",),
    TLS: ("tls.crt", "tls.key"),
}
"""Keys that a secret of a type must have."""
BASIC_AUTH = "kubernetes.io/basic-auth"
_JSON_TYPES = frozenset({"kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson"})
_KEY = "[-._a-zA-Z0-9]+"
_FIXED = "field is immutable when `immutable` is set"


def key_faults(key: str) -> list[str]:
    """Return what is wrong with a key of a config map or secret, in Kubernetes' words."""
    faults = (
        [f"must be no more than {names.SUBDOMAIN_LENGTH} characters"]
        if len(key) > names.SUBDOMAIN_LENGTH
        else []
    )
    if not re.fullmatch(_KEY, key):
        faults.append(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
            f"'KEY_NAME',  or 'key-name', regex used for validation is '{_KEY}')"
        )
    if key == "." or key.startswith(".."):
        faults.append(
            f"must not {'be' if key in ('.', '..') else 'start with'} '{'.' if key == '.' else '..'}'"
        )
    return faults


def default_secret(secret: Object) -> None:
    """Fill in the type and move `stringData`, which is only written, into `data`."""
    if not secret.get("type"):
        secret["type"] = OPAQUE
    texts = secret.pop("stringData", None)
    if isinstance(texts, dict) and texts:
        encoded = {key: base64.b64encode(str(text or "").encode()).decode() for key, text in texts.items()}
        secret["data"] = (secret.get("data") or {}) | encoded


def validate_config_map(config_map: Object) -> list[Cause]:
    """Return the faults of a ConfigMap."""
    texts, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    faults = validate_metadata(config_map)
    for field, values in (("data", texts), ("binaryData", binary)):
        faults += [invalid(f"{field}[{key}]", key, f) for key in values for f in key_faults(key)]
    faults += [
        invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
        for key in texts
        if key in binary
    ]
    size = sum(len((text or "").encode()) for text in texts.values()) + _decoded_size(binary)
    return faults + ([too_long("[]", MAXIMUM_SIZE)] if size > MAXIMUM_SIZE else [])


def validate_secret(secret: Object) -> list[Cause]:
    """Return the faults of a Secret."""
    data, kind = secret.get("data") or {}, secret.get("type")
    faults = validate_metadata(secret)
    faults += [invalid(f"data[{key}]", key, f) for key in data for f in key_faults(key)]
    if _decoded_size(data) > MAXIMUM_SIZE:
        faults.append(too_long("data", MAXIMUM_SIZE))
    needed = REQUIRED_KEYS.get(str(kind), ())
    faults += [required(f"data[{key}]") for key in needed if key not in data]
    if kind == SSH_AUTH and data.get(needed[0]) == "":
        faults.append(required(f"data[{needed[0]}]"))
    if kind in _JSON_TYPES and needed[0] in data:
        faults += _json_faults(data[needed[0]], f"data[{needed[0]}]")
    if kind == BASIC_AUTH and not data.keys() & {"username", "password"}:
        faults += [required("data[username]"), required("data[password]")]
    if kind == SERVICE_ACCOUNT_TOKEN and not read(
        secret, "metadata", "annotations", SERVICE_ACCOUNT_ANNOTATION
    ):
        faults.append(required(f"metadata.annotations[{SERVICE_ACCOUNT_ANNOTATION}]"))
    return faults


def validate_config_map_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change of a ConfigMap: nothing may change once it is immutable."""
    return validate_metadata_update(new, old) + _immutable_faults(new, old, ("data", "binaryData"))


def validate_secret_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change of a Secret: its type is fixed, and its data once it is immutable."""
    faults = validate_metadata_update(new, old)
    return (
        faults + immutable("type", new.get("type"), old.get("type")) + _immutable_faults(new, old, ("data",))
    )


def _immutable_faults(new: Object, old: Object, fields: tuple[str, ...]) -> list[Cause]:
    if not old.get("immutable"):
        return []
    faults = [] if new.get("immutable") else [forbidden("immutable", _FIXED)]
    return faults + [forbidden(f, _FIXED) for f in fields if (new.get(f) or {}) != (old.get(f) or {})]


def _decoded_size(values: Mapping[str, Any]) -> int:
    return sum(len(_decoded(value)) for value in values.values())


def _decoded(value: Any) -> bytes:
    """Return bytes as they are written in an object; nothing for what is no base64, which is refused earlier."""
    try:
        return base64.b64decode(value or "")
    except (binascii.Error, ValueError, TypeError):
        return b""


def _json_faults(encoded: str, field: str) -> list[Cause]:
    """Return the fault of a registry's credentials that are no JSON object; nothing of them is shown."""
    fault = json_object_fault(_decoded(encoded))
    return [invalid(field, "<secret contents redacted>", fault)] if fault else []


def secret_warnings(secret: Object, _old: Object | None) -> list[str]:
    """Say what is wrong with the key pair of a TLS secret."""
    data = secret.get("data") or {}
    if secret.get("type") != TLS:
        return []
    fault = key_pair_fault(*(_decoded(data.get(key)) for key in REQUIRED_KEYS[TLS]))
    return [fault] if fault else []


def _config_map_size(config_map: Object, _now: float) -> int:
    return len(config_map.get("data") or ()) + len(config_map.get("binaryData") or ())


CONFIG_MAP = Kind(
    CONFIG_MAPS,
    schema_of(CONFIG_MAPS),
    validate=validate_config_map,
    validate_update=validate_config_map_update,
    columns=(NAME, Column("Data", _config_map_size, description="Number of entries."), AGE),
    generation=False,
)

SECRET = Kind(
    SECRETS,
    schema_of(SECRETS),
    default=default_secret,
    validate=validate_secret,
    validate_update=validate_secret_update,
    warnings=secret_warnings,
    columns=(
        NAME,
        Column("Type", at("type"), description="What its data means."),
        Column("Data", lambda secret, _: len(secret.get("data") or ()), description="Number of entries."),
        AGE,
    ),
    field_labels={"type": lambda secret: str(secret.get("type") or "")},
    generation=False,
)
