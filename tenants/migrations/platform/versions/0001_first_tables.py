"""The first tables of the platform."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("schema_name", sa.Text(), server_default=sa.text("current_user"), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column(
            "run_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("deliveries_pkey")),
        sa.UniqueConstraint(
            "schema_name",
            "event",
            "endpoint",
            name=op.f("deliveries_schema_name_event_endpoint_key"),
        ),
        schema="platform",
    )
    op.create_index(
        op.f("deliveries_run_at_idx"), "deliveries", ["run_at"], unique=False, schema="platform"
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("schema_name", sa.Text(), server_default=sa.text("current_user"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "run_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("jobs_pkey")),
        sa.UniqueConstraint(
            "schema_name", "kind", "subject", name=op.f("jobs_schema_name_kind_subject_key")
        ),
        schema="platform",
    )
    op.create_index(op.f("jobs_run_at_idx"), "jobs", ["run_at"], unique=False, schema="platform")
    op.create_table(
        "tenants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("default_currency", sa.Text(), nullable=False),
        sa.Column(
            "settings",
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
        sa.PrimaryKeyConstraint("id", name=op.f("tenants_pkey")),
        sa.UniqueConstraint("number", name=op.f("tenants_number_key")),
        schema="platform",
    )
    op.create_table(
        "tenant_schemas",
        sa.Column("schema_name", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("migrated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant"], ["platform.tenants.id"], name=op.f("tenant_schemas_tenant_fkey")
        ),
        sa.PrimaryKeyConstraint("schema_name", name=op.f("tenant_schemas_pkey")),
        sa.UniqueConstraint("tenant", "livemode", name=op.f("tenant_schemas_tenant_livemode_key")),
        schema="platform",
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("schema_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("scopes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind in ('secret', 'publishable', 'restricted')", name=op.f("api_keys_kind_check")
        ),
        sa.ForeignKeyConstraint(
            ["schema_name"],
            ["platform.tenant_schemas.schema_name"],
            name=op.f("api_keys_schema_name_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint("hash", name=op.f("api_keys_hash_key")),
        schema="platform",
    )
    op.create_index(
        op.f("api_keys_schema_name_idx"),
        "api_keys",
        ["schema_name"],
        unique=False,
        schema="platform",
    )

    # The login role of the serving processes: it owns nothing, inherits nothing, and reads the
    # shared tables by these grants alone. Tenants' roles reach their own rows of the queues.
    op.execute(
        """
        do $$ begin
          if not exists (select from pg_roles where rolname = 'cpay_app') then
            create role cpay_app login noinherit;
          end if;
          if not exists (select from pg_roles where rolname = 'cpay_tenants') then
            create role cpay_tenants nologin;
          end if;
        end $$
        """
    )
    op.execute("grant usage on schema platform to cpay_app, cpay_tenants")
    op.execute("grant select, insert, update, delete on all tables in schema platform to cpay_app")
    for queue in ("jobs", "deliveries"):
        op.execute(f"grant select, insert, update, delete on platform.{queue} to cpay_tenants")
        op.execute(f"alter table platform.{queue} enable row level security")
        op.execute(
            f"create policy own_rows on platform.{queue} to cpay_tenants"
            " using (schema_name = current_user)"
        )
        op.execute(f"create policy all_rows on platform.{queue} to cpay_app using (true)")
