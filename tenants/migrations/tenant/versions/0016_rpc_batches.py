"""How far a long batch of RPC calls has come."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "rpc_batch_parts",
        sa.Column("batch", sa.Text(collation="C"), nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("batch", "first", name=op.f("rpc_batch_parts_pkey")),
    )
    op.create_index(
        op.f("rpc_batch_parts_created_idx"), "rpc_batch_parts", ["created"], unique=False
    )
