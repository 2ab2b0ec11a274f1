"""What is built: the newest Kubernetes whose module the proxy has and the machine's Go compiles, and its etcd."""

from __future__ import annotations

import re
from pathlib import Path

from tools.go_tool import GoTool

_MODULE = Path(__file__).parent


def _required(module: str) -> str:
    """Return the version of a module that go.mod names."""
    found = re.search(
        rf"^(?:require )?\s*{re.escape(module)} (v\S+)", (_MODULE / "go.mod").read_text(), re.MULTILINE
    )
    assert found, f"{module} is not in go.mod"
    return found[1]


KUBERNETES = _required("k8s.io/kubernetes")
ETCD = _required("go.etcd.io/etcd/server/v3")
_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES.lstrip("v").split(".", 2)

TOOL = GoTool(
    name="real-kubernetes",
    title=f"Kubernetes {KUBERNETES} and etcd {ETCD}",
    module=_MODULE,
    packages={
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    },
    linker=f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}",
)
NOT_BUILT = "Kubernetes is not built here: make real-kubernetes (needs Go; minutes, once)"
