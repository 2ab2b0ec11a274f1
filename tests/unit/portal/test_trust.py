"""How a client knows a server: its own authority, another one's certificate, a proxy on the way, something else that answers."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from seaway.portal.certificates import ensure_certificate
from seaway.sdk.client import SeawayClient
from seaway.sdk.connection import KEEPALIVE, Endpoint, connect
from seaway.sdk.errors import SeawayError, ServerUnreachable, Untrusted
from seaway.sdk.proxies import Proxy
from seaway.sdk.transport import HttpClient, refusal
from seaway.sdk.trust import choose_trust, fingerprint, is_trusted, offers
from tools.connect_proxy import ConnectProxy, connect_proxy, splice

TIMEOUT = 60.0


@pytest.fixture
def endpoint(portal) -> Endpoint:
    """The portal as a context's server that is not known yet."""
    return replace(portal.endpoint, ca=None, token="", context="team")


def test_a_server_is_known_by_the_authority_that_it_names_or_by_its_own_certificate(portal, endpoint):
    assert not is_trusted(endpoint, TIMEOUT)
    authority, own = offers(endpoint, TIMEOUT)
    assert authority.pem == portal.endpoint.ca
    assert own.fingerprint == fingerprint((portal.folder / "portal.crt").read_text())
    for offer in (authority, own):
        assert is_trusted(replace(endpoint, ca=offer.pem), TIMEOUT)
    assert choose_trust([authority, own], own.fingerprint, lambda _: False) == own
    assert choose_trust([authority, own], "SHA256:00", lambda _: True) is None
    assert choose_trust([authority, own], None, lambda offer: offer == authority) == authority
    assert choose_trust([authority, own], None, lambda _: False) is None


def test_nothing_but_a_question_for_the_authority_is_sent_before(portal, endpoint, caplog):
    caplog.set_level("DEBUG", logger="seaway.portal.requests")
    offers(replace(endpoint, token="secret-token"), TIMEOUT)
    portal.stop()
    asked = [
        record.getMessage().split(" by ")[0]
        for record in caplog.records
        if record.name == "seaway.portal.requests"
    ]
    assert asked == ["GET /api/v1/ca"]


def test_a_renewed_certificate_of_the_same_authority_is_trusted_on_and_another_one_is_not(
    portal, endpoint, tmp_path
):
    authority, own = offers(endpoint, TIMEOUT)
    portal.stop()
    (portal.folder / "portal.crt").unlink()
    portal.start()
    endpoint = replace(endpoint, url=portal.endpoint.url)
    assert is_trusted(replace(endpoint, ca=authority.pem), TIMEOUT)
    assert not is_trusted(replace(endpoint, ca=own.pem), TIMEOUT)
    other = ensure_certificate(tmp_path / "other", datetime.now(UTC)).ca.read_text()
    with (
        SeawayClient("", "", locate=lambda: replace(endpoint, ca=other)) as client,
        pytest.raises(Untrusted, match="context 'team' trusts") as caught,
    ):
        client.version()
    assert "seaway login" in caught.value.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of the machine")
def test_a_certificate_for_another_name_can_prove_nothing(portal, endpoint):
    """Whatever a person would say to its fingerprint."""
    server = ("127.0.0.1", int(endpoint.url.rpartition(":")[2]))
    with _relay(server, host="127.0.0.2") as port, pytest.raises(Untrusted, match=r"not for 127\.0\.0\.2"):
        offers(replace(endpoint, url=f"https://127.0.0.2:{port}"), TIMEOUT)


@contextlib.contextmanager
def _relay(server: tuple[str, int], host: str) -> Iterator[int]:
    """Pass connections to an address on to a server."""
    with socket.create_server((host, 0)) as listener:
        threads: list[threading.Thread] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    thread = threading.Thread(target=splice, args=(client, socket.create_connection(server)))
                    thread.start()
                    threads.append(thread)

        accepting = threading.Thread(target=serve)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(60)
            for thread in threads:
                thread.join(60)


@pytest.fixture
def proxy(portal) -> Iterator[ConnectProxy]:
    """A proxy that calls the portal "localhost:7443"."""
    with connect_proxy(
        {"localhost:7443": ("127.0.0.1", int(portal.endpoint.url.rpartition(":")[2]))}
    ) as running:
        yield running


def test_a_server_behind_a_proxy_is_reached_and_known_through_it(portal, endpoint, proxy):
    """The name is the server's own, and resolved by the proxy alone."""
    far = replace(endpoint, url="https://localhost:7443", proxy=Proxy("127.0.0.1", proxy.port))
    authority = offers(far, TIMEOUT)[0]
    known = replace(far, ca=authority.pem, token=portal.endpoint.token)
    with SeawayClient("", "", locate=lambda: known) as client:
        assert client.whoami()["user"] == "ada"
    assert set(proxy.asked) == {"localhost:7443"}


@pytest.mark.parametrize(
    ("url", "password", "said"),
    [
        pytest.param("https://localhost:7443", "Basic right", "407", id="a password that it wants"),
        pytest.param("https://localhost:1", None, "502", id="a server that it does not reach"),
    ],
)
def test_a_proxy_that_refuses_is_named_without_its_password(portal, endpoint, proxy, url, password, said):
    proxy.authorization = password
    way = Proxy("127.0.0.1", proxy.port, "Basic hidden")
    known = replace(endpoint, url=url, ca=portal.endpoint.ca, proxy=way)
    with SeawayClient("", "", locate=lambda: known) as client, pytest.raises(ServerUnreachable) as caught:
        client.version()
    assert f"through the proxy 127.0.0.1:{proxy.port}" in caught.value.message
    assert said in caught.value.message
    assert "hidden" not in str(caught.value) + repr(way) + repr(known)


class OtherServer(http.server.BaseHTTPRequestHandler):
    """Any program that speaks HTTP; answers what the test says."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"<html>hello</html>")

    def do_GET(self) -> None:
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("status", "headers", "code", "said"),
    [
        pytest.param(200, {}, "Unexpected", "no Seaway server", id="a page"),
        pytest.param(404, {}, "Unexpected", "no Seaway server", id="a page that is not there"),
        pytest.param(502, {}, "Unexpected", "away just now", id="a proxy without its server"),
        pytest.param(
            200, {"Seaway-Version": "9.9; api=7-8"}, "OtherVersion", "Seaway 9.9", id="a newer server"
        ),
        pytest.param(
            200, {"Seaway-Version": "0.0.1; api=0-0"}, "OtherVersion", "Seaway 0.0.1", id="an older server"
        ),
    ],
)
def test_what_is_no_server_of_ours_or_of_another_age_is_said_to_be_so(tmp_path, status, headers, code, said):
    files = ensure_certificate(tmp_path, datetime.now(UTC))
    handler = type("Handler", (OtherServer,), {"answer": (status, headers, b"<html></html>")})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            url = f"https://127.0.0.1:{server.server_address[1]}"
            known = Endpoint(url, "token", files.ca.read_text(), "team")
            http_client = HttpClient(lambda: known)
            with pytest.raises(SeawayError, match=said) as caught:
                http_client.json("GET", "/api/v1/version")
            http_client.close()
        finally:
            server.shutdown()
            serving.join(60)
    assert caught.value.code == code
    assert caught.value.remedy


def test_who_is_not_let_in_is_told_how_to_log_in():
    body = b'{"error": {"code": "Unauthorized", "message": "the token is unknown", "remedy": "x"}}'
    known = Endpoint("https://seaway.example.com", "t", None, "team")
    assert "seaway login https://seaway.example.com" in refusal(401, body, known).remedy
    assert refusal(401, body, replace(known, context="")).remedy == "x"
    assert refusal(403, body, known).remedy == "x"


def test_a_network_that_has_gone_is_noticed(portal):
    """However quiet a followed program is."""
    connection = connect(portal.endpoint, TIMEOUT)
    try:
        assert connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if hasattr(socket, "TCP_KEEPIDLE"):
            idle = connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            assert idle == KEEPALIVE["TCP_KEEPIDLE"]
    finally:
        connection.close()
