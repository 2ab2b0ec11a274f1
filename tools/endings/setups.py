"""Containers that cannot be set up: images, configuration, accounts, volumes, security."""

from __future__ import annotations

from tools.endings.ending import (
    CONFIGURATION,
    PASS,
    Ending,
    Object,
    container,
    job,
    made,
    pod,
)  # fmt: skip

_PARAMETERS = made("v1", "ConfigMap", "params", data={"epochs": "3"})
_SECRET = made("v1", "Secret", "db", stringData={"user": "ada"})


def _variable(source: str, name: str, key: str) -> Object:
    return {"env": [{"name": "DATABASE", "valueFrom": {source: {"name": name, "key": key}}}]}


def _mounts(volume: Object) -> Object:
    """Return a pod that mounts a volume at /data."""
    mounted = container(PASS, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    return pod(mounted, volumes=[{"name": "data", **volume}])


def _of_image(image: str, **more: str) -> Object:
    return job({**container(PASS), "image": image, **more})


SETUPS = {
    "image-missing": Ending("BadImage", CONFIGURATION, "spec", (_of_image("registry.invalid/no-such-image:1"),)),
    "image-name-invalid": Ending("BadImage", CONFIGURATION, "spec", (_of_image("Team/Train:latest"),), message="no name that an image can have"),
    "image-never-pulled": Ending("ImageNeverPull", CONFIGURATION, "spec", (_of_image("team/train:1", imagePullPolicy="Never"),)),
    "secret-missing": Ending(
        "MissingConfiguration", CONFIGURATION, "spec", (pod(container(PASS, **_variable("secretKeyRef", "db", "password"))),), message="'db' does not exist"
    ),
    "secret-key-missing": Ending(
        "MissingConfiguration", CONFIGURATION, "spec", (_SECRET, pod(container(PASS, **_variable("secretKeyRef", "db", "password")))), message="no key 'password'"
    ),
    "secret-volume-missing": Ending(
        "MissingConfiguration", CONFIGURATION, "spec", (_mounts({"secret": {"secretName": "db"}}),), message="secret 'db' does not exist"
    ),
    "config-map-missing": Ending(
        "MissingConfiguration", CONFIGURATION, "spec", (pod(container(PASS, **_variable("configMapKeyRef", "params", "lr"))),), message="'params' does not exist"
    ),
    "config-map-key-missing": Ending(
        "MissingConfiguration", CONFIGURATION, "spec", (_PARAMETERS, pod(container(PASS, **_variable("configMapKeyRef", "params", "lr")))), message="no key 'lr'"
    ),
    "config-map-volume-missing": Ending(
        "MissingConfiguration", CONFIGURATION, "spec", (_mounts({"configMap": {"name": "params"}}),), message="configmap 'params' does not exist"
    ),
    "config-map-volume-key-missing": Ending(
        "MissingConfiguration", CONFIGURATION, "spec",
        (_PARAMETERS, _mounts({"configMap": {"name": "params", "items": [{"key": "lr.yaml", "path": "lr.yaml"}]}})), message="no key 'lr.yaml'",
    ),
    "account-missing": Ending("AccountMissing", CONFIGURATION, "spec", (job(container(PASS), pod_spec={"serviceAccountName": "trainer"}),)),
    "priority-class-missing": Ending("PriorityMissing", CONFIGURATION, "spec", (job(container(PASS), pod_spec={"priorityClassName": "urgent"}),)),
    "claim-missing": Ending("ClaimMissing", CONFIGURATION, "spec", (_mounts({"persistentVolumeClaim": {"claimName": "dataset"}}),)),
    "host-path-missing": Ending(
        "HostPathMissing", CONFIGURATION, "spec", (_mounts({"hostPath": {"path": "/srv/datasets", "type": "Directory"}}),)
    ),
    "volume-over-a-file": Ending(
        "MountPoint", CONFIGURATION, "spec",
        (pod(container(PASS, volumeMounts=[{"name": "data", "mountPath": "/etc/passwd"}]), volumes=[{"name": "data", "emptyDir": {}}]),),
    ),
    "network-share-not-served": Ending(
        "VolumeNotReady", CONFIGURATION, "spec", (_mounts({"nfs": {"server": "127.0.0.1", "path": "/export"}}),), message="nfs"
    ),
    "runs-as-root": Ending("RunsAsRoot", CONFIGURATION, "spec", (job(container(PASS), pod_spec={"securityContext": {"runAsNonRoot": True, "runAsUser": 0}}),)),
    "working-folder-is-a-file": Ending(
        "WorkingFolder", CONFIGURATION, "spec", (job(container(PASS, workingDir="/etc/passwd")),), message="is no folder in the image"
    ),
}  # fmt: skip
