"""The controllers of the embedded cluster, one file each, listed in `table.py`.

Each is a client of the API server like any other: what it decides is a pure function with a table of cases, what it
does goes through the client. A controller knows its own kinds; none knows a node's insides, the store or the product.
"""
