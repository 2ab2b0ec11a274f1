"""What would start now: compared with a scheduler that tries everything."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from seaway.objects.quantity import parse_quantity
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.holders import room_at
from seaway.platform.diagnosis.room import requests, smaller
from seaway.platform.diagnosis.usual import Usual
from seaway.platform.diagnosis.why import explain

MIB = 1024**2
TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


def pod(cpu_tenths, memory_steps, *, node=None, gpus=0, tolerates=False, phase="Running"):
    amounts = {"cpu": f"{cpu_tenths * 100}m", "memory": f"{memory_steps * 64}Mi"}
    if gpus:
        amounts["nvidia.com/gpu"] = str(gpus)
    spec = {"containers": [{"name": "main", "resources": {"requests": amounts}}]}
    if node:
        spec["nodeName"] = node
    if tolerates:
        spec["tolerations"] = [{"key": "gpu", "operator": "Exists"}]
    return {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": phase}}


def node(name, cpu_tenths, memory_steps, *, gpus=0, tainted=False, cordoned=False, pods=10):
    room = {"cpu": f"{cpu_tenths * 100}m", "memory": f"{memory_steps * 64}Mi", "pods": str(pods)}
    if gpus:
        room["nvidia.com/gpu"] = str(gpus)
    spec = {"taints": [TAINT]} if tainted else {}
    return {
        "metadata": {"name": name, "labels": {}},
        "spec": {**spec, "unschedulable": cordoned},
        "status": {"allocatable": room},
    }


def starts(cpu, memory, gpus, waiting, nodes, others):
    """A scheduler in the plainest words: is there a node with so much left?"""
    for one in nodes:
        if one["spec"].get("unschedulable"):
            continue
        if one["spec"].get("taints") and not waiting["spec"].get("tolerations"):
            continue
        here = [
            o
            for o in others
            if o["spec"].get("nodeName") == one["metadata"]["name"] and o["status"]["phase"] == "Running"
        ]
        room = {name: parse_quantity(amount) for name, amount in one["status"]["allocatable"].items()}
        used = {"cpu": cpu, "memory": memory, "nvidia.com/gpu": gpus, "pods": Decimal(1)}
        for other in here:
            for name, amount in requests(other).items():
                used[name] = used.get(name, Decimal(0)) + amount
            used["pods"] += 1
        if all(room.get(name, Decimal(0)) >= amount for name, amount in used.items()):
            return True
    return False


nodes_drawn = st.lists(
    st.builds(
        node, st.sampled_from(["a", "b", "c"]), st.integers(1, 12), st.integers(1, 12), gpus=st.integers(0, 2),
        tainted=st.booleans(), cordoned=st.booleans(), pods=st.integers(1, 3),
    ),
    max_size=3, unique_by=lambda one: one["metadata"]["name"],
)  # fmt: skip
others_drawn = st.lists(
    st.builds(pod, st.integers(0, 6), st.integers(0, 6), node=st.sampled_from(["a", "b", "c"]), phase=st.sampled_from(["Running", "Failed"])),
    max_size=4,
)  # fmt: skip


@given(
    waiting=st.builds(pod, st.integers(1, 10), st.integers(1, 10), gpus=st.integers(0, 2), tolerates=st.booleans(), phase=st.just("Pending")),
    nodes=nodes_drawn, others=others_drawn,
)  # fmt: skip
def test_the_suggestion_starts_and_nothing_larger_does(waiting, nodes, others) -> None:
    asked = requests(waiting)
    cpu, memory, gpus = asked["cpu"], asked["memory"], asked.get("nvidia.com/gpu", Decimal(0))
    told = smaller(waiting, nodes, others)
    if starts(cpu, memory, gpus, waiting, nodes, others):
        assert told == {}
        return
    choices = [
        (c * Decimal("0.1"), m * 64 * MIB, Decimal(g))
        for c, m, g in product(
            range(1, int(cpu * 10) + 1),
            range(1, int(memory) // (64 * MIB) + 1),
            range(1, int(gpus) + 1) or [0],
        )
    ]
    able = [choice for choice in choices if starts(*choice, waiting, nodes, others)]
    assert bool(told) == bool(able)
    if told:
        chosen = tuple(
            parse_quantity(told.get(name, was))
            for name, was in (("cpu", cpu), ("memory", memory), ("nvidia.com/gpu", gpus))
        )
        assert starts(*chosen, waiting, nodes, others)
        assert part(chosen, (cpu, memory, gpus)) == max(part(choice, (cpu, memory, gpus)) for choice in able)


def part(chosen, asked) -> Decimal:
    return min(amount / was for amount, was in zip(chosen, asked, strict=True) if was)


def test_a_waiting_run_is_told_what_would_start_now() -> None:
    waiting = pod(10, 160, phase="Pending")
    message = "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
    waiting["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    ]
    facts = Facts(
        run="r", pod=waiting, waiting=True, command=("python", "train.py"), nodes=[node("a", 80, 256)], others=[pod(10, 160, node="a")]
    )  # fmt: skip
    told = explain(facts)
    assert "it would start now with --memory 6Gi" in told.message
    assert told.next_step == "wait, or start it now with less: seaway run --memory 6Gi train.py"


def holder(name, gpus, node_name="a", run=None):
    found = pod(1, 1, gpus=gpus, node=node_name)
    return {**found, "metadata": {"name": name, "labels": {"seaway.dev/run": run} if run else {}}}


GPU_SHORT = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."


def waits(others, ends, usual=None):
    waiting = pod(1, 1, gpus=2, phase="Pending")
    waiting["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": GPU_SHORT}
    ]
    nodes = [node("a", 9, 9, gpus=2), node("b", 9, 9, gpus=2, tainted=True)]
    return explain(
        Facts(run="new", pod=waiting, nodes=nodes, others=others, ends=ends, usual=usual, waiting=True)
    ).done


def test_who_has_the_gpus_is_said_and_until_when() -> None:
    others = [holder("x-1", 1, run="x"), holder("y-1", 1, run="y"), holder("z-1", 2, "b", run="z")]
    assert waits(others, {}) == "it starts as soon as a node has room; GPUs there are held by x and y"
    ends = {"x-1": "2026-01-01T14:20:00Z", "y-1": "2026-01-01T12:20:00Z"}
    assert waits(others, ends).endswith(
        "there is room by 14:20 UTC at the latest, when y and x must have ended by their time limits"
    )
    assert "room by" not in waits(others, {"x-1": ends["x-1"]}), "nobody knows when y ends"
    assert waits([holder("x-1", 2, run="x"), holder("q", 0)], ends).endswith(
        "when x must have ended by its time limit"
    )
    assert waits([holder("web", 2)], {}).endswith("GPUs there are held by 1 other pod"), (
        "pods of others stay unnamed"
    )


def usually(at: str | None, runs: int = 5) -> Usual:
    return Usual(1200.0, runs, at and f"2026-01-01T{at}:00Z")


def test_when_there_is_room_is_estimated_where_no_time_limit_says_so_sooner() -> None:
    both = [holder("x-1", 1, run="x"), holder("y-1", 1, run="y")]
    whole = [holder("x-1", 2, run="x")]
    told = "an estimate: there is room at about 14:20 UTC, if x takes as long as usual: it usually takes about 20 min (median of its last 5 runs)"
    assert waits(whole, {}, {"x": usually("14:20")}).endswith(told)
    assert waits(both, {}, {"x": usually("14:20"), "y": usually("13:00")}).endswith(
        "an estimate: there is room at about 14:20 UTC, if y and x take as long as usual"
    )
    assert "estimate" not in waits(both, {}, {"x": usually("14:20")}), "nothing tells how long y takes"
    assert "estimate" not in waits(whole, {}, {"x": usually(None)}), (
        "it has run for longer than usual already"
    )
    limit = {"x-1": "2026-01-01T18:00:00Z"}
    said = waits(whole, limit, {"x": usually("14:20")})
    assert "room by 18:00 UTC at the latest" in said
    assert said.endswith(told)
    assert "estimate" not in waits(whole, {"x-1": "2026-01-01T14:00:00Z"}, {"x": usually("14:20")})


@given(others_drawn, nodes_drawn, st.permutations(["1", "2", "3", "4"]))
def test_the_time_is_the_first_at_which_a_scheduler_would_place_it(others, nodes, times) -> None:
    waiting = pod(3, 3, gpus=1, phase="Pending")
    named = [{**one, "metadata": {"name": str(number)}} for number, one in enumerate(others)]
    ends = {one["metadata"]["name"]: times[number] for number, one in enumerate(named)}
    asked = {name: Decimal(amount) for name, amount in requests(waiting).items()}

    def fits(at: str) -> bool:
        left = [one for one in named if ends[one["metadata"]["name"]] > at]
        return starts(asked["cpu"], asked["memory"], asked["nvidia.com/gpu"], waiting, nodes, left)

    found = room_at(waiting, nodes, named, ends)
    possible = [at for at in sorted(ends.values()) if fits(at)]
    if found is not None:
        assert found[0] == possible[0] or fits("")
    elif not fits(""):
        assert not possible
