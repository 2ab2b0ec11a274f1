"""Protobuf bodies become the objects that the same JSON would be."""

from __future__ import annotations

import pytest

from seaway.controlplane.apiserver.protobuf import MAGIC, decode
from seaway.objects.errors import BadRequest


def block(number: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2, len(raw)]) + raw


def number(field: int, value: int) -> bytes:
    return bytes([field << 3, value])


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    return MAGIC + block(1, block(1, api_version) + block(2, kind)) + block(2, raw)


def test_a_namespace_as_kubectl_sends_it() -> None:
    """Zero values that Go always writes are left out, as JSON leaves them out."""
    metadata = block(1, "a1") + block(2, "") + block(3, "") + number(7, 0) + block(8, b"")
    raw = block(1, metadata) + block(2, b"") + block(3, block(1, ""))
    assert decode(body("v1", "Namespace", raw)) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "a1"},
    }


def test_bytes_maps_and_pointers() -> None:
    entry = block(1, "token") + block(2, b"\x00\xff")
    secret = block(1, block(1, "s")) + block(2, entry) + block(3, "Opaque") + number(5, 0)
    assert decode(body("v1", "Secret", secret)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"token": "AP8="},
        "type": "Opaque",
        "immutable": False,
    }


def test_fields_that_lie_beside_their_parents() -> None:
    """A volume's source has a message of its own on the wire and none in JSON."""
    volume = block(1, "data") + block(2, block(2, b""))
    container = block(1, "main") + block(8, block(1, block(1, "cpu") + block(2, block(1, "500m"))))
    spec = block(1, volume) + block(2, container) + number(4, 0)
    assert decode(body("v1", "Pod", block(2, spec)))["spec"] == {
        "volumes": [{"name": "data", "emptyDir": {}}],
        "containers": [{"name": "main", "resources": {"limits": {"cpu": "500m"}}}],
        "terminationGracePeriodSeconds": 0,
    }


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        MAGIC,
        MAGIC + b"\xff" * 20,
        body("v1", "Namespace", b"\x0a\x7fshort"),
        body("v1", "Unheard", b""),
        body("v7", "Pod", b""),
        body("v1", "Namespace", number(1, 5)),
        body("v1", "Namespace", block(1, block(1, b"\xff\xfe"))),
    ],
    ids=["json", "nothing", "noise", "cut off", "unknown kind", "unknown version", "wrong type", "no UTF-8"],
)
def test_a_body_that_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest, match=r"protobuf"):
        decode(data)
