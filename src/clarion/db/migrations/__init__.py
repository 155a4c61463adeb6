"""Alembic environment and revisions of the shared schema."""
