"""What Alembic runs: the migrations, on the connection that it is handed and within its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
