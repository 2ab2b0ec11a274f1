"""What a task asks of a node."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from seaway.model.base import Value
from seaway.objects.quantity import parse_quantity


class Resources(Value):
    """CPU, memory and GPUs of one task. None: no request beyond the server's small default, no limit."""

    cpu: str | None = None
    """Cores, for example "2" or "500m"."""
    memory: str | None = None
    """Bytes with a unit, for example "4Gi" or "512M"; also the limit."""
    scratch: str | None = None
    """The most that it may leave on its container's own disk (/tmp, the working directory, outputs before they are kept), for
    example "10Gi". None: the server's limit."""
    cache: str | None = None
    """A fast folder on its node's own disk for files that can be made anew, of at most so many bytes, for example "100Gi"; it
    goes with the attempt. None: no such folder."""
    gpu: Annotated[int, Field(ge=0, le=1024)] = 0
    gpu_kind: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")] | None = None
    """Only nodes whose label nvidia.com/gpu.product says so, for example "a100". None: any."""

    @model_validator(mode="after")
    def _a_kind_is_of_gpus(self) -> Self:
        if self.gpu_kind is not None and not self.gpu:
            raise ValueError("gpu_kind needs gpu: how many GPUs of that kind")
        return self

    @field_validator("cpu", "memory", "scratch", "cache")
    @classmethod
    def _is_a_quantity(cls, value: str | None) -> str | None:
        if value is not None and parse_quantity(value) <= 0:
            raise ValueError("must be more than zero")
        return value
