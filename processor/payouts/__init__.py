"""Payouts: the merchant's available balance, sent to a bank account or a mobile wallet.

The balance pays when the payout is made. `sending.py` hands wallets' payouts to their provider and
looks them up; `bank_files.py` writes banks' payouts to files that the operator takes to the bank;
`settlement.py` is the only way a payout changes once it has been handed out.
"""
