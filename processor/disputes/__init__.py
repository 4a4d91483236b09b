"""Disputes: a payer's bank takes money back, and the merchant may answer with evidence."""
