"""Find routing rules."""

from processor.errors import not_found
from processor.routing_rules.objects import RoutingRule
from tenants.database import Connection


async def found(connection: Connection, identifier: str, tail: str = "") -> RoutingRule:
    """The rule with this id. Raises NotFound."""
    rule = await RoutingRule.find(connection, identifier, tail)
    if rule is None:
        raise not_found("routing rule", identifier, "routing_rule")
    return rule


async def naming(connection: Connection, account: str) -> str | None:
    """The first rule that sends payments to an account, if one does."""
    rule: str | None = await connection.fetchval(
        "select id from routing_rules where details->'targets'"
        " @> jsonb_build_array(jsonb_build_object('account', $1::text))"
        " order by position, id limit 1",
        account,
    )
    return rule
