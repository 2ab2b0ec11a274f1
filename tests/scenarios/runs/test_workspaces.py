"""Workspaces on each cluster: with the rights to make namespaces, and with those of one namespace alone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.workspace import WorkspaceSpec
from seaway.objects.builtin import (
    CONFIG_MAPS,
    NAMESPACES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    ROLE_BINDINGS,
    ROLES,
)
from seaway.objects.errors import AlreadyExists
from seaway.objects.errors import NotFound as NoObject
from seaway.platform.callers import Caller
from seaway.platform.errors import Conflict, Forbidden, NotFound
from tests.waiting import until
from tools.clusters import TestCluster
from tools.platforms import Platform, run_platform

from .conftest import embedded_cluster, real_cluster

ADMIN = Caller("root", admin=True)
WAIT = 90.0
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def name() -> str:
    """A name for a workspace that no other test has."""
    return f"w-{uuid.uuid4().hex[:8]}"


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real)])
async def managed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TestCluster]:
    """Each cluster in turn, with an account that may make namespaces."""
    if request.param == "embedded":
        tools = request.getfixturevalue("plain_tools")
        async with embedded_cluster(tmp_path / "home", tools, manager=True) as found:
            yield found
    else:
        async with real_cluster(request, tmp_path / "cache", manager=True) as found:
            yield found


def lasting(name: str, workspace: str) -> RunSpec:
    source = "import time; print('here', flush=True); time.sleep(600)"
    return RunSpec(name=name, workspace=workspace, tasks=(TaskSpec(command=("python", "-c", source)),))


def short(name: str, workspace: str) -> RunSpec:
    source = "import os; print('done'); open(os.environ['SEAWAY_OUTPUTS'] + '/kept', 'w').write('kept')"
    return RunSpec(name=name, workspace=workspace, tasks=(TaskSpec(command=("python", "-c", source)),))


async def phase_comes(platform: Platform, run: str, phase: Phase) -> None:
    await until(
        lambda: platform.server.runs.get(run), f"{run} {phase.value}",
        check=lambda view: view.phase is phase, seconds=WAIT, pause=0.1,
    )  # fmt: skip


async def gone(platform: Platform, name: str) -> None:
    async with asyncio.timeout(WAIT):
        while True:
            try:
                await platform.server.workspaces.wait(name, timeout=5)
            except NotFound:
                return


async def test_made_run_in_and_deleted(managed: TestCluster, tmp_path: Path, name: str) -> None:
    async with run_platform(managed, tmp_path / "server") as platform:
        workspaces, runs = platform.server.workspaces, platform.server.runs
        await workspaces.create(WorkspaceSpec(name=name), ADMIN)
        await runs.submit(short("short", name), user="ada")
        ended = await runs.wait("short", timeout=WAIT)
        assert (ended.phase, ended.workspace) == (Phase.SUCCEEDED, name)
        await runs.submit(lasting("lasting", name), user="ada")
        await phase_comes(platform, "lasting", Phase.RUNNING)
        claim = {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        await managed.admin.create(PERSISTENT_VOLUME_CLAIMS, claim, name)
        pod = {
            "metadata": {"name": "web"},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "web", "image": managed.image, "command": ["sleep", "600"]}],
            },
        }
        await managed.admin.create(PODS, pod, name)
        losses = await workspaces.losses(name, ADMIN)
        assert (losses.live, losses.runs, losses.pods, losses.namespace_goes) == (1, 2, ("web",), True)
        assert [(claim.name, claim.size) for claim in losses.claims] == [("data", "1Gi")]
        with pytest.raises(Conflict, match="has not ended"):
            await workspaces.delete(name, ADMIN, confirm=name)
        await workspaces.delete(name, ADMIN, confirm=name, stop_runs=True)
        await gone(platform, name)
        with pytest.raises(NoObject):
            await managed.admin.get(NAMESPACES, name)
        for run, phase in (("short", Phase.SUCCEEDED), ("lasting", Phase.STOPPED)):
            assert (await runs.restore(run)).phase is phase
        (kept,) = await runs.outputs("short")
        _, chunks = await runs.open_output("short", "main", kept.path)
        assert b"".join([chunk async for chunk in chunks]) == b"kept"
        assert b"here" in b"".join([chunk async for chunk in await runs.logs("lasting")])


async def test_a_namespace_that_somebody_deleted_comes_back(
    managed: TestCluster, tmp_path: Path, name: str
) -> None:
    async with run_platform(managed, tmp_path / "server") as platform:
        await platform.server.workspaces.create(WorkspaceSpec(name=name), ADMIN)
        await managed.admin.delete(NAMESPACES, name)
        async with asyncio.timeout(WAIT):
            with suppress(NoObject):
                while True:
                    await managed.admin.get(NAMESPACES, name)
                    await asyncio.sleep(0.1)
        await platform.server.runs.submit(short("short", name), user="ada")
        assert (await platform.server.runs.wait("short", timeout=WAIT)).phase is Phase.SUCCEEDED
        await platform.server.workspaces.delete(name, ADMIN, confirm=name)
        await gone(platform, name)
        with pytest.raises(NoObject):
            await managed.admin.get(NAMESPACES, name)


async def test_with_the_rights_of_one_namespace_alone(platform: Platform, name: str) -> None:
    """Who administers the cluster makes the namespace and the rights in it; it stays when the workspace goes."""
    workspaces, runs, admin = platform.server.workspaces, platform.server.runs, platform.client
    with pytest.raises(Forbidden, match=name) as refused:
        await workspaces.create(WorkspaceSpec(name=name), ADMIN)
    assert f"seaway workspace grant {name} | kubectl apply -f -" in refused.value.remedy
    assert "rbac.workspaces=true" in refused.value.remedy
    assert [one.name for one in await workspaces.list()] == [platform.namespace]
    kinds = {"Namespace": NAMESPACES, "Role": ROLES, "RoleBinding": ROLE_BINDINGS}
    for one in yaml.safe_load_all(await workspaces.grant(name)):
        with suppress(AlreadyExists):
            await admin.create(kinds[one["kind"]], one, one["metadata"].get("namespace"))
    try:
        async with asyncio.timeout(WAIT):  # until the API server has taken note of the rights
            while True:
                try:
                    await workspaces.create(WorkspaceSpec(name=name), ADMIN)
                    break
                except Forbidden:
                    await asyncio.sleep(0.1)
        await runs.submit(short("short", name), user="ada")
        assert (await runs.wait("short", timeout=WAIT)).phase is Phase.SUCCEEDED
        await admin.create(CONFIG_MAPS, {"metadata": {"name": "mine"}}, name)
        losses = await workspaces.losses(name, ADMIN)
        assert (losses.namespace_goes, losses.runs) == (False, 1)
        await workspaces.delete(name, ADMIN, confirm=name)
        await gone(platform, name)
        assert (await admin.get(CONFIG_MAPS, "mine", name))["metadata"]["name"] == "mine"
        assert (await runs.restore("short")).phase is Phase.SUCCEEDED
    finally:
        await admin.delete(NAMESPACES, name)


async def test_a_workspace_out_of_sight_keeps_no_other_run_waiting(platform: Platform, name: str) -> None:
    """Whose rights in a namespace are taken away: its runs are left alone, and the workspace says what is wrong."""
    workspaces, runs, admin = platform.server.workspaces, platform.server.runs, platform.client
    for one in yaml.safe_load_all(await workspaces.grant(name)):
        kind = {"Namespace": NAMESPACES, "Role": ROLES, "RoleBinding": ROLE_BINDINGS}[one["kind"]]
        await admin.create(kind, one, one["metadata"].get("namespace"))
    try:
        async with asyncio.timeout(WAIT):
            while True:
                try:
                    await workspaces.create(WorkspaceSpec(name=name), ADMIN)
                    break
                except Forbidden:
                    await asyncio.sleep(0.1)
        await runs.submit(lasting("lasting", name), user="ada")
        await phase_comes(platform, "lasting", Phase.RUNNING)
        await admin.delete(ROLE_BINDINGS, "seaway-workspace", name)
        await runs.submit(short("short", platform.namespace), user="ada")
        assert (await runs.wait("short", timeout=WAIT)).phase is Phase.SUCCEEDED
        assert (await runs.get("lasting")).phase is Phase.RUNNING
        facts = await until(  # the API server takes note of it in its own time
            platform.server.health.facts, "missing rights", check=lambda facts: facts["workspaces"][0]["missing_rights"], seconds=WAIT
        )  # fmt: skip
        assert facts["workspaces"][0]["name"] == name
        assert "create pods" in facts["workspaces"][0]["missing_rights"]
        assert facts["missing_rights"] == []
        for one in yaml.safe_load_all(await workspaces.grant(name)):
            if one["kind"] == "RoleBinding":
                await admin.create(ROLE_BINDINGS, one, name)
        await runs.stop("lasting")
        assert (await runs.wait("lasting", timeout=WAIT)).phase is Phase.STOPPED
    finally:
        await admin.delete(NAMESPACES, name)
