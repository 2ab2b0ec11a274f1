"""What runs inside a pod: it restores a task's files, runs its program and commits what that leaves.

Only the standard library may be imported, and nothing of Seaway's: these modules travel as one archive into any image
that has a python3. They import what they need late, because they stand between a pod's start and the program's.
"""
