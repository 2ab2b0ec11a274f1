"""The functions that Kubernetes adds to the language, as one extension of the library.

A value that Kubernetes gives a type of its own (a URL, an address, a quantity) is a map with one entry, whose key says
what it is: so two of them are equal when they mean the same.

Source: Kubernetes documentation, "Common Expression Language in Kubernetes".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Function:
    """One overload of a function."""

    name: str
    parameters: Sequence[str]
    """Types in CEL's words."""
    returns: str
    impl: Callable[..., Any]
    member: bool = True
    """Called on its first parameter: `x.f()`."""


def kubernetes_functions() -> Any:
    """Return the extension that declares all of them."""
    from cel_expr_python import cel

    from seaway.controlplane.cel import amounts, authorizers, formats, lists, networks, strings, texts

    named: dict[str, list[Any]] = {}
    tables = (
        lists.FUNCTIONS, strings.FUNCTIONS, texts.FUNCTIONS, networks.FUNCTIONS, amounts.FUNCTIONS, formats.FUNCTIONS, authorizers.FUNCTIONS,
    )  # fmt: skip
    for function in (function for table in tables for function in table):
        overloads = named.setdefault(function.name, [])
        overloads.append(
            cel.Overload(
                id=f"kubernetes_{function.name.replace('.', '_')}_{len(overloads)}",
                return_type=cel.Type(function.returns),
                parameters=[cel.Type(type_) for type_ in function.parameters],
                is_member=function.member,
                impl=function.impl,
            )
        )
    return cel.CelExtension("kubernetes", [cel.FunctionDecl(name, found) for name, found in named.items()])


def tagged(value: Any, tag: str) -> Any:
    """Return what a value of Kubernetes' own type holds. Raises ValueError."""
    if not isinstance(value, dict) or tag not in value:
        raise ValueError("no such overload")
    return value[tag]
