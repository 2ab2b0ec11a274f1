"""What roles allow."""

from __future__ import annotations

import pytest

from seaway.controlplane.apiserver.rbac import Action, Rule, covers, is_subject
from seaway.controlplane.apiserver.users import User, service_account_user


def rule(verbs="get", groups="", resources="pods", names=""):
    words = {"verbs": verbs.split(), "resources": resources.split(), "resourceNames": names.split()}
    return Rule.from_object(words | {"apiGroups": groups.split(",")})


@pytest.mark.parametrize(
    ("given", "action", "allowed"),
    [
        (rule(), Action("get", "", "pods", "", "a"), True),
        (rule(), Action("list", "", "pods"), False),
        (rule("*"), Action("list", "", "pods"), True),
        (rule(), Action("get", "batch", "pods"), False),
        (rule(groups="*"), Action("get", "batch", "pods"), True),
        (rule(), Action("get", "", "pods", "log"), False),
        (rule(resources="pods/log"), Action("get", "", "pods", "log"), True),
        (rule(resources="*/log"), Action("get", "", "pods", "log"), True),
        (rule(resources="*"), Action("get", "", "pods", "log"), True),
        (rule(names="a b"), Action("get", "", "pods", "", "a"), True),
        (rule(names="a b"), Action("get", "", "pods", "", "c"), False),
        (rule(names="a b"), Action("get", "", "pods"), False),
        (Rule(frozenset({"get"}), paths=("/healthz",)), Action("get", path="/healthz"), True),
        (Rule(frozenset({"get"}), paths=("/apis/*",)), Action("get", path="/apis/batch"), True),
        (Rule(frozenset({"get"}), paths=("/apis/*",)), Action("get", path="/api"), False),
        (rule("*", "*", "*"), Action("get", path="/healthz"), False),
    ],
)
def test_a_rule_allows(given, action, allowed):
    assert given.allows(action) is allowed


@pytest.mark.parametrize(
    ("owned", "wanted", "missing"),
    [
        ([rule("get list")], rule("get"), 0),
        ([rule("get")], rule("get list"), 1),
        ([rule("get"), rule("list")], rule("get list"), 0),
        ([rule("*", "*", "*")], rule("get list", "batch", "jobs cronjobs"), 0),
        ([rule(names="a")], rule(), 1),
        ([rule()], rule(names="a"), 0),
        ([rule(resources="*/log")], rule(resources="pods/log"), 0),
    ],
)
def test_what_owned_rules_do_not_cover(owned, wanted, missing):
    assert len(covers(owned, wanted)) == missing


@pytest.mark.parametrize(
    ("subject", "user", "meant"),
    [
        ({"kind": "User", "name": "jane"}, User("jane"), True),
        ({"kind": "User", "name": "jane"}, User("bob", ("jane",)), False),
        ({"kind": "Group", "name": "devs"}, User("bob", ("devs",)), True),
        ({"kind": "ServiceAccount", "name": "sa", "namespace": "ns"}, service_account_user("ns", "sa"), True),
        ({"kind": "ServiceAccount", "name": "sa"}, service_account_user("here", "sa"), True),
        (
            {"kind": "ServiceAccount", "name": "sa", "namespace": "ns"},
            service_account_user("other", "sa"),
            False,
        ),
    ],
)
def test_subjects(subject, user, meant):
    assert is_subject(subject, user, "here") is meant
