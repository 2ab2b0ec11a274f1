"""What the server remembers: tables, queries, migrations, and the one connection that writes.

Queries are small functions over a connection, one file a noun; they decide nothing. SQLAlchemy Core only, in types that
SQLite and PostgreSQL share. No Kubernetes call and no policy belongs here.
"""
