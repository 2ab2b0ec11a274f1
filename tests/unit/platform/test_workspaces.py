"""Workspaces: made, run in and deleted, by those who may; a deletion goes on after whatever ended the server."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
import yaml

from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.workspace import ClaimView, WorkspaceLosses, WorkspaceSpec
from seaway.objects.builtin import NAMESPACES, PERSISTENT_VOLUME_CLAIMS, PODS, SERVICE_ACCOUNTS
from seaway.objects.errors import AlreadyExists
from seaway.objects.errors import NotFound as NoObject
from seaway.platform.callers import Caller
from seaway.platform.errors import Conflict, Forbidden, NotFound
from seaway.platform.server import Server, run_server
from seaway.platform.workloads import labels
from seaway.platform.workspaces.contents import summary
from seaway.platform.workspaces.manifests import grant_of
from seaway.platform.workspaces.removal import what_holds

ADMIN, ADA, EVE = Caller("root", admin=True), Caller("ada"), Caller("eve")
LOSSES = WorkspaceLosses(
    name="vision", live=1, runs=3, users=("ada", "eve"), outputs=1 << 20, checkpoints=0, logs=0, bin_days=30,
    namespace_goes=True, pods=("web", "db"), claims=(ClaimView(name="data", size="5Gi"),), others={"deployments": 1},
)  # fmt: skip
ALL = (
    "3 runs of ada, eve, 1 of them not ended (1.0 MiB); 2 pods that are no run's (web, db); "
    "1 volume claim with their data (data 5Gi); 1 deployments"
)


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        (LOSSES, ALL),
        (LOSSES.model_copy(update={"namespace_goes": False, "live": 0, "runs": 1, "users": ("ada",)}), "1 run of ada (1.0 MiB)"),
        (LOSSES.model_copy(update={"namespace_goes": False, "live": 0, "runs": 0}), "nothing"),
    ],
)  # fmt: skip
def test_what_is_lost_in_a_sentence(losses: WorkspaceLosses, said: str) -> None:
    assert summary(losses) == said
    assert losses.matter is (said != "nothing")


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("system:serviceaccount:sys:seaway", {"kind": "ServiceAccount", "namespace": "sys", "name": "seaway"}),
        ("seaway:server", {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "seaway:server"}),
    ],
)  # fmt: skip
def test_what_grants_the_server_a_namespace(user: str, subject: dict[str, str]) -> None:
    namespace, role, binding = yaml.safe_load_all(grant_of("vision", user))
    assert namespace == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vision"}}
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == "vision"
    assert binding["subjects"] == [subject]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert ["get"] in [rule["verbs"] for rule in role["rules"] if rule["resources"] == ["pods/log"]]


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ([], "waits for its namespace to end"),
        (
            [{"type": "NamespaceContentRemaining", "status": "False", "message": "x"}],
            "waits for its namespace to end",
        ),
        (
            [
                {
                    "type": "NamespaceFinalizersRemaining",
                    "status": "True",
                    "message": "mine/hold in 1 instances",
                }
            ],
            "waits for its namespace to end: mine/hold in 1 instances",
        ),
    ],
)
def test_what_a_namespace_waits_for(conditions: list[dict[str, str]], said: str) -> None:
    assert what_holds({"status": {"conditions": conditions}}) == said


@pytest.mark.parametrize("name", ["kube-system", "default", "Vision", "a_b", "", "a" * 64])
def test_names_that_no_workspace_has(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        WorkspaceSpec(name=name)


@pytest.mark.parametrize("owner", ["", "a\0b", "a\nb", "x" * 64])
def test_what_nobody_is_called_owns_no_workspace(owner: str) -> None:
    """PostgreSQL keeps no text with a NUL character: the server's answer was that it has a bug."""
    with pytest.raises(ValueError, match="owner"):
        WorkspaceSpec(name="vision", owner=owner)


def spec(name: str, *command: str, workspace: str | None = "vision") -> RunSpec:
    return RunSpec(name=name, workspace=workspace, tasks=(TaskSpec(command=command or ("exit", "0")),))


async def made(server: Server, kubernetes, name: str = "vision", owner: str = "ada") -> None:
    """Make a workspace, and what a controller makes in each namespace."""
    await server.workspaces.create(WorkspaceSpec(name=name, owner=owner), ADMIN)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    with suppress(AlreadyExists):
        await kubernetes.client.create(SERVICE_ACCOUNTS, account, name)


async def end_namespace(kubernetes, name: str = "vision") -> None:
    """Do what the namespace controller does: empty a namespace that is being deleted, then let it go."""
    client = kubernetes.client
    async with asyncio.timeout(60):
        while not (await client.get(NAMESPACES, name))["metadata"].get("deletionTimestamp"):
            await asyncio.sleep(0.02)
        for resource in (PODS, PERSISTENT_VOLUME_CLAIMS, SERVICE_ACCOUNTS):
            for one in (await client.list(resource, name))["items"]:
                with suppress(NoObject):
                    if one["metadata"].get("finalizers"):
                        await client.patch(
                            resource, one["metadata"]["name"], {"metadata": {"finalizers": None}}, name
                        )
                    await client.delete(resource, one["metadata"]["name"], name, grace_seconds=0)
        with suppress(NoObject):
            found = await client.get(NAMESPACES, name)
            found["spec"]["finalizers"] = []
            await client.replace(NAMESPACES, found, "finalize")


async def gone(server: Server, name: str = "vision") -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await server.workspaces.wait(name, timeout=1)
            except NotFound:
                return


async def test_a_run_in_a_workspace(kubernetes, server: Server) -> None:
    await made(server, kubernetes)
    namespace = await kubernetes.client.get(NAMESPACES, "vision")
    assert namespace["metadata"]["labels"][labels.MANAGED_BY] == "seaway"
    await server.runs.submit(spec("there", "say", "42", "0"), user="ada")
    ended = await server.runs.wait("there", timeout=60)
    assert (ended.phase, ended.workspace) == (Phase.SUCCEEDED, "vision")
    assert b"42" in b"".join([chunk async for chunk in await server.runs.logs("there")])
    default, vision = await server.workspaces.list()
    assert (default.default, vision.runs, vision.live, vision.owner) == (True, 1, 0, "ada")


async def test_runs_are_listed_by_workspace_and_user(kubernetes, server: Server) -> None:
    await made(server, kubernetes)
    for name, workspace, user in (("a", "vision", "ada"), ("b", "vision", "eve"), ("c", None, "ada")):
        await server.runs.submit(spec(name, workspace=workspace), user=user)

    async def listed(**more: str) -> list[str]:
        return [run.name for run in await server.runs.list(all=True, **more)]

    assert await listed() == ["c", "b", "a"]
    assert await listed(workspace="vision") == ["b", "a"]
    assert await listed(user="ada") == ["c", "a"]
    assert await listed(workspace="vision", user="ada", before="b") == ["a"]
    assert await listed(workspace="vision", user="nobody") == []
    with pytest.raises(NotFound, match="there is no workspace 'nowhere'"):
        await listed(workspace="nowhere")


@pytest.mark.parametrize(
    ("name", "said"),
    [("nowhere", "there is no workspace 'nowhere'"), ("kube-system", "there is no workspace")],
)
async def test_no_run_where_no_workspace_is(server: Server, name: str, said: str) -> None:
    with pytest.raises(NotFound, match=said) as refused:
        await server.runs.submit(spec("lost", workspace=name), user="ada")
    assert refused.value.field == "workspace"
    assert "seaway workspace" in refused.value.remedy


async def test_only_administrators_make_them_and_it_is_written_down(kubernetes, server: Server) -> None:
    with pytest.raises(Forbidden, match="made by administrators"):
        await server.workspaces.create(WorkspaceSpec(name="mine"), ADA)
    await made(server, kubernetes)
    for name in ("vision", "seaway-default"):
        with pytest.raises(Conflict, match="already"):
            await server.workspaces.create(WorkspaceSpec(name=name), ADMIN)
    entries = [(one.user, one.verb, one.name, one.code) for one in await server.workspaces.audited(10)]
    assert entries == [("ada", "create", "mine", 403), ("root", "create", "vision", 201)]


async def test_a_deletion_says_what_goes_and_wants_the_name(kubernetes, server: Server) -> None:
    await made(server, kubernetes)
    await server.runs.submit(spec("one", "say", "42", "0"), user="ada")
    await server.runs.wait("one", timeout=60)
    await server.runs.submit(spec("lasting", "hang"), user="eve")
    pod = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a", "image": "python"}]}}
    await kubernetes.client.create(PODS, pod, "vision")
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}},
    }
    await kubernetes.client.create(PERSISTENT_VOLUME_CLAIMS, claim, "vision")
    losses = await server.workspaces.losses("vision", ADMIN)
    assert (losses.live, losses.runs, losses.users, losses.namespace_goes) == (1, 2, ("ada", "eve"), True)
    assert (losses.pods, losses.claims) == (("web",), (ClaimView(name="data", size="5Gi"),))

    delete = server.workspaces.delete
    with pytest.raises(Forbidden, match="belongs to ada"):
        await delete("vision", EVE, confirm="vision", stop_runs=True)
    for confirm, stop, field in (
        (None, False, "stop_runs"), (None, True, "confirm"), ("visions", True, "confirm"), ("vision", False, "stop_runs"),
    ):  # fmt: skip
        with pytest.raises(Conflict) as refused:
            await delete("vision", ADA, confirm=confirm, stop_runs=stop)
        assert refused.value.field == field
        assert "vision" in refused.value.remedy
    with pytest.raises(Conflict, match="default workspace"):
        await delete("seaway-default", ADMIN, confirm="seaway-default")
    with pytest.raises(NotFound):
        await delete("nowhere", ADMIN)
    assert (await server.workspaces.get("vision")).state == "active"

    view = await delete("vision", ADA, confirm="vision", stop_runs=True)
    assert view.state == "deleting"
    assert (await delete("vision", ADA)).state == "deleting"  # asked twice
    with pytest.raises(Conflict, match="is being deleted"):
        await server.runs.submit(spec("late"), user="ada")
    await end_namespace(kubernetes)
    await gone(server)
    with pytest.raises(NoObject):
        await kubernetes.client.get(NAMESPACES, "vision")

    binned = await server.runs.list(binned=True)
    assert {run.name: run.phase for run in binned} == {"one": Phase.SUCCEEDED, "lasting": Phase.STOPPED}
    restored = await server.runs.restore("one")
    assert restored.deleted is None
    assert b"42" in b"".join([chunk async for chunk in await server.runs.logs("one")])
    await server.runs.restore("lasting")
    with pytest.raises(NotFound, match="there is no workspace 'vision'"):
        await server.runs.retry("lasting")
    entries = [(one.user, one.verb, one.code) for one in await server.workspaces.audited(10)]
    assert entries == [("root", "create", 201), ("eve", "delete", 403), ("ada", "delete", 202)]


async def test_an_empty_one_goes_at_once(kubernetes, server: Server) -> None:
    await made(server, kubernetes)
    await server.workspaces.delete("vision", ADA)
    await end_namespace(kubernetes)
    await gone(server)
    await made(server, kubernetes)  # the name is free again
    await server.runs.submit(spec("anew"), user="ada")
    assert (await server.runs.wait("anew", timeout=60)).phase is Phase.SUCCEEDED


async def test_a_namespace_that_was_there_stays(kubernetes, server: Server) -> None:
    await kubernetes.client.create(NAMESPACES, {"metadata": {"name": "vision"}})
    await made(server, kubernetes)
    await server.runs.submit(spec("one"), user="ada")
    await server.runs.wait("one", timeout=60)
    losses = await server.workspaces.losses("vision", ADMIN)
    assert not losses.namespace_goes
    await server.workspaces.delete("vision", ADA, confirm="vision")
    await gone(server)
    assert "deletionTimestamp" not in (await kubernetes.client.get(NAMESPACES, "vision"))["metadata"]
    assert [run.name for run in await server.runs.list(binned=True)] == ["one"]


async def test_runs_of_a_workspace_outlive_the_server(kubernetes, settings) -> None:
    async with run_server(settings, kubernetes.client, random=Random(1)) as server:
        await made(server, kubernetes)
        await server.runs.submit(spec("lasting", "hang"), user="ada")
        async with asyncio.timeout(60):
            while (await server.runs.get("lasting")).phase is not Phase.RUNNING:
                await asyncio.sleep(0.02)
    async with run_server(settings, kubernetes.client, random=Random(1)) as server:
        assert len((await server.runs.get("lasting")).tasks[0].attempts) == 1
        await server.runs.stop("lasting")
        ended = await server.runs.wait("lasting", timeout=60)
        assert (ended.phase, len(ended.tasks[0].attempts)) == (Phase.STOPPED, 1)


async def test_a_deletion_goes_on_after_a_restart(kubernetes, settings) -> None:
    """Whatever the server was at when it ended: here, at stopping a run, and then at waiting for the namespace."""
    async with run_server(settings, kubernetes.client, random=Random(1)) as server:
        await made(server, kubernetes)
        await server.runs.submit(spec("lasting", "hang"), user="ada")
        await server.workspaces.delete("vision", ADMIN, confirm="vision", stop_runs=True)
    async with run_server(settings, kubernetes.client, random=Random(1)) as server:
        assert (await server.workspaces.get("vision")).state == "deleting"
        async with asyncio.timeout(60):
            while not (await kubernetes.client.get(NAMESPACES, "vision"))["metadata"].get(
                "deletionTimestamp"
            ):
                await asyncio.sleep(0.02)
        assert [run.name for run in await server.runs.list(binned=True)] == ["lasting"]
    async with run_server(settings, kubernetes.client, random=Random(1)) as server:
        await end_namespace(kubernetes)
        await gone(server)
        assert [one.name for one in await server.workspaces.list()] == [settings.namespace]


async def test_a_server_that_may_make_no_namespace_says_who_may(kubernetes, settings) -> None:
    """On this API server everybody may do everything; the real ones are asked in the scenarios."""
    async with run_server(
        replace(settings, create_namespace=False), kubernetes.client, random=Random(1)
    ) as server:
        text = await server.workspaces.grant("vision")
        assert [one["kind"] for one in yaml.safe_load_all(text)] == ["Namespace", "Role", "RoleBinding"]
