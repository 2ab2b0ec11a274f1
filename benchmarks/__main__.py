"""Run the measurements, print them beside their goals, write `results.json`."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.goals import GOALS, Measurement, as_row

PARTS = (
    "start",
    "runs",
    "api",
    "scheduler",
    "clusters",
    "workloads",
    "recorder",
    "pages",
    "watchers",
    "checkpoints",
)
RESULTS = Path(__file__).with_name("results.json")


def line(measurement: Measurement) -> str:
    """Return one row of the table."""
    goal = GOALS.get(measurement.name)
    wanted = "" if goal is None else f"{'<=' if goal.better == 'less' else '>='} {goal.value:g}"
    verdict = "" if goal is None else ("reached" if goal.reached(measurement.value) else "NOT reached")
    return f"{measurement.name:<44} {measurement.value:>9.1f} {measurement.unit:<10} {wanted:>8}  {verdict:<12} {measurement.note}"


def main(chosen: list[str]) -> int:
    """Measure the chosen parts, all of them where none is named."""
    if {"-h", "--help"} & set(chosen):
        print(
            f"{__doc__}\n\nusage: python -m benchmarks [PART ...]\n\nParts: {', '.join(PARTS)}. All of them without one."
        )
        return 0
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        print(f"no measurement is called {unknown[0]!r}; there are: {', '.join(PARTS)}", file=sys.stderr)
        return 64
    print(f"{'what':<44} {'measured':>9} {'unit':<10} {'goal':>8}", flush=True)
    rows = []
    for name in chosen or PARTS:
        for measurement in import_module(f"benchmarks.{name}").measure():
            print(line(measurement), flush=True)
            rows.append(as_row(measurement))
    if not chosen:
        machine = {
            "python": platform.python_version(),
            "system": platform.system(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
        }
        RESULTS.write_text(json.dumps({"machine": machine, "results": rows}, indent=2) + "\n")
        print(f"written to {RESULTS.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
