"""Endings that are produced on purpose: what is made of each, and what `seaway why` must say of it."""
