"""Reports: an account's money over an interval, as CSV.

`report_types.py` lists what there is to report and `statements.py` how the ledger is asked for it;
`pages.py` reads and writes a page. `making.py` makes a run's file, a page to a job.
"""
