"""What is typed: one file a command.

A command reads its arguments and the environment, asks a server through `seaway.sdk`, and draws the answer. It decides
nothing about runs and keeps no state. Only what a command needs is imported, and that late, for the shell waits for it;
`composition` alone joins control plane, platform and portal.
"""
