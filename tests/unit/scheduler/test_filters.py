"""Why a pod cannot be on a node, and that it can where nothing speaks against it."""

from __future__ import annotations

import pytest

from seaway.controlplane.scheduler.filters import among_pods, reasons
from seaway.controlplane.scheduler.podinfo import effective_requests, pod_info
from seaway.controlplane.scheduler.select import Selector, explain
from seaway.controlplane.scheduler.state import ClusterState

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
AFFINITY = "node(s) didn't match Pod's node affinity/selector"


def node_affinity(*expressions: dict, fields: tuple = ()) -> dict:
    term = {"matchExpressions": list(expressions), "matchFields": list(fields)}
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}}}


def expression(key: str, operator: str, *values: str) -> dict:
    return {"key": key, "operator": operator, "values": list(values)}


def taint(effect: str = "NoSchedule", key: str = "team", value: str = "ml") -> dict:
    return {"key": key, "value": value, "effect": effect}


def tolerate(**fields) -> dict:
    return {"tolerations": [fields]}


@pytest.mark.parametrize(
    ("node_more", "pod_more", "expected"),
    [
        pytest.param({}, {}, (), id="nothing speaks against it"),
        pytest.param({}, {"requests": {"cpu": "4", "memory": "8Gi"}}, (), id="exactly fits"),
        pytest.param({}, {"requests": {"cpu": "4001m"}}, ("Insufficient cpu",), id="one millicore too many"),
        pytest.param({}, {"requests": {"cpu": "5", "memory": "9Gi"}}, ("Insufficient cpu", "Insufficient memory"), id="two resources short"),
        pytest.param({}, {"requests": {"nvidia.com/gpu": "1"}}, ("Insufficient nvidia.com/gpu",), id="no GPU"),
        pytest.param({"gpu": "2"}, {"requests": {"nvidia.com/gpu": "2"}}, (), id="enough GPUs"),
        pytest.param({"pods": "0"}, {}, ("Too many pods",), id="no room for another pod"),
        pytest.param({"unschedulable": True}, {}, ("node(s) were unschedulable",), id="cordoned"),
        pytest.param({"unschedulable": True}, tolerate(key="node.kubernetes.io/unschedulable", operator="Exists"), (), id="cordoned and tolerated"),
        pytest.param({"labels": {"zone": "a"}}, {"nodeSelector": {"zone": "a"}}, (), id="selected"),
        pytest.param({"labels": {"zone": "b"}}, {"nodeSelector": {"zone": "a"}}, (AFFINITY,), id="not selected"),
        pytest.param({"labels": {"zone": "b"}}, node_affinity(expression("zone", "In", "a", "b")), (), id="In"),
        pytest.param({}, node_affinity(expression("zone", "NotIn", "a")), (), id="NotIn holds without the label"),
        pytest.param({}, node_affinity(expression("zone", "Exists")), (AFFINITY,), id="Exists"),
        pytest.param({}, node_affinity(expression("zone", "DoesNotExist")), (), id="DoesNotExist"),
        pytest.param({"labels": {"n": "5"}}, node_affinity(expression("n", "Gt", "4"), expression("n", "Lt", "6")), (), id="Gt and Lt"),
        pytest.param({"labels": {"n": "x"}}, node_affinity(expression("n", "Gt", "4")), (AFFINITY,), id="Gt of no number"),
        pytest.param({}, node_affinity(fields=(expression("metadata.name", "In", "n"),)), (), id="by name"),
        pytest.param({}, node_affinity(), (AFFINITY,), id="an empty term matches nothing"),
        pytest.param({"taints": [taint()]}, {}, ("node(s) had untolerated taint(s)",), id="tainted"),
        pytest.param({"taints": [taint(value="")]}, {}, ("node(s) had untolerated taint(s)",), id="tainted without value"),
        pytest.param({"taints": [taint("NoExecute")]}, {}, ("node(s) had untolerated taint(s)",), id="NoExecute"),
        pytest.param({"taints": [taint("PreferNoSchedule")]}, {}, (), id="only preferred"),
        pytest.param({"taints": [taint()]}, tolerate(key="team", value="ml", effect="NoSchedule"), (), id="tolerated"),
        pytest.param({"taints": [taint()]}, tolerate(key="team", value="web"), ("node(s) had untolerated taint(s)",), id="another value"),
        pytest.param({"taints": [taint()]}, tolerate(key="team", operator="Exists", effect="NoExecute"), ("node(s) had untolerated taint(s)",), id="another effect"),
        pytest.param({"taints": [taint(), taint("NoExecute", "x")]}, tolerate(operator="Exists"), (), id="everything tolerated"),
    ],
)  # fmt: skip
def test_reasons(node, pod, node_more: dict, pod_more: dict, expected: tuple) -> None:
    state = ClusterState()
    state.set_node(node("n", **node_more))
    info = pod_info(pod(**pod_more))
    assert reasons(info, state.nodes["n"], among_pods(info, state)) == expected
    assert (Selector().choose(info, state).node is None) is bool(expected)


def container(cpu: str, **more) -> dict:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        pytest.param({"containers": [container("1"), container("500m")]}, 1500, id="containers add up"),
        pytest.param({"containers": [container("1")], "initContainers": [container("3"), container("2")]}, 3000, id="the largest init container"),
        pytest.param({"containers": [container("1")], "initContainers": [container("1", restartPolicy="Always"), container("3")]}, 4000, id="a sidecar beside a later init container"),
        pytest.param({"containers": [container("1")], "initContainers": [container("3"), container("1", restartPolicy="Always")]}, 3000, id="a sidecar after the init container"),
        pytest.param({"containers": [container("1")], "overhead": {"cpu": "250m"}}, 1250, id="overhead on top"),
        pytest.param({"containers": [{"resources": {"limits": {"cpu": "2"}}}]}, 2000, id="a limit alone is the request"),
        pytest.param({"containers": [container("1")], "resources": {"requests": {"cpu": "3"}}, "overhead": {"cpu": "1"}}, 4000, id="the pod as a whole"),
        pytest.param({"containers": [{}]}, None, id="nothing"),
    ],
)  # fmt: skip
def test_what_a_pod_requests_in_all(spec: dict, cpu: int | None) -> None:
    assert effective_requests(spec).get("cpu") == cpu


def near(key: str = "zone", kind: str = "podAffinity", **labels: str) -> dict:
    return {"affinity": {kind: {REQUIRED: [{"topologyKey": key, "labelSelector": {"matchLabels": labels}}]}}}


def zones(node) -> ClusterState:
    state = ClusterState()
    for name, zone in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        state.set_node(node(name, labels={"zone": zone}))
    return state


def feasible(state: ClusterState, info) -> set[str]:
    affinity = among_pods(info, state)
    return {name for name, one in state.nodes.items() if not reasons(info, one, affinity)}


def test_near_pods_of_the_same_topology(node, pod) -> None:
    state = zones(node)
    web = pod_info(pod("web", labels={"app": "web"}))
    state.place(web, "a1")
    wish = pod_info(pod(**near(app="web")))
    assert feasible(state, wish) == {"a1", "a2"}
    state.remove(web.uid)
    assert feasible(state, wish) == set()
    assert "didn't match pod affinity rules" in explain(wish, state).message


def test_the_first_of_a_group_may_go_anywhere(node, pod) -> None:
    wish = pod_info(pod(labels={"app": "web"}, **near(app="web")))
    assert feasible(zones(node), wish) == {"a1", "a2", "b1"}


def test_apart_from_pods_and_pods_that_want_to_be_apart_from_it(node, pod) -> None:
    state = zones(node)
    lonely = pod_info(pod("lonely", labels={"app": "web"}, **near(kind="podAntiAffinity", app="web")))
    state.place(lonely, "a1")
    second = pod_info(pod(labels={"app": "web"}, **near(kind="podAntiAffinity", app="web")))
    assert feasible(state, second) == {"b1"}
    plain = pod_info(pod(labels={"app": "web"}))
    assert feasible(state, plain) == {"b1"}
    assert feasible(state, pod_info(pod(labels={"app": "db"}))) == {"a1", "a2", "b1"}
    state.set_node(node("a2", labels={"zone": "c"}))
    assert feasible(state, plain) == {"a2", "b1"}


def test_terms_mean_pods_of_their_namespaces_only(node, pod) -> None:
    state = zones(node)
    state.set_namespace("other", {"team": "x"})
    state.place(pod_info(pod("web", "other", labels={"app": "web"})), "b1")
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}

    def wishing(**more) -> object:
        return pod_info(pod(affinity={"podAffinity": {REQUIRED: [term | more]}}))

    assert feasible(state, wishing()) == set()
    assert feasible(state, wishing(namespaces=["other"])) == {"b1"}
    assert feasible(state, wishing(namespaceSelector={})) == {"b1"}
    selected = wishing(namespaceSelector={"matchLabels": {"team": "x"}})
    assert feasible(state, selected) == {"b1"}
    state.set_namespace("other", {"team": "y"})
    assert feasible(state, selected) == set()


def test_host_ports_clash_by_address_protocol_and_number(node, pod) -> None:
    state = ClusterState()
    state.set_node(node("n"))
    first = pod_info(pod("first", host_ports=[80]))
    state.place(first, "n")
    second = pod_info(pod(host_ports=[80]))
    assert explain(second, state).message.startswith(
        "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    )
    assert feasible(state, pod_info(pod(host_ports=[81]))) == {"n"}
    state.remove(first.uid)
    assert feasible(state, second) == {"n"}
