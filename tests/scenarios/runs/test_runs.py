"""Runs on each cluster: real pods, real processes, real logs."""

from __future__ import annotations

import asyncio

import pytest

from seaway.model.resources import Resources
from seaway.model.run import Phase, RunSpec, RunView, SecretRef, TaskSpec
from seaway.model.verdict import VerdictClass
from seaway.objects.builtin import NAMESPACES, PODS
from seaway.platform.errors import NotFound
from tests.waiting import until

WAIT = 60.0


def python(source: str, name: str = "main", **fields) -> TaskSpec:
    return TaskSpec(name=name, command=("python", "-c", source), **fields)


async def run(platform, *tasks: TaskSpec, name: str = "run") -> RunView:
    await platform.server.runs.submit(RunSpec(name=name, tasks=tasks), user="ada")
    ended = await platform.server.runs.wait(name, timeout=WAIT)
    assert ended.phase.ended, ended
    return ended


async def log_of(platform, name: str = "run", **options) -> str:
    return b"".join([chunk async for chunk in await platform.server.runs.logs(name, **options)]).decode()


async def line_comes(platform, text: str, name: str = "run") -> None:
    """Return when a running program has printed a line."""
    async with asyncio.timeout(WAIT):
        seen = ""
        async for chunk in await platform.server.runs.logs(name, follow=True):
            seen += chunk.decode()
            if text in seen:
                return
    pytest.fail(f"the log ended without {text!r}: {seen}")


async def test_a_program_prints_writes_outputs_and_succeeds(platform) -> None:
    source = (
        "import os; print('hello'); open(os.environ['SEAWAY_OUTPUTS'] + '/model.txt', 'w').write('weights')"
    )
    ended = await run(platform, python(source))
    assert (ended.phase, ended.exit_code) == (Phase.SUCCEEDED, 0)
    log = await log_of(platform)
    assert log.index("[seaway] queued") < log.index("hello")
    (output,) = await platform.server.runs.outputs("run")
    _, chunks = await platform.server.runs.open_output("run", "main", output.path)
    assert (output.path, b"".join([chunk async for chunk in chunks])) == ("model.txt", b"weights")


async def test_an_exception_is_the_programs_own_failure_and_is_quoted(platform) -> None:
    ended = await run(platform, python("raise ValueError('the seventh row is empty')"))
    assert (ended.phase, ended.exit_code) == (Phase.FAILED, 1)
    why = await platform.server.runs.why("run")
    assert why.class_ is VerdictClass.USER
    assert "the seventh row is empty" in why.model_dump_json()


async def test_tasks_follow_their_graph(platform) -> None:
    ended = await run(
        platform,
        python("print('first')", "a"),
        python("import sys; sys.exit(4)", "b", after=("a",)),
        python("print('third')", "c", after=("a",)),
        python("print('never')", "d", after=("b", "c")),
    )
    assert {task.name: task.phase.value for task in ended.tasks} == {
        "a": "succeeded",
        "b": "failed",
        "c": "succeeded",
        "d": "skipped",
    }
    assert ended.exit_code == 4
    assert "c | third\n" in await log_of(platform)
    for task, cause in ((None, "NonZeroExit"), ("a", "Completed"), ("b", "NonZeroExit"), ("d", "Skipped")):
        assert (await platform.server.runs.why("run", task=task)).cause == cause, task
    with pytest.raises(NotFound, match="has no task 'e'"):
        await platform.server.runs.why("run", task="e")


async def test_a_retry_goes_on_from_the_checkpoint(platform) -> None:
    source = (
        "import os, sys, pathlib\n"
        "mark = pathlib.Path(os.environ['SEAWAY_CHECKPOINT']) / 'step'\n"
        "print('found', mark.read_text() if mark.exists() else 'nothing')\n"
        "sys.exit(0) if mark.exists() else (mark.write_text('7'), sys.exit(1))\n"
    )
    ended = await run(platform, python(source, retries=1))
    assert ended.phase is Phase.SUCCEEDED
    assert [attempt.exit_code for attempt in ended.tasks[0].attempts] == [1, 0]
    assert "found nothing" in await log_of(platform, attempt=1)
    assert "found 7" in await log_of(platform, attempt=2)


async def test_stop_lets_a_program_end_in_order(platform) -> None:
    source = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saving'), sys.exit(0)))\n"
        "print('ready')\n"
        "time.sleep(60)\n"
    )
    await platform.server.runs.submit(RunSpec(name="run", tasks=(python(source),)), user="ada")
    await line_comes(platform, "\nready")
    await platform.server.runs.stop("run")
    ended = await platform.server.runs.wait("run", timeout=WAIT)
    assert ended.phase is Phase.STOPPED
    assert "saving" in await log_of(platform)


async def test_a_timeout_ends_it_and_says_so(platform) -> None:
    ended = await run(platform, python("import time; print('on'); time.sleep(60)", timeout_seconds=1))
    assert (ended.phase, ended.verdict.class_) == (Phase.FAILED, VerdictClass.DEADLINE)


NEVER = [
    ("a secret that is not there", {"secrets": (SecretRef(name="nosuch"),)}, "nosuch"),
    ("an image that is not there", {"image": "nosuch:1"}, "nosuch:1"),
    ("more than any node has", {"resources": Resources(cpu="4000")}, "CPU"),
]


@pytest.mark.parametrize(("fields", "named"), [c[1:] for c in NEVER], ids=[c[0] for c in NEVER])
async def test_what_can_never_start_fails_fast_and_names_the_blocker(platform, fields, named) -> None:
    ended = await run(platform, python("print('never')", **fields))
    assert (ended.phase, ended.verdict.class_) == (Phase.FAILED, VerdictClass.CONFIGURATION)
    assert named in ended.message
    assert ended.exit_code is None


async def test_everything_is_readable_after_the_namespace_is_gone(platform) -> None:
    await run(platform, python("raise KeyError('colour')"))
    await platform.client.delete(NAMESPACES, platform.namespace)
    assert "KeyError" in await log_of(platform)
    assert (await platform.server.runs.get("run")).phase is Phase.FAILED
    assert "colour" in (await platform.server.runs.why("run")).model_dump_json()


async def test_pods_go_once_their_story_is_kept(platform) -> None:
    await run(platform, *(python("pass", f"t{n}") for n in range(5)))
    await until(  # the engine tidies up behind the verdict
        lambda: platform.client.list(PODS, platform.namespace), "no pod",
        check=lambda found: not found["items"], seconds=WAIT, pause=0.05,
    )  # fmt: skip


async def test_a_progress_bar_streams_before_its_line_ends(platform) -> None:
    source = "import sys, time\nprint('\\r10%', end='', flush=True)\ntime.sleep(60)\n"
    await platform.server.runs.submit(RunSpec(name="run", tasks=(python(source),)), user="ada")
    await line_comes(platform, "\r10%")
    await platform.server.runs.stop("run")
    assert (await platform.server.runs.wait("run", timeout=WAIT)).phase is Phase.STOPPED
