"""The scheduler: which node a pod goes to.

Filters and scores are pure functions over `NodeInfo` values; `state.py` keeps those current, `scheduler.py` is the loop
that talks to the API server, of which it is only a client. Nothing here starts a pod or knows how a node works.
"""
