"""Where a webhook's service is reached."""

from __future__ import annotations

import pytest

from seaway.controlplane.apiserver.dynamic.calling import CallFailed, service_address


def service(**spec):
    return {
        "metadata": {"name": "hook"},
        "spec": {"ports": [{"name": "web", "port": 443}], "clusterIP": "10.0.0.9", **spec},
    }


def endpoints(*addresses, ready=True, port=8443, name="web"):
    listed = [{"addresses": [address], "conditions": {"ready": ready}} for address in addresses]
    return {"ports": [{"name": name, "port": port}], "endpoints": listed}


ADDRESSES = [
    (service(), [], 443, "10.0.0.9:443"),
    (service(), [endpoints("127.0.0.7", ready=False), endpoints("127.0.0.8")], 443, "127.0.0.8:8443"),
    (service(), [endpoints("::1")], 443, "[::1]:8443"),
    (service(), [endpoints("127.0.0.8", name="other")], 443, "10.0.0.9:443"),
    (service(clusterIP="fd00::9"), [], 443, "[fd00::9]:443"),
    (service(type="ExternalName", externalName="a.example.com"), [], 8443, "a.example.com:8443"),
]


@pytest.mark.parametrize(("given", "slices", "port", "address"), ADDRESSES)
def test_a_ready_endpoint_comes_before_the_services_own_address(given, slices, port, address):
    assert service_address(given, slices, port) == address


@pytest.mark.parametrize(
    ("given", "port", "words"),
    [
        (service(), 80, 'no service port 80 found for service "hook"'),
        (service(clusterIP="None"), 443, 'no endpoints available for service "hook"'),
    ],
)
def test_a_service_that_leads_nowhere_is_told(given, port, words):
    with pytest.raises(CallFailed, match=words):
        service_address(given, [], port)
