"""Keys and certificates: private, renewed, for the right names."""

from __future__ import annotations

import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from seaway.controlplane.apiserver.pki import PkiBroken, ensure_pki, user_of_certificate
from seaway.controlplane.apiserver.tokens import TokenRefused, TokenSigner

NOW = 1_767_323_045.0
DAY = 86400.0


def test_files_are_private(tmp_path):
    pki = ensure_pki(tmp_path / "pki", ["127.0.0.1", "localhost"], NOW)
    assert stat.S_IMODE(pki.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in pki.folder.iterdir()} == {0o600}


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_second_start_keeps_everything(tmp_path):
    first = contents(ensure_pki(tmp_path / "pki", ["a"], NOW).folder)
    assert contents(ensure_pki(tmp_path / "pki", ["a"], NOW + DAY).folder) == first


@pytest.mark.parametrize(
    ("hosts", "later"), [(["a"], 300 * DAY), (["b"], DAY)], ids=["about to expire", "other names"]
)
def test_certificates_are_renewed_and_the_authority_kept(tmp_path, hosts, later):
    pki = ensure_pki(tmp_path / "pki", ["a"], NOW)
    ca, server = pki.ca.certificate.read_bytes(), pki.server.certificate.read_bytes()
    ensure_pki(tmp_path / "pki", hosts, NOW + later)
    assert pki.ca.certificate.read_bytes() == ca
    assert pki.server.certificate.read_bytes() != server


def test_an_authority_that_is_about_to_expire_is_made_anew_at_a_start_alone(tmp_path):
    pki = ensure_pki(tmp_path / "pki", ["a"], NOW)
    first, late = pki.ca.certificate.read_bytes(), NOW + 3600 * DAY
    ensure_pki(tmp_path / "pki", ["a"], late, starting=False)
    assert pki.ca.certificate.read_bytes() == first
    ensure_pki(tmp_path / "pki", ["a"], late)
    authority = x509.load_pem_x509_certificate(pki.ca.certificate.read_bytes())
    assert authority.not_valid_after_utc.timestamp() > late + 3600 * DAY
    for pair in (pki.server, pki.admin):
        x509.load_pem_x509_certificate(pair.certificate.read_bytes()).verify_directly_issued_by(authority)


def test_a_damaged_leaf_is_made_anew_and_a_damaged_authority_is_named(tmp_path):
    pki = ensure_pki(tmp_path / "pki", ["a"], NOW)
    pki.server.key.write_bytes(b"broken")
    ensure_pki(tmp_path / "pki", ["a"], NOW)
    assert pki.server.key.read_bytes() != b"broken"
    pki.ca.key.write_bytes(b"broken")
    with pytest.raises(PkiBroken, match=r"ca\.key"):
        ensure_pki(tmp_path / "pki", ["a"], NOW)


def test_a_client_certificate_names_user_and_groups(tmp_path):
    pki = ensure_pki(tmp_path / "pki", ["a"], NOW)
    pair = pki.client_pair("jane", "jane", ("devs", "ops"), NOW)
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    assert user_of_certificate(certificate.public_bytes(Encoding.DER)) == ("jane", ("devs", "ops"))


def test_tokens_are_believed_only_from_the_own_key(tmp_path):
    key = ensure_pki(tmp_path / "pki", ["a"], NOW).load_service_account_key()
    other = ensure_pki(tmp_path / "other", ["a"], NOW).load_service_account_key()
    token = TokenSigner(key).sign({"sub": "x"})
    assert TokenSigner(key).verify(token) == {"sub": "x"}
    for bad in (token[:-8] + "AAAAAAAA", "a.b.c", "", token.replace(".", ""), "e30.e30."):
        with pytest.raises(TokenRefused):
            TokenSigner(key).verify(bad)
    with pytest.raises(TokenRefused):
        TokenSigner(other).verify(token)
