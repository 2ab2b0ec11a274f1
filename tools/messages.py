"""The templates of all messages in the code, and the catalogues of the languages that follow them: `make messages`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Formatter

import polib

from seaway.base.languages import ENGLISH, LANGUAGES

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = ROOT / "src" / "seaway" / "base" / "catalogues"
_CODE = ROOT / "src" / "seaway"
_WIDTH = 110


def templates() -> dict[str, list[str]]:
    """Return the templates of the code with the files that say them, in the order of these files."""
    found: dict[str, list[str]] = {}
    for path in sorted(_CODE.rglob("*.py")):
        name = str(path.relative_to(ROOT))
        for template in _said(path.read_text(encoding="utf-8"), name):
            files = found.setdefault(template, [])
            if name not in files:
                files.append(name)
    return found


def _said(code: str, name: str) -> Iterator[str]:
    """Yield the templates that a file's code says.

    Raises:
        ValueError: one is not written out, or the values that are given are not those that it names.
    """
    for node in ast.walk(ast.parse(code, name)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "wording"):
            continue
        first = node.args[0] if node.args else None
        if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
            raise ValueError(f"{name}, line {node.lineno}: the template of wording() is not a literal")
        given = {keyword.arg for keyword in node.keywords}
        named = {field for _, field, _, _ in Formatter().parse(first.value) if field is not None}
        if given != named and None not in given:
            raise ValueError(
                f"{name}, line {node.lineno}: wording() is given other values than its template names"
            )
        yield first.value


def followed(known: Mapping[str, str], said: Mapping[str, Sequence[str]], language: str) -> polib.POFile:
    """Return a language's catalogue with an entry for each template: with its translation where it is known. Pure."""
    made = polib.POFile(wrapwidth=_WIDTH)
    made.metadata = {
        "Language": language,
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
    }
    for template, files in said.items():
        flags = ["python-brace-format"] if "{" in template else []
        entry = polib.POEntry(
            msgid=template,
            msgstr=known.get(template, ""),
            occurrences=[(file, "") for file in files],
            flags=flags,
        )
        made.append(entry)
    return made


def main() -> None:
    """Let the catalogues follow the code, and say what is to be translated."""
    said = templates()
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        path = CATALOGUES / f"{language}.po"
        known = {entry.msgid: entry.msgstr for entry in polib.pofile(str(path))} if path.exists() else {}
        followed(known, said, language).save(str(path))
        missing = sum(not known.get(template) for template in said)
        print(f"{path.relative_to(ROOT)}: {len(said)} messages, {missing} to be translated")


if __name__ == "__main__":
    main()
