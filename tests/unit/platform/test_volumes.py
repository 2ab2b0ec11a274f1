"""Volumes: made, listed and removed by those who may; no run begins without its volumes, and none is taken from a run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.volume import VolumeMount, VolumeSpec, VolumeView
from seaway.model.workspace import WorkspaceSpec
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PODS
from seaway.platform.callers import Caller
from seaway.platform.errors import Conflict, Forbidden, Invalid, NotFound, PlatformError, Unavailable
from seaway.platform.server import Server
from seaway.platform.volumes.claims import manifest, view_of
from seaway.platform.volumes.refusals import check_may_remove, require_mountable
from seaway.platform.volumes.use import VolumeUse
from tests.waiting import until

from .conftest import NAMESPACE

ADMIN, ADA, EVE = Caller("root", admin=True), Caller("ada"), Caller("eve")
INPUTS = VolumeSpec(name="inputs", size="1Gi")


def claim(
    name: str = "inputs", *, labelled: bool = True, phase: str = "Bound", **metadata: Any
) -> dict[str, Any]:
    made = manifest(VolumeSpec(name=name, size="1Gi"), "team", "ada")
    made["metadata"] |= {"uid": "u1", **metadata}
    if not labelled:
        del made["metadata"]["labels"]
    made["status"] = {"phase": phase, **({"capacity": {"storage": "2Gi"}} if phase == "Bound" else {})}
    return made


def event(reason: str, message: str = "", uid: str = "u1") -> dict[str, Any]:
    return {"reason": reason, "message": message, "involvedObject": {"uid": uid}}


def pod(name: str, claim_name: str, phase: str = "Running") -> dict[str, Any]:
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}
    return {"metadata": {"name": name}, "spec": {"volumes": [volume]}, "status": {"phase": phase}}


def test_a_volume_as_a_claim() -> None:
    spec = VolumeSpec(name="inputs", size="10Gi", storage_class="fast", shared=True)
    assert manifest(spec, "team", "ada") == {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "inputs",
            "namespace": "team",
            "labels": {"app.kubernetes.io/managed-by": "seaway", "seaway.dev/volume": "true"},
            "annotations": {"seaway.dev/owner": "ada"},
        },
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "10Gi"}},
            "storageClassName": "fast",
        },
    }
    assert "storageClassName" not in manifest(INPUTS, "team", "ada")["spec"]


WAITS = "its storage is made where the first run that uses it is placed"
MISSING = 'storageclass.storage.k8s.io "nope" not found'


@pytest.mark.parametrize(
    ("found", "events", "state", "message", "size"),
    [
        (claim(), [], "ready", "", "2Gi"),
        (claim(phase="Pending"), [], "waiting", "", "1Gi"),
        (claim(phase="Pending"), [event("WaitForFirstConsumer")], "waiting", WAITS, "1Gi"),
        (claim(phase="Pending"), [event("ProvisioningFailed", MISSING), event("ProvisioningFailed", "x", "other")], "waiting", MISSING, "1Gi"),
        (claim(phase="Lost"), [], "lost", "the storage that it had is gone", "1Gi"),
        (claim(deletionTimestamp="2026-01-01T00:00:00Z"), [], "removing", "it goes when the last pod that uses it is gone", "2Gi"),
    ],
    ids=["ready", "new", "waits for a run", "class missing", "lost", "removing"],
)  # fmt: skip
def test_how_a_claim_is_shown(found, events, state, message, size) -> None:
    view = view_of(found, events, (), ())
    assert (view.state, view.message, view.size, view.owner) == (state, message, size, "ada")


def test_what_is_measured_and_who_uses_a_volume_is_shown() -> None:
    found = claim(annotations={"seaway.dev/used-bytes": "5", "seaway.dev/used-files": "2"})
    pods = [pod("web", "inputs"), pod("done", "inputs", "Succeeded"), pod("other", "elsewhere")]
    view = view_of(found, (), ["b", "a"], pods)
    assert (view.used_bytes, view.used_files, view.runs, view.pods) == (5, 2, ("a", "b"), ("web",))
    assert view_of(claim(), (), (), ()).used_bytes is None


@pytest.mark.parametrize(
    ("names", "error", "said", "remedy"),
    [
        (["inputs"], None, "", ""),
        (["nope"], Invalid, "there is no volume 'nope' in the workspace team; there are: inputs", "seaway volume create nope"),
        (["hidden"], Invalid, "is not offered to runs", "kubectl label pvc hidden seaway.dev/volume=true -n team"),
        (["going"], Conflict, "is being removed", "seaway volume list"),
    ],
)  # fmt: skip
def test_which_volumes_a_run_may_mount(names, error, said, remedy) -> None:
    claims = [
        claim(),
        claim("hidden", labelled=False),
        claim("going", deletionTimestamp="2026-01-01T00:00:00Z"),
    ]
    if error is None:
        require_mountable(names, claims, "team")
        return
    with pytest.raises(error, match=said) as refused:
        require_mountable(
            names, [one for one in claims if one["metadata"]["name"] in {"inputs", *names}], "team"
        )
    assert remedy in refused.value.remedy
    assert isinstance(refused.value, PlatformError)


@pytest.mark.parametrize(
    ("caller", "workspace_owner", "allowed"),
    [(ADMIN, "", True), (ADA, "", True), (EVE, "eve", True), (EVE, "", False), (EVE, "bob", False)],
)
def test_who_may_remove_a_volume(caller: Caller, workspace_owner: str, allowed: bool) -> None:
    if allowed:
        check_may_remove(caller, claim(), workspace_owner)
        return
    with pytest.raises(Forbidden, match="belongs to ada"):
        check_may_remove(caller, claim(), workspace_owner)


def test_a_run_that_begins_and_a_volume_that_is_removed_never_pass_each_other_by() -> None:
    use = VolumeUse(list, lambda: True)
    with use.coming("team", ["a"]):
        with pytest.raises(Conflict, match="submitted"), use.going("team", "a"):
            pass
        with use.going("other", "a"), use.going("team", "b"):
            pass
    with use.going("team", "a"):
        with pytest.raises(Conflict, match="is being removed"), use.coming("team", ["b", "a"]):
            pass
        with pytest.raises(Conflict, match="is being removed already") as refused, use.going("team", "a"):
            pass
        assert refused.value.field == "name"
        with use.coming("team", ["b"]):
            pass
    with use.coming("team", ["a"]), use.coming("team", ["a"]):
        pass
    with use.going("team", "a"):
        pass
    early = VolumeUse(list, lambda: False)
    with pytest.raises(Unavailable, match="not known yet"), early.going("team", "a"):
        pass


def spec(name: str, *command: str, volume: str = "inputs", workspace: str | None = None) -> RunSpec:
    task = TaskSpec(command=command or ("exit", "0"), volumes=(VolumeMount(name=volume),))
    return RunSpec(name=name, workspace=workspace, tasks=(task,))


async def one(server: Server) -> VolumeView:
    (view,) = await server.volumes.list()
    return view


async def test_from_its_making_to_its_removal(kubernetes, server: Server) -> None:
    with pytest.raises(Invalid, match="there is none yet") as refused:
        await server.runs.submit(spec("early"), user="ada")
    assert "seaway volume create inputs --size 10Gi" in refused.value.remedy
    made = await server.volumes.create(INPUTS, ADA)
    assert (made.name, made.owner, made.state) == ("inputs", "ada", "waiting")
    with pytest.raises(Conflict, match="there is a volume 'inputs' already"):
        await server.volumes.create(INPUTS, EVE)
    await server.runs.submit(spec("uses", "hang"), user="eve")
    running = lambda: server.runs.get("uses")  # noqa: E731
    await until(running, "it runs", check=lambda view: view.phase is Phase.RUNNING)
    assert (await one(server)).runs == ("uses",)
    with pytest.raises(Conflict, match="in use by the run uses"):
        await server.volumes.remove("inputs", ADA, confirm="inputs")
    await server.runs.stop("uses")
    await server.runs.wait("uses", timeout=60)
    with pytest.raises(Forbidden, match="belongs to ada"):
        await server.volumes.remove("inputs", EVE, confirm="inputs")
    for confirm, said in ((None, "for good"), ("input", "is not the name")):
        with pytest.raises(Conflict, match=said):
            await server.volumes.remove("inputs", ADA, confirm=confirm)
    assert (await server.volumes.remove("inputs", ADA, confirm="inputs")).state == "removing"
    with pytest.raises((Invalid, Conflict), match="inputs"):
        await server.runs.retry("uses")
    acts = [(entry.user, entry.verb, entry.name, entry.code) for entry in await server.workspaces.audited(9)]
    name = f"{NAMESPACE}/inputs"
    assert acts == [("ada", "create", name, 201), ("eve", "create", name, 409), ("eve", "delete", name, 403), ("ada", "delete", name, 200)]  # fmt: skip


async def test_a_claim_that_nobody_offered_is_no_volume(kubernetes, server: Server) -> None:
    """The server's own data may lie in such a one."""
    own = manifest(INPUTS, NAMESPACE, "ada")
    del own["metadata"]["labels"]
    await kubernetes.client.create(PERSISTENT_VOLUME_CLAIMS, own)
    assert await server.volumes.list() == []
    with pytest.raises(Invalid, match="not offered to runs"):
        await server.runs.submit(spec("takes"), user="eve")
    with pytest.raises(Conflict, match="not offered to runs"):
        await server.volumes.create(INPUTS, ADA)
    with pytest.raises(NotFound, match="no volume 'inputs'"):
        await server.volumes.remove("inputs", ADMIN, confirm="inputs")


async def test_a_volume_that_a_pod_uses_which_is_no_runs_stays(kubernetes, server: Server) -> None:
    await server.volumes.create(INPUTS, ADA)
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "inputs"}}
    container = {"name": "main", "image": "python", "command": ["sleep", "600"]}
    other = {"metadata": {"name": "web"}, "spec": {"containers": [container], "volumes": [volume]}}
    await kubernetes.client.create(PODS, other, NAMESPACE)
    assert (await one(server)).pods == ("web",)
    with pytest.raises(Conflict, match="in use by the pod web"):
        await server.volumes.remove("inputs", ADA, confirm="inputs")


async def test_volumes_belong_to_their_workspace(kubernetes, server: Server) -> None:
    with pytest.raises(NotFound, match="no workspace 'vision'"):
        await server.volumes.list("vision")
    await server.workspaces.create(WorkspaceSpec(name="vision", owner="eve"), ADMIN)
    there = INPUTS.model_copy(update={"workspace": "vision"})
    await server.volumes.create(there, ADA)
    assert [view.workspace for view in await server.volumes.list("vision")] == ["vision"]
    with pytest.raises(Invalid, match=f"in the workspace {NAMESPACE}"):
        await server.runs.submit(spec("here"), user="ada")
    losses = await server.workspaces.losses("vision", EVE)
    assert [lost.name for lost in losses.claims] == ["inputs"]
    with pytest.raises(Conflict, match="1 volume claim with their data") as refused:
        await server.workspaces.delete("vision", EVE)
    assert "--yes vision" in refused.value.remedy
    await server.volumes.remove("inputs", EVE, workspace="vision", confirm="inputs")


async def test_many_submissions_beside_a_removal_leave_no_run_without_its_volume(
    kubernetes, server: Server
) -> None:
    await server.volumes.create(INPUTS, ADA)
    runs = [server.runs.submit(spec(f"r{number}", "hang"), user="ada") for number in range(8)]
    removal = server.volumes.remove("inputs", ADA, confirm="inputs")
    *taken, removed = await asyncio.gather(*runs, removal, return_exceptions=True)
    began = [one for one in taken if not isinstance(one, BaseException)]
    assert bool(began) is isinstance(removed, Conflict)
    assert all(isinstance(one, PlatformError) for one in taken if isinstance(one, BaseException))
    for view in began:
        await server.runs.stop(view.name)
