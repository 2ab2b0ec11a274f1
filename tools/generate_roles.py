"""Write the default roles of Kubernetes' own controllers, scheduler and users as package data, out of a running Kubernetes.

Usage, with kubectl and a kubeconfig of the version that is wanted:
    kubectl get clusterroles -o json | python tools/generate_roles.py [OUTPUT]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

OUTPUT = Path(__file__).parents[1] / "src/seaway/controlplane/apiserver/controller_roles.json"
PREFIX = "system:controller:"
OF_USERS = {"view": ("view",), "edit": ("view", "edit"), "admin": ("view", "edit", "admin")}
"""Role -> the roles `system:aggregate-to-…` that a controller puts together into it."""
FURTHER = ("system:kube-controller-manager", "system:kube-scheduler", "system:volume-scheduler")


def main() -> None:
    """Read the list on standard input and write each role's rules, one role a line."""
    output = Path(sys.argv[1]) if len(sys.argv) == 2 else OUTPUT
    roles = {role["metadata"]["name"]: role["rules"] for role in json.load(sys.stdin)["items"]}
    chosen = {name: rules for name, rules in roles.items() if name.startswith(PREFIX) or name in FURTHER}
    if not chosen:
        sys.exit("no role of a controller is in this list: pipe `kubectl get clusterroles -o json` in")
    for name, parts in OF_USERS.items():
        chosen[name] = [rule for part in parts for rule in roles[f"system:aggregate-to-{part}"]]
    lines = [
        f"{json.dumps(name)}:{json.dumps(rules, sort_keys=True, separators=(',', ':'))}"
        for name, rules in sorted(chosen.items())
    ]
    output.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{output}: {len(chosen)} roles")


if __name__ == "__main__":
    main()
