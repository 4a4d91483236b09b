"""Payouts and external accounts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "external_accounts",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("default_for_currency", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
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
            "kind in ('bank_account', 'mobile_wallet')", name=op.f("external_accounts_kind_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("external_accounts_pkey")),
    )
    op.create_index(
        op.f("external_accounts_currency_idx"),
        "external_accounts",
        ["currency"],
        unique=True,
        postgresql_where=sa.text("default_for_currency"),
    )
    op.create_table(
        "payouts",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("arrival_date", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("provider_reference", sa.Text(), nullable=True),
        sa.Column("destination", sa.Text(collation="C"), nullable=True),
        sa.Column("original_payout", sa.Text(collation="C"), nullable=True),
        sa.Column("batch", sa.Text(collation="C"), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("bank_file", sa.Text(), nullable=True),
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
            "state in ('pending', 'submitted', 'in_transit', 'unknown', 'paid', 'failed', 'canceled')",
            name=op.f("payouts_state_check"),
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("payouts_amount_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("payouts_pkey")),
    )
    op.create_index(op.f("payouts_batch_line_idx"), "payouts", ["batch", "line"], unique=True)
    op.create_index(
        op.f("payouts_currency_idx"),
        "payouts",
        ["currency"],
        unique=False,
        postgresql_where=sa.text("provider = 'bank' and state = 'pending'"),
    )
    op.create_index(op.f("payouts_destination_idx"), "payouts", ["destination"], unique=False)
    op.create_index(op.f("payouts_reference_idx"), "payouts", ["reference"], unique=True)
