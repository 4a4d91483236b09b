"""Tenants for whom nothing is done, because they are being moved."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "tenant_schemas",
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        schema="platform",
    )
    op.create_index(
        "suspended_schemas",
        "tenant_schemas",
        ["schema_name"],
        unique=False,
        schema="platform",
        postgresql_where=sa.text("suspended_at is not null"),
    )
