"""Alembic's entry: runs on the connection that `clarion.db.migrate` hands over, each revision in its transaction."""

from alembic import context
from sqlalchemy import text

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table_schema="clarion",
    transaction_per_migration=True,
)
with context.begin_transaction():
    connection.execute(text("SET lock_timeout = '4s'"))
    connection.execute(text("SET statement_timeout = '5s'"))
    context.run_migrations()
connection.commit()
