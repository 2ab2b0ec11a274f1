"""Kubernetes' own controllers do their work on our API server; simulated nodes and one of ours run the pods."""

from __future__ import annotations

import asyncio
import base64
import time

import pytest

from seaway.base.clock import rfc3339
from seaway.client.client import Client
from seaway.client.connection import Connection
from seaway.client.http import HttpTransport
from seaway.objects import meta
from seaway.objects.builtin import (
    CONFIG_MAPS,
    CRON_JOBS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    JOBS,
    NAMESPACES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from seaway.objects.errors import Forbidden, NotFound, TooManyRequests, Unauthorized
from seaway.objects.workloads import (
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)

pytestmark = pytest.mark.real

NODES = 4
"""Simulated ones."""
ON_OUR_NODE = {"nodeSelector": {"kubernetes.io/hostname": "node-1"}}


def selecting(app: str) -> dict:
    return {"selector": {"matchLabels": {"app": app}}}


def is_rolled_out(workload: dict) -> bool:
    """Tell whether all pods of a deployment are of its newest template and available."""
    status, wanted = workload.get("status") or {}, workload["spec"]["replicas"]
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration") == workload["metadata"]["generation"] and counts == [wanted] * 3


def is_ready(pod: dict) -> bool:
    return (meta.get_condition(pod, "Ready") or {}).get("status") == "True"


def images_of(pods: list[dict]) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in pods}


async def deployed(place, template, replicas: int = 2) -> dict:
    spec = {"replicas": replicas, **selecting("web"), "template": template("web")}
    await place.create(DEPLOYMENTS, "web", spec=spec)
    return await place.until(DEPLOYMENTS, "web", is_rolled_out)


async def test_a_deployment_rolls_scales_and_heals(place, template) -> None:
    await deployed(place, template)
    (first,) = await place.listed(REPLICA_SETS, 1)
    changed = {
        "spec": {
            "template": {"spec": {"containers": template("web", {"image": "python:3"})["spec"]["containers"]}}
        }
    }
    await place.client.patch(DEPLOYMENTS, "web", changed, place.namespace)
    await place.until(DEPLOYMENTS, "web", is_rolled_out)
    pods = await place.listed(PODS, 2, check=is_ready)
    assert images_of(pods) == {"python:3"}
    old, new = sorted(await place.listed(REPLICA_SETS, 2), key=lambda one: one["spec"]["replicas"])
    assert meta.name(old) == meta.name(first)
    assert meta.controller_of(pods[0])["name"] == meta.name(new)
    await place.client.patch(
        DEPLOYMENTS, "web", {"spec": {"replicas": 5}}, place.namespace, subresource="scale"
    )
    await place.until(DEPLOYMENTS, "web", is_rolled_out)
    pods = await place.listed(PODS, 5, check=is_ready)
    lost = meta.name(pods[0])
    await place.client.delete(PODS, lost, place.namespace)
    await place.gone(PODS, lost)
    healed = await place.listed(PODS, 5, check=is_ready)
    assert lost not in map(meta.name, healed)


async def test_kubectl_rolls_a_deployment_back(place, template, with_kubectl) -> None:
    await deployed(place, template)
    await place.kubectl("set", "image", "deployment/web", "main=python:3")
    await place.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    history = await place.kubectl("rollout", "history", "deployment/web")
    assert history.split()[-4:] == ["1", "<none>", "2", "<none>"]
    await place.kubectl("rollout", "undo", "deployment/web")
    assert "successfully rolled out" in await place.kubectl(
        "rollout", "status", "deployment/web", "--timeout=60s"
    )
    await place.kubectl("scale", "deployment/web", "--replicas=3")
    assert images_of(await place.listed(PODS, 3, check=is_ready)) == {"python"}
    await place.until(DEPLOYMENTS, "web", is_rolled_out)
    table = await place.kubectl("get", "deployments,replicasets", "--no-headers")
    assert "3/3" in table


async def test_a_deployment_that_is_deleted_takes_its_pods_along(place, template) -> None:
    await deployed(place, template)
    await place.client.delete(DEPLOYMENTS, "web", place.namespace, propagation="Foreground")
    await place.gone(DEPLOYMENTS, "web")
    assert await place.listed(REPLICA_SETS) == []
    await place.listed(PODS, 0)


async def test_orphans_stay(place, template) -> None:
    spec = {"replicas": 2, **selecting("free"), "template": template("free")}
    await place.create(REPLICA_SETS, "free", spec=spec)
    await place.listed(PODS, 2, check=is_ready)
    await place.client.delete(REPLICA_SETS, "free", place.namespace, propagation="Orphan")
    await place.gone(REPLICA_SETS, "free")
    assert all(not meta.owner_references(pod) for pod in await place.listed(PODS, 2))


async def test_a_stateful_set_is_built_and_taken_down_in_order(place, template) -> None:
    await place.create(
        SERVICES, "db", spec={"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 80}]}
    )
    spec = {"replicas": 3, "serviceName": "db", **selecting("db"), "template": template("db")}
    await place.create(STATEFUL_SETS, "db", spec=spec)
    pods = await place.listed(PODS, 3, check=is_ready)
    ordered = sorted(pods, key=meta.name)
    assert [meta.name(pod) for pod in ordered] == ["db-0", "db-1", "db-2"]
    begun = [meta.get_condition(pod, "Ready")["lastTransitionTime"] for pod in ordered]
    made = [pod["metadata"]["creationTimestamp"] for pod in ordered]
    assert all(ready <= following for ready, following in zip(begun, made[1:], strict=False))
    assert [pod["spec"]["hostname"] for pod in ordered] == ["db-0", "db-1", "db-2"]
    await place.client.patch(
        STATEFUL_SETS, "db", {"spec": {"replicas": 1}}, place.namespace, subresource="scale"
    )
    (left,) = await place.listed(PODS, 1)
    assert meta.name(left) == "db-0"
    (revision,) = await place.listed(CONTROLLER_REVISIONS, 1)
    assert meta.controller_of(revision)["kind"] == "StatefulSet"


async def test_a_daemon_set_runs_on_each_node_and_rolls(place, template) -> None:
    await place.create(DAEMON_SETS, "all", spec={**selecting("all"), "template": template("all")})

    def done(daemon_set: dict) -> bool:
        status = daemon_set.get("status") or {}
        seen = status.get("observedGeneration") == daemon_set["metadata"]["generation"]
        return seen and status.get("updatedNumberScheduled") == status.get("numberAvailable") == NODES

    await place.until(DAEMON_SETS, "all", done)
    pods = await place.listed(PODS, NODES, check=is_ready)
    assert len({pod["spec"]["nodeName"] for pod in pods}) == NODES
    changed = {
        "spec": {
            "template": {"spec": {"containers": template("all", {"image": "python:3"})["spec"]["containers"]}}
        }
    }
    await place.client.patch(DAEMON_SETS, "all", changed, place.namespace)
    await place.until(DAEMON_SETS, "all", done)
    assert images_of(await place.listed(PODS, NODES, check=is_ready)) == {"python:3"}


async def test_a_job_runs_real_programs_to_its_end_and_goes_when_its_time_is_up(place, template) -> None:
    program = {"command": ["python", "-c", "import os; print(os.environ['JOB_COMPLETION_INDEX'])"]}
    pods = template("job", program, restartPolicy="Never", **ON_OUR_NODE)
    spec = {"completions": 3, "parallelism": 2, "completionMode": "Indexed", "template": pods}
    await place.create(JOBS, "job", spec=spec)
    job = await place.until(JOBS, "job", lambda job: meta.get_condition(job, "Complete"))
    assert (job["status"]["succeeded"], job["status"]["completedIndexes"]) == (3, "0-2")
    await place.client.patch(JOBS, "job", {"spec": {"ttlSecondsAfterFinished": 0}}, place.namespace)
    await place.gone(JOBS, "job")
    await place.listed(PODS, 0)


async def test_a_job_whose_pods_fail_gives_up(place, template) -> None:
    pods = template("bad", {"command": ["false"]}, restartPolicy="Never", **ON_OUR_NODE)
    await place.create(JOBS, "bad", spec={"backoffLimit": 0, "template": pods})
    job = await place.until(JOBS, "bad", lambda job: meta.get_condition(job, "Failed"))
    assert meta.get_condition(job, "Failed")["reason"] == "BackoffLimitExceeded"


async def test_a_cron_job_makes_a_job_and_keeps_it(place, template) -> None:
    pods = template("tick", {"command": ["true"]}, restartPolicy="Never", **ON_OUR_NODE)
    spec = {"schedule": "* * * * *", "suspend": True, "jobTemplate": {"spec": {"template": pods}}}
    await place.create(CRON_JOBS, "tick", spec=spec)
    last = {
        "status": {"lastScheduleTime": rfc3339(time.time() - 120)}
    }  # a turn was missed: it is made up for at once
    await place.client.patch(CRON_JOBS, "tick", last, place.namespace, subresource="status")
    await place.client.patch(CRON_JOBS, "tick", {"spec": {"suspend": False}}, place.namespace)
    (job, *_) = await place.listed(JOBS, 1, check=lambda job: meta.get_condition(job, "Complete"))
    assert meta.controller_of(job)["name"] == "tick"


async def test_a_replication_controller_keeps_its_pods(place, template) -> None:
    await place.create(REPLICATION_CONTROLLERS, "old", spec={"replicas": 2, "template": template("old")})
    await place.listed(PODS, 2, check=is_ready)


async def test_a_namespace_that_is_deleted_is_emptied(place, template) -> None:
    name = f"{place.namespace}-more"
    await place.client.create(NAMESPACES, {"metadata": {"name": name}})
    await place.client.create(CONFIG_MAPS, {"metadata": {"name": "config"}}, name)
    await place.client.delete(NAMESPACES, name)
    await place.gone(NAMESPACES, name)
    with pytest.raises(NotFound):
        await place.client.get(CONFIG_MAPS, "config", name)


async def test_a_service_accounts_secret_is_filled_with_a_token_that_is_good_as_long_as_it_is_kept(
    place,
) -> None:
    await place.create(SERVICE_ACCOUNTS, "robot")
    annotations = {"annotations": {"kubernetes.io/service-account.name": "robot"}}
    await place.create(
        SECRETS, "robot-token", metadata=annotations, type="kubernetes.io/service-account-token"
    )
    secret = await place.until(SECRETS, "robot-token", lambda secret: (secret.get("data") or {}).get("token"))
    assert base64.b64decode(secret["data"]["namespace"]).decode() == place.namespace
    token = base64.b64decode(secret["data"]["token"]).decode()
    robot = Client(HttpTransport(Connection(place.connection.server, place.connection.ca, token=token)))
    with pytest.raises(Forbidden, match=f"system:serviceaccount:{place.namespace}:robot"):
        await robot.list(SECRETS, place.namespace)
    await place.client.delete(SERVICE_ACCOUNTS, "robot", place.namespace)
    await place.gone(SECRETS, "robot-token")
    with pytest.raises(Unauthorized):
        await robot.list(SECRETS, place.namespace)
    await robot.close()


async def test_a_service_gets_endpoints_of_its_ready_pods(place, template) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    await place.create(SERVICES, "web", spec={"selector": {"app": "web"}, "ports": ports})
    await deployed(place, template)
    addresses = {pod["status"]["podIP"] for pod in await place.listed(PODS, 2, check=is_ready)}

    def known(endpoint_slice: dict) -> bool:
        endpoints = endpoint_slice.get("endpoints") or ()
        return {one["addresses"][0] for one in endpoints if one["conditions"]["ready"]} == addresses

    (endpoint_slice,) = await place.listed(ENDPOINT_SLICES, 1, check=known)
    assert endpoint_slice["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    await place.until(
        ENDPOINTS, "web",
        lambda found: {one["ip"] for one in (found.get("subsets") or [{}])[0].get("addresses") or ()} == addresses,
    )  # fmt: skip


async def test_a_quota_counts(place, template) -> None:
    hard = {"pods": "3", "requests.cpu": "1", "count/deployments.apps": "1"}
    await place.create(RESOURCE_QUOTAS, "most", spec={"hard": hard})
    await deployed(place, template)
    used = {"pods": "2", "requests.cpu": "20m", "count/deployments.apps": "1"}
    await place.until(RESOURCE_QUOTAS, "most", lambda quota: (quota.get("status") or {}).get("used") == used)


async def test_a_disruption_budget_counts_and_evictions_heed_it(place, template) -> None:
    await place.create(POD_DISRUPTION_BUDGETS, "most", spec={"maxUnavailable": 1, **selecting("web")})
    await deployed(place, template, replicas=3)
    await place.until(
        POD_DISRUPTION_BUDGETS,
        "most",
        lambda budget: (budget.get("status") or {}).get("disruptionsAllowed") == 1,
    )
    pods = [meta.name(pod) for pod in await place.listed(PODS, 3, check=is_ready)]
    outcomes = await asyncio.gather(*(_evict(place, name) for name in pods), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, TooManyRequests)]
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [TooManyRequests] * 2
    assert {str(error) for error in refused} == {
        "Cannot evict pod as it would violate the pod's disruption budget."
    }
    assert refused[0].causes[0].reason == "DisruptionBudget"


async def _evict(place, name: str) -> None:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    await place.client.create_subresource(PODS, name, "eviction", eviction, place.namespace)


async def test_a_claim_is_bound_to_a_volume_that_fits(place, tmp_path) -> None:
    name = f"volume-{place.namespace}"
    capacity = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": name}
    await place.create(PERSISTENT_VOLUMES, name, spec={**capacity, "hostPath": {"path": str(tmp_path)}})
    await place.until(PERSISTENT_VOLUMES, name, lambda volume: volume["status"]["phase"] == "Available")
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": name,
        "resources": {"requests": {"storage": "1Gi"}},
    }
    made = await place.create(PERSISTENT_VOLUME_CLAIMS, "claim", spec=claim)
    assert meta.finalizers(made) == ["kubernetes.io/pvc-protection"]
    bound = await place.until(
        PERSISTENT_VOLUME_CLAIMS, "claim", lambda claim: claim["status"]["phase"] == "Bound"
    )
    assert bound["spec"]["volumeName"] == name
    await place.client.delete(PERSISTENT_VOLUME_CLAIMS, "claim", place.namespace)
    await place.gone(PERSISTENT_VOLUME_CLAIMS, "claim")
    await place.until(PERSISTENT_VOLUMES, name, lambda volume: volume["status"]["phase"] == "Released")
    await place.client.delete(PERSISTENT_VOLUMES, name)
