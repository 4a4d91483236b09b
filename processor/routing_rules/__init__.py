"""Routing rules: a merchant's wishes about which account takes which payment."""
