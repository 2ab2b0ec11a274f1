"""What a cluster's rules say, read: each message as Kubernetes 1.36 words it."""

from __future__ import annotations

import pytest

from seaway.platform.diagnosis.admission import Admission, admission, explanation, wants_option

HEAD = 'pods "run-1" is forbidden: '
CASES = [
    pytest.param(
        "exceeded quota: team, requested: pods=1,requests.cpu=2, used: pods=3,requests.cpu=3, limited: pods=9,requests.cpu=4",
        Admission.NO_ROOM, "the quota 'team' of the workspace has no room for it now (requests.cpu: 2 of 4, 3 in use)", "",
        id="quota full",
    ),
    pytest.param(
        "exceeded quota: team, requested: requests.memory=8Gi, used: requests.memory=0, limited: requests.memory=4Gi",
        Admission.TOO_BIG,
        "it asks for more than the quota 'team' of the workspace allows at all (requests.memory: 8Gi of 4Gi)", "--memory",
        id="more than the whole quota",
    ),
    pytest.param(
        "failed quota: team: must specify limits.memory for: main; requests.cpu for: main",
        Admission.QUOTA_WANTS,
        "the quota 'team' of the workspace wants every run to say its memory (--memory) and its CPU (--cpu)", "--memory",
        id="quota wants limits",
    ),
    pytest.param(
        "[maximum memory usage per Container is 1Gi, but limit is 2Gi]", Admission.RANGE,
        "the workspace allows at most 1Gi of memory per run; it asks for 2Gi", "--memory", id="limit range, maximum",
    ),
    pytest.param(
        "minimum cpu usage per Container is 500m, but request is 100m", Admission.RANGE,
        "the workspace allows at least 500m of CPU per run; it asks for 100m", "--cpu", id="limit range, minimum",
    ),
    pytest.param(
        "maximum memory usage per Pod is 1Gi.  No limit is specified", Admission.RANGE,
        "the workspace allows at most 1Gi of memory per run", "--memory", id="limit range, nothing given",
    ),
    pytest.param(
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1', Admission.RANGE,
        "the workspace allows at most 1 of CPU per run", "--cpu", id="limit range, a maximum as a limit",
    ),
    pytest.param(
        'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "main" must set it)',
        Admission.SECURITY,
        "the namespace's Pod Security Standard 'restricted:latest' forbids it: "
        'allowPrivilegeEscalation != false (container "main" must set it)', "", id="pod security",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("said", "rule", "explained", "option"), CASES)
def test_a_rule_that_turned_a_pod_away(said, rule, explained, option) -> None:
    assert (admission(HEAD + said), explanation(HEAD + said), wants_option(HEAD + said)) == (rule, explained, option)  # fmt: skip


@pytest.mark.parametrize(
    ("message", "explained"),
    [
        pytest.param(
            'admission webhook "policy.example.com" denied the request: images must come from us',
            "the cluster's admission webhook 'policy.example.com' denied it: images must come from us",
            id="with a reason",
        ),
        pytest.param(
            'admission webhook "policy.example.com" denied the request without explanation',
            "the cluster's admission webhook 'policy.example.com' denied it: it says no reason",
            id="without a reason",
        ),
        pytest.param(
            "pods \"p\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            "the cluster's admission policy 'p' denied it: no",
            id="a policy",
        ),
    ],
)
def test_a_webhook_or_policy_that_denied(message, explained) -> None:
    assert (admission(message), explanation(message)) == (Admission.DENIED, explained)


@pytest.mark.parametrize(
    ("said", "explained"),
    [
        (
            "exceeded quota: team, requested: pods=1, used: pods=9, limited: pods=9",
            "the quota 'team' of its namespace has no room for it now (pods: 1 of 9, 9 in use)",
        ),
        (
            "exceeded quota: team, requested: requests.memory=8Gi, used: requests.memory=0, limited: requests.memory=4Gi",
            "it asks for more than the quota 'team' of its namespace allows at all (requests.memory: 8Gi of 4Gi)",
        ),
        (
            "maximum memory usage per Container is 1Gi, but limit is 2Gi",
            "its namespace allows at most 1Gi of memory per container; it asks for 2Gi",
        ),
        (
            "minimum cpu usage per Container is 500m, but request is 100m",
            "its namespace allows at least 500m of CPU per container; it asks for 100m",
        ),
    ],
)
def test_a_rule_that_turned_away_a_pod_of_no_run_in_words_without_seaways(said, explained) -> None:
    assert explanation(HEAD + said, of_run=False) == explained


def test_what_is_no_rule_of_these() -> None:
    assert admission('pods "p" is forbidden: no PriorityClass with name x was found') is None
    assert explanation("anything else") == ""
