"""Exec, attach and port-forward over a connection that was just upgraded: WebSocket and SPDY, and what travels in them.

Nothing here knows who called or how a container runs: the caller was let in before, and the node is asked for commands,
outputs and connections. So the same code serves a node's own server and the embedded API server.
"""
