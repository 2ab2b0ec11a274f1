"""What the standard library lacks: clocks, task groups with readiness, one-writer SQLite, logging.

No Kubernetes word and no word of the product belongs here; it imports the standard library only.
"""
