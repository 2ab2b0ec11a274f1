"""What becomes of claims and volumes, in kube-controller-manager's words."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.controllers.provisioner import is_unneeded, is_wanted, volume_for
from seaway.controlplane.controllers.volumeplan import (
    claim_status,
    claimed,
    completed,
    freed,
    plan_claim,
    plan_volume,
)

Object = dict[str, Any]
ENDED = {"pv.kubernetes.io/bind-completed": "yes"}


def claim(uid: str = "u", phase: str = "Pending", annotations: Object | None = None, **spec: Any) -> Object:
    metadata = {"name": "data", "namespace": "ns", "uid": uid, "annotations": annotations or {}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}} | spec
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase}}


def volume(name: str = "v", size: str = "1Gi", phase: str = "Available", **spec: Any) -> Object:
    annotations = spec.pop("annotations", {})
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}} | spec
    return {"metadata": {"name": name, "annotations": annotations}, "spec": spec, "status": {"phase": phase}}


def reference(uid: str | None = "u", name: str = "data") -> Object:
    return {"claimRef": {"namespace": "ns", "name": name} | ({"uid": uid} if uid else {})}


STANDARD = {"metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "seaway.dev/local", "volumeBindingMode": "WaitForFirstConsumer"}  # fmt: skip
CLASSES = {
    "standard": STANDARD,
    "none": {"metadata": {"name": "none"}, "provisioner": "kubernetes.io/no-provisioner"},
}
SELECTED = {"volume.kubernetes.io/selected-node": "n"}


@pytest.mark.parametrize(
    ("one", "volumes", "classes", "waiting", "expected"),
    [
        pytest.param(claim(), [volume("l", "9Gi"), volume("s", "2Gi"), volume("xs", "1Mi")], {}, [], ("Bound", "s", ""), id="the smallest that will do"),
        pytest.param(claim(), [volume("s"), volume("meant", "9Gi", **reference(None))], {}, [], ("Bound", "meant", ""), id="the one that is meant for it"),
        pytest.param(claim(), [volume(phase="Released"), volume("o", **reference("other"))], {}, [], ("Pending", "", "FailedBinding"), id="none is free"),
        pytest.param(claim(storageClassName=""), [], CLASSES, [], ("Pending", "", "FailedBinding"), id="no class on purpose"),
        pytest.param(claim(), [], CLASSES, [], ("Pending", "", "standard"), id="the default class, later too"),
        pytest.param(claim(storageClassName="standard"), [], CLASSES, [], ("Pending", "", "WaitForFirstConsumer"), id="no pod yet"),
        pytest.param(claim(storageClassName="standard"), [], CLASSES, ["a", "b"], ("Pending", "", "WaitForPodScheduled"), id="pods wait"),
        pytest.param(claim(storageClassName="standard", annotations=SELECTED), [], CLASSES, [], ("Pending", "", "ExternalProvisioning"), id="a node is chosen"),
        pytest.param(claim(storageClassName="standard"), [volume(storageClassName="standard")], CLASSES, [], ("Pending", "", "WaitForFirstConsumer"), id="the scheduler binds what is there"),
        pytest.param(claim(storageClassName="absent"), [], CLASSES, [], ("Pending", "", "ProvisioningFailed"), id="no such class"),
        pytest.param(claim(storageClassName="none"), [], CLASSES, [], ("Pending", "", "ProvisioningFailed"), id="nobody makes them"),
        pytest.param(claim(volumeName="v"), [], {}, [], ("Pending", "", ""), id="the named one is not there"),
        pytest.param(claim(volumeName="v"), [volume(size="1Mi")], {}, [], ("Pending", "", "VolumeMismatch"), id="the named one is too small"),
        pytest.param(claim(volumeName="v"), [volume(**reference("other", "another"))], {}, [], ("Pending", "", "FailedBinding"), id="the named one is another's"),
        pytest.param(claim(volumeName="v"), [volume()], {}, [], ("Bound", "v", ""), id="the named one"),
        pytest.param(claim(annotations=ENDED), [], {}, [], ("Lost", "", "ClaimLost"), id="it forgot its volume"),
        pytest.param(claim(annotations=ENDED, volumeName="v"), [], {}, [], ("Lost", "", "ClaimLost"), id="its volume is gone"),
        pytest.param(claim(annotations=ENDED, volumeName="v"), [volume(**reference("other"))], {}, [], ("Lost", "", "ClaimMisbound"), id="its volume is another's"),
        pytest.param(claim(annotations=ENDED, volumeName="v"), [volume(**reference())], {}, [], ("Bound", "v", ""), id="all is well"),
    ],
)  # fmt: skip
def test_claims(
    one: Object, volumes: list[Object], classes: Object, waiting: list[str], expected: tuple
) -> None:
    plan = plan_claim(one, {v["metadata"]["name"]: v for v in volumes}, classes, waiting)
    said = plan.default or (plan.told.reason if plan.told else "")
    assert (plan.phase, plan.bind["metadata"]["name"] if plan.bind else "", said) == expected


MADE = {"pv.kubernetes.io/provisioned-by": "seaway.dev/local"}


@pytest.mark.parametrize(
    ("one", "of", "expected"),
    [
        (volume(), None, ("Available", False)),
        (volume(**reference(None)), None, ("Available", False)),
        (volume(**reference()), None, ("Released", False)),
        (volume(**reference("old")), claim(), ("Released", False)),
        (volume(phase="Failed", **reference()), None, ("Failed", False)),
        (volume(**reference()), claim(volumeName="v"), ("Bound", False)),
        (volume(**reference()), claim(), ("Available", False)),
        (volume(**reference()), claim(volumeName="w"), ("Available", True)),
        (volume(annotations=MADE, persistentVolumeReclaimPolicy="Delete", **reference()), claim(volumeName="w"), ("Released", False)),
    ],
    ids=["free", "meant for one", "its claim is gone", "its claim is another one", "failed", "bound", "not yet", "bound elsewhere", "made in vain"],
)  # fmt: skip
def test_volumes(one: Object, of: Object | None, expected: tuple) -> None:
    plan = plan_volume(one, of)
    assert (plan.phase, plan.unbind) == expected


def test_the_steps_of_a_binding_are_taken_once() -> None:
    first = claimed(volume(), claim())
    assert first["spec"]["claimRef"]["uid"] == "u"
    assert first["metadata"]["annotations"] == {"pv.kubernetes.io/bound-by-controller": "yes"}
    assert claimed(first, claim()) is None
    second = completed(claim(), first)
    assert second["spec"]["volumeName"] == "v"
    assert completed(second, first) is None
    status = claim_status(second, "Bound", first)
    assert status == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    assert claim_status(second | {"status": status}, "Bound", first) is None
    assert "claimRef" not in freed(first)["spec"]
    assert freed(volume(**reference()))["spec"]["claimRef"] == {"namespace": "ns", "name": "data"}


def test_the_provisioner_makes_what_it_is_asked_for(tmp_path) -> None:
    asked = {"volume.kubernetes.io/storage-provisioner": "seaway.dev/local"}
    assert not is_wanted(claim(annotations=asked), STANDARD)
    wanted = claim(annotations=asked | SELECTED)
    assert is_wanted(wanted, STANDARD)
    node = {"metadata": {"name": "n", "labels": {"kubernetes.io/hostname": "h"}}}
    made = volume_for(wanted, STANDARD, tmp_path / "pvc-u", node)
    terms = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == ["h"]
    shared = volume_for(claim(accessModes=["ReadWriteMany"]), STANDARD, tmp_path / "pvc-u", node)
    assert "nodeAffinity" not in shared["spec"]
    released = made | {"status": {"phase": "Released"}}
    assert is_unneeded(released)
    kept = released | {"spec": made["spec"] | {"persistentVolumeReclaimPolicy": "Retain"}}
    assert not is_unneeded(kept)
    assert not is_unneeded(made | {"status": {"phase": "Bound"}})
