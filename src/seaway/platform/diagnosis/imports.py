"""Why an import failed although the package is there, and what to do: names, versions, system libraries, circles."""

from __future__ import annotations

import re

from seaway.base.messages import wording
from seaway.platform.diagnosis.advice import again
from seaway.platform.diagnosis.evidence import blanked
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.packages import package_of
from seaway.platform.diagnosis.tracebacks import Traceback, is_standard, is_users_own

NO_MODULE = re.compile(r"No module named '?(?P<module>[\w.]+)'?")
_HIDDEN = re.compile(r"; '(?P<name>[\w.]+)' is not a package")
_NO_NAME = re.compile(
    r"cannot import name '(?P<name>[^']+)' from (?:partially initialized module )?'(?P<module>[\w.]+)'(?:.*\((?P<path>/[^)]*)\))?"
)
_HALF = re.compile(
    r"(?P<partially>partially initialized )?module '(?P<module>[\w.]+)'(?: has no attribute|.*\((?P<path>/[^)]*)\)$)"
)
_RENAME = re.compile(r"consider renaming '(?P<path>[^']+)'")
_NO_LIBRARY = re.compile(r"(?P<library>lib[\w.+-]+\.so[\w.]*): cannot open shared object file")
_NO_PARENT = "attempted relative import with no known parent package"


def is_of_import(found: Traceback) -> bool:
    """Tell whether an import failed: some packages load their system library by themselves."""
    loads = found.short == "OSError" and _NO_LIBRARY.search(found.text)
    return bool(
        found.short in ("ImportError", "ModuleNotFoundError") or loads or _half_imported(found) is not None
    )


def why_failed(facts: Facts, found: Traceback) -> tuple[str, str]:
    """Return why an import failed, and what to do."""
    if half := _half_imported(found):
        return _not_ready(facts, *half)
    part, hidden = NO_MODULE.search(found.text), _HIDDEN.search(found.text)
    name, library = _NO_NAME.search(found.text), _NO_LIBRARY.search(found.text)
    if name:
        return _name_not_found(facts, found, name)
    if part and hidden:
        file = f"{hidden['name'].rpartition('.')[2]}.py"
        message = wording(
            "it imports {module!r}, but {hiding!r} is a single file: most likely one of yours hides the package",
            module=part["module"], hiding=hidden["name"],
        )  # fmt: skip
        return message, wording("rename {file}, then: {command}", file=file, command=again(facts))
    if part:
        return _part_not_found(facts, part["module"])
    if library:
        return _library_not_found(facts, library["library"])
    if _NO_PARENT in found.text and facts.made is None:
        as_module = "seaway run -- python -m PACKAGE.MODULE"
        return (
            wording("it imports relatively (from . import ...), which only works in a module of a package"),
            wording("run it as a module, from the folder that holds its package: {command}", command=as_module),
        )  # fmt: skip
    message = wording("an import failed: {error}", error=blanked(facts, found.text))
    return message, _correct_import(facts, found)


def _half_imported(found: Traceback) -> tuple[str, str] | None:
    """Return which module was not what the program took it for, and the file of the user's that hides it, "" where none does."""
    half = _HALF.search(found.text)
    hiding = _RENAME.search(found.text)
    if half is None or (hiding is None and not half["partially"]):
        return None
    module = half["module"]
    own = [path for path in found.paths if is_users_own(path)]
    if hiding is None and half["path"] and is_users_own(half["path"]) and is_standard(module):
        own = [half["path"]]
    file = hiding["path"] if hiding is not None else (own or [""])[-1]
    is_itself = file.rpartition("/")[2] == f"{module.rpartition('.')[2]}.py"
    return module, file.rpartition("/")[2] if is_itself else ""


def _not_ready(facts: Facts, module: str, file: str) -> tuple[str, str]:
    """Say of a module that it is hidden by a file of its name, or imported in a circle, and what to do."""
    if file:
        message = wording(
            "the file {file} hides the module {module!r} that is meant", file=file, module=module
        )
        return message, wording("rename {file}, then: {command}", file=file, command=again(facts))
    message = wording(
        "modules import each other in a circle: {module!r} is wanted before its own import is done",
        module=module,
    )
    step = wording(
        "import it later (within the function that needs it), or move what both need into a third module, then: {command}",
        command=again(facts),
    )
    return message, step


def _name_not_found(facts: Facts, found: Traceback, name: re.Match[str]) -> tuple[str, str]:
    """Say of a module that it lacks a name, and what to do: another version of a package may have it."""
    if is_standard(name["module"]) or (name["path"] and is_users_own(name["path"])):
        message = wording(
            "the module {module!r} has no {missing!r}", module=name["module"], missing=name["name"]
        )
        return message, _correct_import(facts, found)
    message = wording(
        "the module {module!r} has no {missing!r}: the program expects another version of it",
        module=name["module"], missing=name["name"],
    )  # fmt: skip
    step = wording(
        "name the version that has it ({requirement}), then: {command}",
        requirement=f"{package_of(name['module'])}==VERSION", command=again(facts),
    )  # fmt: skip
    return message, step


def _part_not_found(facts: Facts, module: str) -> tuple[str, str]:
    """Say of a package that it lacks a module, and what to do."""
    message = wording(
        "the package {package!r} is there, but has no module {module!r}",
        package=module.partition(".")[0], module=module,
    )  # fmt: skip
    step = wording(
        "correct the import, or name the version that has it ({requirement}), then: {command}",
        requirement=f"{package_of(module)}==VERSION", command=again(facts),
    )  # fmt: skip
    return message, step


def _library_not_found(facts: Facts, library: str) -> tuple[str, str]:
    """Say of a system library that a package needs it, and what to do."""
    message = wording(
        "a package needs the system library {library}, which the container does not have", library=library
    )
    if "libGL" in library:
        step = wording(
            "replace {package} by {replacement}, then: {command}",
            package="opencv-python", replacement="opencv-python-headless", command=again(facts),
        )  # fmt: skip
        return message, step
    with_image = again(facts, "--image", "IMAGE")
    return message, wording("install it on the node, or in an image: {command}", command=with_image)


def _correct_import(facts: Facts, found: Traceback) -> str:
    return wording("correct the import{at}, then: {command}", at=found.at, command=again(facts))
