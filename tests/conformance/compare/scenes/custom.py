"""Custom resources: an object's life, its schema, patches, apply, scale, tables."""

from __future__ import annotations

from typing import Any

from tests.conformance.compare.scenes.building import (
    STRATEGIC,
    TABLE,
    apply,
    delete,
    get,
    op,
    operations,
    patch,
    post,
    put,
    table,
    watch,
)
from tools.compare.messages import ESTABLISHED, Message, Scene

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def definition(group, schema=None, version=None, scope="Namespaced", names=None, versions=None, **kw):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": names
            or {
                "plural": "things",
                "singular": "thing",
                "kind": "Thing",
                "shortNames": ["th"],
                "categories": ["all"],
            },
            "versions": versions
            or [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema or SCHEMA},
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "additionalPrinterColumns": [
                        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                        {
                            "name": "Note",
                            "type": "string",
                            "jsonPath": ".spec.note",
                            "priority": 1,
                            "description": "a note",
                        },
                        {"name": "When", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    ],
                    **(version or {}),
                }
            ],
            **kw,
        },
    }


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 100},
                "note": {"type": "string", "maxLength": 5, "pattern": "^[a-z]*$"},
                "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
                "replicas": {"type": "integer"},
                "items": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string"},
                            "value": {"type": "string"},
                            "flag": {"type": "boolean", "default": True},
                        },
                    },
                },
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "list": {"type": "array", "items": {"type": "string"}},
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "amap": {
                    "type": "object",
                    "x-kubernetes-map-type": "atomic",
                    "additionalProperties": {"type": "string"},
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "ios": {"x-kubernetes-int-or-string": True},
                "maybe": {"type": "string", "nullable": True},
                "when": {"type": "string", "format": "date-time"},
                "num": {"type": "number"},
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "replicas": {"type": "integer"},
                "selector": {"type": "string"},
                "phase": {"type": "string"},
            },
        },
    },
}
GROUP = "scenes.example.com"
THINGS = "/apis/scenes.example.com/v1/namespaces/{namespace}/things"
THING = f"{THINGS}/x"


def thing(name="x", meta=None, **spec):
    return {
        "apiVersion": GROUP + "/v1",
        "kind": "Thing",
        "metadata": {"name": name, **(meta or {})},
        "spec": spec,
    }


OLD = "old.scenes.example.com"
_VERSION = {"served": True, "schema": {"openAPIV3Schema": SCHEMA}}
VERSIONS = [
    {"name": "v1", "storage": True, "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]} | _VERSION,
    {"name": "v1beta1", "storage": False, "deprecated": True, "deprecationWarning": "use v1"} | _VERSION,
    {"name": "v1alpha1", "storage": False, "deprecated": True} | _VERSION,
]  # fmt: skip
"""Of which the older ones are deprecated, and have other columns."""
SERVED = Message(ESTABLISHED, f"{DEFINITIONS}/things.{GROUP}", definition(GROUP))


def served(name: str, *messages: Message) -> Scene:
    """Return a scene that begins when the definition is served."""
    return Scene(name, (SERVED, *messages))


def old(version: str, name: str = "") -> str:
    """Return the path of a version's objects, or of one."""
    return f"/apis/{OLD}/{version}/namespaces/{{namespace}}/things" + (f"/{name}" if name else "")


# fmt: off
SCENES = (
Scene("deprecated versions", (Message(ESTABLISHED, f"{DEFINITIONS}/things.{OLD}", definition(OLD, versions=VERSIONS)), post(old("v1"),thing(size=1)|{"apiVersion":f"{OLD}/v1"}), get(old("v1beta1")), table(old("v1")), table(old("v1beta1")), table(old("v1beta1","x")), table(old("v1alpha1")), watch(old("v1beta1")+"?watch=1",1), watch(old("v1beta1")+"?watch=1",1,Accept=TABLE), post(old("v1beta1"),thing("y",size=1)|{"apiVersion":f"{OLD}/v1beta1"}), delete(old("v1beta1")), get(old("v1")))),
served("crd", get("/apis/scenes.example.com"), get("/apis/scenes.example.com/v2"), get("/apis/scenes.example.com/v1/nothings")),
served("custom objects", post(THINGS,thing(size=1)), get(THING), get(THINGS), put(THING,thing(size=2)), put(THING,thing(size=2,note="x")|{"metadata":{"name":"x","resourceVersion":"${1:metadata.resourceVersion}"}}), put(THING,thing(size=2,note="x")|{"metadata":{"name":"x","resourceVersion":"${2:metadata.resourceVersion}"}}), patch(THING,{"spec":{"note":"q"}}), patch(THING,{"spec":{"note":"q"}},STRATEGIC), operations(THING,op("remove","/spec/note")), delete(THING), get(THING), post(THINGS,{"metadata":{"name":"x"},"spec":{"size":1}}), post(THINGS,{"apiVersion":GROUP+"/v1","kind":"Thing","metadata":{},"spec":{"size":1}})),
served("custom faults", post(THINGS,thing(size=0)), post(THINGS,thing(size=101)), post(THINGS,thing(size="x")), post(THINGS,thing(size=1.5)), post(THINGS,thing()), post(THINGS,thing(size=1,note="toolong")), post(THINGS,thing(size=1,note="A")), post(THINGS,thing(size=1,mode="z")), post(THINGS,thing(size=1,items=[{"value":"x"}])), post(THINGS,thing(size=1,items=[{"name":"a"},{"name":"a"}])), post(THINGS,thing(size=1,set=["a","a"])), post(THINGS,thing(size=1,list="x")), post(THINGS,thing(size=1,map={"a":1})), post(THINGS,thing(size=1,when="x")), post(THINGS,thing(size=1,ios=1.5)), post(THINGS,thing(size=1,ios="x",note=None)), post(THINGS,thing("y",size=1,maybe=None)), post(THINGS,thing("Up",size=1)), post(THINGS,{"apiVersion":GROUP+"/v1","kind":"Thing","metadata":{"name":"z"},"spec":None}), post(THINGS,{"apiVersion":GROUP+"/v1","kind":"Thing","metadata":{"name":"zz"},"spec":"x"}), post(THINGS,{"apiVersion":GROUP+"/v1","kind":"Other","metadata":{"name":"zz"}}), post(THINGS,{"apiVersion":GROUP+"/v9","kind":"Thing","metadata":{"name":"zz"}}), post(THINGS,thing("w",size=1,bogus=1)), post(THINGS+"?fieldValidation=Strict",thing("v",size=1,bogus=1)), post(THINGS+"?fieldValidation=Strict",thing("v",size=1,free={"q":1})), post(THINGS,thing("u",size=200,note="TOOLONG",mode="q"))),
served("custom status and scale", post(THINGS,thing(size=1,replicas=2)|{"status":{"phase":"x"}}), patch(THING+"/status",{"status":{"replicas":2,"selector":"a=b"},"spec":{"size":9}}), get(THING+"/scale"), put(THING+"/scale",{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"x"},"spec":{"replicas":5}}), patch(THING+"/scale",{"spec":{"replicas":6}}), patch(THING+"/scale",{"spec":{"replicas":-1}}), put(THING+"/scale",{"metadata":{"name":"x","resourceVersion":"1"},"spec":{"replicas":5}}), patch(THING+"/scale",{"spec":{"replicas":7}},STRATEGIC), get(THING), patch(THING+"/status",{"metadata":{"labels":{"a":"b"}},"status":{"phase":"z"}}), put(THING+"/status",thing(size=5)|{"status":{"phase":"w"}}), get(THING+"/status"), patch(THING,{"status":{"phase":"no"}}), get(THINGS+"/none/scale"), put(THINGS+"/none/scale",{"metadata":{"name":"none"},"spec":{"replicas":5}}), apply(THING+"/scale",{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"x"},"spec":{"replicas":9}}), apply(THING+"/status",{"apiVersion":GROUP+"/v1","kind":"Thing","metadata":{"name":"x"},"status":{"phase":"ap"}})),
served("custom apply", apply(THING,thing(size=1,items=[{"name":"a","value":"1"}],set=["s"],list=["l"],map={"m":"1"},amap={"m":"1"},free={"f":{"g":[1]}}),"a"), apply(THING,thing(size=1,items=[{"name":"b"}],set=["t"]),"b"), apply(THING,thing(size=1,items=[{"name":"a","value":"2"}]),"b"), apply(THING,thing(size=1,map={"n":"1"},amap={"n":"1"}),"b"), apply(THING,thing(size=1,list=["k"]),"b", force=True), apply(THING,thing(size=1,amap={"n":"1"},free={"f":{"h":1}}),"b", force=True), apply(THING,thing(size=1,items=[{"name":"a","flag":False}],set=["s","u"]),"a"), apply(THING,thing(size=2),"a"), apply(THING,thing(size=2,maybe=None),"a"), apply(THING,thing(size=2,bogus=1),"a"), apply(THING,thing(size=2,items=[{"value":"x"}]),"a"), apply(THING,thing(size=2,items=[{"name":"a"},{"name":"a"}]),"a"), apply(THING,thing(size=0),"a"), get(THING), patch(THING+"?fieldManager=u",{"spec":{"items":[{"name":"z"}],"set":["z"],"map":{"z":"1"}}}), apply(THING,{"apiVersion":GROUP+"/v1","kind":"Thing","metadata":{"name":"x"}},"b")),
served("custom tables", post(THINGS,thing(size=1,note="n")), get(THINGS,Accept="application/json;as=Table;v=v1;g=meta.k8s.io"), get(THING,Accept="application/json;as=Table;v=v1;g=meta.k8s.io"), get(THINGS,Accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"), get(THING,Accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"), get(THINGS,Accept="application/vnd.kubernetes.protobuf"), get(THINGS,Accept="application/yaml"), get(THINGS+"?fieldSelector=spec.size%3D1"), get(THINGS+"?fieldSelector=metadata.name%3Dx")),
served("custom watch and delete", post(THINGS,thing(size=1,)), patch(THING,{"spec":{"size":2}}), delete(THING), watch(THINGS+"?watch=1&resourceVersion=${1:metadata.resourceVersion}",2), post(THINGS,thing("a",size=1)), post(THINGS,thing("b",size=1)), delete(THINGS), get(THINGS), post(THINGS,thing("c",{"finalizers":["a.b/c"]},size=1)), delete(THINGS+"/c?propagationPolicy=Foreground"), patch(THINGS+"/c",{"metadata":{"finalizers":None}}), get(THINGS+"/c")),
served("apply gives up untyped values", apply(THING,thing(size=1,free={"x":{"y":"1"},"z":{"y":"1"}}),"a"), apply(THING,thing(size=1,free={"x":{}}),"a")),
served("apply gives up an untyped map", apply(THING,thing(size=1,free={"x":{"y":"1"}}),"a"), apply(THING,thing(size=1,free={}),"a")),
served("apply empty labels", apply(THING,thing(meta={"labels":{}},size=1),"a"), patch(THING,{"spec":{"size":1}})),
served("patch without a type", post(THINGS,thing(size=1)), patch(THING,None), patch(THING,{"spec":{"size":2}},"application/json"), patch(THING,{"spec":{"size":2}},"")),
)
# fmt: on
