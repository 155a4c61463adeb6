"""Alembic's entry: runs on the connection that `clarion.db.migrate` hands over, each revision in its transaction.

Time-outs of locks and statements are set on that connection already.
"""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table_schema="clarion",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
