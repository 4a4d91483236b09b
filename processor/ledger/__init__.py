"""The ledger: every movement of money as a balanced double entry.

Amounts are signed, in minor units, from the point of view of what the tenant's merchant is owed: a
positive balance of `merchant:available` is money that can be paid out, a negative balance of
`clearing:...` is money that a provider owes. All accounts of a schema sum to zero per currency.

`posting.py` writes, `balances.py` reads, `fees.py` says what a charge costs, `verify.py` proves.
"""
