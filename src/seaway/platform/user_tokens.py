"""The tokens with which a team's users speak to a server: made by an administrator, shown once, good until they end.

The database keeps their SHA-256 alone. That is enough for a random secret of 256 bits (a slow hash protects what people
think of themselves), and each check reads the database, so that a revoked token opens nothing from the next request on.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.model.user_token import TokenScope, UserTokenSpec, UserTokenView
from seaway.platform.callers import Caller
from seaway.platform.database import user_tokens
from seaway.platform.database.database import Database
from seaway.platform.database.records import UserTokenRecord
from seaway.platform.errors import Conflict, NotFound, Unauthorized

PREFIX = "seaway"
"""Every token begins so: scanners for secrets find those that lie where they should not."""
_KEY_BYTES, _SECRET_BYTES = 6, 32
_TOKEN = re.compile(PREFIX + r"_([0-9a-f]{12})_[-_A-Za-z0-9]{43}")


class UserTokens:
    """Makes, checks, lists and revokes tokens."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def create(self, spec: UserTokenSpec, *, by: str) -> tuple[UserTokenView, str]:
        """Make a token; return it and its text, which is kept nowhere.

        Args:
            spec: whose it is, and for how long.
            by: who makes it.

        Raises:
            Conflict: there is a good token of that name.
        """
        now = self._clock.now()
        key = secrets.token_hex(_KEY_BYTES)
        token = f"{PREFIX}_{key}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        record = UserTokenRecord(
            key, _digest(token), spec.name, spec.user or spec.name, spec.admin, now, by,
            None if spec.lifetime_seconds is None else now + spec.lifetime_seconds, scope=spec.scope,
        )  # fmt: skip

        def insert(connection: Connection) -> None:
            if user_tokens.good_by_name(connection, spec.name, now) is not None:
                raise Conflict(
                    f"there is a token named {spec.name!r} already",
                    field="name",
                    remedy=f"Choose another name, or revoke it first: `seaway token revoke {spec.name}`.",
                )
            user_tokens.add(connection, record)

        await self._database.write(insert)
        return _view(record), token

    async def list(self) -> Sequence[UserTokenView]:
        """Return the good tokens, by name."""
        now = self._clock.now()
        return [_view(record) for record in await self._database.read(lambda c: user_tokens.good(c, now))]

    async def revoke(self, name: str) -> None:
        """End a token at once. Raises NotFound."""
        now = self._clock.now()
        if not await self._database.write(lambda connection: user_tokens.revoke(connection, name, now)):
            raise NotFound(f"there is no token {name!r}", field="name", remedy="See `seaway token list`.")

    async def verify(self, token: str) -> Caller | None:
        """Return whose token it is; None for one that this server did not make.

        Raises:
            Unauthorized: it was made here, and has ended.
        """
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        record = await self._database.read(lambda connection: user_tokens.by_key(connection, found[1]))
        return judge(record, token, self._clock.now())


def judge(record: UserTokenRecord | None, token: str, now: float) -> Caller | None:
    """Return whose token it is by what is known of its key; how long that takes says nothing about the secret.

    Raises:
        Unauthorized: it has ended.
    """
    if record is None or not hmac.compare_digest(record.digest.encode(), _digest(token).encode()):
        return None
    if record.revoked is not None:
        raise Unauthorized(
            f"the token {record.name!r} was revoked", remedy="Ask an administrator of the server for another."
        )
    if record.expires is not None and record.expires <= now:
        ended = datetime.fromtimestamp(record.expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
        raise Unauthorized(
            f"the token {record.name!r} expired at {ended}",
            remedy="Ask an administrator of the server for another.",
        )
    return Caller(record.user, record.admin, record.name, record.expires, TokenScope(record.scope))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _view(record: UserTokenRecord) -> UserTokenView:
    return UserTokenView(
        name=record.name,
        user=record.user,
        admin=record.admin,
        scope=TokenScope(record.scope),
        created=datetime.fromtimestamp(record.created, UTC),
        created_by=record.created_by,
        expires=None if record.expires is None else datetime.fromtimestamp(record.expires, UTC),
    )
