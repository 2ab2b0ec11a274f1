"""The values of an installation: files and KEY=VALUE become one mapping. Pure, but for reading the files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seaway.sdk.errors import SeawayError

Values = dict[str, Any]


def gather(files: Sequence[Path], sets: Sequence[str], image: str | None) -> Values:
    """Return what the files say, over it what `--set` says, over it the image.

    Raises:
        SeawayError: a file cannot be read, or something is no mapping or no KEY=VALUE.
    """
    found: Values = {}
    for file in files:
        found = over(found, _read(file))
    for text in sets:
        found = over(found, parse_set(text))
    return over(found, {"image": image}) if image else found


def over(below: Values, above: Values) -> Values:
    """Return one mapping over another, map by map; lists are replaced."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = over(merged[key], value) if both else value
    return merged


def parse_set(text: str) -> Values:
    """Return the mapping that `a.b=value` means; the value is YAML, and a dot in a key is written \\.

    Raises:
        SeawayError: it is no KEY=VALUE.
    """  # noqa: D301 - the backslash is what is typed
    import yaml

    path, separator, written = text.partition("=")
    keys = [key.replace("\0", ".") for key in path.replace("\\.", "\0").split(".")]
    if not separator or not all(keys):
        raise _refuse(f"{path[:80]!r} is no KEY=VALUE", "Write --set replicas=2 or --set storage.size=50Gi")
    try:
        value: Any = yaml.safe_load(written) if written else ""
    except yaml.YAMLError as error:
        raise _refuse(
            f"the value of {path} is not YAML", f"Put it in quotes: --set '{path}=\"…\"'"
        ) from error
    for key in reversed(keys):
        value = {key: value}
    found: Values = value
    return found


def _read(file: Path) -> Values:
    import yaml

    try:
        content = yaml.safe_load(file.read_text())
    except OSError as error:
        fault = f"{file} cannot be read: {error.strerror}"
        raise SeawayError(fault, code="Usage", field="--values", remedy="Give a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f"{file}, line {place.line + 1}" if place else str(file)
        raise SeawayError(f"{where}: not YAML", code="Usage", field="--values", remedy="Mend it") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        remedy = "Write KEY: VALUE lines, such as replicas: 2"
        raise SeawayError(f"{file} holds no mapping", code="Usage", field="--values", remedy=remedy)
    return content


def _refuse(fault: str, remedy: str) -> SeawayError:
    return SeawayError(fault, code="Usage", field="--set", remedy=remedy)
