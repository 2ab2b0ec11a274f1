"""Generated requests: whatever is sent is answered, without an internal error, in time, and leaves nothing behind.

`SEAWAY_FUZZ_EXAMPLES` asks for more of them than the suite sends.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from multiprocessing import get_context

import orjson
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seaway.base.clock import SystemClock
from seaway.controlplane.apiserver.messages import ApiRequest
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.users import ADMIN
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.store.memory import MemoryStore
from tests.conformance.api.test_custom_resources import DEFINITION
from tests.unit.kinds.test_robustness import COMPLETE

EXAMPLES = int(os.environ.get("SEAWAY_FUZZ_EXAMPLES", "250"))
SECONDS = 60.0
FIXED = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == 250, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

PATCHES = (
    "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
    "application/apply-patch+yaml", "application/apply-patch+cbor",
)  # fmt: skip
TYPES = st.sampled_from([
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "application/cbor", "text/plain", "",
    "application/json; charset=utf-16", "multipart/form-data", "json", ";", "application/json;as=Table", *PATCHES,
])  # fmt: skip
ACCEPTS = st.sampled_from([
    "application/json", "*/*", "", "text/html", "application/json;as=Table;v=v1;g=meta.k8s.io", "application/yaml",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "application/json;as=Table;v=v9;g=meta.k8s.io", "application/vnd.kubernetes.protobuf", "a/b;q=x, */*;q=0.1", ",,;;==",
])  # fmt: skip
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=20),
    st.sampled_from(["", " ", "\x00", "a" * 300, "../..", "%2e", "kube-system", "0", "-1", "1e999", "9" * 30, "é", "{}", "null"]),
)  # fmt: skip
JSON = st.recursive(
    ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.one_of(
    st.sampled_from(["a", "default", "kubernetes", "one", "things", "..", ".", "%2F", "A", "a" * 300]),
    st.text(max_size=8),
)
RESOURCES = st.sampled_from([kind.resource for kind in BUILTIN_KINDS])
SUBRESOURCES = (
    "status",
    "scale",
    "binding",
    "eviction",
    "log",
    "token",
    "finalize",
    "exec",
    "proxy",
    "nothing",
)
QUERIES = {
    "labelSelector": st.one_of(st.text(max_size=20), st.sampled_from(["a in (b", "a=b,c!=d", "!a", "a in (b,c),", "a>1", "==", "a notin ()"])),
    "fieldSelector": st.one_of(st.text(max_size=20), st.sampled_from(["metadata.name=a", "spec.nodeName!=", "a=b=c", ",", "metadata.name"])),
    "limit": ODD.map(str), "continue": ODD.map(str), "resourceVersion": ODD.map(str), "timeoutSeconds": st.sampled_from(["1", "x", "-1", "0.5"]),
    "resourceVersionMatch": st.sampled_from(["Exact", "NotOlderThan", "x", ""]), "dryRun": st.sampled_from(["All", "x", ""]),
    "fieldManager": ODD.map(str), "fieldValidation": st.sampled_from(["Strict", "Warn", "Ignore", "x"]), "force": ODD.map(str),
    "propagationPolicy": st.sampled_from(["Foreground", "Background", "Orphan", "x"]), "gracePeriodSeconds": ODD.map(str),
    "sendInitialEvents": ODD.map(str), "allowWatchBookmarks": ODD.map(str), "includeObject": ODD.map(str), "pretty": ODD.map(str),
    "watch": st.sampled_from(["0", "false", "x", ""]), "tailLines": ODD.map(str), "container": ODD.map(str), "orphanDependents": ODD.map(str),
}  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(["impersonate-user", "impersonate-group", "impersonate-uid", "authorization", "user-agent", "if-none-match",
                     "x-remote-user", "content-encoding", "kubectl-command"]),
    st.text(max_size=20), max_size=2,
)  # fmt: skip


def changed(value, places, put):
    """Return a value with something else at some of its places."""
    if not places:
        return put
    if isinstance(value, dict) and value:
        name = sorted(value)[places[0] % len(value)]
        return {**value, name: changed(value[name], places[1:], put)}
    if isinstance(value, list) and value:
        index = places[0] % len(value)
        return [*value[:index], changed(value[index], places[1:], put), *value[index + 1 :]]
    return put


@st.composite
def bodies(draw, resource):
    """A body: an object of the kind with something odd in it, any JSON, or bytes."""
    whole = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": "a"},
        **COMPLETE.get(resource.kind, {}),
    }
    form = draw(st.integers(0, 9))
    if form == 0:
        return draw(st.binary(max_size=60))
    if form == 1:
        return draw(
            st.sampled_from(
                [
                    b"",
                    b"{",
                    b"[" * 5000,
                    b'{"a":' * 3000,
                    b"k8s\x00",
                    b"a: &x [*x]",
                    b'{"metadata":{"name":"a","name":"b"}}',
                    b"\xff\xfe",
                ]
            )
        )
    if form == 2:
        operations = st.fixed_dictionaries({}, optional={
            "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]), "value": JSON,
            "path": st.sampled_from(["", "/", "/metadata/labels/a", "/spec/x/0", "/-", "x", "/metadata/managedFields"]), "from": st.text(max_size=5),
        })  # fmt: skip
        return dumps(draw(st.lists(operations, max_size=4)))
    if form == 3:
        return dumps(draw(JSON))
    for _ in range(draw(st.integers(0, 3))):
        whole = changed(whole, draw(st.lists(st.integers(0, 9), min_size=1, max_size=6)), draw(JSON))
    return dumps(whole)


def dumps(value):
    return json.dumps(value).encode()


@st.composite
def calls(draw):
    resource = draw(RESOURCES)
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    if resource.namespaced and draw(st.integers(0, 9)):
        root += f"/namespaces/{draw(NAMES)}" if not draw(st.integers(0, 3)) else "/namespaces/default"
    path = f"{root}/{resource.plural}"
    path += f"/{draw(NAMES)}" if draw(st.booleans()) else ""
    path += f"/{draw(st.sampled_from(SUBRESOURCES))}" if not draw(st.integers(0, 5)) else ""
    if not draw(st.integers(0, 14)):
        path = "/" + draw(st.text(max_size=30))
    method = draw(st.sampled_from(["GET", "POST", "PUT", "PATCH", "PATCH", "DELETE", "HEAD", "OPTIONS"]))
    query = {
        name: draw(QUERIES[name]) for name in draw(st.lists(st.sampled_from(sorted(QUERIES)), max_size=3))
    }
    usual = st.sampled_from(PATCHES) if method == "PATCH" else st.just("application/json")
    media = draw(usual if draw(st.integers(0, 4)) else TYPES)
    headers = {"accept": draw(ACCEPTS), "content-type": media} | draw(HEADERS)
    body = b"" if method in {"GET", "HEAD"} else draw(bodies(resource))
    return ApiRequest(method, path, query, headers, body, content_type=media, user=ADMIN)


@asynccontextmanager
async def served():
    """A server of its own: what generated calls leave in it does not meet other tests."""
    server = ApiServer(MemoryStore(), BUILTIN_KINDS, ApiServerSettings(watch_seconds=1.0), SystemClock())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture(scope="module")
def fuzzed(loop):
    serving = served()
    server = loop.run_until_complete(serving.__aenter__())
    made = ApiRequest(
        "POST",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        body=orjson.dumps(DEFINITION),
        user=ADMIN,
    )
    assert loop.run_until_complete(server.handle(made)).status == 201
    yield server
    loop.run_until_complete(serving.__aexit__(None, None, None))


async def answered(server, call):
    """Send a call and read its whole answer, a watch for its first moments."""
    async with asyncio.timeout(SECONDS):
        answer = await server.handle(call)
        if answer.events is not None:
            await answer.events.aclose()
        elif answer.content is not None:
            answer.content.encoded()
        return answer


@FIXED
@given(calls())
def test_whatever_is_sent_is_answered_without_an_internal_error(loop, fuzzed, call):
    answer = loop.run_until_complete(answered(fuzzed, call))
    told = answer.content.parsed() if answer.content is not None and answer.status == 500 else None
    assert answer.status != 500, (
        f"{call.method} {call.path} {call.query} {call.headers} {call.body!r}: {told}"
    )


def test_many_calls_leave_nothing_behind():
    """Measured in a process of its own: what other tests keep open in theirs is not this one's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        before, after = alone.submit(growth).result(timeout=120)
    assert after[0] - before[0] < 20 * 1024 * 1024
    assert after[1:] == before[1:]


def growth():
    """Send calls; return the memory in bytes, the open files and the tasks after the first hundred and after the others."""

    async def measured():
        process = psutil.Process()
        async with served() as server:
            found = []
            for number in (100, 1000):
                await refused_and_watched(server, number)
                gc.collect()
                found.append((process.memory_info().rss, process.num_fds(), len(asyncio.all_tasks())))
            return found

    return asyncio.run(measured())


async def refused_and_watched(server, number):
    """Create what is refused, and begin to watch: most watches are left, some come to their end."""
    namespaces = "/api/v1/namespaces/default/configmaps"
    ending = []
    for index in range(number):
        bad = ApiRequest("POST", namespaces, {"fieldValidation": "Strict"}, {"content-type": "application/json"},
                         b'{"metadata":{"name":"%d"},"nothing":{}}' % index, user=ADMIN)  # fmt: skip
        assert (await answered(server, bad)).status == 400
        query = {"watch": "1", "timeoutSeconds": "1", "labelSelector": f"a={index}"}
        events = (await server.handle(ApiRequest("GET", namespaces, query, user=ADMIN))).events
        if index % 50 == 0:
            ending.append(events)
        else:
            await events.aclose()
    await asyncio.gather(*(to_its_end(events) for events in ending))


async def to_its_end(events):
    await anext(aiter(events), None)
    await events.aclose()
