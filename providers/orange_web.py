"""Orange Money Web Payment: an adapter that sends payers to Orange's own page.

Protocol: the "Getting started" of Orange Money WebPay at developer.orange.com, and a published
third-party description of Mali's. One page per order: it asks for the payer's number and for a
one-time code that the payer gets on the phone. There is no refund, payout, capture or balance.

Two names hold an order, and a question about it needs both: the `order_id`, which is ours, and the
`pay_token`, which comes with the answer to its creation. They are the `provider_reference` of an
attempt until it is paid; then Orange's transaction id is, which is what payers see.
"""

from collections.abc import Mapping

import httpx
import msgspec

from .bearer import Bearer, asked, checked
from .boundary import Answer, Capabilities, Charge, ForgedCallback, Verdict, impossible
from .json_replies import decode
from .orange_web_account import (
    LIVE_URL,
    OrangeWebAccount,
    build_token,
    orange_web_capabilities,
    read_token,
)
from .orange_web_orders import (
    LONGEST_URL,
    build_order,
    build_status,
    new_order_id,
    read_order,
    read_status,
)

__all__ = [
    "LIVE_URL",
    "OrangeWeb",
    "OrangeWebAccount",
    "connect_orange_web",
    "orange_web_capabilities",
]


class _Notification(msgspec.Struct):
    status: str
    notif_token: str


class OrangeWeb:
    """Takes money on Orange's page: `Provider` and `CredentialChecks` of the boundary.

    Keep one per account: it holds that account's token. `client` decides time-outs.
    """

    name = "orange_web"

    def __init__(self, account: OrangeWebAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._bearer = Bearer(client, lambda: build_token(account), read_token)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._account!r})"

    @property
    def capabilities(self) -> Capabilities:
        """What this account's country takes."""
        return orange_web_capabilities(self._account.country)

    async def charge(self, charge: Charge) -> Answer:
        """Create the order; PENDING with the page to send the payer to.

        An attempt whose page is known is asked about instead: with a second order there would be
        two pages, and both could be paid. If the answer to a creation is lost, nobody has the page,
        and the next attempt makes a new order: see `new_order_id`.
        """
        if charge.provider_reference is not None:
            return await self.look_up(charge)
        problem = self._problem(charge)
        if problem is not None:
            return impossible(problem)
        order_id = new_order_id(charge.reference)
        reply = await self._bearer.send(
            lambda token: build_order(self._account, token, charge, order_id)
        )
        return reply if isinstance(reply, Answer) else read_order(reply, order_id)

    async def look_up(self, charge: Charge) -> Answer:
        """Read the order's status; whatever prevents reading it is UNKNOWN.

        Without a `provider_reference` the answer to the creation was lost: Orange cannot be asked,
        nor can anybody pay, as nobody was given the page. That is NOT_SENT, if an order exists or
        not. Once paid, the attempt's tokens have made way for the transaction's id; there is
        nothing left to ask, and no answer.
        """
        if charge.provider_reference is None:
            return Answer(Verdict.NOT_SENT, evidence={"order": "nobody was given a page to pay on"})
        order_id, _, pay_token = charge.provider_reference.partition(":")
        if not pay_token or charge.currency not in self.capabilities.currencies:
            return Answer(Verdict.UNKNOWN, evidence={"error": "No pay_token to ask with."})
        reply = asked(
            await self._bearer.send(
                lambda token: build_status(self._account, token, charge, order_id, pay_token)
            )
        )
        return reply if isinstance(reply, Answer) else read_status(reply, charge, order_id)

    def read_callback(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the boundary's signature; nothing is signed
        body: bytes,
    ) -> str | None:
        """Check the form of a notification; always None: the path of the callback URL has our
        reference.

        A notification brings the order's `notif_token` as its only proof. It is not compared, as
        nothing the notification says is believed. It comes once, after SUCCESS and FAILED only.
        Raises ForgedCallback.
        """
        if decode(body, _Notification) is None:
            raise ForgedCallback("A notification is a JSON object with status and notif_token.")
        return None

    async def check_credentials(self) -> Answer:
        """Ask for a token, which needs the client's id and secret.

        Whether the merchant key and the country are right, only the creation of an order tells.
        """
        token = await self._bearer.current()
        if isinstance(token, Answer):
            return checked(token, accepted=False)
        return Answer(Verdict.SUCCEEDED, evidence={"call": "token"})

    def _problem(self, charge: Charge) -> str | None:
        """Why an order cannot even be asked for; None if it can."""
        if not charge.capture:
            return "Orange Money has no manual capture."
        if charge.currency not in self.capabilities.currencies:
            return f"This account takes no {charge.currency.upper()}."
        for url in (charge.return_url, charge.callback_url):
            if not url or len(url) > LONGEST_URL:
                return f"Orange wants a return and a callback URL of at most {LONGEST_URL} signs."
        return None


def connect_orange_web(
    account: OrangeWebAccount, client: httpx.AsyncClient
) -> tuple[OrangeWeb, None]:
    """The adapter; Orange's page sends no money out."""
    return OrangeWeb(account, client), None
