"""Where merchants' payments go that the router, without a word of theirs, would send elsewhere."""

import time
from collections.abc import Sequence

import asyncpg

from processor.routing.decision import Conditions, Target
from processor.routing_rules.objects import Details, RoutingRule
from tenants.ids import new_id

# An aggregator's page comes first by its name: Orange's own would only be seen when that is down.
_ORANGE_IN_SENEGAL = Conditions(networks=("orange",), countries=("SN",))
_RULES = [Details(_ORANGE_IN_SENEGAL, (Target("orange_web_sn_test"),))]


async def choose_routes(connection: asyncpg.Connection, schemas: Sequence[str]) -> None:
    """Give each tenant its rules, before anybody has asked for them."""
    for schema in schemas:
        async with connection.transaction():
            await connection.execute(f'set local search_path = "{schema}"')
            rules = [
                RoutingRule(id=new_id("rr"), created=int(time.time()), position=place, details=rule)
                for place, rule in enumerate(_RULES)
            ]
            await RoutingRule.insert(connection, rules)
