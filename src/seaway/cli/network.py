"""Which of the caller's variables the containers need too: how this machine reaches the network."""

from __future__ import annotations

from collections.abc import Mapping

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
_INDEXES = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_NO_INDEX",
    "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX", "UV_OFFLINE",
    "UV_INSECURE_HOST", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_HTTP_TIMEOUT",
)  # fmt: skip
NETWORK_VARIABLES = (*_PROXIES, *(name.lower() for name in _PROXIES), *_CERTIFICATES, *_INDEXES)


def network_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for proxies, certificates and package indexes that are set."""
    return {name: environ[name] for name in NETWORK_VARIABLES if environ.get(name)}
