"""What a caller shows of itself: read again where it is renewed, asked for again where it expired or was refused."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.base.clock import Clock, parse_rfc3339
from seaway.base.subprocesses import end
from seaway.client.connection import Connection, ExecPlugin
from seaway.client.errors import NotSent

_PLUGIN_SECONDS = 60.0
"""A plugin that takes longer is ended."""
_EARLY_SECONDS = 10.0
"""Credentials are renewed so long before they expire, or a tenth of their life, if that is less."""
_LONGEST_QUOTE = 300


@dataclass(frozen=True, slots=True)
class Identity:
    """What is shown to the server, and whom it is shown to."""

    token: str | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    """PEM, with `key`."""
    key: bytes | None = field(default=None, repr=False)
    ca: bytes | None = None
    """PEM of the authorities trusted; None for the system's."""


class Credentials:
    """The identity of one connection, current whenever it is asked for."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._files: dict[Path, tuple[float, bytes]] = {}
        self._printed: Identity | None = None
        self._renew_at: float | None = None
        self._asking = asyncio.Lock()

    async def current(self) -> Identity:
        """Return what to show now.

        Raises:
            NotSent: a file cannot be read or the plugin fails now; the message says what to do.
        """
        connection = self._connection
        token, certificate, key = connection.token, connection.client_certificate, connection.client_key
        if connection.token_file is not None:
            token = self._read(connection.token_file, "the token").decode(errors="replace").strip()
        if connection.plugin is not None:
            printed = await self._ask(connection.plugin)
            token, certificate, key = printed.token or token, printed.certificate or certificate, printed.key or key  # fmt: skip
        ca = connection.ca
        if connection.ca_file is not None:
            ca = self._read(connection.ca_file, "the cluster's certificate authority")
        return Identity(token, certificate, key, ca)

    def refused(self, shown: Identity) -> bool:
        """Take note that the server does not accept what was shown; return whether asking again may give something else."""
        if self._connection.plugin is not None:
            if self._printed is not None and self._printed.token in (None, shown.token):
                self._printed = None
            return True
        if self._connection.token_file is not None:
            self._files.pop(self._connection.token_file, None)
            return True
        return False

    def _read(self, path: Path, what: str) -> bytes:
        """Return a file's content, read again when the file changed: short and local, no thread is worth it."""
        try:
            changed = path.stat().st_mtime
            known = self._files.get(path)
            if known is None or known[0] != changed:
                known = self._files[path] = changed, path.read_bytes()
        except OSError as error:
            raise NotSent(f"{what} cannot be read from {path}: {error.strerror}") from error
        return known[1]

    async def _ask(self, plugin: ExecPlugin) -> Identity:
        async with self._asking:  # many requests, one run of the program
            expired = self._renew_at is not None and self._clock.now() >= self._renew_at
            if self._printed is None or expired:
                status = await _run(plugin)
                self._printed = _identity(plugin, status)
                self._renew_at = _renewal(status, self._clock.now())
            return self._printed


async def _run(plugin: ExecPlugin) -> dict[str, Any]:
    """Run a plugin; return the status of the ExecCredential that it prints."""
    told: dict[str, Any] = {"interactive": False}
    if plugin.cluster is not None:
        told["cluster"] = plugin.cluster
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": told}
    environment = {**plugin.environment, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    try:
        process = await asyncio.create_subprocess_exec(
            plugin.command, *plugin.arguments, env=environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        hint = f" ({plugin.install_hint})" if plugin.install_hint else ""
        raise NotSent(
            f"the credential plugin {plugin.command} cannot be started: {error.strerror}{hint}"
        ) from error
    try:
        async with asyncio.timeout(_PLUGIN_SECONDS):
            printed, complaint = await process.communicate()
    except TimeoutError:
        raise NotSent(
            f"the credential plugin {plugin.command} did not answer within {_PLUGIN_SECONDS:g} s: "
            "run it by hand to see what it waits for"
        ) from None
    finally:
        await end(process)
    if process.returncode:
        said = complaint.decode(errors="replace").strip()[:_LONGEST_QUOTE]
        raise NotSent(
            f"the credential plugin {plugin.command} failed (exit code {process.returncode}): {said}"
        )
    return _status(plugin, printed)


def _status(plugin: ExecPlugin, printed: bytes) -> dict[str, Any]:
    """Return the status in what a plugin printed. What it printed is never quoted: it is secret."""
    try:
        credential = json.loads(printed)
    except ValueError:
        credential = None
    if not isinstance(credential, dict) or credential.get("kind") != "ExecCredential":
        raise NotSent(f"the credential plugin {plugin.command} printed no ExecCredential")
    if credential.get("apiVersion") != plugin.api_version:
        raise NotSent(
            f"the credential plugin {plugin.command} printed {credential.get('apiVersion')!r}, "
            f"and the kubeconfig says {plugin.api_version!r}: correct the kubeconfig"
        )
    status = credential.get("status")
    if not isinstance(status, dict):
        raise NotSent(f"the credential plugin {plugin.command} printed an ExecCredential without a status")
    return status


def _identity(plugin: ExecPlugin, status: dict[str, Any]) -> Identity:
    certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
    if bool(certificate) != bool(key) or not (status.get("token") or certificate):
        raise NotSent(
            f"the credential plugin {plugin.command} must print a token, or a client certificate and its key"
        )
    return Identity(
        token=status.get("token"),
        certificate=certificate.encode() if certificate else None,
        key=key.encode() if key else None,
    )


def _renewal(status: dict[str, Any], now: float) -> float | None:
    """Return when credentials are to be renewed, None for those that do not say when they expire."""
    told = status.get("expirationTimestamp")
    if not told:
        return None
    try:
        expires = parse_rfc3339(told)
    except (ValueError, TypeError):
        return None
    return expires - min(_EARLY_SECONDS, max(0.0, expires - now) / 10)
