"""Who is it: the peer's certificate, a bearer token, or nobody.

Source: Kubernetes' "Authenticating".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from seaway.base.clock import Clock, parse_rfc3339
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.messages import ApiRequest
from seaway.controlplane.apiserver.tokens import ISSUER, TokenRefused, TokenSigner
from seaway.controlplane.apiserver.users import ANONYMOUS, User, service_account_user
from seaway.objects.builtin import NODES, PODS, SECRETS, SERVICE_ACCOUNTS
from seaway.objects.errors import Unauthorized

Object = dict[str, Any]
PUBLIC_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version"})
LEGACY_ISSUER = "kubernetes/serviceaccount"
"""Of tokens that do not expire; only Kubernetes' own controller makes them."""
_MOST_TOKENS = 4096
_POD_PREFIX, _NODE_PREFIX = "authentication.kubernetes.io/pod-", "authentication.kubernetes.io/node-"
_LEEWAY = 60.0
"""Seconds that a token outlives the end that was set for what it is bound to."""


def digest(token: str) -> str:
    """Return what is kept of a static token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Authenticator:
    """Finds the user of a request.

    Args:
        signer: of service-account tokens.
        static: users of static tokens, by the token's digest.
        lookup: reads service accounts and what tokens are bound to.
        clock: for expiry.
    """

    def __init__(
        self, signer: TokenSigner, static: Mapping[str, User], lookup: StoreLookup, clock: Clock
    ) -> None:
        self._signer = signer
        self._static = static
        self._lookup = lookup
        self._clock = clock
        self._verified: dict[str, Object] = {}

    def user(self, request: ApiRequest) -> User:
        """Return who sent a request. Raises Unauthorized; health and version need nobody."""
        if request.user is not None:
            return request.user
        header = request.headers.get("authorization", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            try:
                return self.token_user(token.strip())[0]
            except TokenRefused:
                raise Unauthorized("Unauthorized") from None
        if request.path in PUBLIC_PATHS or request.path.startswith(("/livez/", "/readyz/", "/healthz/")):
            return ANONYMOUS
        raise Unauthorized("Unauthorized")

    def token_user(self, token: str, audiences: tuple[str, ...] = ()) -> tuple[User, tuple[str, ...]]:
        """Return the user of a token, and its audiences among those asked for.

        Raises:
            TokenRefused: it is unknown, expired, for others, or bound to something that is gone.
        """
        hashed = digest(token)
        if hashed in self._static:
            return self._static[hashed], audiences or (ISSUER,)
        claims = self._verified.get(hashed)
        if claims is None:
            claims = self._signer.verify(token)
            if len(self._verified) >= _MOST_TOKENS:
                self._verified.clear()
            self._verified[hashed] = claims
        if claims.get("iss") == LEGACY_ISSUER:
            return self._check_kept(claims, token, audiences or (ISSUER,))
        return self._check(claims, audiences or (ISSUER,))

    def _check_kept(
        self, claims: Object, token: str, audiences: tuple[str, ...]
    ) -> tuple[User, tuple[str, ...]]:
        """Return the user of a token that a controller keeps in a Secret: good as long as both Secret and account are there."""
        namespace, name, uid, kept = (
            str(claims.get(f"kubernetes.io/serviceaccount/{field}") or "")
            for field in ("namespace", "service-account.name", "service-account.uid", "secret.name")
        )
        user = service_account_user(namespace, name, uid)
        if claims.get("sub") != user.name or ISSUER not in audiences:
            raise TokenRefused("the token is meant for another account or audience")
        secret = self._lookup.get(SECRETS, namespace, kept)
        if secret is None or secret["metadata"].get("deletionTimestamp"):
            raise TokenRefused("the Secret of the token is gone")
        data = str((secret.get("data") or {}).get("token") or "")
        if not hmac.compare_digest(data.encode(), base64.b64encode(token.encode())):
            raise TokenRefused("the Secret holds another token")
        self._require(SERVICE_ACCOUNTS, namespace, {"name": name, "uid": uid})
        return user, (ISSUER,)

    def _check(self, claims: Object, audiences: tuple[str, ...]) -> tuple[User, tuple[str, ...]]:
        now = self._clock.now()
        if claims.get("iss") != ISSUER or claims.get("exp", 0) <= now or claims.get("nbf", 0) > now + 60:
            raise TokenRefused("the token has expired or is not valid yet")
        accepted = tuple(audience for audience in audiences if audience in claims.get("aud", ()))
        if not accepted:
            raise TokenRefused("the token is meant for another audience")
        private = claims["kubernetes.io"]
        namespace, account = private["namespace"], private["serviceaccount"]
        self._require(SERVICE_ACCOUNTS, namespace, account)
        extra: dict[str, tuple[str, ...]] = {
            "authentication.kubernetes.io/credential-id": (f"JTI={claims['jti']}",)
        }
        if "pod" in private:
            self._require(PODS, namespace, private["pod"])
            extra |= {
                f"{_POD_PREFIX}name": (private["pod"]["name"],),
                f"{_POD_PREFIX}uid": (private["pod"]["uid"],),
            }
        if "secret" in private:
            self._require(SECRETS, namespace, private["secret"])
        if "node" in private:
            if "pod" not in private:  # of a pod's token it only says where the pod is
                self._require(NODES, "", private["node"])
            extra |= {
                f"{_NODE_PREFIX}{field}": (private["node"][field],)
                for field in ("name", "uid")
                if field in private["node"]
            }
        return service_account_user(namespace, account["name"], account["uid"], extra), accepted

    def _require(self, resource: Any, namespace: str, reference: Object) -> None:
        found = self._lookup.get(resource, namespace, reference["name"])
        if found is None or found["metadata"]["uid"] != reference["uid"]:
            raise TokenRefused("what the token is bound to is gone")
        due = found["metadata"].get("deletionTimestamp")
        if due and parse_rfc3339(due) + _LEEWAY < self._clock.now():
            raise TokenRefused("what the token is bound to should be gone")
