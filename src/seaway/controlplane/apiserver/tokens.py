"""Service-account tokens: JSON Web Tokens signed with the cluster's own key (ES256).

Source: RFC 7519, RFC 7518 section 3.4, and KEP-1205 (bound service account tokens).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

Object = dict[str, Any]
ISSUER = "https://kubernetes.default.svc.cluster.local"
_HALF = 32


class TokenRefused(Exception):  # reads as what happened
    """A token that is not ours, broken or out of date. The message holds nothing of it."""


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True, slots=True)
class BoundTo:
    """The object whose life bounds a token's: a pod, a secret or a node."""

    kind: str
    name: str
    uid: str
    node: tuple[str, str] | None = None
    """Name and uid of the node that a pod is bound to; the uid is empty where there is no such node."""


class TokenSigner:
    """Signs and verifies claims with one EC P-256 key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        numbers = key.public_key().public_numbers()
        self._key_id = _encode(hashlib.sha256(f"{numbers.x}:{numbers.y}".encode()).digest())

    def sign(self, claims: Object) -> str:
        """Return a token of these claims."""
        header = {"alg": "ES256", "kid": self._key_id, "typ": "JWT"}
        signed = f"{_encode(orjson.dumps(header))}.{_encode(orjson.dumps(claims))}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encode(r.to_bytes(_HALF, 'big') + s.to_bytes(_HALF, 'big'))}"

    def verify(self, token: str) -> Object:
        """Return the claims of a token that this key signed. Raises TokenRefused; times are not checked here."""
        try:
            signed, _, signature = token.rpartition(".")
            header, _, payload = signed.partition(".")
            if orjson.loads(_decode(header)).get("alg") != "ES256":
                raise TokenRefused("the token is not signed with ES256")
            raw = _decode(signature)
            if len(raw) != 2 * _HALF:
                raise TokenRefused("the token's signature has the wrong length")
            pair = (int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
            self._key.public_key().verify(
                encode_dss_signature(*pair), signed.encode(), ec.ECDSA(hashes.SHA256())
            )
            claims: Object = orjson.loads(_decode(payload))
        except (ValueError, binascii.Error, InvalidSignature, AttributeError, UnicodeError):
            raise TokenRefused("the token is not one of this cluster's") from None
        if not isinstance(claims, dict):
            raise TokenRefused("the token has no claims")
        return claims


def service_account_claims(
    namespace: str, account: Object, audiences: Sequence[str], now: float, seconds: int, bound: BoundTo | None
) -> Object:
    """Return the claims of a service account's token.

    Args:
        namespace: of the account.
        account: the ServiceAccount.
        audiences: who shall accept it.
        now: seconds since the epoch.
        seconds: how long it is good.
        bound: the object that must live for the token to be good.
    """
    name = account["metadata"]["name"]
    private: Object = {
        "namespace": namespace,
        "serviceaccount": {"name": name, "uid": account["metadata"]["uid"]},
    }
    if bound is not None:
        private[bound.kind.lower()] = {"name": bound.name, "uid": bound.uid}
        if bound.node is not None:
            node, uid = bound.node
            private["node"] = {"name": node} | ({"uid": uid} if uid else {})
    return {
        "aud": list(audiences), "exp": int(now) + seconds, "iat": int(now), "nbf": int(now), "iss": ISSUER,
        "jti": str(uuid.uuid4()), "sub": f"system:serviceaccount:{namespace}:{name}", "kubernetes.io": private,
    }  # fmt: skip
