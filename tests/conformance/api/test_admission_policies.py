"""Admission policies: writes that expressions judge or change."""

from __future__ import annotations

import pytest

from seaway.client.request import MERGE_PATCH
from seaway.objects.builtin import (
    CONFIG_MAPS,
    MUTATING_ADMISSION_POLICIES,
    MUTATING_ADMISSION_POLICY_BINDINGS,
    NAMESPACES,
    VALIDATING_ADMISSION_POLICIES,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
)
from seaway.objects.errors import ApiError, Invalid
from seaway.objects.workloads import DEPLOYMENTS

RULE = {
    "operations": ["CREATE", "UPDATE"],
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["configmaps"],
}
DEPLOYED = {
    "operations": ["CREATE"],
    "apiGroups": ["apps"],
    "apiVersions": ["v1"],
    "resources": ["deployments"],
}


def config(name="c", **data):
    return {"metadata": {"name": name}, "data": data}


async def judge(client, *validations, actions=("Deny",), reference=None, rule=RULE, name="p", **spec):
    matching = {"resourceRules": [rule]}
    given = {"matchConstraints": matching, "validations": list(validations), **spec}
    await client.create(VALIDATING_ADMISSION_POLICIES, {"metadata": {"name": name}, "spec": given})
    bound = {
        "policyName": name,
        "validationActions": list(actions),
        **({"paramRef": reference} if reference else {}),
    }
    await client.create(
        VALIDATING_ADMISSION_POLICY_BINDINGS, {"metadata": {"name": f"{name}-bound"}, "spec": bound}
    )


async def change(client, *mutations, rule=RULE, name="m", **spec):
    given = {
        "matchConstraints": {"resourceRules": [rule]}, "mutations": list(mutations), "reinvocationPolicy": "Never", **spec,
    }  # fmt: skip
    await client.create(MUTATING_ADMISSION_POLICIES, {"metadata": {"name": name}, "spec": given})
    bound = {"policyName": name}
    await client.create(
        MUTATING_ADMISSION_POLICY_BINDINGS, {"metadata": {"name": f"{name}-bound"}, "spec": bound}
    )


def applied(text):
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": text}}


def patched(text):
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": text}}


async def test_a_write_that_breaks_a_policy_is_refused_in_kubernetes_words(client):
    await judge(client, {"expression": "object.data.size in ['s', 'm']", "message": "too large"})
    await client.create(CONFIG_MAPS, config(size="s"), "default")
    with pytest.raises(ApiError) as refused:
        await client.create(CONFIG_MAPS, config("big", size="xl"), "default")
    said = "ValidatingAdmissionPolicy 'p' with binding 'p-bound' denied request: too large"
    assert refused.value.message == f'configmaps "big" is forbidden: {said}'
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")
    with pytest.raises(ApiError, match="too large"):
        await client.patch(CONFIG_MAPS, "c", {"data": {"size": "xl"}}, "default", content_type=MERGE_PATCH)


TOLD = {
    "the expression": ({"expression": "  has(object.data.a)"}, 422, "failed expression: has(object.data.a)"),
    "a message by an expression": (
        {"expression": "has(object.data.a)", "messageExpression": "'no a in ' + object.metadata.name"}, 422, "no a in c",
    ),
    "a reason": ({"expression": "false", "message": "no", "reason": "Forbidden"}, 403, "no"),
    "no value": (
        {"expression": "object.data.a.b == 'x'"}, 422,
        "expression 'object.data.a.b == 'x'' resulted in error: no such key: a",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
async def test_what_is_told_of_a_broken_rule(client, name):
    validation, code, words = TOLD[name]
    await judge(client, validation)
    with pytest.raises(ApiError) as refused:
        await client.create(CONFIG_MAPS, config(z="1"), "default")
    assert refused.value.code == code
    assert refused.value.message.endswith(f"denied request: {words}")


async def test_a_policy_without_a_binding_does_nothing(client):
    await judge(client, {"expression": "false"})
    await client.delete(VALIDATING_ADMISSION_POLICY_BINDINGS, "p-bound")
    await client.create(CONFIG_MAPS, config(), "default")


async def test_a_binding_may_only_warn_or_only_audit(client):
    await judge(client, {"expression": "false", "message": "frowned upon"}, actions=("Audit",))
    await client.create(CONFIG_MAPS, config(), "default")


async def test_variables_are_known_to_each_other_and_evaluated_when_needed(client):
    variables = [
        {"name": "size", "expression": "int(object.data.size)"},
        {"name": "large", "expression": "variables.size > 10"},
        {"name": "broken", "expression": "object.data.nothing"},
    ]
    await judge(
        client, {"expression": "!variables.large", "messageExpression": "'%d is large'.format([variables.size])"},
        variables=variables,
    )  # fmt: skip
    await client.create(CONFIG_MAPS, config("small", size="1"), "default")
    with pytest.raises(ApiError, match="11 is large"):
        await client.create(CONFIG_MAPS, config("large", size="11"), "default")
    await judge(client, {"expression": "variables.broken == ''"}, variables=variables, name="q")
    with pytest.raises(
        ApiError, match='composited variable "broken" fails to evaluate: no such key: nothing'
    ):
        await client.create(CONFIG_MAPS, config("c", size="1"), "default")


async def test_parameters_come_from_the_objects_that_a_binding_names(client):
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    reference = {"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"}
    text = "size(object.data) <= int(params.data.most)"
    await client.create(CONFIG_MAPS, config("limits", most="1"), "default")
    await judge(client, {"expression": text, "message": "too many"}, paramKind=kind, reference=reference)
    await client.create(CONFIG_MAPS, config("one", a="1"), "default")
    with pytest.raises(ApiError, match="too many"):
        await client.create(CONFIG_MAPS, config("two", a="1", b="2"), "default")
    await client.delete(CONFIG_MAPS, "limits", "default")
    said = (
        "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
    )
    with pytest.raises(ApiError, match=said):
        await client.create(CONFIG_MAPS, config("one-more", a="1"), "default")


async def test_an_unknown_kind_of_parameters_is_the_policys_fault(client):
    kind = {"apiVersion": "rules.example.com/v1", "kind": "Limit"}
    reference = {"name": "l", "parameterNotFoundAction": "Deny"}
    await judge(client, {"expression": "true"}, paramKind=kind, reference=reference)
    said = "failed to find resource referenced by paramKind: 'rules.example.com/v1, Kind=Limit'"
    with pytest.raises(
        ApiError, match=f"ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: {said}"
    ):
        await client.create(CONFIG_MAPS, config(), "default")


async def test_match_conditions_and_the_failure_policy(client):
    conditions = [{"name": "marked", "expression": "object.metadata.labels.judged == 'yes'"}]
    await judge(client, {"expression": "false"}, matchConditions=conditions, failurePolicy="Ignore")
    await client.create(CONFIG_MAPS, config("unlabelled"), "default")
    labelled = {"metadata": {"name": "l", "labels": {"judged": "yes"}}}
    with pytest.raises(ApiError, match="failed expression: false"):
        await client.create(CONFIG_MAPS, labelled, "default")


async def test_an_expression_sees_the_namespace_the_request_and_the_callers_rights(client):
    await client.create(NAMESPACES, {"metadata": {"name": "strict", "labels": {"level": "strict"}}})
    text = (
        "namespaceObject.metadata.labels.level != 'strict' || request.operation == 'DELETE' || "
        "!authorizer.group('').resource('secrets').namespace(request.namespace).check('create').allowed()"
    )
    await judge(client, {"expression": text, "message": "not by you"})
    with pytest.raises(ApiError, match="not by you"):
        await client.create(CONFIG_MAPS, config(), "strict")
    with pytest.raises(ApiError, match=r"no such key: (labels|level)"):
        await client.create(CONFIG_MAPS, config(), "default")


async def test_a_policy_changes_what_is_stored(client):
    await change(
        client,
        applied("Object{metadata: Object.metadata{labels: {'seen': request.operation}}}"),
        patched("[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'x'}]"),
    )
    made = await client.create(CONFIG_MAPS, config(a="1"), "default")
    assert (made["metadata"]["labels"], made["data"]) == ({"seen": "CREATE", "a/b": "x"}, {"a": "1"})


async def test_an_applied_configuration_merges_keyed_lists(client):
    extra = "Object.spec.template.spec.containers{name: 'side', image: 'side:1'}"
    await change(
        client,
        applied(
            f"Object{{spec: Object.spec{{template: Object.spec.template{{spec: Object.spec.template.spec{{containers: [{extra}]}}}}}}}}"
        ),
        rule=DEPLOYED,
    )
    labels = {"app": "a"}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "main", "image": "main:1"}]},
        },
    }
    made = await client.create(DEPLOYMENTS, {"metadata": {"name": "d"}, "spec": spec}, "default")
    assert [one["name"] for one in made["spec"]["template"]["spec"]["containers"]] == ["main", "side"]


async def test_a_mutation_that_fails_refuses_the_write(client):
    await change(client, patched("[JSONPatch{op: 'test', path: '/data/a', value: 'x'}]"))
    with pytest.raises(ApiError, match="policy 'm' with binding 'm-bound' denied request: "):
        await client.create(CONFIG_MAPS, config(a="1"), "default")


FAULTS = {
    "spec.validations[0].expression: Invalid value: \"object.\": compilation failed": [{"expression": "object."}],
    "spec.validations[0].expression: Invalid value: \"1\": must evaluate to bool": [{"expression": "1"}],
    "spec.validations[0].messageExpression: Invalid value: \"1\": must evaluate to string": [
        {"expression": "true", "messageExpression": "1"}
    ],
    "spec.validations[0].reason: Unsupported value: \"Tired\": supported values: \"Forbidden\", \"Invalid\", "
    "\"RequestEntityTooLarge\"": [{"expression": "true", "reason": "Tired"}],
    "spec.validations: Required value: validations or auditAnnotations must contain at least one item": [],
}  # fmt: skip


@pytest.mark.parametrize("words", FAULTS)
async def test_what_is_wrong_with_a_policy_is_told(client, words):
    with pytest.raises(Invalid) as refused:
        await judge(client, *FAULTS[words])
    assert words in refused.value.message


async def test_a_binding_may_not_deny_and_warn_at_once(client):
    with pytest.raises(Invalid, match="must not contain both Deny and Warn"):
        await judge(client, {"expression": "true"}, actions=("Deny", "Warn"))
