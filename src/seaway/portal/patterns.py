"""What the patterns of fields ask for, in words: nobody should have to read a regular expression to name something."""

from __future__ import annotations

from seaway.model.run import VARIABLE

_NAME = "lower-case letters, digits and '-', a letter or digit first and last"
WORDS = {
    r"^[a-z]([-a-z0-9]*[a-z0-9])?$": "lower-case letters, digits and '-', a letter first",
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": _NAME,
    r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": "lower-case letters, digits, '-' and '.', a letter or digit first and last",
    r"^[a-z0-9]([-a-z0-9._/]*[a-z0-9])?$": "lower-case letters, digits, '-', '.', '_' and '/', a letter or digit first and last",
    r"^[A-Za-z0-9][-A-Za-z0-9._@]*$": "letters, digits, '-', '.', '_' and '@', a letter or digit first",
    r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$": "at most 63 letters, digits, '-', '_' and '.', a letter or digit first and last",
    r"^[-._a-zA-Z0-9]+$": "letters, digits, '-', '.' and '_'",
    VARIABLE: "letters, digits, '_', '-' and '.', a letter or '_' first",
    r"^[^\x00-\x1f\x7f]*$": "characters that can be seen",
    r"^[A-Za-z][A-Za-z0-9+.-]*://\S+$": "a URL without blanks, such as jsons://HOST/PATH or mailtos://USER:PASSWORD@HOST",
    r"^(user|resource|deadline|unknown|25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]?|[A-Z][A-Za-z]{1,60})$":
        "user, resource, deadline, unknown, an exit code, or a cause such as GpuOutOfMemory",
    r"^[0-9a-f]{64}$": "64 hexadecimal digits, lower-case",
    r"^[0-9a-f]{32}$": "32 hexadecimal digits, lower-case",
    "^[A-Za-z0-9_]{0,40}$": "at most 40 letters, digits and '_'",
}  # fmt: skip
"""By the pattern."""
