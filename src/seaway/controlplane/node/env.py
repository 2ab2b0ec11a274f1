"""A container's environment, command and arguments: pure.

Source: Kubernetes documentation, "Define environment variables"; `third_party/forked/golang/expansion`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from seaway.controlplane.node.fields import ConfigError, PodFacts, field_text, resource_text
from seaway.controlplane.node.settings import ImageEnvironment

Object = Mapping[str, Any]
Lookup = Callable[[str, str], Object | None]
"""Given "configmaps" or "secrets" and a name in the pod's namespace, the object or None."""
_REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace $(NAME) by its value and $$ by $; a name that is not known stays as it is."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return env.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def references(container: Object) -> set[tuple[str, str]]:
    """Return the config maps and secrets whose values a container's environment needs, as (plural, name)."""
    found = set()
    for source in container.get("envFrom") or ():
        for key, plural in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
            if key in source:
                found.add((plural, source[key]["name"]))
    for variable in container.get("env") or ():
        value_from = variable.get("valueFrom") or {}
        for key, plural in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
            if key in value_from:
                found.add((plural, value_from[key]["name"]))
    return found


def declared(
    facts: PodFacts, container: Object, lookup: Lookup, links: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the variables that the pod's spec declares, expanded.

    Args:
        facts: the pod.
        container: its spec.
        lookup: finds config maps and secrets.
        links: variables of services, which others may refer to.

    Raises:
        ConfigError: something required is missing; worded as the kubelet words it.
    """
    env: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        env |= _from_source(source, lookup)
    for variable in container.get("env") or ():
        if variable.get("valueFrom"):
            value = _value_from(facts, container, variable["valueFrom"], lookup)
            if value is not None:
                env[variable["name"]] = value
        else:
            env[variable["name"]] = expand(variable.get("value") or "", {**(links or {}), **env})
    return env


def complete(
    own: Mapping[str, str],
    image: ImageEnvironment,
    network: Mapping[str, str],
    node: Mapping[str, str],
    home: str,
) -> dict[str, str]:
    """Return the whole environment: what the machine, the image and the node give; the pod's own variables win.

    Args:
        own: what the pod declares.
        image: the environment that the image name stands for.
        network: the host's proxy and index settings.
        node: what the node sets for this container (GPUs, API address).
        home: the container's home folder.
    """
    path = ":".join([*image.path, _SYSTEM_PATH])
    return {"PATH": path, "HOME": home, **network, **image.env, **node, **own}


def command(
    container: Object, env: Mapping[str, str], default: tuple[str, ...] = ("python3",)
) -> tuple[str, ...]:
    """Return what is executed.

    Args:
        container: its spec.
        env: for $(NAME) references.
        default: the image's own command. Like the official Python images these have no entry point: arguments
            without a command stand in its place.
    """
    start = [expand(part, env) for part in container.get("command") or ()]
    arguments = [expand(part, env) for part in container.get("args") or ()]
    return (*start, *arguments) or default


def text_values(obj: Object) -> dict[str, str]:
    """Return the data of a ConfigMap or Secret as text."""
    if obj.get("kind") == "Secret":
        return {k: base64.b64decode(v).decode(errors="replace") for k, v in (obj.get("data") or {}).items()}
    return dict(obj.get("data") or {})


def _from_source(source: Object, lookup: Lookup) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for key, plural, word in (
        ("configMapRef", "configmaps", "configmap"),
        ("secretRef", "secrets", "secret"),
    ):
        reference = source.get(key)
        if not reference:
            continue
        obj = lookup(plural, reference["name"])
        if obj is None and not reference.get("optional"):
            raise ConfigError(f'{word} "{reference["name"]}" not found')
        return {prefix + name: value for name, value in text_values(obj).items()} if obj else {}
    return {}


def _value_from(facts: PodFacts, container: Object, source: Object, lookup: Lookup) -> str | None:
    if "fieldRef" in source:
        return field_text(facts, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return resource_text(facts, source["resourceFieldRef"], container["name"])
    for key, plural, word, kind in (
        ("configMapKeyRef", "configmaps", "configmap", "ConfigMap"),
        ("secretKeyRef", "secrets", "secret", "Secret"),
    ):
        if key in source:
            return _keyed(facts, source[key], lookup, (plural, word, kind))
    raise ConfigError(f"unsupported valueFrom: {', '.join(source)}")


def _keyed(facts: PodFacts, reference: Object, lookup: Lookup, words: tuple[str, str, str]) -> str | None:
    plural, word, kind = words
    obj = lookup(plural, reference["name"])
    optional = bool(reference.get("optional"))
    if obj is None:
        if optional:
            return None
        raise ConfigError(f'{word} "{reference["name"]}" not found')
    values = text_values(obj)
    if reference["key"] not in values:
        if optional:
            return None
        namespace = facts.pod["metadata"]["namespace"]
        raise ConfigError(f"couldn't find key {reference['key']} in {kind} {namespace}/{reference['name']}")
    return values[reference["key"]]
