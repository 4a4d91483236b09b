"""Disputes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("charge", sa.Text(collation="C"), nullable=False),
        sa.Column("payment_intent", sa.Text(collation="C"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status in ('needs_response', 'under_review', 'won', 'lost')",
            name=op.f("disputes_status_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("disputes_pkey")),
    )
    op.create_index(op.f("disputes_charge_idx"), "disputes", ["charge"], unique=False)
    op.create_index(
        op.f("disputes_payment_intent_idx"), "disputes", ["payment_intent"], unique=False
    )
