"""Mandates: a payer's consent to be charged later."""
