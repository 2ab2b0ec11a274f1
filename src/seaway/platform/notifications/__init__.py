"""Telling people: who is told of what, when and how.

What is told is written into the database with the change that it tells of; `sender` brings it out afterwards, by a process
of its own (`courier`). `pace` decides, purely, whether messages go one by one, together, or later.
"""
