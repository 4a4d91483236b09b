"""`/v1/routing_rules`: which account takes which payment. The first rule that fits decides."""

import time

import msgspec
from msgspec import UNSET
from sqlalchemy import select

from processor import lists
from processor.errors import InvalidRequest, missing
from processor.events.log import Draft, changed
from processor.external_accounts.store import read_wallet
from processor.money import check_amount, currency_named
from processor.operations import Object, Operation, Work
from processor.parameters import merged_metadata
from processor.provider_accounts.objects import ProviderAccount
from processor.routing.decision import Conditions, Payment, Target
from processor.routing_rules import store
from processor.routing_rules.objects import Details, RoutingRule, render
from processor.routing_rules.parameters import (
    ConditionData,
    Create,
    Delete,
    List,
    Preview,
    Retrieve,
    TargetData,
    Update,
)
from tenants.ids import new_id

MAX_RULES = 100  # per tenant and mode: each payment looks at all of them


async def create(work: Work, parameters: Create) -> Object:
    """Make a rule; without a position it comes after the others."""
    count, last = await _last(work)
    if count >= MAX_RULES:
        raise InvalidRequest(f"You have reached the maximum of {MAX_RULES} routing rules.")
    rule = RoutingRule(
        id=new_id("rr"),
        created=int(time.time()),
        position=last + 1 if parameters.position is None else parameters.position,
        active=parameters.active,
        metadata=parameters.metadata or {},
        details=Details(
            conditions=_conditions(parameters.conditions),
            targets=await _targets(work, parameters.targets),
            fallback=parameters.fallback,
            nickname=parameters.nickname,
        ),
    )
    await RoutingRule.insert(work.connection, [rule])
    await _announce(work)
    shown = render(rule, work.caller.livemode)
    work.events.append(Draft("routing_rule.created", shown, rule.version, work.request))
    return shown


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One rule."""
    rule = await store.found(work.connection, parameters.routing_rule)
    return render(rule, work.caller.livemode)


async def update(work: Work, parameters: Update) -> Object:
    """Change a rule, its place among the others, or whether it counts."""
    rule = await store.found(work.connection, parameters.routing_rule, "for update")
    before = render(rule, work.caller.livemode)
    details = rule.details
    if parameters.targets is not UNSET:
        details.targets = await _targets(work, parameters.targets)
    if parameters.conditions is not UNSET:
        details.conditions = _conditions(parameters.conditions)
    if parameters.fallback is not UNSET:
        details.fallback = parameters.fallback
    if parameters.active is not UNSET:
        rule.active = parameters.active
    if parameters.position is not UNSET:
        rule.position = parameters.position
    if parameters.nickname is not UNSET:
        details.nickname = parameters.nickname
    rule.metadata = merged_metadata(rule.metadata, parameters.metadata)
    after = render(rule, work.caller.livemode)
    if previous := changed(before, after):
        rule.version += 1
        await RoutingRule.update(work.connection, [rule])
        await _announce(work)
        work.events.append(
            Draft("routing_rule.updated", after, rule.version, work.request, previous)
        )
    return after


async def delete(work: Work, parameters: Delete) -> Object:
    """Delete a rule. Charges that it decided keep its id."""
    rule = await store.found(work.connection, parameters.routing_rule, "for update")
    await work.connection.execute("delete from routing_rules where id = $1", rule.id)
    await _announce(work)
    shown = render(rule, work.caller.livemode)
    work.events.append(Draft("routing_rule.deleted", shown, rule.version + 1, work.request))
    return {"id": rule.id, "object": "routing_rule", "deleted": True}


async def list_(work: Work, parameters: List) -> Object:
    """All rules, in the order in which they are tried."""
    table = RoutingRule.table
    statement = select(table).order_by(table.c.position, table.c.id)
    if parameters.active is not None:
        statement = statement.where(table.c.active == parameters.active)
    text, arguments = lists.compiled(statement)
    rows = await work.connection.fetch(text, *arguments)
    return {
        "object": "list",
        "data": [render(RoutingRule.read(row), work.caller.livemode) for row in rows],
        "has_more": False,
        "url": "/v1/routing_rules",
    }


async def preview(work: Work, parameters: Preview) -> Object:
    """Which accounts would take a payment, best first, and why. Nothing is sent or stored."""
    currency = currency_named(parameters.currency)
    check_amount(parameters.amount, currency)
    network, country = _wallet(work, parameters)
    payment = Payment(
        method=parameters.payment_method_type,
        currency=currency.code,
        amount=parameters.amount,
        network=network,
        country=country,
        hold=parameters.capture_method == "manual",
        use=parameters.use,
        key=parameters.key or "",
    )
    decision = work.processor.router.decide(work.caller.schema, payment)
    chosen = decision.accounts[0] if decision.accounts else None
    return {
        "object": "routing_preview",
        "account": chosen.name if chosen else None,
        "considered": msgspec.to_builtins(decision.considered),
        "livemode": work.caller.livemode,
        "reason": None if chosen else decision.reason,
        "rule": decision.rule,
    }


def _wallet(work: Work, parameters: Preview) -> tuple[str | None, str | None]:
    """The network and country of the wallet that would pay, if one would."""
    if parameters.payment_method_type != "mobile_money":
        return parameters.network, parameters.country
    if parameters.network and parameters.country and not parameters.phone:
        return parameters.network, parameters.country
    msisdn, network = read_wallet(work.caller, parameters.phone, parameters.network)
    return network, msisdn.country


async def _last(work: Work) -> tuple[int, int]:
    """How many rules there are, and the last position."""
    row = await work.connection.fetchrow(
        "select count(*) as count, coalesce(max(position), -1) as last from routing_rules"
    )
    assert row is not None, "an aggregate always has a row"
    return row["count"], row["last"]


async def _announce(work: Work) -> None:
    directory = work.processor.router.directory
    await directory.announce(work.connection, work.caller.schema)


def _conditions(data: ConditionData) -> Conditions:
    """Raises InvalidRequest."""
    currencies = tuple(
        currency_named(code, f"conditions[currencies][{index}]").code
        for index, code in enumerate(data.currencies or [])
    )
    least, most = data.amount_at_least, data.amount_at_most
    if (least is not None or most is not None) and len(set(currencies)) != 1:
        raise InvalidRequest(
            "An amount is in a currency's minor unit: give exactly one currency with it.",
            param="conditions[currencies]",
        )
    if least is not None and most is not None and least > most:
        raise InvalidRequest(
            "No amount is at least conditions[amount_at_least] and at most"
            " conditions[amount_at_most].",
            param="conditions[amount_at_most]",
        )
    return Conditions(
        payment_method_types=tuple(data.payment_method_types or ()),
        currencies=currencies,
        networks=tuple(data.networks or ()),
        countries=tuple(data.countries or ()),
        amount_at_least=least,
        amount_at_most=most,
    )


async def _targets(work: Work, given: list[TargetData]) -> tuple[Target, ...]:
    """Accounts that exist, with shares that are 100 together. Raises InvalidRequest."""
    targets: list[Target] = []
    for index, target in enumerate(given):
        param = f"targets[{index}][account]"
        if not await _exists(work, target.account):
            raise missing("provider account", target.account[:80], param)
        if target.account in [earlier.account for earlier in targets]:
            raise InvalidRequest("An account can be named once in a rule.", param=param)
        share = target.percentage
        if share is None and len(given) > 1:
            raise InvalidRequest(
                f"Missing required param: targets[{index}][percentage].",
                code="parameter_missing",
                param=f"targets[{index}][percentage]",
            )
        targets.append(Target(target.account, 100 if share is None else share))
    if (total := sum(target.percentage for target in targets)) != 100:
        raise InvalidRequest(
            f"The percentages of a rule's targets are 100 together, not {total}.", param="targets"
        )
    return tuple(targets)


async def _exists(work: Work, name: str) -> bool:
    """Whether an account may be named: a merchant's own, which stays until this commits, or one of
    the installation's."""
    own = await ProviderAccount.find(work.connection, name, "for share")
    if own is not None:
        return own.status != "deleted"
    return work.processor.router.directory.usable(work.caller.schema, name) is not None


OPERATIONS = [
    Operation(
        name="routing_rules.create",
        method="POST",
        path="/v1/routing_rules",
        parameters=Create,
        returns="routing_rule",
        summary="Say which provider accounts take which payments",
        write=create,
    ),
    Operation(
        name="routing_rules.preview",
        method="POST",
        path="/v1/routing_rules/preview",
        parameters=Preview,
        returns="routing_preview",
        summary="Ask which accounts would take a payment, and why",
        read=preview,
    ),
    Operation(
        name="routing_rules.retrieve",
        method="GET",
        path="/v1/routing_rules/{routing_rule}",
        parameters=Retrieve,
        returns="routing_rule",
        summary="Retrieve a routing rule",
        read=retrieve,
    ),
    Operation(
        name="routing_rules.update",
        method="POST",
        path="/v1/routing_rules/{routing_rule}",
        parameters=Update,
        returns="routing_rule",
        summary="Update a routing rule",
        write=update,
    ),
    Operation(
        name="routing_rules.delete",
        method="DELETE",
        path="/v1/routing_rules/{routing_rule}",
        parameters=Delete,
        returns="deleted_routing_rule",
        summary="Delete a routing rule",
        write=delete,
    ),
    Operation(
        name="routing_rules.list",
        method="GET",
        path="/v1/routing_rules",
        parameters=List,
        returns="list:routing_rule",
        summary="List routing rules, in the order in which they are tried",
        read=list_,
    ),
]
