"""Flutterwave, API v4: an aggregator that charges wallets of several countries.

Protocol: as in `flutterwave_calls`. What is left out, and why:

- **Cards.** v4 has no page for them: their fields are encrypted by whoever collects them, and card
  numbers are nothing this house touches.
- **Payouts.** A transfer wants a recipient made beforehand, whose shape we have no description of.
- **PIN and one-time code.** A charge whose `next_action` is `requires_pin` or `requires_otp` waits
  for a secret of its payer's, which nobody may give us. It stays PENDING until Flutterwave ends it.

**What names a charge** is our reference. A UUID fits (6 to 42 signs, letters, digits and hyphens),
Flutterwave takes it once (409), and lists the charge by it when the answer was lost, so that no
look-up has to send anything. **What names a refund** is only Flutterwave's id, which comes with the
answer. If that is lost, the refund is sought in the list of refunds by our reference in its `meta`,
and if it is not there, it stays unknown: see docs/decisions/0009-flutterwave-look-ups.md.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import httpx

from .bearer import Bearer, asked, checked
from .boundary import Answer, Capabilities, Charge, Flow, Refund, Verdict, impossible
from .flutterwave_calls import (
    CURRENCIES,
    LIVE_URL,
    SANDBOX_URL,
    WALLETS,
    Access,
    FlutterwaveAccount,
    Subscriber,
    build_charge,
    build_look_up,
    build_look_up_refund,
    build_networks,
    build_refund,
    build_token,
    read_token,
    subscriber_of,
)
from .flutterwave_replies import (
    evidence,
    is_full_page,
    is_taken,
    read_creation,
    read_look_up,
    read_look_up_refund,
    read_networks,
    read_refund,
    read_search,
)
from .flutterwave_webhook import read_webhook

__all__ = [
    "LIVE_URL",
    "SANDBOX_URL",
    "Flutterwave",
    "FlutterwaveAccount",
    "connect_flutterwave",
    "flutterwave_capabilities",
]

# A word by which each network's entry in Flutterwave's list can be told, in its short or its
# commercial name. What the short names are, only that list says.
_WORDS: Final = {"moov": "MOOV", "mtn": "MTN", "orange": "ORANGE", "wave": "WAVE"}

# How far a refund is sought whose id was lost: among so many pages of others.
_PAGES: Final = 10


def flutterwave_capabilities(country: str | None) -> Capabilities:
    """What an account takes from payers of a country; with None, what all of them take."""
    served = {name: networks for name, networks in WALLETS.items() if country in (None, name)}
    return Capabilities(
        methods=frozenset({"mobile_money"}),
        flow=Flow.REDIRECT,  # on some networks; on others the payer confirms on the phone
        currencies=frozenset(CURRENCIES[name] for name in served),
        networks=frozenset[str]().union(*served.values()),
        countries=frozenset(served),
        signed_callbacks=True,
    )


class Flutterwave:
    """A Flutterwave account: `Provider`, `Refunds` and `CredentialChecks` of the boundary.

    Keep one per account: it holds that account's token, and what Flutterwave calls the networks of
    its country. `client` decides time-outs.
    """

    name = "flutterwave"

    def __init__(self, account: FlutterwaveAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._bearer = Bearer(client, lambda: build_token(account), read_token)
        self._networks: dict[str, str] | None = None  # as listed; the list hardly ever changes

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._account!r})"

    @property
    def capabilities(self) -> Capabilities:
        """What this account takes."""
        return flutterwave_capabilities(self._account.country)

    async def charge(self, charge: Charge) -> Answer:
        """Charge a wallet: PENDING, with a page if the payer has to go to one.

        A reference that Flutterwave has had before is looked up instead.
        """
        subscriber = subscriber_of(charge.payer)
        problem = self._problem(charge, subscriber)
        if subscriber is None or problem is not None:
            return impossible(problem or "")
        network = await self._network(charge.network or "")
        if isinstance(network, Answer):
            return network
        reply = await self._call(lambda access: build_charge(access, charge, subscriber, network))
        if isinstance(reply, Answer):
            return reply
        if is_taken(reply):
            known = await self.look_up(charge)
            return _not_seen(known) if known.verdict is Verdict.NOT_SENT else known
        return read_creation(reply, charge)

    async def look_up(self, charge: Charge) -> Answer:
        """Ask for the charge by Flutterwave's id or, as long as that is not known, by ours."""
        reply = asked(await self._call(lambda access: build_look_up(access, charge)))
        if isinstance(reply, Answer):
            return Answer(reply.verdict, charge.provider_reference, evidence=reply.evidence)
        read = read_search if charge.provider_reference is None else read_look_up
        return read(reply, charge)

    async def refund(self, refund: Refund) -> Answer:
        """Give money back, once. PENDING as a rule: a wallet has it after three to five days."""
        charge_id = refund.charge.provider_reference
        if charge_id is None:
            charge_id = (await self.look_up(refund.charge)).provider_reference
        if charge_id is None:
            kept = {"error": "Flutterwave does not show the charge."}
            return Answer(Verdict.NOT_SENT, evidence=kept)
        found = charge_id
        reply = await self._call(lambda access: build_refund(access, refund, found))
        return reply if isinstance(reply, Answer) else read_refund(reply, refund)

    async def look_up_refund(self, refund: Refund) -> Answer:
        """Ask for the refund, or seek it in the list, page by page. Never NOT_SENT."""
        for page in range(1, _PAGES + 1):
            build = partial(build_look_up_refund, refund=refund, page=page)
            reply = asked(await self._call(build))
            if isinstance(reply, Answer):
                return Answer(reply.verdict, refund.provider_reference, evidence=reply.evidence)
            answer = read_look_up_refund(reply, refund)
            if answer.verdict is not Verdict.UNKNOWN or not is_full_page(reply):
                break
        return answer

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Our reference in a signed webhook. Raises ForgedCallback."""
        return read_webhook(headers, body, self._account.secret_hash)

    async def check_credentials(self) -> Answer:
        """Ask for the networks of the account's country."""
        reply = await self._call(lambda access: build_networks(access, self._account.country))
        if isinstance(reply, Answer):
            return checked(reply, accepted=False)
        self._networks = read_networks(reply)
        return checked(reply, accepted=self._networks is not None)

    def _problem(self, charge: Charge, subscriber: Subscriber | None) -> str | None:
        """Why Flutterwave could not take this charge, whoever asked."""
        if not charge.capture:
            return "Flutterwave holds no amount on a wallet."
        if subscriber is None:
            return "Flutterwave charges a wallet by its number."
        country = self._account.country
        if (subscriber.country, charge.currency) != (country, CURRENCIES[country]):
            return f"This account charges wallets of {country}, in {CURRENCIES[country].upper()}."
        if not (charge.billing.email or self._account.payer_email):
            return "Flutterwave wants an e-mail address of the payer."
        return None

    async def _network(self, network: str) -> str | Answer:
        """What Flutterwave calls a network of the country; NOT_SENT if that cannot be said."""
        if self._networks is None:
            reply = await self._call(lambda access: build_networks(access, self._account.country))
            if isinstance(reply, Answer):
                return Answer(Verdict.NOT_SENT, evidence={"call": "networks", **reply.evidence})
            self._networks = read_networks(reply)
            if self._networks is None:
                kept = {"call": "networks", **evidence(reply)}
                return Answer(Verdict.NOT_SENT, evidence=kept)
        word = _WORDS.get(network)
        for short, commercial in self._networks.items():
            if word is not None and word in f"{short} {commercial}".upper():
                return short
        return impossible(f"Flutterwave lists no {network or 'such'} network there.")

    async def _call(self, build: Callable[[Access], httpx.Request]) -> httpx.Response | Answer:
        """Send a business call. A 401 comes before anything is done, and references are taken
        once: a repeat is safe."""
        return await self._bearer.send(lambda token: build(Access(self._account, token)))


def _not_seen(known: Answer) -> Answer:
    """Taken, and not shown (yet): whatever that is, it is not "never seen"."""
    return Answer(Verdict.UNKNOWN, evidence={**known.evidence, "error": "reference taken"})


def connect_flutterwave(
    account: FlutterwaveAccount, client: httpx.AsyncClient
) -> tuple[Flutterwave, None]:
    """The adapter; payouts are left out."""
    return Flutterwave(account, client), None
