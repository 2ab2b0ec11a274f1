"""The expressions of one policy, for one write and one parameter.

Source: KEP-3488: variables are evaluated when they are first needed, in the order in which they are declared.
"""

from __future__ import annotations

from typing import Any

from seaway.controlplane.apiserver.dynamic.conditions import (
    conditions_hold,
    request_values,
    visible_namespace,
)
from seaway.controlplane.apiserver.dynamic.request import AdmissionRequest
from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.kinds.expressions import request_variables

Object = dict[str, Any]


class Evaluation:
    """Evaluates expressions of a policy; the values of its variables are kept."""

    def __init__(
        self,
        policy: Object,
        request: AdmissionRequest,
        served: Served,
        namespace: Object | None,
        params: Object | None,
    ) -> None:
        self.policy = policy
        spec = policy["spec"]
        self._params = spec.get("paramKind") is not None
        self._names = request_variables(params=self._params, variables=True)
        self._declared = {one["name"]: one["expression"] for one in spec.get("variables") or ()}
        self._known: dict[str, Any] = {}
        self._failed: dict[str, str] = {}
        self._values = request_values(request, served, params) | {
            "namespaceObject": visible_namespace(namespace)
        }

    def wanted(self) -> bool:
        """Tell whether the policy's match conditions hold. Raises EvaluationError."""
        conditions = self.policy["spec"].get("matchConditions") or ()
        return conditions_hold(conditions, self._values, params=self._params)

    def value(self, text: str, shown: str = "") -> Any:
        """Return the value of an expression; `shown` is how it is told where that is another text. Raises EvaluationError."""
        from seaway.controlplane.cel.environment import CompileError, EvaluationError, compiled

        try:
            program = compiled(text, self._names)
        except CompileError as error:
            raise EvaluationError(f"compilation error: {error}") from None
        self._learn(program.fields)
        try:
            return program.evaluate(self._values | {"variables": self._known})
        except EvaluationError as error:
            name = str(error).removeprefix("no such key: ")
            why = self._failed.get(name, str(error)) if name in program.fields else str(error)
            raise EvaluationError(
                f"expression '{(shown or text).strip()}' resulted in error: {why}"
            ) from None

    def _learn(self, names: frozenset[str]) -> None:
        """Evaluate the variables that an expression needs; of one that fails is known why."""
        from seaway.controlplane.cel.environment import EvaluationError

        for name in [name for name in self._declared if name in names]:
            text = self._declared.pop(name)  # first: a variable that needs itself has no value
            try:
                self._known[name] = self.value(text)
            except EvaluationError as error:
                why = str(error).partition(" resulted in error: ")[2] or str(error)
                self._failed[name] = f'composited variable "{name}" fails to evaluate: {why}'
