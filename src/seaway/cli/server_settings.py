"""The settings of a team's server: flags and variables become values, or an error that names the flag. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seaway.cli.server_limits import TeamLimits, refuse
from seaway.sdk.errors import SeawayError
from seaway.sdk.submit import seconds

PREFIX = "SEAWAY_SERVER_"
RECORD_LOGS = ("all", "labelled", "none")
DEFAULT_HISTORY_LOGS = "20Gi"
POD_SECURITY = ("plain", "hardened", "restricted")
EVERYWHERE = "*"
ANY_ADDRESS = ("0.0.0.0", "::", EVERYWHERE)  # noqa: S104 - compared with, not listened on
DEFAULT_LEASE = "1h"
SHORTEST_LEASE = 60
DEFAULT_LISTEN = "127.0.0.1:8443"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.?\Z", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate from somewhere else (PEM)."""

    certificate: Path
    key: Path
    ca: Path | None
    """The authority that signed it; None for one that every machine trusts."""


@dataclass(frozen=True, slots=True)
class TeamServerSettings:
    """How `seaway server` runs; see its options."""

    home: Path
    """For the database, logs and artifacts that are not elsewhere, and for what is on its way in."""
    kubeconfig: Path | None
    """None for the pod's own account, or else the user's usual kubeconfig."""
    context: str | None
    namespace: str | None
    """Where pods are made; None for the connection's own."""
    database: str
    """SQLAlchemy URL; "" for SQLite in the home."""
    artifacts: str
    """fsspec URL; "" for a folder in the home."""
    host: str
    port: int
    url: str
    """How users and pods reach the server."""
    tls: TlsFiles | None
    """None for a certificate of the server's own authority."""
    token_file: Path | None
    """Holds the administrator's token; None for one that is made in the home."""
    image: str
    """Of runs that name none; "" for the usual one."""
    pod_security: str = "hardened"
    """What the pods of runs give up: one of POD_SECURITY."""
    pod_user: int = 1000
    """Whom the pods of runs run as where they are restricted."""
    pod_account: str = ""
    """Service account of the pods of runs; "" for the namespace's default."""
    lease_seconds: int = 3600
    """How long programs may run without word from the server; 0 for ever."""
    pod: str = ""
    """The name of the pod that this server runs in; "" outside a pod."""
    installation: str = ""
    """What it was installed as, NAMESPACE/NAME; "" where nothing installed it."""
    leader_election: bool = False
    """Several servers share the database, and one of them leads."""
    object_store: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Where and as whom the object storage is reached (the options of the platform's artifact store)."""

    history_days: int = 365
    history_logs: int = 20 << 30
    """Bytes that are kept of all logs."""
    record_logs: str = "labelled"
    """Whose logs are kept beside the runs': one of RECORD_LOGS."""
    record_cluster: bool = False
    """History is to be of all namespaces."""
    limits: TeamLimits = TeamLimits()  # noqa: RUF009 - frozen, shared on purpose

    @property
    def names(self) -> tuple[str, ...]:
        """The names that a certificate of the server's own must be good for."""
        reached = (urlsplit(self.url).hostname or "", self.host)
        own = [name for name in reached if name and name not in ANY_ADDRESS]
        return tuple(dict.fromkeys([*own, "localhost", "127.0.0.1", "::1"]))


def parse_listen(text: str) -> tuple[str, int]:
    """Return the address and port of HOST:PORT; IPv6 addresses stand in brackets, "*" is every address of any kind.

    Raises:
        SeawayError: it is none.
    """
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    remedy = (
        f'Give an address and a port, such as "{DEFAULT_LISTEN}", "[::1]:8443", or "*:8443" for all addresses'
    )
    try:
        address = host
        if host != EVERYWHERE:
            address = str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host))
    except ValueError:
        raise refuse("--listen", f"{text!r} does not begin with an address of this machine", remedy) from None
    if (":" in address) != bracketed:
        raise refuse("--listen", f"{text!r}: an IPv6 address stands in brackets, no other one does", remedy)
    if not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        raise refuse("--listen", f"{text!r} does not end in a port from 1 to 65535", remedy)
    return address, int(port)


def parse_url(text: str | None, host: str, port: int) -> str:
    """Return how the server is reached: what was said, else where it listens.

    Raises:
        SeawayError: it is no https URL, or has to be said because the server listens on all addresses.
    """
    remedy = "Give the address that users and pods use, such as --url https://seaway.example.com"
    if not text:
        if host in ANY_ADDRESS:
            raise refuse("--url", f"it must be said where --listen is {host}: nobody reaches {host}", remedy)
        return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    try:
        parts = urlsplit(text)
        right = parts.scheme == "https" and parts.port != 0 and _is_host(parts.hostname or "")
    except ValueError:
        right = False
    if not right or parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise refuse("--url", f"{shown_url(text)!r} is not https://HOST or https://HOST:PORT", remedy)
    return text.rstrip("/")


def shown_url(text: str) -> str:
    """Return a URL without its password, for a message."""
    return re.sub(r"(://[^/\s:@]*:)[^/\s]*(?=@)", r"\1…", text)


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(_HOST_NAME.match(host))
    return True


def parse_namespace(text: str | None) -> str | None:
    """Return a namespace's name. Raises SeawayError where none can be called so."""
    if text and not _LABEL.match(text):
        remedy = "Give lower-case letters, digits and hyphens, at most 63"
        raise refuse("--namespace", f"{text!r} cannot be a namespace's name", remedy)
    return text or None


def parse_pod_security(text: str) -> str:
    """Return what pods give up. Raises SeawayError for an unknown word."""
    if text not in POD_SECURITY:
        raise refuse("--pod-security", f"{text!r} is none of them", f"Give {', '.join(POD_SECURITY)}")
    return text


def parse_record_logs(text: str) -> str:
    """Return whose logs are kept. Raises SeawayError for an unknown word."""
    if text not in RECORD_LOGS:
        raise refuse("--record-logs", f"{text!r} is none of them", f"Give {', '.join(RECORD_LOGS)}")
    return text


def parse_lease(text: str) -> int:
    """Return how long programs may run without word from the server, in seconds. Raises SeawayError where it is no duration."""
    if text.strip() == "0":
        return 0
    found = seconds("--lease", text)
    if found < SHORTEST_LEASE:
        raise refuse(
            "--lease",
            f"{text!r} is too short: a restart of the server would end programs",
            "Give at least 60s, or 0",
        )
    return int(found)


def parse_database(text: str) -> str:
    """Return the database's URL, with the driver that we bring. Raises SeawayError where it is none that can be used."""
    remedy = f"Give postgresql://USER:PASSWORD@HOST/DATABASE, best in the variable {PREFIX}DATABASE"
    if not text:
        return ""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise refuse("--database", "it is no URL of a PostgreSQL database", remedy)
    try:
        parts = urlsplit(f"postgresql://{rest}")
        complete = bool(parts.path.strip("/")) and (parts.port is None or parts.port > 0)
    except ValueError:
        complete = False
    if not complete:
        raise refuse("--database", "its URL names no host, port and database that can be used", remedy)
    return f"postgresql+psycopg://{rest}"


def parse_artifacts(text: str) -> str:
    """Return the URL of the artifact store. Raises SeawayError where it is none that can be used."""
    remedy = "Give s3://BUCKET or s3://BUCKET/PREFIX, or leave it out for a folder in the home"
    if not text:
        return ""
    scheme, separator, place = text.partition("://")
    if not separator or scheme != "s3" or not place.strip("/"):
        raise refuse("--artifacts", f"{shown_url(text)!r} is no place of an S3-compatible storage", remedy)
    if "@" in place:
        raise refuse(
            "--artifacts",
            "credentials do not belong into the URL",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    return text.rstrip("/")


def object_store(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the artifact store's options from AWS' own variables; without keys, botocore looks for credentials itself (a role, a profile).

    Raises:
        SeawayError: one of the two keys alone is set.
    """
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if bool(key) != bool(secret):
        missing = "AWS_SECRET_ACCESS_KEY" if key else "AWS_ACCESS_KEY_ID"
        raise SeawayError(
            f"{missing} is not set", code="Usage", remedy="Set both keys of the object storage, or neither"
        )
    found = {
        "access_key": key,
        "secret_key": secret,
        "session_token": environment.get("AWS_SESSION_TOKEN"),
        "endpoint_url": environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL"),
        "region": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        "ca_file": environment.get("AWS_CA_BUNDLE"),
    }
    return {name: value for name, value in found.items() if value}


def tls_files(certificate: Path | None, key: Path | None, ca: Path | None) -> TlsFiles | None:
    """Return the files of a certificate from somewhere else, None for none. Raises SeawayError where one is missing."""
    if certificate is None and key is None and ca is None:
        return None
    for option, other, path in (("--tls-cert", "--tls-key", certificate), ("--tls-key", "--tls-cert", key)):
        if path is None:
            given = other if (key if other == "--tls-key" else certificate) else "--tls-ca"
            raise refuse(
                option, f"it is missing beside {given}", "Give the certificate and its key, or neither"
            )
    assert certificate is not None
    assert key is not None
    for option, path in (("--tls-cert", certificate), ("--tls-key", key), ("--tls-ca", ca)):
        if path is not None and not path.is_file():
            raise refuse(option, f"there is no file {path}", "Give a PEM file")
    return TlsFiles(certificate, key, ca)
