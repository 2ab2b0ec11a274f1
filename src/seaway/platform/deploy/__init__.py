"""The server on a team's cluster: its manifests, and the Helm chart (package data) that makes the same ones.

`values.py` says what can be set, `manifests.py` and what it calls turn that into objects (pure), `installation.py` puts
them into a cluster and takes them out again. The chart stands beside them for who uses Helm; a test compares the two.
"""
