"""Find the open charges of a wallet without reading all charges."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_index(
        "charges_asked_idx",
        "charges",
        [sa.text("(details->>'token')")],
        unique=False,
        postgresql_where=sa.text(
            "state in ('submitted', 'pending', 'unknown') and details ? 'mobile_money'"
        ),
    )
