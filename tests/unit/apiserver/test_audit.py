"""What is recorded of who deleted or changed what, in Kubernetes' format."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from seaway.base.clock import SystemClock
from seaway.cli.audit import row
from seaway.controlplane.apiserver import audit
from seaway.controlplane.apiserver.audit import Asked, AuditLog, Outcome, event, is_recorded
from seaway.controlplane.apiserver.requestinfo import parse_request_info
from seaway.controlplane.apiserver.users import User, authenticated

PODS = "/api/v1/namespaces/foo/pods"
DONE, DENIED, QUOTA = (
    Outcome(200),
    Outcome(403, "Forbidden", "no", denied=True),
    Outcome(403, "Forbidden", "quota"),
)


def asked(user: str, method: str, path: str) -> Asked:
    return Asked(parse_request_info(method, path, {}), path, authenticated(user), "kubectl/1.33", 1.5)


@pytest.mark.parametrize(
    ("user", "method", "path", "outcome", "kept"),
    [
        ("ada", "DELETE", f"{PODS}/p", DONE, True),
        ("ada", "DELETE", f"{PODS}/p", DENIED, True),
        ("ada", "DELETE", PODS, DONE, True),
        ("ada", "DELETE", f"{PODS}/p", Outcome(404, "NotFound", "none"), True),
        ("ada", "POST", PODS, DONE, False),
        ("ada", "POST", PODS, DENIED, True),
        ("ada", "POST", PODS, QUOTA, False),
        ("ada", "PATCH", "/api/v1/nodes/n", DENIED, True),
        ("ada", "GET", f"{PODS}/p", DENIED, False),
        ("ada", "POST", "/healthz", DENIED, False),
        ("system:serviceaccount:foo:default", "DELETE", f"{PODS}/p", DONE, True),
        ("system:serviceaccount:kube-system:job-controller", "DELETE", f"{PODS}/p", DONE, False),
        ("system:kube-controller-manager", "DELETE", f"{PODS}/p", DONE, False),
        ("system:node:node-1", "DELETE", f"{PODS}/p", DENIED, True),
        ("system:anonymous", "DELETE", f"{PODS}/p", DENIED, True),
        ("seaway:server", "DELETE", f"{PODS}/p", DONE, False),
        ("seaway-admin", "DELETE", "/api/v1/namespaces/foo", DONE, True),
    ],
)  # fmt: skip
def test_what_is_recorded(user: str, method: str, path: str, outcome: Outcome, kept: bool) -> None:
    assert is_recorded(asked(user, method, path), outcome) is kept


def test_an_event_is_kubernetes_own() -> None:
    found = event(asked("ada", "DELETE", f"{PODS}/p"), authenticated("ada"), DENIED, audit_id="a-1", now=2.0)
    assert found == {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "a-1",
        "stage": "ResponseComplete", "requestURI": f"{PODS}/p", "verb": "delete",
        "user": {"username": "ada", "groups": ["system:authenticated"]}, "userAgent": "kubectl/1.33",
        "objectRef": {"resource": "pods", "namespace": "foo", "name": "p", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 403, "status": "Failure", "message": "no", "reason": "Forbidden"},
        "requestReceivedTimestamp": "1970-01-01T00:00:01.500000Z", "stageTimestamp": "1970-01-01T00:00:02.000000Z",
        "annotations": {"authorization.k8s.io/decision": "forbid"},
    }  # fmt: skip


def test_who_acts_for_another_is_named() -> None:
    found = event(asked("ada", "DELETE", f"{PODS}/p"), User("bob"), DONE, audit_id="a", now=2.0)
    assert (found["user"]["username"], found["impersonatedUser"]["username"]) == ("ada", "bob")
    assert row(found)[1:] == ("ada as bob", "delete", "pods/p in foo", "done")


@pytest.mark.parametrize(
    ("path", "outcome", "shown"),
    [
        ("/api/v1/namespaces/foo", DENIED, ("namespaces/foo", "refused")),
        (f"{PODS}/p/eviction", DONE, ("pods/eviction/p in foo", "done")),
        ("/apis/apps/v1/namespaces/foo/deployments", Outcome(409), ("deployments in foo", "failed (409)")),
    ],
)
def test_an_event_is_a_line_of_a_table(path: str, outcome: Outcome, shown: tuple[str, str]) -> None:
    found = event(asked("ada", "DELETE", path), authenticated("ada"), outcome, audit_id="a", now=2.0)
    assert row(found)[3:] == shown


def test_the_file_is_private_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_FILE_BYTES", 4000)
    old = os.umask(0)
    try:
        log = AuditLog(tmp_path / "cluster" / "audit.log", SystemClock())
        for number in range(100):
            log.record(asked("ada", "DELETE", f"{PODS}/p{number}"), authenticated("ada"), DENIED)
        log.close()
    finally:
        os.umask(old)
    files = sorted((tmp_path / "cluster").iterdir())
    assert [path.name for path in files] == ["audit.log", *(f"audit.log.{n}" for n in range(1, 5))]
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_size <= 4000
        assert all(json.loads(line)["verb"] == "delete" for line in path.read_text().splitlines())
    assert json.loads(files[0].read_text().splitlines()[-1])["objectRef"]["name"] == "p99"


def test_a_disk_that_is_full_is_said_and_fails_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    log = AuditLog(tmp_path / "file" / "audit.log", SystemClock())
    log.record(asked("ada", "DELETE", f"{PODS}/p"), authenticated("ada"), DENIED)
    assert "an audit event cannot be written" in caplog.text
