"""The OpenAPI documents that kubectl validates, merges and explains by.

Source: Kubernetes API concepts ("OpenAPI interface definition") and KEP-2896 (OpenAPI v3). JSON, and for v2 also protobuf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson

from seaway.controlplane.apiserver import openapi_protobuf
from seaway.controlplane.apiserver.documents import Document, accepts_json, document, encoded, media_types
from seaway.controlplane.apiserver.openapi_paths import API_ERROR_SCHEMA, paths_of
from seaway.controlplane.apiserver.openapi_v2 import to_v2
from seaway.controlplane.kinds.declaration import Kind
from seaway.controlplane.kinds.schemas import component_name, component_names, components, descriptions
from seaway.objects.errors import NotAcceptable
from seaway.objects.resource import Resource

V2 = "/openapi/v2"
PROTOBUF_V2 = "/openapi/v2/protobuf"
"""Where the protobuf form of v2 is kept; not a path that is served."""
REFERENCE = "#/components/schemas/"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
ALWAYS = (API_ERROR_SCHEMA, META + "DeleteOptions", META + "Patch", META + "WatchEvent")
Components = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class OpenApi:
    """The OpenAPI documents of one set of kinds. Make a new one when the set changes."""

    kinds: Sequence[Kind]
    reviews: Sequence[Resource] = ()
    """Resources that are only created, never stored."""
    _made: dict[str, Document | None] = field(default_factory=dict, init=False, repr=False)

    def answer(self, path: str, accept: str = "") -> Document | None:
        """Return the document at a path, None where there is none.

        Args:
            path: /openapi/v2, /openapi/v3, /openapi/v3/api/VERSION or /openapi/v3/apis/GROUP/VERSION.
            accept: the request's Accept header.

        Raises:
            NotAcceptable: no form that is served was accepted (protobuf is, for /openapi/v2 alone).
        """
        if path == V2 and any(name == openapi_protobuf.MEDIA_TYPE for name, _ in media_types(accept)):
            return self._kept(PROTOBUF_V2)
        if not accepts_json(accept):
            message = "only the following media types are accepted: application/json"
            raise NotAcceptable(message)
        return None if path == PROTOBUF_V2 else self._kept(path)

    def _kept(self, path: str) -> Document | None:
        if path not in self._made:
            self._made[path] = self._make(path)
        return self._made[path]

    def _make(self, path: str) -> Document | None:
        match path.strip("/").split("/"):
            case ["openapi", "v2"]:
                return document(to_v2(self._describe(self._served())))
            case ["openapi", "v2", "protobuf"]:
                body = openapi_protobuf.encode(to_v2(self._describe(self._served())))
                return encoded(body, openapi_protobuf.CONTENT_TYPE)
            case ["openapi", "v3"]:
                return document(self._index())
            case ["openapi", "v3", "api", version]:
                return self._group("", version)
            case ["openapi", "v3", "apis", group, version]:
                return self._group(group, version)
        return None

    def _group(self, group: str, version: str) -> Document | None:
        served = self._served(group, version)
        return document(self._describe(served)) if served else None

    def _served(self, group: str | None = None, version: str = "") -> list[Kind | Resource]:
        everything: list[Kind | Resource] = [*(kind for kind in self.kinds if kind.served), *self.reviews]
        if group is None:
            return everything
        return [
            one for one in everything if (_resource(one).group, _resource(one).version) == (group, version)
        ]

    def _describe(self, served: Sequence[Kind | Resource]) -> dict[str, Any]:
        named = {_resource(one): openapi_name(one) for one in served}
        paths: dict[str, Any] = {}
        for one in served:
            built_in = not (isinstance(one, Kind) and one.structure is not None)
            paths |= paths_of(_resource(one), named[_resource(one)], component_names(), strategic=built_in)
        return {
            "openapi": "3.0.0",
            "info": {"title": "Seaway", "version": "v1"},
            "paths": dict(sorted(paths.items())),
            "components": {"schemas": _published(served, paths)},
        }

    def _index(self) -> dict[str, Any]:
        group_versions = dict.fromkeys(
            (_resource(one).group, _resource(one).version) for one in self._served()
        )
        paths = {}
        for group, version in group_versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            digest = _digest(self._served(group, version))
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{quote(path)}?hash={digest}"}
        return {"paths": paths}


def openapi_name(one: Kind | Resource) -> str:
    """Return the component name of a kind; that of a custom one is its group reversed, version and kind."""
    resource = _resource(one)
    if not (isinstance(one, Kind) and one.structure is not None):
        return component_name(resource)
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])


def _resource(one: Kind | Resource) -> Resource:
    return one.resource if isinstance(one, Kind) else one


def _published(served: Iterable[Kind | Resource], paths: Mapping[str, Any]) -> Components:
    """Return every component that the kinds and their paths reach, with our descriptions."""
    custom, built_in = _custom(served), components()
    found: Components = {}
    waiting = [*ALWAYS, *_references(paths), *(openapi_name(one) for one in served)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            schema = custom.get(name) or built_in[name]
            found[name] = _described(name, schema)
            waiting.extend(_references(schema))
    return dict(sorted(found.items()))


def _custom(served: Iterable[Kind | Resource]) -> Components:
    """Return the components of kinds made at run time, and of their lists."""
    made: Components = {}
    for kind in served:
        if isinstance(kind, Kind) and kind.structure is not None:
            name, resource = openapi_name(kind), kind.resource
            identity = {"group": resource.group, "version": resource.version}
            standard = {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": {"$ref": f"{REFERENCE}{META}ObjectMeta"},
            }
            made[name] = dict(kind.structure) | {
                "properties": dict(kind.structure.get("properties", {})) | standard,
                "x-kubernetes-group-version-kind": [identity | {"kind": resource.kind}],
            }
            made[f"{name}List"] = {
                "type": "object",
                "required": ["items"],
                "properties": standard
                | {
                    "metadata": {"$ref": f"{REFERENCE}{META}ListMeta"},
                    "items": {"type": "array", "items": {"$ref": REFERENCE + name}},
                },
                "x-kubernetes-group-version-kind": [identity | {"kind": f"{resource.kind}List"}],
            }
    return made


def _described(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    words, short = descriptions(), name.rpartition(".")[2]
    result = (
        {"description": words[short]} | schema
        if short in words and "description" not in schema
        else dict(schema)
    )
    if "properties" in schema:
        result["properties"] = {
            key: _described_field(inner, words.get(f"{short}.{key}") or words.get(f"*.{key}", ""))
            for key, inner in schema["properties"].items()
        }
    return result


def _described_field(schema: dict[str, Any], text: str) -> dict[str, Any]:
    if not text or "description" in schema:
        return schema
    return {"description": text} | ({"allOf": [schema]} if "$ref" in schema else schema)


def _references(value: Any) -> set[str]:
    """Return the component names that a JSON value refers to."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Mapping):
            reference = current.get("$ref")
            if isinstance(reference, str):
                found.add(reference.removeprefix(REFERENCE))
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)
    return found


def _digest(served: Iterable[Kind | Resource]) -> str:
    """Return a hash that changes whenever the document of these kinds does, without making the document."""
    content = [
        (repr(_resource(one)), orjson.dumps(one.structure).decode() if isinstance(one, Kind) else "")
        for one in served
    ]
    data = repr(content) + str(len(descriptions())) + str(len(components()))
    return hashlib.sha256(data.encode()).hexdigest().upper()
