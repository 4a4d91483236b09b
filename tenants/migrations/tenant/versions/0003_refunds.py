"""Refunds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "charges",
        sa.Column("amount_refunded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint(
        op.f("charges_amount_refunded_check"),
        "charges",
        "amount_refunded between 0 and amount_captured",
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("charge", sa.Text(collation="C"), nullable=False),
        sa.Column("payment_intent", sa.Text(collation="C"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("provider_reference", sa.Text(), nullable=True),
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
            "state in ('submitted', 'pending', 'unknown', 'succeeded', 'failed')",
            name=op.f("refunds_state_check"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("refunds_amount_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("refunds_pkey")),
    )
    op.create_index(op.f("refunds_charge_idx"), "refunds", ["charge"], unique=False)
    op.create_index(op.f("refunds_payment_intent_idx"), "refunds", ["payment_intent"], unique=False)
    op.create_index(op.f("refunds_reference_idx"), "refunds", ["reference"], unique=True)
