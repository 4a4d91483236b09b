"""A routing rule's row, and the object the API shows."""

import msgspec
from msgspec import Struct

from processor.operations import Object
from processor.routing.decision import Conditions, Rule, Target
from processor.rows import Row
from tenants import tables


class Details(Struct, omit_defaults=True):
    """What no statement looks at."""

    conditions: Conditions = Conditions()
    targets: tuple[Target, ...] = ()
    fallback: bool = True
    nickname: str | None = None


class RoutingRule(Row, kw_only=True):
    """A row of `routing_rules`."""

    table = tables.routing_rules

    position: int
    active: bool = True
    details: Details

    def as_rule(self) -> Rule:
        """The rule as routing reads it."""
        return Rule(self.id, self.details.conditions, self.details.targets, self.details.fallback)


def render(rule: RoutingRule, livemode: bool) -> Object:
    """The routing rule object."""
    details = rule.details
    conditions = details.conditions
    return {
        "id": rule.id,
        "object": "routing_rule",
        "active": rule.active,
        "conditions": {
            "amount_at_least": conditions.amount_at_least,
            "amount_at_most": conditions.amount_at_most,
            "countries": list(conditions.countries),
            "currencies": list(conditions.currencies),
            "networks": list(conditions.networks),
            "payment_method_types": list(conditions.payment_method_types),
        },
        "created": rule.created,
        "fallback": details.fallback,
        "livemode": livemode,
        "metadata": rule.metadata,
        "nickname": details.nickname,
        "position": rule.position,
        "targets": [msgspec.to_builtins(target) for target in details.targets],
    }
