"""An OpenAPI v3 document as its v2 (Swagger) form, for clients that ask for /openapi/v2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

METHODS = ("get", "put", "post", "patch", "delete")


def to_v2(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the v2 form of a v3 document made by this server."""
    return {
        "swagger": "2.0",
        "info": document["info"],
        "paths": {path: _path_item(item) for path, item in document["paths"].items()},
        "definitions": {name: _schema(schema) for name, schema in document["components"]["schemas"].items()},
    }


def _path_item(item: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {method: _operation(item[method]) for method in METHODS if method in item}
    result["parameters"] = [_parameter(parameter) for parameter in item["parameters"]]
    return result


def _operation(operation: Mapping[str, Any]) -> dict[str, Any]:
    parameters = [_parameter(parameter) for parameter in operation["parameters"]]
    result = {key: value for key, value in operation.items() if key.startswith("x-")}
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        schema = _schema(next(iter(content.values()))["schema"])
        required = operation["requestBody"].get("required", False)
        parameters.append({"name": "body", "in": "body", "required": required, "schema": schema})
        result["consumes"] = list(content)
    responses = {}
    for code, response in operation["responses"].items():
        media_type, body = next(iter(response["content"].items()))
        result["produces"] = [media_type]
        responses[code] = {"description": response["description"], "schema": _schema(body["schema"])}
    return result | {"parameters": parameters, "responses": responses}


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    result = {key: value for key, value in parameter.items() if key != "schema"}
    return {**result, **parameter["schema"]}


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema in v2's words: other reference prefix, no `oneOf`, single `allOf` flattened."""
    result = {
        key: value
        for key, value in schema.items()
        if value is not None and key not in ("oneOf", "anyOf", "nullable", "allOf", "not")
    }
    if schema.get("allOf"):
        result |= _schema(schema["allOf"][0])
    if "$ref" in result:
        result["$ref"] = result["$ref"].replace("#/components/schemas/", "#/definitions/")
    if "properties" in result:
        result["properties"] = {name: _schema(inner) for name, inner in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            result[key] = _schema(schema[key])
    if "oneOf" in schema and "type" not in schema:
        result["type"] = "string"
    return result
