"""Find the receipts that are due, and all other jobs, without reading one another's backlog."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_index(
        "jobs_receipts_idx",
        "jobs",
        ["run_at"],
        unique=False,
        schema="platform",
        postgresql_where=sa.text("kind = 'receipt'"),
    )
    op.create_index(
        "jobs_others_idx",
        "jobs",
        ["run_at"],
        unique=False,
        schema="platform",
        postgresql_where=sa.text("kind <> 'receipt'"),
    )
    op.drop_index(op.f("jobs_run_at_idx"), table_name="jobs", schema="platform")
