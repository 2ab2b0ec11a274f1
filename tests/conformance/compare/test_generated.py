"""Generated sequences of applies, patches and updates: objects and field managers come out alike on both servers."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.compare.scenes.building import (
    APPLY,
    CONFIG_MAP,
    CONFIG_MAPS,
    JOB,
    MERGE,
    POD,
    PODS,
    SERVICE,
    STRATEGIC,
    patch,
    post,
)
from tests.conformance.compare.scenes.custom import SERVED, THING
from tools.compare.messages import Scene

pytestmark = pytest.mark.real

MANAGERS = st.sampled_from(["a", "b", "c"])
KEYS, TEXTS = st.sampled_from(["x", "y", "z"]), st.sampled_from(["1", "2", ""])
TABLES = st.dictionaries(KEYS, TEXTS, max_size=3)


def optional(**fields):
    """Return maps in which any of the fields may be missing."""
    return st.fixed_dictionaries({}, optional=fields)


METADATA = optional(
    labels=TABLES,
    annotations=TABLES,
    finalizers=st.lists(st.sampled_from(["a.b/c", "a.b/d"]), unique=True, max_size=2),
)
PORTS = st.lists(
    st.fixed_dictionaries(
        {"port": st.sampled_from([80, 81, 82])},
        optional={"name": st.sampled_from(["p", "q", "r"]), "targetPort": st.sampled_from([8080, "web"])},
    ),
    max_size=3, unique_by=(lambda port: port["port"], lambda port: port.get("name", port["port"])),
)  # fmt: skip
ENV = st.lists(
    st.fixed_dictionaries({"name": KEYS}, optional={"value": TEXTS}),
    max_size=3,
    unique_by=lambda item: item["name"],
)
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["one", "two"]), "image": st.sampled_from(["i", "j"])},
        optional={"env": ENV, "args": st.lists(TEXTS, max_size=2), "resources": optional(limits=st.just({"cpu": "1"}))},
    ),
    min_size=1, max_size=2, unique_by=lambda container: container["name"],
)  # fmt: skip
TOLERATIONS = st.lists(st.fixed_dictionaries({"key": KEYS, "operator": st.just("Exists")}), max_size=2)
JOB_SPEC = st.fixed_dictionaries(
    {"template": st.fixed_dictionaries({
        "spec": st.fixed_dictionaries({"restartPolicy": st.just("Never"), "containers": CONTAINERS}, optional={"nodeSelector": TABLES}),
    })},
    optional={"suspend": st.booleans(), "parallelism": st.integers(0, 3), "backoffLimit": st.integers(0, 3)},
)  # fmt: skip
ITEMS = st.lists(
    st.fixed_dictionaries({"name": KEYS}, optional={"value": TEXTS, "flag": st.booleans()}),
    max_size=3, unique_by=lambda item: item["name"],
)  # fmt: skip
UNTYPED = st.dictionaries(KEYS, st.dictionaries(KEYS, TEXTS, min_size=1), min_size=1, max_size=2)
THING_SPEC = st.fixed_dictionaries(
    {"size": st.integers(1, 3)},
    optional={
        "note": st.sampled_from(["n", "m"]), "items": ITEMS, "set": st.lists(KEYS, unique=True, max_size=3),
        "list": st.lists(KEYS, max_size=3), "map": TABLES, "amap": TABLES, "free": UNTYPED,
    },
)  # fmt: skip
BODIES = {
    "config map": (CONFIG_MAP, "v1", "ConfigMap", "a", optional(data=TABLES)),
    "service": (SERVICE, "v1", "Service", "s", st.fixed_dictionaries({"spec": optional(ports=PORTS, selector=TABLES)})),
    "pod": (POD, "v1", "Pod", "p", st.fixed_dictionaries(
        {"spec": st.fixed_dictionaries({"containers": CONTAINERS}, optional={"tolerations": TOLERATIONS, "nodeSelector": TABLES})}
    )),
    "job": (JOB, "batch/v1", "Job", "j", st.fixed_dictionaries({"spec": JOB_SPEC})),
    "custom resource": (THING, "scenes.example.com/v1", "Thing", "x", st.fixed_dictionaries({"spec": THING_SPEC})),
}  # fmt: skip


@st.composite
def scenes(draw, kind):
    """Return a scene of one object: applies, merge patches and strategic ones by three managers."""
    path, api_version, name_of_kind, name, bodies = BODIES[kind]
    messages = [SERVED] if kind == "custom resource" else []
    kinds = [APPLY, APPLY, MERGE] + ([STRATEGIC] if kind != "custom resource" else [])
    for _ in range(draw(st.integers(2, 5))):
        media, manager = draw(st.sampled_from(kinds)), draw(MANAGERS)
        metadata = {
            name: value for name, value in draw(METADATA).items() if value or kind != "custom resource"
        }
        body = draw(bodies) | {"metadata": metadata}
        query = f"?fieldManager={manager}"
        if media == APPLY:
            body |= {"apiVersion": api_version, "kind": name_of_kind}
            body["metadata"] = body["metadata"] | {"name": name}
            query += "&force=true" if draw(st.booleans()) else ""
        messages.append(patch(path + query, body, media))
    return Scene(f"generated {kind}", tuple(messages))


@pytest.mark.parametrize("kind", BODIES)
@settings(max_examples=20, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_objects_and_managers_come_out_alike(stage, kind, data):
    scene = data.draw(scenes(kind))
    found = stage.unlisted(scene)
    assert not found, "\n".join(map(str, found[:20]))


_OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "test", "move", "copy"]),
         "path": st.sampled_from(["/data", "/data/x", "/data/y", "/metadata/labels", "/metadata/labels/l", "/spec/tolerations/0",
                                  "/spec/tolerations/-", "/spec/tolerations/9", "/spec/containers/0/image", "/nothing/x"])},
        optional={"value": st.sampled_from(["1", {}, {"x": "1"}, {"key": "k", "operator": "Exists"}, None]),
                  "from": st.sampled_from(["/data/x", "/metadata/labels/l", "/spec/tolerations/0"])},
    ),
    min_size=1, max_size=3,
)  # fmt: skip
_OBJECTS = {
    "config map": (CONFIG_MAPS, CONFIG_MAP, {"metadata": {"name": "a", "labels": {"l": "1"}}, "data": {"x": "1"}}),
    "pod": (PODS, POD, {"metadata": {"name": "p", "labels": {"l": "1"}}, "spec": {
        "containers": [{"name": "one", "image": "i"}], "tolerations": [{"key": "k", "operator": "Exists"}]}}),
}  # fmt: skip


@pytest.mark.parametrize("kind", _OBJECTS)
@settings(max_examples=20, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(patches=st.lists(_OPERATIONS, min_size=1, max_size=3))
def test_json_patches_do_the_same(stage, kind, patches):
    collection, path, body = _OBJECTS[kind]
    messages = [patch(path, operations, "application/json-patch+json") for operations in patches]
    found = stage.unlisted(Scene(f"JSON patches of a {kind}", (post(collection, body), *messages)))
    assert not found, "\n".join(map(str, found[:20]))
