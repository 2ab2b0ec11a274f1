"""What a delete does to an object."""

from __future__ import annotations

import pytest

from seaway.controlplane.apiserver.deletion import Leave, Mark, Remove, goes_now, plan_delete
from seaway.controlplane.apiserver.writing import DeleteOptions
from seaway.controlplane.kinds.configs import CONFIG_MAP
from seaway.controlplane.kinds.pods import POD

NOW = 1_767_323_045.0
GOING = {"deletionTimestamp": "2026-01-02T03:04:35Z", "deletionGracePeriodSeconds": 30}


def pod(node="n", phase="Running", grace=30, **metadata):
    spec = {"terminationGracePeriodSeconds": grace} | ({"nodeName": node} if node else {})
    return {"metadata": {"name": "p", **metadata}, "spec": spec, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("obj", "options", "outcome"),
    [
        (pod(), DeleteOptions(), Mark),
        (pod(), DeleteOptions(grace_seconds=0), Remove),
        (pod(node=""), DeleteOptions(), Remove),
        (pod(phase="Succeeded"), DeleteOptions(), Remove),
        (pod(phase="Failed", finalizers=["a/b"]), DeleteOptions(), Mark),
        (pod(grace=0), DeleteOptions(), Remove),
        (pod(**GOING), DeleteOptions(), Leave),
        (pod(**GOING), DeleteOptions(grace_seconds=60), Leave),
        (pod(**GOING), DeleteOptions(grace_seconds=5), Mark),
        (pod(**GOING), DeleteOptions(grace_seconds=0), Remove),
        (pod(**GOING, finalizers=["a/b"]), DeleteOptions(grace_seconds=0), Mark),
    ],
)
def test_pods(obj, options, outcome):
    assert type(plan_delete(POD, obj, options, NOW)) is outcome


def test_a_marked_pod_says_until_when():
    plan = plan_delete(POD, pod(), DeleteOptions(grace_seconds=10), NOW)
    assert isinstance(plan, Mark)
    assert plan.object["metadata"]["deletionTimestamp"] == "2026-01-02T03:04:15Z"
    assert plan.object["metadata"]["deletionGracePeriodSeconds"] == 10


@pytest.mark.parametrize(
    ("finalizers", "policy", "outcome"),
    [
        ([], "", Remove),
        ([], "Background", Remove),
        ([], "Foreground", Mark),
        ([], "Orphan", Mark),
        (["a/b"], "", Mark),
        (["orphan"], "Background", Remove),
        (["orphan"], "", Mark),
    ],
)
def test_propagation(finalizers, policy, outcome):
    obj = {"metadata": {"name": "c", "finalizers": finalizers}}
    assert type(plan_delete(CONFIG_MAP, obj, DeleteOptions(propagation=policy), NOW)) is outcome


@pytest.mark.parametrize(
    ("metadata", "goes"),
    [
        ({}, False),
        ({"deletionTimestamp": "x", "deletionGracePeriodSeconds": 0}, True),
        (GOING, False),
        ({"deletionTimestamp": "x", "finalizers": ["a/b"]}, False),
    ],
)
def test_what_goes_when_updated(metadata, goes):
    assert goes_now({"metadata": metadata}) is goes
