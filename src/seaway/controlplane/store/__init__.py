"""The append-only log of revisions that everything in the embedded cluster is kept in.

`log.py` is the contract, `memory.py` its readable specification, `sqlite.py` the durable one. Only the API server
talks to a store. Nothing here knows what an object means: keys are text, values are bytes.
"""
