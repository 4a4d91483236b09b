"""Events out to merchants, and knocks of providers in.

Out: `delivery.py` is the worker. It claims from the queue (`queue.py`) what `policy.py` allows,
signs (`signature.py`), sends (`sending.py`) to where it may be sent (`addresses.py`), and records
what came of it. In: `callbacks.py` for providers, `redirects.py` for payers on their way to a
provider's page and back (what they see is in `payer_pages.py`).
"""
