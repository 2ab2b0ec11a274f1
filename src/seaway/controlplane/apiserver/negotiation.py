"""Media types: what a body is written in, and in which form the answer is wanted.

Source: Kubernetes API concepts, "Alternate representations of resources" and "Receiving resources as Tables".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from seaway.client.request import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from seaway.controlplane.apiserver import protobuf
from seaway.controlplane.apiserver.jsonfaults import json_fault, shown_body
from seaway.controlplane.apiserver.messages import JSON, YAML
from seaway.objects.errors import BadRequest, NotAcceptable, RequestEntityTooLarge, UnsupportedMediaType
from seaway.objects.gotext import json_type

MAX_BODY = 3 * 1024 * 1024
"""Bytes of a request's body, as kube-apiserver limits it."""
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)
_UNTYPED_PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
_YAML_TYPES = frozenset({YAML, "application/x-yaml", "text/yaml", "text/x-yaml", APPLY_PATCH})
_JSON_TYPES = frozenset({"", JSON, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH})
_SERVED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_WATCHED = ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
_VERSION_AND_KIND = (
    r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
)
"""What a body is first read as: part of a sentence that people search the web for."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """The form of an answer."""

    yaml: bool = False
    as_kind: str = ""
    """"Table", "PartialObjectMetadata" or "PartialObjectMetadataList"; empty for the object itself."""
    version: str = "v1"
    """Of meta.k8s.io, where it is not the object itself."""


_PLAIN = Rendering()


@lru_cache(maxsize=256)
def rendering(accept: str, *, listing: bool = False) -> Rendering:
    """Choose the answer's form from an Accept header.

    Args:
        accept: the header.
        listing: it is a list, which can be watched too: a refusal says so.

    Raises:
        NotAcceptable: nothing of it is served.
    """
    if not accept:
        return _PLAIN
    offered = {clause.partition(";")[0].strip() for clause in accept.split(",")}
    if not offered & {JSON, "*/*", YAML, protobuf.MEDIA_TYPE}:
        representations = f"{_SERVED}{_WATCHED if listing else ''}"
        message = f"406: Not Acceptable\n\nAvailable representations: {representations}"
        raise NotAcceptable(message, details={})
    for clause in accept.split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        options = dict(parameter.partition("=")[::2] for parameter in parameters)
        as_kind = options.get("as", "")
        if as_kind and as_kind not in {"Table", "PartialObjectMetadata", "PartialObjectMetadataList"}:
            continue
        version = options.get("v", "")
        if as_kind and (options.get("g") != "meta.k8s.io" or version not in {"v1", "v1beta1"}):
            continue
        if media in {JSON, "*/*"}:
            return Rendering(False, as_kind, version or "v1")
        if media == YAML:
            return Rendering(True, as_kind, version or "v1")
    raise NotAcceptable(f"only the following media types are accepted: {_SERVED}")


def media_type(content_type: str) -> str:
    """Return a Content-Type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def check_size(length: int) -> None:
    """Refuse a body over the limit. Raises RequestEntityTooLarge."""
    if length > MAX_BODY:
        raise RequestEntityTooLarge(f"Request entity too large: limit is {MAX_BODY}")


def decode_body(content_type: str, body: bytes) -> Any:
    """Parse a body. Raises BadRequest, UnsupportedMediaType, RequestEntityTooLarge."""
    check_size(len(body))
    media = media_type(content_type)
    if media in _YAML_TYPES:
        return _decode_yaml(body)
    if media == protobuf.MEDIA_TYPE:
        return protobuf.decode(body)
    if media not in _JSON_TYPES:
        raise UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: {_SERVED}"
        )
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(
            f"couldn't get version/kind; json parse error: {json_fault(body) or error}"
        ) from error


def decode_object(content_type: str, body: bytes, kind: str, *, typed: bool = False) -> Any:
    """Parse a body that must be an object of a kind.

    Args:
        content_type: what it is written in.
        body: the bytes.
        kind: which it should be.
        typed: it has to say its kind and version itself (custom resources).

    Raises:
        BadRequest, UnsupportedMediaType, RequestEntityTooLarge: it is none.
    """
    try:
        value = decode_body(content_type, body)
        if value is None:
            return {}
        _check_version_and_kind(value)
        missing = [name for name in ("kind", "apiVersion") if typed and not value.get(name)]
        if missing:
            name = "Kind" if missing[0] == "kind" else missing[0]
            raise BadRequest(f"Object '{name}' is missing in '{body.decode(errors='replace')}'")
    except BadRequest as fault:
        unread = f"the object provided is unrecognized (must be of type {kind}): {fault.message} ({shown_body(body)})"
        raise BadRequest(unread) from fault
    return value


def decode_options(content_type: str, body: bytes) -> Any:
    """Parse the body of a delete. Raises BadRequest, UnsupportedMediaType, RequestEntityTooLarge."""
    value = decode_body(content_type, body)
    if value is not None:
        _check_version_and_kind(value)
    return value


def decode_patch(content_type: str, body: bytes) -> Any:
    """Parse a patch. Raises BadRequest, UnsupportedMediaType, RequestEntityTooLarge."""
    if media_type(content_type) == APPLY_PATCH:
        return _decode_configuration(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        fault = json_fault(body) or str(error)
        strategic = media_type(content_type) == STRATEGIC_MERGE_PATCH
        raise BadRequest(fault if strategic else f"error decoding patch: {fault}") from error


def _decode_configuration(body: bytes) -> Any:
    check_size(len(body))
    try:
        value = _decode_yaml(body)
    except BadRequest as fault:
        words = fault.message.removeprefix("error converting YAML to JSON: ")
        raise BadRequest(f"error decoding YAML: error converting YAML to JSON: {words}") from fault
    if value is not None and not isinstance(value, dict):
        into = "Go value of type map[string]interface {}"
        why = f"while decoding JSON: json: cannot unmarshal {json_type(value)} into {into}"
        raise BadRequest(f"error decoding YAML: error unmarshaling JSON: {why}")
    return value


def _check_version_and_kind(value: Any) -> None:
    """Refuse what is no object, or one whose version or kind is no text. Raises BadRequest."""
    fault = f"{json_type(value)} into Go value of type {_VERSION_AND_KIND}"
    if isinstance(value, dict):
        wrong = [name for name in ("apiVersion", "kind") if not isinstance(value.get(name) or "", str)]
        if not wrong:
            return
        fault = f"{json_type(value[wrong[0]])} into Go struct field .{wrong[0]} of type string"
    raise BadRequest(f"couldn't get version/kind; json parse error: json: cannot unmarshal {fault}")


def check_patch_type(content_type: str, *, typed: bool = True) -> str:
    """Return a patch's media type. Raises UnsupportedMediaType where it is none that is served.

    Args:
        content_type: as it came.
        typed: whether a Go type says how lists merge, as the strategic patch wants.
    """
    media = media_type(content_type)
    if not typed and media not in _UNTYPED_PATCH_TYPES:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(_UNTYPED_PATCH_TYPES)
        )
    if media not in PATCH_TYPES:
        raise UnsupportedMediaType("415: Unsupported Media Type", details={})
    return media


def _decode_yaml(body: bytes) -> Any:
    """Parse YAML (or JSON, which is YAML) to a JSON value. Raises BadRequest."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        from seaway.controlplane.apiserver.yaml_text import decode_yaml  # late: most clients send JSON

        return decode_yaml(body)


class _Pairs(dict[str, Any]):
    duplicates: tuple[str, ...] = ()


def _pairs(items: list[tuple[str, Any]]) -> _Pairs:
    pairs = _Pairs(items)
    if len(pairs) != len(items):
        names = [name for name, _ in items]
        pairs.duplicates = tuple(sorted({name for name in names if names.count(name) > 1}))
    return pairs


def duplicate_fields(body: bytes) -> list[str]:
    """Return the paths of members that JSON text gives twice; none for text that is not JSON."""
    try:
        value = json.loads(body, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        return []
    found: list[str] = []
    _collect_duplicates(value, "", found)
    return found


def _collect_duplicates(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, _Pairs):
        found.extend(f"{path}.{name}".lstrip(".") for name in value.duplicates)
        for name, item in value.items():
            _collect_duplicates(item, f"{path}.{name}", found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _collect_duplicates(item, f"{path}[{index}]", found)
