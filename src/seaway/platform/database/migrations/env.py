"""What Alembic asks for; `seaway.platform.database.migrate` configures the context itself."""

from __future__ import annotations

from alembic import context

context.run_migrations()
