"""The files that let somebody in: token, certificate, port."""

from __future__ import annotations

import socket
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from seaway.portal.certificates import ensure_certificate
from seaway.portal.serve import PortInUse, ServeSettings, bind
from seaway.portal.tokens import TokenVerifier, ensure_token

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_token_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "server" / "token"
    token = ensure_token(path)
    assert len(token) >= 40
    assert ensure_token(path) == token
    assert mode(path) == 0o600


def test_a_token_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "token"
    ensure_token(path)
    path.chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        ensure_token(path)


def test_an_empty_token_file_opens_nothing(tmp_path):
    path = tmp_path / "token"
    path.write_text("\n")
    path.chmod(0o600)
    assert ensure_token(path)


@pytest.mark.parametrize(
    ("token", "user"), [("secret", "ada"), ("other", None), ("", None), ("sécret", None)]
)
def test_a_token_names_its_user(token, user):
    caller = TokenVerifier({"secret": "ada"}).verify(token)
    assert (caller.user if caller else None) == user


def test_the_certificate_is_kept_renewed_in_time_and_from_the_same_ca(tmp_path):
    first = ensure_certificate(tmp_path, NOW)
    ca, certificate = first.ca.read_bytes(), first.certificate.read_bytes()
    assert ensure_certificate(tmp_path, NOW + timedelta(days=30)).certificate.read_bytes() == certificate
    renewed = ensure_certificate(tmp_path, NOW + timedelta(days=700))
    assert renewed.certificate.read_bytes() != certificate
    assert renewed.ca.read_bytes() == ca
    x509.load_pem_x509_certificate(renewed.certificate.read_bytes()).verify_directly_issued_by(
        x509.load_pem_x509_certificate(ca)
    )


def test_an_authority_in_use_is_not_replaced(tmp_path):
    first, late = ensure_certificate(tmp_path, NOW), NOW + timedelta(days=3600)
    ca = first.ca.read_bytes()
    renewed = ensure_certificate(tmp_path, late, starting=False)
    assert renewed.ca.read_bytes() == ca
    x509.load_pem_x509_certificate(renewed.certificate.read_bytes()).verify_directly_issued_by(
        x509.load_pem_x509_certificate(ca)
    )
    assert ensure_certificate(tmp_path, late).ca.read_bytes() != ca


def test_no_other_user_can_read_a_key(tmp_path):
    files = ensure_certificate(tmp_path, NOW)
    assert {mode(path) for path in (files.key, tmp_path / "ca.key", files.certificate)} == {0o600}


def test_a_damaged_certificate_is_made_anew(tmp_path):
    files = ensure_certificate(tmp_path, NOW)
    files.certificate.write_text("damaged")
    ensure_certificate(tmp_path, NOW)
    assert x509.load_pem_x509_certificate(files.certificate.read_bytes())


def test_a_kept_port_that_is_taken_is_chosen_anew(tmp_path):
    settings = ServeSettings(tmp_path / "port", ensure_certificate(tmp_path, NOW))
    with bind(settings) as first:
        kept = first.getsockname()[1]
        with bind(settings) as second:
            assert second.getsockname()[1] != kept
            assert settings.port_file.read_text().strip() == str(second.getsockname()[1])


def test_an_asked_port_that_is_taken_is_an_error_with_a_remedy(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = ServeSettings(
            tmp_path / "port", ensure_certificate(tmp_path, NOW), port=other.getsockname()[1]
        )
        with pytest.raises(PortInUse, match="choose another"):
            bind(settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "*"])
def test_a_server_can_listen_on_all_addresses(tmp_path, host):
    settings = ServeSettings(tmp_path / "port", ensure_certificate(tmp_path, NOW), host=host)
    with bind(settings) as listener, socket.create_connection(listener.getsockname()[:2], timeout=5):
        pass


def test_a_certificate_is_made_anew_for_other_names(tmp_path):
    first = ensure_certificate(tmp_path, NOW).certificate.read_bytes()
    names = ("seaway.example.com", "10.0.0.1")
    second = ensure_certificate(tmp_path, NOW, names).certificate.read_bytes()
    assert second != first
    assert ensure_certificate(tmp_path, NOW, names[:1]).certificate.read_bytes() == second
    found = x509.load_pem_x509_certificate(second).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert found.value.get_values_for_type(x509.DNSName) == ["seaway.example.com"]
