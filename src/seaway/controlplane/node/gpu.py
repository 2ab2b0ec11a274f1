"""GPUs of this machine, and which container has which. Exclusive: a GPU belongs to one container at a time."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

RESOURCE = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU."""

    uuid: str
    """What CUDA_VISIBLE_DEVICES names it by."""
    model: str
    memory: int
    """Bytes."""


class GpuSource(Protocol):
    """Finds GPUs."""

    def find(self) -> Sequence[Gpu]:
        """Return the GPUs of this machine; none where there is no driver."""
        ...


def has_driver() -> bool:
    """Tell whether NVIDIA's management library, a part of the driver, is on this machine."""
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    return True


class NvmlGpus:
    """Those that NVIDIA's management library finds.

    Args:
        driver: tells whether the library is there.
    """

    def __init__(self, driver: Callable[[], bool] = has_driver) -> None:
        self._driver = driver

    def find(self) -> Sequence[Gpu]:
        """Return the GPUs of this machine; none where there is no driver."""
        if not self._driver():
            return ()
        import pynvml  # late: 2 MB that most machines have no use for

        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return ()
        try:
            handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
            return [
                Gpu(
                    pynvml.nvmlDeviceGetUUID(h),
                    pynvml.nvmlDeviceGetName(h),
                    int(pynvml.nvmlDeviceGetMemoryInfo(h).total),
                )
                for h in handles
            ]
        finally:
            pynvml.nvmlShutdown()


class PretendedGpus:
    """So many that are not there: for learning how GPUs are scheduled."""

    def __init__(self, count: int, model: str = "pretended") -> None:
        self._count, self._model = count, model

    def find(self) -> Sequence[Gpu]:
        """Return them, named by their number."""
        return [Gpu(str(number), self._model, 16 << 30) for number in range(self._count)]


class NotEnoughGpusError(Exception):
    """Fewer GPUs are free than asked for."""


def wanted(container: Mapping[str, Any]) -> int:
    """Return how many GPUs a container asks for."""
    resources = container.get("resources") or {}
    return int(
        (resources.get("limits") or {}).get(RESOURCE) or (resources.get("requests") or {}).get(RESOURCE) or 0
    )


def choose(gpus: Sequence[Gpu], taken: Iterable[str], count: int) -> tuple[str, ...]:
    """Return the names of free GPUs, the first ones.

    Raises:
        NotEnoughGpusError: worded as the kubelet's device manager words it.
    """
    used = set(taken)
    free = [gpu.uuid for gpu in gpus if gpu.uuid not in used]
    if len(free) < count:
        message = f"requested number of devices unavailable for {RESOURCE}. Requested: {count}, Available: {len(free)}"
        raise NotEnoughGpusError(message)
    return tuple(free[:count])


def environment(uuids: Sequence[str]) -> dict[str, str]:
    """Return the variables that show a container its GPUs, and no others."""
    names = ",".join(uuids)
    return {"CUDA_VISIBLE_DEVICES": names, "NVIDIA_VISIBLE_DEVICES": names or "void"}
