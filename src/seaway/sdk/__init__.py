"""What runs on a data scientist's own machine: the REST client, and what turns a script into a run.

It reads the script's folder, the active environment and the server's answers, and nothing of a cluster. The command line
starts in the time that this package takes to import, so it uses the standard library alone. Knowledge of Kubernetes, of
the database and of how answers are drawn may not come in here.
"""
