"""Rules, webhooks and policies: what is configured, and calls that meet it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.conformance.compare.scenes.building import (
    CONFIG_MAPS,
    apply,
    config_map,
    delete,
    get,
    patch,
    post,
    put,
    scene,
)
from tests.conformance.compare.scenes.custom import DEFINITIONS, definition
from tools.compare.messages import ESTABLISHED, Message
from tools.webhook_server import WebhookServer, webhook

REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
MUTATING = f"{REGISTRATION}/mutatingwebhookconfigurations"
VALIDATING = f"{REGISTRATION}/validatingwebhookconfigurations"
POLICIES = f"{REGISTRATION}/validatingadmissionpolicies"
BINDINGS = f"{REGISTRATION}/validatingadmissionpolicybindings"
MUTATIONS = f"{REGISTRATION}/mutatingadmissionpolicies"
MUTATION_BINDINGS = f"{REGISTRATION}/mutatingadmissionpolicybindings"
NUMBER, TEXT = {"type": "integer"}, {"type": "string"}


@dataclass(frozen=True, slots=True)
class Play:
    """What is made before a scene, and how its effect shows."""

    made: list[Message]
    probe: Message
    words: str
    messages: list[Message]


def rules(*listed: Any, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": properties, "x-kubernetes-validations": list(listed)}
        },
    }


def ruled(name: str, group: str, schema: dict[str, Any], *specs: Any) -> Any:
    """A definition, and things that meet its rules; each spec after the first replaces it."""
    base = f"/apis/{group}/v1/namespaces/{{namespace}}/things"

    def thing(spec, **more):
        return {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "t", **more}, "spec": spec}

    first, *others = specs
    messages = [
        Message(ESTABLISHED, f"{DEFINITIONS}/things.{group}", definition(group, schema)),
        post(base, thing(first)),
    ]
    messages += [patch(f"{base}/t", {"spec": spec}) for spec in others]
    return scene(name, *messages, delete(f"{DEFINITIONS}/things.{group}"))


def wrong(number: int, rule: dict[str, Any]) -> Message:
    """A definition that is refused."""
    schema = rules(rule, n=NUMBER, s=TEXT, l={"type": "array", "maxItems": 5, "items": TEXT})
    return post(DEFINITIONS, definition(f"wrong{number}.example.com", schema))


def rule(text: str, **more: Any) -> dict[str, Any]:
    return {"rule": text, **more}


WRONG = [
    rule("self.n >"), rule("self.m > 1"), rule("that.n > 1"), rule("'a'"), rule("self.n"), rule(" "),
    rule("true", message=" "), rule("true", message="a\nb"), rule("self.n >\n1"), rule("true", reason="Because"),
    rule("true", fieldPath=".nowhere"), rule("true", fieldPath="n"), rule("true", messageExpression=" "),
    rule("true", messageExpression="1"), rule("self.n > 0", optionalOldSelf=True), rule("1 + 'a' == 2"),
    rule("self.l.all(x, y == x)"), rule("has(self.q)"),
]  # fmt: skip

SCENES = {
    one.name: one
    for one in (
        scene("rules that are wrong", *(wrong(number, given) for number, given in enumerate(WRONG))),
        ruled(
            "rules of an object", "rules-a.example.com",
            rules(
                rule("self.low <= self.high"), rule("self.low > 0", message=" must be positive "),
                rule("self.low != 7", messageExpression="'%d is no good'.format([self.low])", fieldPath=".low",
                     reason="FieldValueForbidden"),
                rule("self.high != 9", reason="FieldValueDuplicate"), rule("has(self.low)", reason="FieldValueRequired"),
                low=NUMBER, high=NUMBER,
            ),
            {"low": 1, "high": 2}, {"low": 3}, {"low": 0}, {"low": 7, "high": 8}, {"high": 9, "low": 1}, {"low": None},
        ),
        ruled(
            "rules of values", "rules-b.example.com",
            rules(
                n={**NUMBER, "x-kubernetes-validations": [rule("self % 2 == 0", message="must be even")]},
                s={**TEXT, "maxLength": 20, "x-kubernetes-validations": [rule("self.startsWith('a')")]},
                l={"type": "array", "maxItems": 9, "items": {**TEXT, "maxLength": 9, "x-kubernetes-validations": [rule("self != 'x'")]}},
                m={"type": "object", "maxProperties": 9, "additionalProperties": {**NUMBER, "x-kubernetes-validations": [rule("self < 5")]}},
            ),
            {"n": 2, "s": "a", "l": ["b"], "m": {"k": 1}}, {"n": 3}, {"s": "b"}, {"l": ["x", "y", "x"]}, {"m": {"k": 9}},
        ),
        ruled(
            "rules of changes", "rules-c.example.com",
            rules(
                rule("self.n >= oldSelf.n", message="n may not shrink"),
                rule("oldSelf.hasValue() ? self.s == oldSelf.value().s : self.s == 'a'", optionalOldSelf=True, message="s is fixed"),
                n=NUMBER, s=TEXT,
            ),
            {"n": 2, "s": "a"}, {"n": 3}, {"n": 1}, {"s": "b"},
        ),
        ruled(
            "functions", "rules-d.example.com",
            rules(
                rule("isURL(self.s) || isIP(self.s) || isQuantity(self.s)", message="neither"),
                rule("self.l.isSorted()", messageExpression="self.l.join(',')"),
                rule("!self.s.matches('^b+$') && self.s.lowerAscii() == self.s", message="case"),
                rule("self.s.find('[0-9]+') == '' || int(self.s.find('[0-9]+')) < 2000", message="number"),
                s={**TEXT, "maxLength": 50}, l={"type": "array", "maxItems": 9, "items": {**TEXT, "maxLength": 9}},
            ),
            {"s": "http://a/", "l": ["a", "b"]}, {"s": "1Gi"}, {"s": "10.0.0.1"}, {"s": "zzz"}, {"l": ["b", "a"]},
            {"s": "http://a/2000"},
        ),
        ruled(
            "rules without a value", "rules-e.example.com",
            rules(
                rule("self.a.b > 0"), rule("10 / self.n > 1"), rule("self.l[3] == 'a'"),
                a={"type": "object", "properties": {"b": NUMBER}}, n=NUMBER, l={"type": "array", "maxItems": 5, "items": TEXT},
            ),
            {"n": 0, "l": ["a"]},
        ),
        scene("webhooks that are wrong", *(
            post(kind, {"metadata": {"name": "wrong"}, "webhooks": [{
                "name": "a.example.com", "clientConfig": {"url": "https://a.example.com/"}, "sideEffects": "None",
                "admissionReviewVersions": ["v1"], **given,
            }]})
            for kind in (MUTATING, VALIDATING)
            for given in (
                {"name": ""}, {"name": "short"}, {"name": "A.b.c"}, {"sideEffects": "Some"}, {"sideEffects": None},
                {"admissionReviewVersions": []}, {"admissionReviewVersions": ["v9", "v9"]}, {"timeoutSeconds": 31},
                {"failurePolicy": "Maybe"}, {"matchPolicy": "Loose"}, {"clientConfig": {}},
                {"clientConfig": {"url": "http://u:p@a.example.com/?a=b#c"}}, {"clientConfig": {"url": "https:///x"}},
                {"clientConfig": {"service": {"name": "a", "namespace": "b", "path": "a//b", "port": 0}}},
                {"clientConfig": {"service": {"name": "", "namespace": ""}}},
                {"rules": [{"operations": ["*", "CREATE"], "apiGroups": ["*", ""], "apiVersions": ["", "*"], "resources": ["*", "pods"]}]},
                {"rules": [{"operations": ["READ"], "apiGroups": [], "apiVersions": [], "resources": []}]},
                {"rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/*", "pods/log", "*/*", "*/x", "a/x"], "scope": "Here"}]},
                {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}},
                {"matchConditions": [{"name": "", "expression": ""}, {"name": "a b", "expression": "object."}, {"name": "a", "expression": "1"}, {"name": "a", "expression": "true"}]},
                {"reinvocationPolicy": "Often"},
            )
        )),
        scene("policies that are wrong", *(
            post(POLICIES, {"metadata": {"name": "wrong"}, "spec": {
                "matchConstraints": {"resourceRules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]},
                "validations": [{"expression": "true"}], **given,
            }})
            for given in (
                {"validations": []}, {"validations": [{"expression": ""}]}, {"validations": [{"expression": "1"}]},
                {"validations": [{"expression": "object.", "reason": "Tired", "message": "a\nb", "messageExpression": "1"}]},
                {"matchConstraints": None}, {"matchConstraints": {}}, {"failurePolicy": "Maybe"},
                {"paramKind": {"apiVersion": "", "kind": ""}}, {"paramKind": {"apiVersion": "a/b/c", "kind": "A b"}},
                {"variables": [{"name": "a-b", "expression": "1"}]}, {"variables": [{"name": "", "expression": ""}]},
                {"variables": [{"name": "a", "expression": "b"}]}, {"auditAnnotations": [{"key": "a b", "valueExpression": "1"}]},
                {"auditAnnotations": [{"key": "a", "valueExpression": ""}, {"key": "a", "valueExpression": "'x'"}]},
                {"validations": [{"expression": "params.x == 1"}]}, {"validations": [{"expression": "nobody == 1"}]},
            )
        )),
        scene("bindings that are wrong", *(
            post(BINDINGS, {"metadata": {"name": "wrong"}, "spec": {"policyName": "p", "validationActions": ["Deny"], **given}})
            for given in (
                {"policyName": ""}, {"policyName": "A b"}, {"validationActions": []}, {"validationActions": ["Deny", "Warn"]},
                {"validationActions": ["Shout", "Deny", "Deny"]}, {"paramRef": {}}, {"paramRef": {"name": "a", "selector": {}}},
                {"paramRef": {"name": "a", "parameterNotFoundAction": "Wait"}}, {"matchResources": {"matchPolicy": "Loose"}},
            )
        )),
        scene(
            "policies that are kept",
            post(POLICIES, {"metadata": {"name": "kept"}, "spec": {
                "matchConstraints": {"resourceRules": [{"operations": ["CREATE"], "apiGroups": ["x.example.com"], "apiVersions": ["v1"], "resources": ["xs"]}]},
                "validations": [{"expression": "true"}], "variables": [{"name": "a", "expression": "1"}],
            }}),
            post(BINDINGS, {"metadata": {"name": "kept"}, "spec": {"policyName": "kept", "validationActions": ["Audit"]}}),
            get(f"{POLICIES}/kept", Accept="application/json;as=Table;v=v1;g=meta.k8s.io"),
            get(f"{BINDINGS}/kept", Accept="application/json;as=Table;v=v1;g=meta.k8s.io"),
            patch(f"{POLICIES}/kept", {"spec": {"failurePolicy": "Ignore"}}),
            delete(f"{POLICIES}/kept"), delete(f"{BINDINGS}/kept"),
        ),
        scene("mutations that are wrong", *(
            post(MUTATIONS, {"metadata": {"name": "wrong"}, "spec": {
                "matchConstraints": {"resourceRules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]},
                "reinvocationPolicy": "Never", "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[]"}}], **given,
            }})
            for given in (
                {"mutations": []}, {"mutations": [{}]}, {"mutations": [{"patchType": "JSONPatch"}]},
                {"mutations": [{"patchType": "ApplyConfiguration", "jsonPatch": {"expression": "[]"}}]},
                {"mutations": [{"patchType": "Other"}]}, {"reinvocationPolicy": "Often"}, {"reinvocationPolicy": None},
            )
        )),
    )
}  # fmt: skip

VERSION = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
STATUS_GROUP = "status.example.com"
THINGS = f"/apis/{STATUS_GROUP}/v1/namespaces/{{namespace}}/things"
THING = {"apiVersion": f"{STATUS_GROUP}/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"n": 1}}
STATED = {"type": "object", "properties": {
    "spec": {"type": "object", "properties": {"n": NUMBER}}, "status": {"type": "object", "properties": {"n": NUMBER}},
}}  # fmt: skip
UNSTATED = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": NUMBER}}}}


def statuses(name: str, schema: dict[str, Any]) -> Any:
    """Fields of a status that a schema does not know, in each way in which a status is written."""
    whole = {**THING, "status": {"n": 1, "zzz": 2}}
    live = {**whole, "metadata": {"name": "t", "resourceVersion": "${1:metadata.resourceVersion}"}}
    return scene(
        name, Message(ESTABLISHED, f"{DEFINITIONS}/things.{STATUS_GROUP}", definition(STATUS_GROUP, schema)), post(THINGS, THING),
        put(f"{THINGS}/t/status?fieldValidation=Strict", live), put(f"{THINGS}/t/status", live), get(f"{THINGS}/t"),
        patch(f"{THINGS}/t/status", {"status": {"yyy": 1}}), patch(f"{THINGS}/t/status?fieldValidation=Strict", {"status": {"yyy": 1}}),
        post(f"{THINGS}?fieldValidation=Strict", {**whole, "metadata": {"name": "u"}}), post(THINGS, {**whole, "metadata": {"name": "u"}}),
        apply(f"{THINGS}/t/status", whole), delete(f"{DEFINITIONS}/things.{STATUS_GROUP}"),
    )  # fmt: skip


UNNAMED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "foo": 1}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "a", "image": "b"}]},
}
SCENES |= {
    one.name: one
    for one in (
        statuses("fields of a status that is declared", STATED),
        statuses("fields of a status that is not declared", UNSTATED),
        scene(
            "an update without a name", post(CONFIG_MAPS, config_map("a")), put(f"{CONFIG_MAPS}/a?fieldValidation=Strict", UNNAMED),
            put(f"{CONFIG_MAPS}/a", UNNAMED), put(f"{CONFIG_MAPS}/a?fieldValidation=Strict", {**UNNAMED, "metadata": {"name": "b"}}),
            put(f"{CONFIG_MAPS}/a", {**UNNAMED, "metadata": {"name": "a", "x": 1}}),
        ),
        scene("image pull secrets without a name", *(
            post("/api/v1/namespaces/{namespace}/pods", {**POD, "metadata": {"name": f"p{number}"}, "spec": {**POD["spec"], "imagePullSecrets": given}})
            for number, given in enumerate(([{"name": ""}], [{}], [{"name": "a"}, {"name": ""}], [{}, {}]))
        )),
        scene("versions without a schema", *(
            post(DEFINITIONS, definition("none.example.com", versions=listed))
            for listed in (
                [VERSION, {"name": "v2", "served": True, "storage": False}],
                [VERSION, {"name": "v2", "served": True, "storage": False, "schema": {}}],
                [{"name": "v1", "served": True, "storage": True}],
                [{"name": "v1", "served": True, "storage": True}, {"name": "v2", "served": True, "storage": False}],
                [{"name": "v1", "served": True, "storage": True}, {**VERSION, "name": "v2", "storage": False}],
            )
        )),
    )
}  # fmt: skip


def config(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def hooked(kind: str, path: str, words: str, **given: Any) -> Callable[[WebhookServer, str], Play]:
    """A webhook of config maps, and calls that meet it."""

    def play(server: WebhookServer, name: str) -> Play:
        selector = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "Exists"}]}
        made = webhook(server, path, namespaceSelector=selector, **given)
        labelled = {**config("l", a="b"), "metadata": {"name": "l", "labels": {"a": "b"}}}
        return Play(
            [post(kind, {"metadata": {"name": name}, "webhooks": [made]})],
            post(f"{CONFIG_MAPS}?dryRun=All", config("probe")), words,
            [
                post(CONFIG_MAPS, config("a", a="b")), post(f"{CONFIG_MAPS}?dryRun=All", config("d")), post(CONFIG_MAPS, labelled),
                put(f"{CONFIG_MAPS}/a", config("a", c="d")), patch(f"{CONFIG_MAPS}/a", {"data": {"e": "f"}}),
                get(f"{CONFIG_MAPS}/a"), delete(f"{CONFIG_MAPS}/a"),
            ],
        )  # fmt: skip

    return play


def judged(
    policy: dict[str, Any], words: str, *datas: dict[str, str], **binding: Any
) -> Callable[[WebhookServer, str], Play]:
    """A policy of config maps, and config maps that meet it."""

    def play(_server: WebhookServer, name: str) -> Play:
        rule = {
            "operations": ["CREATE", "UPDATE"],
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "resources": ["configmaps"],
        }
        spec = {"matchConstraints": {"resourceRules": [rule]}, **policy}
        kinds = (MUTATIONS, MUTATION_BINDINGS) if "mutations" in policy else (POLICIES, BINDINGS)
        actions = {} if "mutations" in policy else {"validationActions": ["Deny"]}
        return Play(
            [
                post(kinds[0], {"metadata": {"name": name}, "spec": spec}),
                post(kinds[1], {"metadata": {"name": name}, "spec": {"policyName": name, **actions, **binding}}),
            ],
            post(f"{CONFIG_MAPS}?dryRun=All", config("probe", bad="yes")), words,
            [post(CONFIG_MAPS, config(f"c{number}", **data)) for number, data in enumerate(datas)],
        )  # fmt: skip

    return play


def validated(*validations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"validations": list(validations), **more}


BAD = {"expression": "!has(object.data) || !('bad' in object.data)", "message": "bad is told"}
PLAYS: dict[str, Callable[[WebhookServer, str], Play]] = {
    "a webhook that says no": hooked(VALIDATING, "/deny", "denied the request"),
    "a webhook that says no and nothing else": hooked(VALIDATING, "/deny-plainly", "without explanation"),
    "a mutating webhook that says no": hooked(MUTATING, "/deny", "denied the request"),
    "a webhook that changes": hooked(MUTATING, "/label", "hooked"),
    "a webhook that answers for another": hooked(VALIDATING, "/wrong-uid", "expected response.uid"),
    "a webhook that answers nothing": hooked(VALIDATING, "/empty", "received invalid"),
    "a webhook without a type of patch": hooked(MUTATING, "/patch-without-type", "received invalid"),
    "a validating webhook that patches": hooked(VALIDATING, "/label", "received invalid"),
    "a webhook whose patch does not fit": hooked(MUTATING, "/bad-patch", "nternal error"),
    "a webhook of conditions": hooked(
        VALIDATING, "/deny", "denied the request",
        matchConditions=[{"name": "wanted", "expression": "request.operation != 'UPDATE' || object.data.e == 'f'"}],
    ),
    "a policy": judged(
        validated(BAD, {"expression": "object.data.size in ['s', 'm']", "messageExpression": "'no ' + object.data.size"}),
        "bad is told", {"size": "s"}, {"size": "xl"}, {"bad": "yes"}, {},
    ),
    "a policy with reasons": judged(
        validated({**BAD, "reason": "Forbidden"}, {"expression": "size(object.data) < 3", "reason": "RequestEntityTooLarge"}),
        "bad is told", {"bad": "1"}, {"a": "1"}, {"a": "1", "b": "2", "c": "3"},
    ),
    "a policy with variables": judged(
        validated(
            BAD, {"expression": "variables.size < 10 && variables.twice < 10", "messageExpression": "'%d and %d'.format([variables.size, variables.twice])"},
            variables=[{"name": "size", "expression": "int(object.data.size)"}, {"name": "twice", "expression": "variables.size * 2"}],
        ),
        "bad is told", {"size": "1"}, {"size": "7"}, {"size": "x"}, {"a": "b"},
    ),
    "a policy with conditions": judged(
        validated(BAD, {"expression": "false"}, matchConditions=[{"name": "some", "expression": "object.data.skip != 'yes'"}]),
        "resulted in error", {"skip": "yes"}, {"skip": "no"}, {"a": "b"},
    ),
    "a policy without its parameters": judged(
        validated(BAD, paramKind={"apiVersion": "v1", "kind": "ConfigMap"}), "no params found", {"a": "b"},
        paramRef={"name": "nothing", "parameterNotFoundAction": "Deny"},
    ),
    "a policy that asks for rights": judged(
        validated(BAD, {"expression": "authorizer.group('').resource('pods').namespace('default').check('get').allowed()"},
                  {"expression": "authorizer.requestResource.check('create').reason() == ''"},
                  {"expression": "namespaceObject.metadata.name != 'default' && request.dryRun == false"}),
        "bad is told", {"a": "b"},
    ),
    "a mutation": judged(
        {
            "reinvocationPolicy": "Never", "mutations": [
                {"patchType": "ApplyConfiguration", "applyConfiguration": {
                    "expression": "Object{metadata: Object.metadata{labels: {'bad': string('bad' in object.data)}}}"}},
                {"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'add', path: '/data/added', value: 'x'}]"}},
            ],
        },
        "added", {"a": "b"}, {"bad": "1"},
    ),
    "a mutation without a value": judged(
        {"reinvocationPolicy": "Never", "mutations": [
            {"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'add', path: '/data/added', value: object.data.nothing}]"}}]},
        "denied request", {"a": "b"},
    ),
}  # fmt: skip
