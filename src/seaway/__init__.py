"""Seaway."""
