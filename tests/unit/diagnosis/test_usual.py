"""How long runs usually take: what counts, what it is called, and what follows for who waits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.model.run import Phase
from seaway.platform.database import runs
from seaway.platform.diagnosis import usual as module
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.usual import Past, Usual, about, past_run, script_of, takes, usual
from seaway.platform.diagnosis.waits import NO_ROOM
from seaway.platform.diagnosis.why import explain
from seaway.platform.expecting import usual_of

NOW = parse_rfc3339("2026-01-02T14:00:00Z")
MINUTE = 60.0
TRAIN = "python train.py --lr 0.1"


def past(*minutes: float, command: str = TRAIN) -> list[Past]:
    return [past_run(command, each * MINUTE) for each in minutes]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param([], None, id="nothing is known"),
        pytest.param(past(20, command="python other.py"), None, id="another program"),
        pytest.param(past(20), Usual(20 * MINUTE, 1, rfc3339(NOW + 10 * MINUTE)), id="one"),
        pytest.param(past(20, 30, 100), Usual(30 * MINUTE, 3, rfc3339(NOW + 20 * MINUTE)), id="the median of three"),
        pytest.param(past(20, 20, 20, 20, 20, 900, 900), Usual(20 * MINUTE, 5, rfc3339(NOW + 10 * MINUTE)), id="the newest five"),
        pytest.param(past(5), Usual(5 * MINUTE, 1, None), id="it has run for longer"),
        pytest.param([*past(60, command="python train.py --lr 9"), *past(20)], Usual(20 * MINUTE, 1, rfc3339(NOW + 10 * MINUTE)), id="the same command tells most"),
        pytest.param(past(40, command="python train.py --lr 9"), Usual(40 * MINUTE, 1, rfc3339(NOW + 30 * MINUTE)), id="else the same script"),
    ],
)  # fmt: skip
def test_what_a_run_usually_takes(before: list[Past], expected: Usual | None) -> None:
    assert usual(TRAIN, NOW - 10 * MINUTE, NOW, before) == expected


@pytest.mark.parametrize(
    ("command", "script"),
    [
        (TRAIN, "train.py"),
        ("bash ./jobs/all.sh", "./jobs/all.sh"),
        ("./solve --fast", "./solve"),
        ("python -c 'import a; a.run()'", ""),
        ("nvidia-smi", ""),
        ("python train.py --name 'cut in the mid…", "train.py"),
    ],
)
def test_the_script_of_a_command(command: str, script: str) -> None:
    assert script_of(command) == script


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "about 1 s"), (42, "about 42 s"), (1230, "about 20 min"), (5400, "about 1.5 h"), (7200, "about 2 h"), (4e5, "about 5 days")],
)  # fmt: skip
def test_an_estimate_is_no_more_exact_than_it_is(seconds: float, words: str) -> None:
    assert about(seconds) == words


def test_how_it_is_known_is_said() -> None:
    assert takes(Usual(1200, 5, None)) == "usually takes about 20 min (median of its last 5 runs)"
    assert takes(Usual(1200, 1, None)) == "took about 20 min the last time"


@pytest.mark.parametrize(
    ("usual", "said"),
    [
        pytest.param(None, "", id="nothing is known"),
        pytest.param(Usual(1200, 5, "2026-01-02T14:20:00Z"), "an estimate: first usually takes about 20 min (median of its last 5 runs), and would end at about 14:20 UTC", id="known"),
        pytest.param(Usual(1200, 1, None), "an estimate: first took about 20 min the last time, and has run for longer already", id="it takes longer"),
    ],
)  # fmt: skip
def test_who_waits_for_a_lock_hears_how_long_that_usually_takes(usual: Usual | None, said: str) -> None:
    waits = "waits for the lock 'data', which run 'first' has held since 2026-01-02T14:00:00Z"
    given = Facts(run="r", waiting=True, waits_for=waits, usual=None if usual is None else {"first": usual})
    assert explain(given).done == said


def test_who_waits_in_the_servers_line_hears_who_ends_first() -> None:
    known = {
        "late": Usual(60, 1, "2026-01-02T15:00:00Z"),
        "soon": Usual(60, 1, "2026-01-02T14:10:00Z"),
        "over": Usual(60, 1, None),
    }
    told = explain(Facts(run="r", waiting=True, waits_for=NO_ROOM, usual=known))
    assert told.done == "an estimate: soon took about 60 s the last time, and would end at about 14:10 UTC"
    for unknown in ({"over": known["over"]}, {}):
        assert explain(Facts(run="r", waiting=True, waits_for=NO_ROOM, usual=unknown)).done == ""


def test_an_earlier_command_line_is_read_once_however_many_runs_are_under_way(monkeypatch) -> None:
    """Those of 500 earlier runs for each of a thousand would hold the server up for seconds."""
    read: list[str] = []

    def counting(command: str) -> str:
        read.append(command)
        return script_of(command)

    monkeypatch.setattr(module, "script_of", counting)
    monkeypatch.setattr(
        runs, "succeeded_of", lambda *_: [("python other.py", 1.0), ("python train.py -v", 9.0)]
    )
    attempt = SimpleNamespace(phase=Phase.RUNNING, started=NOW)
    states = [
        SimpleNamespace(
            run=SimpleNamespace(user="ada", name=name, command=TRAIN), attempts={"main": attempt}, single=True
        )
        for name in ("a", "b", "c")
    ]
    assert {name: one.seconds for name, one in usual_of(None, states, NOW).items()} == dict.fromkeys(
        "abc", 9.0
    )
    assert [read.count(command) for command in ("python other.py", "python train.py -v")] == [1, 1]
