"""Customers: the merchant's own payers."""
