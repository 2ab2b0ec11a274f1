"""What is counted, as Prometheus reads it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from seaway.base.measures import Counter, Gauge, Histogram, text


def test_what_is_counted_is_read_back() -> None:
    requests = Counter("requests", "Requests.", ("code",))
    for code in ("200", "200", "404"):
        requests.add(code)
    depth = Gauge("depth", "Depth.")
    depth.put(value=7)
    took = Histogram("took_seconds", "Time.", ("verb",), bounds=(0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 3.0):
        took.observe("get", value=value)
    read = {
        (sample.name, *sorted(sample.labels.values(), reverse=True)): sample.value
        for family in text_string_to_metric_families(text([requests, depth, took]))
        for sample in family.samples
    }
    assert read == {
        ("requests_total", "200"): 2, ("requests_total", "404"): 1, ("depth",): 7,
        ("took_seconds_bucket", "get", "0.1"): 2, ("took_seconds_bucket", "get", "1.0"): 3,
        ("took_seconds_bucket", "get", "+Inf"): 4, ("took_seconds_count", "get"): 4, ("took_seconds_sum", "get"): 3.65,
    }  # fmt: skip
