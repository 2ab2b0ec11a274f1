"""A library with the few functions of NVIDIA's that Seaway calls, for machines without a GPU: it says what a file says.

It stands in for the hardware alone: that the calls and their structures are right on a real GPU is not shown by it.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from seaway.runner.gpus import LIBRARY

_SOURCE = r"""
#include <stdio.h>
#include <string.h>
typedef struct { unsigned int gpu, memory; } Utilization;
typedef struct { unsigned long long total, free, used; } Memory;
static int index_of[2] = {0, 1};
static int read_state(int device, unsigned int *busy, unsigned long long *used) {
    FILE *file = fopen(STATE, "r");
    if (!file) return 999;
    for (int i = 0; i <= device; i++)
        if (fscanf(file, "%u %llu", busy, used) != 2) { fclose(file); return 999; }
    fclose(file);
    return 0;
}
int nvmlInit_v2(void) { unsigned int b; unsigned long long u; return read_state(0, &b, &u); }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) { *device = &index_of[index]; return 0; }
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
    snprintf(uuid, length, "GPU-%d", *(int *)device);
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *device, Utilization *rates) {
    unsigned long long used;
    rates->memory = 0;
    return read_state(*(int *)device, &rates->gpu, &used);
}
int nvmlDeviceGetMemoryInfo(void *device, Memory *memory) {
    unsigned int busy;
    memory->total = 80ULL << 30;
    memory->free = 0;
    return read_state(*(int *)device, &busy, &memory->used);
}
"""


@dataclass
class PretendedNvml:
    """The library's folder, and what it says of two GPUs."""

    folder: Path
    busy: list[int]
    memory: list[int]

    def set(self, gpu: int, *, busy: int | None = None, memory: int | None = None) -> None:
        """Say how busy a GPU is, in percent, and how much of its memory is used, in bytes."""
        self.busy[gpu] = self.busy[gpu] if busy is None else busy
        self.memory[gpu] = self.memory[gpu] if memory is None else memory
        lines = (f"{one} {other}\n" for one, other in zip(self.busy, self.memory, strict=True))
        fresh = self.folder / "state.new"
        fresh.write_text("".join(lines))
        fresh.replace(self.folder / "state")

    def break_(self) -> None:
        """Have every call fail."""
        (self.folder / "state").unlink()


def build(folder: Path) -> PretendedNvml:
    """Build the library; skips the test where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler here to build the stand-in for NVIDIA's library with")
    made = PretendedNvml(folder / "nvml", [0, 0], [1 << 30, 1 << 30])
    made.folder.mkdir()
    (made.folder / "nvml.c").write_text(_SOURCE)
    subprocess.run(
        [compiler, "-shared", "-fPIC", f'-DSTATE="{made.folder}/state"', "-o", str(made.folder / LIBRARY), str(made.folder / "nvml.c")],
        check=True,
    )  # fmt: skip
    made.set(0)
    return made
