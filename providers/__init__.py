"""Payment providers: one file per protocol, the boundary they share, and their sandbox PSPs.

Nothing in this folder knows a tenant, a table, a retry or a breaker. `boundary.py` is the contract.
"""
