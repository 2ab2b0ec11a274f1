"""What a Kubernetes object is: plain JSON values and the rules that every API server and client shares about them.

Metadata, quantities, selectors, schemas, the four kinds of patch, names and errors belong here. All of it is pure:
functions from values to values, no I/O, no clock, no randomness of its own. Knowledge of one kind (its defaults, its
columns) does not belong here, nor does anything of Seaway's own nouns.
"""
