"""Volumes of workspaces: persistent volume claims that runs may mount, made and removed by those who may.

What a pod says of its volumes belongs into workloads, why a pod waits for one into diagnosis.
"""
