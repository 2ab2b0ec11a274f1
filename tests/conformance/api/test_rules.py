"""Rules of custom resources, written in CEL."""

from __future__ import annotations

import time

import pytest

from seaway.client.request import MERGE_PATCH
from seaway.objects.builtin import CUSTOM_RESOURCE_DEFINITIONS
from seaway.objects.errors import Invalid
from seaway.objects.resource import Resource

THINGS = Resource("rules.example.com", "v1", "Thing", "things")


def rule(text, **more):
    return {"rule": text, **more}


def definition(spec, *, root=()):
    structure = {"type": "object", "properties": {"spec": {"type": "object", **spec}}}
    if root:
        structure["x-kubernetes-validations"] = list(root)
    return {
        "metadata": {"name": "things.rules.example.com"},
        "spec": {
            "group": "rules.example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": structure}}
            ],
        },
    }  # fmt: skip


def with_rules(*rules, **properties):
    return {"properties": properties, "x-kubernetes-validations": list(rules)}


async def define(client, spec, **more):
    return await client.create(CUSTOM_RESOURCE_DEFINITIONS, definition(spec, **more))


async def make(client, name="t", **spec):
    return await client.create(THINGS, {"metadata": {"name": name}, "spec": spec}, "default")


async def change(client, name="t", **spec):
    return await client.patch(THINGS, name, {"spec": spec}, "default", content_type=MERGE_PATCH)


NUMBER, TEXT = {"type": "integer"}, {"type": "string"}


def causes(error):
    return [(cause.field, cause.message) for cause in error.value.causes]


BROKEN = {
    "plain": (
        with_rules(rule("self.low <= self.high"), low=NUMBER, high=NUMBER), {"low": 3, "high": 2},
        ("spec", "Invalid value: failed rule: self.low <= self.high"),
    ),
    "message": (
        with_rules(rule("self.n > 0", message=" must be more "), n=NUMBER), {"n": 0},
        ("spec", "Invalid value: must be more"),
    ),
    "message by an expression": (
        with_rules(rule("self.n > 0", messageExpression="'%d is too few'.format([self.n])"), n=NUMBER), {"n": 0},
        ("spec", "Invalid value: 0 is too few"),
    ),
    "reason": (
        with_rules(rule("has(self.n)", reason="FieldValueRequired", fieldPath=".n", message="give n"), n=NUMBER), {},
        ("spec.n", "Required value: give n"),
    ),
    "of a scalar": (
        {"properties": {"n": {**NUMBER, "x-kubernetes-validations": [rule("self % 2 == 0", message="must be even")]}}},
        {"n": 3}, ("spec.n", "Invalid value: 3: must be even"),
    ),
    "of items": (
        {"properties": {"l": {"type": "array", "items": {**TEXT, "x-kubernetes-validations": [rule("self != 'x'")]}}}},
        {"l": ["a", "x"]}, ("spec.l[1]", 'Invalid value: "x": failed rule: self != \'x\''),
    ),
    "no value": (
        with_rules(rule("self.n > 0"), n=NUMBER), {},
        ("spec", 'Invalid value: "object": no such key: n evaluating rule: self.n > 0'),
    ),
    "escaped names": (
        with_rules(rule("self.__namespace__ != self.my__dash__name"), **{"namespace": TEXT, "my-name": TEXT}),
        {"namespace": "a", "my-name": "a"},
        ("spec", "Invalid value: failed rule: self.__namespace__ != self.my__dash__name"),
    ),
    "numbers": (
        with_rules(rule("self.half * 2.0 == self.whole"), half={"type": "number"}, whole={"type": "number"}),
        {"half": 1, "whole": 3}, ("spec", "Invalid value: failed rule: self.half * 2.0 == self.whole"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
async def test_an_object_that_breaks_a_rule_is_refused(client, name):
    spec, given, told = BROKEN[name]
    await define(client, spec)
    with pytest.raises(Invalid) as refused:
        await make(client, **given)
    assert causes(refused) == [told]


async def test_rules_that_name_the_old_value_judge_changes_only(client):
    await define(client, with_rules(rule("self.n >= oldSelf.n", message="n may not shrink"), n=NUMBER))
    await make(client, n=5)
    await change(client, n=6)
    with pytest.raises(Invalid, match="n may not shrink"):
        await change(client, n=4)


async def test_an_optional_old_value_lets_a_rule_judge_creation_too(client):
    text = "oldSelf.hasValue() ? self.n == oldSelf.value().n : self.n == 1"
    await define(client, with_rules(rule(text, optionalOldSelf=True, message="n is fixed"), n=NUMBER))
    with pytest.raises(Invalid, match="n is fixed"):
        await make(client, n=2)
    await make(client, n=1)
    with pytest.raises(Invalid, match="n is fixed"):
        await change(client, n=2)


async def test_items_of_a_map_list_have_an_old_value_by_their_key(client):
    item = {
        "type": "object", "required": ["name"], "properties": {"name": TEXT, "n": NUMBER},
        "x-kubernetes-validations": [rule("self.n >= oldSelf.n", message="may not shrink")],
    }  # fmt: skip
    listed = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": item,
    }
    await define(client, {"properties": {"l": listed}})
    await make(client, l=[{"name": "a", "n": 1}, {"name": "b", "n": 5}])
    await change(client, l=[{"name": "b", "n": 6}, {"name": "a", "n": 1}, {"name": "c", "n": 0}])
    with pytest.raises(Invalid) as refused:
        await change(client, l=[{"name": "a", "n": 1}, {"name": "b", "n": 1}])
    assert causes(refused) == [("spec.l[1]", "Invalid value: may not shrink")]


async def test_what_an_update_leaves_as_it_was_is_only_warned_of(client):
    await define(client, {"properties": {"kept": TEXT, "other": TEXT}})
    await make(client, kept="bad", other="a")
    name = "things.rules.example.com"
    stricter = definition(
        {
            "properties": {
                "kept": {**TEXT, "x-kubernetes-validations": [rule("self == 'good'")]},
                "other": TEXT,
            }
        }
    )
    await client.patch(
        CUSTOM_RESOURCE_DEFINITIONS, name, {"spec": stricter["spec"]}, content_type=MERGE_PATCH
    )
    await change(client, other="b")
    with pytest.raises(Invalid):
        await change(client, kept="worse")


async def test_rules_wait_until_the_schema_is_kept(client):
    spec = with_rules(rule("self.n > 0"), n=NUMBER)
    await define(client, {**spec, "required": ["n"]})
    with pytest.raises(Invalid) as refused:
        await make(client)
    said = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"
    assert ("<nil>", f"Invalid value: null: {said}") in causes(refused)


WRONG = {
    "syntax": (rule("self.n >"), "rule", "compilation failed: ERROR: <input>:1:9: Syntax error: "),
    "unknown field": (rule("self.m > 1"), "rule", "compilation failed: ERROR: <input>:1:5: undefined field 'm'\n | self.m > 1\n | ....^"),
    "unknown name": (rule("that.n > 1"), "rule", "undeclared reference to 'that' (in container '')"),
    "no bool": (rule("'a'"), "rule", "cel expression must evaluate to a bool"),
    "empty": (rule(" "), "rule", "Required value: rule is not specified"),
    "message": (rule("true", message=" "), "message", "must be non-empty if specified"),
    "reason": (rule("true", reason="Because"), "reason", "supported values: \"FieldValueDuplicate\""),
    "path": (rule("true", fieldPath=".nowhere"), "fieldPath", "must be a valid path"),
    "no text": (rule("true", messageExpression="1"), "messageExpression", "messageExpression must evaluate to a string"),
    "not optional": (rule("self.n > 0", optionalOldSelf=True), "optionalOldSelf", "may not be set if oldSelf is not used in rule"),
    "growing": (rule("['a']" + ".map(x, x + x)" * 20 + ".all(x, true)"), "rule", "could grow"),
    "too long": (rule("true" + " && true" * 20_000), "rule", "expression size exceeds codepoint limit"),
    "too deep": (rule("(" * 500 + "true" + ")" * 500), "rule", "recursion limit"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_a_rule_that_cannot_be_compiled_refuses_its_definition(client, name):
    given, field, words = WRONG[name]
    with pytest.raises(Invalid) as refused:
        await define(client, with_rules(given, n=NUMBER))
    at = f"spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].{field}"
    assert [cause.field for cause in refused.value.causes] == [at]
    assert words in refused.value.message


async def test_the_old_value_of_plain_items_is_not_known(client):
    item = {
        "type": "object",
        "properties": {"n": NUMBER},
        "x-kubernetes-validations": [rule("self.n > oldSelf.n")],
    }
    with pytest.raises(Invalid, match="uncorrelatable portion of the schema within"):
        await define(client, {"properties": {"l": {"type": "array", "items": item}}})


async def test_a_malicious_rule_holds_nobody_up(client):
    nested = "self.l.all(a, self.l.all(b, self.l.all(c, self.l.all(d, a + b + c + d >= 0))))"
    each = {
        **NUMBER,
        "x-kubernetes-validations": [
            rule("[1,2,3,4,5,6,7,8,9].all(x, self > 0 && 'aaaaaaaa'.matches('^(a|aa)+$'))")
        ],
    }
    await define(
        client,
        with_rules(rule(nested), l={"type": "array", "items": NUMBER}, m={"type": "array", "items": each}),
    )
    begun = time.thread_time()  # of this thread: others make it wait
    with pytest.raises(Invalid, match="actual cost limit exceeded"):
        await make(client, l=list(range(500)), m=[1] * 200_000)
    assert time.thread_time() - begun < 10
