"""What users speak of, as typed, validated, immutable values: runs, tasks, attempts, verdicts.

Everything here is pure: no I/O, no clock, no Kubernetes object and no database row. It is what travels between the SDK,
the REST API and the server, so that a field means the same in all of them.
"""
