"""Label and field selectors: meaning, printing, and Kubernetes' words for mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.objects.errors import BadRequest
from seaway.objects.selectors import EVERYTHING, NOTHING, FieldSelector, LabelSelector

MATCHES = {
    "equality": ("app=web", {"app": "web"}, True),
    "double equality": ("app==web", {"app": "web"}, True),
    "equality, another value": ("app=web", {"app": "db"}, False),
    "equality with nothing": ("app=", {"app": ""}, True),
    "inequality": ("app!=web", {"app": "db"}, True),
    "inequality of a missing label": ("app!=web", {}, True),
    "one of several": ("tier in (a, b)", {"tier": "b"}, True),
    "one of several, missing": ("tier in (a,b)", {}, False),
    "none of several": ("tier notin (a,b)", {"tier": "c"}, True),
    "none of several, missing": ("tier notin (a,b)", {}, True),
    "an empty value among several": ("tier in (,a)", {"tier": ""}, True),
    "exists": ("app", {"app": ""}, True),
    "exists, missing": ("app", {}, False),
    "does not exist": ("!app", {}, True),
    "greater": ("n>5", {"n": "6"}, True),
    "greater, no number": ("n>5", {"n": "x"}, False),
    "less": ("n<5", {"n": "4"}, True),
    "all must hold": ("a=1,b=2", {"a": "1"}, False),
    "words as keys": ("in in (in)", {"in": "in"}, True),
    "prefixed key": ("seaway.dev/run=r", {"seaway.dev/run": "r"}, True),
    "nothing said": ("", {}, True),
}


@pytest.mark.parametrize(("text", "labels", "expected"), MATCHES.values(), ids=MATCHES.keys())
def test_labels_match(text, labels, expected):
    assert LabelSelector.parse(text).matches(labels) is expected


REFUSED = {
    "no key": ("=b", "found '=', expected: !, identifier, or 'end of string'"),
    "no operator": ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
    "no parenthesis": ("a in b", "unable to parse requirement: found 'b' expected: '('"),
    "comma at the end": ("a,", "found '', expected: identifier after ','"),
    "two conditions without a comma": ("a=b c", "found 'c', expected: ',' or 'end of string'"),
    "value under negation": ("!a=b", "found '=', expected: ',' or 'end of string'"),
    "open parenthesis": ("a in (x", "unable to parse requirement: found '', expected: ',' or ')'"),
    "key that may not be": ("a_=b", '<nil>: Invalid value: "a_": name part must consist of'),
    "value that may not be": ("a=-", 'values[0][a]: Invalid value: "-": a valid label must be'),
    "comparison with a word": ("a>b", "for 'Gt', 'Lt' operators, the value must be an integer"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_mistakes_are_told_as_kubernetes_tells_them(text, message):
    with pytest.raises(BadRequest) as caught:
        LabelSelector.parse(text)
    assert message in caught.value.message


OBJECTS = {
    "none matches nothing": (None, {"a": "b"}, False),
    "empty matches everything": ({}, {"a": "b"}, True),
    "labels": ({"matchLabels": {"a": "b"}}, {"a": "b"}, True),
    "expression": (
        {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]},
        {"a": "b"},
        False,
    ),
    "both": (
        {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "DoesNotExist"}]},
        {"a": "b"},
        True,
    ),
}


@pytest.mark.parametrize(("selector", "labels", "expected"), OBJECTS.values(), ids=OBJECTS.keys())
def test_selector_objects_match(selector, labels, expected):
    assert LabelSelector.from_object(selector).matches(labels) is expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"key": "a", "operator": "Near"}, '"Near" is not a valid label selector operator'),
        ({"key": "a", "operator": "In"}, "values set can't be empty"),
        ({"key": "a", "operator": "Exists", "values": ["b"]}, "values set must be empty"),
    ],
    ids=["unknown operator", "no values", "values where none belong"],
)
def test_bad_selector_objects_are_refused(expression, message):
    with pytest.raises(BadRequest, match=message):
        LabelSelector.from_object({"matchExpressions": [expression]})


def test_everything_and_nothing_differ():
    assert EVERYTHING.matches({})
    assert not NOTHING.matches({})


keys = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
values = st.from_regex(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,8}[A-Za-z0-9])?)?", fullmatch=True)
terms = st.one_of(
    st.builds(lambda k, op, v: f"{k}{op}{v}", keys, st.sampled_from(["=", "==", "!="]), values),
    st.builds(lambda k, op, vs: f"{k} {op} ({','.join(vs)})", keys, st.sampled_from(["in", "notin"]), st.lists(values, min_size=1, max_size=3)),
    keys,
    keys.map("!{}".format),
    st.builds("{}>{}".format, keys, st.integers(0, 99)),
)  # fmt: skip


@given(st.lists(terms, max_size=4), st.dictionaries(keys, values, max_size=4))
def test_a_printed_selector_means_the_same(parts, labels):
    selector = LabelSelector.parse(",".join(parts))
    again = LabelSelector.parse(str(selector))
    assert str(again) == str(selector)
    assert again.matches(labels) == selector.matches(labels)


FIELDS = {
    "equal": ("status.phase=Running", {"status.phase": "Running"}, True),
    "double equal": ("status.phase==Running", {"status.phase": "Running"}, True),
    "not equal": ("status.phase!=Running", {"status.phase": "Failed"}, True),
    "unset is empty": ("spec.nodeName=", {}, True),
    "all must hold": ("a=1,b=2", {"a": "1", "b": "3"}, False),
    "escaped": (r"a=x\=y\,z", {"a": "x=y,z"}, True),
    "none": ("", {}, True),
}


@pytest.mark.parametrize(("text", "fields", "expected"), FIELDS.values(), ids=FIELDS.keys())
def test_fields_match(text, fields, expected):
    assert FieldSelector.parse(text).matches(lambda name: fields.get(name, "")) is expected


@pytest.mark.parametrize("text", ["status.phase", "a=b=c", r"a=\x"])
def test_bad_field_selectors_are_refused(text):
    with pytest.raises(BadRequest, match="selector"):
        FieldSelector.parse(text)


@given(st.dictionaries(keys, st.text("ab=,\\", max_size=5), max_size=3))
def test_a_printed_field_selector_means_the_same(wanted):
    escaped = {
        name: value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
        for name, value in wanted.items()
    }
    selector = FieldSelector.parse(",".join(f"{name}={value}" for name, value in escaped.items()))
    assert {found.field: found.value for found in selector.requirements} == wanted
    assert FieldSelector.parse(str(selector)) == selector
