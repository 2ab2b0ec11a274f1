"""Write the structure of the served built-in kinds as package data, out of Kubernetes' published OpenAPI v3.

Only facts are kept: field names, types, formats, defaults, enums, list and map semantics, patch strategies and which
group, version and kind a schema stands for. Descriptions are left out; ours lie in `descriptions.json` beside it.

Usage, with a checkout of Kubernetes (`go mod download k8s.io/kubernetes@v1.36.3` is one way to get it):
    python tools/generate_openapi.py CHECKOUT [OUTPUT]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from seaway.objects.builtin import BUILTIN_RESOURCES
from seaway.objects.further import FURTHER_RESOURCES

OUTPUT = Path(__file__).parents[1] / "src/seaway/controlplane/kinds/openapi.json"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
FURTHER_KINDS = {
    ("", "Binding"), ("policy", "Eviction"), ("authentication.k8s.io", "TokenRequest"),
    ("authentication.k8s.io", "TokenReview"), ("authentication.k8s.io", "SelfSubjectReview"),
    ("authorization.k8s.io", "SelfSubjectAccessReview"), ("authorization.k8s.io", "SubjectAccessReview"),
    ("authorization.k8s.io", "LocalSubjectAccessReview"), ("authorization.k8s.io", "SelfSubjectRulesReview"),
    ("autoscaling", "Scale"),
}  # fmt: skip
FURTHER_SCHEMAS = [
    META + name for name in ("Status", "DeleteOptions", "Patch", "WatchEvent", "ObjectMeta", "ListMeta")
]
KEPT = {
    "type", "format", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    "required", "oneOf", "anyOf", "nullable", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type", "x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key", "x-kubernetes-unions",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string", "x-kubernetes-embedded-resource",
}  # fmt: skip
ZERO_VALUES: tuple[Any, ...] = ({}, "", 0)
"""Defaults that only spell out Go's zero value; filling them in would add fields that nobody wrote."""


GroupVersions = set[tuple[str, str]]


def compact(schema: dict[str, Any], groups: GroupVersions) -> dict[str, Any]:
    """Return a schema reduced to facts, references flattened, kinds of other groups and versions dropped."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    if len(schema.get("allOf", ())) == 1:
        return compact(schema["allOf"][0], groups)
    result: dict[str, Any] = {key: value for key, value in schema.items() if key in KEPT}
    if "default" in schema and not any(schema["default"] == zero for zero in ZERO_VALUES):
        result["default"] = schema["default"]
    if "properties" in schema:
        result["properties"] = {name: compact(inner, groups) for name, inner in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            result[key] = compact(schema[key], groups)
    kinds = [
        k for k in schema.get("x-kubernetes-group-version-kind", ()) if (k["group"], k["version"]) in groups
    ]
    if kinds:
        result["x-kubernetes-group-version-kind"] = kinds
    return result


def references(value: Any) -> set[str]:
    """Return the names of all component schemas that a schema mentions."""
    if isinstance(value, list):
        return {name for item in value for name in references(item)}
    if not isinstance(value, dict):
        return set()
    found = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
    return found.union(*(references(inner) for inner in value.values())) if value else found


def published(checkout: Path) -> dict[str, dict[str, Any]]:
    """Return every component schema that the checkout publishes, by name."""
    schemas: dict[str, dict[str, Any]] = {}
    for path in sorted((checkout / "api/openapi-spec/v3").glob("*__v[12]_openapi.json")):
        schemas |= json.loads(path.read_text())["components"]["schemas"]
    if not schemas:
        sys.exit(f"{checkout} holds no api/openapi-spec/v3: give the root of a Kubernetes checkout")
    return schemas


def needed(schemas: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the compact schemas of the served kinds, their lists and all that these refer to."""
    kinds = {(r.group, r.version, r.kind) for r in (*BUILTIN_RESOURCES, *FURTHER_RESOURCES)}
    kinds |= {(group, "v1", kind) for group, kind in FURTHER_KINDS}
    kinds |= {(group, version, kind + "List") for group, version, kind in kinds}
    groups = {(group, version) for group, version, _ in kinds}
    waiting = list(FURTHER_SCHEMAS)
    for name, schema in schemas.items():
        served = {
            (k["group"], k["version"], k["kind"])
            for k in schema.get("x-kubernetes-group-version-kind", ())
            if (k["group"], k["version"]) in groups
        }
        if len(served) == 1 and served & kinds:
            waiting.append(name)
    result: dict[str, dict[str, Any]] = {}
    while waiting:
        name = waiting.pop()
        if name not in result:
            result[name] = compact(schemas[name], groups)
            waiting.extend(references(result[name]))
    return dict(sorted(result.items()))


def main() -> None:
    """Read the checkout named on the command line and write the package data, one schema a line."""
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    output = Path(sys.argv[2]) if len(sys.argv) == 3 else OUTPUT
    schemas = needed(published(Path(sys.argv[1])))
    lines = [
        f"{json.dumps(name)}:{json.dumps(s, sort_keys=True, separators=(',', ':'))}"
        for name, s in schemas.items()
    ]
    output.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{output}: {len(schemas)} schemas, {output.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
