"""What the merchants of the MTN sandbox hold, and how much of each charge they gave back.

One wallet per target environment, which collections fill and disbursements empty, because MTN's
live products show the same one. Kept as running totals, so that a wallet with a long history
answers as fast as a new one.
"""

from collections import defaultdict
from decimal import Decimal


class Wallets:
    """The totals over all transactions that ended well."""

    def __init__(self, initial: Decimal) -> None:
        """`initial` is what a wallet holds before any transaction, in units of its currency."""
        self._balances: defaultdict[str, Decimal] = defaultdict(lambda: initial)
        self._given_back: defaultdict[str, Decimal] = defaultdict(Decimal)

    def balance(self, environment: str) -> Decimal:
        """What the environment's wallet holds."""
        return self._balances[environment]

    def given_back(self, reference: str) -> Decimal:
        """What was refunded so far of the request to pay with that reference."""
        return self._given_back[reference]

    def settle(self, kind: str, environment: str, amount: Decimal, refunded: str) -> None:
        """Move the money of a transaction that ended well; `refunded` is what a refund is of."""
        self._balances[environment] += amount if kind == "requesttopay" else -amount
        if kind == "refund":
            self._given_back[refunded] += amount
