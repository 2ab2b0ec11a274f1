"""What Kubernetes' JSON decoder says of a value that does not fit its Go type. Pure.

The first wrong type is what the answer names; a time or a quantity that cannot be read ends the decoding at once and is
named instead.

Source: Go's encoding/json (`UnmarshalTypeError`), apimachinery's Time, Quantity and IntOrString.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

from seaway.objects.gotime import time_fault
from seaway.objects.quantity import decoding_fault

if TYPE_CHECKING:
    from seaway.objects.schema import Schema

_KINDS = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
_BITS = {"int32": 31, "int64": 63}
_BASE64_LETTERS = frozenset((string.ascii_letters + string.digits + "+/").encode())


class _Unreadable(Exception):
    """A value whose type reads itself could not be read."""


def decode_fault(schema: Schema, value: Any) -> str:
    """Return why an object of a built-in kind cannot be decoded, "" where it can."""
    decoder = _Decoder()
    try:
        decoder.read(schema, value, schema.go_name)
    except _Unreadable as error:
        return str(error)
    return decoder.fault


class _Decoder:
    def __init__(self) -> None:
        self.fault = ""
        self._struct = ""
        self._fields: list[str] = []

    def read(self, schema: Schema, value: Any, go_type: str) -> None:
        if value is None or schema.opaque:
            return
        if schema.format == "date-time":
            self._read_time(value, precise=go_type.endswith("MicroTime"))
        elif schema.quantity:
            _read_quantity(value)
        elif schema.int_or_string:
            self._read_int_or_string(value)
        elif schema.leaf:
            self._read_scalar(schema, value, go_type)
        elif schema.type == "array":
            self._read_list(schema, value, go_type)
        elif schema.properties or (schema.additional is not None and not schema.additional.opaque):
            self._read_map(schema, value, go_type)

    def _read_scalar(self, schema: Schema, value: Any, go_type: str) -> None:
        kind = type(value)
        if schema.type == "string":
            if kind is list and schema.format == "byte":
                self._read_bytes(value)
            elif kind is not str:
                self._mismatch(_KINDS[kind], go_type)
            elif schema.format == "byte" and (fault := base64_fault(value)):
                self._save(fault)
        elif schema.type == "boolean":
            if kind is not bool:
                self._mismatch(_KINDS[kind], go_type)
        elif kind not in (int, float):
            self._mismatch(_KINDS[kind], go_type)
        elif schema.type == "integer":
            bits = _BITS.get(schema.format, 63)
            if kind is float or not -(2**bits) <= value < 2**bits:
                self._mismatch(f"number {value}", go_type)

    def _read_bytes(self, value: list[Any]) -> None:
        """Bytes may also be given one by one."""
        for item in value:
            kind = type(item)
            if item is not None and (kind is not int or not 0 <= item < 256):
                self._mismatch(_KINDS[kind] + (f" {item}" if kind in (int, float) else ""), "uint8")

    def _read_list(self, schema: Schema, value: Any, go_type: str) -> None:
        if type(value) is not list:
            self._mismatch(_KINDS[type(value)], go_type)
            return
        for item in value:
            self.read(schema.items, item, _element(go_type, schema.items))

    def _read_map(self, schema: Schema, value: Any, go_type: str) -> None:
        if type(value) is not dict:
            self._mismatch(_KINDS[type(value)], go_type)
            return
        if not schema.properties:
            assert schema.additional is not None
            for item in value.values():
                self.read(schema.additional, item, _element(go_type, schema.additional))
            return
        struct = self._struct
        for name, item in value.items():
            child = schema.properties.get(name)
            if child is None:
                continue
            self._struct = schema.go_name.rpartition(".")[2]
            depth = len(self._fields)
            self._fields += (
                [*schema.go_embedded.get(name, "").split("/"), name] if name in schema.go_embedded else [name]
            )
            self.read(child, item, schema.go_fields.get(name, "").rstrip("?!").lstrip("*"))
            del self._fields[depth:]
            self._struct = struct

    def _read_time(self, value: Any, *, precise: bool) -> None:
        if type(value) is not str:
            raise _Unreadable(self._mismatched(_KINDS[type(value)], "string"))
        if fault := time_fault(value, precise=precise):
            raise _Unreadable(fault)

    def _read_int_or_string(self, value: Any) -> None:
        kind = type(value)
        if kind is str or (kind is int and -(2**31) <= value < 2**31):
            return
        found = _KINDS[kind] + (f" {value}" if kind in (int, float) else "")
        raise _Unreadable(self._mismatched(found, "int32"))

    def _mismatch(self, found: str, go_type: str) -> None:
        self._save(self._mismatched(found, go_type))

    def _mismatched(self, found: str, go_type: str) -> str:
        where = f"struct field {self._struct}.{'.'.join(self._fields)}" if self._fields else "value"
        return f"json: cannot unmarshal {found} into Go {where} of type {go_type}"

    def _save(self, fault: str) -> None:
        self.fault = self.fault or fault


def base64_fault(text: str) -> str:
    """Return what Go's decoder says of text that is no standard base64, "" where it is."""
    offset = _illegal_at(text.encode())
    return "" if offset is None else f"illegal base64 data at input byte {offset}"


def _illegal_at(data: bytes) -> int | None:
    """Return the offset of what is wrong, None for nothing; line ends are skipped."""
    taken = 0
    for at, byte in enumerate(data):
        if byte in b"\r\n":
            continue
        if byte == ord("="):
            return _illegal_padding(data, at, taken)
        if byte not in _BASE64_LETTERS:
            return at
        taken = (taken + 1) % 4
    return len(data) - taken if taken else None


def _illegal_padding(data: bytes, at: int, taken: int) -> int | None:
    """Return what is wrong from the first "=" on, which follows `taken` letters of a group of four."""
    if taken < 2:
        return at
    rest = data[at + 1 :].lstrip(b"\r\n")
    if taken == 2:
        if not rest:
            return len(data)
        if rest[:1] != b"=":
            return len(data) - len(rest) - 1
        rest = rest[1:].lstrip(b"\r\n")
    return len(data) - len(rest) if rest else None


def _element(go_type: str, schema: Schema) -> str:
    """Return the type of a list's items or a map's values."""
    if go_type.startswith("[]"):
        return go_type.removeprefix("[]").lstrip("*")
    if go_type.startswith("map["):
        return go_type.partition("]")[2].lstrip("*")
    return schema.go_name or schema.type


def _read_quantity(value: Any) -> None:
    text = value if type(value) is str else "x" if type(value) in (dict, list, bool) else str(value)
    if fault := decoding_fault(text):
        raise _Unreadable(fault)
