"""Refunds: money of a charge on its way back to the payer."""
