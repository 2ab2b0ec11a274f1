"""Which proxy a request takes."""

from __future__ import annotations

import pytest

from seaway.sdk.errors import SeawayError
from seaway.sdk.proxies import Proxy, proxy_for

PROXY = Proxy("proxy.example", 3128)
URL = "https://seaway.example.com"
SET = {"HTTPS_PROXY": "http://proxy.example:3128"}


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        pytest.param(URL, {}, None, id="none"),
        pytest.param(URL, SET, PROXY, id="HTTPS_PROXY"),
        pytest.param(URL, {"https_proxy": "proxy.example:3128"}, PROXY, id="lower case, no scheme"),
        pytest.param(URL, {"ALL_PROXY": "http://proxy.example:3128/"}, PROXY, id="ALL_PROXY"),
        pytest.param(URL, {"HTTP_PROXY": "http://proxy.example:3128"}, None, id="HTTP_PROXY is for http"),
        pytest.param(URL, {"HTTPS_PROXY": " "}, None, id="blank"),
        pytest.param("https://localhost:8443", SET, None, id="this machine"),
        pytest.param("https://127.0.0.2:8443", SET, None, id="this machine by address"),
        pytest.param("https://[::1]:8443", SET, None, id="this machine by IPv6"),
        pytest.param(URL, {**SET, "NO_PROXY": "*"}, None, id="no proxy for anything"),
        pytest.param(URL, {**SET, "NO_PROXY": "other, seaway.example.com"}, None, id="the host"),
        pytest.param(URL, {**SET, "no_proxy": ".example.com"}, None, id="the domain with a dot"),
        pytest.param(URL, {**SET, "no_proxy": "Example.com"}, None, id="the domain"),
        pytest.param(URL, {**SET, "no_proxy": "*.example.com"}, None, id="the domain with a star"),
        pytest.param(URL, {**SET, "no_proxy": "ample.com"}, PROXY, id="half a name"),
        pytest.param(URL, {**SET, "no_proxy": "seaway.example.com:443"}, None, id="the host and its port"),
        pytest.param(URL, {**SET, "no_proxy": "seaway.example.com:8443"}, PROXY, id="another port"),
        pytest.param("https://10.1.2.3:8443", {**SET, "NO_PROXY": "10.0.0.0/8"}, None, id="the network"),
        pytest.param("https://11.1.2.3:8443", {**SET, "NO_PROXY": "10.0.0.0/8"}, PROXY, id="another network"),
        pytest.param("https://10.1.2.3", {**SET, "NO_PROXY": "10.1.2.3"}, None, id="the address"),
        pytest.param(
            "https://[fd00::1]:8443", {**SET, "NO_PROXY": "[fd00::1]:8443"}, None, id="IPv6 and port"
        ),
        pytest.param(URL, {**SET, "NO_PROXY": "10.0.0.0/8,nonsense/x"}, PROXY, id="a network is no name"),
        pytest.param(
            URL,
            {"HTTPS_PROXY": "http://ada:p%40ss@proxy.example:3128"},
            Proxy("proxy.example", 3128, "Basic YWRhOnBAc3M="),
            id="with a password",
        ),
    ],
)
def test_proxy(url, environ, expected):
    assert proxy_for(url, environ) == expected


@pytest.mark.parametrize("named", ["socks5://p:1080", "https://p:3128", "http://", "http://p:port"])
def test_one_that_cannot_be_used_is_refused_without_its_password(named):
    secret = named.replace("://", "://ada:hidden@")
    with pytest.raises(SeawayError) as caught:
        proxy_for(URL, {"HTTPS_PROXY": secret})
    assert "NO_PROXY" in caught.value.remedy
    assert "hidden" not in caught.value.message + caught.value.remedy


def test_a_password_is_not_shown():
    assert "YWRh" not in repr(Proxy("p", 1, "Basic YWRh"))
