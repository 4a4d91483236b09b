"""Let the queues be searched by the tenants' own ids, and deliveries be claimed by endpoint.

Ids and role names are in byte order ("C"). With columns of another collation PostgreSQL compares
them without the index, so a tenant's look at its own rows walked the whole queue.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = {
    "jobs": ("schema_name", "subject"),
    "deliveries": ("schema_name", "event", "endpoint"),
}


def upgrade() -> None:
    for queue, columns in COLUMNS.items():
        # A policy holds on to the type of the columns it names.
        op.execute(f"drop policy own_rows on platform.{queue}")
        for column in columns:
            op.alter_column(
                queue,
                column,
                type_=sa.Text(collation="C"),
                existing_nullable=False,
                schema="platform",
            )
        op.execute(
            f"create policy own_rows on platform.{queue} to cpay_tenants"
            " using (schema_name = current_user)"
        )
    op.drop_index(op.f("deliveries_run_at_idx"), table_name="deliveries", schema="platform")
    op.create_index(
        op.f("deliveries_schema_name_endpoint_run_at_id_idx"),
        "deliveries",
        ["schema_name", "endpoint", "run_at", "id"],
        schema="platform",
    )
