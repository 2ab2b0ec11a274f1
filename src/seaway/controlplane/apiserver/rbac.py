"""What roles allow; pure.

Source: Kubernetes' "Using RBAC Authorization".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seaway.controlplane.apiserver.users import SERVICE_ACCOUNT_PREFIX, User

Object = dict[str, Any]
ALL = "*"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that somebody wants to do."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    namespace: str = ""
    path: str = ""
    """Of a URL that is no resource; the rest is empty then."""
    field_selector: str = ""
    """Of a list or watch, as given."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One `PolicyRule`."""

    verbs: tuple[str, ...]
    """All words are in the order in which the rule gives them, each once."""
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    @classmethod
    def from_object(cls, rule: Mapping[str, Any]) -> Rule:
        """Read one rule of a role."""

        def words(field: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(rule.get(field) or ()))

        fields = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
        return cls(*map(words, fields))

    def allows(self, action: Action) -> bool:
        """Tell whether the rule allows an action."""
        if action.verb not in self.verbs and ALL not in self.verbs:
            return False
        if action.path:
            return any(_path_matches(path, action.path) for path in self.paths)
        if action.group not in self.groups and ALL not in self.groups:
            return False
        return self._names_resource(action) and (not self.names or action.name in self.names)

    def _names_resource(self, action: Action) -> bool:
        if ALL in self.resources:
            return True
        if not action.subresource:
            return action.resource in self.resources
        combined = f"{action.resource}/{action.subresource}"
        return combined in self.resources or f"*/{action.subresource}" in self.resources

    def to_resource_rule(self) -> Object:
        """Return it as SelfSubjectRulesReview shows a resource rule."""
        rule: Object = {
            "verbs": list(self.verbs), "apiGroups": list(self.groups), "resources": list(self.resources),
        }  # fmt: skip
        return rule | ({"resourceNames": list(self.names)} if self.names else {})


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern in (ALL, path)


def covers(owned: Sequence[Rule], wanted: Rule) -> list[Rule]:
    """Return the parts of a wanted rule that the owned ones do not allow; none where they cover it."""
    return [part for part in _atoms(wanted) if not any(_contains(rule, part) for rule in owned)]


def _atoms(rule: Rule) -> Iterable[Rule]:
    for verb in rule.verbs:
        for path in rule.paths:
            yield Rule((verb,), paths=(path,))
        for group in rule.groups:
            for resource in rule.resources:
                one = ((verb,), (group,), (resource,))
                if not rule.names:
                    yield Rule(*one)
                for name in rule.names:
                    yield Rule(*one, (name,))


def _contains(rule: Rule, part: Rule) -> bool:
    if not (ALL in rule.verbs or set(part.verbs) <= set(rule.verbs)):
        return False
    if part.paths:
        return any(_path_matches(path, part.paths[0]) for path in rule.paths)
    if not (ALL in rule.groups or set(part.groups) <= set(rule.groups)):
        return False
    resource = next(iter(part.resources))
    subresource = resource.partition("/")[2]
    named = ALL in rule.resources or resource in rule.resources
    if not named and not (subresource and f"*/{subresource}" in rule.resources):
        return False
    return not rule.names or (bool(part.names) and set(part.names) <= set(rule.names))


def compacted(parts: Iterable[Rule]) -> list[Rule]:
    """Return rules that differ in their verbs alone as one."""
    verbs: dict[Rule, list[str]] = {}
    for part in parts:
        verbs.setdefault(replace(part, verbs=()), []).extend(part.verbs)
    return [replace(rule, verbs=tuple(dict.fromkeys(said))) for rule, said in verbs.items()]


def is_subject(subject: Mapping[str, Any], user: User, binding_namespace: str) -> bool:
    """Tell whether a binding's subject means a user."""
    kind, name = subject.get("kind"), subject.get("name", "")
    if kind == "User":
        return bool(name == user.name)
    if kind == "Group":
        return name in user.groups
    if kind == "ServiceAccount":
        namespace = subject.get("namespace") or binding_namespace
        return bool(user.name == f"{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}")
    return False


def rules_of(role: Mapping[str, Any] | None) -> tuple[Rule, ...]:
    """Return the rules of a role, none for none."""
    return tuple(Rule.from_object(rule) for rule in (role or {}).get("rules") or ())
