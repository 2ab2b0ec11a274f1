"""Errors of the client's own: no answer came, or the kubeconfig cannot be used.

An answer of 400 and above is a `seaway.objects.errors.ApiError`.
"""

from __future__ import annotations


class ClientError(Exception):
    """The client could not do its part; the message says what to do."""


class Unreachable(ClientError):
    """No answer came: refused, timed out, broken off, or not trusted. Whether the request took effect is unknown."""


class NotSent(Unreachable):
    """Nothing was sent: nobody took the connection, or there are no credentials now. The request took no effect."""


class ConfigError(ClientError):
    """The kubeconfig is missing, unreadable, incomplete or uses what is not supported."""
