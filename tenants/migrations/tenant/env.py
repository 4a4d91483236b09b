"""Alembic's entry point for the tenant family: revisions are only ever rendered to SQL, never run.

`tenants/migrate.py` replays the SQL, because thousands of schemas want one rendering.
"""

from alembic import context

context.configure(
    dialect_name="postgresql",
    literal_binds=True,
    transactional_ddl=False,
    version_table_schema=None,
)
context.run_migrations()
