"""The node's own HTTPS server, which a real API server calls for logs, exec, attach and port-forward; the kubelet's port.

`server` routes, `access` says who may call, `certificates` what the server shows. Nothing here knows how a container runs:
the node is asked.
"""
