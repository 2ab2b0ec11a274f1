"""Seaway: Kubernetes for data scientists, without having to know Kubernetes.

`seaway.cli` is what is typed, `seaway.sdk` what a script or another program imports. Nothing is imported here: what a
command does not need, it does not pay for. The version stands here because everything else asks for it.
"""

__version__ = "0.1.0"
