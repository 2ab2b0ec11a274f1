"""A pod's status is a function of what its containers did."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.node.plan import backoff, ends_after, next_step
from seaway.controlplane.node.probes import probe_grace
from seaway.controlplane.node.state import Exit, PodState, Running, states_of
from seaway.controlplane.node.status import Now, phase, pod_status, qos_class

RUN, OK, BAD = (
    Running(1_000_000_000),
    Exit(0, started_ns=10**9, finished_ns=2 * 10**9),
    Exit(2, started_ns=10**9, finished_ns=2 * 10**9),
)


def pod(policy: str = "Always", mains: int = 1, inits: int = 0, sidecar: bool = False) -> dict[str, Any]:
    names = [{"name": f"m{n}", "image": "python"} for n in range(mains)]
    before = [{"name": f"i{n}", "image": "python"} for n in range(inits)]
    beside = [{"name": "s", "image": "python", "restartPolicy": "Always"}] if sidecar else []
    return {
        "metadata": {"name": "p", "namespace": "d", "uid": "u"},
        "spec": {"restartPolicy": policy, "containers": names, "initContainers": [*beside, *before]},
    }


def state(of: dict[str, Any], **current: Any) -> PodState:
    result = PodState(containers=states_of(of), ip="127.1.0.2", sandbox=True)
    for name, value in current.items():
        container = result.containers[name]
        container.current, container.attempt = value, 0
        container.started = container.ready = isinstance(value, Running)
    return result


@pytest.mark.parametrize(
    ("policy", "current", "expected"),
    [
        ("Always", {}, "Pending"), ("Always", {"m0": RUN}, "Running"), ("Always", {"m0": OK}, "Running"),
        ("OnFailure", {"m0": OK}, "Succeeded"), ("OnFailure", {"m0": BAD}, "Running"),
        ("Never", {"m0": OK}, "Succeeded"), ("Never", {"m0": BAD}, "Failed"),
    ],
    ids=["nothing started", "runs", "ended, always restarted", "succeeded", "failed, restarted", "succeeded for good", "failed for good"],
)  # fmt: skip
def test_phase_of_one_container(policy: str, current: dict[str, Any], expected: str) -> None:
    assert phase(pod(policy), state(pod(policy), **current)) == expected


@pytest.mark.parametrize(
    ("policy", "current", "expected"),
    [
        ("Never", {"m0": OK, "m1": RUN}, "Running"), ("Never", {"m0": BAD, "m1": OK}, "Failed"), ("Never", {"m0": OK, "m1": OK}, "Succeeded"),
    ],
    ids=["one still runs", "one failed", "all succeeded"],
)  # fmt: skip
def test_phase_of_two_containers(policy: str, current: dict[str, Any], expected: str) -> None:
    of = pod(policy, mains=2)
    assert phase(of, state(of, **current)) == expected


def test_failed_init_container_fails_the_pod_that_is_never_restarted() -> None:
    never, always = pod("Never", inits=1), pod("Always", inits=1)
    assert phase(never, state(never, i0=BAD)) == "Failed"
    assert phase(always, state(always, i0=BAD)) == "Pending"


def test_what_the_node_ended_has_failed() -> None:
    of = pod("Always")
    ended = state(of, m0=OK)
    ended.failed = ("Evicted", "too much")
    assert phase(of, ended) == "Failed"
    assert phase(of, state(of, m0=BAD), ended=True) == "Failed"
    assert phase(of, state(of, m0=OK), ended=True) == "Succeeded"


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c.get("reason", "")) for c in status["conditions"]}


def test_status_of_a_running_pod() -> None:
    of = pod("Always", inits=1)
    found = pod_status(of, state(of, i0=OK, m0=RUN), Now(5.0, "127.1.0.1"))
    assert found["podIP"] == "127.1.0.2"
    assert conditions(found) == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"), ("True", "")
    )
    main = found["containerStatuses"][0]
    assert (main["ready"], main["started"], main["restartCount"]) == (True, True, 0)
    assert main["state"] == {"running": {"startedAt": "1970-01-01T00:00:01Z"}}
    assert found["initContainerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"


def test_status_of_a_finished_pod() -> None:
    found = pod_status(pod("Never"), state(pod("Never"), m0=OK), Now(5.0))
    told = conditions(found)
    assert (told["Ready"], told["Initialized"]) == (("False", "PodCompleted"), ("True", "PodCompleted"))


def test_waiting_for_the_next_attempt_shows_the_last_one() -> None:
    of = pod("Always")
    waiting = state(of, m0=BAD)
    waiting.containers["m0"].waiting = ("CrashLoopBackOff", "back-off 10s")
    main = pod_status(of, waiting, Now(5.0))["containerStatuses"][0]
    assert main["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    assert main["lastState"]["terminated"]["exitCode"] == 2


def test_times_of_conditions_change_only_with_their_status() -> None:
    of = pod("Always")
    first = pod_status(of, state(of, m0=RUN), Now(5.0))
    again = pod_status(of | {"status": first}, state(of, m0=RUN), Now(99.0))
    assert again == first
    foreign = {"type": "Mine", "status": "True"}
    first["conditions"].append(foreign)
    assert foreign in pod_status(of | {"status": first}, state(of, m0=OK), Now(99.0))["conditions"]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (OK, "Completed"),
        (BAD, "Error"),
        (Exit(137, 9, oom_killed=True), "OOMKilled"),
        (Exit(128, reason="StartError"), "StartError"),
    ],
    ids=["zero", "not zero", "out of memory", "never started"],
)
def test_reason_of_an_end(end: Exit, reason: str) -> None:
    assert end.word == reason


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"), ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}, "Burstable"),
        ({"limits": {"cpu": "1000m", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1024Mi"}}, "Guaranteed"),
    ],
    ids=["nothing", "a request", "limits", "less than the limit", "the same, written otherwise"],
)  # fmt: skip
def test_qos_class(resources: dict[str, Any], expected: str) -> None:
    of = pod()
    of["spec"]["containers"][0]["resources"] = resources
    assert qos_class(of) == expected


@pytest.mark.parametrize(
    ("policy", "inits", "current", "start"),
    [
        ("Never", 0, {}, ("m0",)), ("Never", 2, {}, ("i0",)), ("Never", 2, {"i0": OK}, ("i1",)), ("Never", 2, {"i0": RUN}, ()),
        ("Never", 1, {"i0": OK}, ("m0",)), ("OnFailure", 1, {"i0": BAD}, ("i0",)), ("Always", 0, {"m0": OK}, ("m0",)),
        ("OnFailure", 0, {"m0": BAD}, ("m0",)), ("Always", 0, {"m0": RUN}, ()),
    ],
    ids=["main", "first init", "second init", "init runs", "inits done", "init again", "again always", "again on failure", "runs"],
)  # fmt: skip
def test_what_is_started_next(
    policy: str, inits: int, current: dict[str, Any], start: tuple[str, ...]
) -> None:
    of = pod(policy, inits=inits)
    assert next_step(of, state(of, **current), 0.0).start == start


AGAIN_AFTER_2 = {
    "restartPolicy": "Never",
    "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [2]}}],
}
NOT_AFTER_0 = {
    "restartPolicy": "Never",
    "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [0]}}],
}


@pytest.mark.parametrize(
    ("policy", "own", "end", "start", "shown"),
    [
        pytest.param("Never", AGAIN_AFTER_2, BAD, ("m0",), "Running", id="a rule asks for it"),
        pytest.param("Always", AGAIN_AFTER_2, OK, (), "Succeeded", id="no rule, its own policy"),
        pytest.param("Always", NOT_AFTER_0, BAD, ("m0",), "Running", id="a code that is not listed"),
        pytest.param("Always", NOT_AFTER_0, OK, (), "Succeeded", id="a code that is"),
        pytest.param("Never", {"restartPolicy": "OnFailure"}, BAD, ("m0",), "Running", id="its own policy"),
        pytest.param(
            "Always", {"restartPolicy": "Never"}, BAD, (), "Failed", id="never, in a pod that restarts"
        ),
    ],
)
def test_a_container_has_a_restart_policy_and_rules_of_its_own(
    policy: str, own: dict[str, Any], end: Exit, start: tuple[str, ...], shown: str
) -> None:
    of = pod(policy)
    of["spec"]["containers"][0] |= own
    ended = state(of, m0=end)
    step = next_step(of, ended, 0.0)
    assert (step.start, step.done) == (start, not start)
    assert phase(of, ended) == shown


def test_an_init_container_has_a_restart_policy_of_its_own() -> None:
    of = pod("Always", inits=1)
    of["spec"]["initContainers"][0]["restartPolicy"] = "Never"
    assert next_step(of, state(of, i0=BAD), 0.0).done
    assert phase(of, state(of, i0=BAD)) == "Failed"


def test_nothing_is_started_before_its_time() -> None:
    of = pod("Always")
    ended = state(of, m0=BAD)
    ended.containers["m0"].restart_at = 12.0
    step = next_step(of, ended, 5.0)
    assert (step.start, step.wait) == ((), 7.0)
    assert next_step(of, ended, 12.0).start == ("m0",)


def test_sidecars_are_stopped_when_the_others_are_done() -> None:
    of = pod("Never", sidecar=True)
    step = next_step(of, state(of, s=RUN, m0=OK), 0.0)
    assert (step.stop, step.done) == (("s",), False)
    assert next_step(of, state(of, s=OK, m0=RUN), 0.0).start == ("s",)
    assert next_step(pod("Never"), state(pod("Never"), m0=BAD), 0.0).done


@pytest.mark.parametrize(
    "current", [{"s": OK, "m0": OK}, {"s": BAD, "m0": BAD}, {"s": OK, "i0": BAD}, {"m0": OK}],
    ids=["succeeded", "failed", "an init container failed", "its own end is not known"],
)  # fmt: skip
def test_sidecars_are_not_started_again_when_the_others_are_done(current: dict[str, Any]) -> None:
    of = pod("Never", inits=1, sidecar=True)
    step = next_step(of, state(of, **{"i0": OK} | current), 0.0)
    assert (step.start, step.stop, step.done) == ((), (), True)


def test_backoff_doubles_up_to_its_cap() -> None:
    assert [backoff(n, 10, 300) for n in range(1, 9)] == [0, 10, 20, 40, 80, 160, 300, 300]


@pytest.mark.parametrize(
    ("current", "start"),
    [
        pytest.param({"s": BAD, "m0": RUN}, ("s",), id="a sidecar ended beside the others"),
        pytest.param({"s": BAD, "m0": BAD}, ("s", "m0"), id="each is started again for itself"),
        pytest.param({"s": BAD, "i0": BAD, "m0": BAD}, ("s", "m0"), id="init containers had their time"),
        pytest.param({"s": BAD}, ("s",), id="nothing begins before it has started"),
    ],
)
def test_a_sidecar_that_is_started_again_keeps_nothing_back(
    current: dict[str, Any], start: tuple[str, ...]
) -> None:
    of = pod("Always", inits=1, sidecar=True)
    assert next_step(of, state(of, **current), 0.0).start == start


def test_containers_wait_for_the_hook_of_the_one_before() -> None:
    of = pod(mains=3)
    of["spec"]["containers"][1]["lifecycle"] = {"postStart": {"sleep": {"seconds": 1}}}
    assert next_step(of, state(of), 0.0).start == ("m0", "m1")
    hooking = state(of, m0=RUN, m1=RUN)
    hooking.containers["m1"].hooking = True
    assert next_step(of, hooking, 0.0).start == ()
    hooking.containers["m1"].hooking = False
    assert next_step(of, hooking, 0.0).start == ("m2",)


def test_a_sidecar_outlives_what_it_serves() -> None:
    of = pod(sidecar=True)
    of["spec"]["initContainers"].append({"name": "t", "restartPolicy": "Always"})
    assert ends_after(state(of), "m0") == ()
    assert ends_after(state(of), "t") == ("m0",)
    assert ends_after(state(of), "s") == ("t", "m0")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        pytest.param(
            None,
            ("False", 'corresponding condition of pod readiness gate "a/b" does not exist.'),
            id="not there",
        ),
        pytest.param(
            "Unknown",
            ("False", 'the status of pod readiness gate "a/b" is not "True", but Unknown'),
            id="unknown",
        ),
        pytest.param("True", ("True", None), id="open"),
    ],
)
def test_readiness_gates(condition: str | None, said: tuple[str, str | None]) -> None:
    of = pod()
    of["spec"]["readinessGates"] = [{"conditionType": "a/b"}]
    of["status"] = {"conditions": [{"type": "a/b", "status": condition}] if condition else []}
    found = {c["type"]: c for c in pod_status(of, state(of, m0=RUN), Now(5.0))["conditions"]}
    assert (found["Ready"]["status"], found["Ready"].get("message")) == said
    assert found["Ready"].get("reason") == (None if condition == "True" else "ReadinessGatesNotReady")
    assert found["ContainersReady"]["status"] == "True"


@pytest.mark.parametrize(
    ("probe", "usual", "seconds"),
    [({}, None, 30.0), ({}, 5, 5.0), ({"terminationGracePeriodSeconds": 2}, 60, 2.0)],
)
def test_grace_of_a_failed_probe(probe: dict[str, Any], usual: int | None, seconds: float) -> None:
    assert probe_grace({"spec": {"terminationGracePeriodSeconds": usual}}, probe) == seconds
