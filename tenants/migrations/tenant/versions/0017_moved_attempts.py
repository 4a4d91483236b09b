"""Find the charge that left a reference behind when it moved to another account."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_index(
        "charges_tries_idx",
        "charges",
        [sa.text("(details->'routing'->'tries') jsonb_path_ops")],
        postgresql_using="gin",
        postgresql_where=sa.text("details->'routing' ? 'tries'"),
    )
