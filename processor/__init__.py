"""The domain. A call comes in at `engine.py`: it checks the key's rights, turns words into typed
parameters (`parameters.py`), and runs one line of the table (`table.py`, `operations.py`).

A plain write is one transaction: idempotency key, effect, event, stored answer. A payment is two.
`payments/paying.py` commits the charge and its reference; `payments/attempts.py` sends it through
`routing/` to a provider; `payments/settlement.py` commits the answer, with events (`events/`) and
jobs (`jobs.py`). What stays unclear is looked up by `payments/janitor.py` until somebody knows,
and what nobody can explain in time waits in `unresolved_payments/` for people.

Each noun has a folder with the same names: `operations.py` what can be done, `parameters.py` what
it takes, `objects.py` its row and what the API shows of it, `store.py` what others need of it.
"""
