"""Which certificates a server watches, and what is said to renew each. Tables."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seaway.cli.certificates_composition import of_home, of_team_server
from seaway.client.connection import Connection
from seaway.portal.certificates import CertificateFiles

OWN = CertificateFiles(Path("h/ca.crt"), Path("h/portal.crt"), Path("h/portal.key"))
GIVEN = SimpleNamespace(certificate=Path("t/tls.crt"), key=Path("t/tls.key"), ca=Path("t/ca.crt"))
API, AUTHORITY, SHOWN = (
    "the REST API's certificate",
    "the REST API's authority",
    "the certificate shown to users",
)
CLUSTER, CLIENT = "the cluster's authority", "the client certificate for the cluster"


def test_a_home_has_those_of_its_server_and_of_its_cluster() -> None:
    found = {one.name: one.source for one in of_home(Path("s"), Path("c"))}
    assert found == {
        API: Path("s/portal.crt"), AUTHORITY: Path("s/ca.crt"),
        "the cluster's certificate": Path("c/pki/apiserver.crt"), CLUSTER: Path("c/pki/ca.crt"),
    }  # fmt: skip


def team(tls: Any = None, database: str = "", artifacts: str = "", endpoint: str = "") -> Any:
    return SimpleNamespace(
        tls=tls, url="https://seaway.example.com", home=Path("h"), database=database, artifacts=artifacts,
        object_store={"endpoint_url": endpoint} if endpoint else {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tls", "connection", "watched"),
    [
        (None, {}, [API, AUTHORITY, SHOWN]),
        (GIVEN, {"ca_file": Path("ca")}, [API, AUTHORITY, SHOWN, CLUSTER]),
        (SimpleNamespace(certificate=Path("c"), key=Path("k"), ca=None), {"ca": b"pem"}, [API, SHOWN, CLUSTER]),
        (None, {"client_certificate": b"pem", "client_key": b"pem"}, [API, AUTHORITY, SHOWN, CLIENT]),
    ],
    ids=["its own", "a given one", "a public one", "a kubeconfig with a certificate"],
)  # fmt: skip
def test_a_teams_server_has_what_it_was_given(tls: Any, connection: dict, watched: list[str]) -> None:
    settings = team(tls)
    found = of_team_server(settings, OWN, Connection(server="https://x", **connection))
    assert [one.name for one in found] == watched
    remedies = {one.name: one.remedy for one in found}
    assert ("within a minute" in remedies[API]) is (tls is not None)
    assert "https://seaway.example.com" in remedies[SHOWN]


@pytest.mark.parametrize(
    ("database", "endpoint", "watched"),
    [
        ("", "", []),
        ("postgresql://u:secret@db.example.com/seaway", "", ["postgresql://db.example.com:5432"]),
        ("postgresql://u:secret@[::1]:5433/seaway?sslmode=require", "", ["postgresql://[::1]:5433"]),
        ("postgresql://u:secret@db/seaway?sslmode=disable", "", []),
        ("postgresql:///seaway", "", []),
        ("", "https://s3.example.com:9000", ["https://s3.example.com:9000"]),
        ("", "http://s3.example.com", []),
    ],
)
def test_so_are_those_of_the_stores_that_it_depends_on(
    database: str, endpoint: str, watched: list[str]
) -> None:
    settings = team(database=database, artifacts="s3://bucket" if endpoint else "", endpoint=endpoint)
    found = of_team_server(settings, OWN, Connection(server="https://x"))
    named = [
        one for one in found if one.name in ("the database's certificate", "the object storage's certificate")
    ]
    assert [one.source for one in named] == watched
    assert "secret" not in str(found)
