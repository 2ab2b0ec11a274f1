"""Measures Seaway against its goals; `make bench` runs all of it, `python -m benchmarks NAME…` a part.

One module measures one thing and returns `Measurement` values; `goals.py` holds the goals of the design. Nothing of
this is a test: machines differ, a time is never a pass or a failure.
"""
