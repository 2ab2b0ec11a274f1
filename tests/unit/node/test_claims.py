"""Claims of volumes: which folder they stand for, and why one cannot be mounted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from seaway.controlplane.node.claims import Meant, give_to_group, resolve
from seaway.controlplane.node.payloads import MountError
from seaway.objects.errors import NotFound

CLAIM = {"name": "data", "persistentVolumeClaim": {"claimName": "c"}}
POD = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}}
BOUND = {"spec": {"volumeName": "v"}, "status": {"phase": "Bound"}}


class Cluster:
    """Answers with these objects."""

    def __init__(self, **objects: Any) -> None:
        self.objects = objects

    async def get(self, resource: Any, name: str, namespace: str | None = None) -> Any:
        if name not in self.objects:
            raise NotFound(f'{resource.plural} "{name}" not found')
        return self.objects[name]


async def test_other_volumes_stay_what_they_are() -> None:
    volume = {"name": "tmp", "emptyDir": {}}
    assert await resolve(Cluster(), POD, volume) == Meant(volume)


PROVISIONED = {"annotations": {"pv.kubernetes.io/provisioned-by": "seaway.dev/local"}}


@pytest.mark.parametrize(
    ("metadata", "spec", "meant", "given"),
    [
        ({}, {"hostPath": {"path": "/srv/data"}}, {"path": "/srv/data"}, False),
        ({}, {"hostPath": {"path": "/srv/f", "type": "File"}}, {"path": "/srv/f", "type": "File"}, False),
        (PROVISIONED, {"hostPath": {"path": "/v", "type": "Directory"}}, {"path": "/v", "type": "Directory"}, True),
        ({}, {"local": {"path": "/srv/data"}}, {"path": "/srv/data", "type": "Directory"}, True),
    ],
    ids=["made as it is missing", "a type of its own", "the cluster's own", "local"],
)  # fmt: skip
async def test_a_bound_claim_is_its_volumes_folder(
    metadata: dict[str, Any], spec: dict[str, Any], meant: dict[str, Any], given: bool
) -> None:
    """Nobody gives away the files of a folder that somebody has for himself."""
    cluster = Cluster(c=BOUND, v={"metadata": metadata, "spec": spec})
    assert await resolve(cluster, POD, CLAIM) == Meant({"name": "data", "hostPath": meant}, given)


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        ({}, "it does not exist"),
        ({"c": {"spec": {}, "status": {"phase": "Pending"}}}, "it is bound to no volume"),
        ({"c": BOUND | {"status": {"phase": "Lost"}}}, "it is bound to no volume"),
        ({"c": BOUND}, "its volume v cannot be looked at"),
        ({"c": BOUND, "v": {"spec": {"csi": {}}}}, "its volume v is neither hostPath nor local"),
    ],
    ids=["missing", "pending", "lost", "no volume", "another storage"],
)
async def test_what_cannot_be_mounted_is_said(objects: dict[str, Any], why: str) -> None:
    with pytest.raises(MountError, match=f'persistentVolumeClaim "c" cannot be mounted: {why}'):
        await resolve(Cluster(**objects), POD, CLAIM)


async def test_an_ephemeral_volume_is_the_claim_of_its_own_pod() -> None:
    volume = {"name": "data", "ephemeral": {"volumeClaimTemplate": {}}}
    owner = {"kind": "Pod", "name": "p", "uid": "u", "controller": True}
    found = {"v": {"metadata": {}, "spec": {"hostPath": {"path": "/srv/data"}}}}
    mine = BOUND | {"metadata": {"ownerReferences": [owner]}}
    meant = Meant({"name": "data", "hostPath": {"path": "/srv/data"}})
    assert await resolve(Cluster(**{"p-data": mine}, **found), POD, volume) == meant
    other = BOUND | {"metadata": {"ownerReferences": [owner | {"uid": "other"}]}}
    with pytest.raises(MountError, match="was not made for this pod"):
        await resolve(Cluster(**{"p-data": other}, **found), POD, volume)


def test_a_volume_is_given_to_the_pods_group_once(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    folder = tmp_path / "volume"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("x")
    (folder / "link").symlink_to("/etc/hostname")
    before = Path("/etc/hostname").stat()
    give_to_group(folder, 4711)
    assert {path.lstat().st_gid for path in (folder, *folder.rglob("*"))} == {4711}
    assert folder.stat().st_mode & 0o2770 == 0o2770
    assert (folder / "deep" / "file").stat().st_mode & 0o777 == 0o664
    assert Path("/etc/hostname").stat() == before
    (folder / "deep" / "file").chmod(0o600)
    give_to_group(folder, 4711)
    assert (folder / "deep" / "file").stat().st_mode & 0o777 == 0o600, "it is the group's already"
