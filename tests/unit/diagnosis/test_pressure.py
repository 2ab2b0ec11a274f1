"""Whether a pod that was evicted for want of disk had filled it itself."""

from __future__ import annotations

import pytest

from seaway.model.run import Origin
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.rules.pressure import evicted_before, written_beyond
from seaway.platform.diagnosis.verdict import find, judge

LOW = "The node was low on resource: ephemeral-storage. "
SHORT = f"{LOW}Threshold quantity: 10Gi, available: 8Gi. "


def used(amount: str, request: str = "0", name: str = "main") -> str:
    return f"Container {name} was using {amount}, request is {request}, has larger consumption of ephemeral-storage. "


def evicted(message: str, disk: str = "100Gi", before: int = 0) -> Facts:
    pod = {
        "metadata": {"name": "train-1"},
        "spec": {"containers": [{"name": "main"}], "nodeName": "n"},
        "status": {"phase": "Failed", "reason": "Evicted", "message": message},
    }
    node = {"status": {"capacity": {"ephemeral-storage": disk}}} if disk else None
    origin = Origin(arguments=("train.py",))
    return Facts(run="train", pod=pod, node=node, evicted_before=before, origin=origin)


@pytest.mark.parametrize(
    ("message", "size"),
    [
        pytest.param(SHORT, 0, id="nothing is said of the pod"),
        pytest.param(SHORT + used("44Ki"), 44 << 10, id="little"),
        pytest.param(LOW + used("50Gi", "20Gi"), 30 << 30, id="what was reserved is not counted"),
        pytest.param(SHORT + used("1Gi") + used("2Gi", "1Gi", "side"), 2 << 30, id="all containers"),
        pytest.param(LOW + "Container main was using 3Gi, which exceeds its request of 500Mi. ", (3 << 30) - (500 << 20), id="older words"),
        pytest.param(LOW + "Container main was using 3Gi, which exceeds its request of 0. ", 3 << 30, id="older words, nothing reserved"),
        pytest.param("The node was low on resource: memory. " + used("6Gi", "1Gi"), 0, id="of memory"),
        pytest.param(LOW + "Container main was using lots, request is 0. ", 0, id="no quantity"),
    ],
)  # fmt: skip
def test_what_a_pod_had_written(message: str, size: int) -> None:
    assert written_beyond(message) == size


@pytest.mark.parametrize(
    ("facts", "class_", "cause"),
    [
        pytest.param(evicted(SHORT), "infrastructure", "Evicted", id="others filled it"),
        pytest.param(evicted(SHORT + used("44Ki"), before=9), "infrastructure", "Evicted", id="others, again and again"),
        pytest.param(evicted(SHORT + used("45Gi")), "infrastructure", "Evicted", id="others wrote most of it"),
        pytest.param(evicted(SHORT + used("46Gi")), "resource", "DiskFilled", id="half of what was taken"),
        pytest.param(evicted(LOW + used("49Gi")), "infrastructure", "Evicted", id="less than half of the disk"),
        pytest.param(evicted(LOW + used("50Gi")), "resource", "DiskFilled", id="half of the disk"),
        pytest.param(evicted(LOW + used("50Gi"), disk=""), "infrastructure", "Evicted", id="the disk's size is not known"),
        pytest.param(evicted(LOW + used("50Gi"), disk="", before=2), "resource", "DiskFilled", id="not known, three times"),
        pytest.param(evicted(SHORT + used("5Gi"), before=1), "infrastructure", "Evicted", id="much, twice"),
        pytest.param(evicted(SHORT + used("5Gi"), before=2), "resource", "DiskFilled", id="much, three times"),
        pytest.param(evicted(SHORT + used("60Gi", "55Gi")), "infrastructure", "Evicted", id="it had reserved it"),
        pytest.param(evicted("The node was low on resource: memory. " + used("90Gi"), before=5), "infrastructure", "Evicted", id="memory"),
    ],
)  # fmt: skip
def test_whose_ending_it_is(facts: Facts, class_: str, cause: str) -> None:
    verdict = judge(facts)
    assert (verdict.class_.value, verdict.cause) == (class_, cause), verdict


def test_it_is_told_with_the_sizes_and_what_to_do() -> None:
    once, thrice = find(evicted(SHORT + used("60Gi"))), find(evicted(SHORT + used("5Gi"), before=2))
    assert once.message == (
        "it filled its node's disk and was evicted: 60.0 GiB of the 92.0 GiB that were taken there were its own"
    )
    assert thrice.message == (
        "it was evicted 3 times in a row because its node's disk was full, of which it had written 5.0 GiB itself"
    )
    assert not once.retry
    assert once.next_step == (
        "write less or fewer files there, or large ones onto a volume; "
        "--scratch SIZE ends it alone before the node is short, then: seaway run train.py"
    )


@pytest.mark.parametrize(
    ("messages", "count"),
    [
        ([], 0),
        ([SHORT + used("5Gi")], 1),
        ([SHORT + used("5Gi"), SHORT + used("1Gi"), SHORT + used("5Gi")], 3),
        ([SHORT + used("5Gi"), SHORT + used("20Mi"), SHORT + used("5Gi")], 1),
        ([SHORT, SHORT + used("5Gi")], 0),
    ],
    ids=["the first", "once", "always", "another one in between", "another one just before"],
)
def test_evictions_in_a_row_are_counted(messages: list[str], count: int) -> None:
    verdicts = [judge(evicted(message)).model_dump(mode="json", by_alias=True) for message in messages]
    assert evicted_before(verdicts) == count
    assert evicted_before([None, *verdicts]) == 0
    ended = judge(evicted(SHORT + used("60Gi"))).model_dump(mode="json", by_alias=True)
    assert evicted_before([ended, *verdicts]) == 0, (
        "somebody had it tried again after it had ended: that counts anew"
    )
