"""Write the parts of the Helm chart that say what the code says: its version, its values, their schema.

    python -m tools.generate_chart

A test compares the files with what is made here.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from seaway import __version__
from seaway.platform import access
from seaway.platform.deploy.values import Values

FOLDER = Path(__file__).parents[1] / "src" / "seaway" / "platform" / "deploy" / "chart"
NOTE = "# Made by tools/generate_chart.py: change platform/deploy/values.py, then make it anew.\n"
NOTE_RULES = "# Made by tools/generate_chart.py of platform/access.py.\n"


def files() -> dict[str, str]:
    """Return the files' contents by their names."""
    return {
        "Chart.yaml": chart(),
        "values.yaml": NOTE + "\n" + "\n".join(_lines(Values, Values(), 0)).strip() + "\n",
        "rules.yaml": NOTE_RULES + yaml.safe_dump(rules(), sort_keys=False),
        "values.schema.json": json.dumps(schema(), indent=1) + "\n",
    }


def rules() -> dict[str, Any]:
    """Return the rights that the chart grants: the server's own list of what it uses."""
    namespaced = [*access.WORKSPACE_RULES, *access.LEADER_RULES]
    return json.loads(
        json.dumps(
            {
                "namespace": namespaced,
                "metrics": [access.METRICS_RULE],
                "nodes": [access.NODE_RULE],
                "confirmOff": [access.CONFIRM_OFF_RULE],
                "workspaces": list(access.MANAGER_RULES),
            }
        )
    )


def chart() -> str:
    """Return Chart.yaml."""
    about = {
        "apiVersion": "v2",
        "name": "seaway",
        "description": "Kubernetes for data scientists, without having to know Kubernetes",
        "type": "application",
        "version": __version__,
        "appVersion": __version__,
        "kubeVersion": ">=1.27.0-0",
    }
    return NOTE + yaml.safe_dump(about, sort_keys=False, width=200)


def schema() -> dict[str, Any]:
    """Return the schema that Helm checks values with."""
    made = Values.model_json_schema(by_alias=True)
    for part in (made, *made["$defs"].values()):
        for one in part["properties"].values():
            one.pop("title", None)
            one.pop("default", None)
        part.pop("title", None)
    made["properties"]["global"] = {
        "type": "object",
        "description": "Helm's own, where this is part of another chart.",
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _lines(model: type[BaseModel], value: BaseModel, depth: int) -> list[str]:
    indent = "  " * depth
    lines: list[str] = []
    for name, field in model.model_fields.items():
        key, content = field.alias or name, getattr(value, name)
        lines += ["" if depth == 0 else None, *_comment(field, indent)]  # type: ignore[list-item]
        if isinstance(content, BaseModel):
            lines += [f"{indent}{key}:", *_lines(type(content), content, depth + 1)]
        else:
            plain = list(content) if isinstance(content, tuple) else content
            written = yaml.safe_dump({key: plain}, sort_keys=False, default_style=None, width=200)
            lines.append(textwrap.indent(written.rstrip(), indent))
    return [line for line in lines if line is not None]


def _comment(field: FieldInfo, indent: str) -> list[str]:
    width = 118 - len(indent)
    return [f"{indent}# {line}" for line in textwrap.wrap(field.description or "", width)]


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_text(content)
