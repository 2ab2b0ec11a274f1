"""What a task asks of a node."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from seaway.model.base import Value
from seaway.objects.quantity import parse_quantity


class Resources(Value):
    """CPU, memory and GPUs of one task. None: no request beyond the server's small default, no limit."""

    cpu: str | None = None
    """Cores, for example "2" or "500m"."""
    memory: str | None = None
    """Bytes with a unit, for example "4Gi" or "512M"; also the limit."""
    gpu: Annotated[int, Field(ge=0, le=1024)] = 0

    @field_validator("cpu", "memory")
    @classmethod
    def _is_a_quantity(cls, value: str | None) -> str | None:
        if value is not None and parse_quantity(value) <= 0:
            raise ValueError("must be more than zero")
        return value
