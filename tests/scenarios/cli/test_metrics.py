"""What Prometheus reads of a home: the server's with a token of its own, the cluster's with an account of its own."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.scenarios.cli.conftest import Shell

UNITS = ("_seconds", "_bytes", "_total", "_info", "_count", "_sum", "_bucket", "_created")
GAUGES_WITHOUT_UNIT = {
    "seaway_runs", "seaway_tasks", "seaway_queue_length", "seaway_pods_in_flight", "seaway_leader", "seaway_leader_epoch",
    "seaway_cluster_seen", "seaway_nodes", "seaway_certificate_expiry_seconds", "seaway_notifications_pending", "seaway_http_open_answers", "seaway_store_revision",
    "apiserver_longrunning_requests", "apiserver_storage_objects", "kubelet_running_pods", "kubelet_running_containers",
    "node_filesystem_files", "node_filesystem_files_free",
}  # fmt: skip


def scrape(url: str, ca: str, token: str, path: str = "/metrics") -> str:
    """Read metrics as Prometheus does."""
    done = subprocess.run(
        ["curl", "-sS", "--fail-with-body", "--cacert", ca, "-H", "@-", f"{url}{path}"],
        input=f"Authorization: Bearer {token}", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Parse what was scraped, by name and by the values of its labels, in the order of their names; hold it to conventions."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        assert family.type != "unknown", family.name
        assert (
            family.name.endswith(UNITS) or family.type == "counter" or family.name in GAUGES_WITHOUT_UNIT
        ), family.name
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = (
                sample.value
            )
    return found


@pytest.fixture
def token(running: Shell):
    yield running.json("token", "create", "prometheus", "--scope", "metrics", "--expires", "never")["token"]
    running("token", "revoke", "prometheus")


def test_a_server_is_scraped_with_a_token_for_that_alone(running: Shell, token: str) -> None:
    (running.folder / "train.py").write_text("print('one')\nprint('two')\n")
    running("run", "--name", "a-run-of-mine", "train.py")
    url, ca = running.json("status")["url"], str(running.home / "server" / "ca.crt")
    text = scrape(url, ca, token)
    found = read(text)
    assert found["seaway_runs"]["succeeded",] == 1
    assert found["seaway_attempts_total"]["succeeded",] == 1
    assert found["seaway_http_requests_total"]["201", "POST", "/api/v1/runs"] == 1
    assert found["seaway_notifications_failed_total"][()] == 0
    assert "a-run-of-mine" not in text
    assert "metrics" in running("token", "list").stdout
    with pytest.raises(AssertionError, match="opens /metrics alone"):
        scrape(url, ca, token, "/api/v1/runs")
    with pytest.raises(AssertionError, match="needs a bearer token"):
        scrape(url, ca, "")


def test_the_cluster_is_scraped_with_an_account_that_rbac_lets_in(running: Shell) -> None:
    def kubectl(*arguments: str) -> str:
        return subprocess.run(
            ["kubectl", "--kubeconfig", str(running.home / "kubeconfig"), *arguments], capture_output=True, text=True, check=True
        ).stdout  # fmt: skip

    kubectl("create", "serviceaccount", "prometheus", "-n", "default")
    account = kubectl("create", "token", "prometheus", "-n", "default").strip()
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    cluster = config["clusters"][0]["cluster"]
    ca = running.home.parent / "cluster-ca.crt"
    ca.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    with pytest.raises(AssertionError, match="cannot get path"):
        scrape(cluster["server"], str(ca), account)
    kubectl("create", "clusterrolebinding", "prometheus", "--clusterrole=system:monitoring", "--serviceaccount=default:prometheus")  # fmt: skip
    found = read(scrape(cluster["server"], str(ca), account))
    assert found["node_cpu_usage_seconds_total"]["node-1",] > 0
    for name in (
        "node_memory_working_set_bytes",
        "node_filesystem_size_bytes",
        "node_filesystem_avail_bytes",
    ):
        assert found[name]["node-1",] > 1e6, name
    assert found["kubelet_running_containers"]["running", "node-1"] == 0
    assert found["apiserver_storage_objects"]["pods",] >= 0
    assert found["apiserver_storage_size_bytes"]["store",] > 0
    assert any("WATCH" in key and "pods" in key for key in found["apiserver_longrunning_requests"])
    assert found["seaway_store_batch_duration_seconds_count"][()] > 0
