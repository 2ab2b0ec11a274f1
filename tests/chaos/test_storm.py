"""Many runs under random faults, watched from outside: nothing is lost or doubled, every verdict is right, all ends.

`SEAWAY_CHAOS_SEED` repeats a storm as far as a machine can, `SEAWAY_CHAOS_RUNS` says how large it is, `SEAWAY_CHAOS_ONLY`
which faults strike ("node killed,pod evicted").
"""

from __future__ import annotations

import os
import random

import pytest

from tests.chaos.storm.storm import Storm
from tests.chaos.storm.witness import run_witness


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_a_storm(home) -> None:
    seed = int(os.environ.get("SEAWAY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    only = tuple(filter(None, os.environ.get("SEAWAY_CHAOS_ONLY", "").split(",")))
    print(f"SEAWAY_CHAOS_SEED={seed}")
    home.seaway("up", "--nodes", "3")
    storm = Storm(home, seed, int(os.environ.get("SEAWAY_CHAOS_RUNS", "40")), only=only)
    with run_witness() as witness:
        faults = storm.ride(witness)
    print(f"{len(storm.works)} runs, {len(witness.executions)} programs; {dict(faults.counts())}")
    print(f"{dict(storm.verdicts)}; {storm.missing_lines} last lines were lost with their machines")
    for strike in faults.strikes:
        print(f"{strike.began:.3f}-{strike.ended:.3f} {strike.fault}: {strike.target}")
    print("\n".join(storm.violations))
    assert storm.violations == []
