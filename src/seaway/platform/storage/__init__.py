"""What runs bring and leave as files: code snapshots, environments, outputs, checkpoints, and the runner itself.

Everything immutable is content-addressed and verified by its hash when it is read. Files go through fsspec, so that
a folder and an object store are the same thing. No database, no Kubernetes and no HTTP belongs here.
"""
