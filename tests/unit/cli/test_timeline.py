"""What `seaway timeline` and `seaway logs --grep` understand and draw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from seaway.cli import grep, timeline
from seaway.cli.subjects import subject
from seaway.sdk.errors import SeawayError

KINDS = ("pod", "node", "pvc", "deployment", "statefulset")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("train-1", ("run", "train-1")),
        ("run/train-1", ("run", "train-1")),
        ("pod/p", ("pod", "p")),
        ("pods/p", ("pod", "p")),
        ("po/p", ("pod", "p")),
        ("no/n", ("node", "n")),
        ("Deployment/d", ("deployment", "d")),
        ("sts/s", ("statefulset", "s")),
        ("pvc/c", ("pvc", "c")),
    ],
)
def test_names_are_understood_as_kubectl_does(name: str, meant: tuple[str, str]) -> None:
    assert subject(name, KINDS, "has a timeline") == meant


@pytest.mark.parametrize("name", ["secret/s", "pod/", "/p", "configmaps/c"])
def test_what_has_no_timeline_is_refused(name: str) -> None:
    with pytest.raises(SeawayError, match="names nothing that has a timeline"):
        subject(name, KINDS, "has a timeline")


def test_what_is_explained_in_another_way_says_in_which() -> None:
    with pytest.raises(SeawayError) as refused:
        subject("deployment/web", ("pod",), "can be explained", "ask kubectl for deployment/web")
    assert (
        refused.value.remedy == "Give a run's name, or one of pod with /NAME; ask kubectl for deployment/web"
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10m", NOW - timedelta(minutes=10)),
        ("2h", NOW - timedelta(hours=2)),
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_since_is_a_span_or_a_time(text: str, meant: datetime) -> None:
    assert timeline.since_time(text, NOW) == meant


@pytest.mark.parametrize("text", ["yesterday", "2026-13-45", "-5m", ""])
def test_since_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(SeawayError) as refused:
        timeline.since_time(text, NOW)
    assert refused.value.remedy


def test_a_timeline_is_drawn_aligned_and_cannot_move_the_cursor() -> None:
    entries = [
        {"time": "2026-01-02T03:04:05.5Z", "object": "run/r", "message": "queued", "by": "seaway", "warning": False},
        {
            "time": "2026-01-03T00:00:00Z", "object": "pod/r-1", "message": "a\x1b[2Jb", "by": "kubelet",
            "fields": ["status.phase"], "warning": True,
        },
    ]  # fmt: skip
    assert list(timeline.lines(entries, with_fields=True)) == [
        "2026-01-02 (UTC)",
        "03:04:05.500  run/r    queued",
        "2026-01-03 (UTC)",
        "00:00:00.000  pod/r-1  a [2Jb  [kubelet]",
        "              status.phase",
    ]


def test_what_was_found_says_where_it_stands() -> None:
    def hit(**fields) -> dict:
        plain = {
            "time": "2026-01-02T03:04:05Z",
            "run": "r",
            "task": "main",
            "attempt": 1,
            "pod": "",
            "line": "x",
        }
        return plain | {"before": [], "after": []} | fields

    hits = [
        hit(),
        hit(attempt=2),
        hit(task="prepare"),
        hit(run="", pod="p", task="c", attempt=1),
        hit(after=["y"]),
    ]
    assert list(grep.lines(hits)) == [
        "r  2026-01-02T03:04:05Z  x",
        "r#2  2026-01-02T03:04:05Z  x",
        "r/prepare  2026-01-02T03:04:05Z  x",
        "pod/p/c#2  2026-01-02T03:04:05Z  x",
        "--",
        "r  2026-01-02T03:04:05Z  x",
        "r  y",
    ]


def test_the_server_is_named_where_it_is_not_what_speaks() -> None:
    plain = {
        "time": "2026-01-02T03:04:05Z",
        "object": "pod/p",
        "message": "asked to end",
        "by": "seaway",
        "warning": False,
    }
    told = list(timeline.lines([plain | {"source": "change"}, plain | {"source": "seaway"}]))
    assert [line.endswith("[seaway]") for line in told[1:]] == [True, False]
