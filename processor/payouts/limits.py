"""What one payout to a wallet may be, by network and country, in minor units.

The operators' contracts and the wallet's own class decide in the end, and an operator says so with
a refusal; these bounds only keep back what no contract we know of allows. They are our assumptions:
MTN, Orange and Moov publish none through their APIs.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """The least and the most that one payout can be."""

    least: int
    most: int


# The customers' ceiling for one transfer: a million francs in the CEMAC, two in the UEMOA.
WALLETS = {
    ("mtn", "CM"): Limit(100, 1_000_000),
    ("mtn", "CG"): Limit(100, 1_000_000),
    ("mtn", "BJ"): Limit(100, 2_000_000),
    ("mtn", "CI"): Limit(100, 2_000_000),
}
