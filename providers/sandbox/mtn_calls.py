"""The business calls of the MTN sandbox, of the products "collection" and "disbursement"."""

from typing import Any
from urllib.parse import urlsplit

from .mtn_access import Access, ApiUser
from .mtn_bodies import read_wish
from .mtn_http import Asked, Refused, Reply, decode, error, uuid4
from .mtn_preapprovals import PreApproval, PreApprovals, read_preapproval
from .mtn_tables import CURRENCIES, ERRORS, HOLDERS
from .mtn_transactions import Transactions, normalised


class Calls:
    """One method per call; `product` and `kind` are as in its path."""

    def __init__(
        self, access: Access, transactions: Transactions, preapprovals: PreApprovals
    ) -> None:
        self._access = access
        self._transactions = transactions
        self._preapprovals = preapprovals

    async def create(self, asked: Asked, product: str, kind: str) -> Reply:
        """POST /{kind}: 202 and nothing; the rest happens in the background."""
        user_id, user = self._access.caller(asked, product)
        reference = uuid4(asked.headers.get("x-reference-id", ""))
        if self._transactions.get(kind, reference) is not None:
            raise error("RESOURCE_ALREADY_EXIST")
        wish = read_wish(kind, asked.body)
        callback_url = _checked(asked, user, wish.currency)
        await self._transactions.begin(kind, reference, user_id, wish, callback_url, asked.step)
        return 202, None

    async def show(self, asked: Asked, product: str, kind: str, reference: str) -> Reply:
        """GET /{kind}/{reference}."""
        user_id, _ = self._access.caller(asked, product)
        transaction = self._transactions.get(kind, uuid4(reference))
        if transaction is None or transaction.user != user_id:
            raise error("RESOURCE_NOT_FOUND")
        return 200, transaction.shown()

    async def notify(self, asked: Asked, reference: str) -> Reply:
        """POST /requesttopay/{reference}/deliverynotification: 200 the first time, then 429."""
        user_id, _ = self._access.caller(asked, "collection")
        message = decode(asked.body, dict[str, Any]).get("notificationMessage")
        transaction = self._transactions.get("requesttopay", uuid4(reference))
        if transaction is None or transaction.user != user_id:
            raise Refused(400)
        if not isinstance(message, str) or len(message) > 160:
            raise Refused(400)
        if transaction.notified:
            raise Refused(429)
        await self._transactions.mark_notified(reference, transaction)
        return 200, None

    async def preapprove(self, asked: Asked) -> Reply:
        """POST /preapproval: 202 and nothing; its owner answers in the background."""
        user_id, user = self._access.caller(asked, "collection")
        reference = uuid4(asked.headers.get("x-reference-id", ""))
        if self._preapprovals.get(reference) is not None:
            raise error("RESOURCE_ALREADY_EXIST")
        wish = read_preapproval(asked.body)
        callback_url = _checked(asked, user, wish.payer_currency)
        await self._preapprovals.begin(reference, user_id, wish, callback_url, asked.step)
        return 202, None

    async def show_preapproval(self, asked: Asked, reference: str) -> Reply:
        """GET /preapproval/{reference}."""
        return 200, self._preapproval(asked, reference).shown()

    async def cancel_preapproval(self, asked: Asked, reference: str) -> Reply:
        """DELETE /preapproval/{reference}."""
        await self._preapprovals.cancel(reference, self._preapproval(asked, reference))
        return 200, None

    async def list_preapprovals(self, asked: Asked, msisdn: str) -> Reply:
        """GET /preapprovals/msisdn/{msisdn}."""
        user_id, _ = self._access.caller(asked, "collection")
        return 200, self._preapprovals.of_payer(user_id, msisdn)

    def _preapproval(self, asked: Asked, reference: str) -> PreApproval:
        user_id, _ = self._access.caller(asked, "collection")
        approval = self._preapprovals.get(uuid4(reference))
        if approval is None or approval.user != user_id:
            raise error("RESOURCE_NOT_FOUND")
        return approval

    async def show_balance(self, asked: Asked, product: str, currency: str | None = None) -> Reply:
        """GET /account/balance[/{currency}]: the environment's wallet, whichever the product."""
        _, user = self._access.caller(asked, product)
        own_currency = CURRENCIES[user.environment]
        if currency not in (None, own_currency):
            raise error("INVALID_CURRENCY")
        balance = normalised(self._transactions.balance(user.environment))
        return 200, {"availableBalance": balance, "currency": own_currency}

    async def show_active(self, asked: Asked, product: str, kind: str, holder: str) -> Reply:
        """GET /accountholder/{kind}/{holder}/active."""
        self._access.caller(asked, product)
        if kind not in HOLDERS:
            raise Refused(400)
        outcome = HOLDERS[kind].get(holder)
        if outcome in ERRORS:
            raise error(outcome)
        return 200, {"result": outcome is None}

    async def show_name(self, asked: Asked, product: str, msisdn: str) -> Reply:
        """GET /accountholder/msisdn/{msisdn}/basicuserinfo."""
        self._access.caller(asked, product)
        if msisdn in HOLDERS["msisdn"]:
            raise error("RESOURCE_NOT_FOUND")
        return 200, {
            "given_name": "Sand",
            "family_name": "Box",
            "birthdate": "1976-08-13",
            "locale": "sv_SE",
            "gender": "MALE",
            "status": "ACTIVE",
        }


def _checked(asked: Asked, user: ApiUser, currency: str) -> str | None:
    """The callback URL of a call that makes something, or refuse what its user may not ask."""
    callback_url = asked.headers.get("x-callback-url")
    if callback_url is not None and _host(callback_url) != user.callback_host:
        raise error("INVALID_CALLBACK_URL_HOST")
    if currency != CURRENCIES[user.environment]:
        raise error("INVALID_CURRENCY")
    return callback_url


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
