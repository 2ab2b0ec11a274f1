"""What names of services and pods stand for, and who answers on a service's addresses."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from seaway.controlplane.network.balance import Bind, Endpoint, Picker, Target, targets, unserved
from seaway.controlplane.network.dns import NameServer, upstreams
from seaway.controlplane.network.zone import Zone

HTTP = {"name": "http", "port": 80, "nodePort": 30080}
SERVICES: dict[str, Any] = {
    "d/web": {"type": "ClusterIP", "clusterIP": "127.96.0.11", "ports": [HTTP]},
    "d/all": {"type": "ClusterIP", "clusterIP": "None", "ports": [{"name": "http", "port": 80}]},
    "d/out": {"type": "ExternalName", "externalName": "example.com"},
}


def service(key: str) -> dict[str, Any] | None:
    place, _, name = key.partition("/")
    spec = SERVICES.get(key)
    return spec and {"metadata": {"name": name, "namespace": place}, "spec": spec}


def endpoint(address: str, ready: bool = True, **more: Any) -> dict[str, Any]:
    return {"addresses": [address], "conditions": {"ready": ready} | more.pop("conditions", {}), **more}


SLICE = {
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    "endpoints": [
        endpoint("127.66.0.2", hostname="web-0"), endpoint("127.66.0.3"), endpoint("127.66.0.4", ready=False),
    ],
}  # fmt: skip
ZONE = Zone(
    "cluster.local", service, lambda key: [SLICE] if key in ("d/all", "d/web") else [], lambda name: name == "d",
    lambda: [found for key in SERVICES if (found := service(key))], ipaddress.IPv4Network("127.66.0.0/16"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "kind", "expected"),
    [
        ("web.d.svc", "A", ["127.96.0.11"]),
        ("web.d.svc", "AAAA", []),
        ("all.d.svc", "A", ["127.66.0.2", "127.66.0.3"]),
        ("web-0.all.d.svc", "A", ["127.66.0.2"]),
        ("127-66-0-3.all.d.svc", "A", ["127.66.0.3"]),
        ("web-9.all.d.svc", "A", None),
        ("web-0.web.d.svc", "A", None),
        ("out.d.svc", "A", ["example.com."]),
        ("127-66-0-9.d.pod", "A", ["127.66.0.9"]),
        ("10-0-0-1.d.pod", "A", None),
        ("_http._tcp.web.d.svc", "SRV", ["0 100 80 web.d.svc.cluster.local.", "127.96.0.11"]),
        ("_http._udp.web.d.svc", "SRV", None),
        ("_http._tcp.all.d.svc", "SRV", [
            "0 100 8080 web-0.all.d.svc.cluster.local.", "0 100 8080 127-66-0-3.all.d.svc.cluster.local.",
            "127.66.0.2", "127.66.0.3",
        ]),
        ("none.d.svc", "A", None),
        ("d.svc", "A", []),
        ("other.svc", "A", None),
        ("svc", "A", []),
        ("nothing", "A", None),
    ],
)  # fmt: skip
def test_names(asked: str, kind: str, expected: list[str] | None) -> None:
    found = ZONE.answer(f"{asked}.cluster.local", kind)
    assert (sorted(r.text for r in found.records) if found.exists else None) == (
        expected if expected is None else sorted(expected)
    )


def test_addresses_have_names() -> None:
    assert ZONE.reverse("127.96.0.11") == "web.d.svc.cluster.local"
    assert ZONE.reverse("127.66.0.2") == "web-0.all.d.svc.cluster.local"
    assert ZONE.reverse("127.66.0.9") is None


def test_a_table_of_hosts_says_the_same() -> None:
    lines = ZONE.hosts("d").splitlines()
    assert "127.96.0.11\tweb.d.svc.cluster.local web.d.svc web.d web" in lines
    assert "127.66.0.2\tweb-0.all.d.svc.cluster.local web-0.all.d.svc web-0.all.d web-0.all" in lines
    assert not any("127.66.0.4" in line for line in lines)
    assert all(not line.endswith(" web") for line in ZONE.hosts("elsewhere").splitlines())


def test_upstreams_are_others() -> None:
    assert upstreams("search x\nnameserver 127.96.0.10\nnameserver 10.0.0.1\n", "127.96.0.10") == ["10.0.0.1"]


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\xff" * 40, b"\0" * 12], ids=["nothing", "short", "junk", "no question"]
)
async def test_junk_is_not_answered(data: bytes) -> None:
    assert await NameServer(ZONE, "127.0.0.1").answer(data, tcp=False) == b""


async def test_answers_and_what_nobody_knows(tmp_path: Any) -> None:
    import dns.message
    import dns.rcode

    server = NameServer(ZONE, "127.0.0.1", tmp_path / "none")

    async def ask(name: str, kind: str = "A") -> Any:
        return dns.message.from_wire(
            await server.answer(dns.message.make_query(name, kind).to_wire(), tcp=False)
        )

    assert {str(r) for r in (await ask("ALL.d.svc.cluster.local")).answer[0]} == {"127.66.0.2", "127.66.0.3"}
    assert (await ask("none.d.svc.cluster.local")).rcode() == dns.rcode.NXDOMAIN
    assert str((await ask("11.0.96.127.in-addr.arpa", "PTR")).answer[0][0]) == "web.d.svc.cluster.local."
    assert (await ask("example.com")).rcode() == dns.rcode.SERVFAIL
    assert "example.com." in str((await ask("out.d.svc.cluster.local")).answer[0])


def test_who_answers() -> None:
    web = service("d/web")
    assert web
    two = (Endpoint("127.66.0.2", 8080), Endpoint("127.66.0.3", 8080))
    assert targets(web, [SLICE], "127.0.0.1") == {Bind("TCP", "127.96.0.11", 80): Target("d/web", two)}
    exposed = {**web, "spec": web["spec"] | {"type": "NodePort", "sessionAffinity": "ClientIP"}}
    assert targets(exposed, [SLICE], "127.0.0.1")[Bind("TCP", "127.0.0.1", 30080)] == Target(
        "d/web", two, 10800.0
    )
    assert targets(web, [], "127.0.0.1") == {}
    ending = {"serving": True, "terminating": True}
    last = SLICE | {
        "endpoints": [endpoint("127.66.0.5", ready=False, conditions=ending), endpoint("127.66.0.6", False)]
    }
    (target,) = targets(web, [last], "127.0.0.1").values()
    assert target.endpoints == (Endpoint("127.66.0.5", 8080),)


def test_what_services_ask_for_in_vain_is_named() -> None:
    spec = {"externalIPs": ["192.0.2.1"], "ports": [{"port": 1}, {"port": 2, "protocol": "SCTP"}]}
    assert unserved({"spec": spec}) == ["spec.externalIPs", "spec.ports[1] (protocol SCTP)"]


def test_clients_stay_where_they_were_until_the_time_is_over_or_the_endpoint_is_gone() -> None:
    picker, all_three = Picker(), tuple(Endpoint("127.66.0.2", port) for port in (1, 2, 3))
    target = Target("d/web", all_three, 10.0)
    first = picker.order(target, "a", 0.0)[0]
    picker.led(target, "a", first, 0.0)
    assert [picker.order(target, "a", t)[0] for t in (1.0, 5.0, 9.0)] == [first] * 3
    assert len({picker.order(target, "a", 10.5)[0] for _ in range(3)}) == 3
    left = target._replace(endpoints=tuple(e for e in all_three if e != first))
    assert first not in picker.order(left, "a", 1.0)
    anyone = target._replace(sticky_seconds=0.0)
    assert {picker.order(anyone, "a", 0.0)[0] for _ in range(3)} == set(all_three)
