"""Compiling and evaluating expressions.

The library bounds an evaluation itself: an expression has at most 100,000 characters and 32 levels, and one evaluation
makes at most 10,000 steps through lists and maps. How much text may grow on the way is bounded in `checking`.

Source: KEP-2876 (CRD validation expression language), and the CEL language definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from seaway.controlplane.cel.checking import GrowthError, check_growth, read_checked
from seaway.controlplane.cel.inference import inferred

Variables = tuple[tuple[str, str], ...]
"""Names of variables and their types in CEL's words, such as ("self", "list<string>")."""
OPTIONAL_OLD_SELF = "seawayOldSelf"
"""The list of the old value, or of nothing, of which the optional `oldSelf` is the first item."""
_OLD_SELF = re.compile(r"""(?s)(r?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))|(?<![.\w])oldSelf\b""")
_FAULT = re.compile(r"(?s)^INVALID_ARGUMENT: (.*) \[INVALID_ARGUMENT\]$")
_STATUS = re.compile(r"^[A-Z_]+: ")


class CompileError(Exception):
    """An expression cannot be compiled; the message is worded as Kubernetes words it."""


class EvaluationError(Exception):
    """An expression has no value for what it was given."""


class OutOfBudget(EvaluationError):
    """An evaluation took more steps than it may."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression."""

    expression: str
    names: frozenset[str]
    """Variables that it reads."""
    fields: frozenset[str]
    """What it reads of the variable `variables`."""
    returns: str
    """Its type in CEL's words, "dyn" where that shows only when it is evaluated."""
    _compiled: Any

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Return the value for these variables: plain JSON values, times and durations.

        Raises:
            EvaluationError: there is none; OutOfBudget where it took too long.
        """
        try:
            result = self._compiled.eval(data=dict(values))
        except RuntimeError as error:
            if "budget exceeded" in str(error):
                raise OutOfBudget("operation cancelled: actual cost limit exceeded") from None
            raise EvaluationError(_told(str(error))) from None
        if _type_name(result) == "ERROR":
            raise EvaluationError(_told(str(result.value())))
        try:
            return result.plain_value()
        except (TypeError, RuntimeError) as error:
            raise EvaluationError(f"unsupported result: {error}") from None


def _type_name(result: Any) -> str:
    return str(result.type().name())


_WORDS = (
    (re.compile(r'^Key not found in map : "?(.*?)"?$', re.DOTALL), r"no such key: \1"),
    (re.compile(r"^divide by zero$"), "division by zero"),
    (re.compile(r"^cannot convert (\w+) to (\w+)$"), r"type conversion error from '\1' to '\2'"),
    (re.compile(r"^Index error: index=(-?\d+) size=\d+$"), r"index out of bounds: \1"),
    (re.compile(r"^No matching overloads found.*$", re.DOTALL), "no such overload"),
    (re.compile(r"^Applying SELECT to non-message type$"), "no such overload"),
)


def _told(text: str) -> str:
    """Return the library's words for a failed evaluation as Kubernetes' words."""
    text = _STATUS.sub("", text)
    for pattern, words in _WORDS:
        if pattern.match(text):
            return pattern.sub(words, text)
    return text


@lru_cache(maxsize=1024)
def compiled(expression: str, variables: Variables, *, optional_old: bool = False) -> Program:
    """Return a compiled expression.

    Args:
        expression: its text.
        variables: what it may name.
        optional_old: `oldSelf` is an optional value; it is given as the list `OPTIONAL_OLD_SELF`.

    Raises:
        CompileError: it cannot be compiled.
    """
    if optional_old:
        variables = (
            *tuple(one for one in variables if one[0] != "oldSelf"),
            (OPTIONAL_OLD_SELF, "list<dyn>"),
        )
    text = _OLD_SELF.sub(_as_item, expression) if optional_old else expression
    checked = _compile(_environment(variables), text)
    root = read_checked(checked.serialize())
    names = frozenset(name.replace(OPTIONAL_OLD_SELF, "oldSelf") for name in root.names())
    try:
        check_growth(root)
    except GrowthError as error:
        raise CompileError(str(error)) from None
    fields = frozenset(root.fields_of("variables"))
    returns = str(checked.return_type().name()).lower().replace("<", "(").replace(">", ")")
    return Program(expression, names, fields, "null_type" if returns == "null" else returns, checked)


def _as_item(match: re.Match[str]) -> str:
    return match[1] or f"{OPTIONAL_OLD_SELF}[?0]"


def _compile(environment: Any, expression: str) -> Any:
    try:
        return environment.compile(expression)
    except RuntimeError as error:
        text = str(error)
        match = _FAULT.match(text)
        words = match[1] if match else text
        words = _UNDECLARED.sub(_first_name, words)
        raise CompileError(words.replace(f"{OPTIONAL_OLD_SELF}[?0]", "oldSelf")) from None


_UNDECLARED = re.compile(
    r"(?m)<input>:(\d+):(\d+): undeclared reference to '([^']+)\.[^.']+' (.*)\n \| (.*)\n \| \.*\^"
)


def _first_name(match: re.Match[str]) -> str:
    """Return a fault of a name that is not declared as Go tells it: of the name itself, not of what is read of it."""
    line, column, name, rest, text = match.groups()
    start = int(column) - len(name)
    return (
        f"<input>:{line}:{start}: undeclared reference to '{name.partition('.')[0]}' {rest}\n | {text}\n | "
        f"{'.' * (start - 1)}^"
    )


def by_schema(program: Program, variables: Variables, schemas: Mapping[str, Any]) -> tuple[list[str], str]:
    """Return the faults that show only when the schemas of the variables are known, and the type of the value.

    Args:
        program: compiled with `variables`.
        variables: the same.
        schemas: a structural schema for each variable whose structure is known.
    """
    checked = _compile(_environment(variables), program.expression)
    return inferred(read_checked(checked.serialize()), program.expression, schemas)


@lru_cache(maxsize=64)
def _environment(variables: Variables) -> Any:
    from cel_expr_python import cel  # late: few clusters have an expression
    from cel_expr_python.ext import ext_optional

    from seaway.controlplane.cel.libraries import kubernetes_functions

    declared = {name: cel.Type(type_) for name, type_ in variables}
    extensions = [ext_optional.ExtOptional(), kubernetes_functions()]
    return cel.NewEnv(variables=declared, extensions=extensions)


def dynamic(names: Iterable[str]) -> Variables:
    """Return variables of any type."""
    return tuple((name, "dyn") for name in names)
