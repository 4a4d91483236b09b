"""Providers' statements held against the books: what agrees, what differs, how it was settled.

A statement is read whole (`statements.py`, by a line of `mappings.py`) and kept as it came
(`importing.py`); a job matches it with the movements of the provider's clearing account
(`matching.py`). Each difference stays open until somebody resolves it, once, with a reason
(`resolution.py`). Merchants do so through `operations.py`, the operator also by a command.
"""
