"""Which provider account takes a payment, and the one place that calls providers.

`directory.py` knows the accounts of the installation and of each tenant, `decision.py` puts those
that can take a payment in order and says why, `router.py` calls them within their bounds, and
`health.py` shares with all processes what each has seen of their health.
"""
