"""A Kubernetes client for any cluster: a request is a value, a transport carries it.

`build.py` turns verbs into requests (pure), `client.py` sends them, `http.py` is the transport for any cluster; the
embedded cluster brings its own in-process one. Nothing here knows what a cluster is used for, keeps a copy of its
objects (that is `seaway.reconcile`) or speaks of the product.
"""
