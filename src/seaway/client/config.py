"""Where a cluster is and who calls it: kubeconfig files and the account inside a pod.

Source: kubeconfig v1 (`clientcmd` API), "Organizing Cluster Access Using kubeconfig Files"; "Accessing the API from a Pod".
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seaway.client.config_users import impersonation, plugin, refuse_unsupported
from seaway.client.connection import Connection
from seaway.client.errors import ConfigError

SERVICE_ACCOUNT_DIRECTORY = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def kubeconfig_paths(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files that KUBECONFIG lists, or the default one."""
    listed = environment.get("KUBECONFIG", "")
    paths = tuple(Path(part).expanduser() for part in listed.split(os.pathsep) if part)
    return paths or (Path("~/.kube/config").expanduser(),)


def load_kubeconfig(
    path: Path | Sequence[Path], context: str | None = None, environment: Mapping[str, str] | None = None
) -> Connection:
    """Return the connection that a kubeconfig means.

    Args:
        path: one file, or several that are merged: the first to name something wins. Missing files of several are skipped.
        context: its name; None for the current context.
        environment: variables of this process; a credential plugin is started with them.

    Raises:
        ConfigError: no file, not YAML, a name that is not there, a file it refers to missing, or credentials that are
            not supported (auth providers, passwords, plugins that talk to a person); the message says what to do.
    """
    paths = (path,) if isinstance(path, Path) else tuple(path)
    config = _Merged(environment or {})
    for one in paths:
        if one.exists() or len(paths) == 1:
            config.add(one)
    if not config.contexts and not config.clusters:
        shown = ", ".join(str(p) for p in paths)
        raise ConfigError(
            f"no kubeconfig with a cluster was found ({shown}): name one with --kubeconfig or KUBECONFIG"
        )
    return config.connection(context)


def load_in_cluster(
    environment: Mapping[str, str], directory: Path = SERVICE_ACCOUNT_DIRECTORY
) -> Connection:
    """Return the connection of the pod that this process runs in.

    Raises:
        ConfigError: this is no pod, or its service account token is not mounted.
    """
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    token = directory / "token"
    if not host or not port or not token.exists():
        raise ConfigError(
            "not inside a pod with a service account: KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT and "
            f"{token} are needed; elsewhere give a kubeconfig"
        )
    namespace, authority = directory / "namespace", directory / "ca.crt"
    _read(authority, "the cluster's certificate authority")
    return Connection(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca_file=authority,
        token_file=token,
        namespace=namespace.read_text().strip() if namespace.exists() else "default",
    )


class _Merged:
    """Kubeconfig files put together; each entry remembers the folder that its relative paths start from."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.contexts: dict[str, dict[str, Any]] = {}
        self.clusters: dict[str, tuple[dict[str, Any], Path]] = {}
        self.users: dict[str, tuple[dict[str, Any], Path]] = {}
        self.current = ""
        self.files: list[Path] = []

    def add(self, path: Path) -> None:
        """Merge a file: what is there already stays."""
        content = _parse(path)
        self.files.append(path)
        self.current = self.current or content.get("current-context") or ""
        for entry in _entries(content, "contexts", path):
            self.contexts.setdefault(entry["name"], entry.get("context") or {})
        for entry in _entries(content, "clusters", path):
            self.clusters.setdefault(entry["name"], (entry.get("cluster") or {}, path.parent))
        for entry in _entries(content, "users", path):
            self.users.setdefault(entry["name"], (entry.get("user") or {}, path.parent))

    def connection(self, name: str | None) -> Connection:
        """Return the connection of a context."""
        wanted = name or self.current
        if not wanted:
            raise ConfigError(f"{self._where()}: no current-context; name one of {_names(self.contexts)}")
        if wanted not in self.contexts:
            raise ConfigError(f"{self._where()}: no context {wanted!r}; it has {_names(self.contexts)}")
        context = self.contexts[wanted]
        cluster, cluster_base = self._look_up(self.clusters, "cluster", context.get("cluster"), wanted)
        user_name = context.get("user") or ""
        user, user_base = self._look_up(self.users, "user", user_name, wanted) if user_name else ({}, Path())
        if not cluster.get("server"):
            raise ConfigError(f"{self._where()}: cluster {context.get('cluster')!r} has no server")
        token_file = user.get("tokenFile")
        refuse_unsupported(user, user_name, self._where())
        authority = _data(cluster, "certificate-authority", cluster_base)
        return Connection(
            server=cluster["server"].rstrip("/"),
            ca=authority,
            client_certificate=_data(user, "client-certificate", user_base),
            client_key=_data(user, "client-key", user_base),
            token=user.get("token") if not token_file else None,
            token_file=user_base / token_file if token_file else None,
            plugin=plugin(user, user_name, user_base, cluster, authority, self.environment, self._where()),
            impersonate=impersonation(user),
            namespace=context.get("namespace") or "default",
            verify=not cluster.get("insecure-skip-tls-verify", False),
            server_name=cluster.get("tls-server-name"),
            proxy=cluster.get("proxy-url"),
            user=user_name,
        )

    def _look_up(
        self, table: dict[str, tuple[dict[str, Any], Path]], what: str, name: str | None, context: str
    ) -> tuple[dict[str, Any], Path]:
        if name not in table:
            raise ConfigError(
                f"{self._where()}: context {context!r} names the {what} {name!r}; there is {_names(table)}"
            )
        return table[name]

    def _where(self) -> str:
        return ", ".join(str(path) for path in self.files)


def _parse(path: Path) -> dict[str, Any]:
    import yaml  # not needed where the transport is in-process

    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"the kubeconfig {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"the kubeconfig {path} is not valid YAML") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"the kubeconfig {path} must be a mapping with clusters, users and contexts")
    return content


def _entries(content: Mapping[str, Any], field_name: str, path: Path) -> list[dict[str, Any]]:
    entries = content.get(field_name) or []
    if not isinstance(entries, list) or not all(isinstance(e, dict) and e.get("name") for e in entries):
        raise ConfigError(f"the kubeconfig {path}: {field_name} must be a list of mappings, each with a name")
    return entries


def _data(entry: Mapping[str, Any], field_name: str, base: Path) -> bytes | None:
    """Return inline data (base64) or the content of the file named, None for neither; inline wins."""
    inline = entry.get(f"{field_name}-data")
    if inline:
        try:
            return base64.b64decode(inline, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ConfigError(f"the kubeconfig's {field_name}-data is not base64") from error
    file = entry.get(field_name)
    return _read(base / file, f"the kubeconfig's {field_name}") if file else None


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{what} cannot be read from {path}: {error.strerror}") from error


def _names(table: Mapping[str, Any]) -> str:
    return ", ".join(sorted(table)) or "none"
