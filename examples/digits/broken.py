"""Fail as scripts often do: import a package that is not in the requirements. Then ask: seaway why RUN."""

from __future__ import annotations

import pandas

print(pandas.DataFrame({"digit": range(10)}).describe())
