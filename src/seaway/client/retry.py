"""Whether a call that failed is sent again at once by the transport, and when. Pure.

Only what cannot do a thing twice is repeated: what the server turned away unread, what never left, and reads. Whether
another write that got no answer took effect is for the caller to find out.

Source: Kubernetes' API Priority and Fairness ("rejected requests carry Retry-After"), RFC 9110 section 10.2.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.base.tasks import Backoff
from seaway.client.errors import NotSent, Unreachable
from seaway.client.request import Request
from seaway.objects.errors import ApiError, InternalError, ServiceUnavailable, Timeout, TooManyRequests


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How often and how long the transport itself tries. Times in seconds."""

    tries: int = 4
    """Sendings of one call at most."""
    patience: float = 60.0
    """No call is sent again so long after it was sent first."""
    longest_wait: float = 30.0
    """A server that asks for more patience than this is answered by the caller's own back-off."""
    backoff: Backoff = Backoff(0.1, 3.0, 2.0, jitter=0.5)  # noqa: RUF009 - frozen, shared on purpose
    """Between tries where the server does not say how long to wait."""


def retry_wait(
    request: Request,
    error: ApiError | Unreachable,
    tries: int,
    passed: float,
    chance: float,
    settings: RetrySettings,
) -> float | None:
    """Return the seconds after which a call is sent again, None where the caller gets the error.

    Args:
        request: what was sent.
        error: what came of it.
        tries: how often it was sent.
        passed: seconds since it was sent first.
        chance: a random number from 0 to 1, so that many callers do not come back together.
        settings: limits.
    """
    if tries >= settings.tries or passed >= settings.patience:
        return None
    if isinstance(error, ApiError):
        return _asked_wait(request, error, chance, settings)
    if isinstance(error, NotSent) or request.method == "GET":
        return settings.backoff.delay(tries, chance)
    return None


def _asked_wait(request: Request, error: ApiError, chance: float, settings: RetrySettings) -> float | None:
    """Return how long a server asks to wait that turned a call away, None where it did not."""
    if error.retry_after is None or error.retry_after > settings.longest_wait:
        return None
    if not isinstance(error, TooManyRequests | ServiceUnavailable | InternalError | Timeout):
        return None
    if request.path.endswith("/eviction"):  # there 429 is an answer: a disruption budget forbids it now
        return None
    return error.retry_after + settings.backoff.delay(1, chance)
