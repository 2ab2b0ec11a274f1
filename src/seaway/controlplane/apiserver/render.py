"""Forms of an answer: the object itself, a Table, its metadata only, YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from seaway.controlplane.apiserver.content import Content, ListContent, ValueContent
from seaway.controlplane.apiserver.listing import Listed
from seaway.controlplane.apiserver.messages import JSON, YAML
from seaway.controlplane.apiserver.negotiation import Rendering
from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.apiserver.table import include_object, table
from seaway.controlplane.store.log import Record
from seaway.objects.errors import NotAcceptable

Object = dict[str, Any]


class YamlContent:
    """Another content, as YAML."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Content) -> None:
        self._inner = inner

    def encoded(self) -> bytes:
        """Return it as YAML."""
        from seaway.controlplane.apiserver.yaml_text import encode_yaml  # late: few ask for it

        return encode_yaml(self._inner.parsed())

    def parsed(self) -> Any:
        """Return the JSON value."""
        return self._inner.parsed()

    def chunks(self) -> Iterator[bytes]:
        """Yield it in one piece."""
        yield self.encoded()


class Renderer:
    """Renders objects of one kind as one request wants them."""

    def __init__(
        self, form: Rendering, served: Served, include: str | None, now: Callable[[], float]
    ) -> None:
        self._form = form
        self._served = served
        self._include = include_object(include) if form.as_kind == "Table" else "Metadata"
        self._now = now
        self._columns_sent = False

    @property
    def content_type(self) -> str:
        """The answer's media type."""
        return YAML if self._form.yaml else JSON

    def one(self, content: Content) -> Content:
        """Render one object."""
        if self._form.as_kind == "Table":
            content = ValueContent(self._table([content.parsed()]))
        elif self._form.as_kind:
            if self._form.as_kind == "PartialObjectMetadataList":
                raise self._unlike("is not a list")
            content = ValueContent(self._partial(content.parsed()))
        return YamlContent(content) if self._form.yaml else content

    def plain(self, content: Content) -> Content:
        """Render what is always itself: a Status."""
        return YamlContent(content) if self._form.yaml else content

    def _unlike(self, what: str) -> NotAcceptable:
        """Return the error of a form that is not for this kind of answer."""
        resource, listed = self._served.resource, "List" if what == "is a list" else ""
        package = resource.group.partition(".")[0] or "core"
        name = (
            f"unstructured.Unstructured{listed}"
            if self._served.custom
            else f"{package}.{resource.kind}{listed}"
        )
        return NotAcceptable(f"you requested {self._form.as_kind}, but the requested object {what} (*{name})")

    def collection(self, listed: Listed) -> Content:
        """Render a list."""
        resource = self._served.resource
        content: Content
        if self._form.as_kind == "Table":
            content = ValueContent(self._table([record.object for record in listed.records], listed.metadata))
        elif self._form.as_kind:
            if self._form.as_kind == "PartialObjectMetadata":
                raise self._unlike("is a list")
            items = [self._partial(record.object) for record in listed.records]
            kind = {
                "kind": "PartialObjectMetadataList", "apiVersion": f"meta.k8s.io/{self._form.version}",
            }  # fmt: skip
            content = ValueContent({**kind, "metadata": listed.metadata, "items": items})
        else:
            convert = None if self._served.stored_as is None else self._served.view
            content = ListContent(
                resource.api_version, f"{resource.kind}List", self._list_metadata(listed), listed.records, convert,
                typed=self._served.custom,
            )  # fmt: skip
        return YamlContent(content) if self._form.yaml else content

    def _list_metadata(self, listed: Listed) -> Object:
        """Return a list's metadata; a custom resource's says in every list whether there is more."""
        return {"continue": "", **listed.metadata} if self._served.custom else listed.metadata

    def event(self, record: Record) -> Content:
        """Render one object of a watch; the columns of a Table come with the first only."""
        if self._form.as_kind == "Table":
            value = self._table([record.object], with_columns=not self._columns_sent)
            self._columns_sent = True
            return ValueContent(value)
        if self._form.as_kind:
            return ValueContent(self._partial(record.object))
        return self._served.view(record)

    def _table(
        self, objects: list[Object], metadata: Object | None = None, *, with_columns: bool = True
    ) -> Object:
        if metadata is None:
            metadata = {"resourceVersion": objects[0]["metadata"].get("resourceVersion", "")}
        return table(
            self._served.own.kind, objects, self._now(), metadata=metadata, include=self._include, with_columns=with_columns,
            version=self._form.version,
        )  # fmt: skip

    def _partial(self, obj: Object) -> Object:
        api_version = f"meta.k8s.io/{self._form.version}"
        return {"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": obj["metadata"]}
