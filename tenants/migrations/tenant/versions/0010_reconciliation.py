"""Reconciliations, their items, and nightly counts of what is open."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "open_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("restored", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("day", name=op.f("open_counts_pkey")),
    )
    op.create_table(
        "reconciliation_items",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("reconciliation", sa.Text(collation="C"), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("provider_reference", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("moved", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=True),
        sa.Column("matched_by", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("statement_amount", sa.BigInteger(), nullable=False),
        sa.Column("ledger_amount", sa.BigInteger(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("adjusts", sa.Text(), nullable=True),
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
            "kind in ('collection', 'refund', 'payout', 'dispute', 'other')",
            name=op.f("reconciliation_items_kind_check"),
        ),
        sa.CheckConstraint(
            "status in ('matched', 'missing_here', 'missing_there', 'different_amount', 'duplicate')",
            name=op.f("reconciliation_items_status_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliation_items_pkey")),
    )
    op.create_index(
        op.f("reconciliation_items_adjusts_idx"), "reconciliation_items", ["adjusts"], unique=True
    )
    op.create_index(
        op.f("reconciliation_items_reconciliation_status_idx"),
        "reconciliation_items",
        ["reconciliation", "status"],
        unique=False,
    )
    op.create_index(
        op.f("reconciliation_items_source_idx"), "reconciliation_items", ["source"], unique=False
    )
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("period_start", sa.BigInteger(), nullable=False),
        sa.Column("period_end", sa.BigInteger(), nullable=False),
        sa.Column("open_items", sa.Integer(), nullable=False),
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
            "status in ('open', 'completed')", name=op.f("reconciliations_status_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliations_pkey")),
    )
    op.create_index(
        op.f("reconciliations_provider_content_hash_idx"),
        "reconciliations",
        ["provider", "content_hash"],
        unique=True,
    )
    # The nightly count, once per schema: those that exist get it here, as those to come do.
    op.execute(
        "insert into platform.jobs (schema_name, kind, subject)"
        " values (current_schema(), 'count_open', 'daily') on conflict do nothing"
    )
