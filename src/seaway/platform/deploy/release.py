"""What an installation is called, and what all of its objects have in common. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from seaway.platform.deploy.values import Values

Object = dict[str, Any]
NAMES_ANNOTATION = "seaway.dev/certificate-names"
"""Which names a certificate of ours is good for: it is made anew where others are wanted."""
MANAGER = "seaway"
"""The value of app.kubernetes.io/managed-by on what `seaway install` makes."""


@dataclass(frozen=True, slots=True)
class Release:
    """One installation."""

    name: str
    namespace: str
    version: str
    """Of Seaway."""

    @property
    def identity(self) -> str:
        """What the pods of its runs carry, in whatever namespace they are."""
        return f"{self.namespace}/{self.name}"

    @property
    def selector(self) -> dict[str, str]:
        """What the server's pods are known by; it never changes."""
        return {"app.kubernetes.io/name": "seaway", "app.kubernetes.io/instance": self.name}

    @property
    def labels(self) -> dict[str, str]:
        """What every object carries."""
        return {
            **self.selector,
            "app.kubernetes.io/version": self.version,
            "app.kubernetes.io/managed-by": MANAGER,
        }

    @property
    def token_secret(self) -> str:
        """The name of our own Secret for the administrator's token."""
        return f"{self.name}-token"

    @property
    def tls_secret(self) -> str:
        """The name of our own Secret for the certificate."""
        return f"{self.name}-tls"

    @property
    def claim(self) -> str:
        """The name of our own volume claim."""
        return f"{self.name}-data"

    def host_names(self, values: Values) -> tuple[str, ...]:
        """Return what a certificate of our own must be good for: the Service's names, a forwarded port, what was asked for."""
        service = f"{self.name}.{self.namespace}.svc"
        return (service, f"{service}.cluster.local", "localhost", *values.tls.names)

    def url(self, values: Values) -> str:
        """Return how pods reach the server."""
        return values.url.rstrip("/") or f"https://{self.name}.{self.namespace}.svc:{values.service.port}"

    def host(self, values: Values) -> str:
        """Return the name that the server's certificate is good for."""
        return urlsplit(self.url(values)).hostname or ""

    def object(
        self,
        api_version: str,
        kind: str,
        *,
        name: str = "",
        annotations: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Object:
        """Return an object of this installation; cluster-wide kinds have no namespace."""
        metadata: Object = {"name": name or self.name, "labels": self.labels}
        if not kind.startswith("Cluster"):
            metadata["namespace"] = self.namespace
        if annotations:
            metadata["annotations"] = dict(annotations)
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}

    def secret(
        self, name: str, type_: str, data: Mapping[str, str], *, annotations: Mapping[str, str] | None = None
    ) -> Object:
        """Return a Secret with texts."""
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        return self.object("v1", "Secret", name=name, annotations=annotations, type=type_, data=encoded)
