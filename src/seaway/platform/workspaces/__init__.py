"""Workspaces beside the default one: who makes and deletes them, what the server needs for it, what would be lost.

What runs do in a workspace belongs into the engine.
"""
