"""Controllers of what keeps pods running: deployments, replica sets, stateful sets, daemon sets and their history.

For each a pure plan (values in, what to create, delete and write out) and a shell that carries it out. What they share:
`children.py` (whose object is whose), `availability.py`, `pods.py` (making and removing pods), `history.py` (revisions).
"""
