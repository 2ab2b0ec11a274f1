"""The embedded Kubernetes, for one machine: store, kinds, API server, scheduler, controllers, node.

`cluster.py` composes them; everything but the API server is a client of it, as on any cluster, and can be swapped for
the real part. Nothing of the product (runs, workspaces, `seaway why`) is known here.
"""
