"""Payments whose outcome nobody can explain, and what was done about them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "unresolved_payments",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payment", sa.Text(collation="C"), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("proposal", sa.Text(collation="C"), nullable=True),
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
            "status in ('open', 'awaiting_approval', 'resolved')",
            name=op.f("unresolved_payments_status_check"),
        ),
        sa.CheckConstraint(
            "type in ('charge', 'refund', 'payout')", name=op.f("unresolved_payments_type_check")
        ),
        sa.CheckConstraint(
            "reason in ('outcome_unknown', 'overdue', 'contradiction')",
            name=op.f("unresolved_payments_reason_check"),
        ),
        sa.CheckConstraint(
            "outcome in ('succeeded', 'failed')", name=op.f("unresolved_payments_outcome_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("unresolved_payments_pkey")),
    )
    op.create_index(
        op.f("unresolved_payments_payment_idx"), "unresolved_payments", ["payment"], unique=True
    )
    op.create_index(
        "unresolved_payments_queue_idx",
        "unresolved_payments",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.create_table(
        "unresolved_payment_deeds",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("unresolved_payment", sa.Text(collation="C"), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("provider_reference", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("unresolved_payment_deeds_pkey")),
    )
    op.create_index(
        op.f("unresolved_payment_deeds_unresolved_payment_id_idx"),
        "unresolved_payment_deeds",
        ["unresolved_payment", "id"],
        unique=False,
    )
    op.create_index(
        op.f("unresolved_payment_deeds_provider_reference_idx"),
        "unresolved_payment_deeds",
        ["provider_reference"],
        unique=False,
    )
