"""The queue of payments that nobody can explain, of all tenants."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "unresolved_queue",
        sa.Column(
            "schema_name",
            sa.Text(collation="C"),
            server_default=sa.text("current_user"),
            nullable=False,
        ),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("schema_name", "id", name=op.f("unresolved_queue_pkey")),
        schema="platform",
    )
    op.create_index(
        op.f("unresolved_queue_since_id_idx"),
        "unresolved_queue",
        ["since", "id"],
        unique=False,
        schema="platform",
    )
    op.execute("grant select, insert, update, delete on platform.unresolved_queue to cpay_app")
    # A tenant puts its own payments there and takes them away; it sees nobody else's.
    op.execute("grant select, insert, update, delete on platform.unresolved_queue to cpay_tenants")
    op.execute("alter table platform.unresolved_queue enable row level security")
    op.execute(
        "create policy own_rows on platform.unresolved_queue to cpay_tenants"
        " using (schema_name = current_user)"
    )
    op.execute("create policy all_rows on platform.unresolved_queue to cpay_app using (true)")
