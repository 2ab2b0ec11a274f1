"""The program under every container: a fork server, and the shim that it forks for each container.

It runs as `python -I -S`, outlives the daemon, and may import the standard library and this package alone. Everything it is
told stands in a container's folder, and everything it knows it writes there: `started` (locked while the shim lives),
`state.json`, the log, `exit.json`. It decides nothing about pods.
"""
