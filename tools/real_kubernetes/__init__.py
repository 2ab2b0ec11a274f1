"""Kubernetes' own control plane as a test tool: built from its Go modules, started on free ports, stopped again.

`build` compiles kube-apiserver, kube-controller-manager, kube-scheduler and etcd once into a cache folder that is named
by their versions; `control_plane` runs them. Only tests and benchmarks use this; nothing of it is packaged.
"""
