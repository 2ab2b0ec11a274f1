"""Flags and variables of `seaway server`: what they mean, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seaway.cli import server_settings as reading
from seaway.cli.server_limits import parse_after, parse_limit, parse_size
from seaway.sdk.errors import SeawayError


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8443", "127.0.0.1", 8443),
        ("localhost:1", "127.0.0.1", 1),
        ("0.0.0.0:65535", "0.0.0.0", 65535),
        ("[::]:8443", "::", 8443),
        ("*:8443", "*", 8443),
        ("[::1]:8443", "::1", 8443),
    ],
)
def test_listen(text: str, host: str, port: int) -> None:
    assert reading.parse_listen(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", "8443", ":8443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x",
             "seaway.example.com:8443", "::1:8443", "[127.0.0.1]:8443", "127.0.0.1:٣"],
)  # fmt: skip
def test_listen_is_refused(text: str) -> None:
    with pytest.raises(SeawayError) as caught:
        reading.parse_listen(text)
    assert (caught.value.field, caught.value.code) == ("--listen", "Usage")
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "host", "url"),
    [
        (None, "127.0.0.1", "https://127.0.0.1:8443"),
        ("", "::1", "https://[::1]:8443"),
        ("https://seaway.example.com", "0.0.0.0", "https://seaway.example.com"),
        ("https://seaway.example.com/", "0.0.0.0", "https://seaway.example.com"),
        ("https://seaway.research.svc:8443", "::", "https://seaway.research.svc:8443"),
        ("https://[fd00::1]:8443", "::", "https://[fd00::1]:8443"),
    ],
)
def test_url(text: str | None, host: str, url: str) -> None:
    assert reading.parse_url(text, host, 8443) == url


@pytest.mark.parametrize(
    "text", ["http://seaway", "seaway.example.com", "https://", "https://x/y", "https://x?y=1", "https://u:p@x",
             "https://x:99999", "https://-x", "https://x:0", "ftp://x", "https://[::1", "https://x_y"],
)  # fmt: skip
def test_url_is_refused(text: str) -> None:
    with pytest.raises(SeawayError, match="https") as caught:
        reading.parse_url(text, "127.0.0.1", 8443)
    assert caught.value.field == "--url"
    assert ":p@" not in caught.value.message


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "*"])
def test_url_must_be_said_where_all_addresses_are_listened_on(host: str) -> None:
    with pytest.raises(SeawayError, match="must be said"):
        reading.parse_url(None, host, 8443)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", ""),
        ("postgresql://u:p@db/seaway", "postgresql+psycopg://u:p@db/seaway"),
        ("postgres://u:p@db:5432/seaway?sslmode=require", "postgresql+psycopg://u:p@db:5432/seaway?sslmode=require"),
        ("postgresql+psycopg://db/seaway", "postgresql+psycopg://db/seaway"),
    ],
)  # fmt: skip
def test_database(text: str, url: str) -> None:
    assert reading.parse_database(text) == url


@pytest.mark.parametrize(
    "text",
    ["mysql://u:hunter2@db/x", "hunter2", "postgresql://u:hunter2@db", "postgresql://u:hunter2@db:x/y"],
)
def test_database_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(SeawayError) as caught:
        reading.parse_database(text)
    assert caught.value.field == "--database"
    assert "hunter2" not in caught.value.message + caught.value.remedy


@pytest.mark.parametrize("text", ["/folder", "s3://", "s3:///", "gs://bucket", "s3://key:secret@bucket"])
def test_artifacts_are_refused(text: str) -> None:
    with pytest.raises(SeawayError) as caught:
        reading.parse_artifacts(text)
    assert caught.value.field == "--artifacts"
    assert "secret@" not in caught.value.message


def test_object_store_is_told_by_aws_own_variables() -> None:
    environment = {
        "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_ENDPOINT_URL_S3": "https://minio:9000",
        "AWS_ENDPOINT_URL": "https://other", "AWS_REGION": "eu-central-1", "HOME": "/home",
    }  # fmt: skip
    assert reading.object_store(environment) == {
        "access_key": "id", "secret_key": "key", "endpoint_url": "https://minio:9000", "region": "eu-central-1",
    }  # fmt: skip
    assert reading.object_store({}) == {}


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_half_a_credential_is_refused(name: str) -> None:
    with pytest.raises(SeawayError, match="is not set"):
        reading.object_store({name: "x"})


def test_certificate_files(tmp_path: Path) -> None:
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (tmp_path / name).touch()
    certificate, key, ca = (tmp_path / name for name in ("tls.crt", "tls.key", "ca.crt"))
    assert reading.tls_files(None, None, None) is None
    assert reading.tls_files(certificate, key, ca) == reading.TlsFiles(certificate, key, ca)
    assert reading.tls_files(certificate, key, None) == reading.TlsFiles(certificate, key, None)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (("tls.crt", None, None), "--tls-key"),
        ((None, "tls.crt", None), "--tls-cert"),
        ((None, None, "tls.crt"), "--tls-cert"),
        (("tls.crt", "missing", None), "--tls-key"),
        (("tls.crt", "tls.crt", "missing"), "--tls-ca"),
    ],
)
def test_certificate_files_are_refused(tmp_path: Path, given: tuple[str | None, ...], field: str) -> None:
    (tmp_path / "tls.crt").touch()
    with pytest.raises(SeawayError) as caught:
        reading.tls_files(*(tmp_path / name if name else None for name in given))
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["Research", "a_b", "-a", "a" * 64, "a.b"])
def test_namespace_is_refused(name: str) -> None:
    with pytest.raises(SeawayError) as caught:
        reading.parse_namespace(name)
    assert caught.value.field == "--namespace"


def test_own_certificate_is_good_for_every_name_of_the_server() -> None:
    settings = reading.TeamServerSettings(
        Path("home"), None, None, None, "", "", "0.0.0.0", 8443, "https://seaway.example.com", None, None, ""
    )
    assert settings.names == ("seaway.example.com", "localhost", "127.0.0.1", "::1")


def test_levels_of_pods_are_known() -> None:
    assert [reading.parse_pod_security(level) for level in reading.POD_SECURITY] == list(reading.POD_SECURITY)
    with pytest.raises(SeawayError) as caught:
        reading.parse_pod_security("strict")
    assert caught.value.field == "--pod-security"


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (parse_size, "1Mi", 1 << 20),
        (parse_limit, "", 0),
        (parse_limit, "20Gi", 20 << 30),
        (parse_after, "0", 0.0),
        (parse_after, "90s", 90.0),
        (parse_after, "2h", 7200.0),
    ],
)
def test_limits(read: Callable[[str, str], float], text: str, value: float) -> None:
    assert read("--x", text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (parse_size, ""),
        (parse_size, "1Ki"),
        (parse_limit, "0"),
        (parse_limit, "-1Gi"),
        (parse_limit, "lots"),
        (parse_after, ""),
        (parse_after, "-1"),
        (parse_after, "soon"),
        (parse_after, "1.5h"),
    ],
)
def test_limits_are_refused_by_name(read: Callable[[str, str], float], text: str) -> None:
    with pytest.raises(SeawayError) as caught:
        read("--storage-limit", text)
    assert (caught.value.field, caught.value.code) == ("--storage-limit", "Usage")
    assert caught.value.remedy
