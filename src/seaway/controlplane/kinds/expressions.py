"""Faults of expressions within objects: match conditions, variables, policies' rules.

Source: the validation of Kubernetes' admissionregistration, and KEP-3488 (CEL for admission control).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, invalid, required, too_many
from seaway.objects import names
from seaway.objects.errors import Cause

_REQUEST = ("object", "oldObject", "request")
_MOST_CONDITIONS = 64
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_RESERVED = frozenset({
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while",
})  # fmt: skip


def request_variables(
    *, params: bool, variables: bool = False, authorizer: bool = True
) -> tuple[tuple[str, str], ...]:
    """Return the variables of an expression that judges a request, with their types.

    Args:
        params: whether there are parameters.
        variables: whether the policy has variables of its own and the namespace is known.
        authorizer: whether the caller's rights can be asked for.
    """
    found = [*_REQUEST, "authorizer"] if authorizer else list(_REQUEST)
    found += ["params"] if params else []
    found += ["namespaceObject", "variables"] if variables else []
    return tuple((name, "dyn") for name in found)


def expression_faults(
    text: str, field: str, variables: tuple[tuple[str, str], ...], returns: Sequence[str], must: str
) -> list[Cause]:
    """Return the fault of an expression.

    Args:
        text: the expression.
        field: its path.
        variables: what it may name.
        returns: how the types that it may have begin; none for any.
        must: what is told of another type.
    """
    from seaway.controlplane.cel.environment import (  # late: few clusters have an expression
        CompileError,
        compiled,
    )

    try:
        program = compiled(text, variables)
    except CompileError as error:
        return [invalid(field, text, f"compilation failed: {error}")]
    if returns and not program.returns.startswith((*returns, "dyn")):
        return [invalid(field, text, f"{must} but got {program.returns}")]
    return []


def condition_faults(conditions: Sequence[Object], field: str, *, params: bool) -> list[Cause]:
    """Return the faults of match conditions."""
    faults = (
        [too_many(field, len(conditions), _MOST_CONDITIONS)] if len(conditions) > _MOST_CONDITIONS else []
    )
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        at, name, text = (
            f"{field}[{index}]",
            condition.get("name") or "",
            (condition.get("expression") or "").strip(),
        )
        if not text:
            faults.append(required(f"{at}.expression"))
        else:
            variables = request_variables(params=params)
            faults += expression_faults(
                text, f"{at}.expression", variables, ("bool",), "must evaluate to bool"
            )
        if not name:
            faults.append(required(f"{at}.name"))
            continue
        faults += [invalid(f"{at}.name", name, why) for why in names.qualified_name_faults(name)]
        faults += [duplicate(f"{at}.name", name)] if name in seen else []
        seen.add(name)
    return faults


def is_identifier(name: str) -> bool:
    """Tell whether an expression can name it."""
    return bool(_IDENTIFIER.fullmatch(name)) and name not in _RESERVED
