"""A controller whose kind nobody uses is not there."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from seaway.controlplane import cluster
from seaway.controlplane.controllers import table
found = [name for name in sys.modules if name.startswith("seaway.controlplane.controllers.workloads")]
print(len(table.CONTROLLERS), found)
"""


def test_the_table_reads_no_controller_of_workloads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    count, _, found = done.stdout.strip().partition(" ")
    assert int(count) > 10
    assert found == "[]"
