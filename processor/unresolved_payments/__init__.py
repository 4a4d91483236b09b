"""Payments whose outcome nobody can explain: a queue that ages, alerts, and ends each with a word.

A charge, refund or payout enters when it has been open for longer than its rail can explain
(`rules.py`), and leaves by its provider's word, by a statement's, or by a person's. `queue.py`
hears whatever is said of a payment, from the one place where each noun settles; `decisions.py` is
what people decide, above a limit two of them; `ageing.py` says how old an item has become. A
decision is never the last word: the provider is asked on, and whoever contradicts it is heard.
"""
