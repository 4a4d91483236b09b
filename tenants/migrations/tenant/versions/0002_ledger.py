"""The ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "ledger_balances",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("stripe", sa.SmallInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "currency", "stripe", name=op.f("ledger_balances_pkey")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("transaction", sa.Text(collation="C"), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("ledger_entries_pkey")),
        info={"append_only": True},
    )
    op.create_index(
        op.f("ledger_entries_transaction_idx"), "ledger_entries", ["transaction"], unique=False
    )
    op.create_table(
        "ledger_holds",
        sa.Column("transaction", sa.Text(collation="C"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("available_on", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("transaction", name=op.f("ledger_holds_pkey")),
    )
    op.create_index(
        op.f("ledger_holds_available_on_idx"), "ledger_holds", ["available_on"], unique=False
    )
    op.create_table(
        "ledger_transactions",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("available_on", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("fee_details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("ledger_transactions_pkey")),
        info={"append_only": True},
    )
    op.create_index(
        op.f("ledger_transactions_source_idx"), "ledger_transactions", ["source"], unique=False
    )
