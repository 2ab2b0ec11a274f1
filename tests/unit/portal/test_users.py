"""Users of a team's server: their tokens, what they may change, and how wrong tokens are held back."""

from __future__ import annotations

import contextlib
import json
import logging
import stat
from pathlib import Path

import pytest

from seaway.base.clock import ManualClock
from seaway.model.run import Phase
from seaway.platform.callers import Caller, check_may_change
from seaway.platform.errors import Forbidden
from seaway.portal import refusals
from seaway.portal.refusals import Refusals
from seaway.portal.requests import level
from seaway.portal.tokens import TokenVerifier, digest
from seaway.sdk.errors import SeawayError
from tests.waiting import wait_until

SPEC = {"name": "digits", "tasks": [{"command": ["python", "train.py"]}]}
DAY = 86400.0


@pytest.fixture
def admin(client):
    """The home's own token is an administrator's."""
    return client


def logged(caplog, text: str) -> None:
    """Wait for a line of the log: it is written after the answer."""
    wait_until(lambda: text in caplog.text, f"{text!r} in the log")


def refused(ask) -> SeawayError:
    with pytest.raises(SeawayError) as caught:
        ask()
    return caught.value


def test_a_token_is_shown_once_and_is_its_users(admin, portal):
    made = admin.create_token("ada-laptop", user="grace", lifetime_seconds=DAY)
    assert made["token"].startswith("seaway_")
    with portal.client(made["token"]) as user:
        who = user.whoami()
        assert (who["user"], who["admin"], who["token"]) == ("grace", False, "ada-laptop")
        assert user.submit(SPEC)["user"] == "grace"
    listed = admin.tokens()
    assert [(each["name"], each["user"], each["created_by"]) for each in listed] == [
        ("ada-laptop", "grace", "ada")
    ]
    assert made["token"] not in str(listed)


def test_of_others_storage_only_administrators_hear(admin, portal):
    with portal.client(admin.create_token("eve")["token"]) as user:
        said = [[one["name"] for one in client.status()["storage"]] for client in (admin, user)]
    assert said == [["ada", "eve", "vision"], ["eve", "vision"]]


def test_how_it_is_with_nodes_concerns_everybody_and_pods_administrators(admin, portal):
    with portal.client(admin.create_token("eve")["token"]) as user:
        assert user.why_object("node", "node-1")["subject"] == "node/node-1"
        for kind in ("pod", "job", "pvc"):
            assert refused(lambda kind=kind: user.why_object(kind, "train")).status == 403
            assert admin.why_object(kind, "train")["subject"] == f"{kind}/train"


def test_neither_database_nor_log_hold_a_token(admin, portal, caplog):
    caplog.set_level(logging.DEBUG)
    token = admin.create_token("eve")["token"]
    secret = token.split("_", 2)[2]
    with portal.client(token) as user:
        user.submit(SPEC)
        refused(user.tokens)
    with portal.client(token[:-1] + ("A" if token[-1] != "A" else "B")) as wrong:
        assert refused(wrong.whoami).status == 401
    logged(caplog, "POST /api/v1/runs by eve from 127.0.0.1: 201")
    logged(caplog, "GET /api/v1/tokens by eve from 127.0.0.1: 403")
    logged(caplog, "GET /api/v1/whoami by nobody from 127.0.0.1: 401")
    assert secret not in caplog.text
    for path in portal.folder.iterdir():
        if path.name.startswith("seaway.db"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert secret.encode() not in path.read_bytes()


def test_a_revoked_token_opens_nothing_from_then_on(admin, portal):
    token = admin.create_token("eve")["token"]
    with portal.client(token) as user:
        assert user.whoami()["user"] == "eve"
        admin.revoke_token("eve")
        error = refused(user.whoami)
    assert (error.status, error.code) == (401, "Unauthorized")
    assert "was revoked" in error.message
    assert admin.tokens() == []
    assert refused(lambda: admin.revoke_token("eve")).status == 404
    again = admin.create_token("eve")["token"]
    with portal.client(again) as user, portal.client(token) as old:
        assert user.whoami()["user"] == "eve"
        assert refused(old.whoami).status == 401


def test_a_token_ends_at_its_time(admin, portal):
    token = admin.create_token("eve", lifetime_seconds=2 * DAY)["token"]
    with portal.client(token) as user:
        portal.clock.advance(2 * DAY - 1)
        assert user.whoami()["expires"]
        portal.clock.advance(1)
        error = refused(user.whoami)
    assert error.status == 401
    assert "expired at" in error.message
    assert admin.tokens() == []
    assert admin.create_token("eve")["expires"] is None


def test_a_name_is_a_tokens_own(admin):
    admin.create_token("eve")
    error = refused(lambda: admin.create_token("eve"))
    assert (error.status, error.field) == (409, "name")
    assert "seaway token revoke eve" in error.remedy


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"name": ""}, id="no name"),
        pytest.param({"name": "a b"}, id="a blank in the name"),
        pytest.param({"name": "x" * 64}, id="a long name"),
        pytest.param({"name": "eve", "user": "\n"}, id="a user that would begin a line"),
        pytest.param({"name": "eve", "lifetime_seconds": 0.0}, id="no life"),
        pytest.param({"name": "eve", "lifetime_seconds": 1e12}, id="too long a life"),
    ],
)
def test_a_token_that_cannot_be_is_refused(admin, spec):
    assert refused(lambda: admin.create_token(**spec)).status == 422
    assert admin.tokens() == []


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda user: user.create_token("mine"), id="create"),
        pytest.param(lambda user: user.tokens(), id="list"),
        pytest.param(lambda user: user.revoke_token("eve"), id="revoke"),
    ],
)
def test_tokens_are_for_administrators(admin, portal, ask):
    token = admin.create_token("eve")["token"]
    with portal.client(token) as user:
        error = refused(lambda: ask(user))
    assert (error.status, error.code) == (403, "Forbidden")
    assert error.remedy
    assert [each["name"] for each in admin.tokens()] == ["eve"]


@pytest.mark.parametrize("change", ["stop", "retry", "remove", "restore"])
def test_somebody_elses_run_can_be_read_and_not_changed(admin, portal, change):
    admin.submit(SPEC)
    token = admin.create_token("eve")["token"]
    with portal.client(token) as eve:
        assert eve.run("digits")["user"] == "ada"
        assert b"".join(eve.logs("digits"))
        assert eve.why("digits")
        error = refused(lambda: getattr(eve, change)("digits"))
        assert (error.status, error.code, error.field) == (403, "Forbidden", "run")
        assert "belongs to ada" in error.message
        assert refused(lambda: getattr(eve, change)("nothing")).status == 404
    assert portal.runs.views["digits"].phase is Phase.RUNNING
    assert portal.runs.refusals == [("digits", {"remove": "rm"}.get(change, change), "eve")]


def test_an_administrator_may_change_everybodys_runs(admin, portal):
    with portal.client(admin.create_token("eve")["token"]) as eve:
        eve.submit(SPEC)
    with portal.client(admin.create_token("root", admin=True)["token"]) as root:
        assert root.stop("digits")["phase"] == "stopped"


@pytest.mark.parametrize(
    ("caller", "allowed"),
    [
        pytest.param(Caller("ada"), True, id="whoever submitted it"),
        pytest.param(Caller("eve"), False, id="somebody else"),
        pytest.param(Caller("eve", admin=True), True, id="an administrator"),
        pytest.param(Caller(""), False, id="nobody"),
    ],
)
def test_who_may_change_a_run(caller, allowed):
    with contextlib.nullcontext() if allowed else pytest.raises(Forbidden, match="belongs to ada"):
        check_may_change(caller, "digits", "ada")


def test_the_administrators_file_is_read_again(tmp_path):
    file = tmp_path / "token"
    verifier = TokenVerifier({}, file=file, file_user="admin")
    assert verifier.verify("first") is None
    file.write_text("first\n")
    assert verifier.verify("first") == Caller("admin", admin=True)
    file.write_text("second\n")
    assert verifier.verify("first") is None
    assert verifier.verify("second") is not None
    file.write_text("\n")
    assert verifier.verify("") is None


def test_the_authority_is_shown_to_everybody_and_proves_nothing(portal):
    with portal.client("wrong") as client:
        assert client._http.read("GET", "/api/v1/ca").decode() == portal.endpoint.ca
    assert "PRIVATE" not in portal.endpoint.ca


def test_wrong_tokens_are_held_back_and_good_ones_are_not(admin, portal):
    token = admin.create_token("eve")["token"]
    with portal.client(token) as eve, portal.client("seaway_wrong") as wrong:
        eve.whoami()
        statuses = [refused(wrong.whoami).status for _ in range(refusals.BURST + 3)]
        assert statuses == [401] * refusals.BURST + [429] * 3
        error = refused(wrong.whoami)
        assert error.code == "TooManyRequests"
        assert error.remedy
        assert eve.whoami()["user"] == "eve", "somebody at the same address"
        assert admin.whoami()["admin"]
        admin.revoke_token("eve")
        assert refused(eve.whoami).status == 401
        portal.clock.advance(refusals.REFILL_SECONDS * 2)
        assert refused(wrong.whoami).status == 401


def test_addresses_are_counted_apart_and_forgotten_in_time():
    clock = ManualClock()
    counted = Refusals(clock)
    token = digest("x")
    for _ in range(refusals.BURST):
        assert counted.seconds_to_wait("a", token) == 0
        counted.was_wrong("a", token)
    assert counted.seconds_to_wait("a", token) == pytest.approx(refusals.REFILL_SECONDS)
    assert counted.seconds_to_wait("b", token) == 0
    counted.was_good(token)
    assert counted.seconds_to_wait("a", token) == 0


def test_what_is_remembered_is_bounded():
    counted = Refusals(ManualClock())
    for number in range(refusals.MOST_ADDRESSES + 10):
        counted.was_wrong(str(number), b"")
    for number in range(refusals.MOST_GOOD + 10):
        counted.was_good(str(number).encode())
    assert len(counted._full_again) == refusals.MOST_ADDRESSES
    assert len(counted._good) == refusals.MOST_GOOD


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", "/api/v1/runs", 200, logging.DEBUG),
        ("POST", "/api/v1/runs", 201, logging.INFO),
        ("DELETE", "/api/v1/tokens/x", 204, logging.INFO),
        ("PUT", "/gateway/v1/runs/r/tasks/t/outputs", 204, logging.DEBUG),
        ("GET", "/api/v1/runs", 401, logging.WARNING),
        ("POST", "/api/v1/runs", 422, logging.DEBUG),
    ],
)
def test_changes_and_refusals_are_in_the_log(method, path, status, expected):
    assert level(method, path, status) == expected


def test_a_path_cannot_begin_a_line_of_the_log(admin, portal, caplog):
    caplog.set_level(logging.DEBUG, logger="seaway.portal.requests")
    with portal.client("wrong") as client:
        refused(lambda: client._http.read("GET", "/api/v1/runs/x%0Aforged"))
    logged(caplog, "x%0Aforged")
    assert "\nforged" not in caplog.text


def test_nobody_chooses_the_address_that_they_are_known_by(admin, caplog):
    caplog.set_level(logging.DEBUG, logger="seaway.portal.requests")
    admin._http.read("GET", "/api/v1/whoami", headers={"X-Forwarded-For": "10.9.8.7"})
    logged(caplog, "GET /api/v1/whoami by ada from 127.0.0.1")
    assert "10.9.8.7" not in caplog.text


def test_every_answer_says_the_version(admin, portal: object, tmp_path: Path):
    for path in ("/api/v1/healthz", "/api/v1/version"):
        assert admin._http.open("GET", path).headers["Seaway-Version"].endswith("; api=1-1")
        admin.close()


def test_a_token_for_metrics_opens_nothing_else_and_others_do_not_open_them(admin, portal):
    made = admin.create_token("prometheus", scope="metrics", lifetime_seconds=DAY)
    assert made["scope"] == "metrics"
    ada = admin.create_token("ada-laptop", lifetime_seconds=DAY)["token"]
    assert {each["name"]: each["scope"] for each in admin.tokens()} == {
        "prometheus": "metrics",
        "ada-laptop": "all",
    }
    with portal.client(made["token"]) as prometheus:
        for ask in (prometheus.whoami, prometheus.runs, lambda: prometheus.submit(SPEC), prometheus.tokens):
            error = refused(ask)
            assert (error.status, "opens /metrics alone" in error.message) == (403, True)
    with portal.client(ada) as user:
        error = refused(lambda: user._http.read("GET", "/metrics"))
        assert "seaway token create prometheus --scope metrics" in error.remedy
    assert refused(lambda: admin.create_token("both", admin=True, scope="metrics")).status == 422
    admin.revoke_token("prometheus")
    with portal.client(made["token"]) as prometheus:
        assert refused(lambda: prometheus._http.read("GET", "/metrics")).status == 401


def test_audit_events_come_with_a_token_that_was_made_for_them(admin, portal):
    def send(client, **body):
        sent = {"Content-Type": "application/json"}
        client._http.read("POST", "/api/v1/audit", body=json.dumps(body).encode(), headers=sent)

    made = {name: admin.create_token(name, **options)["token"] for name, options in (
        ("webhook", {"scope": "audit"}), ("prometheus", {"scope": "metrics"}), ("ada", {}),
    )}  # fmt: skip
    for name in ("prometheus", "ada"):
        with portal.client(made[name]) as other:
            assert "seaway token create audit --scope audit" in refused(lambda: send(other, items=[])).remedy
    with portal.client(made["webhook"]) as webhook:
        assert refused(webhook.runs).status == 403
        assert refused(lambda: send(webhook, items=["no event"])).status == 422
        send(webhook, kind="EventList", items=[{"verb": "delete"}])
    assert portal.server.told == [{"verb": "delete"}]
