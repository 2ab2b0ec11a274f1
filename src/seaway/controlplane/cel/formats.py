"""Kubernetes' named formats of texts.

`validate` and `format.named` answer with an optional value. Functions of ours cannot make one, so what they answer
with is a map that the functions of optional values understand too.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from seaway.controlplane.cel.libraries import Function, tagged
from seaway.controlplane.cel.networks import url
from seaway.objects import names

_FORMAT, _OPTIONAL = "kubernetes.Format", "kubernetes.Optional"


def _checked(read: Callable[[str], Any], words: str) -> Callable[[str], Sequence[str]]:
    def faults(text: str) -> Sequence[str]:
        try:
            read(text)
        except ValueError:
            return [words]
        return []

    return faults


def _time(text: str) -> Any:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", text):
        raise ValueError(text)
    return datetime.fromisoformat(text.upper())


def _prefix(faults: Callable[[str], Sequence[str]]) -> Callable[[str], Sequence[str]]:
    return lambda text: faults(text[:-1] + "a" if text.endswith("-") else text)


FORMATS: dict[str, Callable[[str], Sequence[str]]] = {
    "dns1123Label": names.dns_label_faults,
    "dns1123Subdomain": names.dns_subdomain_faults,
    "dns1035Label": names.dns_1035_label_faults,
    "qualifiedName": names.qualified_name_faults,
    "dns1123LabelPrefix": _prefix(names.dns_label_faults),
    "dns1123SubdomainPrefix": _prefix(names.dns_subdomain_faults),
    "dns1035LabelPrefix": _prefix(names.dns_1035_label_faults),
    "labelValue": names.label_value_faults,
    "uri": _checked(url, "invalid uri"),
    "uuid": _checked(uuid.UUID, "does not match the UUID format"),
    "byte": _checked(lambda text: base64.b64decode(text, validate=True), "invalid base64"),
    "date": _checked(date.fromisoformat, "invalid date"),
    "datetime": _checked(_time, "invalid datetime"),
}


def _named(name: str) -> dict[str, Any]:
    return {_OPTIONAL: [{_FORMAT: name}] if name in FORMATS else []}


def _validate(value: Any, text: str) -> dict[str, Any]:
    faults = list(FORMATS[tagged(value, _FORMAT)](text))
    return {_OPTIONAL: [faults] if faults else []}


def _value(value: Any) -> Any:
    held = tagged(value, _OPTIONAL)
    if not held:
        raise ValueError("optional.none() dereference")
    return held[0]


def _or_value(value: Any, other: Any) -> Any:
    held = tagged(value, _OPTIONAL)
    return held[0] if held else other


FUNCTIONS = (
    *(
        Function(f"format.{name}", [], "dyn", lambda name=name: {_FORMAT: name}, member=False)
        for name in FORMATS
    ),
    Function("format.named", ["string"], "dyn", _named, member=False),
    Function("validate", ["dyn", "string"], "dyn", _validate),
    Function("hasValue", ["map<string,dyn>"], "bool", lambda value: bool(tagged(value, _OPTIONAL))),
    Function("value", ["map<string,dyn>"], "dyn", _value),
    Function("orValue", ["map<string,dyn>", "dyn"], "dyn", _or_value),
)
