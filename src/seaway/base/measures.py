"""Counters and histograms that cost next to nothing while nobody looks, and their text for Prometheus.

What is counted is a dictionary; prometheus_client is read when somebody asks for the text.
Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

Labels = tuple[str, ...]
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds for what takes milliseconds to seconds."""
LONG_SECONDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0)
"""Upper bounds for what takes a moment to a day."""


class Counter:
    """Numbers that rise, or, as a gauge, that are; one for each combination of labels.

    Args:
        name: Prometheus' name of it; a counter's without "_total".
        meaning: one sentence.
        labels: names of the labels; their values must be few.
    """

    kind = "counter"

    def __init__(self, name: str, meaning: str, labels: Sequence[str] = ()) -> None:
        self.name, self.meaning, self.labels = name, meaning, tuple(labels)
        self.values: dict[Labels, float] = {}

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """Add to a number."""
        self.values[labels] = self.values.get(labels, 0.0) + amount


class Gauge(Counter):
    """Numbers that are as they are now."""

    kind = "gauge"

    def put(self, *labels: str, value: float) -> None:
        """Say what a number is."""
        self.values[labels] = value


class Histogram:
    """How often something took how long."""

    kind = "histogram"

    def __init__(
        self, name: str, meaning: str, labels: Sequence[str] = (), bounds: Sequence[float] = SECONDS
    ) -> None:
        self.name, self.meaning, self.labels, self.bounds = name, meaning, tuple(labels), tuple(bounds)
        self.counts: dict[Labels, list[int]] = {}
        self.sums: dict[Labels, float] = {}

    def observe(self, *labels: str, value: float) -> None:
        """Count one."""
        counts = self.counts.get(labels)
        if counts is None:
            counts = self.counts[labels] = [0] * (len(self.bounds) + 1)
            self.sums[labels] = 0.0
        counts[bisect_left(self.bounds, value)] += 1
        self.sums[labels] += value


Measure = Counter | Histogram


def text(measures: Iterable[Measure]) -> str:
    """Return measures as Prometheus reads them."""
    from prometheus_client import CollectorRegistry, generate_latest  # late: most servers are never asked
    from prometheus_client.registry import Collector

    class Measures(Collector):
        def collect(self) -> Iterable[Any]:
            return [_family(measure) for measure in measures]

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Measures())
    return generate_latest(registry).decode()


def _family(measure: Measure) -> Any:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    if isinstance(measure, Histogram):
        family = HistogramMetricFamily(measure.name, measure.meaning, labels=measure.labels)
        for labels, counts in list(measure.counts.items()):
            total, buckets = 0, []
            for bound, count in zip((*map(str, measure.bounds), "+Inf"), counts, strict=True):
                total += count
                buckets.append((bound, total))
            family.add_metric(labels, buckets, measure.sums[labels])
        return family
    make = GaugeMetricFamily if isinstance(measure, Gauge) else CounterMetricFamily
    made = make(measure.name, measure.meaning, labels=measure.labels)
    for labels, value in list(measure.values.items()):
        made.add_metric(labels, value)
    return made
