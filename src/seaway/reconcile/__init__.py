"""From watches to level-based reconciling: local copies of collections, work queues, the loop and its four outcomes.

Events only enqueue keys; a reconcile reads the world and is idempotent. What belongs here serves every controller of
every cluster; what a controller decides lies with the controller. Nothing here knows a kind beyond Lease and Event.
"""
