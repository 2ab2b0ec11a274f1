"""Acting as somebody else: `kubectl --as`.

Source: Kubernetes' "User impersonation".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from seaway.controlplane.apiserver.authorization import Authorizer, forbidden
from seaway.controlplane.apiserver.rbac import Action
from seaway.controlplane.apiserver.users import (
    AUTHENTICATED,
    SERVICE_ACCOUNT_PREFIX,
    User,
    authenticated,
    service_account_user,
)
from seaway.objects.errors import BadRequest

_EXTRA = "impersonate-extra-"
_AUTHENTICATION = "authentication.k8s.io"


def impersonate(user: User, headers: Mapping[str, str], authorizer: Authorizer) -> User:
    """Return whom a request acts as: the caller, or whom the headers name and the caller may act as.

    Raises:
        BadRequest: groups or extras without a user.
        Forbidden: the caller may not.
    """
    name = headers.get("impersonate-user", "")
    groups = tuple(
        group.strip() for group in headers.get("impersonate-group", "").split(",") if group.strip()
    )
    extra = {
        unquote(key[len(_EXTRA) :]): tuple(value.split(","))
        for key, value in headers.items()
        if key.startswith(_EXTRA)
    }
    uid = headers.get("impersonate-uid", "")
    if not name:
        if groups or extra or uid:
            raise BadRequest(f"requested {_shown(uid, groups, extra)} without impersonating a user name")
        return user
    for action in _needed(name, groups, uid, extra):
        if not authorizer.allowed(user, action):
            raise forbidden(user, action)
    if name.startswith(SERVICE_ACCOUNT_PREFIX) and name.count(":") == 3 and not groups:
        _, _, namespace, account = name.split(":")
        return service_account_user(namespace, account, uid, extra)
    acting = authenticated(name, groups) if name != "system:anonymous" else User(name, groups)
    return User(acting.name, acting.groups, uid, extra) if uid or extra else acting


def _shown(uid: str, groups: Iterable[str], extra: Mapping[str, tuple[str, ...]]) -> str:
    """Return what was asked for as Kubernetes prints it."""

    def listed(values: Iterable[str]) -> str:
        inside = ", ".join(map(json.dumps, values))
        return f"[]string{{{inside}}}" if inside else "[]string(nil)"

    pairs = ", ".join(f"{json.dumps(key)}:{listed(values)}" for key, values in extra.items())
    more = f"map[string][]string{{{pairs}}}" if pairs else "map[string][]string(nil)"
    return f'&user.DefaultInfo{{Name:"", UID:{json.dumps(uid)}, Groups:{listed(groups)}, Extra:{more}}}'


def _needed(
    name: str, groups: Iterable[str], uid: str, extra: Mapping[str, tuple[str, ...]]
) -> Iterable[Action]:
    if name.startswith(SERVICE_ACCOUNT_PREFIX) and name.count(":") == 3:
        _, _, namespace, account = name.split(":")
        yield Action("impersonate", resource="serviceaccounts", name=account, namespace=namespace)
    else:
        yield Action("impersonate", resource="users", name=name)
    for group in groups:
        if group != AUTHENTICATED:
            yield Action("impersonate", resource="groups", name=group)
    if uid:
        yield Action("impersonate", _AUTHENTICATION, "uids", name=uid)
    for key, values in extra.items():
        for value in values:
            yield Action("impersonate", _AUTHENTICATION, "userextras", key, value)
