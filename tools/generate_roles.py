"""Write the default roles of Kubernetes' own controllers, scheduler and users as package data, out of a running Kubernetes.

Usage, with kubectl and a kubeconfig of the version that is wanted:
    kubectl get clusterroles -o json | python tools/generate_roles.py [FOLDER]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1] / "src/seaway/controlplane/apiserver"
PREFIX = "system:controller:"
OF_USERS = "system:aggregate-to-"
"""The roles that a controller puts together into those of users."""
FURTHER = ("system:kube-controller-manager", "system:kube-scheduler", "system:volume-scheduler")


def main() -> None:
    """Read the list on standard input and write each role's rules, one role a line."""
    folder = Path(sys.argv[1]) if len(sys.argv) == 2 else PACKAGE
    roles = {role["metadata"]["name"]: role.get("rules") or [] for role in json.load(sys.stdin)["items"]}
    write(
        folder / "controller_roles.json",
        {n: r for n, r in roles.items() if n.startswith(PREFIX) or n in FURTHER},
    )
    write(folder / "user_roles.json", {n: r for n, r in roles.items() if n.startswith(OF_USERS)})


def write(output: Path, chosen: dict[str, Any]) -> None:
    """Write roles as one file."""
    if not chosen:
        sys.exit(f"no role for {output.name} is in this list: pipe `kubectl get clusterroles -o json` in")
    lines = [
        f"{json.dumps(name)}:{json.dumps(rules, sort_keys=True, separators=(',', ':'))}"
        for name, rules in sorted(chosen.items())
    ]
    output.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{output}: {len(chosen)} roles")


if __name__ == "__main__":
    main()
