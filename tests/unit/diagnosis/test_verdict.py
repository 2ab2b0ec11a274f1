"""How an attempt ended: every class of DESIGN's table, from Pods as Kubernetes shows them."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from seaway.model.run import Origin
from seaway.model.verdict import Verdict, VerdictClass
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.verdict import judge
from seaway.platform.diagnosis.why import MOST_WORDS, explain
from seaway.runner.scratch import Scratch

ENDED = "2026-01-02T03:04:05Z"


def container(state, **more):
    return {"name": "main", "state": state, **more}


def ended(code, reason="Error", **more):
    return container({"terminated": {"exitCode": code, "reason": reason, "finishedAt": ENDED, **more}})


def waits(reason, message=""):
    return container({"waiting": {"reason": reason, "message": message}})


def pod(status, *, phase="Failed", limits=None, metadata=None, node="node-a", image="python", **pod_status):
    spec = {"containers": [{"name": "main", "image": image, "resources": {"limits": limits or {}}}]}
    if node:
        spec["nodeName"] = node
    return {
        "metadata": {"name": "r-1", **(metadata or {})},
        "spec": spec,
        "status": {"phase": phase, "containerStatuses": [status] if status else [], **pod_status},
    }


def facts(pod=None, **more):
    return Facts(run="r", pod=pod, command=("python", "train.py"), **more)


def disruption(reason, message=""):
    return [
        {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": ENDED,
        }
    ]


TRACEBACK = """\
epoch 1
Traceback (most recent call last):
  File "/app/train.py", line 7, in <module>
    main()
  File "/venv/lib/python3.11/site-packages/numpy/core.py", line 3, in load
    raise ValueError("bad shape")
ValueError: bad shape
"""
NO_MODULE = "Traceback (most recent call last):\n  File \"train.py\", line 1, in <module>\nModuleNotFoundError: No module named '{}'\n"
UNPLACED = pod(
    None,
    phase="Pending",
    node=None,
    conditions=[
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Too many pods.",
        }
    ],
)

SILENT = pod(
    container({"running": {}}), phase="Running", metadata={"deletionTimestamp": "2026-01-02T03:04:05Z"},
    conditions=disruption("DeletionByTaintManager"),
)  # fmt: skip
NOT_STARTED = Verdict.model_validate(
    {"class": "deadline", "cause": "WaitLimit", "message": "it did not start within its wait limit of 2h; at the end: no node has a free GPU"}
)  # fmt: skip

S, INFRA, R, U, C, D, X, N = (
    VerdictClass.SUCCEEDED, VerdictClass.INFRASTRUCTURE, VerdictClass.RESOURCE, VerdictClass.USER,
    VerdictClass.CONFIGURATION, VerdictClass.DEADLINE, VerdictClass.CANCELLED, VerdictClass.UNKNOWN,
)  # fmt: skip

CASES = {
    "completed": (facts(pod(ended(0, "Completed"), phase="Succeeded")), S, "Completed"),
    "completed, then asked to stop": (
        facts(pod(ended(0, "Completed"), phase="Succeeded"), requested="stop", requested_at="2026-01-02T03:04:09Z"), S, "Completed",
    ),
    "failed, then asked to stop": (
        facts(pod(ended(1)), requested="stop", requested_at="2026-01-02T03:04:09Z", log_tail=TRACEBACK), U, "UserException",
    ),
    "stopped, ended gracefully": (
        facts(pod(ended(0, "Completed"), phase="Succeeded"), requested="stop", requested_at="2026-01-02T03:04:01Z"), X, "Stopped",
    ),
    "timed out, and the clock was set back before it had ended": (
        facts(pod(ended(143)), requested="timeout", requested_at="2026-01-02T05:04:09Z", deleted_while_it_ran=True), D, "Timeout",
    ),
    "stopped, killed": (facts(pod(ended(137)), requested="stop"), X, "Stopped"),
    "stopped before the pod existed": (facts(requested="stop"), X, "Stopped"),
    "timed out": (facts(pod(ended(143)), requested="timeout", timeout_seconds=3600), D, "Timeout"),
    "stopped as it hung": (facts(pod(ended(143)), requested="hung", hung_seconds=1800, log_tail="epoch 3"), D, "StoppedAsHung"),
    "hung, and failed by itself before": (
        facts(pod(ended(1)), requested="hung", requested_at="2026-01-02T03:04:09Z", log_tail=TRACEBACK), U, "UserException",
    ),
    "given up before it started": (facts(not_started=NOT_STARTED), D, "WaitLimit"),
    "given up before it started, its pod gone": (facts(pod(None, phase="Failed"), pod_gone=True, requested="wait", not_started=NOT_STARTED), D, "WaitLimit"),
    "given up, and started at that moment": (facts(pod(ended(143)), requested="wait"), INFRA, "StartedTooLate"),
    "given up, started at that moment and completed": (facts(pod(ended(0), phase="Succeeded"), requested="wait"), VerdictClass.SUCCEEDED, "Completed"),
    "given up, and it had failed by itself before": (
        facts(pod(ended(1)), requested="wait", requested_at="2026-01-02T03:04:09Z", log_tail=TRACEBACK), U, "UserException",
    ),
    "timed out by Kubernetes": (facts(pod(ended(137), reason="DeadlineExceeded")), D, "Timeout"),
    "lost on purpose": (facts(pod(ended(137)), requested="lose"), INFRA, "LostOnPurpose"),
    "lost on purpose, its outputs refused": (
        facts(pod(ended(117, message='{"stage": "outputs", "error": "409"}')), requested="lose"), INFRA, "LostOnPurpose",
    ),
    "lost on purpose when it had completed": (facts(pod(ended(0), phase="Succeeded"), requested="lose"), VerdictClass.SUCCEEDED, "Completed"),
    "drained": (facts(pod(ended(143)), requested="drain"), INFRA, "ClusterStopped"),
    "drained, ended with 0": (facts(pod(ended(0), phase="Succeeded"), requested="drain"), INFRA, "ClusterStopped"),
    "out of memory": (facts(pod(ended(137, "OOMKilled"), limits={"memory": "2Gi"})), R, "OOMKilled"),
    "evicted for its own disk use": (
        facts(pod(None, reason="Evicted", message="Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.")),
        R, "DiskLimit",
    ),
    "evicted by its node": (facts(pod(ended(137), reason="Evicted", message="The node was low on resource: memory.")), INFRA, "Evicted"),
    "evicted through the API": (facts(pod(ended(143), conditions=disruption("EvictionByEvictionAPI"))), INFRA, "Evicted"),
    "preempted": (facts(pod(ended(143), conditions=disruption("PreemptionByScheduler"))), INFRA, "Preempted"),
    "preempted, known by event": (
        facts(pod(None, phase="Running"), pod_gone=True, events=[{"reason": "Preempted", "message": "by x"}]), INFRA, "Preempted",
    ),
    "taken off a lost node": (facts(pod(None, phase="Running", conditions=disruption("DeletionByTaintManager"))), INFRA, "NodeLost"),
    "node gone": (facts(pod(None, phase="Running"), node_gone=True), INFRA, "NodeLost"),
    "node silent": (
        facts(pod(None, phase="Running"), node={"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}), INFRA, "NodeLost",
    ),
    "given up, its lease has passed": (facts(SILENT, given_up=True, leased=True), INFRA, "NodeLost"),
    "given up, its lease has passed, drained": (facts(SILENT, given_up=True, leased=True, requested="drain"), INFRA, "NodeLost"),
    "given up, its lease has passed, stopped": (facts(SILENT, given_up=True, leased=True, requested="stop"), X, "Stopped"),
    "given up, may still run": (facts(SILENT, given_up=True), N, "EndUnconfirmed"),
    "given up, may still run, drained": (facts(SILENT, given_up=True, requested="drain"), N, "EndUnconfirmed"),
    "given up, may still run, stopped": (facts(SILENT, given_up=True, requested="stop"), X, "EndUnconfirmed"),
    "node shut down": (facts(pod(ended(143), reason="Terminated", message="Pod was terminated in response to imminent node shutdown.")), INFRA, "NodeShutdown"),
    "no room on its node after all": (facts(pod(None, reason="OutOfcpu")), INFRA, "NodeRejected"),
    "container unknown after a restart": (facts(pod(ended(137, "ContainerStatusUnknown"))), INFRA, "ContainerLost"),
    "deleted while it ran": (
        facts(pod(ended(143), metadata={"deletionTimestamp": "2026-01-02T03:04:33Z", "deletionGracePeriodSeconds": 30})), INFRA, "PodDeleted",
    ),
    "deleted while it ran, removed by its node much later": (
        facts(
            pod(ended(143), metadata={"deletionTimestamp": "2026-01-02T03:04:33Z", "deletionGracePeriodSeconds": 0}),
            events=[{"reason": "Killing", "message": "Stopping container main", "firstTimestamp": "2026-01-02T03:04:04Z"}],
        ),
        INFRA, "PodDeleted",
    ),
    "deleted while it ran, removed by its node much later, and its events are gone": (
        facts(
            pod(ended(143), metadata={"deletionTimestamp": "2026-01-02T03:04:33Z", "deletionGracePeriodSeconds": 0}),
            deletion_asked="2026-01-02T03:04:04Z",
        ),
        INFRA, "PodDeleted",
    ),
    "deleted while it ran, by an API server whose clock is ahead of its node's": (
        facts(
            pod(ended(143), metadata={"deletionTimestamp": "2026-01-02T04:04:35Z", "deletionGracePeriodSeconds": 30}),
            deleted_while_it_ran=True,
        ),
        INFRA, "PodDeleted",
    ),
    "it had failed before anybody asked for its deletion, and was removed much later": (
        facts(
            pod(ended(3), metadata={"deletionTimestamp": "2026-01-02T03:04:33Z", "deletionGracePeriodSeconds": 0}),
            deletion_asked="2026-01-02T03:04:20Z",
        ),
        U, "NonZeroExit",
    ),
    "removed much later, but it had failed before its node was asked to end it": (
        facts(
            pod(ended(3), metadata={"deletionTimestamp": "2026-01-02T03:04:33Z", "deletionGracePeriodSeconds": 0}),
            events=[{"reason": "Killing", "message": "Stopping container main", "firstTimestamp": "2026-01-02T03:04:20Z"}],
        ),
        U, "NonZeroExit",
    ),
    "deleted after it had failed": (
        facts(pod(ended(3), metadata={"deletionTimestamp": "2026-01-02T03:14:33Z", "deletionGracePeriodSeconds": 30})), U, "NonZeroExit",
    ),
    "drained by the cluster, saved what it had and ended with 0": (
        facts(
            pod(
                ended(0, "Completed"), phase="Succeeded", conditions=disruption("EvictionByEvictionAPI"),
                metadata={"deletionTimestamp": "2026-01-02T03:04:35Z", "deletionGracePeriodSeconds": 30},
            ),
            deleted_while_it_ran=True,
        ),
        INFRA, "Evicted",
    ),
    "deleted while it ran, ended with 0, and nobody saw the order": (
        facts(
            pod(
                ended(0, "Completed"), phase="Succeeded",
                metadata={"deletionTimestamp": "2026-01-02T03:04:33Z", "deletionGracePeriodSeconds": 30},
            ),
        ),
        INFRA, "PodDeleted",
    ),
    "its node was shut down, and it ended with 0 for that": (
        facts(pod(ended(0, "Completed"), phase="Succeeded", reason="Terminated", message="Pod was terminated in response to imminent node shutdown.")),
        INFRA, "NodeShutdown",
    ),
    "deleted when it had completed": (
        facts(
            pod(
                ended(0, "Completed"), phase="Succeeded",
                metadata={"deletionTimestamp": "2026-01-02T03:04:36Z", "deletionGracePeriodSeconds": 30},
            ),
        ),
        VerdictClass.SUCCEEDED, "Completed",
    ),
    "deleted before a node had it": (facts(pod(None, phase="Pending", node=None), deleted_by_others=True), INFRA, "PodDeleted"),
    "deleted while no node could take it": (facts(UNPLACED, deleted_by_others=True), INFRA, "PodDeleted"),
    "given up while no node could take it": (facts(UNPLACED, pod_gone=True), C, "Unschedulable"),
    "deleted while the secret with its token was missing": (
        facts(pod(waits("CreateContainerConfigError", 'secret "r-token" not found'), metadata={"deletionTimestamp": ENDED}), deleted_by_others=True),
        INFRA, "PodDeleted",
    ),
    "deleted after its init container had failed": (
        facts(
            pod(
                waits("PodInitializing"), metadata={"deletionTimestamp": ENDED},
                initContainerStatuses=[{"name": "prepare", "state": {"terminated": {"exitCode": 3, "reason": "Error", "finishedAt": "2026-01-02T03:01:00Z"}}}],
            ),
            deleted_by_others=True,
        ),
        U, "NonZeroExit",
    ),
    "deleted while its image was fetched": (facts(pod(waits("ContainerCreating"), phase="Pending"), deleted_by_others=True), INFRA, "PodDeleted"),
    "deleted, nobody saw its end": (facts(pod(None, phase="Running"), pod_gone=True), INFRA, "PodDeleted"),
    "exception": (facts(pod(ended(1)), log_tail=TRACEBACK), U, "UserException"),
    "module missing": (facts(pod(ended(1)), log_tail=NO_MODULE.format("cv2")), U, "ModuleNotFound"),
    "module missing, python -m": (facts(pod(ended(1)), log_tail="/usr/bin/python3: No module named 'pip'\n"), U, "ModuleNotFound"),
    "import of a missing name": (
        facts(pod(ended(1)), log_tail="Traceback (most recent call last):\nImportError: cannot import name 'f' from 'scipy' (x.py)\n"),
        U, "ImportFailed",
    ),
    "conda knows no such package": (
        facts(pod(ended(1)), log_tail="PackagesNotFoundError: The following packages are not available from current channels:\n\n  - tortch=9\n"),
        U, "PackageNotFound",
    ),
    "exit code alone": (facts(pod(ended(3))), U, "NonZeroExit"),
    "segmentation fault": (facts(pod(ended(139))), U, "KilledBySignal"),
    "aborted": (facts(pod(ended(134))), U, "KilledBySignal"),
    "killed, not for memory": (facts(pod(ended(137))), U, "KilledBySignal"),
    "137, which it chose itself": (facts(pod(ended(137, message="peak memory 5 bytes, exit code 137 was its own choice"))), U, "NonZeroExit"),
    "137, which a shell passes on": (
        Facts(run="r", command=("bash", "x.sh"), pod=pod(ended(137, message="peak memory 5 bytes, exit code 137 was its own choice"))),
        U, "KilledBySignal",
    ),
    "terminated from outside": (facts(pod(ended(143))), U, "KilledBySignal"),
    "disk full": (facts(pod(ended(1)), log_tail=TRACEBACK + "OSError: [Errno 28] No space left on device\n"), R, "DiskFull"),
    "GPU memory": (facts(pod(ended(1)), log_tail="torch.OutOfMemoryError: CUDA out of memory. Tried\n"), R, "GpuOutOfMemory"),
    "command not found, by exit code": (facts(pod(ended(127))), C, "CommandNotFound"),
    "command not found, by the runtime": (
        facts(pod(waits("CreateContainerError", 'exec: "trian": executable file not found in $PATH'), phase="Pending")), C, "CommandNotFound",
    ),
    "command not executable": (facts(pod(ended(126))), C, "NotExecutable"),
    "container cannot be started": (facts(pod(ended(128, "StartError", message="mount failed"))), C, "CannotStart"),
    "image does not exist": (facts(pod(waits("ErrImagePull", "not found"), phase="Pending")), C, "BadImage"),
    "image backs off": (facts(pod(waits("ImagePullBackOff"), phase="Pending")), C, "BadImage"),
    "image name invalid": (facts(pod(waits("InvalidImageName", "timeout:!"), phase="Pending")), C, "BadImage"),
    "registry limits pulls": (facts(pod(waits("ErrImagePull", "toomanyrequests: You have reached your pull rate limit"), phase="Pending")), INFRA, "ImageRateLimit"),
    "registry is unavailable": (facts(pod(waits("RegistryUnavailable", "x"), phase="Pending")), INFRA, "ImagePull"),
    "registry does not answer": (facts(pod(waits("ErrImagePull", "dial tcp: i/o timeout"), phase="Pending")), INFRA, "ImagePull"),
    "secret missing": (facts(pod(waits("CreateContainerConfigError", 'secret "db" not found'), phase="Pending")), C, "MissingConfiguration"),
    "refused by quota": (
        facts(create_error='pods "r-1" is forbidden: exceeded quota: team, requested: cpu=8, used: cpu=0, limited: cpu=4'), C, "QuotaExceeded",
    ),
    "refused by pod security": (
        facts(create_error='pods "r-1" is forbidden: violates PodSecurity "restricted:latest": x'), C, "PodSecurity",
    ),
    "refused by a webhook": (facts(create_error='admission webhook "w" denied the request: no'), C, "AdmissionDenied"),
    "refused as invalid": (facts(create_error='Pod "r-1" is invalid: spec: Required value'), C, "Refused"),
    "environment cannot be built": (
        facts(pod(ended(121, message='{"stage": "environment", "error": "no version of nosuchpkg"}'))), C, "EnvironmentFailed",
    ),
    "registry of packages unreachable": (
        facts(pod(ended(121, message='{"stage": "environment", "error": "Could not connect, DNS failure"}'))), INFRA, "RegistryUnreachable",
    ),
    "no disk for the environment": (
        facts(pod(ended(121, message='{"stage": "environment", "error": "No space left on device"}'))), R, "DiskFull",
    ),
    "code unavailable": (facts(pod(ended(122, message='{"stage": "code", "error": "502"}'))), INFRA, "CodeUnavailable"),
    "outputs not stored": (facts(pod(ended(123, message='{"stage": "outputs", "error": "502"}'))), INFRA, "OutputsFailed"),
    "outputs refused": (
        facts(pod(ended(117, message='{"stage": "outputs", "error": "the gateway answered 422", "refused": true}'))), U, "OutputsRefused",
    ),
    "checkpoint refused": (
        facts(pod(ended(123, message='{"stage": "checkpoint", "error": "the gateway answered 413", "refused": true}'))), U, "CheckpointRefused",
    ),
    "checkpoint damaged": (
        facts(pod(ended(123, message='{"stage": "checkpoint", "error": "a block is missing: errno 28", "damaged": true}'))), C, "CheckpointDamaged",
    ),
    "no room for the outputs": (
        facts(pod(ended(117, message='{"stage": "outputs", "error": "there is no room left in artifacts"}'))), R, "DiskFull",
    ),
    "folder to start in not in the code": (
        facts(pod(ended(121, message='{"stage": "code", "error": "the code has no folder", "refused": true}'))), C, "FolderMissing",
    ),
    "runner not fetched": (facts(pod(ended(120, message='{"stage": "runner", "error": "the gateway cannot be reached"}'))), INFRA, "RunnerFailed"),
    "a program's own 121": (facts(pod(ended(121, message="hello"))), U, "NonZeroExit"),
    "failed without a trace": (facts(pod(None)), N, "Unknown"),
    "nothing known": (facts(), N, "Unknown"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "class_", "cause"), CASES.values(), ids=CASES.keys())
def test_an_ending_has_one_class_and_one_cause(given, class_, cause):
    verdict = judge(given)
    assert (verdict.class_, verdict.cause) == (class_, cause)


@pytest.mark.parametrize("given", [case[0] for case in CASES.values()], ids=CASES.keys())
def test_an_explanation_is_short_whole_and_has_a_next_step(given):
    """One sentence, at most about a hundred words, a next step, and no placeholder left."""
    told = explain(replace(given, log_tail=given.log_tail + "word " * 400))
    said = " ".join([told.message, told.done, told.next_step, *(piece.quote for piece in told.evidence)])
    assert len(said.split()) <= MOST_WORDS + 16
    assert told.next_step
    assert "{run}" not in told.next_step
    assert "\n" not in told.message


@pytest.mark.parametrize("given", [case[0] for case in CASES.values()], ids=CASES.keys())
def test_only_infrastructure_is_worth_an_unchanged_retry(given):
    told = explain(given)
    assert told.retry == (told.class_ is VerdictClass.INFRASTRUCTURE)


def test_infrastructure_is_judged_before_what_the_log_shows():
    """A program torn down by an eviction may print anything."""
    given = facts(pod(ended(1), conditions=disruption("EvictionByEvictionAPI")), log_tail=TRACEBACK)
    assert judge(given).class_ is VerdictClass.INFRASTRUCTURE


@pytest.mark.parametrize(
    ("room", "most", "step"),
    [
        ({"scratch_files": 2}, "and may have 2", "have scratch_files raised, then: seaway run train.py"),
        ({"scratch_bytes": 20 << 10}, "and may have 20.0 KiB", "ask for more: seaway run --scratch 40Ki train.py"),
        ({"scratch_bytes": 1000}, "and may have 1000 bytes", "ask for more: seaway run --scratch 2000 train.py"),
    ],
    ids=["files", "bytes", "few bytes"],
)  # fmt: skip
def test_who_left_too_much_is_told_to_ask_for_more_of_that(tmp_path, room, most, step):
    """By the runner's own words: an option that asks for bytes allows no more files, and what is asked for is more than before."""
    for number in range(3):
        (tmp_path / f"f{number}").write_bytes(b"x" * 10_000)
    task = SimpleNamespace(**{"scratch_bytes": 0, "scratch_files": 0} | room)
    said = Scratch(task, {"/tmp": str(tmp_path)}, None).look()
    assert said.endswith(most)
    message = json.dumps({"stage": "scratch", "error": said})
    given = facts(pod(ended(118, message=message)), origin=Origin(arguments=("--scratch", "1Ki", "train.py")))
    told = explain(given)
    assert (told.cause, told.class_) == ("ScratchFull", VerdictClass.RESOURCE)
    assert told.next_step.endswith(step.replace("seaway run train.py", "seaway run --scratch 1Ki train.py"))
