"""What users and administrators may do about who is told of what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy.exc import IntegrityError

from seaway.base.clock import Clock
from seaway.model.notification import Event, NotificationSpec, NotificationView
from seaway.platform.callers import Caller
from seaway.platform.database import notices, notify_targets
from seaway.platform.database.database import Database
from seaway.platform.database.records import TargetRecord
from seaway.platform.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from seaway.platform.notifications.dispatch import Message, bring
from seaway.platform.notifications.recipients import Recipients
from seaway.platform.notifications.sender import Sender
from seaway.platform.notifications.settings import NotifySettings
from seaway.platform.notifications.texts import shown
from seaway.platform.workspaces.refusals import no_workspace

SETTINGS_FILE = "settings.toml"
"""Who made the targets that a settings file names."""


class Notifications:
    """Adds, lists, tries and removes targets."""

    def __init__(
        self,
        database: Database,
        recipients: Recipients,
        sender: Sender,
        clock: Clock,
        settings: NotifySettings,
        workspaces: Callable[[], Sequence[str]],
    ) -> None:
        self._database, self._recipients, self._sender = database, recipients, sender
        self._clock, self._settings, self._workspaces = clock, settings, workspaces

    async def load(self) -> None:
        """Take what the database and the settings name."""
        now = self._clock.now()
        told = [
            TargetRecord(f"settings-{number}", url, None, None, self._settings.events, now, SETTINGS_FILE)
            for number, url in enumerate(self._settings.urls, 1)
        ]
        await self._database.write(lambda c: notify_targets.put_all(c, told, SETTINGS_FILE))
        await self._reload()

    async def add(self, spec: NotificationSpec, caller: Caller) -> NotificationView:
        """Add a target.

        Raises:
            Forbidden: the caller is no administrator: the server itself calls what a URL names.
            Invalid: nothing can be sent to the URL.
            NotFound: there is no such workspace: nothing would ever be told of it.
            Conflict: the name is taken.
        """
        if not caller.admin:
            raise Forbidden(
                "only administrators add notifications: the server itself calls what their URLs name",
                remedy=f"Ask an administrator: seaway notify add NAME URL --user {caller.user}",
            )
        if spec.workspace is not None and spec.workspace not in self._workspaces():
            raise no_workspace(spec.workspace)
        looked = await bring(spec.url, (), self._settings.environment)
        if looked.problem:
            raise Invalid(
                looked.problem, field="url",
                remedy="Give a URL of https://appriseit.com/services/, such as jsons://HOST/PATH or mailtos://USER:PASSWORD@HOST",
            )  # fmt: skip
        record = TargetRecord(
            spec.name, spec.url, spec.user, spec.workspace, tuple(spec.events), self._clock.now(), caller.user
        )
        try:
            await self._database.write(lambda c: notify_targets.add(c, record))
        except IntegrityError:
            raise Conflict(
                f"there is a notification named {spec.name!r} already", field="name",
                remedy=f"Choose another name, or remove it first: seaway notify remove {spec.name}",
            ) from None  # fmt: skip
        await self._reload()
        return _view(record, 0)

    async def list(self, caller: Caller) -> Sequence[NotificationView]:
        """Return the targets: all of them to an administrator, to others their own."""
        found = await self._database.read(notify_targets.every)
        counts = await self._database.read(notices.count_pending)
        return [_view(target, counts.get(target.name, 0)) for target in found if _is_theirs(target, caller)]

    async def test(self, name: str, caller: Caller) -> None:
        """Send a message now. Raises NotFound; Unavailable where it did not arrive, with the reason."""
        target = await self._target(name, caller)
        now = self._clock.now()
        message = Message(
            f"test/{name}/{now:.3f}", "test", "", "Seaway: a test",
            f"Messages to {name!r} arrive. It is told of: {', '.join(target.events)}.",
        )  # fmt: skip
        result = await bring(target.url, [message], self._settings.environment)
        arrived = not result.problem
        await self._database.write(
            lambda c: notify_targets.report(c, name, sent=now if arrived else None, problem=result.problem)
        )
        if not arrived:
            raise Unavailable(
                f"the message to {name!r} did not arrive: {result.problem}",
                remedy=f"Mend the receiver; or: seaway notify remove {name}, then add it with another URL",
            )

    async def remove(self, name: str, caller: Caller) -> None:
        """Remove a target and what was to be sent to it. Raises NotFound; Conflict where the settings file names it."""
        target = await self._target(name, caller)
        if target.created_by == SETTINGS_FILE:
            raise Conflict(
                f"{name!r} comes from the settings file", field="name",
                remedy="Take it out of [notifications] urls in settings.toml, then: seaway down, seaway up",
            )  # fmt: skip
        await self._database.write(lambda c: notify_targets.remove(c, name))
        await self._reload()

    async def _target(self, name: str, caller: Caller) -> TargetRecord:
        for target in await self._database.read(notify_targets.every):
            if target.name == name and _is_theirs(target, caller):
                return target
        raise NotFound(f"there is no notification {name!r}", field="name", remedy="See `seaway notify list`.")

    async def _reload(self) -> None:
        self._recipients.use(await self._database.read(notify_targets.every))
        self._sender.wake()


def _is_theirs(target: TargetRecord, caller: Caller) -> bool:
    return caller.admin or target.user == caller.user


def _view(target: TargetRecord, pending: int) -> NotificationView:
    return NotificationView(
        name=target.name,
        shown=shown(target.url),
        user=target.user,
        workspace=target.workspace,
        events=tuple(Event(event) for event in target.events),
        created=datetime.fromtimestamp(target.created, UTC),
        created_by=target.created_by,
        last_sent=None if target.last_sent is None else datetime.fromtimestamp(target.last_sent, UTC),
        problem=target.problem,
        pending=pending,
    )
