"""A task's attempt as a Pod, whole objects compared; and a Pod as what is known of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from seaway.model.resources import Resources
from seaway.model.run import SecretRef, TaskSpec
from seaway.model.volume import VolumeMount
from seaway.platform.workloads.names import pod_name, token_secret_name
from seaway.platform.workloads.observation import observe
from seaway.platform.workloads.pod import AttemptIdentity, PodSettings, build_pod, build_token_secret
from seaway.platform.workloads.security import PodSecurity

IDENTITY = AttemptIdentity("train", "uid1", "seaway-default", 2, 7, "train-2")
SETTINGS = PodSettings(("python3", "boot"), "https://gateway", "PEM")


def test_the_smallest_task() -> None:
    spec = {"command": ["python", "train.py"], "code": None, "environment": None, "workdir": None}
    assert build_pod(TaskSpec(command=("python", "train.py")), IDENTITY, SETTINGS) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "train-2",
            "namespace": "seaway-default",
            "labels": {
                "app.kubernetes.io/managed-by": "seaway",
                "seaway.dev/run": "train",
                "seaway.dev/run-uid": "uid1",
                "seaway.dev/task": "main",
                "seaway.dev/attempt": "2",
            },
            "annotations": {"seaway.dev/fence": "7"},
            "finalizers": ["seaway.dev/recorded"],
        },
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 30,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "containers": [
                {
                    "name": "main",
                    "image": "python",
                    "command": ["python3", "boot"],
                    "env": [
                        {"name": "PYTHONUNBUFFERED", "value": "1"},
                        {"name": "SEAWAY_RUN", "value": "train"},
                        {"name": "SEAWAY_TASK", "value": "main"},
                        {"name": "SEAWAY_ATTEMPT", "value": "2"},
                        {"name": "SEAWAY_FENCE", "value": "7"},
                        {"name": "SEAWAY_GATEWAY", "value": "https://gateway"},
                        {"name": "SEAWAY_CA", "value": "PEM"},
                        {"name": "SEAWAY_SPEC", "value": json.dumps(spec, separators=(",", ":"))},
                        {
                            "name": "SEAWAY_TOKEN",
                            "valueFrom": {"secretKeyRef": {"name": "train-token-uid1", "key": "token"}},
                        },
                    ],
                    "resources": {"requests": {"cpu": "100m"}},
                    "terminationMessagePolicy": "File",
                }
            ],
        },
    }


def container(**fields) -> dict:
    return build_pod(TaskSpec(command=("x",), **fields), IDENTITY, SETTINGS)["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Resources(cpu="2"), {"requests": {"cpu": "2"}}),
        (Resources(memory="4Gi"), {"requests": {"cpu": "100m", "memory": "4Gi"}, "limits": {"memory": "4Gi"}}),
        (Resources(gpu=1), {"requests": {"cpu": "100m", "nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}}),
    ],
    ids=["cpu", "memory is request and limit", "gpu"],
)  # fmt: skip
def test_resources(asked, expected) -> None:
    assert container(resources=asked)["resources"] == expected


def test_secrets_whole_by_key_and_renamed() -> None:
    secrets = (
        SecretRef(name="all"),
        SecretRef(name="one", key="K"),
        SecretRef(name="two", key="K", variable="V"),
    )
    made = container(secrets=secrets)
    assert made["envFrom"] == [{"secretRef": {"name": "all"}}]
    assert made["env"][:2] == [
        {"name": "K", "valueFrom": {"secretKeyRef": {"name": "one", "key": "K"}}},
        {"name": "V", "valueFrom": {"secretKeyRef": {"name": "two", "key": "K"}}},
    ]


def test_a_users_variable_is_literal_and_never_takes_the_place_of_ours() -> None:
    made = container(env={"PATTERN": "$(HOME)/x", "SEAWAY_TOKEN": "mine", "SEAWAY_RUN": "other"})
    values = [
        e["value"]
        for e in made["env"]
        if e["name"] in ("PATTERN", "SEAWAY_RUN", "SEAWAY_TOKEN") and "value" in e
    ]
    assert values == ["$$(HOME)/x", "train"]


def test_the_cache_is_a_volume_that_the_settings_name() -> None:
    settings = PodSettings(("b",), "g", cache_volume={"hostPath": {"path": "/c"}}, cache_path="/cache")
    spec = build_pod(TaskSpec(command=("x",)), IDENTITY, settings)["spec"]
    assert spec["volumes"] == [{"name": "seaway-cache", "hostPath": {"path": "/c"}}]
    assert spec["containers"][0]["volumeMounts"] == [{"name": "seaway-cache", "mountPath": "/cache"}]
    assert {"name": "SEAWAY_SHARED_CACHE", "value": "/cache"} in spec["containers"][0]["env"]


def test_volumes_and_a_cache_are_mounted_and_named_by_variables() -> None:
    """A cache is asked for of the node's disk, so that the scheduler counts it, and limited."""
    volumes = (VolumeMount(name="train-data"), VolumeMount(name="seen", path="/data", read_only=True))
    spec = build_pod(
        TaskSpec(command=("x",), volumes=volumes, resources=Resources(cache="100Gi")), IDENTITY, SETTINGS
    )["spec"]
    made = spec["containers"][0]
    assert spec["volumes"] == [
        {"name": "train-data", "persistentVolumeClaim": {"claimName": "train-data"}},
        {"name": "seen", "persistentVolumeClaim": {"claimName": "seen", "readOnly": True}},
        {"name": "seaway-task-cache", "emptyDir": {"sizeLimit": "100Gi"}},
    ]
    assert made["volumeMounts"] == [
        {"name": "train-data", "mountPath": "/volumes/train-data"},
        {"name": "seen", "mountPath": "/data", "readOnly": True},
        {"name": "seaway-task-cache", "mountPath": "/cache"},
    ]
    found = {one["name"]: one.get("value") for one in made["env"]}
    assert found["SEAWAY_VOLUME_TRAIN_DATA"] == "/volumes/train-data"
    assert (found["SEAWAY_VOLUME_SEEN"], found["SEAWAY_CACHE"]) == ("/data", "/cache")
    assert made["resources"] == {"requests": {"cpu": "100m", "ephemeral-storage": "100Gi"}}


def test_a_cache_widens_the_limit_of_what_a_pod_may_leave_on_its_node() -> None:
    """Kubernetes counts it into the same sum; what the task may leave beside it stays what it was."""
    resources = container(resources=Resources(scratch="1Gi", cache="2Gi"))["resources"]
    alone = container(resources=Resources(scratch="1Gi"))["resources"]
    limit, before = (int(each["limits"]["ephemeral-storage"]) for each in (resources, alone))
    assert limit - before == 2 << 30
    assert (resources["requests"]["ephemeral-storage"], alone["requests"]["ephemeral-storage"]) == (
        "2Gi",
        "0",
    )


def test_the_folder_of_a_volume_is_literal_too() -> None:
    """Kubernetes expands `$(NAME)` in variables, but not in where something is mounted."""
    path = "/data/$(SEAWAY_RUN)/$$"
    task = TaskSpec(command=("x",), volumes=(VolumeMount(name="a", path=path),))
    made = build_pod(task, IDENTITY, SETTINGS)["spec"]["containers"][0]
    found = {one["name"]: one.get("value") for one in made["env"]}
    assert made["volumeMounts"][0]["mountPath"] == path
    assert found["SEAWAY_VOLUME_A"] == "/data/$$(SEAWAY_RUN)/$$$$"


def test_the_files_of_a_volume_are_given_to_a_restricted_pods_group_once() -> None:
    """By default Kubernetes looks at every file of a volume at each start."""
    settings = replace(SETTINGS, security=PodSecurity("restricted"))
    with_volume = TaskSpec(command=("x",), volumes=(VolumeMount(name="a"),))
    made = build_pod(with_volume, IDENTITY, settings)["spec"]["securityContext"]
    assert made["fsGroupChangePolicy"] == "OnRootMismatch"
    assert (
        "fsGroupChangePolicy"
        not in build_pod(TaskSpec(command=("x",)), IDENTITY, settings)["spec"]["securityContext"]
    )


def test_an_image_without_python_gets_the_command_as_it_is_and_nothing_that_opens_the_gateway() -> None:
    task = TaskSpec(command=("tool", "$(HOME)"), code="a" * 64, env={"MODE": "fast"})
    made = build_pod(task, IDENTITY, SETTINGS, plain=True)
    container = made["spec"]["containers"][0]
    assert made["metadata"]["annotations"] == {"seaway.dev/fence": "7", "seaway.dev/runner": "none"}
    assert container["command"] == ["tool", "$$(HOME)"]
    assert [variable["name"] for variable in container["env"]] == [
        "MODE", "PYTHONUNBUFFERED", "SEAWAY_RUN", "SEAWAY_TASK", "SEAWAY_ATTEMPT", "SEAWAY_FENCE",
    ]  # fmt: skip


def secured(**fields) -> tuple[dict, dict]:
    settings = replace(SETTINGS, security=PodSecurity(**fields))
    spec = build_pod(TaskSpec(command=("x",)), IDENTITY, settings)["spec"]
    return spec, spec["containers"][0]


def test_a_plain_pod_asks_for_no_security() -> None:
    spec, container = secured()
    assert "securityContext" not in spec | container


def test_a_hardened_pod_gives_up_what_no_program_misses() -> None:
    spec, container = secured(level="hardened")
    assert spec["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False}


def test_a_restricted_pod_is_what_the_standard_of_this_name_asks_for() -> None:
    spec, container = secured(level="restricted", user=7)
    assert spec["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": 7, "runAsGroup": 7, "fsGroup": 7,
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"name": "HOME", "value": "/tmp"} in container["env"]


def test_programs_on_a_read_only_root_write_to_tmp() -> None:
    spec, container = secured(read_only_root=True)
    assert container["securityContext"] == {"readOnlyRootFilesystem": True}
    assert (spec["volumes"], container["volumeMounts"]) == (
        [{"name": "seaway-scratch", "emptyDir": {}}],
        [{"name": "seaway-scratch", "mountPath": "/tmp"}],
    )


def test_the_token_lies_in_a_secret_of_the_run() -> None:
    secret = build_token_secret("train", "uid1", "ns", "t0ken")
    assert (secret["metadata"]["name"], secret["stringData"]) == (
        token_secret_name("train", "uid1"),
        {"token": "t0ken"},
    )


def test_what_an_installed_server_makes_says_whose_it_is() -> None:
    pod = build_pod(TaskSpec(command=("true",)), IDENTITY, replace(SETTINGS, installation="team/seaway"))
    secret = build_token_secret("train", "uid1", "ns", "t0ken", "team/seaway")
    for one in (pod, secret):
        assert one["metadata"]["annotations"]["seaway.dev/server"] == "team/seaway"


def test_no_two_tasks_share_a_pod_name() -> None:
    parts = ("a", "x", "a-x", "a--x", "x--y", "main", "x-main", "a-main")
    tasks = [(run, task, single) for run in parts for task in parts for single in (False, True)]
    names: dict[str, tuple[str, str]] = {}
    for run, task, single in tasks:
        assert names.setdefault(pod_name(run, task, 1, single=single), (run, task)) == (run, task)


@pytest.mark.parametrize(
    ("run", "task", "single", "name"),
    [
        ("train", "main", True, "train-1"),
        ("train", "eval", True, "train--eval-1"),
        ("train", "main", False, "train--main-1"),
        ("t" * 40, "k" * 40, False, None),
        ("a--b", "main", True, None),
    ],
)
def test_pod_names_are_short_and_always_the_same(run, task, single, name) -> None:
    made = pod_name(run, task, 1, single=single)
    assert made == (name or made)
    assert len(made) <= 63
    assert made == pod_name(run, task, 1, single=single)
    assert made != pod_name(run, task, 2, single=single)


def pod(phase: str = "Pending", state: dict | None = None, **metadata) -> dict:
    built = build_pod(TaskSpec(command=("x",)), IDENTITY, SETTINGS)
    built["metadata"] |= {"uid": "u", **metadata}
    built["status"] = {"phase": phase}
    if state is not None:
        built["status"]["containerStatuses"] = [{"name": "main", "state": state}]
    return built


def test_what_is_built_is_read_back() -> None:
    seen = observe(pod())
    assert (seen.pod, seen.uid, seen.run_uid, seen.task, seen.attempt, seen.held) == (
        "train-2",
        "u",
        "uid1",
        "main",
        2,
        True,
    )
    assert (seen.ended, seen.waiting) == (False, "")


T = "2026-01-02T03:04:05Z"
ENDS = [
    (
        "succeeded",
        pod("Succeeded", {"terminated": {"exitCode": 0, "startedAt": T, "finishedAt": T}}),
        True,
        0,
    ),
    ("failed", pod("Failed", {"terminated": {"exitCode": 9, "startedAt": T, "finishedAt": T}}), True, 9),
    ("evicted before it started", pod("Failed"), True, None),
    ("running", pod("Running", {"running": {"startedAt": T}}), False, None),
    ("deleted before it was placed", pod(deletionTimestamp=T), True, None),
    ("somebody else's", {"metadata": {"name": "x"}}, False, None),
]


@pytest.mark.parametrize(("shown", "ended", "code"), [c[1:] for c in ENDS], ids=[c[0] for c in ENDS])
def test_when_a_pod_has_certainly_ended(shown, ended, code) -> None:
    seen = observe(shown)
    assert (seen.ended, seen.exit_code) == (ended, code)


@pytest.mark.parametrize(
    ("status", "metadata", "succeeded"),
    [
        ({}, {}, True),
        ({}, {"deletionTimestamp": T}, False),
        ({"reason": "Terminated"}, {}, False),
        ({"conditions": [{"type": "DisruptionTarget", "status": "True"}]}, {}, False),
        ({"conditions": [{"type": "DisruptionTarget", "status": "False"}]}, {}, True),
    ],
)
def test_an_end_with_0_is_a_success_where_nobody_was_taking_the_pod_away(status, metadata, succeeded) -> None:
    shown = pod("Succeeded", {"terminated": {"exitCode": 0, "finishedAt": T}}, **metadata)
    assert observe({**shown, "status": {**shown["status"], **status}}).succeeded is succeeded


def test_deleted_on_a_node_is_not_ended_until_the_node_says_so() -> None:
    shown = pod("Running", {"running": {"startedAt": T}}, deletionTimestamp=T)
    shown["spec"]["nodeName"] = "n"
    assert not observe(shown).ended
    assert observe(shown, gone=True).ended


def test_why_a_pod_waits() -> None:
    pulling = observe(pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}))
    assert pulling.why_waiting == "ImagePullBackOff: no such image"
    assert observe(pod(state={"waiting": {"reason": "ContainerCreating"}})).waiting == ""
    homeless = pod()
    homeless["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1"}
    ]
    assert observe(homeless).why_waiting == "Unschedulable: 0/1"


@pytest.mark.parametrize(
    ("scratch", "plain", "limit"),
    [
        ("20Mi", False, str(84 << 20)),
        ("100Gi", False, str(110 << 30)),
        ("20Mi", True, "20Mi"),
        ("", False, ""),
    ],
)
def test_the_nodes_limit_of_the_disk_is_behind_the_runners_own(scratch: str, plain: bool, limit: str) -> None:
    """The runner's says which folder it was; where there is no runner, the node's is all there is."""
    for volume in (False, True):
        settings = replace(SETTINGS, scratch=scratch, scratch_volume=volume)
        spec = build_pod(TaskSpec(command=("x",)), IDENTITY, settings, plain=plain)["spec"]
        (container,) = spec["containers"]
        assert container["resources"].get("limits", {}).get("ephemeral-storage", "") == limit
        volumes = [one for one in spec.get("volumes", ()) if one["name"] == "seaway-scratch"]
        wanted = [{"name": "seaway-scratch", "emptyDir": {"sizeLimit": limit}}] if volume and limit else []
        assert volumes == wanted
        assert [
            one["mountPath"] for one in container.get("volumeMounts", ()) if one["name"] == "seaway-scratch"
        ] == ["/tmp"] * len(wanted)
