"""Sandbox PSPs: small servers that speak the protocols of payment providers, refusals included.

Test mode talks to them over HTTP exactly as live mode talks to the providers. Each keeps its own
durable `Book` of the money that moved, which is what proves that nobody was charged twice, and
follows a `Script` of outcomes and faults. Nobody authenticates on `/control`: serve sandboxes to
people you trust, never beside live money.
"""
