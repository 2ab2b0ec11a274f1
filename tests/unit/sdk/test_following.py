"""A followed log after a broken connection: each line once, none left out."""

from __future__ import annotations

from random import Random

from seaway.sdk.following import Position


def chunks(data: bytes, random: Random) -> list[bytes]:
    cuts = sorted(random.choices(range(len(data) + 1), k=5))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def mixed(lines: dict[bytes, list[bytes]], random: Random) -> bytes:
    """Mix the tasks' lines as they may happen to come."""
    order = [task for task, own in lines.items() for _ in own]
    random.shuffle(order)
    left = {task: iter(own) for task, own in lines.items()}
    return b"".join(task + b" | " + next(left[task]) + b"\n" for task in order)


def test_one_task_goes_on_at_the_byte() -> None:
    random, log = Random(1), b"a | b\rprogress\r 10 %\nlast without end"
    position = Position(labelled=False)
    shown = b""
    for length in (0, 7, 20, len(log)):
        rest = log[position.read_again() : max(6, length)]
        shown += b"".join(position.fresh(chunk) for chunk in chunks(rest, random))
    assert shown == log


def test_several_tasks_go_on_each_at_its_line_however_they_mix() -> None:
    lines = {task: [b"%d of %s | x" % (n, task) for n in range(20)] for task in (b"a", b"b", b"a-b")}
    for seed in range(50):
        random = Random(seed)
        position = Position(labelled=True)
        shown = b""
        for _ in range(4):  # broken off anywhere, even inside a line
            log = mixed(lines, random)
            position.read_again()
            shown += b"".join(map(position.fresh, chunks(log[: random.randrange(10, len(log))], random)))
        position.read_again()
        shown += b"".join(map(position.fresh, chunks(mixed(lines, random), random)))
        for task, own in lines.items():
            got = [line.partition(b" | ")[2] for line in shown.splitlines() if line.startswith(task + b" | ")]
            assert got == own, f"seed {seed}"
