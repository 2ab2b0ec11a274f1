"""What is counted of requests to the REST API: by method, route and status, never by what a path names."""

from __future__ import annotations

from typing import Any

from starlette.types import Scope

from seaway.base.measures import Counter, Gauge, Histogram, Measure

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMeasures:
    """Counts since the server started."""

    def __init__(self) -> None:
        self._requests = Counter(
            "seaway_http_requests",
            "Requests to the REST API that were answered.",
            ("method", "route", "code"),
        )
        self._durations = Histogram(
            "seaway_http_request_duration_seconds", "Time until the answer began.", ("method", "route")
        )
        self._open = Gauge(
            "seaway_http_open_answers", "Answers that are being sent now: logs that are followed, downloads.", ("route",)
        )  # fmt: skip

    def began(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer that begins."""
        method, route = _labels(scope)
        self._requests.add(method, route, str(status))
        self._durations.observe(method, route, value=seconds)
        self._open.add(route)

    def ended(self, scope: Scope) -> None:
        """Take note that an answer has been sent, or given up."""
        self._open.add(_labels(scope)[1], amount=-1)

    def measures(self) -> list[Measure]:
        """Return all of it."""
        return [self._requests, self._durations, self._open]


def _labels(scope: Scope) -> tuple[str, str]:
    """Return method and route: the route as it is declared, "" where the path leads nowhere."""
    route: Any = scope.get("route")
    return scope["method"] if scope["method"] in _METHODS else "other", getattr(route, "path", "")
