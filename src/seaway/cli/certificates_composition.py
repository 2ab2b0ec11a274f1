"""Which certificates a server depends on, and what renews each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seaway.cli.server_settings import TeamServerSettings

_AT_START = "Seaway makes a new one when it starts: seaway down, then seaway up"
_OWN_AUTHORITY = "Whoever trusts it reads the new one then"


def of_home(server: Path, cluster: Path) -> tuple[Any, ...]:
    """Return those of a server with an embedded cluster: all of them are Seaway's own, and the leaves are renewed by themselves.

    Args:
        server: the folder of the server's files.
        cluster: the folder of the cluster's.
    """
    from seaway.platform.notifications.certificates import WatchedCertificate

    authority = f"{_AT_START}. {_OWN_AUTHORITY}"
    return (
        WatchedCertificate("the REST API's certificate", server / "portal.crt", _AT_START),
        WatchedCertificate("the REST API's authority", server / "ca.crt", authority),
        WatchedCertificate("the cluster's certificate", cluster / "pki" / "apiserver.crt", _AT_START),
        WatchedCertificate("the cluster's authority", cluster / "pki" / "ca.crt", authority),
    )


def of_team_server(settings: TeamServerSettings, files: Any, connection: Any) -> tuple[Any, ...]:
    """Return those of a team's server: what it shows, what users see at its address, what it shows its cluster, and what its stores show.

    Args:
        settings: of the server.
        files: its certificate (`CertificateFiles`).
        connection: to the cluster.
    """
    from seaway.platform.notifications.certificates import WatchedCertificate

    given = settings.tls
    renewed = (
        f"Put a new one into {given.certificate} and its key into {given.key}: the server shows it within a minute"
        if given
        else "Start the server again: it makes a new one"
    )
    found = [WatchedCertificate("the REST API's certificate", files.certificate, renewed)]
    if given is None:
        remedy = "Start the server again: it makes a new one, which users then have to trust (seaway login)"
        found.append(WatchedCertificate("the REST API's authority", files.ca, remedy))
    elif given.ca is not None:
        remedy = (
            f"Put the new one into {given.ca}, and start the server again: pods are told which one to trust"
        )
        found.append(WatchedCertificate("the REST API's authority", given.ca, remedy))
    shown = f"Whatever answers at {settings.url} (an Ingress, a proxy) needs a new one"
    found.append(WatchedCertificate("the certificate shown to users", settings.url, shown))
    if connection.client_certificate is not None:
        remedy = "The kubeconfig that the server was given needs a new one; then start it again"
        found.append(
            WatchedCertificate(
                "the client certificate for the cluster", connection.client_certificate, remedy
            )
        )
    if authority := connection.ca_file or connection.ca:
        remedy = "Give the server the cluster's new authority, with a new kubeconfig where it has one"
        found.append(WatchedCertificate("the cluster's authority", authority, remedy))
    return (*found, *_of_its_stores(settings))


def _of_its_stores(settings: TeamServerSettings) -> Iterator[Any]:
    """Yield those of the database and of the object storage, where a server on the network has them and shows one."""
    from seaway.platform.database.location import PostgresLocation, locate
    from seaway.platform.notifications.certificates import WatchedCertificate

    place = locate(settings.database, settings.home)
    if isinstance(place, PostgresLocation) and place.url.host and place.url.query.get("sslmode") != "disable":
        host = f"[{place.url.host}]" if ":" in place.url.host else place.url.host
        source = f"postgresql://{host}:{place.url.port or 5432}"
        remedy = f"The PostgreSQL server at {place.url.host} needs a new one (ssl_cert_file), then: SELECT pg_reload_conf()"
        yield WatchedCertificate("the database's certificate", source, remedy)
    endpoint = str(settings.object_store.get("endpoint_url") or "")
    if settings.artifacts and endpoint.startswith("https://"):
        remedy = f"The object storage at {endpoint} needs a new one"
        yield WatchedCertificate("the object storage's certificate", endpoint, remedy)
