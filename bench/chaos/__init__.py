"""Kill processes and break providers while money moves; then compare the books.

`plan.py` draws from a seed what will happen; `clients.py` pays as merchants' servers do;
`weather.py` makes the sandbox PSPs fail and `kills.py` ends processes with SIGKILL; `books.py`
reads what the PSPs and we ourselves have written down; `audit.py` says where they disagree;
`run.py` puts it together.
"""
