"""Small rooms: no module and no function grows past what one can hold in one's head."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "seaway"
MODULE_LINES = 400
FUNCTION_LINES = 60


def functions(tree: ast.AST) -> list[tuple[str, int]]:
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_modules_are_small() -> None:
    """The goal is 300 lines; at 400 a module is two modules."""
    sizes = {
        path.relative_to(SOURCE).as_posix(): len(path.read_text().splitlines())
        for path in SOURCE.rglob("*.py")
    }
    assert {name: lines for name, lines in sizes.items() if lines > MODULE_LINES} == {}


def test_functions_are_small() -> None:
    """The goal is 40 lines; at 60 a function is two functions."""
    long = {
        f"{path.relative_to(SOURCE).as_posix()}:{name}": lines
        for path in SOURCE.rglob("*.py")
        for name, lines in functions(ast.parse(path.read_text()))
        if lines > FUNCTION_LINES
    }
    assert long == {}
