"""Setup intents, their attempts and mandates."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "mandates",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("payment_method", sa.Text(collation="C"), nullable=False),
        sa.Column("setup_intent", sa.Text(collation="C"), nullable=False),
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
            "status in ('pending', 'active', 'inactive')", name=op.f("mandates_status_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("mandates_pkey")),
    )
    op.create_index(
        op.f("mandates_payment_method_idx"), "mandates", ["payment_method"], unique=False
    )
    op.create_table(
        "setup_attempts",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("setup_intent", sa.Text(collation="C"), nullable=False),
        sa.Column("customer", sa.Text(collation="C"), nullable=True),
        sa.Column("payment_method", sa.Text(collation="C"), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
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
            "state in ('submitted', 'pending', 'unknown', 'succeeded', 'failed', 'canceled')",
            name=op.f("setup_attempts_state_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("setup_attempts_pkey")),
    )
    op.create_index(
        op.f("setup_attempts_reference_idx"), "setup_attempts", ["reference"], unique=True
    )
    op.create_index(
        op.f("setup_attempts_setup_intent_idx"), "setup_attempts", ["setup_intent"], unique=False
    )
    op.create_table(
        "setup_intents",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(collation="C"), nullable=True),
        sa.Column("payment_method", sa.Text(collation="C"), nullable=True),
        sa.Column("latest_attempt", sa.Text(collation="C"), nullable=True),
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
            "status in ('requires_payment_method', 'requires_confirmation', 'requires_action', 'processing', 'canceled', 'succeeded')",
            name=op.f("setup_intents_status_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("setup_intents_pkey")),
    )
    op.create_index(op.f("setup_intents_customer_idx"), "setup_intents", ["customer"], unique=False)
    op.create_index(
        op.f("setup_intents_payment_method_idx"), "setup_intents", ["payment_method"], unique=False
    )
