"""Sets of completion indexes: as text, and what a success policy makes of them. Pure.

Source: batch/v1 Job, "Indexed Job" (KEP-2214) and "Job success policy" (KEP-3998).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any


def parse_indexes(text: str) -> set[int]:
    """Read "1,3-5" as {1, 3, 4, 5}."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def format_indexes(indexes: Iterable[int]) -> str:
    """Write {1, 3, 4, 6, 7, 8} as "1,3,4,6-8"."""
    parts: list[str] = []
    ordered = sorted(indexes)
    start = 0
    for position in range(1, len(ordered) + 1):
        if position == len(ordered) or ordered[position] != ordered[position - 1] + 1:
            first, last = ordered[start], ordered[position - 1]
            together = "," if last == first + 1 else "-"
            parts.append(str(first) if first == last else f"{first}{together}{last}")
            start = position
    return ",".join(parts)


def met_rule(rules: Sequence[dict[str, Any]], completions: int, succeeded: Collection[int]) -> int | None:
    """Return the position of the first rule of a success policy that is met, None for none.

    Args:
        rules: of the policy.
        completions: indexes beyond are not looked at.
        succeeded: indexes that have succeeded.
    """
    if not succeeded:
        return None
    for position, rule in enumerate(rules):
        count, text = rule.get("succeededCount"), rule.get("succeededIndexes")
        wanted = None
        if text is not None:
            wanted = {index for index in parse_indexes(text) if index < completions}
            if not wanted:
                continue
        reached = len(succeeded) if wanted is None else len(wanted.intersection(succeeded))
        if (wanted is not None and reached == len(wanted)) or (count is not None and reached >= count):
            return position
    return None
