"""What charges cost the merchants."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "price_plans",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("basis_points", sa.Integer(), nullable=False),
        sa.Column("fixed", sa.BigInteger(), nullable=False),
        sa.Column("minimum", sa.BigInteger(), nullable=True),
        sa.Column("maximum", sa.BigInteger(), nullable=True),
        sa.Column("tax_basis_points", sa.Integer(), nullable=False),
        sa.Column("settlement_days", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "basis_points >= 0 and fixed >= 0 and tax_basis_points >= 0 and settlement_days >= 0",
            name=op.f("price_plans_amounts_check"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant"], ["platform.tenants.id"], name=op.f("price_plans_tenant_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("price_plans_pkey")),
        sa.UniqueConstraint(
            "tenant",
            "provider",
            "method",
            "currency",
            name=op.f("price_plans_tenant_provider_method_currency_key"),
            postgresql_nulls_not_distinct=True,
        ),
        schema="platform",
    )
    op.execute("grant select, insert, update, delete on platform.price_plans to cpay_app")
