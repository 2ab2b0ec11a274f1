"""Whether GPUs are used, with a library that stands in for the hardware: it says what a file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.runner.gpus import LIBRARY, Gpus
from tools.pretended_nvml import PretendedNvml, build


@pytest.fixture
def nvml(tmp_path: Path) -> PretendedNvml:
    return build(tmp_path)


def gpus(nvml: PretendedNvml, **environ: str) -> Gpus:
    return Gpus({"LD_LIBRARY_PATH": f"/nowhere:{nvml.folder}", **environ})


def test_computing_and_memory_of_its_own_are_use(nvml: PretendedNvml) -> None:
    found = gpus(nvml)
    assert found.seen
    assert not found.used()
    nvml.set(0, busy=7)
    assert found.used()
    nvml.set(0, busy=0, memory=(1 << 30) + (10 << 20))
    assert not found.used(), "what others and the driver hold varies a little"
    nvml.set(0, memory=2 << 30)
    assert found.used()


@pytest.mark.parametrize("visible", ["GPU-1", "1"])
def test_only_its_own_gpus_count(nvml: PretendedNvml, visible: str) -> None:
    found = gpus(nvml, CUDA_VISIBLE_DEVICES=visible)
    nvml.set(0, busy=100)
    assert not found.used()
    nvml.set(1, busy=100)
    assert found.used()


def test_how_busy_they_are_is_an_average_and_their_memory_a_sum(nvml: PretendedNvml) -> None:
    nvml.set(0, busy=100, memory=3 << 30)
    nvml.set(1, busy=50, memory=1 << 30)
    assert gpus(nvml).usage() == (75, 4 << 30, 160 << 30)
    assert gpus(nvml, CUDA_VISIBLE_DEVICES="0").usage() == (100, 3 << 30, 80 << 30)
    found = gpus(nvml)
    nvml.break_()
    assert found.usage() is None
    assert gpus(nvml).usage() is None


def test_a_library_that_fails_says_nothing(nvml: PretendedNvml) -> None:
    found = gpus(nvml)
    nvml.break_()
    assert found.used(), "nobody is blamed for what cannot be seen"
    assert not gpus(nvml).seen
    assert not Gpus({"LD_LIBRARY_PATH": "/nowhere"}, library=f"absent-{LIBRARY}").seen
