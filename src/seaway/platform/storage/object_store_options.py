"""How an S3-compatible object store is reached: typed, checked, and never shown with its secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seaway.platform.errors import Invalid

PART = 8 << 20
"""Bytes of one part of an upload in parts, where it need not be larger for so many of them to suffice."""
UPLOADS_AT_ONCE = 2
"""Parts of one file that are on their way together; with PART this bounds the memory of an upload."""


@dataclass(frozen=True, slots=True)
class ObjectStoreOptions:
    """What is told beside the URL. The secrets stay in the server: pods never get them, nothing prints them."""

    endpoint_url: str = ""
    """Where it answers, "https://host:port"; "" for Amazon's own."""
    access_key: str = field(default="", repr=False)
    """"" for what the server's own machine or service account has a right to (Amazon's usual order of sources)."""
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    """For temporary keys only."""
    region: str = ""
    """"" for "us-east-1" where an endpoint is named, else for what the machine is configured with."""
    path_style: bool | None = None
    """Whether the bucket stands in the path (https://host/bucket) and not in the host's name; None: where an endpoint is named."""
    ca_file: str = ""
    """PEM file of the authority that signed the endpoint's certificate; "" for the system's own."""
    checksums: bool = True
    """Whether uploads carry a CRC beside their signature; servers from before 2025 may refuse that."""
    connect_seconds: float = 5.0
    """How long one attempt waits for a connection."""
    read_seconds: float = 30.0
    """How long one attempt waits for the next bytes."""
    request_seconds: float = 120.0
    """How long one attempt may take as a whole; at most 16 MiB are sent or fetched in it."""
    attempts: int = 4
    """How often a request is tried that failed in passing (a lost connection, 429, 5xx), with growing pauses."""

    def arguments(self) -> dict[str, Any]:
        """Return the same as arguments of `s3fs.S3FileSystem`."""
        path_style = bool(self.endpoint_url) if self.path_style is None else self.path_style
        config: dict[str, Any] = {
            "connect_timeout": self.connect_seconds,
            "read_timeout": self.read_seconds,
            "retries": {"mode": "standard", "total_max_attempts": self.attempts},
            "s3": {"addressing_style": "path" if path_style else "auto"},
            "max_pool_connections": 32,
            "request_checksum_calculation": "when_supported" if self.checksums else "when_required",
            "response_checksum_validation": "when_required",  # the digest is stronger, and always checked
        }
        client: dict[str, Any] = {}
        if self.region or self.endpoint_url:
            client["region_name"] = self.region or "us-east-1"
        if self.ca_file:
            client["verify"] = self.ca_file
        told = {
            "key": self.access_key,
            "secret": self.secret_key,
            "token": self.session_token,
            "endpoint_url": self.endpoint_url,
        }
        return {
            **{name: value for name, value in told.items() if value},
            "client_kwargs": client,
            "config_kwargs": config,
            "max_concurrency": UPLOADS_AT_ONCE,
        }


def object_store_options(told: Mapping[str, Any]) -> ObjectStoreOptions:
    """Return the options that a mapping says; texts are converted, empty ones mean the default.

    Raises:
        Invalid: an option is unknown, has a wrong value, or misses the one that it needs.
    """
    known = {item.name: item.default for item in fields(ObjectStoreOptions)}
    values: dict[str, Any] = {}
    for name, value in told.items():
        if name not in known:
            raise Invalid(
                f"there is no option {name[:80]!r} of the artifact store",
                field=f"artifact_options.{name[:80]}",
                remedy=f"Known are {', '.join(sorted(known))}.",
            )
        if value not in ("", None):
            values[name] = _converted(name, value, known[name])
    options = ObjectStoreOptions(**values)
    _check(options)
    return options


def _converted(name: str, value: Any, default: Any) -> Any:
    kind: Callable[[Any], Any] = str
    if name == "path_style" or isinstance(default, bool):
        kind = _flag
    elif isinstance(default, int | float):
        kind = type(default)
    try:
        return kind(value)
    except (ValueError, TypeError, KeyError):
        what = {_flag: "true or false", int: "a whole number", float: "a number of seconds"}[kind]
        raise _wrong(name, f"must be {what}", f"Say {name} as {what}.") from None


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}[str(value).strip().lower()]


def _check(options: ObjectStoreOptions) -> None:
    if bool(options.access_key) != bool(options.secret_key):
        missing = "secret_key" if options.access_key else "access_key"
        raise _wrong(missing, "is missing", "Give both the access key and the secret key, or neither.")
    if options.session_token and not options.access_key:
        raise _wrong("session_token", "needs the keys that it belongs to", "Give access_key and secret_key.")
    if options.endpoint_url:
        parts = urlsplit(options.endpoint_url)
        plain = not (parts.username or parts.password or parts.query or parts.fragment)
        if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
            raise _wrong("endpoint_url", "is no plain URL", 'Write it as "https://host:port".')
    if options.ca_file and not Path(options.ca_file).is_file():
        raise _wrong("ca_file", f"is no file: {options.ca_file}", "Name a PEM file that the server can read.")
    limits = (options.connect_seconds, options.read_seconds, options.request_seconds, options.attempts)
    if not all(limit > 0 for limit in limits):
        raise _wrong("attempts", "and the seconds must be above zero", "Leave them out for the defaults.")


def _wrong(name: str, why: str, remedy: str) -> Invalid:
    return Invalid(
        f"the option {name} of the artifact store {why}", field=f"artifact_options.{name}", remedy=remedy
    )
