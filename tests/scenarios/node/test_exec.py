"""Commands beside a container's program: with namespaces and as plain processes."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from seaway.client.streams import ATTACH, EXEC, FORWARD, StreamRequest
from seaway.controlplane.node.streaming.command import Command, Failed
from seaway.objects.errors import BadRequest, NotFound
from tests.waiting import until


async def _start(node: Any, *argv: str, kind: str = EXEC, container: str = "main", **rest: Any) -> Command:
    asked = StreamRequest(kind, "d", "p", node.uids["p"], container, argv, **rest)
    started: Command = await node.agent.start_command(asked)
    return started


async def _all(command: Command, stream: str) -> bytes:
    found = b""
    while data := await command.read(stream):
        found += data
    return found


async def _outcome(command: Command, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    """Give a command its input; return its exit code and outputs."""

    async def give() -> None:
        await command.write(stdin)
        command.end_input()

    try:
        async with asyncio.timeout(60):
            outputs = await asyncio.gather(*(_all(command, name) for name in command.outputs), give())
            code = await command.wait()
    finally:
        command.close()
    return code, outputs[0] or b"", outputs[1] or b""


async def _pod(node: Any, script: str = "sleep 600", **rest: Any) -> None:
    env = [{"name": "A", "value": "b"}]
    await node.create("p", containers=[
        {"name": "main", "image": "python", "command": ["sh", "-c", script], "env": env, "workingDir": "/usr"} | rest
    ])  # fmt: skip
    await node.until("p", lambda s: s.get("phase") == "Running")


async def test_a_command_runs_beside_the_program(node: Any) -> None:
    """It has the container's environment and folder, streams of its own, and an exit code."""
    await _pod(node)
    assert await _outcome(await _start(node, "sh", "-c", "echo $A; pwd; echo err >&2; exit 3")) == (
        3,
        b"b\n/usr\n",
        b"err\n",
    )
    much = bytes(range(256)) * 2000
    assert await _outcome(await _start(node, "cat", stdin=True), much) == (0, much, b"")
    assert await _outcome(await _start(node, "sh", "-c", "kill -9 $$")) == (137, b"", b"")
    with pytest.raises(Failed, match="executable file not found"):
        await _outcome(await _start(node, "nonsense"))


async def test_terminal(node: Any) -> None:
    """A terminal has one output, a size, and a name that programs find."""
    await _pod(node)
    command = await _start(
        node, "sh", "-c", "read x; stty size; tty >/dev/null && echo $TERM $x", stdin=True, terminal=True
    )
    command.resize(101, 31)
    await command.write(b"typed\n")
    async with asyncio.timeout(60):
        text = await _all(command, "stdout")
        assert await command.wait() == 0
    command.close()
    assert text.endswith(b"31 101\r\nxterm typed\r\n")


async def test_nothing_is_left(node: Any) -> None:
    """A command ends when nobody wants it any more, and with its container: the fixture looks for leftovers."""
    await _pod(node, "echo up; while [ ! -e $PWD/never ]; do sleep 0.05; done")
    forgotten = await _start(node, "sh", "-c", "echo $$; exec sleep 601")
    await forgotten.read("stdout")
    forgotten.close()
    beside = await _start(node, "sh", "-c", "echo up; exec sleep 602")
    assert await beside.read("stdout") == b"up\n"
    node.agent.runtime.kill(node.folder("p") / "containers" / "main" / "0")
    async with asyncio.timeout(60):
        assert await beside.wait() == 137
    beside.close()
    await node.ended("p")
    with pytest.raises(BadRequest, match="does not run"):
        await _start(node, "true")
    with pytest.raises(NotFound, match='container "other" not found'):
        await _start(node, "true", container="other")


async def test_attach_sees_what_comes(node: Any) -> None:
    """From now on, until the program ends; each stream by itself."""
    at = "/out" if node.agent.runtime.namespaces else str(node.settings.folder)
    volume = {"name": "out", "hostPath": {"path": str(node.settings.folder)}}
    script = (
        f"echo before; touch {at}/up; until [ -e {at}/go ]; do sleep 0.02; done; echo after; echo err >&2"
    )
    main = {"name": "main", "image": "python", "command": ["sh", "-c", script],
            "volumeMounts": [{"name": "out", "mountPath": "/out"}]}  # fmt: skip
    await node.create("p", containers=[main], volumes=[volume])
    await node.until("p", lambda s: s.get("phase") == "Running")
    async with asyncio.timeout(60):
        while not (node.settings.folder / "up").exists() or await node.log("p") != b"before\n":
            await asyncio.sleep(0.01)
    attached = await _start(node, kind=ATTACH)
    (node.settings.folder / "go").touch()
    assert await _outcome(attached) == (0, b"after\n", b"err\n")


async def test_attach_gives_input_once(node: Any) -> None:
    """A program with an input gets what the first caller gives, and then its end; its outputs come back."""
    await _pod(node, "cat; echo done >&2; exit 5", stdin=True, stdinOnce=True)
    much = bytes(range(256)) * 2000
    assert await _outcome(await _start(node, kind=ATTACH, stdin=True), much) == (0, much, b"done\n")
    status = await node.ended("p")
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 5


async def test_attach_to_a_terminal(node: Any) -> None:
    """A program with a terminal: callers type, see what it writes, come and go; the log has it too."""
    script = "while read line; do echo said $line; stty size; [ $line = bye ] && exit 0; done"
    await _pod(node, script, stdin=True, tty=True)
    first = await _start(node, kind=ATTACH, stdin=True, terminal=True)
    first.resize(99, 33)
    await first.write(b"one\n")
    seen = b""
    async with asyncio.timeout(60):
        while b"33 99" not in seen:
            seen += await first.read("stdout")
    first.end_input()
    first.close()
    assert b"said one" in seen
    second = await _start(node, kind=ATTACH, stdin=True, terminal=True)
    await second.write(b"bye\n")
    async with asyncio.timeout(60):
        assert b"said bye" in await _all(second, "stdout")
        assert await second.wait() == 0
    second.close()
    assert (await node.ended("p"))["phase"] == "Succeeded"
    assert b"said bye" in await node.log("p")


async def test_a_terminal_outlives_the_agent(node: Any) -> None:
    """The agent dies: the program goes on reading what it is given afterwards."""
    await _pod(node, "read line; echo got $line", stdin=True, tty=True)
    await node.crash()
    await node.start()
    await node.until("p", lambda s: s.get("phase") == "Running")
    command = await _start(node, kind=ATTACH, stdin=True, terminal=True)
    await command.write(b"typed\n")
    async with asyncio.timeout(60):
        assert b"got typed" in await _all(command, "stdout")
    command.close()
    assert (await node.ended("p"))["phase"] == "Succeeded"


async def test_a_forwarded_port_may_be_on_the_loopback_where_it_is_the_pods_own(node: Any) -> None:
    """Programs like TensorBoard listen there; what others have there is nobody's business."""
    script = (
        "import socket; listener = socket.create_server(('127.0.0.1', 0)); print(listener.getsockname()[1], flush=True)\n"
        "while True: listener.accept()[0].sendall(b'mine')"
    )
    await node.create("p", f'exec python -c "{script}"')
    await node.until("p", lambda s: s.get("phase") == "Running")
    port = int(await until(lambda: node.log("p"), "its port", check=lambda text: text.endswith(b"\n")))
    connect = node.agent.connector(StreamRequest(FORWARD, "d", "p", node.uids["p"]))
    reader, writer = await connect(port)
    assert await reader.read() == b"mine"
    writer.close()
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ConnectionRefusedError):
        await connect(other.getsockname()[1])
