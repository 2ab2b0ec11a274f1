"""Names: what Kubernetes accepts, worded as it words refusals, and how names are made.

Source: RFC 1123 and RFC 1035 as Kubernetes' apimachinery applies them (util/validation), and its name generator.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache, wraps
from random import Random

LABEL_LENGTH = 63
SUBDOMAIN_LENGTH = 253

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_UNDERSCORE_LABEL = "[a-z0-9_]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORE_SUBDOMAIN = rf"{_UNDERSCORE_LABEL}(\.{_UNDERSCORE_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_QUALIFIED_RULE = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
_QUALIFIED_EXAMPLES = ("MyName", "my.name", "123-abc")

_GENERATED_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_GENERATED_LENGTH = 5
_LONGEST_PREFIX = LABEL_LENGTH - _GENERATED_LENGTH
_DIGEST_LENGTH = 8

_Check = Callable[[str], tuple[str, ...]]


def _remembered(check: _Check) -> _Check:
    """Keep the answers for the last few thousand texts: a cluster's objects say the same names again and again."""
    remembered = lru_cache(maxsize=4096)(check)

    @wraps(check)
    def faults(text: str) -> tuple[str, ...]:
        return remembered(text) if len(text) <= SUBDOMAIN_LENGTH else check(text)

    return faults


@_remembered
def dns_label_faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with an RFC 1123 label (a namespace's name, a container's), in Kubernetes' words."""
    if re.fullmatch(_SUBDOMAIN, text) and "." in text:
        return (*_length_faults(text, LABEL_LENGTH), "must not contain dots")
    return _length_faults(text, LABEL_LENGTH) + _faults(
        text, _LABEL,
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character", "my-name", "123-abc",
    )  # fmt: skip


@_remembered
def dns_1035_label_faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with an RFC 1035 label (a service's name), in Kubernetes' words."""
    return _length_faults(text, LABEL_LENGTH) + _faults(
        text, _LABEL_1035,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
        "and end with an alphanumeric character", "my-name", "abc-123",
    )  # fmt: skip


@_remembered
def dns_subdomain_faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with an RFC 1123 subdomain (most objects' names), in Kubernetes' words."""
    return _length_faults(text, SUBDOMAIN_LENGTH) + _faults(
        text, _SUBDOMAIN,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
        "end with an alphanumeric character", "example.com",
    )  # fmt: skip


@_remembered
def wildcard_faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with a name that stands for all below it (*.example.com), in Kubernetes' words."""
    return _length_faults(text, SUBDOMAIN_LENGTH) + _faults(
        text, rf"\*\.{_SUBDOMAIN}",
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
        "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character", "*.example.com",
    )  # fmt: skip


@_remembered
def dns_subdomain_underscore_faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with a domain to search for names, which may hold underscores, in Kubernetes' words."""
    return _length_faults(text, SUBDOMAIN_LENGTH) + _faults(
        text, _UNDERSCORE_SUBDOMAIN,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start "
        "and end with an alphanumeric character", "example.com",
    )  # fmt: skip


@_remembered
def qualified_name_faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with a qualified name (a label's or annotation's key), in Kubernetes' words."""
    prefix, slash, last = text.rpartition("/")
    if "/" in prefix:
        suffix = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        rule = _faults(text, _QUALIFIED, _QUALIFIED_RULE, *_QUALIFIED_EXAMPLES)
        return tuple(f"a valid label key {fault}{suffix}" for fault in rule)
    faults: list[str] = []
    if slash:
        faults += (
            ["prefix part must be non-empty"]
            if not prefix
            else [
                f"prefix part {f.replace(' 253 characters', ' 253 bytes')}"
                for f in dns_subdomain_faults(prefix)
            ]
        )
    if not last:
        faults.append("name part must be non-empty")
    elif len(last) > LABEL_LENGTH:
        faults.append(f"name part must be no more than {LABEL_LENGTH} bytes")
    rule = _faults(last, _QUALIFIED, _QUALIFIED_RULE, *_QUALIFIED_EXAMPLES)
    return (*faults, *(f"name part {fault}" for fault in rule))


@_remembered
def label_value_faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with a label's value, in Kubernetes' words."""
    return _length_faults(text, LABEL_LENGTH, "bytes") + _faults(
        text, _LABEL_VALUE,
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
        "end with an alphanumeric character", "MyValue", "my_value", "12345",
    )  # fmt: skip


@_remembered
def variable_faults(text: str) -> tuple[str, ...]:
    """Return what is wrong with an environment variable's name, in Kubernetes' words."""
    if not text:
        return ("environment variable name must be non-empty",)
    if all(" " <= sign <= "~" and sign != "=" for sign in text):
        return ()
    return (
        "a valid environment variable name must consist only of printable ASCII characters other than '='",
    )


def is_dns_label(text: str) -> bool:
    """Tell whether a text is an RFC 1123 label."""
    return not dns_label_faults(text)


def generate_name(prefix: str, random: Random) -> str:
    """Return the name that a server makes of `metadata.generateName`: the prefix, cut to fit, and five random letters."""
    return prefix[:_LONGEST_PREFIX] + "".join(random.choices(_GENERATED_LETTERS, k=_GENERATED_LENGTH))


def bounded_name(*parts: str, limit: int = LABEL_LENGTH) -> str:
    """Return the parts joined with "-", as a valid RFC 1123 label of at most `limit` characters.

    Equal parts give the same name. Where joining would lose something (too long, letters that a label may not have, an
    empty part, or a part that itself looks like such a digest), a digest of the parts ends the name, so that different
    parts keep different names.

    Args:
        parts: joined as they are where the outcome is a valid label.
        limit: most characters, at least 16.
    """
    joined = "-".join(parts)
    looks_digested = re.search(rf"-x[0-9a-f]{{{_DIGEST_LENGTH}}}$", joined)
    if len(joined) <= limit and all(parts) and not looks_digested and is_dns_label(joined):
        return joined
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGEST_LENGTH]
    plain = re.sub(r"[^a-z0-9]+", "-", joined.lower()).strip("-")
    kept = plain[: limit - _DIGEST_LENGTH - 2].strip("-")
    return f"{kept}-x{digest}" if kept else f"x{digest}"


_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    '"': '\\"',
    "\\": "\\\\",
}


def go_quoted(text: str) -> str:
    """Return a text in quotes as Go writes it (`%q`)."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(sign: str) -> str:
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    if sign.isprintable():
        return sign
    code = ord(sign)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _length_faults(text: str, limit: int, unit: str = "characters") -> tuple[str, ...]:
    return (f"must be no more than {limit} {unit}",) if len(text.encode()) > limit else ()


def _faults(text: str, pattern: str, rule: str, *examples: str) -> tuple[str, ...]:
    if re.fullmatch(pattern, text):
        return ()
    shown = ", ".join(f"{'or ' if i else ''}'{example}', " for i, example in enumerate(examples)).replace(
        ", , ", ",  "
    )
    return (f"{rule} (e.g. {shown}regex used for validation is '{pattern}')",)
