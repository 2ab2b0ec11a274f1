"""`seaway why`."""

from __future__ import annotations

from typing import Any

from seaway.cli.arguments import Output, RunName
from seaway.cli.context import connect
from seaway.cli.output import BOLD, DIM, GREEN, RED, YELLOW, Format, paint, print_json

_COLOURS = {"succeeded": GREEN, "cancelled": YELLOW, None: YELLOW}


def why(run: RunName, output: Output = Format.TEXT) -> None:
    """Say what happened to a run, why, and what to do; with the evidence for it."""
    with connect() as client:
        explanation = client.why(run)
    if output is Format.JSON:
        print_json(explanation)
    else:
        print_explanation(explanation)


def print_explanation(explanation: dict[str, Any]) -> None:
    """Draw an `Explanation`."""
    kind = explanation.get("class")
    print(paint(explanation["message"], _COLOURS.get(kind, RED)))
    level = f", in the {explanation['level']}" if explanation.get("level") else ""
    print(paint(f"{explanation['subject']}: {explanation['cause']}{level}", DIM))
    if explanation.get("evidence"):
        print()
        print(paint("Evidence", BOLD))
        for item in explanation["evidence"]:
            time = f" {item['time']}" if item.get("time") else ""
            print(f"  {paint(item['source'] + time, DIM)}")
            for line in _printable(item["quote"]).splitlines():
                print(f"    {line}")
    if explanation.get("done"):
        print(f"\n{paint('Done', BOLD)}  {explanation['done']}")
    if explanation.get("next_step"):
        print(f"\n{paint('Next', BOLD)}  {explanation['next_step']}")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() or character in "\n\t" else " " for character in text)
