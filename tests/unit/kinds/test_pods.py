"""Pods: what is filled in, what is refused, what may change, what is printed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from seaway.controlplane.kinds.pod_columns import summarize
from seaway.controlplane.kinds.pod_defaults import image_tag, pull_policy
from seaway.controlplane.kinds.pod_placement import fill_in_label_keys
from seaway.controlplane.kinds.pods import POD, quality_of_service

NOW = 1_800_000_000.0


def pod(spec: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    """Return a defaulted pod with one container."""
    main = {"name": "main", "image": "python:3.12"} | container
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "train", "namespace": "default", "creationTimestamp": "2027-01-15T08:00:00Z"},
        "spec": {"containers": [main]} | (spec or {}),
    }
    POD.default(made)
    return made


def faults(obj: dict[str, Any]) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in POD.validate(obj)]


def test_a_pod_of_kubectl_run_reads_back_as_on_a_real_cluster() -> None:
    """Golden pair: `kubectl run web --image=nginx --port=80` before admission."""
    made = {"metadata": {"name": "web", "namespace": "default"}}
    made["spec"] = {
        "containers": [{"name": "web", "image": "nginx", "ports": [{"containerPort": 80}], "resources": {}}]
    }
    POD.default(made)
    POD.prepare_create(made)
    assert made["spec"] == {
        "containers": [
            {
                "name": "web",
                "image": "nginx",
                "imagePullPolicy": "Always",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_defaulting_twice_changes_nothing() -> None:
    made = pod(
        {
            "volumes": [
                {"name": "a"},
                {"name": "b", "secret": {"secretName": "s"}},
                {"name": "c", "hostPath": {"path": "/"}},
            ]
        },
        resources={"limits": {"cpu": "0.5", "memory": "1024Mi"}},
        livenessProbe={"httpGet": {"port": 80}},
    )
    again = copy.deepcopy(made)
    POD.default(again)
    assert again == made
    assert made["spec"]["volumes"][0] == {"name": "a", "emptyDir": {}}
    assert made["spec"]["volumes"][1]["secret"]["defaultMode"] == 420
    assert made["spec"]["volumes"][2]["hostPath"]["type"] == ""
    main = made["spec"]["containers"][0]
    assert main["resources"] == {
        "limits": {"cpu": "500m", "memory": "1Gi"},
        "requests": {"cpu": "500m", "memory": "1Gi"},
    }
    assert main["livenessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }


@pytest.mark.parametrize(
    ("image", "tag", "policy"),
    [
        ("nginx", "latest", "Always"),
        ("nginx:latest", "latest", "Always"),
        ("nginx:1.27", "1.27", "IfNotPresent"),
        ("registry.example:5000/nginx", "latest", "Always"),
        ("registry.example:5000/nginx:1", "1", "IfNotPresent"),
        ("nginx@sha256:abc", "", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, tag: str, policy: str) -> None:
    assert (image_tag(image), pull_policy(image)) == (tag, policy)


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
        ({"limits": {"nvidia.com/gpu": "1"}}, "BestEffort"),
    ],
    ids=[
        "nothing asked",
        "requests alone",
        "limits of both",
        "less requested than allowed",
        "devices do not count",
    ],
)
def test_quality_of_service_follows_requests_and_limits(resources: dict[str, Any], expected: str) -> None:
    assert quality_of_service(pod(resources=resources)) == expected


def test_an_ordinary_pod_has_no_fault() -> None:
    made = pod(
        {
            "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}],
            "tolerations": [{"operator": "Exists"}],
        },
        volumeMounts=[{"name": "data", "mountPath": "/data"}],
        env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}],
        resources={"limits": {"nvidia.com/gpu": 1}},
    )
    assert faults(made) == []


@pytest.mark.parametrize(
    ("spec", "container", "expected"),
    [
        ({"containers": []}, {}, "spec.containers: Required value"),
        ({"restartPolicy": "Sometimes"}, {}, 'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'),
        ({}, {"image": ""}, "spec.containers[0].image: Required value"),
        ({}, {"image": " a"}, 'spec.containers[0].image: Invalid value: " a": must not have leading or trailing whitespace'),
        ({}, {"imagePullPolicy": "Often"}, 'spec.containers[0].imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"'),
        ({}, {"volumeMounts": [{"name": "gone", "mountPath": "/a"}]}, 'spec.containers[0].volumeMounts[0].name: Not found: "gone"'),
        ({}, {"ports": [{"containerPort": 99999}]}, "spec.containers[0].ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive"),
        ({}, {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}, 'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'),
        ({}, {"resources": {"requests": {"gpus": "1"}}}, 'spec.containers[0].resources.requests[gpus]: Invalid value: "gpus": must be a standard resource for containers'),
        ({}, {"resources": {"requests": {"nvidia.com/gpu": "1"}}}, "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources"),
        ({}, {"resources": {"limits": {"memory": "-1"}}}, 'spec.containers[0].resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0'),
        ({}, {"env": [{"value": "x"}]}, "spec.containers[0].env[0].name: Required value"),
        ({}, {"livenessProbe": {}}, "spec.containers[0].livenessProbe: Required value: must specify a handler type"),
        ({"volumes": [{"name": "a"}, {"name": "a"}]}, {}, 'spec.volumes[1].name: Duplicate value: "a"'),
        ({"volumes": [{"name": "a", "emptyDir": {}, "hostPath": {"path": "/"}}]}, {}, "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"),
        ({"activeDeadlineSeconds": 0}, {}, "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"),
        ({"tolerations": [{"key": "a", "operator": "Exists", "effect": "Never"}]}, {}, 'spec.tolerations[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_field(
    spec: dict[str, Any], container: dict[str, Any], expected: str
) -> None:
    assert expected in faults(pod(spec, **container))


def test_names_follow_kubernetes_rules() -> None:
    made = pod()
    made["metadata"]["name"] = "Not_a_name"
    assert any(
        fault.startswith('metadata.name: Invalid value: "Not_a_name": a lowercase RFC 1123')
        for fault in faults(made)
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda spec: spec["containers"][0].update(image="other"), None),
        (lambda spec: spec.update(activeDeadlineSeconds=5), None),
        (lambda spec: spec.update(tolerations=[{"operator": "Exists"}]), None),
        (lambda spec: spec["containers"][0].update(command=["x"]), "spec"),
        (lambda spec: spec.update(nodeName="other"), "spec"),
        (lambda spec: spec["containers"].append(spec["containers"][0] | {"name": "b"}), "spec.containers"),
    ],
    ids=["image", "deadline", "more tolerations", "command", "node", "one container more"],
)
def test_only_a_few_fields_of_a_pod_may_change(change: Any, field: str | None) -> None:
    old, new = pod(), pod()
    change(new["spec"])
    causes = POD.validate_update(new, old)
    assert [cause.field for cause in causes] == ([field] if field else [])


def _waiting(reason: str) -> dict[str, Any]:
    return {"name": "main", "state": {"waiting": {"reason": reason}}, "restartCount": 0, "ready": False}


def _running(*, ready: bool = True, restarts: int = 0, ended: str = "") -> dict[str, Any]:
    last = {"lastState": {"terminated": {"finishedAt": ended}}} if ended else {}
    return {"name": "main", "state": {"running": {}}, "ready": ready, "restartCount": restarts} | last


def _ended(**terminated: Any) -> dict[str, Any]:
    return {"name": "main", "state": {"terminated": terminated}, "ready": False, "restartCount": 0}


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Pending", "containerStatuses": [_waiting("ImagePullBackOff")]}, "ImagePullBackOff"),
        ({"phase": "Running", "containerStatuses": [_running()]}, "Running"),
        ({"phase": "Succeeded", "containerStatuses": [_ended(exitCode=0, reason="Completed")]}, "Completed"),
        ({"phase": "Failed", "containerStatuses": [_ended(exitCode=137, reason="OOMKilled")]}, "OOMKilled"),
        ({"phase": "Failed", "containerStatuses": [_ended(exitCode=3)]}, "ExitCode:3"),
        ({"phase": "Failed", "containerStatuses": [_ended(exitCode=137, signal=9)]}, "Signal:9"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        ({"phase": "Pending", "initContainerStatuses": [_running(ready=False)]}, "Init:0/1"),
        ({"phase": "Pending", "initContainerStatuses": [_waiting("CrashLoopBackOff")]}, "Init:CrashLoopBackOff"),
        ({"phase": "Failed", "initContainerStatuses": [_ended(exitCode=1, reason="Error")]}, "Init:Error"),
        ({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}, "SchedulingGated"),
    ],
)  # fmt: skip
def test_the_status_word_says_what_the_pod_is_doing(status: dict[str, Any], word: str) -> None:
    made = pod(
        {"initContainers": [{"name": "main", "image": "a"}]} if "initContainerStatuses" in status else {}
    )
    made["status"] = status
    assert summarize(made).word == word


@pytest.mark.parametrize(("phase", "word"), [("Running", "Terminating"), ("Succeeded", "Succeeded")])
def test_a_deleted_pod_is_terminating_until_it_ended(phase: str, word: str) -> None:
    made = pod()
    made["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z"
    made["status"] = {"phase": phase}
    assert summarize(made).word == word


def test_the_row_of_a_restarted_pod() -> None:
    made = pod()
    made["spec"]["nodeName"] = "node-1"
    made["status"] = {
        "phase": "Running",
        "podIPs": [{"ip": "127.1.0.5"}],
        "containerStatuses": [_running(restarts=2, ended="2027-01-15T07:59:30Z")],
    }
    row = [column.cell(made, NOW) for column in POD.columns]
    assert row == ["train", "1/1", "Running", "2 (30s ago)", "0s", "127.1.0.5", "node-1", "<none>", "<none>"]


def test_field_selectors_read_their_fields() -> None:
    made = pod({"nodeName": "node-1"})
    made["status"] = {"phase": "Running", "podIP": "127.1.0.5"}
    read = {label: value(made) for label, value in POD.field_labels.items()}
    assert read["spec.nodeName"] == "node-1"
    assert read["status.phase"] == "Running"
    assert read["spec.serviceAccountName"] == ""
    assert read["spec.hostNetwork"] == "false"


def test_label_keys_become_part_of_the_selectors() -> None:
    term = {
        "labelSelector": {"matchLabels": {"app": "a"}},
        "matchLabelKeys": ["v", "absent"],
        "mismatchLabelKeys": ["t"],
    }
    spread = {"labelSelector": {}, "matchLabelKeys": ["v"]}
    unselected = {"matchLabelKeys": ["v"]}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    pod = {
        "metadata": {"labels": {"v": "1", "t": "x"}},
        "spec": {
            "topologySpreadConstraints": [spread, unselected],
            "affinity": {
                "podAffinity": {required: [copy.deepcopy(term)]},
                "podAntiAffinity": {preferred: [{"weight": 1, "podAffinityTerm": copy.deepcopy(term)}]},
            },
        },
    }
    fill_in_label_keys(pod)
    added = [
        {"key": "v", "operator": "In", "values": ["1"]},
        {"key": "t", "operator": "NotIn", "values": ["x"]},
    ]
    affinity = pod["spec"]["affinity"]
    assert affinity["podAffinity"][required][0]["labelSelector"]["matchExpressions"] == added
    weighted = affinity["podAntiAffinity"][preferred][0]["podAffinityTerm"]
    assert weighted["labelSelector"]["matchExpressions"] == added
    assert spread["labelSelector"] == {"matchExpressions": added[:1]}
    assert unselected == {"matchLabelKeys": ["v"]}
