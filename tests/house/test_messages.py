"""Messages can be translated: they are written out, are given the values that they name, and what is typed is one of these."""

from __future__ import annotations

import re
from functools import cache

from seaway.cli.main import COMMANDS
from tools.messages import templates

TYPED = {
    "seaway": "|".join(COMMANDS),
    "kubectl": "annotate|api-resources|apply|auth|config|cordon|cp|create|debug|delete|describe|drain|edit|events?|exec|explain|get|label|logs|patch|port-forward|replace|rollout|run|scale|set|taint|top|uncordon|wait",
    "pip": "check|download|freeze|index|install|list|show|uninstall|wheel",
    "uv": "add|lock|pip|python|run|sync|venv",
    "helm": "get|history|install|list|rollback|status|template|uninstall|upgrade|values",
}
"""Commands that are typed, by their programs: "kubectl says" is prose, "kubectl logs" is none."""
COMMAND = re.compile("|".join(rf"\b{program} (?:{words})\b" for program, words in TYPED.items()))

said = cache(templates)


def test_every_message_is_written_out_and_given_its_values() -> None:
    """Else templates() says where one is not."""
    assert said()


def test_what_is_typed_is_a_value() -> None:
    """A translation could change it, and would be typed wrong."""
    assert COMMAND.search("see it with seaway logs {run}")
    assert not COMMAND.search("what kubectl says, and Seaway runs")
    assert [template for template in said() if COMMAND.search(template)] == []
