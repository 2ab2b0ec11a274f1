"""Names of services inside pods: through the DNS server where its port can be opened, through tables of hosts elsewhere."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from seaway.objects.builtin import PODS
from tests.scenarios.network.conftest import World, running

LOOK = """
import json, socket, sys, os
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = sorted({i[4][0] for i in socket.getaddrinfo(name, 80, socket.AF_INET)})
    except OSError as error:
        found[name] = str(error)
print(json.dumps({"found": found, "me": socket.gethostname(), "full": socket.getfqdn(), "env": dict(os.environ)}))
"""


@pytest.fixture(params=["dns", "hosts"])
async def named(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "dns":
        with socket.socket() as probe:
            try:
                probe.bind(("127.77.0.1", 53))
            except PermissionError:
                pytest.skip("only root may open port 53 here")
    async with running(tmp_path, dns=request.param == "dns") as world:
        agent = world.cluster.nodes[0]._agent
        assert agent is not None
        if not agent.runtime.namespaces:
            pytest.skip(f"no namespaces here: {agent.runtime.why_not}")
        yield world


async def look(world: World, name: str, *names: str, **spec: Any) -> dict[str, Any]:
    """Have a pod look names up."""
    script = LOOK.replace("sys.argv[1:]", repr(list(names)))
    return json.loads(await world.run(name, script, **spec))


async def test_services_and_pods_have_names(named: World) -> None:
    made = await named.service()
    await named.service("all", clusterIP="None")
    await named.server("web-0", hostname="web-0", subdomain="all")
    await named.server("web-1", hostname="web-1", subdomain="all")
    await named.ready("all", 2)
    addresses = {n: (await named.client.get(PODS, n, "d"))["status"]["podIP"] for n in ("web-0", "web-1")}
    own, whole = made["spec"]["clusterIP"], "svc.cluster.local"
    names = [
        "web",
        "web.d",
        "web.d.svc",
        f"web.d.{whole}",
        "all",
        "web-0.all",
        f"web-1.all.d.{whole}",
        "nobody.d.svc",
    ]
    said = await look(named, "asks", *names, "kubernetes.default.svc", "localhost")
    found = said["found"]
    assert [found[n] for n in ("web", "web.d", "web.d.svc", f"web.d.{whole}")] == [[own]] * 4
    assert found["all"] == sorted(addresses.values())
    assert found["web-0.all"] == [addresses["web-0"]]
    assert found[f"web-1.all.d.{whole}"] == [addresses["web-1"]]
    assert found["kubernetes.default.svc"][0].endswith(".0.1")
    assert found["localhost"] == ["127.0.0.1"]
    assert isinstance(found["nobody.d.svc"], str)
    assert said["me"] == "asks"
    assert said["env"]["WEB_SERVICE_HOST"] == own
    assert said["env"]["WEB_PORT_8000_TCP_PORT"] == said["env"]["WEB_SERVICE_PORT_HTTP"] == "8000"


async def test_a_running_pod_finds_services_that_come_later(named: World) -> None:
    wait = "import socket, time\nwhile True:\n  try: print(socket.gethostbyname('late')); break\n  except OSError: time.sleep(.05)"
    await named.server("waits", wait, probe=None, labels={"app": "x"}, restartPolicy="Never")
    await named.until(lambda: _runs(named, "waits"))
    made = await named.service("late")
    assert (await named.ended("waits")).strip() == made["spec"]["clusterIP"]


async def _runs(world: World, name: str) -> bool:
    return (await world.client.get(PODS, name, "d"))["status"]["phase"] == "Running"


async def test_what_a_pod_says_of_names_is_heeded(named: World) -> None:
    await named.service()
    show = "print(open('/etc/resolv.conf').read(), open('/etc/hosts').read())"
    config = {
        "nameservers": ["192.0.2.1"],
        "searches": ["x.example"],
        "options": [{"name": "ndots", "value": "2"}],
    }
    aliases = [{"ip": "192.0.2.2", "hostnames": ["other"]}]
    text = await named.run("own", show, dnsPolicy="None", dnsConfig=config, hostAliases=aliases)
    assert text.startswith("nameserver 192.0.2.1\nsearch x.example\noptions ndots:2\n")
    assert "192.0.2.2\tother" in text
    assert "web" not in text
    fqdn = await named.run(
        "full", "import socket; print(socket.gethostname())",
        hostname="h", subdomain="all", setHostnameAsFQDN=True, enableServiceLinks=False,
    )  # fmt: skip
    assert fqdn.strip() == "h.all.d.svc.cluster.local"
    assert not await named.events("Pod", "own") or all(
        event["reason"] != "NotServed" for event in await named.events("Pod", "own")
    )
