"""When messages go, and what they say."""

from __future__ import annotations

import pytest

from seaway.model.notification import Event
from seaway.platform.database.records import NoticeRecord
from seaway.platform.notifications.courier import shortened
from seaway.platform.notifications.pace import Later, Now, Pace, decide
from seaway.platform.notifications.texts import safe_step, shown, single, together

PACE = Pace(gather=2.0, burst=3, quiet=10.0, longest=60.0, most=4, window=600.0)


def notice(created: float, *, tries: int = 0, due: float = 0.0, event: Event = Event.FAILED, number: int = 0):
    return NoticeRecord(
        "mail", f"k{created}-{number}", event, "uid", f"run-{number} failed", "it broke", created, tries, due
    )


@pytest.mark.parametrize(
    ("pending", "sent", "now", "expected"),
    [
        pytest.param([], [], 100, None, id="nothing"),
        pytest.param([100], [], 100, Later(102), id="waits a moment for others"),
        pytest.param([100], [], 102, Now(together=False), id="alone"),
        pytest.param([100, 100, 101], [], 102, Now(together=False), id="a few go one by one"),
        pytest.param([100] * 4, [], 102, Later(110), id="a storm is waited for"),
        pytest.param([100] * 4, [], 110, Now(together=True), id="a storm that is over"),
        pytest.param([100, 100, 100, 109], [], 110, Later(119), id="a storm that goes on"),
        pytest.param([100, 100, 100, 159], [], 160, Now(together=True), id="a storm that does not end"),
        pytest.param([1000], [500, 900, 910, 920], 1002, Later(1100), id="told enough of late: later, together"),
        pytest.param([1000], [500, 900, 910, 920], 1101, Now(together=False), id="told enough, now there is room"),
        pytest.param([1000], [100, 900, 910, 920], 1002, Now(together=False), id="what was long ago does not count"),
    ],
)  # fmt: skip
def test_when_messages_go(pending, sent, now, expected) -> None:
    notices = [notice(created, number=number) for number, created in enumerate(pending)]
    assert decide(notices, sent, now, PACE) == expected


def test_what_did_not_arrive_holds_the_others_up_until_it_is_due() -> None:
    pending = [notice(100, tries=1, due=130.0), notice(120)]
    assert decide(pending, [], 125, PACE) == Later(130.0)
    assert decide(pending, [], 130, PACE) == Now(together=False)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("jsons://user:hunter2@hooks.example.com:8080/T0/secret?x=y", "jsons://hooks.example.com/…"),
        ("mailtos://me:hunter2@mail.example.com", "mailtos://mail.example.com/…"),
        ("slack://tokenA/tokenB/tokenC", "slack://…"),
        ("json://[::1", "json://…"),
    ],
)
def test_no_secret_of_a_url_is_shown(url, expected) -> None:
    assert shown(url) == expected


def test_a_reason_names_no_part_of_the_url() -> None:
    url = "jsons://me:hunter2@hooks.example.com/services/T0KEN"
    reason = "A Connection error occurred sending JSON notification to hooks.example.com/T0KEN (hunter2) https://x/y."
    told = shortened(reason, url)
    assert not {"hunter2", "T0KEN", "hooks.example.com"} & set(
        told.replace("(", " ").replace("/", " ").split()
    )
    assert "Connection error" in told
    assert shortened("", url) == "the receiver did not take it"


def test_a_message_has_the_cause_and_the_next_step() -> None:
    assert single(notice(1), "seaway logs a") == "It broke.\nNext: seaway logs a"


def test_a_next_step_repeats_no_command_line() -> None:
    assert safe_step("ask for less: seaway run --cpu 2 train.py --token s3cret", "a") == "seaway why a"
    assert safe_step("seaway logs a", "a") == "seaway logs a"


def test_many_messages_are_one_with_counts() -> None:
    many = [notice(1, number=n) for n in range(998)] + [
        notice(2, event=Event.LOST, number=n) for n in range(2)
    ]
    title, text = together(many)
    assert title == "1000 messages: 998 failed, 2 lost and tried again"
    assert "... and 990 more" in text
    assert len(text) < 2000
