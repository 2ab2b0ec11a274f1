"""The product's server: what Seaway remembers, and the engine that turns runs into pods.

It talks to a cluster through `seaway.client` alone, so that the embedded cluster and any real Kubernetes are the same to it.
It speaks no HTTP of its own (that is `seaway.portal`) and never branches on which cluster stands behind the API: what
differs between clusters is a setting.
"""
