"""Payment intents and their charges: what a merchant wants to be paid, and each attempt at it.

`states.py` says what may follow what. `intents.py` holds the operations, `attempts.py` sends to
providers, `settlement.py` is the only way a charge changes afterwards, `janitor.py` asks again.
"""
