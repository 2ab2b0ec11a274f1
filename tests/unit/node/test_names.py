"""Tables of hosts, resolvers and variables of services, as containers get them."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.node.names import host_names, hosts_table, link_variables, resolver, switch

HOST = "# made by somebody\nnameserver 10.0.0.53\nsearch corp.example .\noptions timeout:1 rotate\n"


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "d"}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "server", "expected"),
    [
        ({}, "127.96.0.10", "nameserver 127.96.0.10\nsearch d.svc.c.l svc.c.l c.l corp.example\noptions ndots:5\n"),
        ({}, "", "nameserver 10.0.0.53\nsearch corp.example\noptions timeout:1 rotate\n"),
        ({"dnsPolicy": "Default"}, "127.96.0.10", "nameserver 10.0.0.53\nsearch corp.example\noptions timeout:1 rotate\n"),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}}, "127.96.0.10", "nameserver 1.1.1.1\n"),
        (
            {"dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["x.y"], "options": [{"name": "ndots", "value": "1"}, {"name": "edns0"}]}},
            "127.96.0.10",
            "nameserver 127.96.0.10\nnameserver 1.1.1.1\nsearch d.svc.c.l svc.c.l c.l corp.example x.y\noptions ndots:1 edns0\n",
        ),
    ],
    ids=["cluster first", "no server", "the machine's", "none", "more"],
)  # fmt: skip
def test_resolvers(spec: dict[str, Any], server: str, expected: str) -> None:
    assert resolver(pod(**spec), HOST, server, "c.l") == expected


def test_hosts_are_looked_up_in_the_tables_first() -> None:
    host = "passwd: files\nhosts:  files resolve [!UNAVAIL=return] dns # systemd\n"
    assert switch(host) == "passwd: files\nhosts: files dns\n"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ("p", "")),
        ({"hostname": "h"}, ("h", "")),
        ({"hostname": "h", "subdomain": "s"}, ("h", "h.s.d.svc.c.l")),
        ({"subdomain": "s", "setHostnameAsFQDN": True}, ("p.s.d.svc.c.l", "p.s.d.svc.c.l")),
    ],
)
def test_names_of_pods(spec: dict[str, Any], expected: tuple[str, str]) -> None:
    assert host_names(pod(**spec), "c.l") == expected


def test_only_pods_that_ask_the_cluster_get_its_names() -> None:
    table = "127.96.0.11\tweb\n"
    assert hosts_table(pod(), "127.1.0.2", "c.l", table).endswith(table)
    assert table not in hosts_table(pod(dnsPolicy="Default"), "127.1.0.2", "c.l", table)
    named = hosts_table(pod(hostname="h", subdomain="s"), "127.1.0.2", "c.l")
    assert "127.1.0.2\th.s.d.svc.c.l\th\n" in named


def test_variables_of_services() -> None:
    ports = [{"name": "http", "port": 80}, {"name": "dns-udp", "port": 53, "protocol": "UDP"}]
    web = {
        "metadata": {"name": "my-web", "namespace": "d"},
        "spec": {"clusterIP": "127.96.0.11", "ports": ports},
    }
    master = {"metadata": {"name": "kubernetes", "namespace": "default"}, "spec": {"clusterIP": "127.96.0.1"}}
    assert link_variables([web], all_of_namespace=True) == {
        "MY_WEB_SERVICE_HOST": "127.96.0.11", "MY_WEB_SERVICE_PORT": "80", "MY_WEB_SERVICE_PORT_HTTP": "80",
        "MY_WEB_SERVICE_PORT_DNS_UDP": "53", "MY_WEB_PORT": "tcp://127.96.0.11:80",
        "MY_WEB_PORT_80_TCP": "tcp://127.96.0.11:80", "MY_WEB_PORT_80_TCP_PROTO": "tcp",
        "MY_WEB_PORT_80_TCP_PORT": "80", "MY_WEB_PORT_80_TCP_ADDR": "127.96.0.11",
        "MY_WEB_PORT_53_UDP": "udp://127.96.0.11:53", "MY_WEB_PORT_53_UDP_PROTO": "udp",
        "MY_WEB_PORT_53_UDP_PORT": "53", "MY_WEB_PORT_53_UDP_ADDR": "127.96.0.11",
    }  # fmt: skip
    assert link_variables([web, master], all_of_namespace=False) == {"KUBERNETES_SERVICE_HOST": "127.96.0.1"}
