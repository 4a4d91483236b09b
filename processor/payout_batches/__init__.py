"""Payout batches: thousands of payouts to wallets, checked as a whole and accepted at once."""
