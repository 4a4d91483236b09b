"""Kill processes and break providers while money moves; then compare the books.

`plan.py` draws from a seed what will happen. In a `storm.py` the merchants of `merchants.py` carry
it out, each a client of `clients.py` that goes through one of `doors.py` and hears webhooks at its
`inbox.py`, and payers (`payers.py`) go to providers' pages (`pages.py`). `weather.py` makes the
sandbox PSPs fail as `trouble.py` lists, and `kills.py` ends processes with SIGKILL. When all is
quiet (`quiet.py`), `books.py` reads what the PSPs have written down, in the words of
`resources.py`, and `ours.py` what we have; `audit.py` says where they disagree, and
`announcements.py` where we said something else. `run.py` puts it together.
"""
