"""How people are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seaway.base.tasks import Backoff
from seaway.model.notification import USUAL_EVENTS, Event
from seaway.platform.notifications.pace import Pace


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """How people are told; no address is needed for the alerts that `seaway status` shows."""

    urls: tuple[str, ...] = field(default=(), repr=False)
    """Whom the settings file names; others are in the database alone."""
    events: tuple[Event, ...] = USUAL_EVENTS
    """What those are told."""
    waits: float = 1800.0
    """Seconds after which a run that has not started is told of; 0 for never."""
    hung: float = 3600.0
    """Seconds without a line in its log and without use of the CPU after which a run seems to hang; 0 for never."""
    gpu: float = 1800.0
    """Seconds after which it is told that a run uses none of the GPUs that it asked for; 0 for never."""
    storage: float = 300.0
    """Seconds between two looks at the room that users' runs take."""
    certificates: float = 3600.0
    """Seconds between two looks at when certificates expire."""
    look: float = 15.0
    """Seconds between two looks at what waits."""
    pace: Pace = Pace()  # noqa: RUF009 - frozen, shared on purpose
    backoff: Backoff = Backoff(5.0, 3.0, 1800.0)  # noqa: RUF009 - frozen, shared on purpose
    """Between tries of what did not arrive."""
    keep_sent: float = 30 * 86400.0
    """Seconds that a message is remembered which was sent, so that it is not told again."""
    give_up: float = 3 * 86400.0
    """Seconds after which a message is given up that could not be sent."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where proxies and certificate authorities are named."""
