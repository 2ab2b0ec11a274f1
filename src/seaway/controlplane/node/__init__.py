"""The node: takes the pods bound to it and makes them run as process trees on this machine.

Decisions (pod status, environment, volume payloads, image map, mount plan) are pure modules; `worker` and `agent` are the
shell that acts. `shim/` is a standalone program of the standard library alone: it outlives the daemon and may import
nothing of Seaway. The node knows the cluster only through `seaway.client`; it never touches the store.
"""
