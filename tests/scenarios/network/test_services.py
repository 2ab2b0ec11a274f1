"""Services: connections to their addresses reach pods that are ready, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seaway.objects.builtin import PODS, SERVICES
from tests.scenarios.network.conftest import ask

ECHO = """
import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((os.environ["POD_IP"], 5353))
while True:
    data, client = s.recvfrom(65536)
    s.sendto(os.environ["HOSTNAME"].encode() + b" " + data, client)
"""


async def pods_that_answer(address: str, port: int, times: int = 8) -> set[str]:
    return {(await ask(address, port))[0].split()[0] for _ in range(times)}


async def test_both_pods_answer_and_one_that_is_gone_does_not(network: Any) -> None:
    made = await network.service()
    address = made["spec"]["clusterIP"]
    with pytest.raises(ConnectionRefusedError):
        await ask(address, 8000)
    await network.server("a")
    await network.server("b")
    await network.ready("web", 2)

    async def both() -> bool:
        return await pods_that_answer(address, 8000) == {"a", "b"}

    await network.until(both)
    await network.client.delete(PODS, "a", "d")
    await network.ready("web", 1)

    async def one() -> bool:
        return await pods_that_answer(address, 8000) == {"b"}

    await network.until(one)
    await network.client.delete(SERVICES, "web", "d")

    async def refused() -> bool:
        try:
            await ask(address, 8000)
        except ConnectionRefusedError:
            return True
        return False

    await network.until(refused)


async def test_node_ports_and_load_balancers_answer_on_this_machine(network: Any) -> None:
    await network.server("a")
    made = await network.service(type="LoadBalancer")
    port = made["spec"]["ports"][0]["nodePort"]

    async def balanced() -> Any:
        return (await network.client.get(SERVICES, "web", "d"))["status"]["loadBalancer"].get("ingress")

    (point,) = await network.until(balanced)
    assert point["ip"] == made["spec"]["clusterIP"]

    async def answers() -> bool:
        return (
            await pods_that_answer("127.0.0.1", port, 1)
            == await pods_that_answer(point["ip"], 8000, 1)
            == {"a"}
        )

    await network.until(answers)


async def test_a_client_stays_with_its_pod_where_the_service_says_so(network: Any) -> None:
    for name in ("a", "b", "c"):
        await network.server(name)
    made = await network.service(sessionAffinity="ClientIP")
    await network.ready("web", 3)

    async def three_listen() -> bool:
        return len(await pods_that_answer(made["spec"]["clusterIP"], 8000, 1)) == 1

    await network.until(three_listen)
    assert len(await pods_that_answer(made["spec"]["clusterIP"], 8000, 9)) == 1


async def test_datagrams_are_balanced_too(network: Any) -> None:
    await network.server("a", ECHO, probe=None)
    made = await network.service(ports=[{"port": 5353, "protocol": "UDP"}])
    await network.ready("web", 1)
    loop = asyncio.get_running_loop()
    got: asyncio.Queue[bytes] = asyncio.Queue()

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            got.put_nowait(data)

    transport, _ = await loop.create_datagram_endpoint(Client, remote_addr=(made["spec"]["clusterIP"], 5353))

    async def answered() -> bytes:
        transport.sendto(b"hello")
        async with asyncio.timeout(0.5):
            return await got.get()

    async def patient() -> bytes | None:
        try:
            return await answered()
        except TimeoutError:
            return None

    assert await network.until(patient) == b"a hello"
    transport.close()


async def test_a_connection_goes_on_although_its_pod_is_not_ready_any_more(network: Any) -> None:
    """Whoever ends gracefully finishes its work: only new connections go elsewhere."""
    await network.server("a", terminationGracePeriodSeconds=30)
    made = await network.service()
    await network.ready("web", 1)

    async def connected() -> Any:
        return await asyncio.open_connection(made["spec"]["clusterIP"], 8000)

    reader, writer = await network.until(connected)
    request = b"GET /x HTTP/1.1\r\nHost: web\r\n\r\n"
    writer.write(request)
    assert b"200" in await reader.readuntil(b"a /x")
    await network.client.patch(SERVICES, "web", {"spec": {"selector": {"app": "nobody"}}}, "d")
    await network.ready("web", 0)
    writer.write(request)
    assert b"200" in await reader.readuntil(b"a /x")
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await ask(made["spec"]["clusterIP"], 8000)


async def test_a_port_that_another_program_holds_is_told(network: Any) -> None:
    taken = await asyncio.start_server(lambda *_: None, "0.0.0.0", 0)
    port = taken.sockets[0].getsockname()[1]
    await network.server("a", probe=None)
    await network.service(ports=[{"port": port, "targetPort": 8080}])

    async def told() -> Any:
        return [e["message"] for e in await network.events("Service", "web") if e["reason"] == "NotServed"]

    (message,) = await network.until(told)
    assert "is taken by another program" in message
    assert "$POD_IP" in message
    taken.close()
