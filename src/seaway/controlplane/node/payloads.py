"""What the files of configMap, secret, downwardAPI and projected volumes hold: pure.

Source: Kubernetes documentation, "Volumes" and "Projected Volumes".
"""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Mapping
from typing import Any, NamedTuple

from seaway.controlplane.node.env import Lookup
from seaway.controlplane.node.fields import PodFacts, field_text, resource_text
from seaway.objects.quantity import whole

Object = Mapping[str, Any]
DEFAULT_MODE = 0o644
TOKEN_SECONDS = 3600


class MountError(Exception):
    """The volume cannot be made ready. Kubernetes: event FailedMount, the container waits."""


class File(NamedTuple):
    """One file of a volume."""

    data: bytes
    mode: int = DEFAULT_MODE
    user: int = -1
    """Its owner; -1 for whom the node runs as."""
    group: int = -1


Payload = dict[str, File]
"""Relative path to file."""


class TokenWanted(NamedTuple):
    """A service account token that a projected volume asks for."""

    path: str
    audience: str
    seconds: int


def is_written(volume: Object) -> bool:
    """Tell whether the volume consists of files that the node writes."""
    return any(key in volume for key in ("configMap", "secret", "downwardAPI", "projected"))


def references(volume: Object) -> set[tuple[str, str]]:
    """Return the config maps and secrets that a volume shows, as (plural, name)."""
    found = set()
    if "configMap" in volume:
        found.add(("configmaps", volume["configMap"]["name"]))
    if "secret" in volume:
        found.add(("secrets", volume["secret"]["secretName"]))
    for source in (volume.get("projected") or {}).get("sources") or ():
        found |= references({"configMap": source["configMap"]} if "configMap" in source else {})
        if "secret" in source:
            found.add(("secrets", source["secret"]["name"]))
    return found


def tokens(volume: Object) -> list[TokenWanted]:
    """Return the tokens that a volume asks for."""
    sources = (volume.get("projected") or {}).get("sources") or ()
    return [
        TokenWanted(s["path"], s.get("audience") or "", int(s.get("expirationSeconds") or TOKEN_SECONDS))
        for source in sources
        if (s := source.get("serviceAccountToken"))
    ]


def payload(facts: PodFacts, volume: Object, lookup: Lookup, issued: Mapping[str, str]) -> Payload:
    """Return the files of a volume.

    Args:
        facts: the pod.
        volume: its spec.
        lookup: finds config maps and secrets.
        issued: tokens by their path.

    Raises:
        MountError: something required is missing; worded as the kubelet words it.
        ConfigError: a downward API path is not known.
    """
    if "configMap" in volume:
        source = volume["configMap"]
        return _data("configmaps", source["name"], source, lookup, _mode(source))
    if "secret" in volume:
        source = volume["secret"]
        return _data("secrets", source["secretName"], source, lookup, _mode(source))
    if "downwardAPI" in volume:
        return _downward(facts, volume["downwardAPI"], _mode(volume["downwardAPI"]))
    mode = _mode(volume["projected"])
    files: Payload = {}
    for source in volume["projected"].get("sources") or ():
        if "configMap" in source:
            files |= _data("configmaps", source["configMap"]["name"], source["configMap"], lookup, mode)
        elif "secret" in source:
            files |= _data("secrets", source["secret"]["name"], source["secret"], lookup, mode)
        elif "downwardAPI" in source:
            files |= _downward(facts, source["downwardAPI"], mode)
        elif "serviceAccountToken" in source:
            path = source["serviceAccountToken"]["path"]
            files[_relative(path)] = File(issued[path].encode(), 0o600)
    return files


_KEY_MISSING = {
    "configmaps": "configmap references non-existent config key",
    "secrets": "references non-existent secret key",
}
"""The kubelet's words."""


def _mode(source: Object) -> int:
    mode = source.get("defaultMode")
    return DEFAULT_MODE if mode is None else int(mode)


def _data(plural: str, name: str, source: Object, lookup: Lookup, mode: int) -> Payload:
    obj = lookup(plural, name)
    optional = bool(source.get("optional"))
    word = plural.removesuffix("s")
    if obj is None:
        if optional:
            return {}
        raise MountError(f'{word} "{name}" not found')
    values = _bytes(obj)
    items = source.get("items")
    if not items:
        return {key: File(value, mode) for key, value in values.items()}
    files: Payload = {}
    for item in items:
        if item["key"] in values:
            files[_relative(item["path"])] = File(values[item["key"]], int(item.get("mode") or mode))
        elif not optional:
            raise MountError(f"{_KEY_MISSING[plural]}: {item['key']}")
    return files


def _bytes(obj: Object) -> dict[str, bytes]:
    if obj.get("kind") == "Secret":
        return {k: base64.b64decode(v) for k, v in (obj.get("data") or {}).items()}
    plain = {k: v.encode() for k, v in (obj.get("data") or {}).items()}
    return plain | {k: base64.b64decode(v) for k, v in (obj.get("binaryData") or {}).items()}


def _downward(facts: PodFacts, source: Object, mode: int) -> Payload:
    files: Payload = {}
    for item in source.get("items") or ():
        if "fieldRef" in item:
            text = field_text(facts, item["fieldRef"]["fieldPath"])
        else:
            text = resource_text(facts, item["resourceFieldRef"], "")
        files[_relative(item["path"])] = File(text.encode(), int(item.get("mode") or mode))
    return files


def _relative(path: str) -> str:
    normal = posixpath.normpath(path)
    if normal.startswith(("/", "..")):
        raise MountError(f'invalid path "{path}": it must be relative and may not contain ".."')
    return normal


def size(quantity: str) -> int:
    """Return a quantity of storage in bytes."""
    return whole(quantity)
