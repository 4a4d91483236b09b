"""Statements that merchants bring, matched by a job."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column(
        "reconciliations",
        sa.Column("origin", sa.Text(), server_default=sa.text("'operator'"), nullable=False),
    )
    op.create_check_constraint(
        op.f("reconciliations_origin_check"),
        "reconciliations",
        "origin in ('merchant', 'operator')",
    )
    op.drop_constraint(op.f("reconciliations_status_check"), "reconciliations", type_="check")
    op.create_check_constraint(
        op.f("reconciliations_status_check"),
        "reconciliations",
        "status in ('processing', 'open', 'completed')",
    )
    op.drop_index(op.f("reconciliations_provider_content_hash_idx"), "reconciliations")
    op.create_index(
        op.f("reconciliations_origin_provider_content_hash_idx"),
        "reconciliations",
        ["origin", "provider", "content_hash"],
        unique=True,
    )
    op.create_index(
        op.f("reconciliation_items_reconciliation_id_idx"),
        "reconciliation_items",
        ["reconciliation", "id"],
        unique=False,
    )
