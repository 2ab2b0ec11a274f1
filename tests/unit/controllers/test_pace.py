"""How fast a number of pods may change."""

from __future__ import annotations

import pytest

from seaway.controlplane.controllers.pace import History, Moment, Wish, pace

NOW = 10_000.0
PERCENT = {"type": "Percent", "value": 100, "periodSeconds": 15}
FOUR = {"type": "Pods", "value": 4, "periodSeconds": 15}
ONE = {"type": "Pods", "value": 1, "periodSeconds": 60}
DEFAULT_UP = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [FOUR, PERCENT]}
DEFAULT_DOWN = {"selectPolicy": "Max", "policies": [PERCENT]}


def behavior(up: dict | None = None, down: dict | None = None) -> dict:
    return {"scaleUp": DEFAULT_UP | (up or {}), "scaleDown": DEFAULT_DOWN | (down or {})}


def history(*recommended: tuple[float, int], up: tuple = (), down: tuple = ()) -> History:
    def moments(pairs: tuple) -> list[Moment]:
        return [Moment(NOW - ago, replicas) for ago, replicas in pairs]

    return History(NOW, moments(recommended), moments(up), moments(down))


@pytest.mark.parametrize(
    ("current", "desired", "rules", "past", "expected"),
    [
        pytest.param(3, 3, None, history(), (3, "ReadyForNewScale", False, "DesiredWithinRange"), id="stays"),
        pytest.param(3, 5, None, history(), (5, "ReadyForNewScale", False, "DesiredWithinRange"), id="up"),
        pytest.param(3, 9, None, history(), (6, "ReadyForNewScale", True, "ScaleUpLimit"), id="not more than twice as many"),
        pytest.param(1, 9, None, history(), (4, "ReadyForNewScale", True, "ScaleUpLimit"), id="or four"),
        pytest.param(8, 30, None, history(), (10, "ReadyForNewScale", True, "TooManyReplicas"), id="nor than the most"),
        pytest.param(3, 1, None, history(), (2, "ReadyForNewScale", True, "TooFewReplicas"), id="not less than the least"),
        pytest.param(8, 3, None, history((200, 6)), (6, "ScaleDownStabilized", False, "DesiredWithinRange"), id="down only to what was asked for lately"),
        pytest.param(8, 3, None, history((301, 6)), (3, "ReadyForNewScale", False, "DesiredWithinRange"), id="which is forgotten"),
        pytest.param(2, 9, behavior(), history(), (6, "ReadyForNewScale", True, "ScaleUpLimit"), id="four or twice as many, whichever is more"),
        pytest.param(2, 9, behavior(up={"selectPolicy": "Min"}), history(), (4, "ReadyForNewScale", True, "ScaleUpLimit"), id="whichever is less"),
        pytest.param(2, 9, behavior(up={"selectPolicy": "Disabled"}), history(), (2, "ReadyForNewScale", True, "ScaleUpLimit"), id="never"),
        pytest.param(4, 9, behavior(up={"policies": [ONE]}), history(up=((30, 1),)), (4, "ReadyForNewScale", True, "ScaleUpLimit"), id="one a minute: there was one"),
        pytest.param(4, 9, behavior(up={"policies": [ONE]}), history(up=((61, 1),)), (5, "ReadyForNewScale", True, "ScaleUpLimit"), id="one a minute: it is over"),
        pytest.param(3, 5, behavior(up={"policies": [PERCENT | {"value": 10}]}), history(), (4, "ReadyForNewScale", True, "ScaleUpLimit"), id="a percentage is rounded up"),
        pytest.param(2, 6, behavior(up={"stabilizationWindowSeconds": 60}), history((30, 3)), (3, "ScaleUpStabilized", False, "DesiredWithinRange"), id="up only to the least of late"),
        pytest.param(8, 2, behavior(down={"stabilizationWindowSeconds": 0}), history((1, 8)), (2, "ReadyForNewScale", False, "DesiredWithinRange"), id="down at once"),
        pytest.param(8, 2, behavior(), history((100, 7)), (7, "ScaleDownStabilized", False, "DesiredWithinRange"), id="five minutes where nothing is told"),
        pytest.param(8, 2, behavior(down={"stabilizationWindowSeconds": 0, "policies": [ONE]}), history(), (7, "ReadyForNewScale", True, "ScaleDownLimit"), id="down one a minute"),
        pytest.param(8, 2, behavior(down={"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"}), history(), (8, "ReadyForNewScale", True, "ScaleDownLimit"), id="never down"),
        pytest.param(8, 1, behavior(down={"stabilizationWindowSeconds": 0}), history(), (2, "ReadyForNewScale", True, "TooFewReplicas"), id="not less than the least either"),
    ],
)  # fmt: skip
def test_the_pace(current: int, desired: int, rules: dict | None, past: History, expected: tuple) -> None:
    paced = pace(Wish(current, desired, 2, 10), rules, past)
    assert (paced.replicas, paced.able.reason, paced.limited, paced.limit.reason) == expected
    assert past.recommended[-1] == (NOW, desired)


def test_what_is_old_is_forgotten() -> None:
    past = history((4000, 5), up=((4000, 1),), down=((3000, 1),))
    pace(Wish(2, 2, 1, 10), None, past)
    assert (len(past.recommended), past.up, len(past.down)) == (1, [], 1)
