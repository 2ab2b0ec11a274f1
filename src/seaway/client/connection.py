"""Where a cluster is and who calls it, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program that prints credentials. Source: `ExecConfig` of a kubeconfig, `client.authentication.k8s.io`."""

    command: str
    """A path, or a name on the environment's PATH."""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """All of the plugin's variables, those of this process among them."""
    api_version: str = "client.authentication.k8s.io/v1"
    install_hint: str = ""
    """What the kubeconfig says to a user who does not have the program."""
    cluster: Mapping[str, Any] | None = None
    """The cluster as the plugin is told of it, where it asks for that."""


@dataclass(frozen=True, slots=True)
class Connection:
    """All that a transport needs. Secrets do not show in its repr."""

    server: str
    """https://host:port, possibly with a path."""
    ca: bytes | None = None
    """PEM of the certificate authorities trusted; None for the system's."""
    ca_file: Path | None = None
    """Read again when it changes, in place of `ca`: a cluster's authority may be renewed under a running pod."""
    client_certificate: bytes | None = field(default=None, repr=False)
    """PEM, with `client_key`."""
    client_key: bytes | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    """Read again when it changes: tokens of service accounts rotate."""
    plugin: ExecPlugin | None = None
    """Asked for credentials, and again when they expire or are refused."""
    impersonate: tuple[tuple[str, str], ...] = ()
    """Headers with which the server is asked to take the caller for somebody else."""
    namespace: str = "default"
    verify: bool = True
    """False only where the kubeconfig says insecure-skip-tls-verify."""
    server_name: str | None = None
    """Name the certificate must have, where it is not the server's."""
    proxy: str | None = None
    user: str = ""
    """The kubeconfig's name for the user; says nothing to the server."""
