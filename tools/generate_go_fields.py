"""Write how the fields of the built-in kinds are declared in Kubernetes' Go types, as package data.

Kubernetes decodes JSON into these types and encodes them again: which zero values it leaves out, which it spells out,
and how it names a type that does not fit, follow from them. Only facts are kept: a field's JSON name, its type, and
whether it is left out when empty ("?" at the end; "!" where a struct is left out when zero). A field of an embedded
struct has that struct's name and a slash in front.

Usage, with checkouts of k8s.io/api, k8s.io/apimachinery and k8s.io/apiextensions-apiserver of one version:
    python tools/generate_go_fields.py API APIMACHINERY APIEXTENSIONS [OUTPUT]
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from tools.generate_protobuf import parse

KINDS = Path(__file__).parents[1] / "src/seaway/controlplane/kinds"
OUTPUT = KINDS / "go_fields.json"
_PACKAGES = {
    "metav1": "v1",
    "apiv1": "v1",
    "corev1": "v1",
    "resource": "resource",
    "intstr": "intstr",
    "types": "types",
}


def folder(component: str, api: Path, machinery: Path, extensions: Path) -> tuple[Path, str] | None:
    """Return the folder of the Go package that declares a component, and its Go name."""
    head, _, name = component.rpartition(".")
    if match := re.fullmatch(r"io\.k8s\.api\.(\w+)\.(\w+)", head):
        return api / match[1] / match[2], name
    if head == "io.k8s.apimachinery.pkg.apis.meta.v1":
        return machinery / "pkg/apis/meta/v1", name
    if match := re.fullmatch(r"io\.k8s\.apiextensions-apiserver\.pkg\.apis\.apiextensions\.(\w+)", head):
        return extensions / "pkg/apis/apiextensions" / match[1], name
    return None


class Package:
    """The structs of one Go package."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.structs: dict[str, list[tuple[str, str]]] = {}
        self.named: dict[str, str] = {}
        for file in sorted(path.glob("types*.go")):
            structs, named = parse(file)
            self.structs |= structs
            self.named |= named

    def fields(self, struct: str) -> dict[str, str]:
        """Return JSON name -> Go type as Go prints it, with "?" or "!"; embedded structs are part of it."""
        found: dict[str, str] = {}
        for go_type, tags in self.structs.get(struct, ()):
            tag = re.search(r'json:"([^"]*)"', tags)
            if tag is None or tag[1] == "-":
                continue
            name, *options = tag[1].split(",")
            if not name:
                inner = go_type.lstrip("*")
                own = {} if "." in inner else self.fields(inner)
                found |= {field: f"{inner}/{declared}" for field, declared in own.items()}
                continue
            mark = "!" if "omitzero" in options else "?" if "omitempty" in options else ""
            found[name] = self.printed(go_type) + mark
        return found

    def printed(self, go_type: str) -> str:
        """Return a type as reflection names it."""
        for prefix in ("*", "[]"):
            if go_type.startswith(prefix):
                return prefix + self.printed(go_type.removeprefix(prefix))
        if match := re.fullmatch(r"map\[([\w.]+)\](.+)", go_type):
            return f"map[{self.printed(match[1])}]{self.printed(match[2])}"
        if go_type == "byte":
            return "uint8"
        if "." in go_type:
            package, _, name = go_type.partition(".")
            return f"{_PACKAGES.get(package, package)}.{name}"
        return f"{self.name}.{go_type}" if go_type[0].isupper() else go_type


def main() -> None:
    """Read the three checkouts and write the package data, one component a line."""
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    roots = [Path(argument) for argument in sys.argv[1:4]]
    output = Path(sys.argv[4]) if len(sys.argv) == 5 else OUTPUT
    packages: dict[Path, Package] = {}
    lines: list[str] = []
    for component in json.loads((KINDS / "openapi.json").read_text()):
        place = folder(component, *roots)
        if place is None:
            continue
        package = packages.setdefault(place[0], Package(place[0]))
        if fields := package.fields(place[1]):
            lines.append(f"{json.dumps(component)}:{json.dumps(fields, separators=(',', ':'))}")
    output.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{output}: {len(lines)} types, {output.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
