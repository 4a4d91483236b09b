"""What all tenants share of providers: accounts, health, who has changed theirs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "provider_calls",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint(
            "account", "operation", "process", name=op.f("provider_calls_pkey")
        ),
        schema="platform",
    )
    op.create_table(
        "provider_health",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rest_seconds", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("probes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("state in ('closed', 'open')", name=op.f("provider_health_state_check")),
        sa.PrimaryKeyConstraint("account", "operation", name=op.f("provider_health_pkey")),
        schema="platform",
    )
    op.create_table(
        "provider_switches",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "switched_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("account", name=op.f("provider_switches_pkey")),
        schema="platform",
    )
    op.create_table(
        "routing_changes",
        sa.Column(
            "schema_name",
            sa.Text(collation="C"),
            server_default=sa.text("current_user"),
            nullable=False,
        ),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("schema_name", name=op.f("routing_changes_pkey")),
        schema="platform",
    )
    op.create_index(
        op.f("routing_changes_changed_at_idx"),
        "routing_changes",
        ["changed_at"],
        unique=False,
        schema="platform",
    )
    op.create_table(
        "shared_provider_accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("shared_provider_accounts_pkey")),
        schema="platform",
    )
    op.execute(
        "grant select, insert, update, delete on platform.shared_provider_accounts to cpay_app"
    )
    op.execute("grant select, insert, update, delete on platform.provider_switches to cpay_app")
    op.execute("grant select, insert, update, delete on platform.routing_changes to cpay_app")
    op.execute("grant select, insert, update, delete on platform.provider_health to cpay_app")
    op.execute("grant select, insert, update, delete on platform.provider_calls to cpay_app")
    # A tenant says that its own accounts or rules have changed; it sees nobody else's row.
    op.execute("grant select, insert, update on platform.routing_changes to cpay_tenants")
    op.execute("alter table platform.routing_changes enable row level security")
    op.execute(
        "create policy own_rows on platform.routing_changes to cpay_tenants"
        " using (schema_name = current_user)"
    )
    op.execute("create policy all_rows on platform.routing_changes to cpay_app using (true)")
