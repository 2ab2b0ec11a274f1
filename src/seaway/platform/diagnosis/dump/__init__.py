"""From what `kubectl get -o yaml` printed to the facts of one pod or job: no server, no clock.

Reading the documents, choosing whom they are about, and putting the facts together belong here; what the facts mean
is for the rules.
"""
