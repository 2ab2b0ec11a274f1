"""The rules behind verdicts and `seaway why`: one family a file, one cause a function.

A rule returns a `Finding` only where its own evidence is there, else None; the order in which they are asked is
`seaway.platform.diagnosis.table`. Rules neither guess nor look at each other.
"""
