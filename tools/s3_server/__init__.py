"""An S3-compatible server as a test tool: built from its Go module, started on a free port over a folder, stopped again.

It is versitygw, the Versity S3 Gateway (Apache-2.0): one process, one binary, objects are plain files. Only tests use it;
nothing of it is packaged.
"""
