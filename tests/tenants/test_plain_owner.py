"""An installation whose owner is no superuser, as hosted databases have it: `docs/operators.md`
asks for no more than the right to create roles and schemas."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from live import Stack, in_database
from operator_commands import answer

from tenants.embedded import DATABASE, EmbeddedPostgres

NAME = "Boutique Akwa"


@pytest.fixture(scope="module")
def installation() -> Iterator[Stack]:
    """A new server's database that belongs to such an owner, and nothing that serves it."""
    # pytest's own temporary folders are private to root, where PostgreSQL's account can't enter.
    with tempfile.TemporaryDirectory(prefix="cpay-test-") as folder:
        Path(folder).chmod(0o711)
        state = Path(folder, "state")
        with EmbeddedPostgres(state) as server:

            async def hand_over(connection: asyncpg.Connection) -> None:
                await connection.execute("create role keeper login createrole password 'kept'")
                await connection.execute(f"alter database {DATABASE} owner to keeper")

            in_database(server.dsn, hand_over)
            (state / "key_pepper").write_text("p" * 32)
            yield Stack("", "", server.dsn_as("keeper", "kept"), state, 0)


def test_a_tenant_is_made_migrated_and_deleted(installation: Stack) -> None:
    answer(installation, "migrate")
    (made,) = answer(installation, "tenant", "create", NAME)
    answer(installation, "migrate")
    answer(installation, "tenant", "delete", made["id"], "--confirm", NAME)
    assert answer(installation, "tenant", "list") == []
    left = in_database(
        installation.database_url,
        lambda connection: connection.fetch(
            "select nspname from pg_namespace where nspname = any($1)"
            " union all select rolname from pg_roles where rolname = any($1)",
            [made["test_schema"], made["live_schema"]],
        ),
    )
    assert left == []
