"""`/v1/tokens`."""

import time

from processor.errors import not_found
from processor.operations import Object, Operation, Work
from processor.parameters import Address
from processor.payment_methods.test_numbers import read_card
from processor.tokens.objects import Details, Token, render
from processor.tokens.parameters import Create, Retrieve, TokenCard
from tenants.ids import new_id


async def create(work: Work, parameters: Create) -> Object:
    """Make a token of a typed card. Its number goes no further than this call."""
    given = parameters.card
    card, token = read_card(
        given.number, given.exp_month, given.exp_year, given.cvc, livemode=work.caller.livemode
    )
    made = Token(
        id=new_id("tok"),
        created=int(time.time()),
        type="card",
        token=token,
        details=Details(
            card_id=new_id("card"),
            card=card,
            name=given.name,
            address=_address(given),
            cvc_given=given.cvc is not None,
        ),
    )
    await Token.insert(work.connection, [made])
    return render(made, work.caller.livemode)


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One token, used or not."""
    token = await Token.find(work.connection, parameters.token)
    if token is None:
        raise not_found("token", parameters.token)
    return render(token, work.caller.livemode)


def _address(card: TokenCard) -> Address | None:
    address = Address(
        city=card.address_city,
        country=card.address_country,
        line1=card.address_line1,
        line2=card.address_line2,
        postal_code=card.address_zip,
        state=card.address_state,
    )
    return None if address == Address() else address


OPERATIONS = [
    Operation(
        name="tokens.create",
        method="POST",
        path="/v1/tokens",
        parameters=Create,
        returns="token",
        summary="Create a token of a card, in test mode",
        write=create,
        publishable=True,
    ),
    Operation(
        name="tokens.retrieve",
        method="GET",
        path="/v1/tokens/{token}",
        parameters=Retrieve,
        returns="token",
        summary="Retrieve a token",
        read=retrieve,
    ),
]
