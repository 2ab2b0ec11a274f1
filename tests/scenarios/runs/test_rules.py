"""What a cluster's rules and controllers do to runs: each is told with its reason, waited for where that can help."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from seaway.model.resources import Resources
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import VerdictClass
from seaway.objects.builtin import NAMESPACES, NODES, PODS, SECRETS
from seaway.objects.errors import Forbidden
from seaway.objects.resource import Resource
from seaway.platform.engine.engine import EngineSettings
from seaway.platform.engine.situation import Policy
from seaway.platform.workloads.security import PodSecurity
from tests.waiting import until_object
from tools.clusters import namespace_on
from tools.platforms import run_platform
from tools.real_kubernetes.node import run_node

WAIT = 60.0
QUOTAS = Resource("", "v1", "ResourceQuota", "resourcequotas")
RANGES = Resource("", "v1", "LimitRange", "limitranges")
POLICIES = Resource(
    "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", namespaced=False
)  # fmt: skip
BINDINGS = Resource(
    "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings",
    namespaced=False,
)  # fmt: skip


async def submit(platform, *command: str, name: str = "run", **fields) -> None:
    spec = RunSpec(name=name, tasks=(TaskSpec(command=command, **fields),))
    await platform.server.runs.submit(spec, user="ada")


async def ended(platform, name: str = "run"):
    found = await platform.server.runs.wait(name, timeout=WAIT)
    assert found.phase.ended, found
    return found


async def says(platform, text: str, name: str = "run") -> None:
    """Return when a run's message holds a text."""
    async with asyncio.timeout(WAIT):
        while text not in (found := await platform.server.runs.get(name)).message:
            assert not found.phase.ended, found
            await asyncio.sleep(0.05)


async def log_of(platform, name: str = "run") -> str:
    return b"".join([chunk async for chunk in await platform.server.runs.logs(name)]).decode()


async def put_quota(platform, **hard: str) -> None:
    """Make the namespace's quota, and wait until a controller has counted what is in use."""
    quota = {"metadata": {"name": "team"}, "spec": {"hard": hard}}
    await platform.client.create(QUOTAS, quota, platform.namespace)
    async with asyncio.timeout(WAIT):
        while (
            not (await platform.client.get(QUOTAS, "team", platform.namespace)).get("status", {}).get("used")
        ):
            await asyncio.sleep(0.05)


async def test_a_command_in_an_image_without_python_runs_plainly_and_says_what_it_goes_without(
    platform,
) -> None:
    image = platform.cluster.image_without_python
    await submit(
        platform, "sh", "-c", "echo it works as $SEAWAY_RUN; exit $CODE", image=image, env={"CODE": "3"}
    )
    found = await ended(platform)
    log = await log_of(platform)
    assert (found.phase, found.exit_code) == (Phase.FAILED, 3), log
    assert "it works as run\n" in log
    assert f"the image '{image}' has no python3" in log
    assert "without checkpoints and outputs" in log
    causes = [attempt.verdict.cause for attempt in found.tasks[0].attempts if attempt.verdict]
    assert causes == ["NoPython", "NonZeroExit"]
    assert "no python3, so it ran without" in (await platform.server.runs.why("run")).done
    await submit(platform, "cat", "/nonexistent", name="second", image=image)
    second = await ended(platform, "second")
    assert len(second.tasks[0].attempts) == 1, "what the image lacks is known by now"


async def test_a_python_program_in_an_image_without_python_is_told_at_once(platform) -> None:
    await submit(platform, "python", "-c", "pass", image=platform.cluster.image_without_python)
    found = await ended(platform)
    assert (found.phase, found.verdict.cause, len(found.tasks[0].attempts)) == (Phase.FAILED, "NoPython", 1)
    assert "python:3.12-slim" in (await platform.server.runs.why("run")).next_step


async def test_a_quota_that_is_full_is_waited_for_and_told(platform) -> None:
    await put_quota(platform, pods="0")
    await platform.client.delete(QUOTAS, "team", platform.namespace)
    await put_quota(platform, pods="1")
    await submit(platform, "python", "-c", "import time; time.sleep(60)", name="first")
    await says(platform, "running", "first")
    await submit(platform, "python", "-c", "pass", name="second")
    await says(platform, "the quota 'team' of the workspace has no room for it now", "second")
    assert "the quota 'team'" in (await platform.server.runs.why("second")).message
    await platform.server.runs.stop("first")
    assert (await ended(platform, "second")).phase is Phase.SUCCEEDED
    assert (await log_of(platform, "second")).count(
        "[seaway] waits: the quota 'team' of the workspace has no room"
    ) == 1


TURNED_AWAY = [
    pytest.param(QUOTAS, {"hard": {"requests.cpu": "1"}}, "QuotaExceeded", "more than the quota", id="more than the whole quota"),
    pytest.param(QUOTAS, {"hard": {"limits.memory": "1Gi"}}, "QuotaNeedsResources", "--memory", id="a quota wants limits"),
    pytest.param(RANGES, {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}, "OutOfRange", "at most 1", id="a limit range"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "spec", "cause", "named"), TURNED_AWAY)
async def test_what_a_rule_can_never_allow_fails_fast(platform, resource, spec, cause, named) -> None:
    if resource is QUOTAS:
        await put_quota(platform, **spec["hard"])
    else:
        await platform.client.create(
            resource, {"metadata": {"name": "team"}, "spec": spec}, platform.namespace
        )
    async with asyncio.timeout(WAIT):  # the API server takes note of new rules in its own time
        for number in count(1):
            await submit(platform, "python", "-c", "pass", name=f"run-{number}", resources=Resources(cpu="2"))
            found = await ended(platform, f"run-{number}")
            if found.phase is Phase.FAILED:
                break
    assert (found.verdict.class_, found.verdict.cause) == (VerdictClass.CONFIGURATION, cause)
    assert named in found.verdict.message
    told = await platform.server.runs.why(found.name)
    assert (told.class_, told.cause, told.message) == (
        VerdictClass.CONFIGURATION,
        cause,
        found.verdict.message,
    )
    assert told.evidence[0].source == "submission"
    assert told.next_step


async def test_the_servers_account_can_read_no_secret_and_nothing_outside_its_namespace(cluster) -> None:
    await cluster.admin.create(
        SECRETS, {"metadata": {"name": "theirs"}, "stringData": {"k": "v"}}, cluster.namespace
    )
    attempts = [
        cluster.server.get(SECRETS, "theirs", cluster.namespace),
        cluster.server.list(SECRETS, cluster.namespace),
        cluster.server.list(SECRETS, "kube-system"),
        cluster.server.list(SECRETS),
        cluster.server.list(PODS),
        cluster.server.list(PODS, "default"),
        cluster.server.list(NODES),
        cluster.server.create(NAMESPACES, {"metadata": {"name": "mine"}}),
    ]
    refused = await asyncio.gather(*attempts, return_exceptions=True)
    assert [type(answer) for answer in refused] == [Forbidden] * len(attempts)


async def test_a_right_that_is_missing_is_named_while_it_is_waited_for(cluster, tmp_path) -> None:
    roles = Resource("rbac.authorization.k8s.io", "v1", "Role", "roles")
    role = await cluster.admin.get(roles, "seaway", cluster.namespace)
    less = [dict(rule, verbs=[v for v in rule["verbs"] if v != "create"]) for rule in role["rules"]]
    await cluster.admin.replace(roles, role | {"rules": less})
    async with run_platform(cluster, tmp_path / "server") as platform:
        await submit(platform, "python", "-c", "pass")
        await says(platform, "this server lacks the right to create")
        current = await cluster.admin.get(roles, "seaway", cluster.namespace)
        await cluster.admin.replace(roles, current | {"rules": role["rules"]})
        assert (await ended(platform)).phase is Phase.SUCCEEDED


async def test_a_namespace_that_is_missing_is_named(cluster, tmp_path) -> None:
    client = cluster.admin
    async with run_platform(cluster, tmp_path / "server", client=client, namespace="t-missing") as platform:
        await submit(platform, "python", "-c", "pass")
        await says(platform, "kubectl create namespace t-missing")
        await platform.server.runs.stop("run")
        assert (await ended(platform)).phase is Phase.STOPPED


async def test_runs_go_on_while_their_server_is_away(cluster, tmp_path) -> None:
    begun, away = asyncio.Event(), asyncio.Event()

    async def let_end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await away.wait()
        writer.close()

    host = cluster.gateway_host
    async with await asyncio.start_server(let_end, host if host == "127.0.0.1" else "0.0.0.0", 0) as listener:
        place = (host, listener.sockets[0].getsockname()[1])
        program = f"import socket\nprint('on', flush=True)\nsocket.create_connection({place}).recv(1)\nprint('done')"
        async with run_platform(cluster, tmp_path / "server") as platform:
            await submit(platform, "python", "-c", program, name="long")
            await says(platform, "running", "long")
            await asyncio.wait_for(
                begun.wait(), WAIT
            )  # until then its runner may ask the server for something
            (pod,) = (await cluster.admin.list(PODS, cluster.namespace))["items"]
        away.set()
        await until_object(
            cluster.admin, PODS, pod["metadata"]["name"], cluster.namespace,
            lambda found: found["status"]["phase"] != "Running",
        )  # fmt: skip
    async with run_platform(cluster, tmp_path / "server") as platform:
        found = await ended(platform, "long")
        log = await log_of(platform, "long")
    assert (found.phase, len(found.tasks[0].attempts)) == (Phase.SUCCEEDED, 1)
    assert [line for line in log.splitlines() if line in ("on", "done")] == ["on", "done"]


async def test_a_taint_takes_a_pod_off_its_node_and_the_run_goes_on(cluster, tmp_path) -> None:
    """The cluster's taint controller evicts; the finalizer keeps the pod until its end is told."""
    if not cluster.own_nodes:
        pytest.skip("taints a node, which is done to Seaway's own test node alone")
    engine = EngineSettings(policy=Policy(hope=WAIT))
    async with run_platform(cluster, tmp_path / "server", engine=engine) as platform:
        await evicted_and_back(platform)


async def evicted_and_back(platform) -> None:
    await submit(platform, "sleep", "60")
    await says(platform, "running")
    name = (await platform.server.runs.get("run")).tasks[0].attempts[0].node
    kept = (await platform.client.get(NODES, name))["spec"].get("taints") or []
    taint = {"key": "test/away", "effect": "NoExecute"}
    await platform.client.patch(NODES, name, {"spec": {"taints": [*kept, taint]}})
    try:
        async with asyncio.timeout(WAIT):
            while len((found := await platform.server.runs.get("run")).tasks[0].attempts) < 2:
                await asyncio.sleep(0.1)
        await says(platform, "no node can")
    finally:
        await platform.client.patch(NODES, name, {"spec": {"taints": kept or None}})
    first = found.tasks[0].attempts[0].verdict
    assert (first.class_, first.cause) == (VerdictClass.INFRASTRUCTURE, "NodeLost")
    await says(platform, "running")
    await platform.server.runs.stop("run")
    assert (await ended(platform)).phase is Phase.STOPPED


@pytest.mark.real
@pytest.mark.timeout(180)
async def test_a_node_that_is_lost_and_removed_costs_one_attempt(request, real_platform, tmp_path) -> None:
    """Kubernetes' own garbage collector of pods ends what was on the node; it takes it a minute to be sure."""
    if not real_platform.cluster.own_nodes:
        pytest.skip("kills a node, which is done to Seaway's own test nodes alone")
    plane, client = request.getfixturevalue("real_control_plane"), real_platform.client
    name = f"lost-{real_platform.namespace}"
    with run_node(plane, tmp_path / name, name) as node:
        others = [  # those that are cordoned stay so
            found["metadata"]["name"]
            for found in (await client.list(NODES))["items"]
            if found["metadata"]["name"] != name and not found["spec"].get("unschedulable")
        ]
        for other in others:
            await client.patch(NODES, other, {"spec": {"unschedulable": True}})
        try:
            await submit(real_platform, "sleep", "600")
            await says(real_platform, "running")
        finally:
            for other in others:
                await client.patch(NODES, other, {"spec": {"unschedulable": None}})
        assert (await real_platform.server.runs.get("run")).tasks[0].attempts[0].node == name
        node.kill()
        await client.delete(NODES, name)
        async with asyncio.timeout(150):
            while len((found := await real_platform.server.runs.get("run")).tasks[0].attempts) < 2:
                await asyncio.sleep(0.2)
    first = found.tasks[0].attempts[0].verdict
    assert (first.class_, first.cause) == (VerdictClass.INFRASTRUCTURE, "NodeLost")
    await says(real_platform, "running")
    await real_platform.server.runs.stop("run")
    assert (await ended(real_platform)).phase is Phase.STOPPED


async def test_a_cluster_that_may_grow_is_waited_for(cluster, tmp_path) -> None:
    engine = EngineSettings(policy=Policy(hope=2.0))
    async with run_platform(cluster, tmp_path / "server", engine=engine) as platform:
        await submit(platform, "python", "-c", "pass", resources=Resources(cpu="4000"))
        await says(platform, "given up after 2 s, unless the cluster gets a node")
        found = await ended(platform)
    assert (found.verdict.class_, found.verdict.cause) == (VerdictClass.CONFIGURATION, "Unschedulable")


@pytest.fixture
async def restricted(request, tmp_path):
    """A namespace of the real cluster that enforces the Pod Security Standard "restricted"."""
    request.getfixturevalue("real_node")
    async with namespace_on("real", request.getfixturevalue("real_kubeconfig")) as cluster:
        label = {"pod-security.kubernetes.io/enforce": "restricted"}
        await cluster.admin.patch(NAMESPACES, cluster.namespace, {"metadata": {"labels": label}})
        yield cluster


@pytest.mark.real
async def test_a_restricted_namespace_turns_plain_pods_away_and_takes_restricted_ones(
    restricted, tmp_path
) -> None:
    async with run_platform(restricted, tmp_path / "plain") as platform:
        await submit(platform, "python", "-c", "pass")
        found = await ended(platform)
        assert (found.verdict.class_, found.verdict.cause) == (VerdictClass.CONFIGURATION, "PodSecurity")
        assert "'restricted:latest' forbids it" in found.verdict.message
    security = PodSecurity(level="restricted", read_only_root=True)
    script = (
        "echo mine > $HOME/file && /bin/cat $HOME/file && echo user $(/usr/bin/id -u) && ! echo no > /file"
    )
    async with run_platform(restricted, tmp_path / "restricted", pod_security=security) as platform:
        # Python of this machine may lie where only its owner can reach it
        await submit(platform, "/bin/sh", "-c", script, name="second", image="tools")
        found = await ended(platform, "second")
        log = await log_of(platform, "second")
    assert found.phase is Phase.SUCCEEDED, log
    assert "mine\nuser 1000\n" in log


@pytest.mark.real
async def test_what_an_admission_policy_denies_names_the_policy(restricted, tmp_path) -> None:
    name, namespace = f"{restricted.namespace}-policy", restricted.namespace
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    only_here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    policy = {"matchConstraints": {"resourceRules": [rule], **only_here}, "validations": [{"expression": "false", "message": "images come from us"}]}  # fmt: skip
    await restricted.admin.create(POLICIES, {"metadata": {"name": name}, "spec": policy})
    binding = {"policyName": name, "validationActions": ["Deny"]}
    await restricted.admin.create(BINDINGS, {"metadata": {"name": name}, "spec": binding})
    try:
        security = PodSecurity(level="restricted")
        async with run_platform(restricted, tmp_path / "server", pod_security=security) as platform:
            async with asyncio.timeout(WAIT):  # policies take effect in the API server's own time
                for number in count(1):
                    await submit(platform, "python", "-c", "pass", name=f"run-{number}")
                    found = await ended(platform, f"run-{number}")
                    if found.verdict.cause == "AdmissionDenied":
                        break
    finally:
        await restricted.admin.delete(BINDINGS, name)
        await restricted.admin.delete(POLICIES, name)
    assert found.verdict.class_ is VerdictClass.CONFIGURATION
    assert "images come from us" in found.verdict.message
