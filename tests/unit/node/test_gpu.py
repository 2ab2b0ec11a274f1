"""GPUs as NVIDIA's library shows them: a library object in its place answers as the driver would."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from seaway.controlplane.node.gpu import Gpu, GpuSource, NvmlGpus


class NVMLError(Exception):
    """What the library raises."""


class Library:
    """As much of NVIDIA's management library as is asked for, for a machine with these GPUs (None: no driver)."""

    NVMLError = NVMLError

    def __init__(self, gpus: list[Gpu] | None) -> None:
        self._gpus = gpus or []
        self._driver = gpus is not None
        self.open = 0

    def nvmlInit(self) -> None:
        if not self._driver:
            raise NVMLError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return len(self._gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Gpu:
        return self._gpus[index]

    def nvmlDeviceGetUUID(self, handle: Gpu) -> str:
        return handle.uuid

    def nvmlDeviceGetName(self, handle: Gpu) -> str:
        return handle.model

    def nvmlDeviceGetMemoryInfo(self, handle: Gpu) -> SimpleNamespace:
        return SimpleNamespace(total=handle.memory)


@pytest.mark.parametrize(
    "gpus", [None, [], [Gpu("GPU-1", "NVIDIA L4", 24 << 30), Gpu("GPU-2", "NVIDIA L4", 24 << 30)]],
    ids=["no driver", "none", "two"],
)  # fmt: skip
def test_gpus_of_the_driver(monkeypatch: pytest.MonkeyPatch, gpus: list[Gpu] | None) -> None:
    library = Library(gpus)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    source: GpuSource = NvmlGpus(lambda: True)
    assert list(source.find()) == (gpus or [])
    assert library.open == 0, "the library is closed again"


def test_a_machine_without_the_driver_reads_no_bindings_of_it() -> None:
    program = (
        "import sys; from seaway.controlplane.node.gpu import NvmlGpus;"
        "print(NvmlGpus(lambda: False).find(), 'pynvml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["()", "False"]
