"""Tokens: a typed card, to be used once."""
