"""A DNS server for the names of services; what is not the cluster's, the machine's own name servers are asked.

Source: RFC 1035; RFC 7766 for TCP. What CoreDNS is on real Kubernetes.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from seaway.controlplane.network.sockets import bound
from seaway.controlplane.network.zone import CNAME, PTR, Answer, Record, Zone

if TYPE_CHECKING:
    import dns.message

log = logging.getLogger(__name__)
PORT = 53
TTL_SECONDS = 5
"""How long an answer may be kept: pods come and go (CoreDNS: 5 for the cluster's names)."""
_UPSTREAM_SECONDS = 5.0
_IDLE_SECONDS = 30.0
_MOST_WAITING = 512
_REVERSE = ".in-addr.arpa"


def upstreams(resolv_conf: str, own: str) -> list[str]:
    """Return the name servers of a resolv.conf, but for our own."""
    words = [line.split() for line in resolv_conf.splitlines()]
    return [line[1] for line in words if len(line) > 1 and line[0] == "nameserver" and line[1] != own]


class NameServer(asyncio.DatagramProtocol):
    """Answers on one address, over UDP and TCP.

    Args:
        zone: the cluster's names.
        address: to answer on.
        resolv_conf: the machine's, read anew for each question that is not about the cluster.
    """

    def __init__(self, zone: Zone, address: str, resolv_conf: Path = Path("/etc/resolv.conf")) -> None:
        self.name, self.address = "name server", address
        self._zone, self._resolv_conf = zone, resolv_conf
        self._random = random.Random()  # noqa: S311 - the order of answers, nothing secret
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, port: int = PORT) -> None:
        """Listen. Raises OSError."""
        loop = asyncio.get_running_loop()
        datagrams = bound(socket.SOCK_DGRAM, self.address, port)
        await loop.create_datagram_endpoint(lambda: self, sock=datagrams)
        try:
            listener = bound(socket.SOCK_STREAM, self.address, port)
            self._server = await asyncio.start_server(self._serve, sock=listener)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Answer no more."""
        if self._transport is not None:
            self._transport.close()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Answer until cancelled; `open` was called before."""
        try:
            ready()
            await asyncio.Event().wait()
        finally:
            self.close()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Answer one question."""
        if len(self._tasks) >= _MOST_WAITING:
            return  # the client asks again
        task = asyncio.get_running_loop().create_task(self._answer_datagram(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_datagram(self, data: bytes, addr: tuple[Any, ...]) -> None:
        answer = await self.answer(data, tcp=False)
        if answer and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    question = await reader.readexactly(length)
                answer = await self.answer(question, tcp=True)
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError, TimeoutError) as error:
            log.debug("a caller of the name server left: %s", error)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def answer(self, data: bytes, *, tcp: bool) -> bytes:
        """Return the answer to a question, nothing where it cannot be read at all."""
        # late: few clusters are ever asked, and reading this costs memory
        import dns.exception
        import dns.flags
        import dns.message
        import dns.rcode

        try:
            query = dns.message.from_wire(data)
        except (dns.exception.DNSException, ValueError) as error:
            log.debug("a question cannot be read: %s", error)
            return b""
        if query.flags & dns.flags.QR or not query.question:
            return b""
        found = self._find(query.question[0])
        if found is None:
            return await self._forward(query, tcp=tcp)
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.AA
        if not found.exists:
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._fill(response, found.records)
        if found.records and found.records[0].kind == CNAME:
            await self._follow(response, found.records[0].text, query)
        return _wire(response, query, tcp=tcp)

    def _find(self, question: Any) -> Answer | None:
        """Return what the zone says, None where the question is not about it."""
        import dns.rdatatype

        asked, kind = (
            question.name.to_text(omit_final_dot=True).lower(),
            dns.rdatatype.to_text(question.rdtype),
        )
        if asked == self._zone.domain or asked.endswith(f".{self._zone.domain}"):
            return self._zone.answer(asked, kind)
        if asked.endswith(_REVERSE):
            address = ".".join(reversed(asked.removesuffix(_REVERSE).split(".")))
            if address.startswith("127."):  # nobody else knows of these
                known = self._zone.reverse(address)
                records = (Record(asked, PTR, f"{known}."),) if known and kind == PTR else ()
                return Answer(exists=known is not None, records=records)
        return None

    def _fill(self, response: dns.message.Message, records: Sequence[Record]) -> None:
        import dns.name
        import dns.rrset

        asked = response.question[0].name
        sets: dict[tuple[str, str], list[str]] = {}
        for record in records:
            sets.setdefault((record.owner, record.kind), []).append(record.text)
        for (owner, kind), texts in sets.items():
            self._random.shuffle(texts)
            found = dns.rrset.from_text(dns.name.from_text(owner), TTL_SECONDS, "IN", kind, *texts)
            (response.answer if found.name == asked else response.additional).append(found)

    async def _follow(self, response: dns.message.Message, target: str, query: dns.message.Message) -> None:
        """Add what the other name stands for: resolvers of programs do not ask again."""
        import dns.message

        further = dns.message.make_query(target, query.question[0].rdtype)
        answer = dns.message.from_wire(await self.answer(further.to_wire(), tcp=True))
        response.answer.extend(answer.answer)

    async def _forward(self, query: dns.message.Message, *, tcp: bool) -> bytes:
        """Ask the machine's own name servers, one after the other."""
        import dns.asyncquery
        import dns.exception
        import dns.message
        import dns.rcode

        text = await asyncio.to_thread(self._read)
        servers = upstreams(text, self.address)
        ask = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
        for server in servers:
            try:
                response = await ask(query, server, timeout=_UPSTREAM_SECONDS)
            except (dns.exception.DNSException, OSError) as error:
                log.debug("%s does not answer: %s", server, error)
                continue
            return _wire(response, query, tcp=tcp)
        refusal = dns.message.make_response(query, recursion_available=True)
        refusal.set_rcode(dns.rcode.SERVFAIL)
        return refusal.to_wire()

    def _read(self) -> str:
        return self._resolv_conf.read_text() if self._resolv_conf.exists() else ""


def _wire(response: dns.message.Message, query: dns.message.Message, *, tcp: bool) -> bytes:
    """Return an answer's bytes; what is too large for a datagram is cut, so that the client asks over TCP."""
    import dns.exception
    import dns.flags
    import dns.message

    size = 65535 if tcp else max(query.payload, 512)
    try:
        return response.to_wire(max_size=size)
    except dns.exception.TooBig:
        short = dns.message.make_response(query, recursion_available=True)
        short.flags |= dns.flags.TC
        return short.to_wire()
