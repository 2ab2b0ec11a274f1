"""How a kubeconfig's user signs in beside a token or a certificate: a plugin, in the name of somebody else. Pure.

Source: "client-go credential plugins" and "User impersonation" of the Kubernetes documentation.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seaway.client.connection import ExecPlugin
from seaway.client.errors import ConfigError

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_EXTENSION = f"{_GROUP}/exec"
"""The cluster's extension that is meant for plugins."""


def plugin(
    user: Mapping[str, Any],
    name: str,
    base: Path,
    cluster: Mapping[str, Any],
    authority: bytes | None,
    environment: Mapping[str, str],
    where: str,
) -> ExecPlugin | None:
    """Return the user's credential plugin, None where there is none.

    Args:
        user: as the kubeconfig has it.
        name: the user's.
        base: the kubeconfig's folder, from which a relative path starts.
        cluster: the context's cluster, as the kubeconfig has it.
        authority: PEM of the cluster's authority.
        environment: variables that the plugin inherits.
        where: the kubeconfig, for messages.

    Raises:
        ConfigError: it is not complete, or wants to talk to a person.
    """
    told = user.get("exec")
    if not told:
        return None
    if not isinstance(told, dict) or not told.get("command"):
        raise ConfigError(f"{where}: the user {name!r} has an exec plugin without a command")
    version = told.get("apiVersion")
    if version not in _VERSIONS:
        raise ConfigError(
            f"{where}: the exec plugin of the user {name!r} speaks {version!r}; "
            f"{' and '.join(_VERSIONS)} are supported: update the plugin and the kubeconfig"
        )
    if told.get("interactiveMode") == "Always":
        raise ConfigError(
            f"{where}: the exec plugin of the user {name!r} asks a person, and there is none here: use a plugin "
            "that does not (interactiveMode Never), a token or a client certificate"
        )
    command = str(told["command"])
    given = {str(one.get("name")): str(one.get("value", "")) for one in told.get("env") or ()}
    return ExecPlugin(
        command=str(base / command) if os.sep in command else command,
        arguments=tuple(str(one) for one in told.get("args") or ()),
        environment={**environment, **given},
        api_version=version,
        install_hint=str(told.get("installHint") or "").strip(),
        cluster=_told_cluster(cluster, authority) if told.get("provideClusterInfo") else None,
    )


def _told_cluster(cluster: Mapping[str, Any], authority: bytes | None) -> dict[str, Any]:
    """Return a cluster as `ExecCredentialSpec` tells of it."""
    extensions = {one.get("name"): one.get("extension") for one in cluster.get("extensions") or ()}
    told = {
        "server": cluster.get("server"),
        "tls-server-name": cluster.get("tls-server-name"),
        "insecure-skip-tls-verify": cluster.get("insecure-skip-tls-verify"),
        "certificate-authority-data": base64.b64encode(authority).decode() if authority else None,
        "proxy-url": cluster.get("proxy-url"),
        "config": extensions.get(_EXTENSION),
    }
    return {key: value for key, value in told.items() if value is not None}


def impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the headers that ask the server to take the caller for somebody else, none where that is not wanted."""
    named = [("impersonate-user", user.get("as")), ("impersonate-uid", user.get("as-uid"))]
    headers = [(header, str(value)) for header, value in named if value]
    headers += [("impersonate-group", str(group)) for group in user.get("as-groups") or ()]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"impersonate-extra-{quote(str(key), safe='')}", str(value)) for value in values]
    return tuple(headers)


def refuse_unsupported(user: Mapping[str, Any], name: str, where: str) -> None:
    """Raise ConfigError where a user signs in by what is not supported, or has half of what is."""
    for unsupported, instead in (("auth-provider", "an auth provider"), ("username", "a password")):
        if user.get(unsupported):
            raise ConfigError(
                f"{where}: the user {name!r} signs in with {instead}, which is not supported: use a token "
                "(kubectl create token), a client certificate or an exec plugin"
            )
    if bool(user.get("client-certificate-data") or user.get("client-certificate")) != bool(
        user.get("client-key-data") or user.get("client-key")
    ):
        raise ConfigError(f"{where}: the user {name!r} needs both a client certificate and its key")
