"""`/v1/providers`: who can take payments here, what each can do, and how it is."""

from collections import defaultdict

from processor.errors import missing
from processor.operations import Object, Operation, Work
from processor.providers.objects import operations_of, render, render_health
from processor.providers.parameters import Health, List
from processor.routing.accounts import Account
from processor.routing.health import Seen
from providers.catalogue import PROVIDER_TYPES


async def list_(work: Work, parameters: List) -> Object:  # noqa: ARG001 - one line for all
    """Every kind of provider, with the accounts that this key's payments can go to."""
    accounts: dict[str, list[Account]] = defaultdict(list)
    for account in work.processor.router.directory.of(work.caller.schema):
        accounts[account.type].append(account)
    return {
        "object": "list",
        "data": [
            render(kind, accounts[kind.id], livemode=work.caller.livemode)
            for kind in PROVIDER_TYPES.values()
        ],
        "has_more": False,
        "url": "/v1/providers",
    }


async def health(work: Work, parameters: Health) -> Object:
    """How each account is, operation by operation: what all processes knew a second ago."""
    router = work.processor.router
    accounts = router.directory.of(work.caller.schema)
    if parameters.account is not None:
        found = router.directory.usable(work.caller.schema, parameters.account)
        if found is None:
            raise missing("provider account", parameters.account[:80], "account")
        accounts = [found]
    window = router.health.limits.window
    return {
        "object": "list",
        "data": [
            render_health(
                account, each, router.health.seen.get((account.name, each), Seen()), window
            )
            for account in accounts
            for each in operations_of(account)
        ],
        "has_more": False,
        "url": "/v1/providers/health",
    }


OPERATIONS = [
    Operation(
        name="providers.list",
        method="GET",
        path="/v1/providers",
        parameters=List,
        returns="list:provider",
        summary="List the kinds of provider, what each can do, and your accounts there",
        read=list_,
    ),
    Operation(
        name="providers.health",
        method="GET",
        path="/v1/providers/health",
        parameters=Health,
        returns="list:provider_health",
        summary="List how each provider account is",
        read=health,
    ),
]
