"""How an API server behaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seaway.controlplane.apiserver.users import User


@dataclass(frozen=True, slots=True)
class ApiServerSettings:
    """How an API server behaves."""

    version: str = "0"
    """Seaway's version, shown at /version."""
    address: str = "127.0.0.1"
    """Where clients reach it: the endpoint of the `kubernetes` Service."""
    port: int = 6443
    """Port of that endpoint."""
    service_network: str = "127.96.0.0/16"
    """Cluster addresses of Services; the first is the `kubernetes` Service's."""
    static_tokens: Mapping[str, User] = field(default_factory=dict)
    """Users of bootstrap tokens, by the token's SHA-256 in hex (`authentication.digest`)."""
    service_accounts: bool = True
    """Whether a pod needs a service account that exists; without, as where nothing makes them, pods have none."""
    watch_seconds: float = 1800.0
    """A watch without a time of its own ends after this up to twice this, so that watches do not end together."""
    bookmark_seconds: float = 60.0
    """How often an idle watch that asked for bookmarks says how far it is."""
