"""Messages that really go out, to an HTTP server and to a mail server."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest

from seaway.base.tasks import Backoff
from seaway.model.notification import Event, NotificationSpec
from seaway.model.run import RunSpec, TaskSpec
from seaway.platform.callers import Caller
from seaway.platform.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from seaway.platform.notifications.pace import Pace
from seaway.platform.notifications.settings import NotifySettings
from seaway.platform.server import run_server
from seaway.platform.server_settings import ServerSettings
from tests.waiting import until
from tools.receiver import Receiver, run_receiver

ADMIN, ADA, BOB = Caller("root", admin=True), Caller("ada"), Caller("bob")
QUICK = NotifySettings(
    pace=Pace(gather=0.05, burst=5, quiet=0.5, most=1000), backoff=Backoff(0.2, 1.0, 0.2), look=0.05
)


@pytest.fixture
def receiver():
    with run_receiver() as running:
        yield running


@pytest.fixture
def database_setting(request: pytest.FixtureRequest) -> str:
    """SQLite: what the two databases may do differently has a test of its own."""
    return ""


@pytest.fixture
def settings(settings: ServerSettings) -> ServerSettings:
    return replace(settings, notify=QUICK)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*command: str, name: str | None = None) -> RunSpec:
    return RunSpec(name=name, tasks=(TaskSpec(command=command),))


async def add(server, receiver: Receiver, **fields) -> None:
    await server.notifications.add(
        NotificationSpec(name=fields.pop("name", "web"), url=receiver.url, **fields), ADMIN
    )


async def got(receiver: Receiver, count: int) -> list[dict]:
    return await asyncio.to_thread(receiver.wait, count)


async def nothing_waits(server) -> None:
    """Wait until every message was sent."""
    await until(
        lambda: server.notifications.list(ADMIN), "no message that waits",
        check=lambda views: not any(view.pending for view in views),
    )  # fmt: skip


async def test_who_asked_is_told_once_of_each_end(server, receiver) -> None:
    await add(server, receiver)
    await server.runs.submit(run("say", "ValueError: wrong shape", "3", name="breaks"), user="ada")
    await server.runs.submit(run("exit", "0", name="works"), user="bob")
    for name in ("breaks", "works"):
        await server.runs.wait(name, timeout=60)
    found = {each["run"]: each for each in await got(receiver, 2)}
    await nothing_waits(server)
    assert len(receiver.got) == 2
    assert (found["breaks"]["title"], found["breaks"]["type"]) == ("Seaway: breaks failed", "failure")
    view = await server.runs.get("breaks")
    assert view.verdict.message.lower().rstrip(".") in found["breaks"]["message"].lower()
    assert "\nNext: seaway " in found["breaks"]["message"]
    assert found["breaks"]["key"] == found["breaks"]["header"] != found["works"]["key"]
    assert found["works"]["event"] == "succeeded"
    (shown,) = await server.notifications.list(ADMIN)
    assert (shown.problem, shown.pending, shown.last_sent is not None) == ("", 0, True)
    assert "planted" not in repr(shown)


async def test_users_are_told_of_their_own_runs_and_of_what_they_asked_for(server, receiver) -> None:
    await add(server, receiver, user="ada", events=(Event.FAILED,))
    for user, code in (("ada", "0"), ("bob", "1"), ("ada", "2")):
        view = await server.runs.submit(run("exit", code, name=f"{user}-{code}"), user=user)
        await server.runs.wait(view.name, timeout=60)
    assert [each["run"] for each in await got(receiver, 1)] == ["ada-2"]
    await nothing_waits(server)
    assert len(receiver.got) == 1


async def test_a_storm_is_one_message(server, receiver) -> None:
    await add(server, receiver)
    names = [f"storm-{number}" for number in range(40)]
    await asyncio.gather(*(server.runs.submit(run("exit", "1", name=name), user="ada") for name in names))
    for name in names:
        await server.runs.wait(name, timeout=60)
    await got(receiver, 1)
    await nothing_waits(server)
    told = sum(int(each["title"].split()[1]) if each["event"] == "many" else 1 for each in receiver.got)
    assert told == 40
    assert len(receiver.got) <= 8, [each["title"] for each in receiver.got]


async def test_a_receiver_that_is_away_gets_the_message_later_and_holds_nothing_up(server, receiver) -> None:
    await add(server, receiver)
    receiver.status = 503
    await server.runs.submit(run("exit", "1", name="breaks"), user="ada")
    await server.runs.wait("breaks", timeout=60)
    await asyncio.to_thread(receiver.wait_tried, 2)
    async with asyncio.timeout(60):
        while not (view := (await server.notifications.list(ADMIN))[0]).problem:
            await asyncio.sleep(0.02)
    assert "503" in view.problem
    assert view.pending == 1
    with pytest.raises(Unavailable, match="did not arrive"):
        await server.notifications.test("web", ADMIN)
    receiver.status = 200
    assert [each["run"] for each in await got(receiver, 1)] == ["breaks"]
    await nothing_waits(server)
    async with asyncio.timeout(60):
        while (await server.notifications.list(ADMIN))[0].problem:
            await asyncio.sleep(0.02)


async def test_what_was_not_sent_is_sent_by_the_next_process_and_not_twice(
    kubernetes, settings, receiver
) -> None:
    receiver.status = 503
    async with run_server(settings, kubernetes.client) as server:
        await add(server, receiver)
        await server.runs.submit(run("exit", "1", name="breaks"), user="ada")
        await server.runs.wait("breaks", timeout=60)
        await asyncio.to_thread(receiver.wait_tried, 1)
    receiver.status = 200
    for _ in range(2):
        async with run_server(settings, kubernetes.client) as server:
            assert [each["run"] for each in await got(receiver, 1)] == ["breaks"]
            await nothing_waits(server)
    assert len(receiver.got) == 1


async def test_waiting_for_long_is_told_once(kubernetes, settings, receiver) -> None:
    settings = replace(settings, notify=replace(QUICK, waits=0.2))
    async with run_server(settings, kubernetes.client) as server:
        await add(server, receiver, events=(Event.WAITING,))
        await server.runs.submit(run("unplaceable", name="waits"), user="ada")
        (told,) = await got(receiver, 1)
        await nothing_waits(server)
        assert told["title"] == "Seaway: waits waits"
        assert told["message"].startswith("It has not started for ")
        await server.runs.stop("waits")
        await server.runs.wait("waits", timeout=60)
    assert len(receiver.got) == 1


async def test_only_administrators_add_what_the_server_calls(server, receiver) -> None:
    spec = NotificationSpec(name="web", url=receiver.url, user="ada")
    with pytest.raises(Forbidden, match="only administrators"):
        await server.notifications.add(spec, ADA)
    await server.notifications.add(spec, ADMIN)
    assert [each.name for each in await server.notifications.list(ADA)] == ["web"]
    assert list(await server.notifications.list(BOB)) == []
    with pytest.raises(NotFound):
        await server.notifications.test("web", BOB)
    with pytest.raises(Conflict, match="already"):
        await server.notifications.add(spec, ADMIN)
    await server.notifications.test("web", ADA)
    assert (await got(receiver, 1))[0]["title"] == "Seaway: a test"
    await server.notifications.remove("web", ADA)
    assert list(await server.notifications.list(ADMIN)) == []


async def test_a_url_that_nothing_understands_is_refused(server) -> None:
    with pytest.raises(Invalid, match="understands"):
        await server.notifications.add(NotificationSpec(name="x", url="carrier://pigeon/secret"), ADMIN)


async def test_a_workspace_that_is_not_there_is_refused(server, receiver) -> None:
    with pytest.raises(NotFound, match="no workspace 'visoin'"):
        await add(server, receiver, workspace="visoin")
    assert list(await server.notifications.list(ADMIN)) == []


async def test_what_the_settings_file_names_is_there_and_goes_with_it(kubernetes, settings, receiver) -> None:
    told = replace(settings, notify=replace(QUICK, urls=(receiver.url,), events=(Event.FAILED,)))
    async with run_server(told, kubernetes.client) as server:
        (view,) = await server.notifications.list(ADMIN)
        assert (view.name, view.created_by, view.events) == ("settings-1", "settings.toml", (Event.FAILED,))
        with pytest.raises(Conflict, match="settings file"):
            await server.notifications.remove("settings-1", ADMIN)
        await server.runs.submit(run("exit", "1", name="breaks"), user="ada")
        assert [each["run"] for each in await got(receiver, 1)] == ["breaks"]
    async with run_server(settings, kubernetes.client) as server:
        assert list(await server.notifications.list(ADMIN)) == []


async def test_mail_goes_to_a_mail_server(server) -> None:
    from aiosmtpd.controller import Controller

    class Inbox:
        def __init__(self) -> None:
            self.came: asyncio.Queue = asyncio.Queue()
            self.loop = asyncio.get_running_loop()

        async def handle_DATA(self, _server, _session, envelope) -> str:
            self.loop.call_soon_threadsafe(self.came.put_nowait, envelope)
            return "250 OK"

    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        url = f"mailto://127.0.0.1:{controller.port}?from=seaway@example.com&to=ada@example.com&mode=insecure"
        await server.notifications.add(NotificationSpec(name="mail", url=url), ADMIN)
        await server.runs.submit(
            run("say", "ModuleNotFoundError: No module named 'torch'", "1", name="breaks"), user="ada"
        )
        await server.runs.wait("breaks", timeout=60)
        async with asyncio.timeout(60):
            envelope = await inbox.came.get()
    finally:
        controller.stop()
    text = envelope.content.decode()
    assert envelope.rcpt_tos == ["ada@example.com"]
    assert "Subject: Seaway: breaks failed" in text
    assert "Next: seaway" in text
