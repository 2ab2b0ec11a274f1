"""Seeing whether the GPUs that a task asked for are used, through NVIDIA's management library where the container has it.

Source: the NVML reference (nvmlDeviceGetUtilizationRates, nvmlDeviceGetMemoryInfo); it is in containers of NVIDIA's runtime
with the driver capability "utility".
"""

# ruff: noqa: PTH113, PTH118
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LIBRARY = "libnvidia-ml.so.1"
_TAKEN = 64 << 20
"""Bytes of memory that a program which computes on a GPU takes there at the least: its context alone takes more."""
_UUID_BYTES = 96


class Utilization(ctypes.Structure):
    """nvmlUtilization_t."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class Memory(ctypes.Structure):
    """nvmlMemory_t."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class Gpus:
    """The GPUs that a program sees.

    Args:
        environ: the program's environment; CUDA_VISIBLE_DEVICES says which.
        library: the file of the library.
    """

    def __init__(self, environ: Mapping[str, str], library: str = LIBRARY) -> None:
        self._visible = [name for name in environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        self._handles: list[tuple[Any, int]] = []
        """Each with the memory that was used at first, in bytes."""
        try:
            self._nvml: Any = ctypes.CDLL(_place(library, environ.get("LD_LIBRARY_PATH", "")))
            self._handles = [(handle, self._memory(handle)) for handle in self._find()]
        except (OSError, AttributeError):  # no driver here, or one of long ago
            self._handles = []

    @property
    def seen(self) -> bool:
        """Return whether anything can be said of them."""
        return bool(self._handles)

    def used(self) -> bool:
        """Return whether any of them computes now, or holds memory that it did not hold at first; True where it does not say."""
        try:
            return any(
                self._busy(handle) or self._memory(handle) > first + _TAKEN for handle, first in self._handles
            )
        except OSError:
            return True

    def usage(self) -> tuple[int, int, int] | None:
        """Return how busy they are in percent, and the bytes that are used and that there are; None where that cannot be said."""
        try:
            busy = [self._busy(handle) for handle, _ in self._handles]
            found = [self._memory_of(handle) for handle, _ in self._handles]
        except OSError:
            return None
        if not found:
            return None
        used, total = sum(one.used for one in found), sum(one.total for one in found)
        return round(sum(busy) / len(busy)), used, total

    def _find(self) -> list[Any]:
        count = ctypes.c_uint()
        self._call("nvmlInit_v2")
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(count))
        found = []
        for index in range(count.value):
            handle = ctypes.c_void_p()
            self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
            uuid = ctypes.create_string_buffer(_UUID_BYTES)
            self._call("nvmlDeviceGetUUID", handle, uuid, ctypes.c_uint(_UUID_BYTES))
            if not self._visible or str(index) in self._visible or uuid.value.decode() in self._visible:
                found.append(handle)
        return found

    def _busy(self, handle: Any) -> int:
        """Return the percent of the last while in which it computed."""
        rates = Utilization()
        self._call("nvmlDeviceGetUtilizationRates", handle, ctypes.byref(rates))
        return int(rates.gpu)

    def _memory(self, handle: Any) -> int:
        return int(self._memory_of(handle).used)

    def _memory_of(self, handle: Any) -> Memory:
        memory = Memory()
        self._call("nvmlDeviceGetMemoryInfo", handle, ctypes.byref(memory))
        return memory

    def _call(self, name: str, *arguments: Any) -> None:
        """Call a function of the library. Raises OSError where it says that it failed."""
        code = getattr(self._nvml, name)(*arguments)
        if code:
            raise OSError(f"{name}: {code}")


def _place(library: str, folders: str) -> str:
    """Return where the library is: what the container's LD_LIBRARY_PATH says counts, although this process may be a fork."""
    places = (os.path.join(folder, library) for folder in folders.split(":") if folder)
    return next((place for place in places if os.path.isfile(place)), library)
