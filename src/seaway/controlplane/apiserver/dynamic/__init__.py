"""Dynamic admission: what is asked before a write because somebody configured it: webhooks and admission policies.

Every write passes here after the admission steps that each cluster has. Where nothing is configured that costs one
look at an empty tuple; webhooks are awaited before the write is handed to the store, which checks that the object is
still the one that was judged.
"""
