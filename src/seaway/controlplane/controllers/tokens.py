"""Secrets of the type kubernetes.io/service-account-token hold a token that does not expire, and go with their account.

Source: kube-controller-manager's tokens controller; Kubernetes' "Service account token Secrets".
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.settings import SignToken
from seaway.objects.builtin import SECRETS, SERVICE_ACCOUNTS
from seaway.objects.errors import Conflict, NotFound
from seaway.objects.meta import deletion_timestamp, name, namespace, uid
from seaway.objects.meta import key as object_key
from seaway.reconcile.controller import DONE, Controller, Outcome, RequeueAfter
from seaway.reconcile.sources import Source

Object = dict[str, Any]
TYPE = "kubernetes.io/service-account-token"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
_CLAIM = "kubernetes.io/serviceaccount"
ISSUER = "kubernetes/serviceaccount"


def claims_of(account: Object, secret: Object) -> dict[str, str]:
    """Return what a kept token says."""
    place = namespace(account)
    return {
        "iss": ISSUER, "sub": f"system:serviceaccount:{place}:{name(account)}", f"{_CLAIM}/namespace": place,
        f"{_CLAIM}/secret.name": name(secret), f"{_CLAIM}/service-account.name": name(account),
        f"{_CLAIM}/service-account.uid": uid(account),
    }  # fmt: skip


def build(context: Context) -> Controller:
    """Return the controller."""
    client, sign = context.client, context.settings.sign_token
    authority = context.settings.ca_certificate
    secrets = context.informers.informer(SECRETS)
    accounts = context.informers.informer(SERVICE_ACCOUNTS)

    def of_account(account: Object) -> Iterable[str]:
        return [
            object_key(secret)
            for secret in secrets.list()
            if _is_token(secret)
            and namespace(secret) == namespace(account)
            and _account(secret) == name(account)
        ]

    def of_secret(secret: Object) -> Iterable[str]:
        return (object_key(secret),) if _is_token(secret) else ()

    async def reconcile(key: str) -> Outcome:
        secret = secrets.get(key)
        if sign is None or secret is None or not _is_token(secret) or deletion_timestamp(secret):
            return DONE
        try:
            account = await client.get(SERVICE_ACCOUNTS, _account(secret), namespace(secret))
        except NotFound:
            account = None
        wanted = (secret["metadata"].get("annotations") or {}).get(UID)
        try:
            if account is None or wanted not in (None, uid(account)):
                await client.delete(SECRETS, name(secret), namespace(secret), uid=uid(secret))
            elif (filled := _filled(secret, account, sign, authority)) is not None:
                await client.replace(SECRETS, filled)
        except NotFound:
            return DONE
        except Conflict:
            return RequeueAfter(1.0)
        return DONE

    sources = (Source(secrets, of_secret), Source(accounts, of_account))
    return Controller("tokens", sources, reconcile, clock=context.clock)


def _filled(secret: Object, account: Object, sign: SignToken, authority: str) -> Object | None:
    """Return a Secret with what it lacks, None where it lacks nothing."""
    data = dict(secret.get("data") or {})
    texts = {"ca.crt": authority, "namespace": namespace(secret)}
    missing = {field: text for field, text in texts.items() if text and data.get(field) != _encoded(text)}
    if not data.get("token"):
        missing["token"] = sign(claims_of(account, secret))
    annotations = secret["metadata"].get("annotations") or {}
    if not missing and annotations.get(UID) == uid(account):
        return None
    data |= {field: _encoded(text) for field, text in missing.items()}
    metadata = {**secret["metadata"], "annotations": {**annotations, UID: uid(account)}}
    return {**secret, "metadata": metadata, "data": data}


def _is_token(secret: Object) -> bool:
    return secret.get("type") == TYPE


def _account(secret: Object) -> str:
    return str((secret["metadata"].get("annotations") or {}).get(NAME) or "")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
