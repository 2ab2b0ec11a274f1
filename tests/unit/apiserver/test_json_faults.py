"""Texts that are no JSON, and tokens of lists: the words that Kubernetes uses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.controlplane.apiserver.jsonfaults import json_fault, shown_body
from seaway.controlplane.apiserver.options import NOW, decode_continue, encode_continue
from seaway.objects.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", "unexpected end of JSON input"),
        (b"{", "unexpected end of JSON input"),
        (b'{"a":', "unexpected end of JSON input"),
        (b"{}", ""),
        (b' [1, -2.5e3, "x\\u00e9", true, null] ', ""),
        (b"x", "invalid character 'x' looking for beginning of value"),
        (b"{a:1}", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"{} x", "invalid character 'x' after top-level value"),
        (b"nul!", "invalid character '!' in literal null (expecting 'l')"),
        (b'"a\nb"', "invalid character '\\n' in string literal"),
        (b'"\\q"', "invalid character 'q' in string escape code"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
    ],
)
def test_the_fault_of_a_text(text, fault):
    assert json_fault(text) == fault


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(VALUES)
def test_what_is_json_has_no_fault(value):
    assert json_fault(json.dumps(value).encode()) == ""


@given(st.binary(max_size=40))
def test_what_is_no_json_has_one(text):
    try:
        json.loads(text.decode("latin-1"), parse_constant=_refused, strict=True)
    except ValueError:
        assert json_fault(text)
    else:
        assert json_fault(text) == ""


def _refused(constant):
    raise ValueError(constant)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", "<empty>"),
        (b"{x", "{x"),
        (b"ab", "6162"),
        (b"{" + b"a" * 40, "{" + "a" * 29 + " ..."),
    ],
)
def test_a_body_in_a_message(body, shown):
    assert shown_body(body) == shown


@pytest.mark.parametrize("revision", [1, 2**40, NOW])
def test_a_token_is_read_as_it_was_made(revision):
    token = encode_continue(revision, "/pods/a/", "/pods/a/x")
    assert decode_continue(token, "/pods/a/") == (revision, "/pods/a/x")


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("%", "illegal base64 data at input byte 0"),
        ("AAAAA", "illegal base64 data at input byte"),
        ("e30", "server does not recognize this encoded version"),
        ("eA", "invalid character 'x' looking for beginning of value"),
        (encode_continue(0, "", "a"), "incorrect encoded start resourceVersion"),
        (encode_continue(1, "", "../a"), "../a"),
    ],
)
def test_what_is_no_token(token, why):
    with pytest.raises(BadRequest) as caught:
        decode_continue(token, "/pods/")
    assert caught.value.message.startswith("invalid continue token: continue key is not valid")
    assert why in caught.value.message
