"""Names: validity in Kubernetes' words, generation, and bounded names that never collide."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.objects import names

VALID = {
    "label": (names.dns_label_faults, "my-name"),
    "label of 63": (names.dns_label_faults, "a" * 63),
    "label of digits": (names.dns_label_faults, "123"),
    "1035 label": (names.dns_1035_label_faults, "abc-1"),
    "subdomain": (names.dns_subdomain_faults, "a.b-c.example.com"),
    "key": (names.qualified_name_faults, "example.com/My_Name.1"),
    "value": (names.label_value_faults, ""),
    "variable": (names.variable_faults, "MY_ENV.NAME"),
}
INVALID = {
    "label in capitals": (names.dns_label_faults, "Abc", "a lowercase RFC 1123 label must consist of"),
    "label of 64": (names.dns_label_faults, "a" * 64, "must be no more than 63 characters"),
    "label with a newline": (names.dns_label_faults, "a\n", "a lowercase RFC 1123 label"),
    "1035 label of digits": (names.dns_1035_label_faults, "1a", "a DNS-1035 label must"),
    "subdomain with an empty part": (names.dns_subdomain_faults, "a..b", "a lowercase RFC 1123 subdomain"),
    "key with two slashes": (
        names.qualified_name_faults,
        "a/b/c",
        "with an optional DNS subdomain prefix and '/'",
    ),
    "key without a prefix": (names.qualified_name_faults, "/b", "prefix part must be non-empty"),
    "key without a name": (names.qualified_name_faults, "a/", "name part must be non-empty"),
    "key with a bad prefix": (
        names.qualified_name_faults,
        "A/b",
        "prefix part a lowercase RFC 1123 subdomain",
    ),
    "value with a space": (names.label_value_faults, "a b", "a valid label must be an empty string or"),
    "variable with an equals sign": (names.variable_faults, "A=", "a valid environment variable name must"),
}


@pytest.mark.parametrize(("faults", "text"), VALID.values(), ids=VALID.keys())
def test_a_valid_name_has_no_faults(faults, text):
    assert faults(text) == ()


@pytest.mark.parametrize(("faults", "text", "message"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_name_is_told_as_kubernetes_tells_it(faults, text, message):
    assert any(message in fault for fault in faults(text))


def test_examples_are_listed_as_kubernetes_lists_them():
    assert names.dns_label_faults("A")[0].endswith(
        "(e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    )


def test_a_generated_name_keeps_its_prefix_and_fits():
    made = names.generate_name("x" * 80, Random(1))
    assert len(made) == 63
    assert made.startswith("x" * 58)
    assert names.generate_name("a-", Random(1)) != names.generate_name("a-", Random(2))


def test_parts_that_fit_stay_as_they_are():
    assert names.bounded_name("digits", "train", "1") == "digits-train-1"


parts = st.lists(st.text("abcXY9._-", max_size=30), min_size=1, max_size=4)


@given(parts, st.integers(16, 63))
def test_a_bounded_name_is_a_valid_label_and_the_same_each_time(given_parts, limit):
    made = names.bounded_name(*given_parts, limit=limit)
    assert names.is_dns_label(made)
    assert len(made) <= limit
    assert made == names.bounded_name(*given_parts, limit=limit)


COLLISIONS = {
    "long ones differ at the end": (("a" * 80 + "b",), ("a" * 80 + "c",)),
    "letters that a label may not have": (("a_b",), ("a.b",)),
    "an empty part": (("a", "", "b"), ("a", "b", "")),
}


@pytest.mark.parametrize(("left", "right"), COLLISIONS.values(), ids=COLLISIONS.keys())
def test_different_parts_keep_different_names(left, right):
    assert names.bounded_name(*left) != names.bounded_name(*right)


def test_a_part_that_looks_like_a_digest_cannot_pose_as_one():
    made = names.bounded_name("A")
    assert names.bounded_name(made) != made
