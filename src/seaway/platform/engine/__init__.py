"""The loop that makes runs happen: it compares what the database wants with what the cluster shows.

`plan` decides, purely; the shell around it reads, writes and calls Kubernetes, and may be killed at any instant. What an
ending means is diagnosis' judgement; how a pod looks is workloads' knowledge; neither belongs here.
"""
