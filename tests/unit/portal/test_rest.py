"""The REST API and its client, over TLS, against a service in memory."""

from __future__ import annotations

import hashlib
import io
import json

import pytest

from seaway.base.languages import catalogue
from seaway.base.messages import spoken_in
from seaway.model.run import Phase
from seaway.platform.diagnosis.advice import WATCH
from seaway.platform.engine.attempt_usages import Reported
from seaway.portal.patterns import WORDS
from seaway.sdk.connection import connect
from seaway.sdk.errors import SeawayError, ServerUnreachable
from seaway.sdk.transport import HttpClient

SPEC = {"name": "digits", "tasks": [{"command": ["python", "train.py"]}]}


def test_a_submitted_run_is_listed_and_belongs_to_the_tokens_user(client):
    assert client.submit(SPEC)["user"] == "ada"
    assert [run["name"] for run in client.runs()] == ["digits"]
    assert client.run("digits")["spec"]["tasks"][0]["command"] == ["python", "train.py"]


def test_outputs_come_byte_for_byte_also_from_odd_paths(client):
    client.submit(SPEC)
    into = io.BytesIO()
    assert client.download("digits", "main", "deep/er/x y.txt", into) == 4
    assert into.getvalue() == b"text"


def test_the_log_comes_in_order(client):
    client.submit(SPEC)
    assert b"".join(client.logs("digits")) == b"one\ntwo\n"


def test_a_snapshot_is_uploaded_once(client, tmp_path):
    archive = tmp_path / "code.tar.gz"
    archive.write_bytes(b"x" * 300_000)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert not client.has_code(digest)
    client.put_code(digest, archive)
    assert client.has_code(digest)


def test_an_upload_over_the_limit_is_refused_before_it_travels(portal, client, tmp_path):
    """Also of a client that asks for nothing before: the server says no to the head of the request."""
    portal.runs.usage.limit = 100_000
    archive = tmp_path / "code.tar.gz"
    archive.write_bytes(b"x" * 300_000)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    with pytest.raises(SeawayError, match="may not have 300000 bytes") as caught:
        client.put_code(digest, archive)
    assert (caught.value.status, caught.value.field, caught.value.remedy) == (
        507,
        "storage",
        "See `seaway usage`.",
    )
    head = (
        f"PUT /api/v1/code/{digest} HTTP/1.1\r\nHost: seaway\r\nAuthorization: Bearer {portal.endpoint.token}\r\n"
        "Content-Length: 300000\r\nExpect: 100-continue\r\n\r\n"
    )
    with connect(portal.endpoint, 20.0).sock as channel:
        channel.sendall(head.encode())
        answer = channel.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 507"), answer
    client.put_code(digest, archive, "roomy")  # each workspace has its own limit
    assert client.has_code(digest)


def test_the_explanation_uses_the_word_class(client):
    client.submit(SPEC)
    assert client.why("digits")["cause"] == "UserException"
    assert "class" in client.why("digits")


@pytest.mark.parametrize("path", ["/api/v1/runs/digits/why", "/api/v1/objects/node/node-1/why"])
@pytest.mark.parametrize(
    ("wanted", "language"),
    [("de", "de"), ("tlh, de-AT;q=0.5, en;q=0.1", "de"), ("tlh", "en"), ("", "en"), (None, "en")],
)
def test_an_explanation_is_in_the_language_that_is_asked_for(client, path, wanted, language):
    client.submit(SPEC)
    headers = {} if wanted is None else {"Accept-Language": wanted}
    answer = client._http.open("GET", path, headers=headers)
    told = json.loads(answer.read())
    assert (answer.headers["Content-Language"], answer.headers["Vary"]) == (language, "Accept-Language")
    assert told["next_step"] == spoken_in(WATCH, catalogue(language))


def test_a_client_says_in_which_language_it_wants_explanations(client):
    client.submit(SPEC)
    for language, told in (("en", client.why("digits")), ("de", client.why("digits", language="de"))):
        assert told["next_step"] == spoken_in(WATCH, catalogue(language))
    assert client.why_object("node", "node-1", language="de")["next_step"] == told["next_step"]


def refused(client, *arguments, **options) -> SeawayError:
    with pytest.raises(SeawayError) as caught:
        client._http.read(*arguments, **options)
    return caught.value


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "field"),
    [
        pytest.param("GET", "/nothing", None, 404, "NotFound", "", id="unknown path"),
        pytest.param("PATCH", "/api/v1/runs", None, 405, "MethodNotAllowed", "", id="method that is not possible"),
        pytest.param("GET", "/api/v1/runs/none", None, 404, "NotFound", "run", id="unknown run"),
        pytest.param("GET", "/api/v1/runs?limit=0", None, 422, "Invalid", "limit", id="limit out of range"),
        pytest.param("GET", "/api/v1/runs?limit=x", None, 422, "Invalid", "limit", id="limit no number"),
        pytest.param("GET", "/api/v1/runs/%00", None, 400, "BadRequest", "", id="a path that no database can be asked for"),
        pytest.param("GET", "/api/v1/live?workspace=a%00", None, 400, "BadRequest", "", id="and a query"),
        pytest.param("POST", "/api/v1/runs", b"{", 400, "InvalidJSON", "", id="invalid JSON"),
        pytest.param("POST", "/api/v1/runs", b"[]", 422, "Invalid", "", id="list in place of an object"),
        pytest.param("POST", "/api/v1/runs", b'{"tasks": []}', 422, "Invalid", "tasks", id="no tasks"),
        pytest.param("POST", "/api/v1/runs", b"{}", 422, "Invalid", "tasks", id="missing field"),
        pytest.param(
            "POST", "/api/v1/runs", b'{"tasks": [{"command": ["x"], "gpus": 1}]}', 422, "Invalid", "tasks[0].gpus", id="unknown field"
        ),
        pytest.param(
            "POST", "/api/v1/runs", b'{"tasks": [{"command": "x"}]}', 422, "Invalid", "tasks[0].command", id="wrong type"
        ),
        pytest.param("PUT", "/api/v1/code/" + "0" * 64, b"abc", 422, "Invalid", "digest", id="digest that differs"),
    ],
)  # fmt: skip
def test_every_refusal_has_the_one_shape(client, method, path, body, status, code, field):
    error = refused(client, method, path, body=body, headers={"Content-Type": "application/json"})
    assert (error.status, error.code, error.field) == (status, code, field)
    assert error.message


def test_a_name_that_cannot_be_is_refused_in_words(client):
    error = refused(
        client,
        "POST",
        "/api/v1/runs",
        body=b'{"name": "A b", "tasks": [{"command": ["x"]}]}',
        headers={"Content-Type": "application/json"},
    )
    assert (error.field, error.message) == ("name", "name cannot be written so")
    assert error.remedy == "Use lower-case letters, digits and '-', a letter first"


def patterns(schema) -> set[str]:
    found = (
        {schema["pattern"]} if isinstance(schema, dict) and isinstance(schema.get("pattern"), str) else set()
    )
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return found.union(*map(patterns, parts))


def test_there_are_words_for_every_pattern_of_the_api(client):
    asked = patterns(json.loads(client._http.read("GET", "/openapi.json")))
    assert asked
    assert not asked - WORDS.keys()


def test_a_taken_name_is_a_conflict_with_a_remedy(client):
    client.submit(SPEC)
    with pytest.raises(SeawayError) as caught:
        client.submit(SPEC)
    assert (caught.value.status, caught.value.field, caught.value.remedy) == (
        409,
        "name",
        "choose another name",
    )


def test_a_full_disk_is_507(portal, client):
    portal.runs.full = True
    with pytest.raises(SeawayError) as caught:
        client.submit(SPEC)
    assert caught.value.status == 507


def test_a_body_over_its_limit_is_refused_and_the_connection_serves_on(client):
    error = refused(client, "POST", "/api/v1/runs", body=b" " * (33 * 1024 * 1024))
    assert (error.status, error.code) == (413, "TooLarge")
    assert client.version()


def test_a_body_without_announced_length_is_counted(client):
    blocks = iter([b" " * 1024 * 1024] * 34)
    error = refused(client, "POST", "/api/v1/runs", body=blocks, headers={"Content-Type": "application/json"})
    assert error.status in (413, 0)


@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/v1/version", "/api/v1/status", "/openapi.json"])
@pytest.mark.parametrize("token", ["wrong", "run-digits"])
def test_only_the_homes_token_opens_the_api(portal, path, token):
    with portal.client(token) as client:
        error = refused(client, "GET", path)
    assert (error.status, error.code) == (401, "Unauthorized")


def test_health_needs_no_token(portal):
    with portal.client("wrong") as client:
        assert client._http.read("GET", "/api/v1/healthz") == b"ok"


def test_openapi_describes_every_route(client):
    paths = json.loads(client._http.read("GET", "/openapi.json"))["paths"]
    assert {"/api/v1/runs", "/api/v1/runs/{run}/logs", "/gateway/v1/runs/{run}/tasks/{task}/outputs"} <= set(
        paths
    )


def test_a_server_with_another_certificate_is_not_spoken_to(portal):
    from dataclasses import replace
    from datetime import UTC, datetime

    from seaway.portal.certificates import ensure_certificate

    other = ensure_certificate(portal.folder.parent / "other", datetime.now(UTC))
    http = HttpClient(lambda: replace(portal.endpoint, ca=other.ca.read_text()))
    with pytest.raises(ServerUnreachable, match="is not the one"):
        http.read("GET", "/api/v1/healthz")


class TestGateway:
    def test_a_pod_commits_outputs_of_its_own_run(self, portal):
        with portal.client("run-digits") as pod:
            pod._http.read("PUT", "/gateway/v1/runs/digits/tasks/main/outputs?fence=2", body=b"tar")
        assert portal.runs.stored["digits/main"] == b"tar"

    @pytest.mark.parametrize(
        ("path", "token", "status"),
        [
            pytest.param("runs/digits/tasks/main/outputs?fence=1", "run-digits", 409, id="old fence"),
            pytest.param("runs/digits/tasks/main/outputs", "run-digits", 422, id="no fence"),
            pytest.param("runs/other/tasks/main/outputs?fence=2", "run-digits", 403, id="another run"),
            pytest.param("runs/digits/tasks/main/outputs?fence=2", "nobody", 401, id="unknown token"),
        ],
    )
    def test_and_nothing_else(self, portal, path, token, status):
        with portal.client(token) as pod:
            assert refused(pod, "PUT", f"/gateway/v1/{path}", body=b"tar").status == status
        assert not portal.runs.stored


class TestRestart:
    def test_a_followed_log_goes_on_where_it_was(self, portal, client):
        """A restart in the middle of a followed log loses no byte and repeats none."""
        client.submit(SPEC)
        portal.runs.log = [b"one\ntw"]
        seen = client.follow_logs("digits")
        assert next(seen) == b"one\ntw"
        portal.stop()
        portal.runs.log = [b"one\n", b"two\nthree\n"]
        portal.runs.set_phase("digits", Phase.SUCCEEDED)
        portal.start()
        assert b"".join(seen) == b"o\nthree\n"

    def test_waiting_outlives_a_restart(self, portal, client):
        client.submit(SPEC)
        portal.stop()
        portal.runs.set_phase("digits", Phase.FAILED)
        portal.start()
        assert client.wait_until_ended("digits")["phase"] == "failed"

    def test_the_port_stays(self, portal):
        before = portal.endpoint.url
        portal.stop()
        portal.start()
        assert portal.endpoint.url == before

    def test_patience_ends(self, portal):
        with portal.client(patience=0.5) as client:
            client.submit(SPEC)
            portal.stop()
            with pytest.raises(ServerUnreachable):
                client.wait_until_ended("digits")


def test_what_a_runner_says_of_its_program_is_kept_and_shown(portal, client) -> None:
    with portal.client("run-digits") as pod:
        path = "/gateway/v1/runs/digits/tasks/main/usage?fence=2"
        pod._http.read("PUT", f"{path}&memory=3&peak=4&memory_limit=8&cores=1.25&gpu=90")
        for wrong in ("memory=3", "memory=-1&peak=4", "memory=3&peak=4&cores=inf", "memory=3&peak=4&gpu=101"):
            assert refused(pod, "PUT", f"{path}&{wrong}").status == 422
        assert refused(pod, "PUT", f"{path.replace('digits', 'other')}&memory=3&peak=4").status == 403
    said = Reported(memory=3, memory_peak=4, memory_limit=8, cores=1.25, gpu=90)
    assert portal.runs.used == [("digits", "main", 2, said)]
    [attempt] = client.live(workspace="w")
    assert (attempt["run"], attempt["usage"]["memory"], attempt["usage"]["gpu"]) == ("digits", 3, None)
    assert client.live(user="bob") == []
